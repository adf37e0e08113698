import path from "node:path";
import { describe } from "vitest";
import { beside, config, type Row, usual } from "./kubeconfigTable.ts";
import { base64, type Place } from "./kubectlBeside.ts";

/** Files of KUBECONFIG, by their names in the case's folder. */
function listed(files: (at: Place) => Readonly<Record<string, object | string>>, order?: readonly string[]): Row["given"] {
  return (at) => {
    const given = files(at);
    const names = order ?? Object.keys(given);
    return { files: given, env: { KUBECONFIG: names.map((name) => (name === "" ? "" : path.join(at.folder, name))).join(":") } };
  };
}

const parts = (at: Place) => config(at) as Record<string, object[] | string>;

describe("which files are read, and what of them counts", () => {
  beside({
    "~/.kube/config": { given: usual(), outcome: "Bearer t" },
    "no kubeconfig": { given: () => ({}), outcome: "refused", says: /^no cluster is configured$/ },
    "an empty kubeconfig": {
      given: () => ({ files: { ".kube/config": "" } }),
      outcome: "refused",
      says: /lists no cluster and no context/,
    },
    "a kubeconfig that is only a comment": {
      given: () => ({ files: { ".kube/config": "# none\n" } }),
      outcome: "refused",
      says: /lists no/,
    },
    "KUBECONFIG, which counts before ~/.kube/config": {
      given: (at) => ({
        files: { ".kube/config": config(at, { user: { token: "usual" } }), named: config(at) },
        env: { KUBECONFIG: path.join(at.folder, "named") },
      }),
      outcome: "Bearer t",
    },
    "two files, each with a part": {
      given: listed((at) => {
        const { clusters, users, contexts } = parts(at);
        return { first: { clusters, "current-context": "one" }, second: { users, contexts } };
      }),
      outcome: "Bearer t",
    },
    "two files with the same names: the first counts, whole": {
      given: listed((at) => ({
        first: config(at, { user: { username: "u", password: "p" } }),
        second: config(at, { user: { token: "second", as: "somebody" }, context: { namespace: "second" } }),
      })),
      outcome: "Basic u:p",
    },
    "two files, of which the first has the user with nothing in it": {
      given: listed((at) => ({ first: { users: [{ name: "u", user: null }] }, second: config(at) })),
      outcome: "refused",
      says: /first: user "u" has no credentials$/,
    },
    "two files, of which only the second has a current context": {
      given: listed((at) => ({ first: { ...parts(at), "current-context": "" }, second: { "current-context": "one" } })),
      outcome: "Bearer t",
    },
    "files of which some are missing, named twice, or have no name": {
      given: listed((at) => ({ first: config(at) }), ["missing", "", "first", "first"]),
      outcome: "Bearer t",
    },
    "files that are all missing": { given: listed(() => ({}), ["missing", "gone"]), outcome: "refused", says: /missing does not exist$/ },
    "two files, of which the second is not YAML": {
      given: listed((at) => ({ first: config(at), second: "users: [" })),
      outcome: "refused",
      says: /second is not a kubeconfig: line 2, column 1: /,
    },
    "files inside, relative to the kubeconfig's own folder": {
      given: listed(
        (at) => ({
          "one/config": config(at, {
            cluster: { "certificate-authority-data": undefined, "certificate-authority": "ca.crt" },
            user: { "client-certificate": "../two/client.crt", "client-key": "client.key" },
          }),
          "one/ca.crt": at.authority.ca,
          "one/client.key": at.authority.client.key,
          "two/client.crt": at.authority.client.cert,
        }),
        ["one/config"],
      ),
      outcome: "certificate client",
    },
  });
});

