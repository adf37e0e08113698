import { QUEUE_LABEL } from "../lifecycle/observe.ts";
import { readRefusal } from "../lifecycle/refusal.ts";
import { BLOCKED, NAMESPACE_GONE } from "../lifecycle/round.ts";
import { timeText } from "../manifests/amounts.ts";
import { parseQuantity } from "../manifests/quantity.ts";
import type { CoreV1Event } from "../wire.ts";
import {
  type Cause,
  type Explanation,
  type Facts,
  type MountedClaim,
  mainContainer,
  newestEvent,
  podSpec,
  quote,
} from "./facts.ts";
import { unschedulable } from "./noRoom.ts";

/** Explanations of jobs that can't begin as they are, also of those that were given up for it. */
export const hopelessCauses: readonly Cause[] = [
  { id: "earlier-run", match: earlierRun },
  { id: "output-late", match: outputLate },
  { id: "namespace-gone", match: namespaceGone },
  { id: "not-submitted-volume", match: notSubmittedVolume },
  { id: "not-submitted", match: notSubmitted },
  { id: "config-error", match: configError },
  { id: "pod-never-made", match: givenUpRefused },
];

/** Explanations of jobs that have not begun. */
export const waitingCauses: readonly Cause[] = [
  { id: "quota", match: quota },
  { id: "pod-refused", match: podRefused },
  { id: "suspended", match: suspended },
  { id: "volume-not-bound", match: volumeNotBound },
  { id: "no-room", match: unschedulable },
  { id: "volume-mount", match: volumeMount },
  { id: "sandbox", match: sandbox },
  { id: "initializing", match: initializing },
  { id: "pulling-image", match: pulling },
  { id: "preparing", match: preparing },
  { id: "scheduling", match: scheduling },
  { id: "no-pod-yet", match: noPodYet },
  { id: "waiting", match: otherWait },
];

/** Explanations of jobs that run, or were last seen running. */
export const runningCauses: readonly Cause[] = [
  { id: "node-unreachable", match: nodeUnreachable },
  { id: "pod-terminating", match: podTerminating },
  { id: "running", match: running },
];

function nodeUnreachable(facts: Facts): Explanation | undefined {
  const { status, reason, node } = facts.state;
  if (status !== "RUNNING" || reason !== "NodeUnreachable") return undefined;
  const wayOut = wayOutOf(facts);
  return {
    sentence: `was running when its node${node === undefined ? "" : ` ${node}`} fell silent, and may still run there: it is not run a second time beside that`,
    remedy: `bring the node back; one that is off for good is deleted by its administrator (kubectl delete node), its pods with it, and the job is retried${
      wayOut === undefined ? "" : `; ${wayOut}`
    }`,
    evidence: quote(newestEvent(facts, (event) => event.reason === "NodeNotReady")),
  };
}

/** How a pod that does not go is got rid of. */
function wayOutOf({ seen }: Facts): string | undefined {
  return seen.phase === "waiting" || seen.phase === "running" ? seen.wayOut : undefined;
}

/** Whatever status is known of it: it has ended, and nobody has judged that yet. */
function outputLate({ state, job }: Facts): Explanation | undefined {
  if (state.reason !== "OutputLate") return undefined;
  return {
    sentence: `has ended, and waits for its output: ${state.message}`,
    remedy: `a file server may show it a minute late; \`gasw-k8s status ${job.id}\` tells the end as soon as it can`,
  };
}

function earlierRun({ state, job }: Facts): Explanation | undefined {
  if (state.status !== "NOT_SUBMITTED" || state.reason !== BLOCKED) return undefined;
  return {
    sentence: `is to run again and ${state.message}`,
    remedy: `it is submitted by itself when that is gone: two runs of one script would destroy each other's files; see \`gasw-k8s status --history ${job.id}\` and \`gasw-k8s debug nodes\``,
  };
}

function namespaceGone({ state, job }: Facts): Explanation | undefined {
  if (state.status !== "NOT_SUBMITTED" || state.reason !== NAMESPACE_GONE) return undefined;
  return {
    sentence: `is to run again and ${state.message}`,
    remedy: `make it again as it was, with its labels, quotas and policies (kubectl create namespace ${job.namespace}): the job is submitted by itself then; or give the workflow up with \`gasw-k8s cleanup\``,
  };
}

