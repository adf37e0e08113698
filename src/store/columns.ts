import type { ScriptContent, StoredRequest } from "../core/job.ts";
import type { Signal } from "../core/lifecycle/signal.ts";
import type { Stage } from "../core/lifecycle/stage.ts";
import type { DecidedStatus } from "../core/lifecycle/status.ts";
import { type NamedStage, readStage, storeStage } from "../core/lifecycle/storedStage.ts";

/** What SQLite keeps in a cell. */
export type Cell = string | number | null;

/** How a value of the code stands in a cell. */
interface Codec<T> {
  readonly type: "TEXT" | "INTEGER";
  readonly isNullable?: true;
  /** Absent where the cell holds the value itself. */
  readonly convert?: { read(cell: Cell): T; write(value: T): Cell };
}

const text = <T extends string = string>(): Codec<T> => ({ type: "TEXT" });
const number: Codec<number> = { type: "INTEGER" };
const flag: Codec<boolean> = {
  type: "INTEGER",
  convert: { read: (cell) => cell === 1, write: Number },
};
const json = <T>(): Codec<T> => ({
  type: "TEXT",
  convert: { read: (cell) => JSON.parse(String(cell)) as T, write: (value) => JSON.stringify(value) },
});

function nullable<T>({ convert, type }: Codec<T>): Codec<T | null> {
  if (convert === undefined) return { type, isNullable: true };
  const { read, write } = convert;
  return {
    type,
    isNullable: true,
    convert: {
      read: (cell) => (cell === null ? null : read(cell)),
      write: (value) => (value === null ? null : write(value)),
    },
  };
}

interface Column {
  /** Its name in the table of jobs. */
  readonly name: string;
  readonly codec: Codec<unknown>;
  /**
   * Who writes it: the row's insertion alone, any change of the job too, or the store by itself, at its own
   * time; or the stage, which stands in several columns.
   */
  readonly by: "insertion" | "change" | "store" | "stage";
  /** Whether the GASW database is told when it changes: the trigger `jobs_changed` lists these. */
  readonly isTold?: true;
  /** Whether it is read only where it is asked for: what may be long. */
  readonly isApart?: true;
}

/**
 * The columns of the table of jobs by their names in the code. Each is described here alone: what is
 * selected, read and written, and the types of a job and of a change, follow; that the schema and its trigger
 * agree is tested. The queries stay SQL text: to load and run kysely's compiler would cost each command 3 ms.
 */
export const COLUMNS = {
  key: { name: "key", codec: number, by: "insertion" },
  id: { name: "id", codec: text(), by: "insertion" },
  /** The script's base name, which ties the attempts of one invocation together. */
  fileName: { name: "file_name", codec: text(), by: "insertion" },
  /** 0 for the first submission of the script. */
  attempt: { name: "attempt", codec: number, by: "insertion" },
  kubeName: { name: "kube_name", codec: text(), by: "insertion" },
  /** Uid of its Job, once it was seen. */
  kubeUid: { name: "kube_uid", codec: nullable(text()), by: "change" },
  /** Version of the wrapper that runs its script; 0: that of 0.1.0. */
  wrapper: { name: "wrapper", codec: number, by: "change" },
  contentHash: { name: "content_hash", codec: text(), by: "change" },
  /** What its script was when somebody last asked for it to run; null where no version has noted that. */
  script: { name: "script", codec: nullable(json<ScriptContent>()), by: "change" },
  image: { name: "image", codec: text(), by: "change" },
  request: { name: "request", codec: json<StoredRequest>(), by: "change" },
  status: { name: "status", codec: text<DecidedStatus>(), by: "stage", isTold: true },
  /** Why it waits or how it ended, in a word for programs. */
  reason: { name: "reason", codec: nullable(text()), by: "change" },
  /** The same in a sentence for people. */
  message: { name: "message", codec: nullable(text()), by: "change" },
  exitCode: { name: "exit_code", codec: nullable(number), by: "change", isTold: true },
  pod: { name: "pod", codec: nullable(text()), by: "change" },
  node: { name: "node", codec: nullable(text()), by: "change" },
  /** The family of the reasons for which it waits. */
  pendingFamily: { name: "pending_family", codec: nullable(text()), by: "change" },
  /** Since when it waits for them; grace periods count from here. */
  pendingSince: { name: "pending_since", codec: nullable(text()), by: "change" },
  /** What was decided for it before its Job is removed: an end, or NOT_SUBMITTED to run it again. */
  removal: { name: "removal", codec: nullable(text()), by: "stage" },
  /** Whether its end has been seen to: retried, held, or announced. */
  settled: { name: "settled", codec: flag, by: "stage", isTold: true },
  /** Whether this tool itself is to submit it, as soon as no other attempt of its script is alive. */
  due: { name: "due", codec: flag, by: "stage" },
  /** Whether the workflow directory was made ready for this attempt. */
  prepared: { name: "prepared", codec: flag, by: "change" },
  /** The signal that was taken from its row in the GASW database and not acknowledged there yet. */
  signal: { name: "signal", codec: nullable(text<Signal>()), by: "change", isTold: true },
  /** Whether it was asked to be submitted once more while it was active. */
  replicating: { name: "replicating", codec: flag, by: "change", isTold: true },
  /** Whether it has ended, and its Job is to go since others keep its pod alive. */
  lingers: { name: "lingers", codec: flag, by: "stage" },
  /** Whether its end was decided without all of its output, which may arrive yet. */
  outputLate: { name: "output_late", codec: flag, by: "stage" },
  /** As the request, an earlier attempt or the GASW database says. */
  invocationId: { name: "invocation_id", codec: nullable(number), by: "change" },
  /** Whether the GASW database knows it. */
  delivered: { name: "delivered", codec: flag, by: "store" },
  created: { name: "created", codec: text(), by: "insertion" },
  submitted: { name: "submitted", codec: nullable(text()), by: "change" },
  started: { name: "started", codec: nullable(text()), by: "change", isTold: true },
  /** From what a change has measured, or from the clock. */
  ended: { name: "ended", codec: nullable(text()), by: "store", isTold: true },
  /** When the cluster was last asked about it. */
  observed: { name: "observed", codec: nullable(text()), by: "store" },
  /** What its output tells, as JSON. */
  output: { name: "output", codec: nullable(text()), by: "change", isTold: true, isApart: true },
  /** What its pod was last seen to be, of a failure or where its Job was removed at its end; as JSON. */
  lastPod: { name: "last_pod", codec: nullable(text()), by: "change", isApart: true },
} as const satisfies Readonly<Record<string, Column>>;

