import { describe } from "vitest";
import { beside, type Row, usual } from "./kubeconfigTable.ts";
import { base64, type Place } from "./kubectlBeside.ts";

const UNDEFINED_CA = { "certificate-authority-data": undefined };

/** A cluster's fields, and what the environment has. */
function cluster(fields: (at: Place) => object, env: (at: Place) => NodeJS.ProcessEnv = () => ({}), user?: object): Row["given"] {
  return (at) => ({ ...usual({ cluster: fields(at), ...(user === undefined ? {} : { user }) })(at), env: env(at) });
}

/** Its address by another name of this machine. */
const named = (at: Place, host: string, url = at.https) => url.replace("127.0.0.1", host);

describe("whom the server has to be", () => {
  const files = { ".kube/ca.crt": "no certificate\n" };
  beside({
    "one of the given CA, as a file": {
      given: (at) => usual({ cluster: { ...UNDEFINED_CA, "certificate-authority": "ca.crt" } }, { ".kube/ca.crt": at.authority.ca })(at),
      outcome: "Bearer t",
    },
    "one of a CA that this machine knows": { given: cluster(() => UNDEFINED_CA), outcome: "refused" },
    "one of another CA": {
      given: cluster(({ authority }) => ({ "certificate-authority-data": base64(authority.client.cert) })),
      outcome: "refused",
    },
    anyone: { given: cluster(() => ({ ...UNDEFINED_CA, "insecure-skip-tls-verify": true })), outcome: "Bearer t" },
    "one of the given CA, and anyone": {
      given: cluster(() => ({ "insecure-skip-tls-verify": true })),
      outcome: "refused",
      says: /a certificate authority and insecure-skip-tls-verify$/,
    },
    "one of a CA in a file and as data": {
      given: cluster(() => ({ "certificate-authority": "ca.crt" })),
      outcome: "refused",
      says: /both certificate-authority and certificate-authority-data$/,
    },
    "one of a CA whose file is missing": {
      given: cluster(() => ({ ...UNDEFINED_CA, "certificate-authority": "ca.crt" })),
      outcome: "refused",
      says: /ca\.crt does not exist$/,
    },
    "one of a CA whose file holds none": {
      given: usual({ cluster: { ...UNDEFINED_CA, "certificate-authority": "ca.crt" } }, files),
      outcome: "refused",
      says: /certificate-authority \S+ca\.crt of cluster "c" has no certificate in PEM$/,
    },
    "one with another name than its address": {
      given: cluster(() => ({ "tls-server-name": "cluster.test" })),
      outcome: "Bearer t",
    },
    "one with a name that its certificate lacks": { given: cluster(() => ({ "tls-server-name": "other.test" })), outcome: "refused" },
    "one with an address that its certificate lacks": { given: cluster(() => ({ "tls-server-name": "127.0.0.9" })), outcome: "refused" },
    "one with an address that its certificate has": {
      given: cluster((at) => ({ server: named(at, "localhost"), "tls-server-name": "127.0.0.1" })),
      outcome: "Bearer t",
    },
  });
});

describe("where the server is", () => {
  beside({
    "below a path": {
      given: cluster(({ https }) => ({ server: `${https}/k8s/clusters/c-1` })),
      outcome: "Bearer t, path /k8s/clusters/c-1",
    },
    "below a path that ends with a slash": { given: cluster(({ https }) => ({ server: `${https}/k8s/` })), outcome: "Bearer t, path /k8s" },
    "at a host and a port without a scheme, which means http": {
      given: cluster(({ http }) => ({ server: http.replace("http://", "") })),
      outcome: "nobody, over http",
    },
    nowhere: { given: cluster(() => ({ server: "https://" })), outcome: "refused", says: /is not a URL$/ },
    "at another protocol": {
      given: cluster(({ https }) => ({ server: https.replace("https", "ftp") })),
      outcome: "refused",
      says: /not a URL$/,
    },
  });
});

describe("without encryption", () => {
  const plain = ({ http }: Place) => ({ server: http });
  const elsewhere = (at: Place) => ({ server: named(at, "cluster.test", at.http) });
  const proxied = ({ proxies }: Place) => ({ HTTP_PROXY: proxies.http });
  beside({
    "this machine is asked, and is not logged in to: it is kubectl's proxy": { given: cluster(plain), outcome: "nobody, over http" },
    "localhost is asked, too": { given: cluster((at) => ({ server: named(at, "localhost", at.http) })), outcome: "nobody, over http" },
    "nobody needs a login": { given: cluster(plain, undefined, {}), outcome: "nobody, over http" },
    "somebody else is asked for": { given: cluster(plain, undefined, { as: "a" }), outcome: "user=a, over http" },
    "another machine is asked where there is no login": {
      given: cluster(elsewhere, proxied, {}),
      outcome: "nobody, over http, through the http proxy",
    },
    "another machine is not asked where there is a login": {
      given: cluster(elsewhere, proxied),
      outcome: "nobody, over http, through the http proxy",
      differs: ["refused", "whoever has a token there expects that it counts, and an anonymous engine can do nothing"],
      says: /is not encrypted: the token could be intercepted$/,
    },
    "a kubeconfig that says that nothing is verified gets its login": {
      given: cluster((at) => ({ ...plain(at), ...UNDEFINED_CA, "insecure-skip-tls-verify": true })),
      outcome: "nobody, over http",
      differs: ["Bearer t, over http", "earlier versions did it, with a warning, and engines behind a gateway rely on it"],
    },
  });
});

