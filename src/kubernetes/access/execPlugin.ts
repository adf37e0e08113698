import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { isatty } from "node:tty";
import { maskText } from "../../core/secrets.ts";
import { type GaswError, systemCode } from "../../errors.ts";
import { type ClientCertificate, checkPair, readAuthority } from "./certificates.ts";
import { refusal } from "./identity.ts";
import { type ExecSettings, KubeconfigProblem, parseYaml, textOf } from "./kubeconfigText.ts";
import { endLogin, type LoginEnd, startLogin } from "./loginCommands.ts";
import type { Target } from "./settings.ts";

const VERSIONS = ["client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1"];

/** What a login command has given. */
export interface ExecCredentials {
  readonly token: string;
  readonly certificate: ClientCertificate | undefined;
  /** Milliseconds since 1970; undefined: until the server refuses them. */
  readonly expires: number | undefined;
}

/** A run of the command, and how many requests wait for it. */
interface Run {
  readonly child: ChildProcess;
  readonly result: Promise<ExecCredentials>;
  waiting: number;
}

/**
 * A kubeconfig's login command (Kubernetes' documentation, "client-go credential plugins"): run when
 * credentials are first needed, and again when they have expired or the server has refused them.
 */
export class ExecPlugin {
  readonly #target: Target;
  readonly #exec: ExecSettings;
  readonly #env: NodeJS.ProcessEnv;
  #kept: ExecCredentials | undefined;
  #run: Run | undefined;

  /** @throws GaswError CONFIG where the command is not described as kubectl requires */
  constructor(target: Target, exec: ExecSettings, env: NodeJS.ProcessEnv) {
    this.#target = target;
    this.#exec = exec;
    this.#env = env;
    this.#check();
  }

  /**
   * The credentials; concurrent requests share one run of the command, which is ended when none waits for it
   * any more.
   * @throws GaswError CONFIG; the signal's reason
   */
  async credentials(signal: AbortSignal | undefined): Promise<ExecCredentials> {
    signal?.throwIfAborted();
    if (this.#kept !== undefined && !isExpired(this.#kept)) return this.#kept;
    this.#run ??= this.#start();
    return await this.#wait(this.#run, signal);
  }

  /** Forgets credentials that the server has refused, unless there are others already. */
  forget(refused: ExecCredentials): void {
    if (this.#kept === refused) this.#kept = undefined;
  }

  async #wait(run: Run, signal: AbortSignal | undefined): Promise<ExecCredentials> {
    run.waiting++;
    const settled = new AbortController();
    const unwanted =
      signal === undefined
        ? new Promise<never>(() => undefined)
        : once(signal, "abort", { signal: settled.signal }).then(() => {
            throw signal.reason;
          });
    try {
      return await Promise.race([run.result, unwanted]);
    } finally {
      settled.abort();
      unwanted.catch(() => undefined);
      // Several may leave at the same time: the last one ends it, where it has not ended by itself.
      run.waiting--;
      if (run.waiting === 0 && this.#run === run) await this.#end(run);
    }
  }

  async #end(run: Run): Promise<void> {
    if (this.#run === run) this.#run = undefined;
    await endLogin(run.child);
  }

  #start(): Run {
    const interactive = this.#isInteractive();
    const { command, args, env } = this.#exec;
    const added = Object.fromEntries(env.map(({ name, value }) => [name, value]));
    const info = JSON.stringify(this.#info(interactive));
    const { child, ended } = startLogin(command, args, {
      env: { ...this.#env, ...added, KUBERNETES_EXEC_INFO: info },
      interactive,
    });
    const result = ended.then((end) => {
      this.#run = undefined;
      this.#kept = this.#read(end);
      return this.#kept;
    });
    result.catch(() => undefined);
    return { child, result, waiting: 0 };
  }

  #info(interactive: boolean): object {
    const { apiVersion, provideClusterInfo } = this.#exec;
    const spec = provideClusterInfo ? { cluster: this.#clusterInfo(), interactive } : { interactive };
    return { kind: "ExecCredential", apiVersion, spec };
  }

  #clusterInfo(): object {
    const { cluster } = this.#target;
    const authority = readAuthority(cluster);
    return {
      server: cluster.server,
      ...(cluster.tlsServerName === "" ? {} : { "tls-server-name": cluster.tlsServerName }),
      ...(cluster.insecure ? { "insecure-skip-tls-verify": true } : {}),
      ...(authority === undefined
        ? {}
        : { "certificate-authority-data": Buffer.from(authority).toString("base64") }),
      ...(cluster.proxyUrl === "" ? {} : { "proxy-url": cluster.proxyUrl }),
      config: cluster.execConfig ?? null,
    };
  }

  #isInteractive(): boolean {
    const { interactiveMode, command } = this.#exec;
    if (interactiveMode === "Always" && !isatty(0))
      throw this.#refuse(
        `needs a terminal for its login command ${command} (interactiveMode: Always)`,
        "run it at a terminal, or use a login command, a token or a certificate that needs none",
      );
    return interactiveMode !== "Never" && isatty(0);
  }

