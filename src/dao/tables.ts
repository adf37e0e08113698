import type { GaswStatus } from "../core/job.ts";

/** Types that each database has one name for. */
export type PlainType = "integer" | "boolean" | "timestamp" | "double" | "bytes";

/** What GASW's Hibernate makes a column of. */
export type ColumnType = PlainType | { readonly length: number } | { readonly oneOf: readonly string[] };

/** A table of GASW's, as Hibernate declares it. */
export interface Table {
  readonly name: string;
  readonly columns: Readonly<Record<string, ColumnType>>;
  readonly key: readonly string[];
  /** Columns that are not NULL without being a key. */
  readonly required?: readonly string[];
}

const text: ColumnType = { length: 255 };

/** In the order of GASW's enum. */
const STATUSES = [
  "CANCELLED",
  "CANCELLED_REPLICA",
  "DELETED",
  "DELETED_REPLICA",
  "COMPLETED",
  "CREATED",
  "ERROR",
  "ERROR_HELD",
  "KILL",
  "KILL_REPLICA",
  "NOT_SUBMITTED",
  "QUEUED",
  "REPLICATE",
  "RESCHEDULE",
  "RUNNING",
  "STALLED",
  "STALLED_HELD",
  "SUCCESSFULLY_SUBMITTED",
  "UNDEFINED",
  "UNHOLD_ERROR",
  "UNHOLD_STALLED",
] as const satisfies readonly GaswStatus[];

/**
 * GASW's tables with the names, the columns and their order as its Hibernate makes them (GASW 4.3, Hibernate
 * 6).
 */
export const TABLES: readonly Table[] = [
  {
    name: "Data",
    columns: { data_path: { length: 9000 }, data_type: { oneOf: ["Input", "Output"] } },
    key: ["data_path"],
  },
  {
    name: "DataToReplicate",
    columns: { url: "bytes", event_date: "timestamp", retries: "integer" },
    key: ["url"],
  },
  {
    name: "job_data",
    columns: { id: text, data_path: { length: 9000 } },
    key: [],
    required: ["id", "data_path"],
  },
  {
    name: "JobsMinorStatus",
    columns: {
      statusId: "integer",
      event_date: "timestamp",
      minor_status: {
        oneOf: [
          "Started",
          "Background",
          "Inputs",
          "Application",
          "Outputs",
          "Finished",
          "CheckPoint_Init",
          "CheckPoint_Upload",
          "CheckPoint_End",
        ],
      },
      id: text,
    },
    key: ["statusId"],
  },
  {
    name: "Nodes",
    columns: {
      node_name: text,
      site: text,
      cpu_bogomips: "double",
      cpu_cache_size: "integer",
      cpu_mhz: "double",
      cpu_model_name: text,
      mem_total: "integer",
      ncpus: "integer",
    },
    key: ["node_name", "site"],
  },
  {
    name: "SEEntryPoints",
    columns: { hostname: text, port: "integer", home: text },
    key: ["hostname", "port"],
  },
  // The last one: where it is, the others are.
  {
    name: "Jobs",
    columns: {
      id: text,
      isBeingKilled: "boolean",
      checkpoint_init: "integer",
      checkpoint_upload: "integer",
      command: text,
      creation: "timestamp",
      dirac_site: text,
      download: "timestamp",
      end_e: "timestamp",
      executor: text,
      exit_code: "integer",
      exit_message: text,
      file_name: text,
      invocation_id: "integer",
      parameters: { length: 10_000 },
      queued: "timestamp",
      isReplicating: "boolean",
      running: "timestamp",
      simulation_id: text,
      status: { oneOf: STATUSES },
      upload: "timestamp",
      node_name: text,
      node_site: text,
    },
    key: ["id"],
  },
];

/** With the length of the text that they index. */
export const INDEXES = [
  { name: "InvocationIndex", table: "Jobs", column: "invocation_id", length: 0 },
  { name: "ParamIndex", table: "Jobs", column: "parameters", length: 10_000 },
] as const;

/** Hibernate derives these names from those of the tables and columns. */
export const FOREIGN_KEYS = [
  {
    name: "FK3stf11vimjf8okkindblp9sq9",
    table: "Jobs",
    columns: ["node_name", "node_site"],
    target: "Nodes",
    key: ["node_name", "site"],
  },
  {
    name: "FK86tak41xtcenpp8o8ugxhq7",
    table: "JobsMinorStatus",
    columns: ["id"],
    target: "Jobs",
    key: ["id"],
  },
  {
    name: "FKhjh8tyhqyln55gmnh9lyvoy60",
    table: "job_data",
    columns: ["data_path"],
    target: "Data",
    key: ["data_path"],
  },
  { name: "FK58pnlacsg4189mmopypdg2kf0", table: "job_data", columns: ["id"], target: "Jobs", key: ["id"] },
] as const;

/** A value as a driver takes and gives it. */
export type Cell = string | number | boolean | Uint8Array | null;

type Columns<Name extends string> = { [Column in Name]: Cell };

/** The tables as statements are written: lower-case names, whatever the database makes of them. */
export interface Tables {
  jobs: Columns<JobColumn>;
  nodes: Columns<
    | "node_name"
    | "site"
    | "cpu_bogomips"
    | "cpu_cache_size"
    | "cpu_mhz"
    | "cpu_model_name"
    | "mem_total"
    | "ncpus"
  >;
  data: Columns<"data_path" | "data_type">;
  job_data: Columns<"id" | "data_path">;
  jobsminorstatus: Columns<"statusid" | "event_date" | "minor_status" | "id">;
}

export type JobColumn =
  | "id"
  | "simulation_id"
  | "status"
  | "isreplicating"
  | "isbeingkilled"
  | "exit_code"
  | "exit_message"
  | "creation"
  | "queued"
  | "download"
  | "running"
  | "upload"
  | "end_e"
  | "node_site"
  | "node_name"
  | "command"
  | "file_name"
  | "parameters"
  | "executor"
  | "invocation_id"
  | "checkpoint_init"
  | "checkpoint_upload";
