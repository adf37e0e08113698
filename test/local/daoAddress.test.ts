import { writeFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { errorOf } from "../e2e/expectations.ts";
import type { Result, TestWorkflow } from "../e2e/harness.ts";
import { passwordFile } from "../e2e/serverDatabases.ts";
import { postgresWorkflow } from "./postgresWorkflow.ts";

const SECRET = "hunter2-quite-secret";
const on = postgresWorkflow();

/** What a command prints, in whatever way it is asked to, never has the secret in it. */
async function withoutSecret(options: Parameters<TestWorkflow["cliWith"]>[0], ...args: readonly string[]): Promise<Result> {
  const plain = await on.workflow.cliWith(options, ...args);
  const told = [plain];
  for (const more of [["-v"], ["-v", "-o", "json"]]) told.push(await on.workflow.cliWith(options, ...args, ...more));
  for (const { code, stdout, stderr } of told) {
    expect(code).toBe(plain.code);
    expect(stdout + stderr).not.toContain(SECRET);
  }
  return plain;
}

describe("an address that cannot be used", () => {
  test.each([
    ["of an unknown kind", "oracle://127.0.0.1/gasw"],
    ["with a password", `postgres://gasw:${SECRET}@127.0.0.1/gasw`],
    ["with a password as a parameter", `jdbc:mysql://127.0.0.1/gasw?user=gasw&password=${SECRET}`],
    ["with a password as a setting", `jdbc:h2:tcp://127.0.0.1/db;USER=gasw;PASSWORD=${SECRET}`],
  ])("%s is a mistake in the configuration, whatever the command", async (_, url) => {
    on.workflow.configure({ dao: { url } });
    on.workflow.script("Job-1", "true\n");
    for (const args of [
      ["submit", "sh/Job-1.sh"],
      ["status", "--sync"],
      ["retry", "Job-1"],
    ]) {
      const refused = await withoutSecret({}, ...args);
      expect(refused).toMatchObject({ code: 3 });
      expect(refused.stdout + refused.stderr).toContain("dao.url");
    }
  });

  test.each([
    ["without a database", "postgres://127.0.0.1", /^dao.url does not name a database$/],
    ["with a parameter of another program's", "mysql://127.0.0.1/gasw?allowAll=1", /^dao.url has an unknown parameter, allowAll$/],
  ])("%s is told by the command that needs the database", async (_, url, message) => {
    on.workflow.configure({ dao: { url } });
    await on.workflow.runJob("Job-1", "true\n");
    const { stdout, ...refused } = await on.workflow.cli("status", "--sync");
    expect(stdout).toMatch(/^Job-1 +COMPLETED /m);
    expect(errorOf({ ...refused, stdout: "" })).toMatchObject({ code: 3, message: expect.stringMatching(message) });
    expect(await on.workflow.cli("monitor")).toMatchObject({ code: 3 });
  });

  test("where nobody listens, and where the name does not exist: exit 8", async () => {
    await on.workflow.runJob("Job-1", "true\n");
    for (const [host, words] of [
      ["127.0.0.1:1", "connection refused"],
      ["no-such-host.invalid", "the host name does not resolve"],
    ] as const) {
      on.workflow.configure({ dao: { url: `mysql://${host}/gasw` } });
      const { code, stderr } = await on.workflow.cli("status", "--sync");
      expect({ code, stderr }).toEqual({ code: 8, stderr: expect.stringContaining(words) });
    }
  });
});

test("a password file may be one that an editor of Windows has written", async () => {
  const file = passwordFile(on.workflow, "");
  writeFileSync(file, `\ufeff${on.server.password}\r\n`);
  on.workflow.configure({ dao: { url: on.server.url("postgres"), user: on.server.user, passwordFile: file } });
  await on.workflow.runJob("Job-1", "true\n");
  expect(await on.workflow.cli("status", "--sync")).toMatchObject({ code: 0, stderr: "" });
});

test.each([
  ["a file", (): [object, object] => [{ passwordFile: passwordFile(on.workflow, SECRET) }, {}]],
  ["the environment", (): [object, object] => [{}, { GASW_K8S_DAO_PASSWORD: SECRET }]],
  ["the configuration", (): [object, object] => [{ password: SECRET }, {}]],
])("a wrong password from %s is refused by the server, and shown by nobody", async (_, place) => {
  const [dao, env] = place();
  on.workflow.configure({ dao: { url: on.server.url("postgres"), user: on.server.user, ...dao } });
  await on.workflow.runJob("Job-1", "true\n");
  const refused = await withoutSecret({ env: env as NodeJS.ProcessEnv }, "status", "--sync");
  expect(refused).toMatchObject({ code: 8, stdout: expect.stringMatching(/^Job-1 +COMPLETED /m) });
  expect(refused.stderr).toMatch(/^error: .*: login failed .*\nhint: check dao.user and the password in dao.passwordFile/m);
  expect((await withoutSecret({ env: env as NodeJS.ProcessEnv }, "config", "show")).code).toBe(0);
});
