import type { GaswRow, RowWrite } from "../../core/gaswRow/row.ts";
import { type RecordedJob, rowWrite, showsRefused } from "../../core/gaswRow/write.ts";
import { nameJobs } from "../../core/job.ts";
import { isSignal } from "../../core/lifecycle/signal.ts";
import type { Dao } from "../../dao/dao.ts";
import type { OutboxEntry, StoredJob, StoredWorkflow } from "../../store/records.ts";
import type { Deps } from "../deps.ts";
import { factsOf, readOutput } from "./storedOutput.ts";
import { refuseFormerOwner } from "./teller.ts";

/** Jobs that are told in one transaction. */
const BATCH = 200;
/** How often a row that somebody else has just changed is read again. */
const TRIES = 3;

/**
 * Tells the GASW database what has changed, oldest first, in transactions of some hundred jobs. What was told
 * is taken off the list only afterwards: a crash in between has it told once more, which changes nothing.
 * @param fileNames of the invocations that are told of; without them, all of the workflow
 * @returns the number of jobs that were told
 * @throws NotOwner; GaswError DATABASE; what was not told stays on the list
 */
export async function deliver(
  deps: Deps,
  dao: Dao,
  workflow: StoredWorkflow,
  fileNames?: ReadonlySet<string>,
): Promise<number> {
  let told = 0;
  let idle = 0;
  // What telling itself brings about is for the next time: a row that answers a signal is seen before it goes
  // on.
  const until = deps.store.outbox.end();
  while (idle < TRIES) {
    const entries = deps.store.outbox.read(workflow, until, BATCH, fileNames);
    if (entries.length === 0) return told;
    if (told === 0 && idle === 0) await refuseFormerOwner(deps, workflow);
    const count = await deliverBatch(deps, dao, workflow, entries);
    told += count;
    // Where every row of a batch was being changed by others, it is tried again a few times.
    idle = count === 0 ? idle + 1 : 0;
  }
  deps.warn(
    `${deps.store.outbox.size(workflow)} rows of the GASW database are being changed by other programs: they will be written at the next sync`,
  );
  return told;
}

async function deliverBatch(
  deps: Deps,
  dao: Dao,
  workflow: StoredWorkflow,
  entries: readonly OutboxEntry[],
): Promise<number> {
  const { store, config } = deps;
  // The first attempt is called like its script.
  const rows = await dao.rows([...new Set(entries.flatMap(({ job }) => [job.id, job.fileName]))]);
  const invocations = await invocationIds(deps, dao, workflow, entries, rows);
  const writes = entries.map((entry): RowWrite => {
    const { job } = entry;
    const facts = factsOf(job, entry.output, config.dao.minorStatus);
    const found = rows.get(job.id);
    const first = found === undefined ? rows.get(job.fileName) : undefined;
    return rowWrite(recorded(entry, first), found, invocations.get(job.fileName) ?? 0, facts);
  });
  const { applied, refused, warnings } = await dao.apply(writes);
  for (const warning of [...warnings, ...refusals(entries, writes, refused)]) deps.warn(warning);
  const told = entries.map(({ seq, job }, index) => {
    const write = writes[index];
    // What stands in the row is a signal still only where it was not taken, or where its kill is under way.
    const isWritten =
      write?.kind === "insert" || (write?.change.status !== undefined && !refused.has(job.id));
    const isAnswered = isWritten || !isSignal(rows.get(job.id)?.status);
    return { seq, job, invocationId: invocations.get(job.fileName) ?? 0, isAnswered };
  });
  const done = told.filter((_, index) => applied[index]);
  store.outbox.acknowledge(done);
  return done.length;
}

/**
 * Sentences on what the database will not have, one for all jobs with the same reason; that a job has no row
 * is told once.
 */
function refusals(
  entries: readonly OutboxEntry[],
  writes: readonly RowWrite[],
  refused: ReadonlyMap<string, string>,
): string[] {
  const jobs = new Map<string, string[]>();
  for (const [index, { job }] of entries.entries()) {
    const why = refused.get(job.id);
    const isInsert = writes[index]?.kind === "insert";
    if (why === undefined || (isInsert && job.delivered)) continue;
    const what = `${isInsert ? "has no row" : "keeps its old row"} in the GASW database: ${why}`;
    jobs.set(what, [...(jobs.get(what) ?? []), job.id]);
  }
  return [...jobs].map(([what, ids]) => `${nameJobs(ids)} ${what}`);
}

/**
 * Invocation ids by file name: as the row says, else as an attempt's row, else as the request, else the next
 * number.
 */
async function invocationIds(
  { store }: Deps,
  dao: Dao,
  workflow: StoredWorkflow,
  entries: readonly OutboxEntry[],
  rows: ReadonlyMap<string, GaswRow>,
): Promise<Map<string, number>> {
  const found = new Map(
    entries.flatMap(({ job }) => {
      const row = rows.get(job.id);
      return row === undefined ? [] : [[job.fileName, correctedId(job, row) ?? row.invocationId]];
    }),
  );
  const missing = [...new Set(entries.map(({ job }) => job.fileName))].filter((name) => !found.has(name));
  if (missing.length === 0) return found;
  for (const [name, id] of await dao.invocationIds(missing)) found.set(name, id);
  let last: number | undefined;
  for (const { job } of entries) {
    if (found.has(job.fileName)) continue;
    // A number that was stated belongs to its job, whether its row is made yet or not.
    last ??= Math.max(await dao.largestInvocationId(), store.jobs.largestInvocationId(workflow));
    found.set(job.fileName, job.invocationId ?? ++last);
  }
  return found;
}

/** The number that a correction states of a request that its row shows still. */
function correctedId({ request }: StoredJob, row: GaswRow): number | undefined {
  return showsRefused(row, request.corrects) ? request.invocationId : undefined;
}

/**
 * @param first the row of the first attempt, for one of a later attempt that is to be made: the engine may
 * have made it, and knows more
 */
function recorded({ job, output }: OutboxEntry, first: GaswRow | undefined): RecordedJob {
  const { request } = job;
  return {
    ...job,
    command: request.command ?? first?.command ?? null,
    parameters: request.parameters ?? first?.parameters ?? null,
    corrects: request.corrects,
    output: output === null ? null : readOutput(output),
  };
}
