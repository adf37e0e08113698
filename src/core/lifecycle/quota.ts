import { MAIN_CONTAINER } from "../manifests/mainContainer.ts";
import { parseQuantity } from "../manifests/quantity.ts";
import { optionsFor, wayToState } from "../manifests/resourceNames.ts";

/** How to set the amounts that a quota requires: `limits.cpu for: job,sidecar; limits.memory for: job`. */
export function waysToSet(wanted: string): string {
  const parts = wanted.split(";").map((part) => {
    const [names = "", containers = MAIN_CONTAINER] = part.trim().split(" for: ");
    return { names: names.split(","), containers: containers.split(",") };
  });
  const own = parts
    .filter(({ containers }) => containers.includes(MAIN_CONTAINER))
    .flatMap(({ names }) => names);
  const ways = own.map((name) => wayToState(name)).filter((way) => way !== undefined);
  const steps = ways.map(({ option, key }) => `${option} (or ${key})${REACH[option] ?? ""}`);
  const others = parts.flatMap(({ containers }) => containers).filter((name) => name !== MAIN_CONTAINER);
  if (others.length > 0)
    steps.push(`\`resources\` of ${[...new Set(others)].join(", ")} (sidecars or initContainers)`);
  const what = wanted.trim();
  return steps.length === 0
    ? `remove ${what} from the quota`
    : `set ${what}: ${[...new Set(steps)].join(", ")}`;
}

/** What an option sets beside what its name says. */
const REACH: Readonly<Record<string, string>> = {
  "--memory": ", which sets request and limit",
  "--ephemeral-storage": ", which sets request and limit",
  "--cpu": ", which sets the request",
};

/**
 * Asks for less of what a quota has no room for (`pods=1,requests.cpu=500m`), to be put before another way
 * out; empty where no option states any of it.
 */
export function requestLess(requested: string): string {
  const options = optionsFor([...amountsIn(requested).keys()]);
  return options.length === 0 ? "" : `request less (${options.join(", ")}), `;
}

/** A quota that has no room for a pod, as its message says. */
export interface Shortage {
  readonly quota: string;
  readonly requested: string;
  readonly used: string;
  readonly limited: string;
  /** Whether the whole of it would not be enough. */
  readonly isHopeless: boolean;
}

/** Reads the message of a quota that has no room; undefined where it is not one, or a different one. */
export function readShortage(message: string): Shortage | undefined {
  const found = /exceeded quota: ([^,]+), requested: (.+?), used: (.+?), limited: (.+)$/.exec(message);
  if (found === null) return undefined;
  const [, quota = "", requested = "", used = "", limited = ""] = found;
  return { quota, requested, used, limited, isHopeless: asksForMore(requested, limited) };
}

/**
 * Whether one of the amounts that are requested is more than is allowed altogether. A quota of 0 closes a
 * namespace, mostly for a time.
 */
function asksForMore(requested: string, limited: string): boolean {
  const limits = amountsIn(limited);
  return [...amountsIn(requested)].some(
    ([resource, amount]) => amount > (limits.get(resource) || Number.POSITIVE_INFINITY),
  );
}

/** The amounts of `pods=1,requests.cpu=500m`. */
function amountsIn(text: string): Map<string, number> {
  const pairs = text.split(",").map((pair) => pair.split("="));
  return new Map(pairs.map(([resource = "", amount = ""]) => [resource, parseQuantity(amount) ?? 0]));
}