describe("what may stand in a file", () => {
  const text =
    (content: (at: Place) => string): Row["given"] =>
    (at) => ({ files: { ".kube/config": content(at) } });
  const saying =
    (top: (at: Place) => object): Row["given"] =>
    (at) => ({ files: { ".kube/config": config(at, { top: top(at) }) } });
  beside({
    "entries of others that are incomplete": {
      given: saying((at) => ({
        clusters: [...(parts(at).clusters as object[]), { name: "half", cluster: {} }, { name: "none" }, null],
        users: [...(parts(at).users as object[]), { name: "half", user: { "client-certificate": "missing" } }, { name: "none" }],
        contexts: [...(parts(at).contexts as object[]), { name: "half", context: { user: "u" } }, { name: "none", context: null }],
      })),
      outcome: "Bearer t",
    },
    "a name that occurs twice, even another's": {
      given: saying((at) => ({ users: [...(parts(at).users as object[]), { name: "x" }, { name: "x" }] })),
      outcome: "refused",
      says: /users\[2\]\.name occurs twice$/,
    },
    "a field of another type, even another's": {
      given: saying((at) => ({ users: [...(parts(at).users as object[]), { name: "x", user: { token: 1 } }] })),
      outcome: "refused",
      says: /users\[1\]\.user\.token is not a string$/,
    },
    "data that is not base64, even another's": {
      given: saying((at) => ({ users: [...(parts(at).users as object[]), { name: "x", user: { "client-key-data": "a" } }] })),
      outcome: "refused",
      says: /client-key-data is not base64$/,
    },
    "a mapping in place of a list": { given: saying(() => ({ users: {} })), outcome: "refused", says: /users is not a list$/ },
    "another kind": { given: saying(() => ({ kind: "Pod" })), outcome: "refused", says: /its kind is not Config$/ },
    "another version": { given: saying(() => ({ apiVersion: "v2" })), outcome: "refused", says: /its apiVersion is not v1$/ },
    "unknown fields": { given: saying(() => ({ kind: "Config", apiVersion: "v1", more: { a: 1 }, preferences: {} })), outcome: "Bearer t" },
    "YAML of version 1.1, in which yes is true, with an anchor and a key twice": {
      given: text(
        (at) => `
x: &base {insecure-skip-tls-verify: yes}
clusters: [{name: c, cluster: {<<: *base, server: "${at.https}"}}]
users: [{name: u, user: {token: first, token: 2026-01-01}}]
contexts: [{name: one, context: {cluster: c, user: u}}]
current-context: one
`,
      ),
      outcome: "Bearer 2026-01-01",
    },
  });
});

describe("which context counts", () => {
  beside({
    "the one that is asked for": {
      given: (at) => ({ ...usual({ top: { "current-context": "gone" } })(at), context: "one" }),
      outcome: "Bearer t",
    },
    "one that is asked for and not there": {
      given: (at) => ({ ...usual()(at), context: "two" }),
      outcome: "refused",
      says: /no context "two"/,
    },
    none: { given: usual({ top: { "current-context": "" } }), outcome: "refused", says: /has no current context$/ },
    "one that is not there": { given: usual({ top: { "current-context": "two" } }), outcome: "refused", says: /has no context "two"$/ },
    "one without a user": {
      given: usual({ context: { user: undefined } }),
      outcome: "refused",
      says: /"one" of the kubeconfig names no user$/,
    },
    "one whose user is not there": {
      given: usual({ context: { user: "x" } }),
      outcome: "refused",
      says: /refers to the user "x", which does/,
    },
    "one without a cluster": { given: usual({ context: { cluster: "" } }), outcome: "refused", says: /names no cluster$/ },
    "one whose cluster is not there": {
      given: usual({ context: { cluster: "x" } }),
      outcome: "refused",
      says: /the cluster "x", which does/,
    },
    "one whose cluster has no server": {
      given: usual({ cluster: { server: "" } }),
      outcome: "refused",
      says: /cluster "c" has no server$/,
    },
    "one with a namespace": { given: usual({ context: { namespace: "jobs" } }), outcome: "Bearer t, namespace jobs" },
    "one with a namespace that has no valid name": {
      given: usual({ context: { namespace: "Jobs" } }),
      outcome: "Bearer t, namespace Jobs",
      differs: ["refused", "no object could be created there"],
      says: /the namespace of context "one" is not a valid name$/,
    },
  });
});

