import { describeExitCode, type Stage } from "../gasw/exitCode.ts";
import type { NodeFacts } from "../gaswRow/row.ts";
import { SECTIONS, type Section } from "./lines.ts";
import type { ErrFacts, OutFacts } from "./parser.ts";
import type { Sections } from "./sections.ts";

/** What the output of a job tells, as GASW's output parser (`GaswOutputParser`) reads it. */
export interface OutputFacts extends OutFacts {
  /** Stage in which the job failed; undefined where it did not, or where nothing tells. */
  readonly failedStage?: Stage;
  /** The end of what stderr says in that stage. */
  readonly message?: string;
  /** Known where both its site and its name are. */
  readonly node?: NodeFacts;
}

const STAGE_OF: Readonly<Record<Section, Stage>> = {
  upload_test: "results",
  inputs_download: "inputs",
  application_execution: "application",
  results_upload: "results",
};

/**
 * The stage in which a job failed: the one that its exit code names, else that of the first section that did
 * not end. GASW's older scripts exit with 1 whatever failed: a stage whose section ended is not the one when
 * a later section did not.
 * @param exitCode of the job's output, or of its container where the output states none
 * @returns undefined where the job did not fail, or where nothing tells
 */
export function stageOf(exitCode: number | undefined, sections: Sections): Stage | undefined {
  if (exitCode === 0) return undefined;
  const told = exitCode === undefined ? undefined : describeExitCode(exitCode).stage;
  const open = SECTIONS.findIndex((section) => sections[section] === "open");
  const openSection = SECTIONS[open];
  if (openSection === undefined) return told;
  const own = SECTIONS.findLastIndex((section) => STAGE_OF[section] === told);
  const ownSection = SECTIONS[own];
  const hasEnded = ownSection !== undefined && sections[ownSection] === "closed" && own < open;
  return told === undefined || hasEnded ? STAGE_OF[openSection] : told;
}

/** The section of stderr that says why a stage failed. */
function sectionOf(stage: Stage | undefined, sections: Sections): Section | undefined {
  const own = SECTIONS.filter((section) => STAGE_OF[section] === stage && sections[section] !== undefined);
  return own.find((section) => sections[section] === "open") ?? own.at(-1);
}

/** A section is over where either stream says so. */
function merged(out: Sections, err: Sections): Sections {
  const seen = SECTIONS.filter((section) => out[section] !== undefined || err[section] !== undefined);
  return Object.fromEntries(
    seen.map((section) => [section, [out[section], err[section]].includes("closed") ? "closed" : "open"]),
  );
}

/** The facts of both streams of a job: the exit code on stderr overrides the one on stdout. */
export function outputFacts(out: OutFacts, err: ErrFacts): OutputFacts {
  const exitCode = err.exitCode ?? out.exitCode;
  const sections = merged(out.sections, err.sections);
  const failedStage = stageOf(exitCode, sections);
  const section = sectionOf(failedStage, err.sections);
  const message = section === undefined ? undefined : err.texts[section];
  return {
    ...out,
    sections,
    ...(exitCode === undefined ? {} : { exitCode }),
    ...(failedStage === undefined ? {} : { failedStage }),
    ...(message === undefined || message === "" ? {} : { message }),
    ...(out.site === undefined || out.nodeName === undefined
      ? {}
      : { node: { site: out.site, name: out.nodeName, ...out.machine } }),
  };
}