  #read(end: LoginEnd): ExecCredentials {
    const { command } = this.#exec;
    if ("error" in end) throw this.#notStarted(end.error);
    if ("code" in end)
      throw this.#refuse(
        `cannot log in: its command ${command} ended with ${end.code}`,
        "run a command such as `kubectl get --raw /version` at a terminal to see what it says",
      );
    try {
      return this.#parse(end.output);
    } catch (error) {
      if (!(error instanceof KubeconfigProblem)) throw error;
      throw this.#refuse(
        `cannot log in: the output of its command ${command} is not an ExecCredential of ${this.#exec.apiVersion}: ${error.message}`,
        "check the command's arguments and version",
      );
    }
  }

  /** @throws KubeconfigProblem without a word of the output */
  #parse(output: string): ExecCredentials {
    const root = recordOf(parseYaml(output), "it");
    if (textOf(root, "kind", "") !== "ExecCredential") throw new KubeconfigProblem("it has another kind");
    if (textOf(root, "apiVersion", "") !== this.#exec.apiVersion)
      throw new KubeconfigProblem("it has another apiVersion");
    const status = recordOf(root.status, "its status");
    const field = (name: string) => textOf(status, name, "status.");
    const [token, cert, key] = [field("token"), field("clientCertificateData"), field("clientKeyData")];
    if (token === "" && cert === "" && key === "")
      throw new KubeconfigProblem("it has neither a token nor a certificate");
    if ((cert === "") !== (key === "")) throw new KubeconfigProblem("a certificate requires its key");
    const expiry = field("expirationTimestamp");
    const expires = expiry === "" ? undefined : Date.parse(expiry);
    if (Number.isNaN(expires)) throw new KubeconfigProblem("its expirationTimestamp is not a time");
    return { token, certificate: cert === "" ? undefined : this.#checked({ cert, key }), expires };
  }

  #checked(pair: ClientCertificate): ClientCertificate {
    const { name, file } = this.#target.user;
    const where = (what: string) => ({
      where: `${file}: the ${what} of user "${name}" from its login command`,
    });
    checkPair(pair, where("certificate"), where("key"));
    return pair;
  }

  #notStarted(error: unknown): GaswError {
    const { command, installHint } = this.#exec;
    if (systemCode(error) !== "ENOENT")
      return this.#refuse(
        `cannot log in: its command ${command} cannot be started (${systemCode(error)})`,
        "check that the file is executable",
      );
    const hint = maskText(installHint)
      .replace(/[^\P{Cc}\n\t]/gu, "")
      .trim();
    return this.#refuse(
      `cannot log in: its command ${command} does not exist`,
      hint === "" ? "install it, or correct exec.command: without a slash, it is looked for in PATH" : hint,
    );
  }

  #check(): void {
    const { command, apiVersion, interactiveMode, env } = this.#exec;
    const problem = [
      command === "" && "has no exec.command",
      apiVersion === "" && "has no exec.apiVersion",
      !VERSIONS.includes(apiVersion) && `has an unsupported exec.apiVersion, ${apiVersion}`,
      interactiveMode === "" && "has no exec.interactiveMode",
      !["Never", "IfAvailable", "Always"].includes(interactiveMode) && "has an invalid exec.interactiveMode",
      env.some(({ name }) => name === "") && "has a variable without a name in exec.env",
    ].find((one) => one !== false);
    if (problem !== undefined)
      throw this.#refuse(
        problem,
        `set command, apiVersion (${VERSIONS.join(" or ")}) and interactiveMode (Never, IfAvailable or Always)`,
      );
  }

  #refuse(what: string, hint: string): GaswError {
    return refusal(this.#target.user, what, hint);
  }
}

function isExpired({ expires }: ExecCredentials): boolean {
  return expires !== undefined && expires < Date.now();
}

function recordOf(value: unknown, what: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value))
    return value as Record<string, unknown>;
  throw new KubeconfigProblem(`${what} is not an object`);
}