describe("who logs in", () => {
  type Name = "client" | "other" | "expired";
  const pair = (at: Place, cert: Name = "client", key: Name = cert) => ({
    "client-certificate-data": base64(at.authority[cert].cert),
    "client-key-data": base64(at.authority[key].key),
  });
  const as =
    (user: (at: Place) => object, files: Readonly<Record<string, string>> = {}): Row["given"] =>
    (at) =>
      usual({ user: user(at) }, files)(at);
  const is = (user: object, files: Readonly<Record<string, string>> = {}) => as(() => user, files);
  beside({
    nobody: { given: is({}), outcome: "refused", says: /user "u" has no credentials$/ },
    "a token file, with a line break": { given: is({ tokenFile: "token" }, { ".kube/token": "f\n" }), outcome: "Bearer f" },
    "a token file, which counts before a token": {
      given: is({ tokenFile: "token", token: "t" }, { ".kube/token": "f" }),
      outcome: "Bearer f",
    },
    "a token beside a file that is missing": { given: is({ tokenFile: "token", token: "t" }), outcome: "Bearer t" },
    "a token file that is missing": { given: is({ tokenFile: "token" }), outcome: "refused", says: /\.kube\/token does not exist$/ },
    "a token file that is empty": { given: is({ tokenFile: "token" }, { ".kube/token": "" }), outcome: "refused", says: /token is empty$/ },
    "a name and a password": { given: is({ username: "n", password: "p:w" }), outcome: "Basic n:p:w" },
    "a name without a password": { given: is({ username: "n" }), outcome: "Basic n:" },
    "a password without a name": { given: is({ password: "p" }), outcome: "refused", says: /has no credentials$/ },
    "a token and a password": {
      given: is({ token: "t", username: "n", password: "p" }),
      outcome: "refused",
      says: /both a token and a password$/,
    },
    "a certificate": { given: as((at) => pair(at)), outcome: "certificate client" },
    "a certificate and a token": { given: as((at) => ({ ...pair(at), token: "t" })), outcome: "Bearer t, certificate client" },
    "a certificate and a password": {
      given: as((at) => ({ ...pair(at), username: "n", password: "p" })),
      outcome: "Basic n:p, certificate client",
    },
    "a certificate in a file and as data": {
      given: as((at) => ({ ...pair(at), "client-certificate": "x" })),
      outcome: "refused",
      says: /both client-certificate and client-certificate-data$/,
    },
    "a key in a file and as data": {
      given: as((at) => ({ ...pair(at), "client-key": "x" })),
      outcome: "refused",
      says: /both client-key and client-key-data$/,
    },
    "a certificate without a key": {
      given: as((at) => ({ ...pair(at), "client-key-data": undefined })),
      outcome: "refused",
      says: /config: client-key-data of user "u" is missing$/,
    },
    "a key without a certificate, beside a token": {
      given: as((at) => ({ "client-key-data": pair(at)["client-key-data"], token: "t" })),
      outcome: "Bearer t",
    },
    "a certificate whose file is missing": {
      given: as((at) => ({ ...pair(at), "client-certificate-data": undefined, "client-certificate": "gone.crt" })),
      outcome: "refused",
      says: /gone\.crt does not exist$/,
    },
    "a certificate that is broken": {
      given: as((at) => ({ ...pair(at), "client-certificate-data": base64("broken") })),
      outcome: "refused",
      says: /config: client-certificate-data of user "u" is not a certificate in PEM$/,
    },
    "a key that is broken": {
      given: as((at) => ({ ...pair(at), "client-key-data": base64("broken") })),
      outcome: "refused",
      says: /config: client-key-data of user "u" is not a private key in PEM$/,
    },
    "the key of another certificate": {
      given: as((at) => pair(at, "client", "other")),
      outcome: "refused",
      says: /config: client-key-data of user "u" is not the key of the client certificate$/,
    },
    "a certificate that has expired": {
      given: as((at) => pair(at, "expired")),
      outcome: "certificate expired",
      differs: ["refused", "the API server could only say that nobody has logged in, not why"],
      says: /config: client-certificate-data of user "u" expired on \d{4}-/,
    },
    "a certificate and its key in one file": {
      given: (at) =>
        usual(
          { user: { "client-certificate": "both.pem", "client-key": "both.pem" } },
          { ".kube/both.pem": at.authority.client.key + at.authority.client.cert },
        )(at),
      outcome: "certificate client",
    },
    "somebody else, whole": {
      given: is({
        token: "t",
        as: "Zoé",
        "as-uid": "0815",
        "as-groups": ["a", "b"],
        "as-user-extra": { scopes: ["x", "y"], "e.org/z": ["1"] },
      }),
      outcome: "Bearer t, extra-e.org%2fz=1 extra-scopes=x extra-scopes=y group=a group=b uid=0815 user=Zoé",
    },
    "groups of nobody": { given: is({ token: "t", "as-groups": ["a"] }), outcome: "refused", says: /without a user$/ },
    "somebody else by a number": { given: is({ token: "t", as: 1000 }), outcome: "refused", says: /user\.as is not a string$/ },
    "somebody else, without a login": { given: is({ as: "a" }), outcome: "refused", says: /has no credentials$/ },
    "a provider that was removed": {
      given: is({ "auth-provider": { name: "gcp" } }),
      outcome: "refused",
      says: /auth-provider gcp, which is not/,
    },
  });
});
