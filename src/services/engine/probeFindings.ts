import { COMMANDS, HELPERS } from "../../core/image/needs.ts";
import type { ProbeReport } from "../../core/image/probeReport.ts";
import { GaswError } from "../../errors.ts";
import type { Finding } from "../submit/finding.ts";
import type { ProbeTrouble } from "./probeJob.ts";

/** Where the probe job ran. */
interface Ran {
  readonly image: string;
  readonly node: string | null;
  readonly directory: string;
}

/** What a report tells of the job, its image and its pod, in the order in which it is to be put right. */
export function foundIn(report: ProbeReport, { image, node, directory }: Ran): Finding[] {
  const { values } = report;
  const place = `${node === null ? "" : ` on node ${node}`} as user ${values.user}`;
  return [
    { check: "job", subject: `ran in image ${image}${place}` },
    { check: "directory", subject: `${directory} is the same directory here and in the pod` },
    { check: "image", subject: `bash ${values.bash}` },
    ...commands(report),
    python(report),
    ...bosh(report),
    home(report),
    site(report),
    ...HELPERS.map((helper) => helperIn(report, helper)),
  ];
}

/** What is there in one line, each command that is not in another. */
function commands({ has }: ProbeReport): Finding[] {
  const there = COMMANDS.filter((name) => has.has(name));
  const missing = COMMANDS.filter((name) => !has.has(name));
  return [
    ...(there.length > 0 ? [{ check: "image" as const, subject: there.join(", ") }] : []),
    ...missing.map((name) =>
      lacking(name, `GASW's scripts call it: install it in the image (docs/images.md has a recipe)`),
    ),
  ];
}

function python({ has, values }: ProbeReport): Finding {
  if (values.json !== undefined) return { check: "image", subject: `python ${values.json}` };
  if (values["no-json"] !== undefined)
    return {
      check: "image",
      subject: "python",
      problem: new GaswError("FAILURE", `the image's \`python\` cannot import json: ${values["no-json"]}`, {
        hint: `install a whole Python in the image (docs/images.md has a recipe)`,
      }),
    };
  const hint = has.has("python3")
    ? `it has \`python3\`: let \`python\` be it, as Debian's package python-is-python3 does (docs/images.md has a recipe); without it, GASW's scripts upload no results`
    : `without it, GASW's scripts upload no results: install it in the image (docs/images.md has a recipe)`;
  return lacking("python", hint);
}

function bosh({ values }: ProbeReport): Finding[] {
  const place = values["bosh-at"];
  if (place === undefined)
    return [
      lacking(
        "bosh",
        `install boutiques in the image (docs/images.md has a recipe), or mount a folder that has it where \`bosh.cvmfs.path\` in GASW's settings says; GASW's scripts would try to install it with pip in every job`,
      ),
    ];
  const works: Finding =
    values["bosh-fails"] === undefined
      ? { check: "image", subject: `bosh ${place} (${values.interpreter})` }
      : {
          check: "image",
          subject: "bosh",
          problem: new GaswError("FAILURE", `\`bosh\` (${place}) does not work: ${values["bosh-fails"]}`, {
            hint: `install boutiques there anew (docs/images.md has a recipe)`,
          }),
        };
  return [works, boutiques(values)];
}

function boutiques({ boutiques: version, interpreter, ...values }: ProbeReport["values"]): Finding {
  if (version !== undefined)
    return { check: "image", subject: `boutiques${version === "" ? "" : ` ${version}`}` };
  return {
    check: "image",
    subject: "boutiques",
    problem: new GaswError(
      "FAILURE",
      `the Python of \`bosh\`, "${interpreter}" in its first line, cannot import boutiques: ${values["no-boutiques"]}`,
      {
        hint: `GASW's scripts take all that follows #! in that line for the path of a Python: install boutiques with that Python's own pip (docs/images.md has a recipe)`,
      },
    ),
  };
}

function home({ values }: ProbeReport): Finding {
  if (values.home !== undefined) return { check: "home", subject: `HOME=${values.home} is writable` };
  return {
    check: "home",
    subject: "HOME",
    problem: new GaswError(
      "FAILURE",
      `user ${values.user} of the pod cannot write to HOME=${values["no-home"]}`,
      {
        hint: "remove HOME from `env` in the configuration, so that each pod gets one of its own, or set it to a folder that is writable there, such as /tmp",
      },
    ),
  };
}

function site({ values }: ProbeReport): Finding {
  if (values.site) return { check: "environment", subject: `SITE_NAME=${values.site}` };
  return {
    check: "environment",
    subject: "SITE_NAME",
    isMinor: true,
    problem: new GaswError("CONFIG", "SITE_NAME is not set in the pod: the nodes of jobs are not recorded", {
      hint: "set `env.SITE_NAME` in the configuration to a name of this cluster",
    }),
  };
}

function helperIn({ has }: ProbeReport, { commands, use }: (typeof HELPERS)[number]): Finding {
  const there = commands.filter((name) => has.has(name));
  if (there.length > 0) return { check: "image", subject: there.join(", ") };
  const hint = `needed for ${use} only: install it in the image if jobs have such`;
  return { ...lacking(commands.join(" or "), hint), isMinor: true };
}

function lacking(name: string, hint: string): Finding {
  const problem = new GaswError(
    "FAILURE",
    `the image has no ${name.split(" or ").map(quoted).join(" or ")}`,
    {
      hint,
    },
  );
  return { check: "image", subject: name, problem };
}

function quoted(name: string): string {
  return `\`${name}\``;
}

/** The job has ended well, and what it has written is not here. */
export function unseenReport(directory: string): Finding {
  return {
    check: "directory",
    subject: directory,
    problem: new GaswError(
      "CONFIG",
      `the probe job ran, and its report is not in ${directory}: its pod has another directory there`,
      {
        hint: "check that nfsAddress and nfsPath (or workflowVolume) lead to the very folder that has the workflow directories on this host, and that workflowsLocation names it",
      },
    ),
  };
}

/** Why the job did not come to its end. */
export function probeTrouble(jobId: string, trouble: ProbeTrouble): Finding {
  const { sentence, remedy, evidence = [], isLate } = trouble;
  const quotes = evidence
    .filter((text) => !sentence.includes(text))
    .map((text) => text.trim().split("\n")[0]);
  const message = [`the probe job ${sentence}`, ...quotes].join(" | ");
  return {
    check: "job",
    subject: "the probe job",
    problem: new GaswError(isLate ? "TIMEOUT" : "FAILURE", message, { hint: remedyFor(jobId, remedy) }),
  };
}

/**
 * A remedy without commands on a job that is removed by the time it is read: what shows the job shows nothing any more,
 * and what runs it again with other options is the probe. That it is to be run again is said at the end of all findings.
 */
function remedyFor(jobId: string, remedy: string): string {
  const rerun = new RegExp(`\`(?:gasw-k8s cancel ${jobId} && )?gasw-k8s retry ${jobId}( [^\`]*)?\``, "g");
  const kept = remedy
    .replaceAll(rerun, (_, options = "") => `\`gasw-k8s engine probe${options}\``)
    .replaceAll(/(?:[,;] |^)(?:then )?`gasw-k8s engine probe` runs it again/g, "")
    .split("; ")
    .filter((clause) => clause !== "" && !clause.includes(jobId));
  return kept.length === 0
    ? "put that right; docs/images.md describes what a job's image and pod need"
    : kept.join("; ");
}
