import { randomInt } from "node:crypto";
import { once } from "node:events";
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from "vitest";
import { run } from "../../src/cli/program.ts";
import { type Arrived, connectProxy, headerOf, type Listener } from "../servers/tls.ts";
import { ioDouble } from "../unit/io.ts";
import { ClusterDouble } from "./clusterDouble.ts";

/** Letters of which no seven in a row stand in any word, number or hash that this program writes. */
const ALPHABET = "GHJKQVWXZ";
const planted = new Map<string, string>();

/** A random secret of 24 characters, known by the place that it is planted in. */
function secret(place: string): string {
  const text = Array.from({ length: 24 }, () => ALPHABET[randomInt(ALPHABET.length)]).join("");
  planted.set(place, text);
  return text;
}

/** Characters in a row that are a leak: one more than a temporary folder's name has of random ones. */
const PART = 7;

/** Where a part of a planted secret stands in a text. */
function leaksIn(text: string): string[] {
  const leaks: string[] = [];
  for (const [place, whole] of planted) {
    for (let at = 0; at + PART <= whole.length; at++) {
      const found = text.indexOf(whole.slice(at, at + PART));
      if (found < 0) continue;
      leaks.push(`${place}: ${text.slice(Math.max(0, found - 80), found + 30)}`);
      break;
    }
  }
  return leaks;
}

let folder: string;
let cluster: ClusterDouble;
let proxy: Listener & { readonly arrived: Arrived[] };
const closers: (() => void)[] = [];
beforeAll(async () => {
  cluster = await ClusterDouble.begin();
  proxy = await connectProxy();
});
afterAll(() => {
  cluster.end();
  proxy.close();
});
afterEach(() => {
  for (const close of closers.splice(0)) close();
  rmSync(folder, { recursive: true });
  planted.clear();
  cluster.objects.clear();
});

/** A workflow of one script, in a folder that also holds the state. */
function workflow(): string {
  folder = mkdtempSync(path.join(tmpdir(), "gasw-k8s-secrets-"));
  const directory = path.join(folder, "workflow-1");
  for (const name of ["sh", "out", "err"]) mkdirSync(path.join(directory, name), { recursive: true });
  writeFileSync(path.join(directory, "sh/Job-1.sh"), "true\n");
  return directory;
}

function write(name: string, content: object | string): string {
  const file = path.join(folder, name);
  writeFileSync(file, typeof content === "string" ? content : JSON.stringify(content, null, 2));
  return file;
}

interface Answer {
  readonly code: number;
  readonly text: string;
}

async function gasw(
  args: readonly string[],
  options: { env?: NodeJS.ProcessEnv; input?: string; signal?: AbortSignal } = {},
): Promise<Answer> {
  const { env, input, signal } = options;
  const { io, stdout, stderr } = ioDouble({
    cwd: path.join(folder, "workflow-1"),
    env: { HOME: folder, GASW_K8S_STATE_PATH: path.join(folder, "state/state.db"), PATH: process.env.PATH, ...env },
    ...(input === undefined ? {} : { input }),
  });
  const code = await run(args, { ...io, ...(signal === undefined ? {} : { signal }) }, "0");
  return { code, text: stdout() + stderr() };
}

/** A login command that gets its secrets and answers with one. */
function loginCommand(body: string): string {
  const file = write("login", `#!/bin/sh\n${body}\n`);
  chmodSync(file, 0o755);
  return file;
}

function kubeconfig(user: object, change: object = {}): string {
  return write("kubeconfig", {
    clusters: [
      {
        name: "c",
        cluster: {
          server: cluster.address,
          "insecure-skip-tls-verify": true,
          "proxy-url": `http://user:${secret("the password of the proxy")}@127.0.0.1:${proxy.port}`,
          ...change,
        },
      },
    ],
    users: [{ name: "u", user }],
    contexts: [{ name: "one", context: { cluster: "c", user: "u" } }],
    "current-context": "one",
  });
}

