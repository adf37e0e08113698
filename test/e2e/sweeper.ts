import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";
import path from "node:path";
import { promisify } from "node:util";
import { inject } from "vitest";
import { parseAllDocuments } from "yaml";
import { apply, get, kubectl } from "./harness.ts";

const root = path.resolve(import.meta.dirname, "../..");
const execute = promisify(execFile);

/** An object of deploy/sweep-cronjob.yaml, as far as it is looked into here. */
interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string; readonly labels?: object };
  // biome-ignore lint/suspicious/noExplicitAny: each kind has others
  readonly [member: string]: any;
}

/** The image of the program that the nodes of a named cluster know; the project's own cluster is given one. */
const given = process.env.GASW_K8S_TEST_PROGRAM_IMAGE;

/** Whether there is an image of the program for the cluster's nodes. */
export const hasImage = () => given !== undefined || inject("cluster").ownCluster !== undefined;

/** What deploy/sweep-cronjob.yaml says, applied for one namespace alone: it never touches what other tests have made. */
export class Sweeper {
  readonly #namespace: string;
  /** The name of what no namespace has: other runs have theirs. */
  readonly #role: string;
  #route: Route | undefined;

  constructor(namespace: string) {
    this.#namespace = namespace;
    this.#role = `gasw-k8s-sweeper-${namespace}`;
  }

  get account(): string {
    return `system:serviceaccount:${this.#namespace}:gasw-k8s-sweeper`;
  }

  async deploy(): Promise<void> {
    const image = given ?? (await execute("bash", [path.join(root, "cluster/program.sh")])).stdout.trim();
    if (inject("cluster").ownCluster !== undefined) this.#route = await Route.open();
    const text = readFileSync(path.join(root, "deploy/sweep-cronjob.yaml"), "utf8");
    const documents = parseAllDocuments(text).map((document) => document.toJS() as Manifest);
    await apply(...documents.map((document) => this.#confined(document, image)));
  }

  /** Makes a Job with the command that docs/sweeping.md has for it. */
  async runAsDocumented(job: string): Promise<void> {
    const page = readFileSync(path.join(root, "docs/sweeping.md"), "utf8");
    const [, command = ""] = new RegExp(`^ {4}(kubectl create job ${job} .*)$`, "m").exec(page) ?? [];
    if (!command.includes("-n gasw-k8s")) throw new Error(`docs/sweeping.md has no command that makes the Job ${job}`);
    const { kubectl: program, adminKubeconfig } = inject("cluster");
    // kubectl keeps what it has learnt of a server in the home directory.
    const env = { PATH: process.env.PATH, HOME: path.dirname(adminKubeconfig), KUBECONFIG: adminKubeconfig };
    const here = command.replaceAll("kubectl", program).replaceAll("-n gasw-k8s", `-n ${this.#namespace}`);
    await execute("bash", ["-o", "pipefail", "-ec", here], { env });
  }

  async remove(): Promise<void> {
    this.#route?.close();
    await kubectl("delete", "clusterrole,clusterrolebinding", this.#role, "--ignore-not-found");
  }

  #confined(document: Manifest, image: string): Manifest {
    const { kind, metadata } = document;
    switch (kind) {
      case "Namespace":
        return { ...document, metadata: { name: this.#namespace, labels: { "pod-security.kubernetes.io/enforce": "restricted" } } };
      case "ClusterRole":
        return { ...document, metadata: { ...metadata, name: this.#role } };
      case "ClusterRoleBinding":
        return {
          ...document,
          metadata: { ...metadata, name: this.#role },
          roleRef: { ...document.roleRef, name: this.#role },
          subjects: document.subjects.map((subject: object) => ({ ...subject, namespace: this.#namespace })),
        };
      case "CronJob":
        return { ...document, metadata: { ...metadata, namespace: this.#namespace }, spec: this.#schedule(document.spec, image) };
      default:
        return { ...document, metadata: { ...metadata, namespace: this.#namespace } };
    }
  }

  #schedule(spec: Manifest["spec"], image: string): object {
    const changed = structuredClone(spec);
    const pod = changed.jobTemplate.spec.template.spec;
    const [container] = pod.containers;
    container.image = image;
    container.args.push("-n", this.#namespace, "--older-than", "0s");
    if (this.#route !== undefined) {
      pod.hostAliases = [this.#route.host];
      container.env.push(...this.#route.env);
    }
    // Whatever the time is, it runs when the test says so.
    return { ...changed, suspend: true };
  }
}

/** What stands in for the Service `kubernetes`, where the project's own cluster routes to none: an open port on the node. */
class Route {
  readonly #server: Server;
  readonly #address: string;

  private constructor(server: Server, address: string) {
    this.#server = server;
    this.#address = address;
  }

  static async open(): Promise<Route> {
    const { ownCluster = "" } = inject("cluster");
    const [, url = ""] = /server: (\S+)/.exec(readFileSync(path.join(ownCluster, "admin.kubeconfig"), "utf8")) ?? [];
    const { hostname, port } = new URL(url);
    const node = await get("node", "node1");
    const { address } = node.status.addresses.find(({ type }: { type: string }) => type === "InternalIP");
    const server = createServer((pod) => join(pod, connect(Number(port), hostname)));
    await new Promise<void>((resolve) => server.listen(0, address, resolve));
    return new Route(server, address);
  }

  /** The API server's certificate names it so. */
  get host(): { ip: string; hostnames: string[] } {
    return { ip: this.#address, hostnames: ["kubernetes.default.svc"] };
  }

  /** The kubelet's own of these names stand back. */
  get env(): { name: string; value: string }[] {
    const { port } = this.#server.address() as { port: number };
    return [
      { name: "KUBERNETES_SERVICE_HOST", value: "kubernetes.default.svc" },
      { name: "KUBERNETES_SERVICE_PORT", value: `${port}` },
    ];
  }

  close(): void {
    this.#server.close();
  }
}

function join(a: Socket, b: Socket): void {
  a.on("error", () => b.destroy()).pipe(b);
  b.on("error", () => a.destroy()).pipe(a);
}
