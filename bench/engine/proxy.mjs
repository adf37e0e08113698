// A plain-text proxy in front of the API server, which counts what it is asked.
import { once } from "node:events";
import { readFileSync } from "node:fs";
import http from "node:http";
import https from "node:https";
import { parse } from "yaml";

/** Method and kind of object of a request; a watch is one for as long as it lasts. */
function kindOf(method, { pathname, searchParams }) {
  const words = pathname.split("/").filter((word) => word !== "");
  const rest = words.slice(words[0] === "api" ? 2 : 3);
  const [plural] = rest[0] === "namespaces" && rest.length > 2 ? rest.slice(2) : rest;
  return `${searchParams.get("watch") === "true" || searchParams.get("watch") === "1" ? "WATCH" : method} ${plural ?? pathname}`;
}

/** Forwards with the identity of the kubeconfig's administrator. */
export async function countingProxy(kubeconfig) {
  const { clusters, users } = parse(readFileSync(kubeconfig, "utf8"));
  const { server, ...authority } = clusters[0].cluster;
  const { user } = users[0];
  const read = (holder, key) =>
    holder[`${key}-data`] === undefined ? readFileSync(holder[key]) : Buffer.from(holder[`${key}-data`], "base64");
  const agent = new https.Agent({
    keepAlive: true,
    ca: read(authority, "certificate-authority"),
    cert: read(user, "client-certificate"),
    key: read(user, "client-key"),
  });
  const counts = new Map();
  const proxy = http.createServer((incoming, answer) => {
    const { method = "GET", url = "/" } = incoming;
    const target = new URL(url, server);
    const kind = kindOf(method, target);
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
    const { authorization, host, ...headers } = incoming.headers;
    const outgoing = https.request(target, { agent, method, headers }, (given) => {
      answer.writeHead(given.statusCode ?? 502, given.headers);
      given.pipe(answer);
      given.on("error", () => answer.destroy());
    });
    incoming.pipe(outgoing);
    outgoing.on("error", () => answer.destroy());
    answer.on("close", () => outgoing.destroy());
  });
  proxy.listen(0, "127.0.0.1");
  await once(proxy, "listening");
  return {
    counts,
    address: `http://127.0.0.1:${/** @type {import("node:net").AddressInfo} */ (proxy.address()).port}`,
    close() {
      proxy.close();
      proxy.closeAllConnections();
      agent.destroy();
    },
  };
}
