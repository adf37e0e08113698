import stringWidth from "string-width";

/** The columns that a terminal needs for a text on one line. */
export function widthOf(text: string): number {
  return stringWidth(text);
}

/** What a column has left beside a text, as spaces. */
export function roomBeside(text: string, width: number): string {
  return " ".repeat(Math.max(0, width - stringWidth(text)));
}

/** A text that fills its column. */
export function padded(text: string, width: number): string {
  return text + roomBeside(text, width);
}

/** A text that has room in so many columns: one that has not loses its end, in whole characters. */
export function shortened(text: string, width: number): string {
  if (stringWidth(text) <= width) return text;
  let short = "";
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    if (stringWidth(short + segment) > width - 1) break;
    short += segment;
  }
  return `${short}…`;
}
