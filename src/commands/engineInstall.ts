/** `engine install`. */
import path from "node:path";
import type { LoadedConfig } from "../config/load/load.ts";
import { Context } from "../context.ts";
import { GaswError } from "../errors.ts";
import { type EngineFolder, readEngine } from "../services/engine/engineFolder.ts";
import {
  COMMAND_KEY,
  CONFIG_KEY,
  includedFinding,
  namedConfig,
  settingsDiff,
  settingsFinding,
  wantedCommand,
  wantedConfig,
} from "../services/engine/engineSettings.ts";
import { placePlugin } from "../services/engine/placePlugin.ts";
import { executorPlugins, placeOfPlugin, pluginFolders } from "../services/engine/plugins.ts";
import { probe, workflowsLocation } from "../services/engine/probe.ts";
import { checkGasw, checkJava } from "../services/engine/runtime.ts";
import type { Finding } from "../services/submit/finding.ts";
import type { Io, OutputFormat } from "../ui/io.ts";
import { waitingLines } from "../ui/progress.ts";
import { lackingIn, partsOf, tryCluster } from "./clusterCheck.ts";
import { findingRecord, printFindings, problemsIn } from "./findings.ts";

export interface InstallOptions {
  readonly output: OutputFormat;
  /** `--config`. */
  readonly config?: string | undefined;
}

/** Loads the configuration from a file or, without one, from wherever it is found. */
type Load = (file: string | undefined) => Promise<LoadedConfig>;

/**
 * Puts the executor plugin in place, and says what else an engine needs to run its jobs with this tool.
 * @throws GaswError CONFIG where the directory is not an engine's; the first problem that jobs cannot run with
 */
export async function engineInstall(io: Io, load: Load, dir: string, options: InstallOptions): Promise<void> {
  const engine = readEngine(path.resolve(io.cwd, dir), io.env);
  const report = new Report(io, options);
  const plugins = executorPlugins(engine);
  const jar = placeOfPlugin(engine, plugins);
  const placed = placePlugin(jar);
  report.tell(placed, ...pluginFolders(plugins));
  report.tell(await checkJava(io.env, io.signal));
  report.tell(checkGasw(engine));
  const command = wantedCommand(engine, io.env);
  report.tell(command.finding);
  const config = await tryConfiguration(io, engine, load, options, report);
  const values = { [COMMAND_KEY]: command.value, [CONFIG_KEY]: config };
  // Without the plugin in its place, the settings are not to name it.
  const diff = placed.problem === undefined ? settingsDiff(engine, jar, plugins, values) : undefined;
  if (diff !== undefined) report.tell(...includedFinding(engine), settingsFinding(engine, diff));
  report.end(diff ?? Buffer.of());
}

/** Tries the configuration, the cluster and a job. @returns what `gasw-k8s.config` is to say */
async function tryConfiguration(
  io: Io,
  engine: EngineFolder,
  load: Load,
  options: InstallOptions,
  report: Report,
): Promise<string | undefined> {
  const named = options.config ?? (io.env.GASW_K8S_CONFIG || namedConfig(engine));
  const file = named === undefined ? undefined : path.resolve(io.cwd, named);
  try {
    const loaded = await load(file);
    const { finding, value } = wantedConfig(loaded, file);
    report.tell(finding);
    await tryJobs(io, loaded, engine, options, report);
    return value;
  } catch (error) {
    if (!(error instanceof GaswError) || error.code !== "CONFIG") throw error;
    report.tell({ check: "config", subject: file ?? "the configuration", problem: error });
    return file;
  }
}

/** What is refused already is not tried with a job. */
async function tryJobs(
  io: Io,
  loaded: LoadedConfig,
  { settings }: EngineFolder,
  options: InstallOptions,
  report: Report,
): Promise<void> {
  const context = new Context(io, loaded);
  try {
    for (const warning of loaded.warnings) context.warn(warning);
    const parts = partsOf(context, undefined);
    const lacking = lackingIn(parts).map(
      (problem): Finding => ({ check: "config", subject: "submissions", problem }),
    );
    const findings = [...lacking, ...(await tryCluster(context, parts))];
    report.tell(...findings);
    if (problemsIn(findings).length > 0) return;
    const wait = waitingLines(io, { text: "waiting for the probe job" }, options);
    const location = workflowsLocation(context.config, io.cwd);
    const onWait = (text: string) => wait.update({ text });
    const found = await probe(context, { location, settings, onWait }).finally(() => wait.stop());
    report.tell(...found);
  } finally {
    context.close();
  }
}

/** What is found out, told as it is where a person reads. */
class Report {
  readonly #io: Io;
  readonly #isForPrograms: boolean;
  readonly #findings: Finding[] = [];

  constructor(io: Io, { output }: InstallOptions) {
    this.#io = io;
    this.#isForPrograms = output !== "text";
  }

  tell(...findings: readonly Finding[]): void {
    this.#findings.push(...findings);
    if (!this.#isForPrograms) printFindings(this.#io, findings);
  }

  /** @throws GaswError the first problem that jobs cannot run with */
  end(diff: Buffer): void {
    const { stdout } = this.#io;
    const [first] = problemsIn(this.#findings);
    if (this.#isForPrograms) {
      const answer = {
        ok: first === undefined,
        checks: this.#findings.map(findingRecord),
        diff: diff.toString(),
      };
      stdout.write(`${JSON.stringify(answer, null, 2)}\n`);
    } else stdout.write(diff);
    if (first === undefined) return;
    throw new GaswError(first.code, `the engine's jobs would not run: ${first.message}`, {
      hint: "see each line above for what to do, then run `gasw-k8s engine install` again",
      cause: first,
    });
  }
}
