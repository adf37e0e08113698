import type { ContentChange, JobOptions } from "./job.ts";
import { cpuText } from "./manifests/amounts.ts";
import type { PodSettings } from "./manifests/settings.ts";

/** What a job is submitted with: its own options, and what they come to with the configuration. */
export interface Submitted {
  readonly options: JobOptions;
  readonly settings: PodSettings;
}

/** What stands for an option that nobody has stated. */
const UNSTATED = "none";

/** In what the options of two submissions differ. */
export function optionChanges(before: Submitted, after: Submitted): ContentChange[] {
  return [
    ...differences(shownValues(before), shownValues(after)).map(([name, from, to]) => ({
      name,
      from: from ?? UNSTATED,
      to: to ?? UNSTATED,
    })),
    ...differences(hiddenValues(before), hiddenValues(after)).map(([name]) => ({ name })),
  ];
}

/** The name of a variable of the environment in a change. */
export function variableName(variable: string): string {
  return `env ${variable}`;
}

/** Changes in one line: `memory 8Gi -> 16Gi; sh/Job-1.sh changed`. */
export function changesInWords(changes: readonly ContentChange[]): string {
  return changes
    .map(({ name, from, to }) => (from === undefined ? `${name} changed` : `${name} ${from} -> ${to}`))
    .join("; ");
}

/** Changes, and what was changed further since. */
export function mergeChanges(
  before: readonly ContentChange[],
  since: readonly ContentChange[],
): ContentChange[] {
  const first = new Map(before.map((change) => [change.name, change]));
  const untouched = before.filter(({ name }) => !since.some((change) => change.name === name));
  const further = since.map((change) => ({ ...change, ...fromOf(first.get(change.name)) }));
  return [...untouched, ...further.filter(({ from, to }) => from === undefined || from !== to)];
}

function fromOf(change: ContentChange | undefined): Pick<ContentChange, "from"> {
  return change?.from === undefined ? {} : { from: change.from };
}

type Values = Readonly<Record<string, string | undefined>>;

function shownValues({ options, settings }: Submitted): Values {
  const { cpu, cpuLimit, gpu, timeout, gracePeriod, resource, invocationId, ...others } = effectiveOptions(
    options,
    settings,
  );
  const { image, memory, ephemeralStorage, queue } = others;
  return {
    image,
    memory,
    cpu: cpu === undefined ? undefined : cpuText(cpu),
    "cpu-limit": cpuLimit === undefined ? undefined : cpuText(cpuLimit),
    "ephemeral-storage": ephemeralStorage,
    gpu: gpu?.toString(),
    ...named("resource", resource),
    timeout: secondsText(timeout),
    "grace-period": secondsText(gracePeriod),
    queue,
    "invocation-id": invocationId?.toString(),
  };
}

/** A request's options, and what the configuration says where it states none. */
function effectiveOptions(options: JobOptions, { resources, ...settings }: PodSettings): JobOptions {
  const { extended, ...amounts } = resources;
  const { image, timeout, terminationGracePeriodSeconds: gracePeriod, queue } = settings;
  const effective = { ...options, ...amounts, image, timeout, gracePeriod, queue, resource: extended };
  return defined(effective) as JobOptions;
}

/**
 * The options that are to be stated for a job to be run as another submission is, where it was submitted in
 * one way before. The values of its environment are not told apart: all its variables are named where
 * nothing else is different.
 */
export function optionsToState(before: Submitted, after: Submitted, isScriptOther: boolean): JobOptions {
  const known = effectiveOptions(before.options, before.settings);
  const { env = {}, resource = {}, ...single } = effectiveOptions(after.options, after.settings);
  const { inputs: _, outputs: __, ...options } = different(single, known);
  const resources = {
    ...different(resource, known.resource),
    ...Object.fromEntries(Object.keys(different(known.resource ?? {}, resource, isAbsent)).map(none)),
  };
  const isAllElseSame = !isScriptOther && Object.keys({ ...options, ...resources }).length === 0;
  const variables = isAllElseSame ? env : different(env, known.env, isAbsent);
  return {
    ...options,
    ...(Object.keys(resources).length === 0 ? {} : { resource: resources }),
    ...(Object.keys(variables).length === 0 ? {} : { env: variables }),
  };
}

/** None of a resource. */
function none(name: string): [name: string, amount: string] {
  return [name, "0"];
}

function isAbsent(value: unknown, other: unknown): boolean {
  return value !== undefined && other === undefined;
}

/** The entries of an object that another one has not. */
function different<T extends object>(
  values: T,
  others: object = {},
  differs = (value: unknown, other: unknown) => value !== other,
): T {
  const known = others as Readonly<Record<string, unknown>>;
  return Object.fromEntries(
    Object.entries(values).filter(([name, value]) => differs(value, known[name])),
  ) as T;
}

function defined(values: object): object {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));
}

/** What may be secret, or longer than a line. */
function hiddenValues({ options }: Submitted): Values {
  const { env = {}, command, parameters, inputs, outputs } = options;
  const variables = Object.entries(env).map(([name, value]) => [variableName(name), value] as const);
  const lists = { inputs: inputs?.join("\n"), outputs: outputs?.join("\n") };
  return { ...Object.fromEntries(variables), command, parameters, ...lists };
}

function named(kind: string, values: Readonly<Record<string, string>> = {}): Values {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [`${kind} ${name}`, value]));
}

function secondsText(seconds: number | undefined): string | undefined {
  return seconds === undefined ? undefined : `${seconds}s`;
}

function differences(before: Values, after: Values): [name: string, from?: string, to?: string][] {
  const names = [...new Set([...Object.keys(before), ...Object.keys(after)])];
  return names
    .filter((name) => before[name] !== after[name])
    .map((name) => [name, before[name], after[name]] as [string, string?, string?]);
}
