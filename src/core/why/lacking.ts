import { signalOf } from "../gasw/exitCode.ts";
import { COMMANDS } from "../image/needs.ts";
import { type Cause, type Explanation, type Facts, mainContainer } from "./facts.ts";
import { withImage } from "./image.ts";
import { again, command } from "./remedies.ts";

/**
 * Explanations of scripts that did not find what they need in their image, by the words of whoever looked for it. Where
 * it is the application that did, only what its line says is said.
 */
export const lackingCauses: readonly Cause[] = [
  { id: "image-lacks-bosh", match: noBosh },
  { id: "image-lacks-boutiques", match: noBoutiques },
  { id: "home-not-writable", match: homeNotWritable },
  { id: "image-lacks-module", match: noModule },
  { id: "command-not-found", match: commandNotFound },
];

const RECIPE = "docs/images.md has a recipe, and `gasw-k8s engine probe` tries an image";

/** What GASW's scripts end with where they have no bosh that works and cannot install one. */
const NO_BOSH_CODE = 21;
/** The same where the Python of that bosh does not know boutiques. */
const NO_BOUTIQUES_CODE = 25;
/** A shell's exit code for a command that does not exist. */
const NO_COMMAND_CODE = 127;

function noBosh(facts: Facts): Explanation | undefined {
  if (!isEndedBy(facts, NO_BOSH_CODE, "BOUTIQUE_INSTALL_FAILED")) return undefined;
  return {
    sentence: `failed with exit code ${NO_BOSH_CODE}: ${imageOf(facts)} has no \`bosh\` that works, and pip could not install one`,
    remedy: `use an image that has it: ${withImage(facts)} (${RECIPE})`,
    evidence: facts.lastWords,
  };
}

function noBoutiques(facts: Facts): Explanation | undefined {
  if (!isEndedBy(facts, NO_BOUTIQUES_CODE, "BOUTIQUE_IMPORT_FAILED")) return undefined;
  return {
    sentence: `failed with exit code ${NO_BOUTIQUES_CODE}: the first line of the \`bosh\` of ${imageOf(facts)} does not lead GASW's script to a Python that can import boutiques`,
    remedy: `use an image whose \`bosh\` begins with the path of its own Python, and that has \`which\`, \`head\` and \`tail\`: ${withImage(facts)} (${RECIPE})`,
    evidence: facts.lastWords,
  };
}

/** Whether a script of GASW's has ended with a code, and has given the reason for it. */
function isEndedBy({ state, lastWords }: Facts, code: number, reason: string): boolean {
  const said = new RegExp(`^\\[ ERROR - [^\\]]* \\] ${reason} - `);
  return state.status === "ERROR" && state.exitCode === code && lastWords.some((line) => said.test(line));
}

/** The code that a script has ended with by itself: what it said last may be the reason. One that was killed was not done. */
function ownCode({ state: { status, exitCode: code } }: Facts): number | undefined {
  return status === "ERROR" && code !== undefined && signalOf(code) === undefined ? code : undefined;
}

const DENIED = /^PermissionError: \[Errno 13\] Permission denied: '([^']+)'$/;

/** A Python program, such as bosh, could not make its folder in HOME. */
function homeNotWritable(facts: Facts): Explanation | undefined {
  const code = ownCode(facts);
  if (code === undefined) return undefined;
  const home = mainContainer(facts)?.env?.find(({ name }) => name === "HOME")?.value ?? "/";
  const below = home.endsWith("/") ? `${home}.` : `${home}/`;
  const line = facts.lastWords.find((text) => {
    const [, file] = DENIED.exec(text) ?? [];
    return file !== undefined && (file === home || file.startsWith(below));
  });
  if (line === undefined) return undefined;
  return {
    sentence: `failed with exit code ${code}: its user may not write to its home directory, HOME=${home}`,
    remedy: `remove HOME from \`env\` in the configuration, so that each pod gets one of its own, or set it to a folder that is writable in the pod, such as /tmp; then ${again(facts)}`,
    evidence: [line],
  };
}

const NO_MODULE = /^ModuleNotFoundError: No module named '([^']+)'$/;

function noModule(facts: Facts): Explanation | undefined {
  const code = ownCode(facts);
  const line = facts.lastWords.at(-1) ?? "";
  const name = NO_MODULE.exec(line)?.[1];
  if (code === undefined || name === undefined) return undefined;
  return {
    sentence: `failed with exit code ${code}: a Python in ${imageOf(facts)} found no module \`${name}\``,
    remedy: `use an image that has it: ${withImage(facts)}${name === "boutiques" ? ` (${RECIPE})` : ""}; or correct the program`,
    evidence: [line],
  };
}

/** What shells say of a command that is not there: who says it, in which line of which script, and its name. */
const NO_COMMAND: readonly RegExp[] = [
  /^(?<script>.+): line (?<line>\d+): (?<name>\S+): command not found$/,
  /^(?:\/usr\/bin\/)?env: ['‘"]?(?<name>[^\s'’"]+)['’"]?: No such file or directory$/,
  /^(?:\/bin\/)?(?:sh|dash): (?:(?:line )?\d+: )?(?<name>\S+): not found$/,
];

function commandNotFound(facts: Facts): Explanation | undefined {
  const code = ownCode(facts);
  if (code === undefined) return undefined;
  const line = facts.lastWords.at(-1) ?? "";
  const said = NO_COMMAND.map((words) => words.exec(line)?.groups).find((groups) => groups !== undefined);
  const name = said?.name;
  if (name === undefined) return code === NO_COMMAND_CODE ? unnamed(facts) : undefined;
  const caller = said?.script === undefined ? "" : `, which line ${said.line} of ${said.script} calls`;
  const isNeeded = [...COMMANDS, "bosh", "python", "python3"].includes(name);
  return {
    sentence: `failed with exit code ${code}: ${imageOf(facts)} has no \`${name}\`${caller}`,
    remedy: `use an image that has it: ${withImage(facts)}${isNeeded ? ` (${RECIPE})` : ""}; or correct the script, then ${again(facts)}`,
    evidence: facts.lastWords,
  };
}

/** Some command was missing, and the output does not end with which. */
function unnamed(facts: Facts): Explanation {
  const image = mainContainer(facts)?.image;
  const where = image === undefined ? "in its image" : `in image ${image}`;
  return {
    sentence: `failed with exit code ${NO_COMMAND_CODE}: a command of the script does not exist ${where}`,
    remedy: `correct the script, then ${again(facts)}; or use an image that contains the command: ${withImage(facts)}; try it in ${command(facts.job, "debug shell")}`,
    ...(facts.lastWords.length === 0 ? {} : { evidence: facts.lastWords }),
  };
}

function imageOf(facts: Facts): string {
  const image = mainContainer(facts)?.image;
  return image === undefined ? "its image" : `image ${image}`;
}
