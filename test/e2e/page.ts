// Pages for people whose commands tests run as they are written.

/** A section of a page, without its heading. */
export function section(page: string, title: string): string {
  const found = page.split(/^## /m).find((text) => text.startsWith(`${title}\n`));
  if (found === undefined) throw new Error(`the page has no section "${title}"`);
  return found;
}

/** The blocks of shell in a text, as a reader copies them, in their order. */
export function shellIn(text: string): string[] {
  const blocks = text.match(/(?<=\n\n)(?: {4}.*\n)+/g) ?? [];
  return blocks.map((block) => block.replaceAll(/^ {4}/gm, ""));
}

/** The command lines of a text that are set as code of their own, in their order. */
export function commandsIn(text: string): string[] {
  return [...text.matchAll(/^ {4}(gasw-k8s .*?)(?: +#.*)?$/gm)].map(([, command = ""]) => command);
}

/** The whole command lines that a text quotes in its sentences and tables. */
export function quotedCommandsIn(text: string): string[] {
  return [...text.matchAll(/`(gasw-k8s [^`\n]+)`/g)].map(([, command = ""]) => command);
}

/** The blocks of a text that are marked as this language, in their order, without the indent of the step that they belong to. */
export function fencedIn(text: string, language: string): string[] {
  const blocks = text.matchAll(new RegExp(`^( *)\`\`\`${language}\\n([^]*?)^\\1\`\`\`$`, "gm"));
  return [...blocks].map(([, indent = "", block = ""]) => block.replaceAll(new RegExp(`^${indent}`, "gm"), ""));
}
