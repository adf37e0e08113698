import { describeExitCode, type Stage, signalOf } from "../gasw/exitCode.ts";
import { CUT_OFF } from "../lifecycle/ending.ts";
import { lastLookIn } from "../lifecycle/lastLook.ts";
import { SCRIPT_CHANGED } from "../lifecycle/marks.ts";
import { cpuText, memoryText, timeText, twice } from "../manifests/amounts.ts";
import type { LastSection } from "../output/lastSection.ts";
import type { Section } from "../output/lines.ts";
import { type Cause, type Explanation, type Facts, mainContainer, podSpec } from "./facts.ts";
import { withImage } from "./image.ts";
import { lackingCauses } from "./lacking.ts";
import { again, command, PLACEHOLDERS, rerun } from "./remedies.ts";
import { scriptCauses } from "./script.ts";

/** Explanations of jobs that are over. */
export const endedCauses: readonly Cause[] = [
  { id: "completed", match: completed },
  { id: "deleted", match: deleted },
  { id: "out-of-memory", match: outOfMemory },
  { id: "deadline", match: deadline },
  { id: "init-container", match: initContainer },
  { id: "evicted", match: evicted },
  { id: "node-lost", match: nodeLost },
  { id: "rejected-by-node", match: rejected },
  { id: "pod-deleted", match: podDeleted },
  { id: "stopped", match: stopped },
  { id: "unmeasured", match: unmeasured },
  { id: "gone", match: gone },
  { id: "pod-gone", match: podGone },
  { id: "cannot-start", match: cannotStart },
  ...scriptCauses,
  ...lackingCauses,
  { id: "command-not-executable", match: notExecutable },
  { id: "signal", match: signalled },
  { id: "exit-code", match: exitCode },
  { id: "failed", match: failed },
];

/** Where the job ran, and for how long. */
function ran({ state }: Facts): string {
  const { started, ended, node } = state;
  const time =
    started === undefined || ended === undefined
      ? ""
      : ` after ${timeText(Date.parse(ended) - Date.parse(started))}`;
  return `${time}${node === undefined ? "" : ` on node ${node}`}`;
}

function completed(facts: Facts): Explanation | undefined {
  if (facts.state.status !== "COMPLETED") return undefined;
  return {
    sentence: `completed with exit code 0${ran(facts)}`,
    remedy: `nothing to do; ${command(facts.job, "debug logs")} shows its output`,
  };
}

function deleted(facts: Facts): Explanation | undefined {
  const { state } = facts;
  const at = state.ended === undefined ? "" : ` at ${state.ended}`;
  const by = state.message === undefined ? "" : ` (${state.message})`;
  switch (state.status) {
    case "DELETED":
      return { sentence: `was cancelled${at}${by}`, remedy: `nothing to do; ${again(facts)}` };
    case "DELETED_REPLICA":
      return {
        sentence: `was killed as a replica${at}${by}`,
        remedy: "nothing to do: another attempt has completed",
      };
    case "CANCELLED":
      return {
        sentence: `reported that it was cancelled (exit code 9)`,
        remedy: `nothing to do; ${again(facts)}`,
      };
    default:
      return undefined;
  }
}

/** Held for its script, not for its failures. */
export function scriptChanged({ state, job }: Facts): Explanation | undefined {
  if (state.status !== SCRIPT_CHANGED.stage.status || state.reason !== SCRIPT_CHANGED.reason)
    return undefined;
  return {
    sentence: "is held because the script has changed since it was submitted",
    remedy: `${rerun({ state, job })} runs the new version; or restore the script, then run ${command(job, "release")}`,
    ...(state.message === undefined ? {} : { evidence: [state.message] }),
  };
}