function podTerminating(facts: Facts): Explanation | undefined {
  const { state, job, seen, now } = facts;
  if (state.reason !== "Terminating" || (state.status !== "RUNNING" && state.status !== "QUEUED"))
    return undefined;
  const goneBy = seen.phase === "waiting" || seen.phase === "running" ? seen.goneBy : undefined;
  if (goneBy !== undefined && Date.parse(goneBy) < now.getTime()) {
    const node = state.node === undefined ? "its node" : `node ${state.node}`;
    return {
      sentence: `waits for its pod, which was to be gone ${timeText(now.getTime() - Date.parse(goneBy))} ago and is still Terminating: ${node} may be off, and the script may run there`,
      remedy: `see \`gasw-k8s debug nodes\`; ${wayOutOf(facts)}`,
    };
  }
  if (state.status !== "RUNNING")
    return { sentence: "waits: its pod is being deleted before it began", remedy: "wait until it is gone" };
  return {
    sentence:
      "runs still, but its pod is being deleted: by somebody, by a drain of its node, or since the node fell silent",
    remedy: `wait until it is gone; if it stays so for minutes, see \`gasw-k8s debug nodes\` and \`gasw-k8s debug events ${job.id}\``,
  };
}

function running({ state, job, now }: Facts): Explanation | undefined {
  if (state.status !== "RUNNING") return undefined;
  const since =
    state.started === undefined
      ? ""
      : ` for ${timeText(now.getTime() - Date.parse(state.started))} (since ${state.started})`;
  return {
    sentence: `runs${since}${state.node === undefined ? "" : ` on node ${state.node}`}`,
    remedy: `nothing to do; \`gasw-k8s debug logs ${job.id} -f\` follows its output`,
  };
}

/** The claim that is not usable yet, in words; undefined where all are. */
function unbound(claims: readonly MountedClaim[]): { name: string; text: string } | undefined {
  for (const { name, found } of claims) {
    if (found === undefined) return { name, text: `claim ${name} does not exist` };
    if (found.metadata?.deletionTimestamp !== undefined)
      return { name, text: `claim ${name} is being deleted` };
    const phase = found.status?.phase ?? "Pending";
    if (phase === "Lost")
      return { name, text: `claim ${name} has lost its volume ${found.spec?.volumeName ?? ""}`.trim() };
    if (phase !== "Bound") return { name, text: `claim ${name} is ${phase}, not Bound` };
  }
  return undefined;
}

function claimEvent(facts: Facts, claim: string): CoreV1Event | undefined {
  return newestEvent(
    facts,
    (event) => event.involvedObject.kind === "PersistentVolumeClaim" && event.involvedObject.name === claim,
  );
}

function notSubmittedVolume(facts: Facts): Explanation | undefined {
  if (facts.state.status !== "NOT_SUBMITTED" || facts.seen.phase !== "missing") return undefined;
  const claim = unbound(facts.claims);
  const event = claim === undefined ? undefined : claimEvent(facts, claim.name);
  // Such a claim is bound when a pod wants it, so it kept nobody waiting.
  if (claim === undefined || event?.reason === "WaitForFirstConsumer") return undefined;
  return {
    sentence: `never reached the cluster, since its volume is not ready: ${claim.text}${said(event)}`,
    remedy: `see \`gasw-k8s debug describe pvc ${claim.name}\`, correct the volume, then submit again: gasw-k8s submit ${script(facts)}`,
    evidence: quote(event),
  };
}

function notSubmitted(facts: Facts): Explanation | undefined {
  if (facts.state.status !== "NOT_SUBMITTED" || facts.seen.phase !== "missing") return undefined;
  return {
    sentence: "never reached the cluster: its submission was interrupted or refused",
    remedy: `submit it again, which makes it once and says what is wrong: gasw-k8s submit ${script(facts)}`,
  };
}

function script({ job }: Facts): string {
  return `${job.directory}/sh/${job.id}.sh`;
}

function said(event: CoreV1Event | undefined): string {
  return event === undefined ? "" : ` (${event.reason}: ${event.message})`;
}

