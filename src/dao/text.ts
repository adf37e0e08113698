import type { FoundColumn } from "./schema.ts";

/**
 * The characters that a server's character set does not hold, by its name on MariaDB and MySQL, or
 * PostgreSQL.
 */
const BEYOND: Readonly<Record<string, RegExp>> = {
  utf8mb3: /[\u{10000}-\u{10ffff}]/gu,
  utf8: /[\u{10000}-\u{10ffff}]/gu,
  ucs2: /[\u{10000}-\u{10ffff}]/gu,
  latin1: /[\u{100}-\u{10ffff}]/gu,
  LATIN1: /[\u{100}-\u{10ffff}]/gu,
};
const BEYOND_ASCII = /[\u{80}-\u{10ffff}]/gu;
const UNICODE = /^(utf8mb4|utf16|utf16le|utf32|UTF8)$/;

/**
 * A text that every database accepts: without NUL, which PostgreSQL refuses, without unpaired surrogates, and
 * with `?` for what its column cannot hold.
 */
function storable(text: string, charset: string | null): string {
  const clean = text.replaceAll("\0", "").replace(/\p{Surrogate}/gu, "\ufffd");
  return charset === null || UNICODE.test(charset)
    ? clean
    : clean.replace(BEYOND[charset] ?? BEYOND_ASCII, "?");
}

/**
 * A text as a column takes it, cut where it is too long. UTF-16 units are counted, as H2 does: never fewer
 * than another server counts.
 * @param bytes that the text may have at most in UTF-8, where that is limited
 */
export function fitted(
  text: string,
  column: FoundColumn,
  bytes = Number.POSITIVE_INFINITY,
): { readonly text: string; readonly cut: boolean } {
  const clean = storable(text, column.charset);
  const short = cutToBytes(cutToUnits(clean, column.length ?? Number.POSITIVE_INFINITY), bytes);
  return { text: short, cut: short.length < clean.length };
}

/** Whether a column takes a text as it is, as a key must be. */
export function fits(text: string, column: FoundColumn, bytes?: number): boolean {
  return fitted(text, column, bytes).text === text;
}

function cutToUnits(text: string, units: number): string {
  return text.slice(0, units).replace(/\p{Surrogate}$/u, "");
}

function cutToBytes(text: string, bytes: number): string {
  if (Buffer.byteLength(text) <= bytes) return text;
  // The decoder drops a character whose bytes are not all there.
  return new TextDecoder("utf-8", { ignoreBOM: true }).decode(Buffer.from(text).subarray(0, bytes), {
    stream: true,
  });
}
