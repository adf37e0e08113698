import type { CoreV1Event } from "../wire.ts";
import { type Explanation, type Facts, type MountedClaim, newestEvent, quote, said } from "./facts.ts";

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
    remedy: `check the claim: gasw-k8s debug describe pvc ${claim.name}; submitting again creates missing volumes`,
    evidence: [facts.seen.message, ...quote(event)],
  };
}

/** The newest event about the pod, where it is a complaint of one of these reasons. */
export function complaint(facts: Facts, ...reasons: readonly string[]): CoreV1Event | undefined {
  if (facts.seen.phase !== "waiting" || facts.pod?.spec?.nodeName === undefined) return undefined;
  return newestEvent(
    facts,
    (event) => reasons.includes(event.reason ?? "") && event.involvedObject.kind === "Pod",
  );
}

/** A volume that the node can't mount. */
export function volumeMount(facts: Facts): Explanation | undefined {
  const event = complaint(facts, "FailedMount", "FailedAttachVolume", "FailedMapVolume");
  if (event === undefined) return undefined;
  const node = facts.pod?.spec?.nodeName;
  const text = event.message ?? "";
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
    sentence: `is waiting on node ${node}, which cannot mount its volume: ${brief(text)}`,
    remedy:
      remedies.find(([pattern]) => pattern.test(text))?.[1] ??
      "check the volume's server and path, and that the node can mount it",
    evidence: quote(event),
  };
}

/** The telling end of a mount's message, which begins with the whole command line. */
function brief(text: string): string {
  const output = /Output: (.+)/s.exec(text)?.[1] ?? text;
  return output.trim().replaceAll(/\s*\n\s*/g, "; ");
}