function loginUser(body: string): object {
  return {
    exec: {
      apiVersion: "client.authentication.k8s.io/v1",
      command: loginCommand(body),
      args: ["get-token", "--secret", secret("an argument of the login command"), `--key=${secret("an option of the login command")}`],
      env: [{ name: "LOGIN", value: secret("a variable of the login command") }],
      interactiveMode: "Never",
    },
  };
}

/** A configuration that holds a secret wherever it can. */
function configuration(k8sKubeConfig: string): object {
  const container = (place: string) => ({
    name: place,
    image: "debian:12",
    args: ["--token", secret(`an argument of a ${place}`), `--password=${secret(`an option of a ${place}`)}`],
    env: [{ name: "KEY", value: secret(`a variable of a ${place}`) }],
  });
  return {
    k8sKubeConfig,
    k8sToken: secret("k8sToken"),
    image: "debian:12",
    nfsAddress: "127.0.0.1",
    nfsPath: "/export",
    env: { API_KEY: secret("env") },
    initContainers: [container("init")],
    sidecars: [container("sidecar")],
    annotations: {
      link: `https://user:${secret("a link's password")}@example.org/x`,
      "example.org/token": secret("an annotation that is called a token"),
    },
    volumes: [
      {
        name: "shared",
        nfsFolder: "shared",
        mountPathContainer: "/shared",
        mountOptions: ["nfsvers=4.1", `username=u,password=${secret("mountOptions")},uid=0`, `secret=${secret("a second mount option")}`],
      },
    ],
    dao: { password: secret("dao.password") },
    options: { bindTimeout: "0.01s", statusRetry: 0, maxRetryToPush: 0 },
    securityContext: { runAsUser: process.getuid?.(), runAsGroup: process.getgid?.() },
  };
}

/** What a cluster does by itself: volumes are bound, and a Job has a pod. */
function runJobs(): void {
  for (const [place, object] of cluster.objects) {
    if (place.includes("/persistentvolumeclaims/")) cluster.objects.set(place, { ...object, status: { phase: "Bound" } });
    if (!place.includes("/jobs/")) continue;
    const { name, namespace, labels, annotations, uid } = object.metadata;
    const metadata = {
      labels: { ...labels, "batch.kubernetes.io/job-name": name, "job-name": name },
      annotations,
      namespace,
      ownerReferences: [{ kind: "Job", name, uid, controller: true }],
    };
    cluster.put(`/api/v1/namespaces/${namespace}/pods/${name}-pod`, {
      metadata,
      spec: object.spec.template.spec,
      status: { phase: "Running" },
    });
  }
}

function stateText(): string {
  return readdirSync(path.join(folder, "state"), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => readFileSync(path.join(parentPath, name), "latin1"))
    .join("\n");
}

