/** What a submission needs of the configuration and of the cluster, tried without anything being made. */
import { setMaxListeners } from "node:events";
import path from "node:path";
import type { Context } from "../context.ts";
import type { Workflow } from "../core/job.ts";
import { GaswError } from "../errors.ts";
import { KubernetesClient } from "../kubernetes/client.ts";
import type { Finding } from "../services/submit/finding.ts";
import { Plan } from "../services/submit/plan.ts";
import { podSettings } from "../services/submit/podSettings.ts";
import { rehearse } from "../services/submit/rehearsal.ts";

/** Milliseconds after which the cluster is not waited for any longer. */
const PATIENCE_MS = 30_000;

/** What a submission is made of, or why it cannot be. */
export interface Parts {
  readonly access: Context["access"] | GaswError;
  readonly plan: Plan | GaswError;
  /** Each submission may state one. */
  readonly settings: ReturnType<typeof podSettings> | GaswError;
}

/** What the configuration comes to. @param directory of the workflow, where the command is about one */
export function partsOf(context: Context, directory: string | undefined): Parts {
  return {
    access: attempt(() => context.access),
    plan: attempt(() => new Plan(context, sampleWorkflow(context, directory))),
    settings: attempt(() => podSettings(context.config)),
  };
}

/** What no submission can do without, and the configuration lacks. */
export function lackingIn({ access, plan }: Parts): GaswError[] {
  return [access, plan].filter((part) => part instanceof GaswError);
}

function attempt<T>(make: () => T): T | GaswError {
  try {
    return make();
  } catch (error) {
    if (error instanceof GaswError) return error;
    throw error;
  }
}

/** The workflow that the command is about, else one as they are. */
function sampleWorkflow({ config, io }: Context, directory: string | undefined): Workflow {
  const sample = directory ?? path.join(config.workflowsLocation ?? io.cwd, "workflow-check");
  return { id: path.basename(sample), directory: sample, namespace: config.k8sNamespace };
}

/** Tries the cluster, with a client that gives up after a while. */
export async function tryCluster(context: Context, { access, plan }: Parts): Promise<Finding[]> {
  if (access instanceof GaswError) return [];
  const { config, io } = context;
  const { requestsPerSecond } = config.options;
  const settings = { readRetries: 1, writeRetries: 1, maxRetryWait: 1000, requestsPerSecond };
  const signal = AbortSignal.any([io.signal, AbortSignal.timeout(PATIENCE_MS)]);
  // Each of many requests at once listens to it.
  setMaxListeners(0, signal);
  const client = new KubernetesClient(access, settings, signal);
  try {
    return await rehearse(client, config.k8sNamespace, plan instanceof GaswError ? undefined : plan);
  } finally {
    client.close();
    io.signal.throwIfAborted();
  }
}