function configError({ state, ...facts }: Facts): Explanation | undefined {
  const reasons = ["CreateContainerConfigError", "CreateContainerError", "RunContainerError"];
  if (!reasons.includes(state.reason ?? "")) return undefined;
  const text = state.message ?? state.reason ?? "";
  const evidence = [text];
  if (/runAsNonRoot|run as root|non-root/.test(text)) {
    const user = podSpec({ state, ...facts })?.securityContext?.runAsUser;
    return {
      sentence: `can't start, since its image would run as root${user === undefined ? "" : ` (user ${user})`} and its pod may not: ${text}`,
      remedy: "set securityContext.runAsUser to a user above 0, or give the workflow directory to one",
      evidence,
    };
  }
  const missing = /(secret|configmap) "([^"]+)" not found/i.exec(text);
  if (missing !== null) {
    return {
      sentence: `can't start, since ${missing[1]} ${missing[2]} does not exist in namespace ${facts.job.namespace}`,
      remedy: `create it, or take it out of the configuration (initContainers, sidecars, imagePullSecrets)`,
      evidence,
    };
  }
  return {
    sentence: `can't start, since its container can't be made: ${text}`,
    remedy: "correct the container's settings",
    evidence,
  };
}

/** The newest event in which the Job controller could not make the pod. */
function failedCreate(facts: Facts): CoreV1Event | undefined {
  return facts.pod === undefined && facts.seen.phase !== "ended"
    ? newestEvent(facts, (event) => event.reason === "FailedCreate")
    : undefined;
}

function quota(facts: Facts): Explanation | undefined {
  const event = failedCreate(facts);
  const text =
    event?.message ?? (facts.state.reason === "QuotaExceeded" ? facts.state.message : undefined) ?? "";
  if (!text.includes("exceeded quota")) return undefined;
  const match = /exceeded quota: ([^,]+), requested: (.+?), used: (.+?), limited: (.+)$/.exec(text);
  const detail =
    match === null
      ? text
      : `quota ${match[1]} allows ${match[4]}, ${match[3]} is used, and it asks for ${match[2]}`;
  // What is used does not matter where the whole of it would not be enough.
  if (match !== null && asksForMore(match[2] ?? "", match[4] ?? "")) {
    return {
      sentence: `waits, and will not begin as it is: quota ${match[1]} of namespace ${facts.job.namespace} allows ${match[4]} in all, and it asks for ${match[2]}`,
      remedy: "ask for less (--cpu, --memory, --gpu), or have the administrator raise the quota",
      evidence: [text],
    };
  }
  return {
    sentence: `waits, since the quota of namespace ${facts.job.namespace} is used up: ${detail}`,
    remedy: readRefusal(text).remedy,
    evidence: [text],
  };
}

function podRefused(facts: Facts): Explanation | undefined {
  const event = failedCreate(facts);
  if (event === undefined) return undefined;
  return refused(event.message ?? "", "waits, and will not begin as it is", quote(event));
}

/** A job that was given up since nobody would have its pod made. */
function givenUpRefused({ state }: Facts): Explanation | undefined {
  if (state.status !== "ERROR" || state.reason !== "FailedCreate") return undefined;
  return refused(state.message ?? "", "never began", []);
}

function refused(text: string, how: string, evidence: readonly string[]): Explanation {
  const { kind, by, remedy } = readRefusal(text);
  const sentence =
    kind === "passing"
      ? `waits, since its pod could not be made: ${text}`
      : `${how}: ${by ?? "the cluster"} refuses to have its pod made: ${text}`;
  return { sentence, remedy, evidence };
}

/**
 * Whether one of the amounts that are requested is more than is allowed altogether. A quota of 0 closes a
 * namespace, mostly for a time.
 */
function asksForMore(requested: string, limited: string): boolean {
  const limits = amountsIn(limited);
  return [...amountsIn(requested)].some(
    ([resource, amount]) => amount > (limits.get(resource) || Number.POSITIVE_INFINITY),
  );
}

/** The amounts of `pods=1,requests.cpu=500m`. */
function amountsIn(text: string): Map<string, number> {
  const pairs = text.split(",").map((pair) => pair.split("="));
  return new Map(pairs.map(([resource = "", amount = ""]) => [resource, parseQuantity(amount) ?? 0]));
}

