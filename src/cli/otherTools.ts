import { distance } from "fastest-levenshtein";
import { shellWord } from "../core/shellWord.ts";
import { optionLength } from "./commandLine.ts";

/**
 * What other tools (kubectl, docker, Slurm, PBS, LSF, HTCondor, GASW itself) call something, and the commands
 * that do it. JOB, JOBS and SCRIPTS stand for what was given with it, in brackets where it may be left out;
 * what follows `#` tells two commands apart. Of phrases that begin alike, the longer one comes first. No row
 * names a command that does the opposite, or more than was asked for.
 */
const WORDS: readonly (readonly [phrases: string, ...commands: string[]])[] = [
  ["get pods, get pod, get po, pods", "debug pods"],
  ["get nodes, get node, get no, nodes, sinfo, pbsnodes, qhost, bhosts, condor_status", "debug nodes"],
  ["get pvc, get persistentvolumeclaims, pvc, claims", "debug pvc"],
  ["get pv, get persistentvolumes, pv, volumes", "debug pv"],
  ["get events", "events JOB"],
  ["scontrol hold, hold, qhold, pause, suspend, bstop, condor_hold", "status [JOBS] # jobs cannot be paused"],
  ["scontrol release, resume, unhold, unpause, unsuspend, qrls, bresume, condor_release", "release JOBS"],
  ["scontrol requeue, restart, rerun, redo, resubmit, again, replay, requeue, brequeue", "retry JOBS"],
  ["reschedule, rescheduleJob", "retry JOBS # once it has ended", "cancel JOBS # ends it"],
  ["undelete, uncancel", "retry JOBS"],
  ["scontrol show, show, inspect, info", "describe JOB", "status [JOBS]"],
  ["sacct, history, report", "status [JOBS] --history"],
  ["watch, top, htop, stats", "status [JOBS] --watch"],
  ["replicate, replicateJob", "status --sync # once REPLICATE is in the GASW database"],
  ["sync, synchronise, synchronize", "status --sync"],
  ["get, jobs, ls, queue, squeue, qstat, bjobs, condor_q, stat, getStatus, sstat", "status [JOBS]"],
  [
    "delete, del, rm, remove, purge, destroy, deleteJob",
    "cancel JOBS # stops jobs",
    "cleanup # removes a workflow's objects",
  ],
  ["stop, abort, terminate, terminateJob, end, scancel, qdel, bkill, condor_rm", "cancel JOBS"],
  ["start", "retry JOBS # runs a job again", "submit SCRIPTS # a new one"],
  ["run, create, apply, add, sbatch, srun, salloc, qsub, bsub, condor_submit", "submit SCRIPTS"],
  ["follow, tail", "logs JOB -f"],
  ["cat, log, output, getOutput, bpeek, condor_tail", "logs JOB"],
  ["explain, reason, diagnose", "why JOB"],
  ["sh, ssh, attach, bash, condor_ssh_to_job", "shell JOB"],
  ["cp", "exec JOB -- cat FILE"],
  ["gc, prune, sweep, orphans", "cleanup --orphaned"],
  ["clean, clear", "cleanup"],
  ["takeover, import, recover", "adopt DIR"],
  ["settings, configure", "config show"],
  ["init", "config init"],
  ["login, doctor, check, validate", "config check"],
  ["version", "--version"],
];

/** The same below `config`. */
const CONFIG_WORDS: typeof WORDS = [
  ["get, view, list, ls, print, cat, get-contexts, current-context", "config show"],
  ["set, unset, edit, use-context", "config show # names the file to edit"],
  ["test, validate, verify, lint", "config check"],
  ["create, new, generate", "config init"],
];

/** Options that other tools have, by command (`*`: any), and what to type instead. */
const OPTIONS: readonly (readonly [command: string, options: string, instead: string])[] = [
  ["logs", "--tail --lines -t", "use `gasw-k8s logs JOB | tail -n 20`"],
  ["logs", "--previous -p", "use `gasw-k8s logs JOB --attempt 1` for the first attempt"],
  ["logs", "-c --container", "use `gasw-k8s logs JOB --stderr-only` for a part of the output"],
  ["exec", "*", "put -- before the command: `gasw-k8s exec JOB -- REST`"],
  [
    "status",
    "-a --all",
    "use `gasw-k8s status --workflow DIR` for all jobs of a workflow, also the ended ones",
  ],
  ["status", "-A --all-namespaces", "use `cd / && gasw-k8s status` for the active jobs of all workflows"],
  ["status", "-s --state --states -t --failed", "use `gasw-k8s status --status ERROR`"],
  ["status", "-u --user --me -l --long --selector", "use `gasw-k8s status`"],
  ["cancel", "-a --all", "use `gasw-k8s cancel $(gasw-k8s status --status QUEUED,RUNNING -q)`"],
  ["cancel", "-f --force -s --signal --now --grace-period", "use `gasw-k8s cancel JOBS`"],
  ["cleanup", "-f --all", "use `gasw-k8s cleanup --yes`"],
  ["wait", "--for", "use `gasw-k8s wait JOBS`"],
  ["wait", "-t --timeout", "use `gasw-k8s wait JOBS --wait-timeout 10m`"],
  ["submit", "-c --cpus-per-task --ncpus", "use `gasw-k8s submit SCRIPTS --cpu 2`"],
  ["submit", "-m", "use `gasw-k8s submit SCRIPTS --memory 2Gi`"],
  ["submit", "-t --walltime", "use `gasw-k8s submit SCRIPTS --timeout 2h`"],
  ["submit", "-e", "use `gasw-k8s submit SCRIPTS --env KEY=VALUE`"],
  ["submit", "-p --partition", "use `gasw-k8s submit SCRIPTS --queue NAME`"],
  ["submit", "-f --filename --name --job-name -J -N", "use `gasw-k8s submit SCRIPTS`: its name is the job's"],
  ["*", "--json", "use -o json"],
];