function outOfMemory(facts: Facts): Explanation | undefined {
  if (facts.state.reason !== "OOMKilled") return undefined;
  const limit = mainContainer(facts)?.resources?.limits?.memory;
  const sentence =
    limit === undefined
      ? "ran out of memory and was killed (OOMKilled); its container has no known limit, so the node may have run out of memory"
      : `exceeded its memory limit of ${limit} and was killed (OOMKilled)`;
  const more = rerun(facts, "--memory", limit === undefined ? PLACEHOLDERS.amount : twice(limit));
  return {
    sentence,
    remedy: `give it more memory: ${more} (resources.memory sets it for all jobs), or reduce its memory use`,
  };
}

function deadline(facts: Facts): Explanation | undefined {
  if (facts.state.reason !== "DeadlineExceeded") return undefined;
  const seconds = podSpec(facts)?.activeDeadlineSeconds ?? facts.kubeJob?.spec?.activeDeadlineSeconds;
  const limit = seconds === undefined ? "its time limit" : `its time limit of ${timeText(seconds * 1000)}`;
  const more = seconds === undefined ? PLACEHOLDERS.duration : `${2 * seconds}s`;
  const longer = `give it more time: ${rerun(facts, "--timeout", more)} (\`timeout\` sets it for all jobs)`;
  if (facts.state.started === undefined && cutOffOf(facts) === "")
    return {
      sentence: `was stopped by ${limit} (DeadlineExceeded), which counts from its pod's assignment to a node: it is not known to have begun`,
      remedy: `${longer}, or find out why its image or its volumes took so long (${command(facts.job, "debug events")})`,
    };
  return {
    sentence: `exceeded ${limit} and was stopped (DeadlineExceeded)${cutOffOf(facts)}`,
    remedy: `${longer}, or make it faster${moreGrace(facts)}`,
  };
}

function initContainer({ state, job }: Facts): Explanation | undefined {
  if (state.reason !== "InitError") return undefined;
  return {
    sentence: `never started: ${state.message ?? "an init container failed"}`,
    remedy: `read that container's log with ${command(job, "debug logs")} and fix initContainers in the configuration`,
  };
}

/** That its clean-up was cut off, where its message says so: the message ends with that. */
function cutOffOf({ state }: Facts): string {
  const at = state.message?.indexOf(CUT_OFF) ?? -1;
  return at < 0 ? "" : `; ${state.message?.slice(at)}`;
}

/** What gives a clean-up that was cut off more time. */
function moreGrace(facts: Facts): string {
  if (cutOffOf(facts) === "") return "";
  const seconds = podSpec(facts)?.terminationGracePeriodSeconds;
  return `; a longer --grace-period${seconds === undefined ? "" : ` (${seconds} s now)`} gives it more time to clean up (terminationGracePeriodSeconds sets it for all jobs)`;
}

/** Twice the temporary storage that its container may use. */
function moreStorage(facts: Facts): string {
  const limit = mainContainer(facts)?.resources?.limits?.["ephemeral-storage"];
  return limit === undefined ? PLACEHOLDERS.amount : twice(limit);
}

function evicted(facts: Facts): Explanation | undefined {
  const { state } = facts;
  if (state.reason !== "Evicted") return undefined;
  // Not the node's room has run out, but its own (kubelet, "localStorageEviction").
  if (/ephemeral.*exceed|exceed.*ephemeral/i.test(state.message ?? ""))
    return {
      sentence: `was evicted because it used more temporary storage than it requested: ${state.message}`,
      remedy: `give it more: ${rerun(facts, "--ephemeral-storage", moreStorage(facts))} (resources.ephemeralStorage sets it for all jobs), or write large files to the workflow directory or a volume${moreGrace(facts)}`,
    };
  return {
    sentence: `was evicted from its node${state.node === undefined ? "" : ` ${state.node}`}: ${state.message ?? "the node ran out of resources"}`,
    remedy: `${again(facts)}; a memory request close to its actual use, or a priorityClassName, makes eviction less likely${moreGrace(facts)}`,
  };
}