test("nothing of a secret is printed, kept or counted, wherever it is given", async () => {
  workflow();
  const token = secret("the token that the login command gives");
  const given = { apiVersion: "client.authentication.k8s.io/v1", kind: "ExecCredential", status: { token } };
  const file = kubeconfig(loginUser(`echo '${JSON.stringify(given)}'`));
  const config = ["--config", write("gasw-k8s.json", configuration(file))];
  const env = { HTTPS_PROXY: `http://user:${secret("HTTPS_PROXY")}@127.0.0.1:1` };
  const option = `OPTION=${secret("--env")}`;
  const line = JSON.stringify({ script: "sh/Job-2.sh", env: { LINE: secret("a line of --from") } });
  writeFileSync(path.join(folder, "workflow-1/sh/Job-2.sh"), "true\n");
  const answers: Answer[] = [];
  const ask = async (codes: readonly number[], args: readonly string[], input?: string) => {
    const answer = await gasw([...args, ...config], { env, ...(input === undefined ? {} : { input }) });
    expect(codes, `${args.join(" ")}: ${answer.text}`).toContain(answer.code);
    answers.push(answer);
    return answer;
  };
  for (const output of ["text", "json"]) {
    await ask([0], ["config", "show", "-o", output]);
    await ask([0], ["config", "check", "-o", output]);
  }
  expect((await ask([0], ["submit", "sh/Job-1.sh", "--env", option, "--dry-run"])).text).toContain('"nfsvers=4.1"');
  // The volumes are not bound yet, then they are.
  await ask([5], ["submit", "sh/Job-1.sh", "--env", option, "-v"]);
  runJobs();
  await ask([0], ["submit", "sh/Job-1.sh", "--env", option]);
  await ask([0], ["submit", "--from", "-"], `${line}\n`);
  runJobs();
  const [job = ""] = [...cluster.objects.keys()].filter((place) => place.includes("/jobs/"));
  const [volume = ""] = [...cluster.objects]
    .filter(([, { spec }]) => spec?.mountOptions !== undefined)
    .map(([place]) => path.basename(place));
  for (const output of ["text", "json"]) {
    await ask([0], ["status", "--sync", "-v", "-o", output]);
    await ask([0], ["debug", "describe", "Job-1", "-o", output]);
    await ask([0], ["debug", "describe", "pod", `${path.basename(job)}-pod`, "-o", output]);
    await ask([0], ["debug", "describe", "pv", volume, "-o", output]);
    await ask([0], ["debug", "pods", "-o", output]);
    await ask([0], ["debug", "why", "Job-1", "-o", output]);
  }
  await ask([0], ["cancel", "Job-2"]);
  const figures = await metricsOf(config, env);
  await ask([0, 1], ["cleanup", "--cancel", "-o", "json"]);
  const shown = answers.map(({ text }) => text).join("\n");
  expect(leaksIn(shown)).toEqual([]);
  expect(leaksIn(figures)).toEqual([]);
  expect(leaksIn(stateText())).toEqual([]);
  // It was all used.
  const made = JSON.stringify([...cluster.objects.values()]);
  for (const place of ["env", "--env", "a variable of a init", "a variable of a sidecar", "mountOptions"])
    expect(made).toContain(planted.get(place));
  const shownToProxy = proxy.arrived.flatMap((arrived) => headerOf(arrived, "proxy-authorization"));
  expect(shownToProxy).toContain(`Basic ${Buffer.from(`user:${planted.get("the password of the proxy")}`).toString("base64")}`);
  expect(shown).toContain("API_KEY");
});

/** All that a monitor prints and serves. */
async function metricsOf(config: readonly string[], env: NodeJS.ProcessEnv): Promise<string> {
  const stop = new AbortController();
  const { io, stdout, stderr } = ioDouble({
    cwd: path.join(folder, "workflow-1"),
    env: { HOME: folder, GASW_K8S_STATE_PATH: path.join(folder, "state/state.db"), PATH: process.env.PATH, ...env },
  });
  const ended = run(["monitor", "--forever", "--metrics", "127.0.0.1:0", ...config], { ...io, signal: stop.signal }, "0");
  const address = await vi.waitUntil(() => /http:\S+\/metrics/.exec(stderr())?.[0], { interval: 5, timeout: 60_000 });
  const figures = await vi.waitUntil(
    async () => {
      const text = await (await fetch(address)).text();
      return /gasw_k8s_round_seconds_count\S* [1-9]/.test(text) && text;
    },
    { interval: 20, timeout: 60_000 },
  );
  stop.abort();
  await ended;
  return figures + stdout() + stderr();
}

describe("a login command that fails tells no secret of what it was given, or printed", () => {
  test.each([
    ["quotes what it got", 'echo "cannot log in with $*, $LOGIN: no such account" >&2; exit 1', "ended with 1"],
    ["quotes a part of it", 'echo "bad value: $(echo "$3" | cut -c1-9)… (not known)" >&2; exit 1', "ended with 1"],
    ["prints something else than JSON", 'echo "TOKEN"', "is not an ExecCredential"],
    ["prints half of its JSON", 'echo \'{"status":{"token":"TOKEN\'', "is not an ExecCredential"],
  ])("and %s", async (_, body, message) => {
    workflow();
    const file = kubeconfig(loginUser(body.replace("TOKEN", secret("the token"))));
    const config = write("gasw-k8s.json", { k8sKubeConfig: file });
    for (const style of [[], ["-v"], ["-v", "-o", "json"]]) {
      const { code, text } = await gasw(["debug", "pods", "--config", config, ...style]);
      expect([code, text]).toEqual([3, expect.stringContaining(message)]);
      expect(leaksIn(text)).toEqual([]);
    }
  });
});