type Columns = typeof COLUMNS;
type Value<C> = C extends { readonly codec: Codec<infer T> } ? T : never;

/** What is read of a job from its own row. */
export type JobRow = {
  readonly [N in keyof Columns as Columns[N] extends { isApart: true } | { by: "stage" } ? never : N]: Value<
    Columns[N]
  >;
} & {
  readonly stage: Stage;
  /** That of its stage. */
  readonly status: DecidedStatus;
};

const ALL = Object.entries<Column>(COLUMNS);
const READ = ALL.filter(([, { isApart, by }]) => isApart !== true && by !== "stage");
const CONVERTED = READ.flatMap(([name, { codec }]) =>
  codec.convert === undefined ? [] : [[name, codec.convert.read] as const],
);

/** What of the stage's columns is read: the file makes its name from all of them. */
export const STAGE_LIST =
  "jobs.stage, jobs.status, jobs.removal, jobs.lingers = 1 AS lingers, jobs.output_late = 1 AS outputLate";

/** The list of a SELECT that reads jobs. */
export const JOB_LIST = `${READ.map(([name, column]) => `jobs.${column.name} AS ${name}`).join(", ")}, ${STAGE_LIST}`;

/** A job from the cells that `JOB_LIST` has selected, and whatever was selected beside them. */
export function readJob<Job extends JobRow>(row: Readonly<Record<string, Cell>>): Job {
  const { removal, lingers, outputLate, ...others } = row;
  const values = CONVERTED.map(([name, read]) => [name, read(row[name] ?? null)] as const);
  return { ...others, ...Object.fromEntries(values), stage: stageIn(row) } as unknown as Job;
}

/** The stage in the cells that `STAGE_LIST` has selected. */
export function stageIn({
  stage,
  status,
  removal,
  lingers,
  outputLate,
}: Readonly<Record<string, Cell>>): Stage {
  const named = { stage, status, removal, lingers: lingers === 1, outputLate: outputLate === 1 };
  return readStage(named as NamedStage);
}

/** What may be written of a job, by the columns' names in the code. */
type Values = { readonly [N in keyof Columns]?: Value<Columns[N]> } & { readonly stage?: Stage };

/** What is to be written of a job, cell by cell: its stage stands in several. */
export function cellsOf({ stage, ...others }: Values): [column: string, cell: Cell][] {
  const values: object = { ...others, ...(stage === undefined ? {} : storeStage(stage)) };
  const written = Object.entries(values).filter(([, value]) => value !== undefined);
  return written.map(([name, value]) => {
    const { name: column, codec }: Column = COLUMNS[name as keyof Columns];
    return [column, codec.convert === undefined ? (value as Cell) : codec.convert.write(value)];
  });
}
