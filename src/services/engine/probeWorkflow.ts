import { randomBytes } from "node:crypto";
import { chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { commandLine } from "../../core/commandWords.ts";
import type { RunAs, Workflow } from "../../core/job.ts";
import { effectiveRunAs } from "../../core/manifests/security.ts";
import { shellWord } from "../../core/shellWord.ts";
import { GaswError, messageOf, systemCode } from "../../errors.ts";
import { Store } from "../../store/store.ts";
import { planCleanup } from "../cleanup/cleanup.ts";
import { removeWorkflow } from "../cleanup/removeWorkflow.ts";
import type { Deps } from "../deps.ts";
import { ownerOf } from "../workflow/directory.ts";

/** Milliseconds that the removal may take, also after a Ctrl-C. */
const REMOVAL_MS = 120_000;
/** Seconds of it for each kind of object. */
const REMOVAL_STEP_S = 60;
/** Seconds after which a wait is given up that a job would be given up for at some time. */
const PATIENCE_S = 30;

/** What a body does in a workflow that is there for it alone. */
type Body<T> = (deps: Deps, workflow: Workflow) => Promise<T>;

/**
 * Runs something in a workflow of its own, with a state file of its own, and removes all of that whatever comes of it:
 * nobody else learns of its jobs, and no database.
 * @param location folder that its directory is made in
 * @throws GaswError CONFIG where it cannot be made
 */
export async function inProbeWorkflow<T>(deps: Deps, location: string, body: Body<T>): Promise<T> {
  const directory = makeDirectory(deps, location);
  const folder = mkdtempSync(path.join(tmpdir(), "gasw-k8s-probe-"));
  try {
    const store = new Store({ path: path.join(folder, "state.db"), warn: deps.warn, now: deps.now });
    try {
      return await inState(new ProbeDeps(deps, store), directory, body);
    } finally {
      store.close();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function inState<T>(deps: Deps, directory: string, body: Body<T>): Promise<T> {
  const workflow = { id: path.basename(directory), directory, namespace: deps.config.k8sNamespace };
  try {
    return await body(deps, workflow);
  } finally {
    await remove(deps, workflow);
  }
}

/** What services work with, with another state file, and with less patience: a person waits. */
class ProbeDeps implements Deps {
  readonly config: Deps["config"];
  readonly store: Store;
  readonly #given: Deps & { close?(): void };

  constructor(given: Deps & { close?(): void }, store: Store) {
    this.#given = given;
    this.store = store;
    this.config = { ...given.config, pending: impatient(given.config.pending) };
  }

  /** Made when it is needed: it may not be configured. */
  get client(): Deps["client"] {
    return this.#given.client;
  }

  get host(): string {
    return this.#given.host;
  }

  get signal(): AbortSignal {
    return this.#given.signal;
  }

  readonly now = (): Date => this.#given.now();
  readonly warn = (message: string): void => this.#given.warn(message);

  withSignal(signal: AbortSignal): ProbeDeps {
    return new ProbeDeps(this.#given.withSignal(signal), this.store);
  }

  close(): void {
    this.#given.close?.();
  }
}

/** A wait that has an end ends soon. */
function impatient(pending: Deps["config"]["pending"]): Deps["config"]["pending"] {
  const shortened = Object.entries(pending).map(([reason, seconds]) => [
    reason,
    seconds === null ? null : Math.min(seconds, PATIENCE_S),
  ]);
  return Object.fromEntries(shortened);
}

/** Makes a workflow directory as the engine would: as root, it is given to whoever the folder belongs to. */
function makeDirectory({ config }: Deps, location: string): string {
  const directory = path.join(location, `workflow-probe-${randomBytes(4).toString("hex")}`);
  try {
    const owner = effectiveRunAs(config.securityContext, ownerOf(location));
    mkdirSync(directory);
    give(directory, owner);
    for (const name of ["sh", "config", "inv"]) {
      mkdirSync(path.join(directory, name));
      give(path.join(directory, name), owner);
    }
    return directory;
  } catch (cause) {
    throw new GaswError(
      "CONFIG",
      `no workflow directory can be made in ${location} (${systemCode(cause) ?? messageOf(cause)})`,
      {
        hint: "run this as the engine's user, and set workflowsLocation to the folder of the workflow directories",
        cause,
      },
    );
  }
}

function give(file: string, { uid, gid }: RunAs): void {
  if (process.getuid?.() === 0) chownSync(file, uid, gid);
}

/** Writes a file of the workflow's, as the engine would. */
export function writeIn({ directory }: Workflow, name: string, text: string): string {
  const file = path.join(directory, name);
  writeFileSync(file, text);
  give(file, ownerOf(directory));
  return file;
}

/** Removes the workflow from the cluster, if anything of it may be there, then its directory. */
async function remove(deps: Deps, workflow: Workflow): Promise<void> {
  const { directory } = workflow;
  try {
    await removeFromCluster(deps, workflow);
    rmSync(directory, { recursive: true, force: true });
  } catch (error) {
    const { namespace } = workflow;
    const command = commandLine("cleanup", "-n", namespace, "--workflow", directory, "--yes", "--cancel");
    deps.warn(
      `the probe's workflow could not be removed: ${messageOf(error)}; to remove it, a minute later: \`${command} && rm -r ${shellWord(directory)}\``,
    );
  }
}

async function removeFromCluster(deps: Deps, { namespace, id, directory }: Workflow): Promise<void> {
  const workflow = deps.store.workflows.find(namespace, id);
  if (workflow === undefined || deps.store.placements.of(workflow).state === "nowhere") return;
  const last = deps.withSignal(AbortSignal.timeout(REMOVAL_MS));
  try {
    const plan = await planCleanup(last, { namespace, id }, false);
    const { failures } = await removeWorkflow(last, plan, {
      directory,
      workflow,
      timeout: REMOVAL_STEP_S,
      onStep: () => undefined,
    });
    if (failures[0] !== undefined) throw failures[0];
  } finally {
    last.close();
  }
}
