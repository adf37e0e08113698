import type { NodeFacts } from "../gaswRow/row.ts";

/** Processors and memory of a machine. */
export type Machine = Omit<NodeFacts, "site" | "name">;

/** What a job's header tells of the machine that it ran on. */
export interface HostFacts {
  readonly site?: string;
  readonly nodeName?: string;
  readonly machine: Machine;
}

/**
 * Lines of `/proc/cpuinfo` and `/proc/meminfo`, without blanks at their ends; of each kind the last counts.
 */
const MACHINE_LINES: readonly { readonly line: RegExp; readonly read: (value: string) => Machine }[] = [
  { line: /^processor\s*:\s*(\d+)$/, read: (value) => integer("cpus", Number(value) + 1) },
  { line: /^model name\s*:\s*(\S.*)$/, read: (value) => ({ cpuModel: value }) },
  { line: /^cpu MHz\s*:\s*(\d+(?:\.\d+)?)$/, read: (value) => decimal("cpuMhz", Number(value)) },
  { line: /^cache size\s*:\s*(\d+) KB$/, read: (value) => integer("cacheKb", Number(value)) },
  { line: /^bogomips\s*:\s*(\d+(?:\.\d+)?)$/, read: (value) => decimal("bogomips", Number(value)) },
  { line: /^MemTotal:\s*(\d+) kB$/, read: (value) => integer("memoryKb", Number(value)) },
];

/** Largest number that the integer columns of the table `Nodes` hold. */
const MAX_INTEGER = 2 ** 31 - 1;

function integer(field: "cpus" | "cacheKb" | "memoryKb", value: number): Machine {
  return value > MAX_INTEGER ? {} : { [field]: value };
}

/** Digits without end are no number, and JSON would have a null for them, which GASW chokes on. */
function decimal(field: "cpuMhz" | "bogomips", value: number): Machine {
  return Number.isFinite(value) ? { [field]: value } : {};
}

const UNAME_TITLE = "===== uname =====";
const ENVIRONMENT = /^(SITE_NAME|PBS_O_HOST|CE_ID)=(\S.*)$/;

/**
 * Gathers what a job's header tells of its machine, as GASW's output parser does: `uname -a`, the batch
 * system's environment variables,
 * `/proc/cpuinfo` and `/proc/meminfo`.
 */
export class HostReader {
  #site: string | undefined;
  #nodeName: string | undefined;
  #country: string | undefined;
  #machine: Machine = {};
  #isUname = false;

  /** Takes a line without blanks at its end. */
  line(text: string): void {
    const isUname = this.#isUname;
    this.#isUname = text === UNAME_TITLE;
    // What stands there where `uname` is missing is the next title.
    if (isUname) this.#nodeName = /^[^\s=]\S* (\S+)/.exec(text)?.[1] ?? this.#nodeName;
    else if (ENVIRONMENT.test(text)) this.#environment(text);
    else this.#hardware(text);
  }

  facts(): HostFacts {
    const hasCountry = this.#country === undefined || /(?:^|\.)[^.]{2}$/.test(this.#nodeName ?? "");
    return {
      ...(this.#site === undefined ? {} : { site: this.#site }),
      ...(this.#nodeName === undefined
        ? {}
        : { nodeName: hasCountry ? this.#nodeName : this.#nodeName + this.#country }),
      machine: this.#machine,
    };
  }

  #environment(text: string): void {
    const [, name, value = ""] = ENVIRONMENT.exec(text) ?? [];
    if (name === "PBS_O_HOST" && this.#site !== undefined) return;
    if (name !== "CE_ID") this.#site = value;
    if (name !== "SITE_NAME") this.#country ??= countryOf(value);
  }

  #hardware(text: string): void {
    for (const { line, read } of MACHINE_LINES) {
      const value = line.exec(text)?.[1];
      if (value !== undefined) this.#machine = { ...this.#machine, ...read(value) };
    }
  }
}

/** The country code of a host in an address such as `ce.example.fr:8443/queue`, with its dot. */
function countryOf(address: string): string | undefined {
  return /^[^/:]*(\.[A-Za-z]+)(?:[/:]|$)/.exec(address)?.[1];
}