describe("a kubeconfig that cannot be used tells no secret", () => {
  test.each([
    ["an alias", (text: string) => `users:\n- {name: u, user: {token: *${text}}}\n`],
    ["a tag", (text: string) => `users:\n- {name: u, user: {token: !${text} 1}}\n`],
    ["a handle of a tag", (text: string) => `users:\n- {name: u, user: {token: !${text}!x 1}}\n`],
    ["a text that does not end", (text: string) => `users:\n- {name: u, user: {token: "${text}}}\n`],
    ["a member of a list", (text: string) => `users: [\n${text}\n`],
    ["an address", (text: string) => kubeconfigText(`http://user:${text}@host:port`)],
    ["the address of a proxy", (text: string) => kubeconfigText(cluster.address, `http://user:${text}@host:port`)],
    ["the address of a proxy of another kind", (text: string) => kubeconfigText(cluster.address, `socks9://user:${text}@127.0.0.1:1`)],
  ])("that stands there as %s", async (_, content) => {
    workflow();
    const config = write("gasw-k8s.json", { k8sKubeConfig: write("kubeconfig", content(secret("the kubeconfig"))) });
    for (const style of [[], ["-v"], ["-v", "-o", "json"]]) {
      const { code, text } = await gasw(["debug", "pods", "--config", config, ...style]);
      expect([code, text]).toEqual([3, expect.stringContaining(`hint`)]);
      expect(leaksIn(text)).toEqual([]);
    }
  });
});

function kubeconfigText(server: string, proxyUrl?: string): string {
  return JSON.stringify({
    clusters: [{ name: "c", cluster: { server, "insecure-skip-tls-verify": true, "proxy-url": proxyUrl } }],
    users: [{ name: "u", user: { token: secret("the token") } }],
    contexts: [{ name: "one", context: { cluster: "c", user: "u" } }],
    "current-context": "one",
  });
}

describe("a password in dao.url is refused, and nothing of it is shown", () => {
  const long = "a-database-server-with-a-long-name.of-a-department.example.org";

  test.each([
    ["after a user", (p: string) => `postgres://gasw:${p}@db/gasw`],
    ["without a user", (p: string) => `mysql://:${p}@db/gasw`],
    ["with a slash", (p: string) => `postgres://gasw:${cut(p, "/")}@db/gasw`],
    ["with an @", (p: string) => `mysql://gasw:${cut(p, "@")}@db/gasw`],
    ["with a question mark", (p: string) => `mariadb://gasw:${cut(p, "?")}@db/gasw`],
    ["with a hash", (p: string) => `postgresql://gasw:${cut(p, "#")}@db/gasw`],
    ["with a blank", (p: string) => `postgres://gasw:${cut(p, " ")}@db/gasw`],
    ["with a quote", (p: string) => `postgres://gasw:${cut(p, '"')}@db/gasw`],
    ["that begins like a port", (p: string) => `postgres://gasw:123/${p}@db/gasw`],
    ["that is escaped", (p: string) => `postgres://gasw:${cut(p, "%40")}@db/gasw`],
    ["after a colon that is escaped", (p: string) => `postgres://gasw%3A${p}@db/gasw`],
    ["before an @ that is escaped", (p: string) => `jdbc:mysql://gasw:${p}%40db/gasw`],
    ["behind a long name", (p: string) => `postgres://${long}/gasw?application=x&password=${p}`],
    ["as a parameter", (p: string) => `postgres://db/gasw?user=gasw&Password=${p}`],
    ["as a parameter of a key", (p: string) => `jdbc:postgresql://db/gasw?sslpassword=${p}`],
    ["as a parameter whose name is escaped", (p: string) => `postgres://db/gasw?p%61ssword=${p}`],
    ["as a store's", (p: string) => `jdbc:mariadb://db/gasw?trustStorePassword=${p}`],
    ["as a setting", (p: string) => `jdbc:h2:tcp://db:9092/x;USER=gasw;PASSWORD=${p}`],
    ["as a setting with blanks", (p: string) => `jdbc:h2:tcp://db:9092/x; PASSWORD = ${p}`],
    ["in what a database runs", (p: string) => `jdbc:h2:mem:x;INIT=CREATE USER gasw PASSWORD '${p}'`],
    ["in H2's address", (p: string) => `jdbc:h2:tcp://gasw:${cut(p, "/")}@db:9092/x`],
    ["in a driver's address", (p: string) => `jdbc:mysql://gasw:${cut(p, "/")}@db/gasw`],
    ["of an unknown scheme", (p: string) => `oracle://gasw:${p}@db/gasw`],
    ["of no scheme", (p: string) => `gasw:${p}@db/gasw`],
    ["of no form at all", (p: string) => `gasw/${p}`],
  ])("%s", async (_, form) => {
    workflow();
    const url = form(secret("dao.url"));
    const file = write("gasw-k8s.json", { dao: { url } });
    const asked = ["config show", "config check -o json", "submit sh/Job-1.sh -v", "status --sync -v -o json"];
    for (const args of asked.map((words) => words.split(" "))) {
      for (const given of [{ GASW_K8S_CONFIG: file }, { GASW_K8S_DAO_URL: url }]) {
        const { code, text } = await gasw(args, { env: given });
        expect([code, text]).toEqual([3, expect.stringContaining("dao.url: expected")]);
        expect(leaksIn(text)).toEqual([]);
      }
    }
  });
});