function suspended(facts: Facts): Explanation | undefined {
  if (facts.state.reason !== "Suspended") return undefined;
  const queue = facts.kubeJob?.metadata?.labels?.[QUEUE_LABEL];
  if (isTakenBack(facts)) return takenBack(facts, queue);
  return queue === undefined
    ? {
        sentence: "waits, since its Job is suspended: somebody set `suspend`",
        remedy: `whoever did may set it back: kubectl patch job -n ${facts.job.namespace} ${facts.kubeJob?.metadata?.name} --type merge -p '{"spec":{"suspend":false}}'`,
      }
    : {
        sentence: `waits in queue ${queue}, which has not admitted it yet`,
        remedy: `it begins by itself when the queue admits it; kubectl describe localqueue -n ${facts.job.namespace} ${queue} shows what it waits for`,
      };
}

/** Whether a suspended job had begun before. */
function isTakenBack({ state, events, kubeJob }: Facts): boolean {
  const hasResumed = events.some(
    ({ reason, involvedObject }) => reason === "Resumed" && involvedObject.uid === kubeJob?.metadata?.uid,
  );
  return state.started !== undefined || hasResumed;
}

function takenBack(facts: Facts, queue: string | undefined): Explanation {
  const { seen, job, now, kubeJob } = facts;
  const at = seen.phase === "waiting" ? seen.suspendedAt : undefined;
  const since = at === undefined ? "" : ` ${timeText(now.getTime() - Date.parse(at))} ago (at ${at})`;
  const told = newestEvent(
    facts,
    ({ involvedObject, reason }) => involvedObject.kind === "Job" && QUEUE_EVENTS.includes(reason ?? ""),
  );
  return queue === undefined
    ? {
        sentence: `had begun, and its Job was suspended${since}: it waits for that to be undone, and begins anew then`,
        remedy: `whoever suspended it may set it back: kubectl patch job -n ${job.namespace} ${kubeJob?.metadata?.name} --type merge -p '{"spec":{"suspend":false}}'`,
        evidence: quote(told),
      }
    : {
        sentence: `had begun, and queue ${queue} has taken it back${since}: it waits to be admitted again, and begins anew then${said(told)}`,
        remedy: `it begins by itself when the queue admits it; kubectl get workloads -n ${job.namespace} shows what it waits for, a higher priorityClassName keeps it from being taken back`,
        evidence: quote(told),
      };
}

/** What Kueue tells of a Job that it stops, the telling words among its events. */
const QUEUE_EVENTS: readonly string[] = [
  "Stopped",
  "Preempted",
  "EvictedDueToPreempted",
  "EvictedDueToPodsReadyTimeout",
  "Evicted",
];

function volumeNotBound(facts: Facts): Explanation | undefined {
  if (facts.seen.phase !== "waiting" || facts.pod?.spec?.nodeName !== undefined) return undefined;
  const claim = unbound(facts.claims);
  // A class that binds at first use leaves the claim Pending until a node is found.
  const isCause =
    claim !== undefined &&
    (facts.kubeJob === undefined || /persistentvolumeclaim|PersistentVolumeClaim/.test(facts.seen.message));
  if (!isCause) return undefined;
  const event = claimEvent(facts, claim.name);
  return {
    sentence: `waits for its volume: ${claim.text}${said(event)}`,
    remedy: `see what the claim lacks: gasw-k8s debug describe pvc ${claim.name}; submitting again makes missing volumes`,
    evidence: [facts.seen.message, ...quote(event)],
  };
}

/** The newest event about the pod, where it is a complaint of one of these reasons. */
function complaint(facts: Facts, ...reasons: readonly string[]): CoreV1Event | undefined {
  if (facts.seen.phase !== "waiting" || facts.pod?.spec?.nodeName === undefined) return undefined;
  return newestEvent(
    facts,
    (event) => reasons.includes(event.reason ?? "") && event.involvedObject.kind === "Pod",
  );
}