function nodeLost(facts: Facts): Explanation | undefined {
  const { state } = facts;
  if (state.reason !== "NodeLost") return undefined;
  const node = state.node === undefined ? "its node" : `node ${state.node}`;
  return {
    sentence: `was lost with ${node}, which went down while the job was running${state.message === undefined ? "" : `: ${state.message}`}`,
    remedy: `${again(facts)}; \`gasw-k8s debug nodes\` shows the state of the nodes`,
  };
}

function rejected(facts: Facts): Explanation | undefined {
  const { state } = facts;
  if (state.reason !== "Rejected") return undefined;
  return {
    sentence: `was rejected by node ${state.node ?? "(unknown)"}, which the scheduler had chosen: ${state.message ?? "no reason given"}`,
    remedy: again(facts),
  };
}

function podDeleted(facts: Facts): Explanation | undefined {
  if (facts.state.reason !== "PodDeleted") return undefined;
  return {
    sentence: `was stopped because its pod or Job was deleted while it was running${cutOffOf(facts)}`,
    remedy: `${again(facts)}${moreGrace(facts)}`,
  };
}

function stopped(facts: Facts): Explanation | undefined {
  const { state } = facts;
  if (state.reason !== "Stopped") return undefined;
  return {
    sentence: `was stopped before it had finished: ${state.message ?? "it exited with 0 on a stop signal"}`,
    remedy: `${again(facts)}; a script that handles SIGTERM must not exit with 0 before it has finished`,
  };
}

function unmeasured(facts: Facts): Explanation | undefined {
  const { state } = facts;
  if (state.reason !== "ContainerStatusUnknown") return undefined;
  const node = state.node === undefined ? "its node" : `node ${state.node}`;
  return {
    sentence: `ended in an unknown way: ${node} does not report how its container ended, nor do its output and its record`,
    remedy: `${again(facts)}; \`gasw-k8s debug nodes\` shows the state of the nodes`,
  };
}

function gone(facts: Facts): Explanation | undefined {
  const { state, job } = facts;
  if (state.reason !== "Gone") return undefined;
  return {
    sentence: `is no longer in the cluster (deleted, or expired), and its output does not show how it ended${lastLookIn(state.message)}`,
    remedy: `read its output with ${command(job, "debug logs")}; ${again(facts)}; a longer options.ttlJob keeps finished jobs longer`,
  };
}

function podGone(facts: Facts): Explanation | undefined {
  const { state } = facts;
  if (state.reason !== "PodGone") return undefined;
  return {
    sentence: `lost its pod before its end was observed: ${state.message ?? "the pod was deleted"}`,
    remedy: `${again(facts)}; the pod was deleted, or its node was removed`,
  };
}

function cannotStart({ state, job, ...facts }: Facts): Explanation | undefined {
  if (state.reason !== "StartError" && state.reason !== "ContainerCannotRun") return undefined;
  const image = mainContainer({ state, job, ...facts })?.image;
  // In runc's words and in crun's.
  const noBash = /["`]bash["`].*not found/.test(state.message ?? "");
  return {
    sentence: noBash
      ? `could not start: its image${image === undefined ? "" : ` ${image}`} has no \`bash\`, which runs the scripts`
      : `could not start: ${state.message ?? "the container runtime refused the container"}`,
    remedy: noBash
      ? `use an image that has it: ${withImage({ state, job })} (\`image\` in the configuration sets it for all jobs); docs/images.md has a recipe`
      : "fix the image or the container's settings",
    ...(state.message === undefined ? {} : { evidence: [state.message] }),
  };
}

function notExecutable(facts: Facts): Explanation | undefined {
  if (facts.state.status !== "ERROR" || facts.state.exitCode !== 126) return undefined;
  return {
    sentence: "failed with exit code 126: a command of the script was found but could not be executed",
    remedy:
      "make the program executable (chmod +x), and check that it is built for the node's CPU architecture",
    ...lastWords(facts),
  };
}

