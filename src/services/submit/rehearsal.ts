/** What a submission needs of the cluster, tried without anything being made. */
import { PERMISSIONS, type Permission, resourceText } from "../../core/permissions.ts";
import type { V1Namespace } from "../../core/wire.ts";
import { GaswError } from "../../errors.ts";
import type { KubernetesClient } from "../../kubernetes/client.ts";
import { ApiError, ifAllowed } from "../../kubernetes/errors.ts";
import { find } from "../../kubernetes/objects.ts";
import { namespacesPath } from "../../kubernetes/paths.ts";
import { isAllowed, whoAmI } from "../../kubernetes/reviews.ts";
import { type Finding, type Place, problemOf } from "./finding.ts";
import type { Plan } from "./plan.ts";
import { rehearseVolume } from "./rehearsedVolumes.ts";

/**
 * Tries the cluster with a client that gives up after a while; what depends on what has failed is not tried.
 * @param plan what a submission would make; undefined where that cannot be told
 */
export async function rehearse(
  client: KubernetesClient,
  namespace: string,
  plan: Plan | undefined,
): Promise<Finding[]> {
  const greeting = await introduce(client);
  if (greeting.some(({ problem }) => problem !== undefined)) return greeting;
  const [permissions, { place, finding }] = await Promise.all([
    tryPermissions(client, namespace, plan),
    tryNamespace(client, namespace, plan),
  ]);
  const volumes = await Promise.all((plan?.volumes ?? []).map((one) => rehearseVolume(client, place, one)));
  return [...greeting, ...permissions, finding, ...volumes];
}

/** Whether somebody answers at the address, and as whom the program is known there. */
async function introduce(client: KubernetesClient): Promise<Finding[]> {
  const { server, access } = client;
  const isUnverified = access.insecure && access.server.protocol === "https:";
  const subject = isUnverified ? `${server} (its certificate is not verified)` : server;
  const address: Finding = { check: "address", subject };
  try {
    const name = await whoAmI(client);
    return [address, { check: "identity", subject: name ?? "unknown: the server does not say it" }];
  } catch (error) {
    const problem = problemOf(error, client.server);
    const isAnswered = error instanceof ApiError || problem.code === "CONFIG";
    if (!isAnswered) return [{ ...address, problem }];
    // Without credentials, nobody was asked.
    const before = problem.code === "CONFIG" ? [] : [address];
    return [...before, { check: "identity", subject: "unknown", problem }];
  }
}

async function tryPermissions(
  client: KubernetesClient,
  namespace: string,
  plan: Plan | undefined,
): Promise<Finding[]> {
  const wanted = PERMISSIONS.filter((permission) => isUsed(permission, plan));
  const findings = await Promise.all(
    wanted.map((permission) => tryPermission(client, namespace, permission)),
  );
  return findings.flat();
}

/** Whether the configured volumes come to need it. What is done where no namespace is is tried with that. */
function isUsed({ resource }: Permission, plan: Plan | undefined): boolean {
  if (resource === "namespaces") return false;
  if (plan === undefined) return true;
  if (resource === "persistentvolumes") return plan.volumes.some((one) => one.persistentVolume !== undefined);
  if (resource === "storageclasses")
    return plan.volumes.some(({ spec }) => spec.source.type === "storageClass");
  return true;
}

/** What is granted in one line, what is not in another. */
async function tryPermission(
  client: KubernetesClient,
  namespace: string,
  permission: Permission,
): Promise<Finding[]> {
  const { verbs, scope, isOptional = false } = permission;
  const of = `${resourceText(permission)}${scope === "namespace" ? ` in ${namespace}` : ""}`;
  const place = scope === "namespace" ? { namespace } : {};
  const { group, resource, subresource } = permission;
  try {
    const answers = await Promise.all(
      verbs.map((verb) => isAllowed(client, { verb, group, resource, subresource, ...place })),
    );
    const granted = verbs.filter((_, index) => answers[index]);
    const refused = verbs.filter((_, index) => !answers[index]);
    const finding = (subject: readonly string[]): Finding => ({
      check: "permission",
      subject: `${subject.join(", ")} ${of}`,
    });
    return [
      ...(granted.length > 0 ? [finding(granted)] : []),
      ...(refused.length > 0
        ? [{ ...finding(refused), problem: lacking(permission), isMinor: isOptional }]
        : []),
    ];
  } catch (error) {
    return [{ check: "permission", subject: of, problem: problemOf(error, client.server) }];
  }
}

function lacking({ scope, account, without, isOptional }: Permission): GaswError {
  const hints = {
    admin: "if this account is to debug, grant it gasw-k8s-admin of deploy/rbac.yaml",
    namespace: "grant it: deploy/rbac.yaml has it for all namespaces, deploy/rbac-namespace.yaml for one",
    cluster:
      "grant it gasw-k8s-volumes of deploy/rbac.yaml, or use existing claims or storage classes (docs/configuration.md, `workflowVolume`)",
  };
  const hint = account === "admin" ? hints.admin : isOptional ? hints.namespace : hints[scope];
  return new GaswError("CLUSTER", `not granted: ${without}`, { hint });
}

/** Looks for the namespace where a submission would, and asks whether it could make it. */
async function tryNamespace(
  client: KubernetesClient,
  name: string,
  plan: Plan | undefined,
): Promise<{ place: Place; finding: Finding }> {
  const told = (state: Place["state"], more: string, problem?: GaswError) => ({
    place: { name, state },
    finding: { check: "namespace", subject: `${name}${more}`, ...(problem && { problem }) } as const,
  });
  try {
    const found = await ifAllowed(look(client, name));
    if (found === undefined)
      return told("unknown", " (this account may not look for it)", unseen(name, plan));
    if (found === "missing") {
      const canMake = await isAllowed(client, { verb: "create", group: "", resource: "namespaces" });
      return canMake
        ? told("missing", " (does not exist: the first submission creates it)")
        : told("missing", "", noNamespace(name));
    }
    return told("there", "", found.metadata?.deletionTimestamp === undefined ? undefined : going(name));
  } catch (error) {
    return told("unknown", "", problemOf(error, client.server));
  }
}

async function look(client: KubernetesClient, name: string): Promise<V1Namespace | "missing"> {
  return (await find<V1Namespace>(client, namespacesPath(name))) ?? "missing";
}

/** A workflow whose directory is on an existing claim is known to be in its namespace by that. */
function unseen(name: string, plan: Plan | undefined): GaswError | undefined {
  if (plan?.volumes[0]?.claim === undefined) return undefined;
  return new GaswError("CLUSTER", `not granted: the first submission looks for the namespace ${name}`, {
    hint: `grant it "get" of the namespace ${name} (gasw-k8s-volumes of deploy/rbac.yaml), or use an existing claim (docs/configuration.md, \`workflowVolume\`)`,
  });
}

function noNamespace(name: string): GaswError {
  return new GaswError(
    "CLUSTER",
    `the namespace ${name} does not exist, and this account may not create it`,
    {
      hint: `create it (kubectl create namespace ${name}), or set k8sNamespace to one that exists`,
    },
  );
}

function going(name: string): GaswError {
  return new GaswError("CLUSTER", `the namespace ${name} is being deleted`, {
    hint: "wait until it is deleted, or use another namespace (--namespace)",
  });
}
