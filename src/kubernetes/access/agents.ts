import { Agent } from "node:https";
import { checkServerIdentity } from "node:tls";

/**
 * One connection pool for all requests as long as the credentials stay the same; a proxy's own agent is used
 * as it comes.
 */
export function keepAlive(
  kept: { from: Agent; agent: Agent } | undefined,
  fresh: Agent,
): { from: Agent; agent: Agent } {
  if (Object.getPrototypeOf(fresh) !== Agent.prototype) return kept ?? { from: fresh, agent: fresh };
  if (kept !== undefined && sameCredentials(kept.from, fresh)) return kept;
  kept?.agent.destroy();
  return { from: fresh, agent: new Agent({ ...fresh.options, keepAlive: true, maxSockets: 32 }) };
}

/**
 * What the agents of proxies leave open. A proxy that is spoken to over TLS gets the password in its URL: its
 * certificate is verified whatever is said of the API server's. And the SOCKS agent forgets for whom a
 * certificate has to be where that is an IP address.
 */
export function verifyThroughProxy(agent: Agent, host: string): void {
  if (Object.getPrototypeOf(agent) === Agent.prototype) return;
  if ("proxyRequestOptions" in agent) agent.proxyRequestOptions = { rejectUnauthorized: true };
  agent.options.checkServerIdentity = (_, certificate) => checkServerIdentity(host, certificate);
}

function sameCredentials(a: Agent, b: Agent): boolean {
  return String(a.options.cert) === String(b.options.cert) && String(a.options.key) === String(b.options.key);
}
