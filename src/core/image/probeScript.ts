import { shellWord } from "../shellWord.ts";
import { COMMANDS, HELPERS } from "./needs.ts";
import probe from "./probe.sh";

/** The text of a probe job's script. */
export function probeScript(jobId: string): string {
  const commands = [...COMMANDS, ...HELPERS.flatMap((helper) => helper.commands), "python3"];
  return `gasw_k8s_job=${shellWord(jobId)} gasw_k8s_commands=${shellWord(commands.join(" "))}\n${probe}`;
}
