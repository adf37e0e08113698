/** Values that a person may put in the place of what stands in a command for them, by the options that they follow. */
const FILLINGS: readonly [RegExp, string][] = [
  [/(?<=--image )NAME\b/g, "localhost/gasw-k8s/bash:1"],
  [/(?<=--timeout )DURATION\b/g, "60s"],
  [/(?<=--memory )AMOUNT\b/g, "128Mi"],
  [/(?<=--ephemeral-storage )AMOUNT\b/g, "128Mi"],
  [/(?<=--resource \S+=)AMOUNT\b/g, "1"],
  [/(?<=--(?:cpu|cpu-limit|gpu) )AMOUNT\b/g, "1"],
  [/(?<=--env \S+=)VALUE\b/g, "filled in"],
];

/** The commands of this tool that a text proposes, as somebody copies them, with the placeholders filled in. */
export function proposedCommands(text: string): string[] {
  const copied = [...text.matchAll(/`([^`]*)`/g)].map(([, command = ""]) => command);
  return copied.filter((command) => /(?:^|&& )gasw-k8s /.test(command)).map(filledIn);
}

function filledIn(command: string): string {
  return FILLINGS.reduce((text, [placeholder, value]) => text.replace(placeholder, value), command).replaceAll(
    "=filled in",
    "='filled in'",
  );
}

/** The words of a command of this tool; the other commands of its line are left out. */
export function commandLines(command: string): string[][] {
  const lines = command.split(" && ").filter((line) => line.startsWith("gasw-k8s "));
  return lines.map((line) => (line.match(/'[^']*'|[^\s']+(?:'[^']*')?/g) ?? []).slice(1).map((word) => word.replaceAll("'", "")));
}
