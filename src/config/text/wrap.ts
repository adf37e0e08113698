/**
 * Text in lines of a width: words are never cut, and one that is longer stands alone.
 * @param first what the first line begins with
 * @param rest what the others do
 */
export function wrapped(text: string, width: number, first = "", rest = first): string {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && last.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(`${last === undefined ? first : rest}${word}`);
  }
  return lines.join("\n");
}