/** Options of other tools that take a value, which must not be read as a job. */
const TAKES_VALUE: ReadonlySet<string> = new Set([
  ..."-u -U -p -A -t -o -l -s -N -J -c -m -e --user --partition --lines --tail --signal --name --job-name".split(
    " ",
  ),
]);
const KINDS: ReadonlySet<string> = new Set(["job", "jobs", "pod", "pods", "job.batch", "jobs.batch"]);

/** Letters that a mistyped name may differ by. */
const TYPO = 2;

/**
 * What to type instead of a command that there is not.
 * @param group the group in which it was looked for
 * @param words what follows it
 */
export function insteadOf(
  group: string | undefined,
  word: string,
  words: readonly string[],
): string | undefined {
  const { common, operands } = split(words);
  const given = [word.toLowerCase(), ...operands];
  for (const [phrases, ...commands] of group === "config" ? CONFIG_WORDS : WORDS) {
    const length = matching(phrases, given);
    if (length === 0) continue;
    const rest = given.slice(length).filter((operand, index) => index > 0 || !KINDS.has(operand));
    const uses = commands.map((command) => {
      const [line = "", purpose] = command.split(" # ");
      return `\`${filledIn(["gasw-k8s", ...common, line].join(" "), rest)}\`${purpose === undefined ? "" : ` (${purpose})`}`;
    });
    return `use ${uses.join(", or ")}`;
  }
  return undefined;
}

/** What to type instead of an option that a command does not have. */
export function insteadOfOption(
  path: readonly string[],
  option: string,
  words: readonly string[],
): string | undefined {
  const command = path.at(-1) ?? "";
  const [name] = option.split("=");
  const { operands } = split(words);
  const row = OPTIONS.find(
    ([of, options]) =>
      (of === command || of === "*") && (options === "*" || options.split(" ").includes(name ?? "")),
  );
  const rest = words.slice(words.indexOf(operands[0] ?? "") + 1).filter((word) => word !== "--");
  return row === undefined ? undefined : filledIn(row[2], operands, rest);
}

/** Whether a name may be a mistyped other one; what only looks alike may do something else altogether. */
export function isTypo(given: string, name: string): boolean {
  return name.startsWith(given) || distance(given.toLowerCase(), name) <= TYPO;
}

/** How many of the words one of the phrases is; 0 where it is none. */
function matching(phrases: string, given: readonly string[]): number {
  const words = phrases.split(", ").map((phrase) => phrase.toLowerCase().split(" "));
  return words.find((phrase) => phrase.every((word, index) => word === given[index]))?.length ?? 0;
}

/** A line with what was given in place of its placeholders. */
function filledIn(line: string, operands: readonly string[], rest: readonly string[] = []): string {
  const listed = (words: readonly string[], none: string) =>
    words.length === 0 ? none : words.map(shellWord).join(" ");
  return line.replace(/ \[JOBS\]|\b(?:JOBS?|SCRIPTS|REST)\b/g, (placeholder) => {
    if (placeholder === "JOB") return listed(operands.slice(0, 1), "JOB");
    if (placeholder === "JOBS") return listed(operands, "JOB");
    if (placeholder === "REST") return listed(rest, "COMMAND");
    if (placeholder === "SCRIPTS")
      return listed(
        operands.filter((operand) => operand.endsWith(".sh")),
        "sh/NAME.sh",
      );
    return operands.length === 0 ? "" : ` ${listed(operands, "")}`;
  });
}

/** The options that every command takes, which are kept, and what stands beside all options. */
function split(words: readonly string[]): { common: string[]; operands: string[] } {
  const common: string[] = [];
  const operands: string[] = [];
  for (let at = 0; at < words.length; at++) {
    const word = words[at] ?? "";
    if (word === "--") break;
    const length = word.startsWith("-") ? optionLength(word) : 0;
    // `tail -n 20` does not mean a namespace.
    const isCommon = length > 0 && !/^\d*$/.test(words[at + length - 1] ?? "");
    if (isCommon) common.push(...words.slice(at, at + length).map(shellWord));
    else if (!word.startsWith("-")) operands.push(word.replace(/^(?:jobs?|pods?)(?:\.batch)?\/|:.*/g, ""));
    if (length === 2 || TAKES_VALUE.has(word)) at++;
  }
  return { common, operands };
}
