import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { answeringProxy, cuttingProxy, type Double, type OwnAnswer, silentServer } from "./accessDoubles.ts";
import { type Account, ask, engineAccount, file, kubeconfig, selfSigned } from "./accessSupport.ts";
import { errorOf } from "./expectations.ts";
import { eventually, TestWorkflow } from "./harness.ts";

const SCRIPT = "echo done\n";
let workflow: TestWorkflow;
let account: Account;
let double: Double;
beforeEach(() => {
  workflow = new TestWorkflow();
  account = engineAccount();
});
afterEach(async () => {
  await double.close();
  await workflow.cleanup();
});

/** Sends the program to the double, with the right CA of the cluster or the double's own. */
async function through(server: Promise<Double>, ca = account.ca): Promise<void> {
  double = await server;
  workflow.configure({ k8sKubeConfig: file(workflow, "double", kubeconfig({ ...account, ca }, { server: double.address })) });
}

async function throughAnswers(answer: (request: number) => OwnAnswer): Promise<void> {
  const own = selfSigned(workflow.folder);
  await through(answeringProxy(account, own, answer), own.cert);
}

async function timed<T>(action: Promise<T>): Promise<{ seconds: number; result: T }> {
  const begin = performance.now();
  const result = await action;
  return { result, seconds: (performance.now() - begin) / 1000 };
}

describe("connections that break", () => {
  test.each([
    ["before the first answer", () => 0],
    ["in the middle of the encryption's handshake", () => 100],
    ["in the middle of an answer", () => 3000],
  ])("now and then %s do no harm: the job is made once and its end is seen", async (_, bytes) => {
    await through(cuttingProxy(account, (connection) => (connection % 2 === 0 ? bytes() : undefined)));
    const result = await workflow.runJob("Job-1", SCRIPT);
    expect(result).toEqual({ stdout: "Job-1\n", stderr: "", code: 0 });
    expect(double.count()).toBeGreaterThan(1);
    expect(await workflow.jobs()).toHaveLength(1);
  });

  test("always: exit 4 in bounded time", async () => {
    await through(cuttingProxy(account, () => 0));
    const { result, seconds } = await timed(ask(workflow));
    expect(errorOf(result)).toMatchObject({ code: 4, hint: expect.stringContaining("the connection was reset") });
    expect(seconds).toBeLessThan(45);
  });

  test("while jobs run: status shows the last known table (exit 4), and wait tells it once and waits on, up to its own time", async () => {
    await through(cuttingProxy(account, () => undefined));
    expect(await workflow.cli("submit", workflow.script("Job-1", "sleep 600\n"))).toMatchObject({ code: 0 });
    await eventually(
      async () => (await workflow.status("Job-1")).status,
      (status) => status === "RUNNING",
    );
    await double.close();
    expect(await workflow.cli("status")).toMatchObject({
      code: 4,
      stdout: expect.stringContaining("Job-1"),
      stderr: expect.stringMatching(/^warning: the cluster could not be queried: .* ago\n/),
    });
    const { result, seconds } = await timed(workflow.cli("wait", "Job-1", "--wait-timeout", "12s"));
    expect(result.code).toBe(124);
    const [warning, error, hint, ...rest] = result.stderr.trim().split("\n");
    expect(warning).toMatch(/^warning: cannot reach the cluster \S+ .*: retrying for 5 minutes$/);
    expect([error, hint, rest]).toEqual(["error: timed out after 12 s waiting for the jobs", expect.stringMatching(/^hint: /), []]);
    expect(seconds).toBeLessThan(40);
  });
});

describe("a server in the wrong place", () => {
  test("that takes the connection and stays silent is given up in bounded time", async () => {
    await through(silentServer());
    const { result, seconds } = await timed(workflow.cli("status"));
    expect(errorOf(result)).toEqual({
      code: 4,
      message: expect.stringMatching(`^cannot reach the cluster ${double.address} \\(GET .*no connection within 10 s\\)$`),
      hint: expect.stringContaining("did not respond in time"),
    });
    expect(seconds).toBeLessThan(60);
  });

  test.each([
    ["an error page", 502, "<html><body>Bad gateway</body></html>", /answered 502 /],
    ["a page instead of JSON", 200, "<html><body>Please log in</body></html>", /returned an invalid response .*the response is not JSON/],
    ["a redirection", 302, "", /answered 302 /],
  ])("that answers with %s: exit 4, and the hint says what it is", async (_, status, body, message) => {
    await throughAnswers(() => ({ status, body, headers: { "content-type": "text/html", location: "https://login.invalid/" } }));
    expect(errorOf(await ask(workflow))).toEqual({
      code: 4,
      message: expect.stringMatching(message),
      hint: expect.stringMatching(/any proxy in between: the response is not from an API server/),
    });
  });
});

describe("a server that has no time", () => {
  test("answers 429 and 503 for a while: the command comes back as told, and succeeds", async () => {
    const busy = { status: 429, headers: { "retry-after": "1" }, body: '{"kind":"Status","code":429,"reason":"TooManyRequests"}' };
    const down = { status: 503, body: "no endpoints" };
    await throughAnswers((request) => [busy, down, { ...busy, headers: {} }][request]);
    const { result, seconds } = await timed(workflow.cli("submit", workflow.script("Job-1", SCRIPT)));
    expect(result).toEqual({ stdout: "Job-1\n", stderr: "", code: 0 });
    expect(seconds).toBeGreaterThan(1);
    expect(await workflow.jobs()).toHaveLength(1);
  });

  test("for ever, and asks for a long pause: exit 4 without waiting that long", async () => {
    await throughAnswers(() => ({ status: 429, headers: { "retry-after": "600" }, body: "{}" }));
    const { result, seconds } = await timed(workflow.cli("status"));
    expect(errorOf(result)).toMatchObject({ code: 4, message: expect.stringContaining("is overloaded") });
    expect(seconds).toBeLessThan(30);
  });
});
