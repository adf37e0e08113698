import { type OutputFacts, outputFacts } from "../../../src/core/outputFacts.ts";
import { ErrParser, OutParser } from "../../../src/core/outputParser.ts";

export interface Parsed {
  readonly facts: OutputFacts;
  /** The application's own streams. */
  readonly appOut: Buffer;
  readonly appErr: Buffer;
}

/** Cuts bytes into pieces; each of the sizes is that of one piece, again and again. */
export function cutInto(bytes: Uint8Array, sizes: readonly number[]): Uint8Array[] {
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
