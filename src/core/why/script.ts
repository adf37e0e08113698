import { CURES } from "../scriptCures.ts";
import { shellWord } from "../shellWord.ts";
import type { Cause, Explanation, Facts } from "./facts.ts";
import { again, mendAndRerun } from "./remedies.ts";

/** Explanations of scripts that did not get as far as their own work, by bash's words. */
export const scriptCauses: readonly Cause[] = [
  { id: "output-refused", match: outputRefused },
  { id: "script-missing", match: scriptMissing },
  { id: "script-unreadable", match: scriptUnreadable },
  { id: "script-binary", match: scriptNotText },
  { id: "script-crlf", match: scriptWithCarriageReturns },
  { id: "script-syntax", match: syntaxError },
];

/** The wrapper's exit code where it cannot open the streams: bash says why, before there is a file for it. */
const STREAMS_CODE = 7;

const REFUSALS: readonly [RegExp, string, string][] = [
  [
    /Permission denied/,
    "its user may not write there",
    "change the owner or the mode of out/ and err/; on an NFS server, root_squash maps root to nobody",
  ],
  [
    /No such file or directory/,
    "the folder does not exist where its pod looks",
    "check that nfsPath leads to this very directory, and that out/ and err/ are there",
  ],
  [
    /Read-only file system/,
    "the directory is mounted read-only",
    "check the volume's access mode and the server's export",
  ],
  [
    /No space left on device|Disk quota exceeded/,
    "the file system is full",
    "free some space, or raise the quota",
  ],
];

function outputRefused({ state, job, isSilent }: Facts): Explanation | undefined {
  if (state.status !== "ERROR" || state.exitCode !== STREAMS_CODE || !isSilent) return undefined;
  const line = linesOf(state.message).find((text) => /\.\/(?:out|err)\/[^:]*: /.test(text));
  const [, why, remedy] = REFUSALS.find(([pattern]) => pattern.test(line ?? "")) ?? [];
  return {
    sentence: `could not begin, because its output files could not be opened${why === undefined ? "" : `: ${why}`}`,
    remedy: `${remedy ?? "check that its user may write to out/ and err/, that they exist where nfsPath leads, and that there is space"}; then ${again({ state, job })}`,
    ...(line === undefined ? {} : { evidence: [line] }),
  };
}

/** What bash says of the script itself, which the wrapper calls by this path. */
function saidOfScript({ job, lastWords, state }: Facts, words: string): string | undefined {
  const beginning = `bash: ./sh/${job.fileName}.sh: `;
  return [...lastWords, ...linesOf(state.message)].find(
    (line) => line.includes(beginning) && line.endsWith(words),
  );
}

function scriptMissing(facts: Facts): Explanation | undefined {
  const { state, job } = facts;
  const line = saidOfScript(facts, "No such file or directory");
  if (state.status !== "ERROR" || state.exitCode !== 127 || line === undefined) return undefined;
  return {
    sentence: `failed because its script sh/${job.fileName}.sh was not there when it began`,
    remedy: `restore the script, or check that nfsPath leads to ${job.directory}; then ${again({ state, job })}`,
    evidence: [line],
  };
}

function scriptUnreadable(facts: Facts): Explanation | undefined {
  const { state, job } = facts;
  const line = saidOfScript(facts, "Permission denied");
  if (state.status !== "ERROR" || line === undefined) return undefined;
  const user = facts.pod?.spec?.securityContext?.runAsUser;
  return {
    sentence: `failed because user ${user ?? "of its pod"} may not read its script sh/${job.fileName}.sh`,
    remedy: `make it readable: ${mendAndRerun({ state, job }, `chmod a+r ${shellWord(fileOf(job))}`)}; its folder has to be accessible, too`,
    evidence: [line],
  };
}

function scriptNotText({ state, job, lastWords }: Facts): Explanation | undefined {
  const words = `./sh/${job.fileName}.sh: cannot execute binary file`;
  const line = lastWords.find((text) => text.endsWith(words));
  if (state.status !== "ERROR" || state.exitCode !== 126 || line === undefined) return undefined;
  return {
    sentence: `failed because its script sh/${job.fileName}.sh is not text in UTF-8: bash takes it for a program`,
    remedy: `convert it: \`file ${shellWord(fileOf(job))}\` shows what it is; from UTF-16: ${mendAndRerun({ state, job }, CURES.fromUtf16(fileOf(job)))}`,
    evidence: [line],
  };
}

/** A job's script. */
function fileOf({ directory, fileName }: Facts["job"]): string {
  return `${directory}/sh/${fileName}.sh`;
}

/** Bash quotes a carriage return as `$'\r'`, or prints it as it is. */
const CARRIAGE_RETURN = /\\r'|\r/;

function scriptWithCarriageReturns({ state, job, lastWords }: Facts): Explanation | undefined {
  if (state.status !== "ERROR") return undefined;
  const line = lastWords.find((text) => CARRIAGE_RETURN.test(text) && isOfBash(text, job.fileName));
  if (line === undefined) return undefined;
  return {
    sentence:
      "failed because its script has Windows line endings (CRLF), which bash takes for part of the commands",
    remedy: `convert it: ${mendAndRerun({ state, job }, CURES.withoutReturns(fileOf(job)))}`,
    evidence: [line],
  };
}

/** Bash's exit code for a script that it cannot parse. */
const SYNTAX_CODE = 2;
const SYNTAX = /line (\d+): (?:syntax error|unexpected EOF)/;

function syntaxError({ state, job, lastWords }: Facts): Explanation | undefined {
  if (state.status !== "ERROR" || state.exitCode !== SYNTAX_CODE) return undefined;
  const line = lastWords.find((text) => SYNTAX.test(text) && isOfBash(text, job.fileName));
  if (line === undefined) return undefined;
  return {
    sentence: `failed because bash cannot parse its script: there is a syntax error in line ${SYNTAX.exec(line)?.[1]}`,
    remedy: `correct it (\`bash -n ${shellWord(fileOf(job))}\` shows the same error), then ${again({ state, job })}`,
    evidence: [line],
  };
}

/** Whether a line is bash's about this very script, not about one that it calls. */
function isOfBash(line: string, fileName: string): boolean {
  return line.startsWith(`./sh/${fileName}.sh: line `);
}

function linesOf(message = ""): string[] {
  return message.split(/\r?\n/);
}
