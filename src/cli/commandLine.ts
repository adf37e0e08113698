/** Options that every command takes, and whether a value follows; they may stand before the command, too. */
const COMMON: Readonly<Record<string, boolean>> = {
  "--config": true,
  "-n": true,
  "--namespace": true,
  "--kubeconfig": true,
  "--context": true,
  "-o": true,
  "--output": true,
  "-v": false,
  "--verbose": false,
};

/** Commands that have commands of their own. */
const GROUPS: ReadonlySet<string> = new Set(["debug", "config"]);

/** Short forms, and what other tools call a command. */
export const SHORT_FORMS: Readonly<Record<string, readonly string[]>> = {
  list: ["status"],
  ps: ["status"],
  kill: ["cancel"],
  why: ["debug", "why"],
  logs: ["debug", "logs"],
  shell: ["debug", "shell"],
  exec: ["debug", "exec"],
  describe: ["debug", "describe"],
  events: ["debug", "events"],
};

/** A command line, put in order. */
export interface CommandLine {
  /** The command, and the one below it in a group. */
  readonly path: readonly string[];
  /** All words: the path, the options that stood before it ended, and the others. */
  readonly argv: readonly string[];
}

/** Puts the options that stand before a command behind it, and the command in place of its short form. */
export function readCommandLine(given: readonly string[]): CommandLine {
  const path: string[] = [];
  const before: string[] = [];
  let at = 0;
  while (at < given.length && !isComplete(path)) {
    const word = given[at] ?? "";
    const length = word.startsWith("-") ? optionLength(word) : 1;
    // What nobody knows is for the parser to tell.
    if (length === 0 || at + length > given.length) break;
    if (word.startsWith("-")) before.push(...given.slice(at, at + length));
    else path.push(...(path.length === 0 ? shortForm(word) : [word]));
    at += length;
  }
  const rest = explicitDryRun(given[at - 1] === "kill" ? withoutSignal(given.slice(at)) : given.slice(at));
  // Without a command there is nothing that they could be said of.
  return { path, argv: path.length === 0 ? rest : [...path, ...before, ...rest] };
}

function isComplete([command, below]: readonly string[]): boolean {
  return command !== undefined && (below !== undefined || !GROUPS.has(command));
}

function shortForm(word: string): readonly string[] {
  return Object.hasOwn(SHORT_FORMS, word) ? (SHORT_FORMS[word] ?? [word]) : [word];
}

/** Words that a common option takes up; 0 where it is none. */
export function optionLength(word: string): number {
  if (Object.hasOwn(COMMON, word)) return COMMON[word] === true ? 2 : 1;
  const [name = ""] = word.split("=");
  const holdsItsValue = word.startsWith("--") ? COMMON[name] === true : /^-[no]./.test(word);
  return holdsItsValue ? 1 : 0;
}

/** `kill -9 JOB`: whichever signal is named, the job is to end. */
function withoutSignal(argv: readonly string[]): readonly string[] {
  return /^-(?:\d+|(?:SIG)?(?:KILL|TERM|INT|HUP|QUIT))$/.test(argv[0] ?? "") ? argv.slice(1) : argv;
}

/** A bare `--dry-run` would take the script after it for its kind. */
function explicitDryRun(argv: readonly string[]): string[] {
  const isKind = (word: string | undefined) => word === "client" || word === "server";
  return argv.map((word, index) =>
    word === "--dry-run" && !isKind(argv[index + 1]) ? "--dry-run=client" : word,
  );
}
