import { markerIn, type Section } from "./lines.ts";

/** A section of an output: one that has not ended, or the last of those that have. */
export interface LastSection {
  readonly section: Section;
  readonly isOpen: boolean;
}

/** The section that the lines of an output show last. */
export function lastSection(lines: readonly string[]): LastSection | undefined {
  const marker = lines.map(markerIn).findLast((found) => found !== undefined);
  return marker === undefined ? undefined : { section: marker.section, isOpen: marker.opens };
}
