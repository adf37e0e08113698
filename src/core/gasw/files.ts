/** Paths of a job's files, relative to the workflow's directory. */
export interface JobFiles {
  readonly script: string;
  readonly out: string;
  readonly err: string;
  /** The application's own part of the streams. */
  readonly appOut: string;
  readonly appErr: string;
}

/**
 * Where a script's files are (GASW's layout). The newest attempt's stand where GASW looks for them.
 * @param superseded number of an attempt that was followed by another one: its streams were moved aside
 */
export function jobFiles(fileName: string, superseded?: number): JobFiles {
  const aside = superseded === undefined ? "" : `.${superseded}`;
  return {
    script: `./sh/${fileName}.sh`,
    out: `./out/${fileName}.sh.out${aside}`,
    err: `./err/${fileName}.sh.err${aside}`,
    appOut: `./out/${fileName}.sh.app.out${aside}`,
    appErr: `./err/${fileName}.sh.app.err${aside}`,
  };
}

/**
 * What GASW writes beside a script that it generates; both must be there for a script to count as one of
 * GASW's.
 */
export function generatedFiles(fileName: string): readonly [configuration: string, invocation: string] {
  return [`config/${fileName}-configuration.sh`, `inv/${fileName}-invocation.json`];
}

/** Where GASW keeps the provenance of a workflow's jobs. */
export const PROVENANCE_FOLDER = "provenance";

const PROVENANCE_ENDING = ".sh.provenance.json";

/** What a script of GASW's writes beside itself: in its current directory. */
export function provenanceFile(fileName: string): string {
  return `${fileName}${PROVENANCE_ENDING}`;
}

/** Whether a file has the name of what some script of GASW's writes beside itself. */
export function isProvenanceFile(name: string): boolean {
  return name.endsWith(PROVENANCE_ENDING);
}

/** Folder of this tool's own in a workflow directory. Jobs can write there. */
export const TOOL_FOLDER = ".gasw-k8s";

/**
 * A folder for each pod that runs a script of GASW's: `<pod uid>/<workflow id>/`. Relative to the workflow
 * directory.
 */
export const RUN_FOLDER = `${TOOL_FOLDER}/run`;

/** File in a pod's run folder that names its attempt, as the Job is named. */
export const ATTEMPT_FILE = ".attempt";

/** The records that pods leave of their ends: `<attempt>.<pod uid>`. Relative to the workflow directory. */
export const END_FOLDER = `${TOOL_FOLDER}/end`;

/** The folder that a pod's script runs in, relative to the workflow directory. */
export function runFolder(podUid: string, workflowId: string): string {
  return `${RUN_FOLDER}/${podUid}/${workflowId}`;
}
