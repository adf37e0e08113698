// Writes docs/commands.md from the commands' own help texts and the transcripts in docs/transcripts (recorded by scripts/demo.mjs --record).
// With --check: exits 1 when the committed page is stale.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";

const root = path.resolve(import.meta.dirname, "..");
const page = path.join(root, "docs/commands.md");

const INTRODUCTION = `# Commands

<!-- Written by scripts/generate-command-docs.mjs; edit that or the help texts, or record the transcripts again. -->

Only the result goes to stdout: text for people, \`-o json\` or \`-o ndjson\` for programs. Progress, warnings and errors go to stderr. An error is one line saying
what failed and for which object, and a \`hint:\` line saying what to do; \`-v\` adds the causes, and with \`-o json\` it is
\`{"error":{"code","message","hint"}}\`. Colours and spinners appear on a terminal only, never with \`NO_COLOR\` or \`CI\`.

A command that waits for longer than two seconds says what for, in one line on stderr, and says it again when that changes; on a terminal it shows a spinner instead. With \`-q\`, and to programs
(\`-o json\`, \`-o ndjson\`), it says nothing: what an engine reads on stderr are warnings and errors.

The [options of every command](#options-of-every-command), and \`-o\`, may stand before it, too: \`gasw-k8s -n vip status\`. \`-q\` prints
ids or names only. \`list\` and \`ps\` are short for \`status\`, \`kill\` for \`cancel\`, and \`why\`, \`logs\`, \`shell\`, \`exec\`, \`describe\` and \`events\` for those of \`debug\`.

A JOB is a job id, a script's path, the Kubernetes name, or (except for \`cancel\`, \`retry\` and \`release\`) a unique prefix
of an id. A resubmitted job keeps its first id, which refers to its latest attempt; \`Job-1-r1\` is its first resubmission.

| exit code | meaning |
| --- | --- |
| 0 | success (\`wait\`: the jobs are COMPLETED) |
| 1 | any other failure |
| 2 | usage error |
| 3 | configuration missing or invalid, or the configured cluster is not the workflow's |
| 4 | the cluster cannot be reached or rejected the request |
| 5 | a volume did not become ready in time |
| 6 | no such job, workflow or object |
| 7 | the job, workflow or volume already exists with different content |
| 8 | the GASW database cannot be reached or written; unsynced changes stay queued |
| 124 | a wait timed out |
| 130 | Ctrl-C, as shells have it; no error where the command only watched (\`status --watch\`, \`wait\`, \`debug logs -f\`) |
| \`wait\`, \`submit --wait\` | the job's own exit code, the highest of several; a job without one: 1 (ERROR), 9 (deleted), 10 (STALLED); failure of gasw-k8s itself: 125 |
`;

function helpOf(words) {
  return execFileSync(process.execPath, [path.join(root, "bin/gasw-k8s.js"), ...words, "--help"], {
    encoding: "utf8",
    env: { PATH: process.env.PATH, COLUMNS: "120" },
  });
}

/** The commands that a help text lists. */
function listedIn(help) {
  const [, list = ""] = help.split("\nCommands:\n");
  // Examples may follow.
  const [commands = ""] = list.split("\n\n");
  return [...commands.matchAll(/^ {2}([a-z]+)/gm)].map(([, name]) => name).filter((name) => name !== "help");
}

/** All commands: those of a group in its place. */
function allCommands() {
  return listedIn(helpOf([])).flatMap((name) => {
    const below = listedIn(helpOf([name]));
    return below.length === 0 ? [[name]] : below.map((other) => [name, other]);
  });
}

const COMMON_OPTIONS = /\nCommon options:\n(?: .*\n)+/;

/** What every command's help ends its options with is shown once. */
function commonOptions() {
  const [found = ""] = COMMON_OPTIONS.exec(helpOf(["status"])) ?? [];
  return `## Options of every command\n\n\`\`\`text${found.replace(/\nCommon options:/, "")}\`\`\`\n\n\`config init\` and \`config schema\` take none of them.\n`;
}

function section(words) {
  const help = helpOf(words).replace(COMMON_OPTIONS, "");
  const transcript = path.join(root, "docs/transcripts", `${words.join("-")}.txt`);
  const shown = existsSync(transcript) ? `\n\`\`\`console\n${readFileSync(transcript, "utf8").trimEnd()}\n\`\`\`\n` : "";
  return `## ${words.join(" ")}\n\n\`\`\`text\n${help.trimEnd()}\n\`\`\`\n${shown}`;
}

const text = [INTRODUCTION, commonOptions(), ...allCommands().map(section)].join("\n");
if (process.argv.includes("--check")) {
  process.exitCode = readFileSync(page, "utf8") === text ? 0 : 1;
} else {
  writeFileSync(page, text);
}
