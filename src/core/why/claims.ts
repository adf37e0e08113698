import type { CoreV1Event } from "../wire.ts";
import { type Explanation, type Facts, type MountedClaim, newestEvent, quote, said } from "./facts.ts";
import { rerun } from "./remedies.ts";

/** The claim that is not usable yet, in words; undefined where all are. */
export function unbound(claims: readonly MountedClaim[]): { name: string; text: string } | undefined {
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

/** The newest event about a claim. */
export function claimEvent(facts: Facts, claim: string): CoreV1Event | undefined {
  return newestEvent(
    facts,
    (event) => event.involvedObject.kind === "PersistentVolumeClaim" && event.involvedObject.name === claim,
  );
}

/** A claim that a waiting job has to have first. */
export function volumeNotBound(facts: Facts): Explanation | undefined {
  if (facts.seen.phase !== "waiting" || facts.pod?.spec?.nodeName !== undefined) return undefined;
  const claim = unbound(facts.claims);
  // A class that binds at first use leaves the claim Pending until a node is found.
  const isCause =
    claim !== undefined &&
    (facts.kubeJob === undefined || /persistentvolumeclaim|PersistentVolumeClaim/.test(facts.seen.message));
  if (!isCause) return undefined;
  const event = claimEvent(facts, claim.name);
  return {
    sentence: `is waiting for its volume: ${claim.text}${said(event)}`,
    remedy: `check the claim: \`gasw-k8s debug describe pvc ${claim.name}\`; ${rerun(facts)} creates it where it is missing`,
    evidence: [facts.seen.message, ...quote(event)],
  };
}

/** The newest event about the pod that is a complaint of one of these reasons. */
export function complaint(
  facts: Facts,
  reasons: readonly string[],
  isTelling: (message: string) => boolean = () => true,
): CoreV1Event | undefined {
  const isWaiting = facts.seen.phase === "waiting" && facts.pod?.spec?.nodeName !== undefined;
  if (!isWaiting && !isGivenUp(facts, reasons)) return undefined;
  const isComplaint = ({ reason = "", involvedObject }: CoreV1Event) =>
    reasons.includes(reason) && involvedObject.kind === "Pod";
  const telling = newestEvent(facts, (event) => isComplaint(event) && isTelling(event.message ?? ""));
  return telling ?? newestEvent(facts, isComplaint);
}

/** Whether a job was given up for one of these reasons. */
export function isGivenUp({ state }: Facts, reasons: readonly string[]): boolean {
  return state.status === "ERROR" && reasons.includes(state.reason ?? "");
}

/** How a sentence begins on a job that waits on its node, or was given up there. */
export function waitedOn({ state, pod }: Facts): string {
  const node = pod?.spec?.nodeName ?? state.node;
  const where = node === undefined ? "on a node" : `on node ${node}`;
  return state.status === "ERROR" ? `was given up ${where}` : `is waiting ${where}`;
}

/** Reasons of the events about a volume that a node cannot mount. */
const MOUNT_REASONS = ["FailedMount", "FailedAttachVolume", "FailedMapVolume"];

/** The kubelet's summary of all volumes, every two minutes: it says less than what came before. */
function isNoSummary(message: string): boolean {
  return !/^Unable to attach or mount volumes/.test(message);
}

/** A volume that the node can't mount. */
export function volumeMount(facts: Facts): Explanation | undefined {
  const event = complaint(facts, MOUNT_REASONS, isNoSummary);
  // Of a job that was given up, the events may be gone.
  const words = isGivenUp(facts, MOUNT_REASONS) ? facts.state.message : undefined;
  if (event === undefined && words === undefined) return undefined;
  const text = event?.message ?? words ?? "";
  const remedies: readonly [RegExp, string][] = [
    [/access denied|permission denied/i, "allow the node in the exports of the NFS server, which refused it"],
    [
      /No such file|does not exist|not found/i,
      "check that nfsPath (or `path`) is exported: the directory does not exist on the server",
    ],
    [
      /timed out|timeout|No route|Connection refused|refused/i,
      "check nfsAddress, the network and any firewall: the node cannot reach the server",
    ],
    [
      /bad option|helper program|unknown filesystem/i,
      "install the NFS client on the node (nfs-common or nfs-utils)",
    ],
  ];
  return {
    sentence: `${waitedOn(facts)}, which cannot mount its volume: ${brief(text)}`,
    remedy:
      remedies.find(([pattern]) => pattern.test(text))?.[1] ??
      "check the volume's server and path, and that the node can mount it",
    evidence: event === undefined ? [text] : quote(event),
  };
}

/** The telling end of a mount's message, which begins with the whole command line. */
function brief(text: string): string {
  const output = /Output: (.+)/s.exec(text)?.[1] ?? text;
  return output.trim().replaceAll(/\s*\n\s*/g, "; ");
}
