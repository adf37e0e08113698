import pMap from "p-map";
import { selector as ourSelector } from "../../core/names.ts";
import type { Inventory, WorkflowObjects } from "../../core/orphans/group.ts";
import { byWorkflow } from "../../core/orphans/group.ts";
import { sharedVolumes } from "../../core/orphans/shared.ts";
import type { Evidence } from "../../core/orphans/verdict.ts";
import type { KubernetesObject, V1Namespace } from "../../core/wire.ts";
import { isApiError } from "../../kubernetes/errors.ts";
import { find } from "../../kubernetes/objects.ts";
import {
  claimsPath,
  jobsPath,
  leasesPath,
  namespacesPath,
  persistentVolumesPath,
  podsPath,
} from "../../kubernetes/paths.ts";
import type { Deps } from "../deps.ts";

/** Requests under way at once. */
const CONCURRENCY = 8;

/** What is looked through. */
export interface SurveyScope {
  /** The only namespace; undefined: every one that the account may see. */
  readonly namespace?: string | undefined;
  /** The hash of the only workflow. */
  readonly workflowHash?: string | undefined;
  /** Label selector that one of a workflow's objects must match. */
  readonly selector?: string | undefined;
}

/** What the cluster has of every workflow. */
export interface Survey {
  readonly workflows: readonly WorkflowObjects[];
  /** Volumes that workflows share, of namespaces without any; none where certain workflows are looked for. */
  readonly shared: readonly WorkflowObjects[];
  /** Lists that could not be had of all namespaces that are looked through, in words. */
  readonly gaps: readonly string[];
  /** Lists that could not be had for a namespace, in words. */
  unseen(namespace: string | undefined): string[];
  namespaceOf(workflow: WorkflowObjects): Evidence["namespace"];
}

const KINDS = {
  leases: { noun: "Leases", path: leasesPath },
  claims: { noun: "PersistentVolumeClaims", path: claimsPath },
  volumes: { noun: "PersistentVolumes", path: () => persistentVolumesPath() },
  jobs: { noun: "Jobs", path: jobsPath },
  pods: { noun: "Pods", path: podsPath },
} as const satisfies Readonly<
  Record<keyof Inventory, { noun: string; path: (namespace: string | undefined) => string }>
>;

type Kind = keyof Inventory;

const ALL_KINDS = Object.keys(KINDS) as Kind[];

/** What a list has, and what it is a list of. */
interface Listed {
  readonly items: readonly KubernetesObject[];
  /** `all`: of every namespace that is looked through. */
  readonly extent: "all" | "one namespace" | "nothing";
}

/**
 * Lists everything of this tool. A list that is forbidden in all namespaces is asked for in the configured one; what
 * was not to be had is told, not guessed.
 * @throws GaswError CLUSTER where a list fails otherwise
 */
export async function survey(deps: Deps, scope: SurveyScope): Promise<Survey> {
  const ours = ourSelector(scope.workflowHash === undefined ? {} : { workflowHash: scope.workflowHash });
  const lists = await listAll(deps, scope, ours);
  const inventory = Object.fromEntries(ALL_KINDS.map((kind) => [kind, lists[kind].items]));
  const all = byWorkflow(inventory as unknown as Inventory);
  const isMeant = ({ namespace }: WorkflowObjects) =>
    scope.namespace === undefined || namespace === scope.namespace;
  const found = all.filter(isMeant);
  const isWhole = scope.workflowHash === undefined && scope.selector === undefined;
  const shared = isWhole ? sharedVolumes(inventory as unknown as Inventory, all).filter(isMeant) : [];
  const workflows = scope.selector === undefined ? found : await matching(deps, scope, found);
  const namespaces = await namespacesOf(deps, [...workflows, ...shared]);
  return {
    workflows,
    shared,
    gaps: ALL_KINDS.filter((kind) => lists[kind].extent !== "all").map((kind) => KINDS[kind].noun),
    unseen: (namespace) =>
      ALL_KINDS.filter((kind) => !covers(lists[kind], namespace, deps.config.k8sNamespace)).map(
        (kind) => KINDS[kind].noun,
      ),
    namespaceOf: ({ namespace }) => namespaces.get(namespace ?? "") ?? "unknown",
  };
}

function covers({ extent }: Listed, namespace: string | undefined, configured: string): boolean {
  return extent === "all" || (extent === "one namespace" && namespace === configured);
}

async function listAll(
  deps: Deps,
  { namespace }: SurveyScope,
  labelSelector: string,
): Promise<Record<Kind, Listed>> {
  const lists = await Promise.all(
    ALL_KINDS.map(async (kind) => [kind, await listKind(deps, kind, namespace, labelSelector)] as const),
  );
  return Object.fromEntries(lists) as Record<Kind, Listed>;
}

async function listKind(
  { client, config }: Deps,
  kind: Kind,
  namespace: string | undefined,
  labelSelector: string,
): Promise<Listed> {
  const { path } = KINDS[kind];
  const places = namespace === undefined ? [undefined, config.k8sNamespace] : [namespace];
  for (const place of places) {
    try {
      const items = await client.list(path(place), { labelSelector });
      return { items, extent: place === namespace ? "all" : "one namespace" };
    } catch (error) {
      if (!isApiError(error, 403)) throw error;
    }
  }
  return { items: [], extent: "nothing" };
}

/** Those of which an object matches the person's own selector, as the API server understands it. */
async function matching(
  deps: Deps,
  scope: SurveyScope,
  workflows: readonly WorkflowObjects[],
): Promise<WorkflowObjects[]> {
  const lists = await listAll(deps, scope, `${ourSelector()},${scope.selector}`);
  const matched = new Set(
    ALL_KINDS.flatMap((kind) => lists[kind].items).map(({ metadata }) => metadata?.uid),
  );
  return workflows.filter((workflow) =>
    ALL_KINDS.some((kind) => workflow[kind].some(({ metadata }) => matched.has(metadata?.uid))),
  );
}

/** Whether each workflow's namespace is there. */
export async function namespacesOf(
  { client }: Deps,
  workflows: readonly WorkflowObjects[],
): Promise<Map<string, Evidence["namespace"]>> {
  const names = [...new Set(workflows.map(({ namespace }) => namespace))].filter(
    (name) => name !== undefined,
  );
  const states = await pMap(names, async (name) => [name, await stateOf(name)] as const, {
    concurrency: CONCURRENCY,
  });
  return new Map(states);

  async function stateOf(name: string): Promise<Evidence["namespace"]> {
    try {
      const found = await find<V1Namespace>(client, namespacesPath(name));
      if (found === undefined) return "gone";
      return found.metadata?.deletionTimestamp === undefined ? "there" : "terminating";
    } catch (error) {
      if (isApiError(error, 403)) return "unknown";
      throw error;
    }
  }
}
