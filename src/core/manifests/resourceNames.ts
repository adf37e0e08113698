/** The names of resources, which option states each, and the amounts that Kubernetes takes. */
import { checkMemory, parseQuantity } from "./quantity.ts";

/** Extended resource under which device plugins offer GPUs. */
export const GPU_RESOURCE = "nvidia.com/gpu";

/** How an amount of a resource is stated. */
interface Way {
  readonly option: string;
  /** Key of the configuration. */
  readonly key: string;
}

const CPU_LIMIT: Way = { option: "--cpu-limit", key: "resources.cpuLimit" };

const OWN_WAYS: Readonly<Record<string, Way>> = {
  cpu: { option: "--cpu", key: "resources.cpu" },
  memory: { option: "--memory", key: "resources.memory" },
  "ephemeral-storage": { option: "--ephemeral-storage", key: "resources.ephemeralStorage" },
  [GPU_RESOURCE]: { option: "--gpu", key: "resources.gpu" },
};

/**
 * How a resource is stated, by the name that a node, a LimitRange or a quota has for it (`cpu`, `limits.cpu`);
 * undefined for what a container is not given (`pods`).
 * @param isLimit whether it is the limit that is meant, where the name does not say so
 */
export function wayToState(name: string, isLimit = false): Way | undefined {
  const resource = name.replace(/^(?:requests|limits)\./, "");
  if (resource === "cpu" && (isLimit || name.startsWith("limits."))) return CPU_LIMIT;
  const isExtended = resource.startsWith("hugepages-") || isCounted(resource);
  const own = hasOwnOption(resource) ? OWN_WAYS[resource] : undefined;
  return own ?? (isExtended ? { option: "--resource", key: "resources.extended" } : undefined);
}

/** The options that state some resources, each once. */
export function optionsFor(names: readonly string[]): string[] {
  return [...new Set(names.flatMap((name) => wayToState(name)?.option ?? []))];
}

/** What is wrong with an extended resource. */
export interface Fault {
  /** Completes "expected …". */
  readonly expected: string;
  readonly hint: string;
}

const NAMES_HINT =
  "use a name that `gasw-k8s debug describe node NODE` shows as allocatable, such as nvidia.com/mig-1g.5gb";

/**
 * What Kubernetes would not take of an extended resource (`nvidia.com/mig-1g.5gb`, `hugepages-2Mi`) and its
 * amount, by the rules of its validation of containers; undefined where nothing is wrong. None of it is 0.
 */
export function checkResource(name: string, amount: string): Fault | undefined {
  return (
    checkName(name) ?? (name.startsWith("hugepages-") ? checkPages(name, amount) : checkCount(name, amount))
  );
}

function checkName(name: string): Fault | undefined {
  const own = hasOwnOption(name) ? OWN_WAYS[name] : undefined;
  if (own !== undefined) {
    const limit = name === "cpu" ? ` or ${CPU_LIMIT.option} (${CPU_LIMIT.key})` : "";
    return {
      expected: "a resource that has no option of its own",
      hint: `use ${own.option} (${own.key} in the configuration)${limit} for ${name}`,
    };
  }
  if (/^(?:requests|limits)\./.test(name))
    return {
      expected: "the name of a resource",
      hint: `write ${name.replace(/^[a-z]+\./, "")}: only quotas use the prefix`,
    };
  if (name.startsWith("hugepages-") ? pageSize(name) > 0 : isCounted(name)) return undefined;
  return { expected: "the name of a resource", hint: NAMES_HINT };
}

const PREFIX = /^(?=.{1,244}\/)[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*\//;
const NAME = /^[A-Za-z0-9](?:[-\w.]{0,61}[A-Za-z0-9])?$/;

/** Whether it is an extended resource's name: those in kubernetes.io are Kubernetes' own. */
function isCounted(name: string): boolean {
  const prefix = PREFIX.exec(name)?.[0];
  return prefix !== undefined && !prefix.endsWith("kubernetes.io/") && NAME.test(name.slice(prefix.length));
}

function checkCount(name: string, amount: string): Fault | undefined {
  const count = parseQuantity(amount);
  if (count !== undefined && Number.isSafeInteger(count) && count >= 0) return undefined;
  return {
    expected: "a whole number such as 1",
    hint: `set ${name} to how many of it the job needs; 0 requests none`,
  };
}

function pageSize(name: string): number {
  return parseQuantity(name.slice("hugepages-".length)) ?? 0;
}

function checkPages(name: string, amount: string): Fault | undefined {
  const size = name.slice("hugepages-".length);
  const hint = `set ${name} to a multiple of ${size}; 0 requests none`;
  if (amount === "0") return undefined;
  const expected = checkMemory(amount);
  if (expected !== undefined) return { expected, hint };
  return (parseQuantity(amount) ?? 0) % pageSize(name) === 0
    ? undefined
    : { expected: `a multiple of the page size, ${size}`, hint };
}

/** An amount that was found right, in one spelling: a count is the same, however it is written. */
export function resourceAmount(name: string, amount: string): string {
  return name.startsWith("hugepages-") ? amount : String(parseQuantity(amount) ?? amount);
}

/** Whether a resource is one that has options of its own, rather than one that a device plugin offers. */
export function hasOwnOption(name: string): boolean {
  return Object.hasOwn(OWN_WAYS, name);
}
