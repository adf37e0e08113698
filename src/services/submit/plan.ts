import type { Config } from "../../config/schema/schema.ts";
import type { JobRequest, Workflow } from "../../core/job.ts";
import { buildJob } from "../../core/manifests/job.ts";
import type { DesiredVolume } from "../../core/manifests/volumes.ts";
import { jobName } from "../../core/names.ts";
import type { KubernetesObject, V1Job } from "../../core/wire.ts";
import type { Deps } from "../deps.ts";
import type { CheckedSubmission } from "./checks.ts";
import { podSettings } from "./podSettings.ts";
import { volumePlan } from "./volumePlan.ts";

/** What the submissions of a workflow come to in the cluster: what `submit` sends, and `--dry-run` prints. */
export class Plan {
  readonly workflow: Workflow;
  /** The workflow's own directory first. */
  readonly volumes: readonly DesiredVolume[];
  readonly #config: Config;

  /** @throws GaswError CONFIG when a volume can't be planned */
  constructor({ config, host, now }: Pick<Deps, "config" | "host" | "now">, workflow: Workflow) {
    this.workflow = workflow;
    this.#config = config;
    this.volumes = volumePlan(config, workflow, { host, now: now() });
  }

  /** The name of a request's Job. */
  nameOf({ jobId }: Pick<JobRequest, "jobId">): string {
    return jobName(this.workflow.namespace, this.workflow.id, jobId);
  }

  /** The image that a request's script runs in. */
  imageOf({ options }: Pick<JobRequest, "options">): string {
    return podSettings(this.#config, options).image;
  }

  /** The Job of a submission. */
  job({ request, owner }: CheckedSubmission): V1Job {
    const settings = podSettings(this.#config, request.options);
    const mounts = this.volumes.map((volume) => volume.mount);
    return buildJob(this.workflow, request, settings, mounts, owner);
  }

  /** All that Jobs need and are where nothing is there yet, in the order in which it is made. */
  objects(jobs: readonly V1Job[]): KubernetesObject[] {
    const volumes = this.volumes.flatMap(({ persistentVolume, claim }) => [persistentVolume, claim]);
    return [...volumes, ...jobs].filter((object) => object !== undefined);
  }
}
