import { describeExitCode, type Stage, signalOf } from "../gasw/exitCode.ts";
import { CUT_OFF } from "../lifecycle/ending.ts";
import { SCRIPT_CHANGED } from "../lifecycle/marks.ts";
import { cpuText, memoryText, timeText, twice } from "../manifests/amounts.ts";
import { type Cause, type Explanation, type Facts, mainContainer, podSpec } from "./facts.ts";

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
  { id: "command-not-found", match: (facts) => shellCode(facts, 127) },
  { id: "command-not-executable", match: (facts) => shellCode(facts, 126) },
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
    remedy: `nothing to do; \`gasw-k8s debug logs ${facts.job.id}\` shows its output`,
  };
}

function deleted({ state, job }: Facts): Explanation | undefined {
  const at = state.ended === undefined ? "" : ` at ${state.ended}`;
  const by = state.message === undefined ? "" : ` (${state.message})`;
  switch (state.status) {
    case "DELETED":
      return { sentence: `was cancelled${at}${by}`, remedy: `nothing to do; ${again(job.id)}` };
    case "DELETED_REPLICA":
      return {
        sentence: `was ended as a replica${at}${by}`,
        remedy: "nothing to do: another attempt of it has completed",
      };
    case "CANCELLED":
      return {
        sentence: `says itself that it was cancelled (exit code 9)`,
        remedy: `nothing to do; ${again(job.id)}`,
      };
    default:
      return undefined;
  }
}

/** Held for its script, not for its failures. */
export function scriptChanged({ state, job }: Facts): Explanation | undefined {
  if (state.status !== SCRIPT_CHANGED.status || state.reason !== SCRIPT_CHANGED.reason) return undefined;
  return {
    sentence:
      "is held: its script is not the one that was submitted, and nobody who has seen that has asked for it to run",
    remedy: `\`gasw-k8s retry ${job.id}\` runs it as it is now; or put the script back as it was, then \`gasw-k8s release ${job.id}\``,
    ...(state.message === undefined ? {} : { evidence: [state.message] }),
  };
}

/** What runs a job once more. */
function again(id: string): string {
  return `\`gasw-k8s retry ${id}\` runs it again`;
}

function outOfMemory(facts: Facts): Explanation | undefined {
  if (facts.state.reason !== "OOMKilled") return undefined;
  const limit = mainContainer(facts)?.resources?.limits?.memory;
  const sentence =
    limit === undefined
      ? "was killed for lack of memory (OOMKilled); its container has no known limit of its own, so the node may have run out"
      : `needed more memory than its limit of ${limit} and was killed (OOMKilled)`;
  const more =
    limit === undefined ? "--memory with what it needs" : `a higher --memory, for example ${twice(limit)}`;
  return {
    sentence,
    remedy: `submit it with ${more} (resources.memory sets it for all jobs), or make it need less`,
  };
}

function deadline(facts: Facts): Explanation | undefined {
  if (facts.state.reason !== "DeadlineExceeded") return undefined;
  const seconds = podSpec(facts)?.activeDeadlineSeconds ?? facts.kubeJob?.spec?.activeDeadlineSeconds;
  const limit = seconds === undefined ? "its time limit" : `its time limit of ${timeText(seconds * 1000)}`;
  return {
    sentence: `ran longer than ${limit} and was stopped (DeadlineExceeded)${cutOffOf(facts)}`,
    remedy: `submit it with a longer --timeout (\`timeout\` sets it for all jobs), or make it faster${moreGrace(facts)}`,
  };
}