function volumeMount(facts: Facts): Explanation | undefined {
  const event = complaint(facts, "FailedMount", "FailedAttachVolume", "FailedMapVolume");
  if (event === undefined) return undefined;
  const node = facts.pod?.spec?.nodeName;
  const text = event.message ?? "";
  const remedies: readonly [RegExp, string][] = [
    [
      /access denied|permission denied/i,
      "the NFS server refuses this node: allow it in the server's exports",
    ],
    [
      /No such file|does not exist|not found/i,
      "the folder does not exist on the server: check nfsPath (or `path`) against what is exported",
    ],
    [
      /timed out|timeout|No route|Connection refused|refused/i,
      "the node can't reach the server: check nfsAddress, the network and a firewall between",
    ],
    [
      /bad option|helper program|unknown filesystem/i,
      "the node lacks the NFS client: install nfs-common (or nfs-utils) on it",
    ],
  ];
  return {
    sentence: `waits on node ${node}, which can't mount its volume: ${brief(text)}`,
    remedy:
      remedies.find(([pattern]) => pattern.test(text))?.[1] ??
      "check the volume's server and folder, and that the node can mount it",
    evidence: quote(event),
  };
}

/** The telling end of a mount's message, which begins with the whole command line. */
function brief(text: string): string {
  const output = /Output: (.+)/s.exec(text)?.[1] ?? text;
  return output.trim().replaceAll(/\s*\n\s*/g, "; ");
}

function sandbox(facts: Facts): Explanation | undefined {
  const event = complaint(facts, "FailedCreatePodSandBox");
  if (event === undefined) return undefined;
  return {
    sentence: `waits on node ${facts.pod?.spec?.nodeName}, which can't set up its pod: ${event.message}`,
    remedy: "this is the node's trouble (network plugin or container runtime): tell the administrator",
    evidence: quote(event),
  };
}

function initializing({ state, job }: Facts): Explanation | undefined {
  if (state.reason !== "Initializing") return undefined;
  return {
    sentence: `has not begun yet: ${state.message}`,
    remedy: `wait for it; \`gasw-k8s debug logs ${job.id}\` shows what the init container writes`,
  };
}

function pulling(facts: Facts): Explanation | undefined {
  if (facts.seen.phase !== "waiting" || facts.seen.reason !== "ContainerCreating") return undefined;
  const last = newestEvent(facts, (event) => event.involvedObject.kind === "Pod");
  if (last?.reason !== "Pulling") return undefined;
  return {
    sentence:
      `waits on node ${facts.seen.node}, which pulls its image ${mainContainer(facts)?.image ?? ""}`.trimEnd(),
    remedy: "wait for it; a smaller image, or one that is on the nodes already, begins sooner",
    evidence: quote(last),
  };
}

function preparing(facts: Facts): Explanation | undefined {
  if (facts.seen.phase !== "waiting" || facts.seen.reason !== "ContainerCreating") return undefined;
  return {
    sentence: `has been given to node ${facts.seen.node}, which prepares its container (volumes, image)`,
    remedy: "wait for it; ask again if it stays so for more than a minute",
  };
}

function scheduling({ seen, pod, now }: Facts): Explanation | undefined {
  if (seen.phase !== "waiting" || seen.reason !== "Scheduling") return undefined;
  const created = pod?.metadata?.creationTimestamp;
  const since = created === undefined ? "" : ` for ${timeText(now.getTime() - Date.parse(created))}`;
  return {
    sentence: `waits${since} for the scheduler to choose a node; nobody has complained`,
    remedy: "wait for it; if it stays so, the cluster's scheduler is not working: tell the administrator",
  };
}

function noPodYet({ seen }: Facts): Explanation | undefined {
  if (seen.phase !== "waiting" || seen.reason !== "NoPod") return undefined;
  return {
    sentence: "is in the cluster, which has not made its pod yet; nobody has complained",
    remedy:
      "wait for it; if it stays so, the cluster's Job controller is not working: tell the administrator",
  };
}

function otherWait({ seen, job }: Facts): Explanation | undefined {
  if (seen.phase !== "waiting") return undefined;
  return {
    sentence: `waits: ${seen.message} (${seen.reason})`,
    remedy: `look at everything the cluster knows of it: gasw-k8s debug describe ${job.id}`,
  };
}
