import { CANCELLED_CODE, UNDEFINED_CODE } from "../gasw/exitCode.ts";
import { hasEnded, type LocalStatus, type ToldRequest } from "../job.ts";
import { nextStatus, type ShownJob, shownEnd, shownStatus } from "../lifecycle/shown.ts";
import { isSettled } from "../lifecycle/stage.ts";
import type { GaswRow, NewRow, NodeFacts, RowChange, RowFacts, RowWrite } from "./row.ts";

/** What this executor writes into the column `executor`. */
export const EXECUTOR = "Kubernetes";

/** What a job's output tells, as far as its row takes it in. */
interface ParsedOutput {
  readonly downloadSeconds?: number | undefined;
  readonly executionSeconds?: number | undefined;
  readonly uploadSeconds?: number | undefined;
  readonly message?: string | undefined;
  readonly node?: NodeFacts | undefined;
}

/** A job as its row is made from; times are RFC 3339 in UTC. */
export interface RecordedJob extends ShownJob {
  readonly id: string;
  readonly workflow: string;
  readonly fileName: string;
  /** That of its stage. */
  readonly status: LocalStatus;
  /** Whether its row is known to be up to what was known of it. */
  readonly delivered?: boolean | undefined;
  readonly replicating: boolean;
  readonly exitCode: number | null;
  readonly message: string | null;
  readonly created: string;
  readonly started: string | null;
  readonly ended: string | null;
  readonly command: string | null;
  readonly parameters: string | null;
  /** What its row may show of submissions that were refused and then corrected. */
  readonly corrects?: readonly ToldRequest[] | undefined;
  readonly output: ParsedOutput | null;
}

/**
 * The write that brings a job's row up to the job.
 * @param found the row; undefined where there is none
 * @param invocationId for a row that is to be made, or whose request was corrected
 */
export function rowWrite(
  job: RecordedJob,
  found: GaswRow | undefined,
  invocationId: number,
  facts: RowFacts,
): RowWrite {
  const columns = columnsOf(job, found?.queued ?? undefined);
  if (found === undefined)
    return { kind: "insert", row: { ...newRow(job, invocationId), ...columns }, facts };
  // It has run under another state file's eyes, and is only written down here yet: its submission may be
  // refused for that.
  const end = shownEnd(found.status);
  if (job.status === "NOT_SUBMITTED" && job.delivered !== true && end !== undefined)
    return { kind: "update", id: job.id, ifStatus: found.status, change: { status: end }, facts: {} };
  const status = nextStatus(job, found.status);
  const { command, parameters } = job;
  const request = showsRefused(found, job.corrects)
    ? { command, parameters: parameters ?? "", invocationId }
    : {};
  const change: RowChange = { ...columns, ...request, ...(status === undefined ? {} : { status }) };
  // The engine's own row has its dates of creation and queueing already.
  const { queued, ...rest } = change;
  return {
    kind: "update",
    id: job.id,
    ifStatus: found.status,
    change: found.queued === null && queued !== undefined ? { ...rest, queued } : rest,
    facts,
  };
}

/** Whether a row shows a request that was refused and then corrected; another one is its maker's. */
export function showsRefused(found: GaswRow, corrects: readonly ToldRequest[] = []): boolean {
  return corrects.some(
    ({ command, parameters, invocationId }) =>
      found.command === command &&
      (found.parameters ?? "") === (parameters ?? "") &&
      (invocationId === null || found.invocationId === invocationId),
  );
}

function newRow(job: RecordedJob, invocationId: number): NewRow {
  return {
    id: job.id,
    simulationId: job.workflow,
    status: shownStatus(job.status),
    isReplicating: false,
    isBeingKilled: false,
    exitCode: UNDEFINED_CODE,
    exitMessage: null,
    creation: job.created,
    queued: job.created,
    download: null,
    running: null,
    upload: null,
    end: null,
    nodeSite: null,
    nodeName: null,
    command: job.command,
    fileName: job.fileName,
    parameters: job.parameters ?? "",
    executor: EXECUTOR,
    invocationId,
  };
}

/** The columns that follow from the job, and from when its row says that it was queued. */
function columnsOf(job: RecordedJob, queued: string | undefined): Omit<RowChange, "status"> {
  const { output } = job;
  const isOver = hasEnded(job.status);
  const node = output?.node === undefined ? {} : { nodeSite: output.node.site, nodeName: output.node.name };
  return {
    isReplicating: job.replicating && !isSettled(job.stage),
    isBeingKilled: false,
    exitCode: isOver ? exitCodeOf(job) : UNDEFINED_CODE,
    exitMessage: rowMessage(job),
    queued: job.created,
    ...stageDates(job, queued),
    ...(isOver ? node : {}),
  };
}

/** Why a job ended as it did: what its output says of the stage that failed, unless it was killed. */
export function endMessage({
  status,
  message,
  output,
}: Pick<RecordedJob, "status" | "message" | "output">): string | null {
  if (status === "COMPLETED" || !hasEnded(status)) return null;
  const isKilled = status === "DELETED" || status === "DELETED_REPLICA";
  return isKilled ? message : (output?.message ?? message);
}

/** Hibernate's length of a text column. */
const TEXT_LENGTH = 255;

/** As much of the message as a row holds: of what the script said, the end tells; of a sentence, the beginning. */
function rowMessage(job: RecordedJob): string {
  const text = endMessage(job) ?? "";
  const characters = [...text];
  if (characters.length <= TEXT_LENGTH) return text;
  return text === job.output?.message
    ? `…${characters.slice(1 - TEXT_LENGTH).join("")}`
    : `${characters.slice(0, TEXT_LENGTH - 1).join("")}…`;
}

function exitCodeOf({ status, exitCode }: RecordedJob): number {
  if (status === "DELETED" || status === "DELETED_REPLICA") return CANCELLED_CODE;
  return exitCode ?? UNDEFINED_CODE;
}

/**
 * The dates of a job's stages, as GASW's parser sets them: each follows from the one before and the seconds
 * that the output tells, and has none where it tells nothing. The cluster's clocks show whole seconds, and
 * may be wrong: no stage begins before the one before it.
 * @param queued what the job's row says, where there is one
 */
export function stageDates(
  {
    status,
    output,
    started,
    ended,
    created,
  }: Pick<RecordedJob, "status" | "output" | "started" | "ended" | "created">,
  queued: string = created,
): Required<Pick<RowChange, "download" | "running" | "upload" | "end">> {
  const begun = started === null ? null : latest(queued, started);
  if (!hasEnded(status)) return { download: begun, running: null, upload: null, end: null };
  const { downloadSeconds, executionSeconds, uploadSeconds } = output ?? {};
  const hasRun = [downloadSeconds, executionSeconds, uploadSeconds].some((seconds) => seconds !== undefined);
  // Nobody may have seen it begin.
  const download = begun ?? (hasRun ? queued : null);
  // Without a line on its download, the application began at once; without one on either, nobody knows.
  const running = later(download, downloadSeconds ?? (executionSeconds === undefined ? undefined : 0));
  const upload = later(running, executionSeconds);
  const seen = ended === null ? null : latest(upload ?? running ?? download ?? queued, ended);
  return { download, running, upload, end: later(upload, uploadSeconds) ?? seen };
}

function later(time: string | null, seconds: number | undefined): string | null {
  if (time === null || seconds === undefined) return null;
  return new Date(Date.parse(time) + seconds * 1000).toISOString();
}

function latest(one: string, other: string): string {
  return Date.parse(other) > Date.parse(one) ? other : one;
}
