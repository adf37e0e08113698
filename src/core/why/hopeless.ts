import { VALUE } from "../commandWords.ts";
import { REFUSED } from "../lifecycle/marks.ts";
import { readRefusal } from "../lifecycle/refusal.ts";
import { BLOCKED, NAMESPACE_GONE } from "../lifecycle/turns.ts";
import { shellWord } from "../shellWord.ts";
import { claimEvent, complaint, isGivenUp, unbound, volumeMount, waitedOn } from "./claims.ts";
import { type Cause, type Explanation, type Facts, podSpec, quote, said } from "./facts.ts";
import { givenUpUnschedulable } from "./noRoom.ts";
import { givenUpRefused } from "./refused.ts";
import { again, command, onWorkflow, rerun } from "./remedies.ts";

/** Explanations of jobs that can't begin as they are, also of those that were given up for it. */
export const hopelessCauses: readonly Cause[] = [
  { id: "earlier-run", match: earlierRun },
  { id: "output-late", match: outputLate },
  { id: "namespace-gone", match: namespaceGone },
  { id: "submit-refused", match: submitRefused },
  { id: "due", match: due },
  { id: "not-submitted-volume", match: notSubmittedVolume },
  { id: "not-submitted", match: notSubmitted },
  { id: "config-error", match: configError },
  { id: "pod-never-made", match: givenUpRefused },
  { id: "volume-mount", match: volumeMount },
  { id: "sandbox", match: sandbox },
  { id: "no-room-in-time", match: givenUpUnschedulable },
];

/** Whatever status is known of it: it has ended, and nobody has judged that yet. */
function outputLate({ state, job }: Facts): Explanation | undefined {
  if (state.reason !== "OutputLate") return undefined;
  return {
    sentence: `has ended, and its output is not complete yet: ${state.message}`,
    remedy: `wait for it, and run ${command(job, "status")} again: a file server may show it up to a minute late`,
  };
}

function earlierRun({ state, job }: Facts): Explanation | undefined {
  if (state.status !== "NOT_SUBMITTED" || state.reason !== BLOCKED) return undefined;
  return {
    sentence: `will run again, but ${state.message}`,
    remedy: `wait until that is gone, and it is submitted automatically: two runs of one script would overwrite each other's files; see ${command(job, "status", "--history")} and \`gasw-k8s debug nodes\``,
  };
}

function namespaceGone({ state, job }: Facts): Explanation | undefined {
  if (state.status !== "NOT_SUBMITTED" || state.reason !== NAMESPACE_GONE) return undefined;
  return {
    sentence: `will run again, but ${state.message}`,
    remedy: `recreate it with its labels, quotas and policies (\`kubectl create namespace ${shellWord(job.namespace)}\`), and the job is submitted automatically; or abandon the workflow with ${onWorkflow(job, "cleanup")}`,
  };
}

/** What the cluster would not take. */
function submitRefused(facts: Facts): Explanation | undefined {
  const { state, seen } = facts;
  if (state.status !== "NOT_SUBMITTED" || state.reason !== REFUSED || seen.phase !== "missing")
    return undefined;
  const text = state.message ?? "";
  const { by, remedy } = readRefusal(text);
  const next =
    state.isDue === true
      ? "a monitor or `gasw-k8s status --sync` then submits it again"
      : `then submit it: ${submission(facts)}`;
  return {
    sentence: `was not accepted when it was submitted: ${by ?? "the cluster"} refused it: ${text}`,
    remedy: `${remedy}; ${next}`,
  };
}

/** What this tool submits by itself, at the next round. */
function due({ state, seen, job }: Facts): Explanation | undefined {
  if (state.status !== "NOT_SUBMITTED" || state.isDue !== true || seen.phase !== "missing") return undefined;
  return {
    sentence: "is recorded and waits for its turn: a monitor or the next synchronisation submits it",
    remedy: `run ${onWorkflow(job, "monitor")}, or ${onWorkflow(job, "status --sync")} once`,
  };
}

function notSubmittedVolume(facts: Facts): Explanation | undefined {
  if (facts.state.status !== "NOT_SUBMITTED" || facts.seen.phase !== "missing") return undefined;
  const claim = unbound(facts.claims);
  const event = claim === undefined ? undefined : claimEvent(facts, claim.name);
  // Such a claim is bound when a pod wants it, so it kept nobody waiting.
  if (claim === undefined || event?.reason === "WaitForFirstConsumer") return undefined;
  return {
    sentence: `never reached the cluster because its volume is not ready: ${claim.text}${said(event)}`,
    remedy: `see \`gasw-k8s debug describe pvc ${claim.name}\`, fix the volume, then submit it: ${submission(facts)}`,
    evidence: quote(event),
  };
}

function notSubmitted(facts: Facts): Explanation | undefined {
  if (facts.state.status !== "NOT_SUBMITTED" || facts.seen.phase !== "missing") return undefined;
  return {
    sentence: "never reached the cluster: its submission was interrupted",
    remedy: `submit it, which is safe and reports any problem: ${submission(facts)}`,
  };
}

/** The command that submits a job as it is written down. */
function submission(facts: Facts): string {
  const stated = (facts.job.envNames ?? []).flatMap((name) => ["--env", `${name}=${VALUE}`]);
  return rerun(facts, ...stated);
}

function configError({ state, ...facts }: Facts): Explanation | undefined {
  const reasons = ["CreateContainerConfigError", "CreateContainerError", "RunContainerError"];
  if (!reasons.includes(state.reason ?? "")) return undefined;
  const text = state.message ?? state.reason ?? "";
  const evidence = [text];
  if (/runAsNonRoot|run as root|non-root/.test(text)) {
    const user = podSpec({ state, ...facts })?.securityContext?.runAsUser;
    return {
      sentence: `cannot start because its image would run as root${user === undefined ? "" : ` (user ${user})`}, which its pod does not allow: ${text}`,
      remedy: `set securityContext.runAsUser to a user other than 0, or change the owner of the workflow directory to one; then ${again({ state, job: facts.job })}`,
      evidence,
    };
  }
  const missing = /(secret|configmap) "([^"]+)" not found/i.exec(text);
  if (missing !== null) {
    return {
      sentence: `cannot start because ${missing[1]} ${missing[2]} does not exist in namespace ${facts.job.namespace}`,
      remedy: `create it, or remove it from the configuration (initContainers, sidecars, imagePullSecrets), then ${again({ state, job: facts.job })}`,
      evidence,
    };
  }
  return {
    sentence: `cannot start because its container cannot be created: ${text}`,
    remedy: `fix the container's settings in the configuration, then ${again({ state, job: facts.job })}`,
    evidence,
  };
}

const SANDBOX_REASONS = ["FailedCreatePodSandBox"];

function sandbox(facts: Facts): Explanation | undefined {
  const event = complaint(facts, SANDBOX_REASONS);
  const words = event?.message ?? (isGivenUp(facts, SANDBOX_REASONS) ? facts.state.message : undefined);
  if (words === undefined) return undefined;
  return {
    sentence: `${waitedOn(facts)}, which cannot set up its pod: ${words}`,
    remedy: "tell the administrator: the node's network plugin or container runtime is failing",
    evidence: event === undefined ? [words] : quote(event),
  };
}
