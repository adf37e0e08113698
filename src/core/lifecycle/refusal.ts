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

const WAIT = "wait for it: the cluster tries again by itself";

/** The words of Kubernetes' admission, the telling ones first. */
const RULES: readonly Rule[] = [
  {
    pattern: /exceeded quota: ([^,\s]+)/,
    kind: "used-up",
    by: ([, name]) => `quota ${name}`,
    remedy: () =>
      "it begins by itself when other jobs end; ask for less (--cpu, --memory, --gpu), or have the administrator raise the quota",
  },
  // A webhook that does not answer, a namespace whose account is not made yet, two pods that were counted at
  // the same moment.
  {
    pattern:
      /failed calling webhook|being terminated|serviceaccount "default" not found|object has been modified|Internal error|timed? ?out|etcdserver/i,
    kind: "passing",
    remedy: () => `${WAIT}; if it stays so for minutes, tell the administrator`,
  },
  {
    pattern: /failed quota: ([^:\s]+): must specify ([^\n]+)/,
    kind: "standing",
    by: ([, name]) => `quota ${name}`,
    remedy: ([, , wanted = ""]) =>
      `state what the quota counts (${wanted.trim()}): ${statedBy(wanted)}, or have the administrator set a LimitRange`,
  },
  {
    pattern: /violates PodSecurity "([^"]+)"/,
    kind: "standing",
    by: ([, level]) => `Pod Security Standard ${level}`,
    remedy: () =>
      "the namespace enforces a Pod Security Standard: take the named settings out of securityContext (of sidecars and initContainers, too), or use a namespace that allows them",
  },
  {
    pattern: /ValidatingAdmissionPolicy '([^']+)'(?: with binding '[^']+')? denied/,
    kind: "standing",
    by: ([, name]) => `policy ${name}`,
    remedy: () =>
      "change what the policy names in the configuration or the options, or have the administrator except the namespace from it",
  },
  {
    pattern: /admission webhook "([^"]+)" denied/,
    kind: "standing",
    by: ([, name]) => `admission webhook ${name}`,
    remedy: () =>
      "change what it names in the configuration or the options, or ask the administrator, whose policy it is",
  },
  {
    pattern: /(?:maximum|minimum) (\S+) usage per (\w+) is|(\S+) max limit to request ratio per (\w+)/,
    kind: "standing",
    by: ([, resource, kind, ratio, of]) =>
      `a LimitRange of the namespace (${resource ?? ratio} per ${kind ?? of})`,
    remedy: () =>
      "ask for an amount within it (--cpu, --memory, or `resources` in the configuration), or have the administrator change the LimitRange (kubectl get limitrange)",
  },
  {
    pattern: /no PriorityClass with name (\S+) was found/,
    kind: "standing",
    by: ([, name]) => `the missing PriorityClass ${name}`,
    remedy: () => "correct priorityClassName in the configuration, or have the administrator make the class",
  },
  {
    pattern: /serviceaccount "([^"]+)" not found/,
    kind: "standing",
    by: ([, name]) => `the missing service account ${name}`,
    remedy: () => "correct serviceAccountName in the configuration, or make the account",
  },
  {
    pattern: /forbidden|denied|is invalid|Invalid value|not found/i,
    kind: "standing",
    remedy: () =>
      "the message names the field or the limit: correct that value in the configuration or the options",
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

/** How a job comes to state an amount that a quota wants. */
function statedBy(wanted: string): string {
  const ways = [
    ...(/memory/.test(wanted) ? ["--memory (or resources.memory), which sets request and limit"] : []),
    ...(/requests\.cpu|(?<![.\w])cpu/.test(wanted)
      ? ["--cpu (or resources.cpu), which sets the request"]
      : []),
  ];
  return ways.length === 0 ? "by a quota that does not count it" : ways.join(", ");
}