function signalled(facts: Facts): Explanation | undefined {
  const { status, exitCode: code } = facts.state;
  const signal = status === "ERROR" && code !== undefined ? signalOf(code) : undefined;
  if (signal === undefined) return undefined;
  const limits = mainContainer(facts)?.resources?.limits;
  const memory = limits?.memory === undefined ? PLACEHOLDERS.amount : twice(limits.memory);
  const more = rerun(facts, "--memory", memory);
  const given = limits?.memory === undefined ? "" : ` (its limit is ${memoryText(limits.memory)})`;
  const remedies: Readonly<Record<string, string>> = {
    SIGKILL: `it most likely ran out of memory${given}: give it more with ${more}`,
    SIGTERM: `see ${command(facts.job, "debug events")}: a user or the node stopped it`,
    SIGSEGV: "read its log: the program crashed, possibly because of an incompatible library in the image",
    SIGBUS: "read its log: the program accessed a truncated file, or /dev/shm is full",
    SIGILL: `check the node: the program was built for another CPU (cpu limit ${cpuText(limits?.cpu)})`,
    SIGXFSZ: "write smaller files: one exceeded the size limit",
  };
  return {
    sentence: `failed with exit code ${code}: one of its processes was killed by ${signal}${ran(facts)}`,
    remedy: remedies[signal] ?? `read its log: ${command(facts.job, "debug logs")}`,
    ...lastWords(facts),
  };
}

const STAGES: Readonly<Record<Stage, string>> = {
  setup: "during setup",
  inputs: "while downloading its inputs",
  application: "in the application itself",
  results: "while uploading its results",
  system: "in the job system",
};

const STAGE_REMEDIES: Readonly<Record<Stage, string>> = {
  setup: "fix what the script needs before it starts (its directory, configuration and tools)",
  inputs: "check that the inputs exist and that the pod can reach the storage",
  application: "read the application's output, and fix its parameters or the program",
  results:
    "check that the pod can write to the results' destination and that the file does not exist there yet",
  system: "nothing of the job itself is known to be wrong",
};

function exitCode(facts: Facts): Explanation | undefined {
  const { status, exitCode: code } = facts.state;
  if (status !== "ERROR" || code === undefined) return undefined;
  const { text, stage, name } = describeExitCode(code);
  const log = command(facts.job, "debug logs");
  const failed = `failed with exit code ${code}`;
  if (stage !== undefined && isIn(stage, facts.lastSection))
    return {
      sentence: `${failed} ${STAGES[stage]}: ${text} (${name})${ran(facts)}`,
      remedy: `${STAGE_REMEDIES[stage]}; its log: ${log}`,
      ...lastWords(facts),
    };
  // A script may end with any code: where its output does not show that stage, GASW's word for it is an offer.
  const sentence =
    stage === undefined
      ? `${failed}, ${text}${ran(facts)}`
      : `${failed}${ran(facts)}; in GASW's scripts this code means: ${text} (${name})`;
  return { sentence, remedy: `read its log: ${log}`, ...lastWords(facts) };
}

const SECTION_STAGES: Readonly<Record<Section, Stage>> = {
  upload_test: "setup",
  inputs_download: "inputs",
  application_execution: "application",
  results_upload: "results",
};

/** Whether a job's output shows that it was in a stage when it ended. */
function isIn(stage: Stage, last: LastSection | undefined): boolean {
  if (last === undefined) return false;
  // What comes before the first section, and around all of them, has none of its own.
  if (stage === "system" || stage === "setup") return true;
  return SECTION_STAGES[last.section] === stage;
}

/** Ended in ERROR or STALLED for a reason that has no row of its own. */
function failed({ state, job }: Facts): Explanation | undefined {
  if (state.status !== "ERROR" && state.status !== "STALLED") return undefined;
  const reason = [state.reason, state.message].filter((part) => part !== undefined).join(": ");
  return {
    sentence: `ended as ${state.status}${reason === "" ? "" : ` (${reason})`}`,
    remedy: `see all its details: ${command(job, "debug describe")}`,
  };
}

function lastWords(facts: Facts): { evidence?: readonly string[] } {
  return facts.lastWords.length === 0 ? {} : { evidence: facts.lastWords };
}