describe("through a proxy", () => {
  const test = (at: Place) => ({ server: named(at, "cluster.test") });
  const address = (at: Place) => ({ server: named(at, "192.0.2.1") });
  const proxied =
    (more: object = {}) =>
    ({ proxies }: Place) => ({ HTTPS_PROXY: proxies.http, ...more });
  const own =
    (kind: keyof Place["proxies"], more: object = {}) =>
    (at: Place) => ({ ...test(at), "proxy-url": at.proxies[kind], ...more });
  const through = "Bearer t, through the http proxy";
  beside({
    "of the kubeconfig": { given: cluster(own("http")), outcome: through },
    "of the kubeconfig, over TLS": { given: cluster(own("https")), outcome: "Bearer t, through the https proxy" },
    "of the kubeconfig, over TLS, whose certificate nobody is to verify": {
      given: cluster(own("https", { ...UNDEFINED_CA, "insecure-skip-tls-verify": true })),
      outcome: "Bearer t, through the https proxy",
      differs: ["refused", "that is said of the server: the proxy may be given a password"],
    },
    "of the kubeconfig, which looks the name up": { given: cluster(own("socks5")), outcome: "Bearer t, through the socks5, by name proxy" },
    "of the kubeconfig, also to this machine, whatever the environment says": {
      given: cluster(
        ({ proxies }) => ({ "proxy-url": proxies.http }),
        () => ({ NO_PROXY: "*", HTTPS_PROXY: "http://127.0.0.1:1" }),
      ),
      outcome: through,
    },
    "of a kind that is not known": {
      given: cluster(() => ({ "proxy-url": "socks4://127.0.0.1:1" })),
      outcome: "refused",
      says: /the proxy-url of cluster "c" is not a proxy's address$/,
    },
    "of no kind": { given: cluster(() => ({ "proxy-url": "127.0.0.1:1" })), outcome: "refused", says: /is not a proxy's address$/ },
    "of the environment": { given: cluster(test, proxied()), outcome: through },
    "of the environment, in small letters": { given: cluster(test, ({ proxies }) => ({ https_proxy: proxies.http })), outcome: through },
    "of the environment, in both: capitals count": {
      given: cluster(test, proxied({ https_proxy: "http://127.0.0.1:1" })),
      outcome: through,
    },
    "of the environment, without a scheme": {
      given: cluster(test, ({ proxies }) => ({ HTTPS_PROXY: proxies.http.replace("http://", "") })),
      outcome: through,
    },
    "of the environment, for SOCKS": {
      given: cluster(test, ({ proxies }) => ({ HTTPS_PROXY: proxies.socks5 })),
      outcome: "Bearer t, through the socks5, by name proxy",
    },
    "of the environment, for http alone": { given: cluster(test, ({ proxies }) => ({ HTTP_PROXY: proxies.http })), outcome: "refused" },
    "of the environment, but not to this machine": { given: cluster(() => ({}), proxied()), outcome: "Bearer t" },
    "of the environment, but not to this machine's name": {
      given: cluster((at) => ({ server: named(at, "localhost") }), proxied()),
      outcome: "Bearer t",
    },
    "that NO_PROXY exempts": { given: cluster(test, proxied({ NO_PROXY: "a.test, cluster.test" })), outcome: "refused" },
    "that no_proxy exempts": { given: cluster(test, proxied({ no_proxy: "cluster.test" })), outcome: "refused" },
    "that no_proxy would exempt, did NO_PROXY not count": {
      given: cluster(test, proxied({ no_proxy: "cluster.test", NO_PROXY: "a.test" })),
      outcome: through,
    },
    "that NO_PROXY exempts at every name": { given: cluster(test, proxied({ NO_PROXY: "*" })), outcome: "refused" },
    "that NO_PROXY exempts with its domain": { given: cluster(test, proxied({ NO_PROXY: "test" })), outcome: "refused" },
    "that NO_PROXY exempts with a dot": { given: cluster(test, proxied({ NO_PROXY: ".test" })), outcome: "refused" },
    "that NO_PROXY exempts below its name alone": { given: cluster(test, proxied({ NO_PROXY: ".cluster.test" })), outcome: through },
    "that NO_PROXY exempts at another port": { given: cluster(test, proxied({ NO_PROXY: "cluster.test:1" })), outcome: through },
    "that NO_PROXY exempts at its port": {
      given: cluster(test, (at) => proxied({ NO_PROXY: new URL(named(at, "cluster.test")).host })(at)),
      outcome: "refused",
    },
    "that NO_PROXY exempts in another network": {
      given: cluster(address, proxied({ NO_PROXY: "10.0.0.0/8,192.0.3.0/24" })),
      outcome: through,
    },
    "that NO_PROXY exempts at another address": {
      given: cluster(address, proxied({ NO_PROXY: "192.0.2.2,192.0.2.1:1" })),
      outcome: through,
    },
  });
});
