import { BlockList, isIP } from "node:net";
import { GaswError } from "../../errors.ts";
import type { TargetCluster } from "./settings.ts";

/** A pattern of NO_PROXY: whether it is about a host at a port. */
type Matcher = (host: string, port: string) => boolean;

/**
 * The proxy that a cluster is reached through: its own, else the environment's.
 * @throws GaswError CONFIG when its own is not one that kubectl takes
 */
export function proxyOf(cluster: TargetCluster, server: URL, env: NodeJS.ProcessEnv): string | undefined {
  const proxy = cluster.proxyUrl === "" ? environmentProxy(server, env) : ownProxy(cluster);
  // The library looks a name up itself for socks5; for kubectl the proxy does.
  return proxy?.replace(/^socks5:/, "socks5h:");
}

function ownProxy({ proxyUrl, name, file }: TargetCluster): string {
  if (/^(https?|socks5):\/\/[^/]/.test(proxyUrl) && URL.canParse(proxyUrl)) return proxyUrl;
  throw new GaswError("CONFIG", `${file}: the proxy-url of cluster "${name}" is not a proxy's address`, {
    hint: "write it as http://HOST:PORT, https://HOST:PORT or socks5://HOST:PORT",
  });
}

/**
 * The proxy that the environment names for an address, by the rules of Go's programs (golang.org/x/net,
 * `httpproxy`): capitals count before small letters, NO_PROXY exempts, and this very machine is never asked
 * for through one.
 */
export function environmentProxy(server: URL, env: NodeJS.ProcessEnv): string | undefined {
  const name = server.protocol === "https:" ? "HTTPS_PROXY" : "HTTP_PROXY";
  const given = variable(name, env);
  const host = server.hostname.replace(/^\[(.*)\]$/, "$1").toLowerCase();
  if (given === "" || host === "localhost" || isLoopback(host)) return undefined;
  const port = server.port || (server.protocol === "https:" ? "443" : "80");
  const exempt = variable("NO_PROXY", env).split(",").map(matcherOf);
  if (exempt.some((matches) => matches(host, port))) return undefined;
  const address = /^[a-z][a-z0-9+.-]*:\/\/[^/]/i.test(given) ? given : `http://${given}`;
  return URL.canParse(address) ? address : undefined;
}

/** Whether an address is this very machine's own. */
export function isLoopback(host: string): boolean {
  return /^127(\.\d+){3}$/.test(host) || host === "::1";
}

function variable(name: string, env: NodeJS.ProcessEnv): string {
  return env[name] || env[name.toLowerCase()] || "";
}

function matcherOf(given: string): Matcher {
  const pattern = given.trim().toLowerCase();
  if (pattern === "*") return () => true;
  const network = networkOf(pattern);
  if (network !== undefined) return network;
  const [, bracketed, plain = pattern, port = ""] = /^(?:\[(.*)\]|([^:]*)):(\d*)$/.exec(pattern) ?? [];
  const named = bracketed ?? plain;
  const isPort = (asked: string) => port === "" || port === asked;
  if (named === "") return () => false;
  if (isIP(named) !== 0)
    return (host, asked) => isIP(host) !== 0 && sameAddress(host, named) && isPort(asked);
  const domain = named.replace(/^\*\./, ".");
  const suffix = domain.startsWith(".") ? domain : `.${domain}`;
  return (host, asked) => isIP(host) === 0 && (host.endsWith(suffix) || host === domain) && isPort(asked);
}

/** `10.0.0.0/8` */
function networkOf(pattern: string): Matcher | undefined {
  const [, address = "", prefix = ""] = /^([^/]+)\/(\d+)$/.exec(pattern) ?? [];
  const version = isIP(address);
  if (version === 0 || Number(prefix) > (version === 4 ? 32 : 128)) return undefined;
  const list = new BlockList();
  list.addSubnet(address, Number(prefix), version === 4 ? "ipv4" : "ipv6");
  return (host) => isIP(host) === version && list.check(host, version === 4 ? "ipv4" : "ipv6");
}

function sameAddress(a: string, b: string): boolean {
  if (isIP(a) !== isIP(b)) return false;
  const list = new BlockList();
  const version = isIP(b) === 4 ? "ipv4" : "ipv6";
  list.addAddress(b, version);
  return list.check(a, version);
}
