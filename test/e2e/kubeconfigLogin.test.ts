import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { beside, config, type Row } from "./kubeconfigTable.ts";
import { type Authority, Beside, type Fixture, makeAuthority, type Place } from "./kubectlBeside.ts";

const V1 = "client.authentication.k8s.io/v1";

/** A login command that prints what it is told to. */
const printing = (output: string) => `#!/bin/bash\ncat <<END\n${output}\nEND\n`;

const credential = (status: unknown, more: object = {}) =>
  printing(JSON.stringify({ apiVersion: V1, kind: "ExecCredential", status, ...more }));

/** A user who logs in by the command beside the kubeconfig. */
const exec = (change: object = {}) => ({ apiVersion: V1, command: "./login", interactiveMode: "Never", ...change });

/** A kubeconfig with such a user, and the command. */
function login(command: string | ((at: Place) => string), change: object = {}, user: object = {}): Row["given"] {
  return (at) => ({
    files: {
      ".kube/config": config(at, { user: { exec: exec(change), ...user } }),
      ".kube/login": typeof command === "string" ? command : command(at),
    },
  });
}

const TOKEN = credential({ token: "t" });
const refusal = (says: RegExp) => ({ outcome: "refused", says }) as const;

describe("what a login command gives", () => {
  beside({
    "a token": { given: login(TOKEN), outcome: "Bearer t" },
    "a certificate": {
      given: login(({ authority: { client } }) => credential({ clientCertificateData: client.cert, clientKeyData: client.key })),
      outcome: "certificate client",
    },
    "a token and a certificate": {
      given: login(({ authority: { client } }) =>
        credential({ token: "t", clientCertificateData: client.cert, clientKeyData: client.key }),
      ),
      outcome: "Bearer t, certificate client",
    },
    YAML: { given: login(printing(`apiVersion: ${V1}\nkind: ExecCredential\nstatus: {token: t}`)), outcome: "Bearer t" },
    "a token made from its arguments and its environment": {
      given: login(credential({ token: "$1-$WORD-$OUTSIDE" }), { args: ["a"], env: [{ name: "WORD", value: "b" }] }),
      outcome: "Bearer a-b-",
    },
    "a certificate without a key": {
      given: login(({ authority: { client } }) => credential({ clientCertificateData: client.cert })),
      ...refusal(/a certificate requires its key$/),
    },
    "the key of another certificate": {
      given: login(({ authority: { client, other } }) => credential({ clientCertificateData: client.cert, clientKeyData: other.key })),
      ...refusal(/the key of user "u" from its login command is not the key of the client certificate$/),
    },
    nothing: { given: login(credential({})), ...refusal(/neither a token nor a certificate$/) },
    "no status": { given: login(credential(undefined)), ...refusal(/its status is not an object$/) },
    "another kind": { given: login(credential({ token: "t" }, { kind: "Status" })), ...refusal(/it has another kind$/) },
    "another version": {
      given: login(credential({ token: "t" }, { apiVersion: "client.authentication.k8s.io/v1beta1" })),
      ...refusal(/it has another apiVersion$/),
    },
    "a token that is a number": { given: login(credential({ token: 1 })), ...refusal(/status\.token is not a string$/) },
    "a time that is none": { given: login(credential({ token: "t", expirationTimestamp: "soon" })), ...refusal(/is not a time$/) },
    "no JSON": { given: login(printing("secret: [")), ...refusal(/is not an ExecCredential of \S+: line/) },
    "a failure": { given: login("#!/bin/bash\necho secret >&2\nexit 7\n"), ...refusal(/its command \S+\/login ended with 7$/) },
  });
});

describe("which login command is run, and whether", () => {
  const elsewhere: Row["given"] = (at) => ({
    files: { "a/config": config(at, { user: { exec: exec({ command: "../b/login" }) } }), "b/login": TOKEN },
    env: { KUBECONFIG: path.join(at.folder, "a/config") },
  });
  const inPath: Row["given"] = (at) => ({
    files: { ".kube/config": config(at, { user: { exec: exec({ command: "login" }) } }), "bin/login": TOKEN },
    env: { PATH: `${path.join(at.folder, "bin")}:${process.env.PATH}` },
  });
  beside({
    "one with a slash, relative to the kubeconfig": { given: elsewhere, outcome: "Bearer t" },
    "one without a slash, from PATH": { given: inPath, outcome: "Bearer t" },
    "one that does not exist": { given: login(TOKEN, { command: "./gone" }), ...refusal(/its command \S+\/gone does not exist$/) },
    "none beside a token": { given: login("#!/bin/bash\nexit 1\n", {}, { token: "own" }), outcome: "Bearer own" },
    "none beside a password": { given: login("#!/bin/bash\nexit 1\n", {}, { username: "n", password: "p" }), outcome: "Basic n:p" },
    "one beside a provider": { given: login(TOKEN, {}, { "auth-provider": { name: "oidc" } }), ...refusal(/both exec and auth-provider$/) },
    "one of the older version, which may leave out whether it needs a terminal": {
      given: login(credential({ token: "t" }, { apiVersion: "client.authentication.k8s.io/v1beta1" }), {
        apiVersion: "client.authentication.k8s.io/v1beta1",
        interactiveMode: undefined,
      }),
      outcome: "Bearer t",
    },
    "one that does not say whether it needs a terminal": {
      given: login(TOKEN, { interactiveMode: undefined }),
      ...refusal(/has no exec\.interactiveMode$/),
    },
    "one that may use a terminal": { given: login(TOKEN, { interactiveMode: "IfAvailable" }), outcome: "Bearer t" },
    "one that needs a terminal": {
      given: login(TOKEN, { interactiveMode: "Always" }),
      ...refusal(/needs a terminal for its login command/),
    },
    "one that needs something else": { given: login(TOKEN, { interactiveMode: "Maybe" }), ...refusal(/invalid exec\.interactiveMode$/) },
    "one of a version that was removed": {
      given: login(TOKEN, { apiVersion: "client.authentication.k8s.io/v1alpha1" }),
      ...refusal(/unsupported exec\.apiVersion/),
    },
    "one without a version": { given: login(TOKEN, { apiVersion: "" }), ...refusal(/has no exec\.apiVersion$/) },
    "one without a name": { given: login(TOKEN, { command: "" }), ...refusal(/has no exec\.command$/) },
    "one with a variable without a name": { given: login(TOKEN, { env: [{ value: "x" }] }), ...refusal(/variable without a name/) },
  });
});

