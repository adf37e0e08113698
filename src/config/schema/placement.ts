/**
 * The fields of `affinity` and `topologySpreadConstraints`. The API server drops a misspelt field without a
 * word, so that a pod would run where it must not: they are refused here.
 */
import { array, looseObject, pipe, transform } from "zod/mini";
import { docs } from "./fields.ts";
import { isRecord } from "./generations.ts";

/** What is wrong in a value, and where in it. */
interface Fault {
  readonly path: readonly PropertyKey[];
  /** Completes "expected …". */
  readonly expected: string;
}

type Check = (value: unknown) => Fault[];

const fault = (expected: string): Fault[] => [{ path: [], expected }];
const below = (name: PropertyKey, faults: readonly Fault[]): Fault[] =>
  faults.map(({ path, expected }) => ({ path: [name, ...path], expected }));

/** An object with these fields, of which some (`!` behind the name) must be given. */
function fields(shape: Readonly<Record<string, Check>>): Check {
  const checks = new Map(Object.entries(shape).map(([name, check]) => [name.replace("!", ""), check]));
  const required = Object.keys(shape).filter((name) => name.endsWith("!"));
  return (value) => {
    if (!isRecord(value)) return fault("an object");
    const missing = required
      .map((name) => name.slice(0, -1))
      .filter((name) => value[name] === undefined)
      .flatMap((name) => below(name, fault("a value: it is required here")));
    const given = Object.entries(value).flatMap(([name, inner]) =>
      below(name, checks.get(name)?.(inner) ?? fault(`one of the fields ${[...checks.keys()].join(", ")}`)),
    );
    return [...missing, ...given];
  };
}

const list =
  (item: Check, minimum = 0): Check =>
  (value) => {
    if (!Array.isArray(value)) return fault("a list");
    if (value.length < minimum) return fault("a list that is not empty");
    return value.flatMap((one, index) => below(index, item(one)));
  };

const matching =
  (expected: string, isRight: (value: unknown) => boolean): Check =>
  (value) =>
    isRight(value) ? [] : fault(expected);

const words = (...known: readonly string[]): Check =>
  matching(`one of ${known.map((word) => `"${word}"`).join(", ")}`, (value) =>
    known.includes(value as string),
  );

const number = (minimum: number, maximum: number): Check =>
  matching(
    `a whole number from ${minimum} to ${maximum}`,
    (value) => Number.isInteger(value) && (value as number) >= minimum && (value as number) <= maximum,
  );

const text = matching("text", (value) => typeof value === "string" && value !== "");
const texts = list(text);
const labels = matching(
  "an object of texts",
  (value) => isRecord(value) && Object.values(value).every((one) => typeof one === "string"),
);

const labelSelector = fields({
  matchLabels: labels,
  matchExpressions: list(
    fields({ "key!": text, "operator!": words("In", "NotIn", "Exists", "DoesNotExist"), values: texts }),
  ),
});

const nodeRequirements = list(
  fields({
    "key!": text,
    "operator!": words("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"),
    values: texts,
  }),
);
const nodeTermFields = fields({ matchExpressions: nodeRequirements, matchFields: nodeRequirements });
const nodeTerm: Check = (value) =>
  isRecord(value) && Object.keys(value).length === 0
    ? fault("matchExpressions or matchFields: an empty term matches no node")
    : nodeTermFields(value);

const weight = number(1, 100);
const required = "requiredDuringSchedulingIgnoredDuringExecution";
const preferred = "preferredDuringSchedulingIgnoredDuringExecution";

const podTerm = fields({
  "topologyKey!": text,
  labelSelector,
  namespaceSelector: labelSelector,
  namespaces: texts,
  matchLabelKeys: texts,
  mismatchLabelKeys: texts,
});
const podTerms = fields({
  [required]: list(podTerm),
  [preferred]: list(fields({ "weight!": weight, "podAffinityTerm!": podTerm })),
});

const checkAffinity: Check = fields({
  nodeAffinity: fields({
    [required]: fields({ "nodeSelectorTerms!": list(nodeTerm, 1) }),
    [preferred]: list(fields({ "weight!": weight, "preference!": nodeTerm })),
  }),
  podAffinity: podTerms,
  podAntiAffinity: podTerms,
});

const checkSpread: Check = fields({
  "maxSkew!": number(1, 2 ** 31 - 1),
  "topologyKey!": text,
  "whenUnsatisfiable!": words("DoNotSchedule", "ScheduleAnyway"),
  labelSelector,
  matchLabelKeys: texts,
  minDomains: number(1, 2 ** 31 - 1),
  nodeAffinityPolicy: words("Honor", "Ignore"),
  nodeTaintsPolicy: words("Honor", "Ignore"),
});

/** An object that a check finds right; it stays as it is. */
function checked(check: Check, title: string) {
  const schema = pipe(
    looseObject({}),
    transform((value, context): object => {
      for (const { path, expected } of check(value))
        context.issues.push({ code: "custom", input: value, path: [...path], message: expected });
      return value;
    }),
  );
  docs.add(schema, { title });
  return schema;
}

/** Kubernetes' `affinity`. */
export const affinity = () => checked(checkAffinity, "Kubernetes affinity");

/** Kubernetes' `topologySpreadConstraints`. */
export const topologySpread = () => array(checked(checkSpread, "Kubernetes topology spread constraint"));
