import { wayToState } from "../manifests/resourceNames.ts";
import { requestLess, waysToSet } from "./quota.ts";

/** Who will not have a pod made: what the message of a FailedCreate event comes to. */
export interface Refusal {
  /**
   * `used-up` mends by itself when others end, `passing` in a moment; `standing` never does: somebody has to
   * change something.
   */
  readonly kind: "used-up" | "passing" | "standing";
  /** What refuses, such as `quota team-a`; undefined where the message does not name it. */
  readonly by?: string;
  readonly remedy: string;
}

interface Rule {
  readonly pattern: RegExp;
  readonly kind: Refusal["kind"];
  /** @param found what the pattern has found */
  by?(found: RegExpExecArray): string;
  remedy(found: RegExpExecArray): string;
}

const WAIT = "wait for it: the cluster retries automatically";

/** `jobs.batch is forbidden: User "x" cannot create resource "jobs" in API group …` */
const NO_PERMISSION = /forbidden: User "(.*?)" cannot \S+ (?:resource|path) "/;

/** Whether a refusal is the API server's authorization's: the account lacks a permission. */
export function isMissingPermission(message: string): boolean {
  return NO_PERMISSION.test(message);
}

/** The words of Kubernetes' authorization and admission, the telling ones first. */
const RULES: readonly Rule[] = [
  {
    pattern: NO_PERMISSION,
    kind: "standing",
    by: () => "the cluster's authorization",
    remedy: ([, user]) =>
      `grant the permissions in deploy/rbac.yaml to ${user}; \`kubectl auth can-i --list\` shows those it has`,
  },
  {
    pattern: /exceeded quota: ([^,\s]+)(?:, requested: (\S+?), used:)?/,
    kind: "used-up",
    by: ([, name]) => `quota ${name}`,
    remedy: ([, , requested = ""]) =>
      `wait for other jobs to end, ${requestLess(requested)}or ask the administrator to raise the quota`,
  },
  // A webhook that does not answer, a namespace whose account is not made yet, two pods that were counted at
  // the same moment.
  {
    pattern:
      /failed calling webhook|being terminated|serviceaccount "default" not found|object has been modified|Internal error|timed? ?out|etcdserver/i,
    kind: "passing",
    remedy: () => `${WAIT}; if it takes minutes, tell the administrator`,
  },
  {
    pattern: /failed quota: ([^:\s]+): must specify ([^\n]+)/,
    kind: "standing",
    by: ([, name]) => `quota ${name}`,
    remedy: ([, , wanted = ""]) => `${waysToSet(wanted)}, or ask the administrator to set a LimitRange`,
  },
  // Where a LimitRange gives a container a limit that states none.
  {
    pattern: /must be less than or equal to (\S+) limit of ([^\s,\]]+)/,
    kind: "standing",
    by: ([, resource]) => `a LimitRange of the namespace (default limit for ${resource})`,
    remedy: ([, resource = "", limit]) =>
      `set the limit, too${using(wayToState(resource, true))}, or request at most ${limit}${using(wayToState(resource))}`,
  },
  {
    pattern: /violates PodSecurity "([^"]+)"/,
    kind: "standing",
    by: ([, level]) => `Pod Security Standard ${level}`,
    remedy: () =>
      "remove the listed settings from securityContext (also of sidecars and initContainers), or use a namespace that allows them: this one enforces a Pod Security Standard",
  },
  {
    pattern: /ValidatingAdmissionPolicy '([^']+)'(?: with binding '[^']+')? denied/,
    kind: "standing",
    by: ([, name]) => `policy ${name}`,
    remedy: () =>
      "change the setting that the policy names in the configuration or the options, or ask the administrator to exempt the namespace",
  },
  {
    pattern: /admission webhook "([^"]+)" denied/,
    kind: "standing",
    by: ([, name]) => `admission webhook ${name}`,
    remedy: () =>
      "change the setting that the webhook names in the configuration or the options, or ask the administrator",
  },
  {
    pattern:
      /(?:maximum|minimum) (\S+) usage per (\w+) is \S+ +(?:but|No) (request|limit)|(\S+) max limit to request ratio per (\w+)/,
    kind: "standing",
    by: ([, resource, kind, , ratio, of]) =>
      `a LimitRange of the namespace (${resource ?? ratio} per ${kind ?? of})`,
    remedy: ([, resource, , isAbout, ratio]) => {
      const what =
        ratio === undefined ? "request an amount within it" : "bring the limit closer to the request";
      const way =
        resource === "storage"
          ? " (`capacity` of the volume)"
          : using(wayToState(resource ?? ratio ?? "", isAbout === "limit" || ratio !== undefined));
      return `${what}${way}, or ask the administrator to change the LimitRange (\`kubectl get limitrange\`)`;
    },
  },
  {
    pattern: /no PriorityClass with name (\S+) was found/,
    kind: "standing",
    by: ([, name]) => `the missing PriorityClass ${name}`,
    remedy: () => "fix priorityClassName in the configuration, or ask the administrator to create the class",
  },
  {
    pattern: /RuntimeClass "?([^"\s]+?)"? not found/i,
    kind: "standing",
    by: ([, name]) => `the missing RuntimeClass ${name}`,
    remedy: () => "fix runtimeClassName in the configuration, or ask the administrator to create the class",
  },
  {
    pattern: /serviceaccount "([^"]+)" not found/,
    kind: "standing",
    by: ([, name]) => `the missing service account ${name}`,
    remedy: () => "fix serviceAccountName in the configuration, or create the account",
  },
  {
    pattern: /forbidden|denied|is invalid|Invalid value|not found/i,
    kind: "standing",
    remedy: () => "fix the value that the message names in the configuration or the options",
  },
];

const OTHER: Rule = { pattern: /(?:)/, kind: "passing", remedy: () => WAIT };

/** Reads what kept a pod from being made. */
export function readRefusal(message: string): Refusal {
  for (const { pattern, kind, by, remedy } of [...RULES, OTHER]) {
    const found = pattern.exec(message);
    if (found !== null)
      return { kind, ...(by === undefined ? {} : { by: by(found) }), remedy: remedy(found) };
  }
  throw new Error("the last rule fits everything");
}

/** An option, to be put behind what it does. */
function using(way: ReturnType<typeof wayToState>): string {
  return way === undefined ? "" : ` (${way.option}, or ${way.key} in the configuration)`;
}
