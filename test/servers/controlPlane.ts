import { readFileSync } from "node:fs";
import https from "node:https";
import path from "node:path";
import { freePort, ServerProcess, serverFolder } from "./process.ts";

/** A Kubernetes API server with its etcd, in which nothing runs: a cluster of its own, though it knows the project's cluster's certificates. */
export interface ControlPlane {
  readonly server: string;
  /** How its administrator is authenticated, as a kubeconfig has it. */
  readonly user: object;
  /** What it answers to its administrator. */
  // biome-ignore lint/suspicious/noExplicitAny: tests read many kinds of objects
  get(path: string): Promise<any>;
  stop(): Promise<void>;
}

/**
 * Starts them with the programs and the certificates of the project's own cluster.
 * @param cluster that cluster's folder
 */
export async function startControlPlane(cluster: string): Promise<ControlPlane> {
  const program = (name: string) => path.join(cluster, "bin", name);
  const pki = (name: string) => path.join(cluster, "pki", name);
  const [client, peer, port] = await Promise.all([freePort(), freePort(), freePort()]);
  const [etcdUrl, peerUrl] = [client, peer].map((one) => `https://127.0.0.1:${one}`) as [string, string];
  // The certificates' keys are root's, as whom that cluster runs.
  const account = { uid: 0, gid: 0 };
  const folder = serverFolder("control-plane", account);
  const credentials = { ca: readFileSync(pki("ca.crt")), cert: readFileSync(pki("admin.crt")), key: readFileSync(pki("admin.key")) };
  const server = `https://127.0.0.1:${port}`;
  const get = (place: string) => read(`${server}${place}`, credentials);
  const tls = (prefix: string) => [`--${prefix}cert-file=${pki("etcd.crt")}`, `--${prefix}key-file=${pki("etcd.key")}`];
  const etcd = new ServerProcess(
    folder,
    [
      ...[program("etcd"), `--data-dir=${path.join(folder, "data")}`, "--unsafe-no-fsync", "--log-level=warn"],
      ...[`--listen-client-urls=${etcdUrl}`, `--advertise-client-urls=${etcdUrl}`, `--listen-peer-urls=${peerUrl}`],
      ...[`--initial-advertise-peer-urls=${peerUrl}`, `--initial-cluster=default=${peerUrl}`],
      ...["--client-cert-auth", `--trusted-ca-file=${pki("ca.crt")}`, ...tls("")],
      ...["--peer-client-cert-auth", `--peer-trusted-ca-file=${pki("ca.crt")}`, ...tls("peer-")],
    ],
    account,
    // The API server waits for it itself.
    async () => undefined,
    "SIGKILL",
  );
  const apiServer = new ServerProcess(
    folder,
    [
      ...[program("kube-apiserver"), "--bind-address=127.0.0.1", `--secure-port=${port}`, "--advertise-address=127.0.0.1"],
      ...["--endpoint-reconciler-type=none", "--service-cluster-ip-range=10.96.0.0/16", `--etcd-servers=${etcdUrl}`],
      ...[`--etcd-cafile=${pki("ca.crt")}`, `--etcd-certfile=${pki("apiserver.crt")}`, `--etcd-keyfile=${pki("apiserver.key")}`],
      ...[`--tls-cert-file=${pki("apiserver.crt")}`, `--tls-private-key-file=${pki("apiserver.key")}`, `--cert-dir=${folder}`],
      ...[`--client-ca-file=${pki("ca.crt")}`, "--authorization-mode=RBAC", "--service-account-issuer=https://kubernetes.default"],
      ...[`--service-account-signing-key-file=${pki("sa.key")}`, `--service-account-key-file=${pki("sa.key")}`],
    ],
    account,
    async () => void (await get("/api/v1/namespaces/kube-system")),
    "SIGKILL",
  );
  await etcd.start();
  await apiServer.start();
  const encoded = (bytes: Buffer) => bytes.toString("base64");
  return {
    server,
    user: { "client-certificate-data": encoded(credentials.cert), "client-key-data": encoded(credentials.key) },
    get,
    async stop() {
      await apiServer.kill();
      await etcd.stop();
    },
  };
}

function read(url: string, credentials: https.RequestOptions): Promise<unknown> {
  return new Promise((resolve, reject) => {
    https
      .get(url, { ...credentials, agent: false }, (response) => {
        const chunks: Buffer[] = [];
        response
          .on("data", (chunk: Buffer) => chunks.push(chunk))
          .on("end", () => {
            const text = Buffer.concat(chunks).toString();
            if (response.statusCode === 200) resolve(JSON.parse(text));
            else reject(new Error(`${url}: ${response.statusCode} ${text}`));
          });
      })
      .on("error", reject);
  });
}
