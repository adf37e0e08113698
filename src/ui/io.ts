/** What a command may touch of the process it runs in; handed in, so that tests hand in their own. */
export interface Io {
  readonly stdout: NodeJS.WriteStream;
  readonly stderr: NodeJS.WriteStream;
  readonly stdin: NodeJS.ReadStream;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** Aborted at the first Ctrl-C or SIGTERM. */
  readonly signal: AbortSignal;
  /** Which of the two it was; undefined before. */
  readonly stoppedBy: () => NodeJS.Signals | undefined;
  now(): Date;
}

/** Form of the answer on stdout. */
export type OutputFormat = "text" | "json" | "ndjson";
