import fc from "fast-check";
import { type OutputFacts, outputFacts } from "../../../src/core/output/facts.ts";
import { ErrParser, OutParser } from "../../../src/core/output/parser.ts";

export interface Parsed {
  readonly facts: OutputFacts;
  /** The application's own streams. */
  readonly appOut: Buffer;
  readonly appErr: Buffer;
}

/** Cuts bytes into pieces; each of the sizes is that of one piece, again and again. */
function cutInto(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
  const pieces: Uint8Array[] = [];
  for (let start = 0, index = 0; start < bytes.length; index++) {
    const size = sizes[index % sizes.length] ?? bytes.length;
    pieces.push(bytes.subarray(start, start + size));
    start += size;
  }
  return pieces;
}

/** Parses both streams of a job; each piece is overwritten when it has been pushed, as a reader's buffer is. */
export function parse(
  out: Uint8Array | string,
  err: Uint8Array | string = "",
  sizes: readonly number[] = [Number.MAX_SAFE_INTEGER],
): Parsed {
  const apps: [Buffer[], Buffer[]] = [[], []];
  const parsers = [
    new OutParser((bytes) => apps[0].push(Buffer.from(bytes))),
    new ErrParser((bytes) => apps[1].push(Buffer.from(bytes))),
  ] as const;
  for (const [index, stream] of [out, err].entries()) {
    for (const piece of cutInto(Buffer.from(stream), sizes)) {
      const buffer = Buffer.from(piece);
      parsers[index]?.push(buffer);
      buffer.fill("#");
    }
  }
  return { facts: outputFacts(parsers[0].end(), parsers[1].end()), appOut: Buffer.concat(apps[0]), appErr: Buffer.concat(apps[1]) };
}

const SECTION_NAMES = ["upload_test", "inputs_download", "application_execution", "results_upload"];

/** Pieces of text that mean something to the parser, whole or in part. */
const telling = fc.oneof(
  fc.constantFrom(...SECTION_NAMES.flatMap((name) => [`<${name}>`, `</${name}>`])),
  fc.constantFrom(
    "===== uname =====\nLinux wn1 6.1",
    "SITE_NAME=S",
    "PBS_O_HOST=pbs.example.fr",
    "CE_ID=ce.example.it:8443/q",
    "LFC_HOST=lfc",
    "processor : 3",
    "model name : x",
    "MemTotal: 5 kB",
    "Input download time: 4 seconds",
    "[ INFO - now ] Execution time: 75 seconds",
    "[ ERROR - now ] Exiting with return value 6",
    "Exiting with return value 0",
    "<file_download uri=file:/a>",
    "<file_download uri=",
    "<file_upload id=a uri=/b>",
  ),
  fc.constantFrom("\r", "\0", " ", "<", "</application_execution", "execution>", "x".repeat(70_000)),
  fc.string({ unit: "binary", maxLength: 20 }),
);

/** Streams in which the parser finds something to do; half of their pieces are lines of their own. */
const stream = fc
  .array(fc.tuple(telling, fc.constantFrom("\n", "\r\n", "", "")), { maxLength: 30 })
  .map((parts) => Buffer.from(parts.flat().join("")));

/** Any bytes at all, most of them such as jobs print. */
export const anyBytes = fc.oneof(
  stream,
  fc.uint8Array({ maxLength: 300 }),
  fc.tuple(stream, fc.uint8Array({ maxLength: 50 }), stream).map((parts) => Buffer.concat(parts)),
);