function initContainer({ state, job }: Facts): Explanation | undefined {
  if (state.reason !== "InitError") return undefined;
  return {
    sentence: `never began: ${state.message ?? "an init container failed"}`,
    remedy: `read that container's log with \`gasw-k8s debug logs ${job.id}\` and correct initContainers in the configuration`,
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
  return `; terminationGracePeriodSeconds${seconds === undefined ? "" : ` (${seconds} now)`} gives its clean-up more time`;
}

function evicted(facts: Facts): Explanation | undefined {
  const { state, job } = facts;
  if (state.reason !== "Evicted") return undefined;
  return {
    sentence: `was evicted from its node${state.node === undefined ? "" : ` ${state.node}`}: ${state.message ?? "the node needed the room"}`,
    remedy: `${again(job.id)}; a memory request near what it uses, or a priorityClassName, makes an eviction less likely${moreGrace(facts)}`,
  };
}

function nodeLost({ state, job }: Facts): Explanation | undefined {
  if (state.reason !== "NodeLost") return undefined;
  const node = state.node === undefined ? "its node" : `node ${state.node}`;
  return {
    sentence: `was lost with ${node}, which went down while it ran${state.message === undefined ? "" : `: ${state.message}`}`,
    remedy: `${again(job.id)}; \`gasw-k8s debug nodes\` shows the state of the nodes`,
  };
}

function rejected({ state, job }: Facts): Explanation | undefined {
  if (state.reason !== "Rejected") return undefined;
  return {
    sentence: `was refused by node ${state.node ?? "(unknown)"} although the scheduler had chosen it: ${state.message ?? "no reason given"}`,
    remedy: again(job.id),
  };
}

function podDeleted(facts: Facts): Explanation | undefined {
  if (facts.state.reason !== "PodDeleted") return undefined;
  return {
    sentence: `was stopped, since somebody deleted its pod or its Job while it ran${cutOffOf(facts)}`,
    remedy: `${again(facts.job.id)}${moreGrace(facts)}`,
  };
}

function stopped({ state, job }: Facts): Explanation | undefined {
  if (state.reason !== "Stopped") return undefined;
  return {
    sentence: `was stopped before it had done its work: ${state.message ?? "it answered a stop signal with exit code 0"}`,
    remedy: `${again(job.id)}; a script that handles SIGTERM should not end with 0 before it is done`,
  };
}

function unmeasured({ state, job }: Facts): Explanation | undefined {
  if (state.reason !== "ContainerStatusUnknown") return undefined;
  const node = state.node === undefined ? "its node" : `node ${state.node}`;
  return {
    sentence: `was lost sight of: ${node} cannot say how its container ended, and neither its output nor its record does`,
    remedy: `${again(job.id)}; \`gasw-k8s debug nodes\` shows the state of the nodes`,
  };
}

function gone({ state, job }: Facts): Explanation | undefined {
  if (state.reason !== "Gone") return undefined;
  return {
    sentence:
      "is no longer in the cluster (deleted, or removed by its time to live), and its output does not say how it ended",
    remedy: `read what it wrote with \`gasw-k8s debug logs ${job.id}\`; ${again(job.id)}; a longer options.ttlJob keeps finished jobs longer`,
  };
}

function podGone({ state, job }: Facts): Explanation | undefined {
  if (state.reason !== "PodGone") return undefined;
  return {
    sentence: `lost its pod before anybody saw how it ended: ${state.message ?? "the pod was deleted"}`,
    remedy: `somebody deleted the pod, or its node was removed; ${again(job.id)}`,
  };
}

function cannotStart({ state, job, ...facts }: Facts): Explanation | undefined {
  if (state.reason !== "StartError" && state.reason !== "ContainerCannotRun") return undefined;
  const image = mainContainer({ state, job, ...facts })?.image;
  // In runc's words and in crun's.
  const noBash = /["`]bash["`].*not found/.test(state.message ?? "");
  return {
    sentence: noBash
      ? `could not start: its image${image === undefined ? "" : ` ${image}`} has no bash, which runs the scripts`
      : `could not start: ${state.message ?? "the container runtime refused the container"}`,
    remedy: noBash
      ? "use an image that has bash (--image, or `image` in the configuration)"
      : "correct the image or the container's settings",
    ...(state.message === undefined ? {} : { evidence: [state.message] }),
  };
}

function shellCode(facts: Facts, code: number): Explanation | undefined {
  if (facts.state.status !== "ERROR" || facts.state.exitCode !== code) return undefined;
  const image = mainContainer(facts)?.image;
  const where = image === undefined ? "in its image" : `in image ${image}`;
  return {
    sentence:
      code === 127
        ? `failed with exit code 127: a command of the script does not exist ${where}`
        : "failed with exit code 126: a command of the script was found but could not be executed",
    remedy:
      code === 127
        ? `use an image that has the command, or correct the script; \`gasw-k8s debug shell ${facts.job.id}\` lets you try`
        : "make the program executable (chmod +x), and check that it is built for the node's kind of processor",
    ...lastWords(facts),
  };
}

function signalled(facts: Facts): Explanation | undefined {
  const { status, exitCode: code } = facts.state;
  const signal = status === "ERROR" && code !== undefined ? signalOf(code) : undefined;
  if (signal === undefined) return undefined;
  const limits = mainContainer(facts)?.resources?.limits;
  const given = limits?.memory === undefined ? "" : ` (its limit is ${memoryText(limits.memory)})`;
  const remedies: Readonly<Record<string, string>> = {
    SIGKILL: `most often this is a lack of memory: submit it with a higher --memory${given}`,
    SIGTERM: `somebody or the node stopped it: see \`gasw-k8s debug events ${facts.job.id}\` and run it again`,
    SIGSEGV: "the program has a fault, or a library of the image does not fit it: read its log",
    SIGBUS: "the program touched a file that was cut short, or /dev/shm is full: read its log",
    SIGILL: `the program was built for another processor: check the node (cpu limit ${cpuText(limits?.cpu)})`,
    SIGXFSZ: "a file grew beyond the allowed size: write smaller files",
  };
  return {
    sentence: `failed with exit code ${code}: a process of it was ended by ${signal}${ran(facts)}`,
    remedy: remedies[signal] ?? `read its log: gasw-k8s debug logs ${facts.job.id}`,
    ...lastWords(facts),
  };
}

const STAGES: Readonly<Record<Stage, string>> = {
  setup: "while it was being set up",
  inputs: "while its inputs were downloaded",
  application: "in the application itself",
  results: "while its results were uploaded",
  system: "in the job system",
};

const STAGE_REMEDIES: Readonly<Record<Stage, string>> = {
  setup: "correct what the script needs before it begins (its folder, configuration and tools)",
  inputs: "check that the inputs exist and that the storage can be reached from the pod, then run it again",
  application: "read what the application wrote, and correct its parameters or the program",
  results:
    "check that the place of the results can be written from the pod and holds no such file yet, then run it again",
  system: "run it again",
};

function exitCode(facts: Facts): Explanation | undefined {
  const { status, exitCode: code } = facts.state;
  if (status !== "ERROR" || code === undefined) return undefined;
  const { text, stage, name } = describeExitCode(code);
  const meaning = name === undefined ? text : `${text} (${name})`;
  const log = `gasw-k8s debug logs ${facts.job.id}`;
  // A script that is none of GASW's may end with any code, so GASW's word for it is an offer.
  return {
    sentence:
      stage === undefined
        ? `failed with exit code ${code}, ${meaning}${ran(facts)}`
        : `failed with exit code ${code} ${STAGES[stage]}: in GASW's words, ${meaning}${ran(facts)}`,
    remedy: stage === undefined ? `read its log: ${log}` : `${STAGE_REMEDIES[stage]}; its log: ${log}`,
    ...lastWords(facts),
  };
}

/** Ended in ERROR or STALLED for a reason that has no row of its own. */
function failed({ state, job }: Facts): Explanation | undefined {
  if (state.status !== "ERROR" && state.status !== "STALLED") return undefined;
  const reason = [state.reason, state.message].filter((part) => part !== undefined).join(": ");
  return {
    sentence: `ended as ${state.status}${reason === "" ? "" : ` (${reason})`}`,
    remedy: `look at everything the cluster knows of it: gasw-k8s debug describe ${job.id}`,
  };
}

function lastWords(facts: Facts): { evidence?: readonly string[] } {
  return facts.lastWords.length === 0 ? {} : { evidence: facts.lastWords };
}
