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
  standing: "foreign" | "live" | "adopted",
  { owner, since, silence, directory }: Tenure,
  isElsewhere: boolean,
): NotOwner {
  if (standing === "foreign") {
    const name = leaseName(namespace, id);
    return new NotOwner(
      "CONFLICT",
      `Lease ${namespace}/${name} was not created by gasw-k8s: cannot determine the owner of workflow ${id}`,
      { hint: `delete it if it is not needed: kubectl delete lease -n ${namespace} ${name}` },
    );
  }
  if (isElsewhere) {
    return new NotOwner(
      "CONFLICT",
      `workflow ${id} in namespace ${namespace} belongs to ${directory}, served by ${nameOf(owner)}`,
      {
        hint: "use another namespace, or clean up the other workflow first: a workflow's id is its directory's base name",
      },
    );
  }
  if (standing === "adopted")
    return new NotOwner(
      "CONFLICT",
      `workflow ${id} was adopted from this state file, by ${nameOf(owner)} at ${since ?? "an unknown time"}: nothing is changed from here`,
      {
        hint: `use the other state file; to serve the workflow from here again, stop what serves it there, then run \`gasw-k8s adopt ${directory ?? id}\``,
      },
    );
  const heard = Math.round(silence ?? 0);
  return new NotOwner(
    "CONFLICT",
    `workflow ${id} is served from another state file, by ${nameOf(owner)} since ${since ?? "an unknown time"}, last renewed ${heard} s ago`,
    {
      hint: `use that state file, or stop what serves the workflow there and retry in ${Math.max(1, SILENCE_S - heard + 1)} s: commands here take over ${SILENCE_S} s after the last renewal; \`status\` and \`debug\` work in the meantime`,
    },
  );
}

/** The refusal to go on with a workflow whose Lease has vanished: whoever deletes it hands the workflow over. */
export function leaseGone({ id, namespace }: Workflow): NotOwner {
  return new NotOwner(
    "CONFLICT",
    `the Lease of workflow ${id} in namespace ${namespace} was deleted in the meantime`,
    { hint: "run the command again to see what is left" },
  );
}

/** The failure to write a Lease that others write at the same time. */
export function keepsChanging({ id, namespace }: Workflow): GaswError {
  const name = leaseName(namespace, id);
  return new GaswError("FAILURE", `the Lease of workflow ${id} keeps changing: cannot write to it`, {
    hint: `run the command again; \`kubectl get lease -n ${namespace} ${name} -o yaml\` shows it`,
  });
}

/** What a user is told when a workflow is taken over. */
export function takeoverWords(
  { id }: Workflow,
  standing: "unowned" | "succeeded" | "silent" | "live",
  { owner, silence }: Tenure,
): string {
  const long = silence === undefined ? "for an unknown time" : `for ${Math.round(silence)} s`;
  const was = {
    unowned: "its Lease names no owner",
    succeeded: `it was served by an earlier state file in this place, of ${nameOf(owner)}`,
    silent: `it was served from another state file, by ${nameOf(owner)}, which has been silent ${long}`,
    live: `it is served from another state file, by ${nameOf(owner)}, which stops at its next renewal`,
  };
  return `this state file takes over workflow ${id}: ${was[standing]}`;
}

/** An owner in words. */
export function nameOf({ user, host }: Owner): string {
  return `${user} on ${host}`;
}
