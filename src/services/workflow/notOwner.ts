import type { Workflow } from "../../core/job.ts";
import { leaseName } from "../../core/names.ts";
import { type Owner, SILENCE_S, type Tenure } from "../../core/owner.ts";
import { GaswError } from "../../errors.ts";

/** Another state file serves the workflow: nothing of it may be changed from here. */
export class NotOwner extends GaswError {}

/**
 * The refusal of a workflow that somebody else serves.
 * @param isElsewhere whether it is another directory's
 */
export function notOwner(
  { id, namespace }: Workflow,
  standing: "foreign" | "live",
  { owner, since, silence, directory }: Tenure,
  isElsewhere: boolean,
): NotOwner {
  if (standing === "foreign") {
    const name = leaseName(namespace, id);
    return new NotOwner(
      "CONFLICT",
      `Lease ${namespace}/${name} is not gasw-k8s's: it cannot be told who serves workflow ${id}`,
      { hint: `delete it, if nobody needs it: kubectl delete lease -n ${namespace} ${name}` },
    );
  }
  if (isElsewhere) {
    return new NotOwner(
      "CONFLICT",
      `workflow ${id} in namespace ${namespace} is that of ${directory}, served by ${nameOf(owner)}`,
      {
        hint: "a workflow's id is its directory's base name: use another namespace, or clean up the other workflow first",
      },
    );
  }
  const heard = Math.round(silence ?? 0);
  return new NotOwner(
    "CONFLICT",
    `workflow ${id} is served from another state file, by ${nameOf(owner)} since ${since ?? "some time"}, last heard of ${heard} s ago`,
    {
      hint: `use that one, or end what serves the workflow there: after ${SILENCE_S} s of silence (${Math.max(1, SILENCE_S - heard + 1)} s from now) a command here takes it over; \`status\` and \`debug\` work meanwhile`,
    },
  );
}

/** What a user is told when a workflow is taken over. */
export function takeoverWords(
  { id }: Workflow,
  standing: "unowned" | "succeeded" | "silent",
  { owner, silence }: Tenure,
): string {
  const long = silence === undefined ? "for an unknown time" : `for ${Math.round(silence)} s`;
  const was = {
    unowned: "its Lease names no owner",
    succeeded: `it was served by an earlier state file in this place, that of ${nameOf(owner)}`,
    silent: `it was served from another state file, by ${nameOf(owner)}, who has been silent ${long}`,
  };
  return `this state file takes workflow ${id} over: ${was[standing]}`;
}

/** An owner in words. */
export function nameOf({ user, host }: Owner): string {
  return `${user} on ${host}`;
}
