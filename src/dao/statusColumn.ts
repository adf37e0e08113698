import { type Kysely, type RawBuilder, sql } from "kysely";
import type { RowWrite } from "../core/gaswRow/row.ts";
import { isHeld } from "../core/job.ts";
import { substituteFor } from "../core/lifecycle/shown.ts";
import { GaswError, messageOf } from "../errors.ts";
import type { DaoSettings } from "./dao.ts";
import type { Dialect } from "./dialects.ts";
import { FoundNames, type FoundSchema, findSchema } from "./schema.ts";
import type { Tables } from "./tables.ts";
import { fitted } from "./text.ts";

/**
 * A write without a status that must not be written, and with a caution where a release would be fatal;
 * undefined: no word is left for it.
 */
export function readableWrite(write: RowWrite, schema: FoundSchema): RowWrite | undefined {
  const unreadable = unreadableWords(schema);
  const fields = write.kind === "insert" ? write.row : write.change;
  if (fields.status === undefined || unreadable.length === 0) return write;
  const status = [fields.status, substituteFor(fields.status)].find(
    (word) => word !== undefined && !unreadable.includes(word),
  );
  if (status === undefined) return undefined;
  const { exitMessage } = fields;
  const isCautioned = isHeld(status) && exitMessage !== undefined && isReleaseFatal(schema);
  const change = { status, ...(isCautioned ? { exitMessage: withCaution(exitMessage, schema) } : {}) };
  return write.kind === "insert"
    ? { ...write, row: { ...write.row, ...change } }
    : { ...write, change: { ...write.change, ...change } };
}

/** Whether a write has a job held from now on whose release by another program destroys the database. */
export function isFatalHold(write: RowWrite, schema: FoundSchema): boolean {
  const [before, after] =
    write.kind === "insert" ? [null, write.row.status] : [write.ifStatus, write.change.status];
  return isHeld(after) && !isHeld(before) && isReleaseFatal(schema);
}

function unreadableWords(schema: FoundSchema): readonly string[] {
  return schema.column("jobs", "status")?.unreadable ?? [];
}

function isReleaseFatal(schema: FoundSchema): boolean {
  const unreadable = unreadableWords(schema);
  return unreadable.includes("UNHOLD_ERROR") || unreadable.includes("UNHOLD_STALLED");
}

/** What the row of a held job says to whoever could release it. */
const SEPARATOR = "; ";
const CAUTION =
  "a release from the portal (UNHOLD_*) destroys this database: use `gasw-k8s release`, or set dao.repairStatusColumn first";

/** A held job's message with the caution, for which it is cut where their column is too short for both. */
function withCaution(message: string | null, schema: FoundSchema): string {
  if (message === null || message === "") return CAUTION;
  const { length = null } = schema.column("jobs", "exit_message") ?? {};
  const room = length === null ? message.length : Math.max(1, length - CAUTION.length - SEPARATOR.length);
  const cause =
    message.length <= room
      ? message
      : `${fitted(message, { name: "", length: room - 1, charset: null }).text}…`;
  return `${cause}${SEPARATOR}${CAUTION}`;
}

/** The sentence on jobs that are held in a database which another program's release destroys. */
export function holdWarning(jobs: string): string {
  const danger =
    "a release from the portal (UNHOLD_ERROR, UNHOLD_STALLED) destroys the GASW database for good";
  const why = "H2 before 1.4.197 cannot read these words back from an ENUM column";
  return `${jobs} is held, and ${danger}: ${why}. Use \`gasw-k8s release\`, which writes neither, or set dao.repairStatusColumn`;
}

/**
 * Makes the column of statuses VARCHAR(255), where that is asked for and the database can't read all its
 * words back; then reads the column and the rows back. What keeps it from being made so is told, and it stays
 * as it is.
 * @returns the tables as they are then
 * @throws GaswError DATABASE where the rows are not what they were
 */
export async function repairStatusColumn(
  db: Kysely<Tables>,
  dialect: Dialect,
  found: FoundSchema,
  { signal, repairStatusColumn: tell }: Pick<DaoSettings, "signal" | "repairStatusColumn">,
): Promise<FoundSchema> {
  if (tell === undefined || unreadableWords(found).length === 0) return found;
  const isDone = async (statement: RawBuilder<unknown>, on: Kysely<Tables>) => {
    try {
      await statement.execute(on);
      return true;
    } catch (error) {
      signal.throwIfAborted();
      tell(
        `dao.repairStatusColumn: cannot change the status column to VARCHAR(255), it remains an ENUM (${messageOf(error)})`,
      );
      return false;
    }
  };
  // Others' statements wait: they would find no table of jobs at times, and what they write could not be told
  // from a loss.
  if (!(await isDone(sql`set exclusive 1`, db))) return found;
  try {
    const current = await findSchema(db, dialect);
    // Another process may have been faster.
    if (unreadableWords(current).length === 0) return current;
    const named = db.withPlugin(new FoundNames(current));
    const before = await statuses(named);
    if (
      !(await isDone(
        sql`alter table ${sql.table("jobs")} alter column ${sql.ref("status")} varchar(255)`,
        named,
      ))
    )
      return current;
    const repaired = await findSchema(db, dialect);
    verify(repaired, before, await statuses(named));
    await forgetCaution(named, repaired);
    tell(
      `dao.repairStatusColumn: the status column is now VARCHAR(255); its ${before.size} rows are unchanged`,
    );
    return repaired;
  } finally {
    await sql`set exclusive 0`.execute(db);
  }
}

async function statuses(db: Kysely<Tables>): Promise<Map<unknown, unknown>> {
  const rows = await db.selectFrom("jobs").select(["id", "status"]).execute();
  return new Map(rows.map(({ id, status }) => [id, status]));
}

function verify(
  repaired: FoundSchema,
  before: ReadonlyMap<unknown, unknown>,
  after: ReadonlyMap<unknown, unknown>,
): void {
  const isText = repaired.column("jobs", "status")?.length === 255 && unreadableWords(repaired).length === 0;
  const lost = [...before].filter(([id, status]) => after.get(id) !== status);
  if (isText && lost.length === 0 && after.size === before.size) return;
  const what = isText
    ? `${lost.length} of ${before.size} rows have changed`
    : "the status column is not VARCHAR(255)";
  throw new GaswError(
    "DATABASE",
    `dao.repairStatusColumn failed and may have damaged the GASW database: ${what}`,
    {
      hint: "compare the Jobs table with a backup before using the database again",
    },
  );
}

/** Held jobs' rows need not warn any more. */
async function forgetCaution(db: Kysely<Tables>, schema: FoundSchema): Promise<void> {
  if (schema.column("jobs", "exit_message") === undefined) return;
  const message = sql.ref("exit_message");
  await sql`update ${sql.table("jobs")} set ${message} = replace(replace(${message}, ${`${SEPARATOR}${CAUTION}`}, ''), ${CAUTION}, '')
    where ${message} like ${`%${CAUTION}`}`.execute(db);
}
