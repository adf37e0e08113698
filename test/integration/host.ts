import path from "node:path";
import { loadConfig } from "../../src/config/load/load.ts";
import { Context } from "../../src/context.ts";
import { asGaswError } from "../../src/errors.ts";
import { ioDouble } from "../unit/io.ts";
import type { ClusterDouble } from "./clusterDouble.ts";

/** What a command came to. */
export interface Outcome {
  /** Its exit code, or the code and message of its error. */
  readonly code: number | string;
  readonly hint: string;
  readonly stdout: string;
  readonly stderr: string;
}

/** A host on which commands run within the test, with a state of its own and the double of a cluster. */
export class Host {
  readonly stateFile: string;
  readonly #cluster: ClusterDouble;
  readonly #folder: string;
  readonly #contexts: Context[] = [];

  /** @param folder in which its state stands, and commands are called */
  constructor(cluster: ClusterDouble, folder: string, name = "host-1") {
    this.#cluster = cluster;
    this.#folder = folder;
    this.stateFile = path.join(folder, name, "state.db");
  }

  /** Where a command is called: its configuration is looked for, too. */
  async context(given: { cwd?: string; now?: Date; config?: Readonly<Record<string, unknown>> } = {}) {
    const cwd = given.cwd ?? this.#folder;
    const streams = ioDouble({ cwd, env: { HOME: this.#folder }, ...(given.now && { now: given.now }) });
    const overrides = { k8sNamespace: "vip", state: { path: this.stateFile }, ...given.config };
    const loaded = await loadConfig({ cwd, env: {}, pluginFile: "no-such-plugin.conf", overrides });
    const context = new Context(streams.io, loaded);
    this.#contexts.push(context);
    Object.defineProperty(context, "client", { value: this.#cluster.client(context.signal) });
    return { context, streams };
  }

  /** Runs a command. */
  async run(command: (context: Context) => Promise<number>, given: Parameters<Host["context"]>[0] = {}): Promise<Outcome> {
    const { context, streams } = await this.context(given);
    let hint = "";
    const code = await command(context).catch((thrown: unknown) => {
      const error = asGaswError(thrown);
      hint = error.hint;
      return `${error.code}: ${error.message}`;
    });
    return { code, hint, stdout: streams.stdout(), stderr: streams.stderr() };
  }

  end(): void {
    for (const context of this.#contexts.splice(0)) context.close();
  }
}