describe("a login command", () => {
  let authority: Authority;
  let both: Beside;
  beforeAll(() => {
    authority = makeAuthority();
  });
  beforeEach(async () => {
    both = await Beside.begin(authority);
  });
  afterEach(() => both.end());

  /** A command that notes how it was called, and whose tokens are numbered. */
  const noting = (status: string) => `#!/bin/bash
echo "$(readlink /proc/self/fd/0) $(echo $KUBERNETES_EXEC_INFO)" >>"$HOME/runs"
cat <<END
{"apiVersion": "${V1}", "kind": "ExecCredential", "status": {"token": "t$(wc -l <"$HOME/runs")"${status}}}
END
`;
  const runs = () => readFileSync(path.join(both.place.folder, "runs"), "utf8").trim().split("\n");
  const arranged = (status = "", change: object = {}, cluster: object = {}): [Fixture, NodeJS.ProcessEnv] => {
    const fixture = {
      files: { ".kube/config": config(both.place, { user: { exec: exec(change) }, cluster }), ".kube/login": noting(status) },
    };
    return [fixture, both.arrange(fixture)];
  };
  const CONFIG_MAPS = "/api/v1/namespaces/default/configmaps";

  test.each([
    ["of the cluster, where it asks for that", { provideClusterInfo: true }],
    ["of the cluster only where it asks for that", {}],
  ])("is told what kubectl tells it %s", async (_, change) => {
    const extension = { name: "client.authentication.k8s.io/exec", extension: { audience: "a", list: [1, { b: true }] } };
    const given = arranged("", change, { "tls-server-name": "cluster.test", extensions: [extension] });
    // Of kubectl, each of its clients runs the command.
    expect(await both.kubectl(...given)).toMatch(/^Bearer t\d$/);
    expect(await both.ours(...given)).toMatch(/^Bearer t\d$/);
    const told = runs().map((run) => [run.split(" ")[0], JSON.parse(run.slice(run.indexOf(" ")))]);
    expect(told.at(-1)).toEqual(told[0]);
  });

  test("is run once for many requests, also at once", async () => {
    const [, env] = arranged();
    const client = both.client(env);
    await Promise.all(Array.from({ length: 8 }, () => client.list(CONFIG_MAPS)));
    await client.list(CONFIG_MAPS);
    client.close();
    expect(runs()).toHaveLength(1);
    expect(new Set(both.asked("ours"))).toEqual(new Set(["Bearer t1"]));
  });

  test("is run again where the server has refused what it gave, and the request is made again", async () => {
    const [, env] = arranged();
    const client = both.client(env);
    await client.list(CONFIG_MAPS);
    both.refuse = 1;
    await client.list(CONFIG_MAPS);
    expect(both.asked("ours")).toEqual(["Bearer t1", "Bearer t1", "Bearer t2"]);
    both.refuse = 2;
    await expect(client.list(CONFIG_MAPS)).rejects.toMatchObject({
      code: "CLUSTER",
      message: expect.stringContaining("rejected the credentials"),
    });
    client.close();
    expect(runs()).toHaveLength(3);
  });

  test.each([
    ["is run again when what it gave has expired", "2000-01-01T00:00:00Z", 2],
    ["is not run again before that", "2999-01-01T00:00:00Z", 1],
  ])("%s", async (_, time, times) => {
    const [, env] = arranged(`, "expirationTimestamp": "${time}"`);
    const client = both.client(env);
    for (let request = 0; request < 2; request++) await client.list(CONFIG_MAPS);
    client.close();
    expect(runs()).toHaveLength(times);
  });

  test("that is missing has its installHint shown, without what a terminal would heed", async () => {
    const [fixture, env] = arranged("", { command: "./gone", installHint: "get it\u001b[1m from\n  example.org" });
    expect(await both.ours(fixture, env)).toMatchObject({ code: "CONFIG", hint: "get it[1m from\n  example.org" });
  });

  test("that fails is told of without a word of what it prints", async () => {
    const [fixture, env] = arranged();
    writeFileSync(path.join(both.place.folder, ".kube/login"), '#!/bin/bash\necho "secret"\necho "secret" >&2\nexit 1\n');
    expect(JSON.stringify(await both.ours(fixture, env))).not.toContain("secret");
  });
});
