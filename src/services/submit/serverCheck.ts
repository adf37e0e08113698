import { nameJobs } from "../../core/job.ts";
import { readShortage } from "../../core/lifecycle/quota.ts";
import { readRefusal } from "../../core/lifecycle/refusal.ts";
import { KEYS } from "../../core/names.ts";
import { noNodeFor } from "../../core/why/room.ts";
import type { V1Job, V1Node, V1Pod } from "../../core/wire.ts";
import { GaswError } from "../../errors.ts";
import { ApiError, ifAllowed, isApiError } from "../../kubernetes/errors.ts";
import { createJob } from "../../kubernetes/jobs.ts";
import { nodesPath, podsPath } from "../../kubernetes/paths.ts";
import type { Deps } from "../deps.ts";

/** What the API server has against a job's pod. */
interface Objection {
  readonly jobId: string;
  readonly message: string;
  /** Undefined where the job would only have to wait. */
  readonly refusal?: GaswError;
}

/**
 * Has the API server check Jobs and, since a Job alone says nothing of it, the pods that they would make:
 * LimitRanges, quotas, Pod Security and policies concern these. Nothing is made.
 * @throws GaswError NOT_FOUND (namespace), CLUSTER (what is refused)
 */
export async function checkWithServer(
  deps: Pick<Deps, "client" | "warn">,
  namespace: string,
  jobs: readonly V1Job[],
): Promise<void> {
  const { client, warn } = deps;
  try {
    await Promise.all(jobs.map((job) => createJob(client, job, { dryRun: "All" })));
  } catch (error) {
    throw isApiError(error, 404) ? namespaceMissing(namespace, error) : error;
  }
  const objections = await checkPods(deps, namespace, jobs);
  const refused = objections.find(({ refusal }) => refusal !== undefined)?.refusal;
  if (refused !== undefined) throw refused;
  tell(warn, objections);
  tell(warn, await checkNodes(deps, jobs));
}

function namespaceMissing(namespace: string, cause: unknown): GaswError {
  return new GaswError(
    "NOT_FOUND",
    `the namespace ${namespace} does not exist, so the server cannot validate the Jobs`,
    { hint: "use --dry-run=client; submitting creates the namespace", cause },
  );
}

async function checkPods(
  { client, warn }: Pick<Deps, "client" | "warn">,
  namespace: string,
  jobs: readonly V1Job[],
): Promise<Objection[]> {
  const errors = await Promise.all(jobs.map((job) => errorOf(client, namespace, job)));
  if (errors.some((error) => error?.lacksPermission === true)) {
    warn(
      "the pods were not checked: this account may not create pods (see gasw-k8s-admin in deploy/rbac.yaml)",
    );
    return [];
  }
  return jobs.flatMap((job, index) => {
    const error = errors[index];
    return error === undefined ? [] : [objection(idOf(job), error)];
  });
}

/** What the API server answers to a Job's pod, where it would not make it. */
async function errorOf(client: Deps["client"], namespace: string, job: V1Job): Promise<ApiError | undefined> {
  try {
    await client.create(podsPath(namespace), podOf(job), { dryRun: "All" });
    return undefined;
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  }
}

function objection(jobId: string, cause: ApiError): Objection {
  const message = cause.body.message ?? cause.message;
  const { kind, by, remedy } = readRefusal(message);
  if (kind !== "standing" && readShortage(message)?.isHopeless !== true)
    return { jobId, message: `would have to wait: ${message}` };
  const refusal = new GaswError(
    "CLUSTER",
    `job ${jobId} could not start: ${by ?? "the cluster"} rejects its pod: ${message}`,
    { hint: remedy, cause },
  );
  return { jobId, message, refusal };
}

/** The pod that the Job controller would make of a Job. */
function podOf({ metadata, spec }: V1Job): V1Pod {
  const { metadata: given, spec: podSpec } = spec?.template ?? {};
  return {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { ...given, generateName: `${metadata?.name}-` },
    ...(podSpec === undefined ? {} : { spec: podSpec }),
  };
}

/** What no node could run; nothing where the account may not see the nodes. */
async function checkNodes({ client }: Pick<Deps, "client">, jobs: readonly V1Job[]): Promise<Objection[]> {
  const nodes = (await ifAllowed(client.list<V1Node>(nodesPath()))) ?? [];
  return jobs.flatMap((job) => {
    const spec = job.spec?.template.spec;
    const why = spec === undefined ? undefined : noNodeFor(spec, nodes);
    return why === undefined
      ? []
      : [
          {
            jobId: idOf(job),
            message: `would wait until there is a larger or another node: ${why}; see \`gasw-k8s debug nodes\``,
          },
        ];
  });
}

const idOf = ({ metadata }: V1Job): string => metadata?.annotations?.[KEYS.job] ?? metadata?.name ?? "";

/** Says each thing once, for all jobs that it concerns. */
function tell(warn: Deps["warn"], objections: readonly Objection[]): void {
  for (const message of new Set(objections.map((one) => one.message))) {
    const concerned = objections.filter((one) => one.message === message).map(({ jobId }) => jobId);
    warn(`${nameJobs(concerned)} ${message}`);
  }
}