/** The text with something in its middle. */
function cut(text: string, by: string): string {
  return `${text.slice(0, 12)}${by}${text.slice(12)}`;
}

describe("what a database's driver says is told without the credentials that it quotes", () => {
  const quoted = (p: string) =>
    `no route to postgres://gasw:${cut(p, "/")}@db/gasw?sslpassword=${p} or jdbc:h2:tcp://db/x;PASSWORD=${p} here`;

  /** A server of which the first word is an error; PostgreSQL's says it when it was greeted. */
  async function refusing(error: Buffer, isGreeted: boolean): Promise<number> {
    const server = net.createServer((socket) => {
      socket.on("error", () => undefined);
      if (isGreeted) socket.once("data", () => socket.end(error));
      else socket.end(error);
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    closers.push(() => server.close());
    return (server.address() as net.AddressInfo).port;
  }

  /** ErrorResponse (PostgreSQL's documentation, "Message Formats"). */
  const ofPostgres = (text: string) => {
    const fields = Buffer.from(`SFATAL\0C58000\0M${text}\0\0`);
    const head = Buffer.alloc(5, "E");
    head.writeInt32BE(fields.length + 4, 1);
    return Buffer.concat([head, fields]);
  };
  /** ERR_Packet (MariaDB's documentation). */
  const ofMysql = (text: string) => {
    const body = Buffer.concat([Buffer.from([0xff, 0x51, 0x04]), Buffer.from(`#HY000${text}`)]);
    return Buffer.concat([Buffer.from([body.length & 255, body.length >> 8, 0, 0]), body]);
  };

  test.each([
    ["postgres", true, ofPostgres],
    ["mysql", false, ofMysql],
  ])("by %s", async (scheme, isGreeted, error) => {
    workflow();
    const text = quoted(secret("what the driver quotes"));
    const port = await refusing(error(text), isGreeted);
    const kubeconfig = write("kubeconfig", kubeconfigText(cluster.address));
    const dao = { url: `${scheme}://127.0.0.1:${port}/gasw`, password: secret("dao.password"), timeout: "5s" };
    const config = write("gasw-k8s.json", {
      ...configuration(kubeconfig),
      dao,
    });
    runJobs();
    await gasw(["submit", "sh/Job-1.sh", "--config", config]);
    for (const style of [[], ["-v"], ["-v", "-o", "json"]]) {
      const { code, text: shown } = await gasw(["status", "--sync", "--config", config, ...style]);
      expect([code, shown]).toEqual([8, expect.stringContaining("no route to postgres://***@db/gasw")]);
      expect(leaksIn(shown)).toEqual([]);
    }
    expect(leaksIn(stateText())).toEqual([]);
  });
});
