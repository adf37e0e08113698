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
  const rest = explicitDryRun(given.slice(at));
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
function optionLength(word: string): number {
  if (Object.hasOwn(COMMON, word)) return COMMON[word] === true ? 2 : 1;
  const [name = ""] = word.split("=");
  const holdsItsValue = word.startsWith("--") ? COMMON[name] === true : /^-[no]./.test(word);
  return holdsItsValue ? 1 : 0;
}

/** A bare `--dry-run` would take the script after it for its kind. */
function explicitDryRun(argv: readonly string[]): string[] {
  const isKind = (word: string | undefined) => word === "client" || word === "server";
  return argv.map((word, index) =>
    word === "--dry-run" && !isKind(argv[index + 1]) ? "--dry-run=client" : word,
  );
}

/** What is meant by words that people bring along from other tools. */
const MEANT: readonly (readonly [words: string, meant: string])[] = [
  ["delete del rm remove purge destroy", "cancel (stops jobs), or cleanup (removes a workflow's objects)"],
  ["stop abort terminate scancel qdel condor_rm", "cancel"],
  ["start run create apply add sbatch qsub condor_submit", "submit"],
  ["resume unhold unpause unsuspend", "release"],
  ["restart rerun redo resubmit again replay", "retry"],
  ["get show jobs queue top squeue qstat condor_q stat info", "status"],
  ["follow tail cat log output", "logs"],
  ["explain reason diagnose", "why"],
  ["sh ssh attach bash login", "shell"],
  ["watch", "status --watch"],
  ["sync", "status --sync"],
  ["history", "status --history"],
  ["pods nodes pv pvc volumes claims", "debug"],
  ["gc prune sweep orphans", "cleanup --orphaned"],
  ["clean clear", "cleanup"],
  ["takeover import recover", "adopt"],
  ["settings configure init", "config"],
  ["version", "--version"],
];

/** What was probably meant by a command that there is not; never one that does the opposite. */
export function meantBy(word: string): string | undefined {
  return MEANT.find(([words]) => words.split(" ").includes(word.toLowerCase()))?.[1];
}
