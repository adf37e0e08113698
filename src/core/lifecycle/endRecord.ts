/**
 * What a job's wrapper records of the end (wrapper.sh): one line in a file of the workflow directory, and the
 * same as the container's termination message. A record that is missing proves nothing.
 */
export interface EndRecord {
  /** Name of the Job. */
  readonly attempt: string;
  readonly podUid: string;
  /** Exit code of the script. */
  readonly code: number;
  /** Name or number of the first signal that was to stop it; undefined: it ended by itself. */
  readonly signal: string | undefined;
  /** When that signal came and when the script ended, in seconds since 1970 by the node's clock. */
  readonly signalledAt: number | undefined;
  readonly endedAt: number;
  /** Bytes that were written to the streams. */
  readonly outBytes: number;
  readonly errBytes: number;
}

/** Longest record that is read, in bytes. */
export const MAX_RECORD_BYTES = 1024;

const RECORD = /^1 (\S+) (\S+) (\d{1,3}) (\S+) (\d{1,15}|-) (\d{1,15}) (\d{1,15}) (\d{1,15}) end$/;

/** The record that a text is; undefined where it is none, or was not written to its end. */
export function parseEndRecord(text: string): EndRecord | undefined {
  const found = RECORD.exec(text.endsWith("\n") ? text.slice(0, -1) : text);
  if (found === null) return undefined;
  const [, attempt = "", podUid = "", code, signal = "", signalledAt, endedAt, outBytes, errBytes] = found;
  return {
    attempt,
    podUid,
    code: Number(code),
    signal: signal === "-" ? undefined : signal,
    signalledAt: signalledAt === "-" ? undefined : Number(signalledAt),
    endedAt: Number(endedAt),
    outBytes: Number(outBytes),
    errBytes: Number(errBytes),
  };
}
