/** Configuration files: which are found, and their text as values. */
import { existsSync, statSync } from "node:fs";
import { basename, dirname, extname, join } from "node:path";
import { getDefaultSearchPlacesSync } from "cosmiconfig";
import { isBelow, realPath } from "../../directory.ts";
import { GaswError, messageOf, systemCode } from "../../errors.ts";
import { readTextFile } from "../../textFile.ts";
import { isRecord } from "../schema/generations.ts";
import { findJsonError, positionOf } from "../text/jsonSyntax.ts";

/** A file that was read. */
export interface ConfigText {
  readonly path: string;
  readonly text: string;
}

/**
 * Cosmiconfig's names for this tool's files, but for what is a program or another tool's: jobs could have it
 * run.
 */
const USUAL_PLACES = getDefaultSearchPlacesSync("gasw-k8s").filter(
  (name) => !/^package\.|\.[cm]?[jt]s$/.test(name),
);
const isInFolder = (name: string) => name.includes("/");

/**
 * Names under which a file of this tool is found, in the order in which they are tried in one folder.
 * Cosmiconfig's search itself is not used: it passes over a file that it may not read, and begins with
 * settings of its own in the current directory, of which it runs programs.
 */
const SEARCH_PLACES: readonly string[] = [
  ...USUAL_PLACES.filter((name) => !isInFolder(name)),
  ...["json", "yaml", "yml"].map((ending) => `gasw-k8s.config.${ending}`),
  ...USUAL_PLACES.filter(isInFolder),
];

/**
 * The nearest file of this tool from a folder upward; those in workflow directories are passed over with a
 * warning.
 * @throws GaswError CONFIG where the file that counts may not be read
 */
export function findFile(
  from: string,
  workflowDir: string | undefined,
  warnings: string[],
): ConfigText | undefined {
  for (let folder = realPath(from); ; folder = dirname(folder)) {
    const present = SEARCH_PLACES.map((place) => join(folder, place)).find(isFile);
    if (present !== undefined) {
      if (!isInWorkflow(present, workflowDir)) return readNamed(present);
      warnings.push(passedOver(present));
    }
    if (dirname(folder) === folder) return undefined;
  }
}

function isFile(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false })?.isFile() ?? false;
  } catch (error) {
    if (systemCode(error) === "EACCES" || systemCode(error) === "ENOTDIR") return false;
    throw error;
  }
}

/** A file that belongs to the plugin: used when it is there and may be read. */
export function readIfThere(
  path: string,
  workflowDir: string | undefined,
  warnings: string[],
): ConfigText | undefined {
  if (!isFile(path)) return undefined;
  if (isInWorkflow(path, workflowDir)) {
    warnings.push(passedOver(path));
    return undefined;
  }
  try {
    return { path, text: readTextFile(path) };
  } catch (error) {
    warnings.push(`ignored the plugin's configuration ${path}: ${messageOf(error)}`);
    return undefined;
  }
}

/** A file that the user named. */
export function readNamed(path: string): ConfigText {
  try {
    return { path, text: readTextFile(path) };
  } catch (error) {
    const [what, hint] = READ_FAILURES[systemCode(error) ?? ""] ?? [
      `cannot be read: ${messageOf(error)}`,
      "check the path and its permissions",
    ];
    throw new GaswError("CONFIG", `configuration file ${path} ${what}`, { hint, cause: error });
  }
}

const READ_FAILURES: Readonly<Record<string, readonly [what: string, hint: string]>> = {
  ENOENT: ["does not exist", "check --config and GASW_K8S_CONFIG, or write one with `gasw-k8s config init`"],
  EISDIR: ["is a directory", "use a file in it"],
  EACCES: [
    "cannot be read by this user",
    "make it readable for this user, or use another file with --config",
  ],
};

function passedOver(path: string): string {
  return `ignored ${path}: jobs can write to workflow directories, so files there are read only with --config`;
}

/** Whether a file lies, links followed, in the given workflow directory or in one that GASW has run in. */
function isInWorkflow(path: string, workflowDir: string | undefined): boolean {
  const workflow = workflowDir === undefined ? undefined : realPath(workflowDir);
  return [path, realPath(path)].some((file) => {
    if (workflow !== undefined && isBelow(file, workflow)) return true;
    for (let folder = dirname(file); ; folder = dirname(folder)) {
      if (["sh", "out", "err"].every((name) => existsSync(join(folder, name)))) return true;
      if (dirname(folder) === folder) return false;
    }
  });
}

/** The values in a file, by its name's ending JSON, YAML, or whichever it looks like. */
export async function parseFile({ path, text }: ConfigText): Promise<Record<string, unknown>> {
  const extension = extname(path).toLowerCase();
  if ([".js", ".cjs", ".mjs", ".ts", ".cts", ".mts"].includes(extension)) {
    throw new GaswError("CONFIG", `${path} is a program: only JSON and YAML are supported`, {
      hint: "write the values as JSON or YAML",
    });
  }
  if (text.trim() === "") {
    throw new GaswError("CONFIG", `${path} is empty`, {
      hint: `remove it, or create a new one with \`gasw-k8s config init\``,
    });
  }
  const isYaml =
    extension === ".yaml" || extension === ".yml" || (!isJsonName(path) && !text.trimStart().startsWith("{"));
  const data = isYaml ? await readYaml(path, text) : readJson(path, text);
  if (data === null) return {};
  if (isRecord(data)) return data;
  throw new GaswError(
    "CONFIG",
    `${path}: expected an object, found ${Array.isArray(data) ? "a list" : `a ${typeof data}`}`,
    {
      hint: 'put the keys at the top level, as in {"k8sNamespace": "vip"}',
    },
  );
}

function isJsonName(path: string): boolean {
  return extname(path) === ".json" || extname(path) === ".conf" || basename(path).endsWith(".conf.example");
}

function readJson(path: string, text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    // The parser's own message quotes the text, which may hold a token.
    const { offset, expected } = findJsonError(text);
    const { line, column } = positionOf(text, offset);
    throw new GaswError("CONFIG", `${path}:${line}:${column}: not JSON: expected ${expected}`, {
      hint: "fix the file there; JSON allows no comments and no trailing commas",
      cause: new SyntaxError(`line ${line}, column ${column}`, { cause: systemCode(error) }),
    });
  }
}

async function readYaml(path: string, text: string): Promise<unknown> {
  const { parseYaml } = await import("../text/locate.ts");
  const parsed = parseYaml(text);
  if ("data" in parsed) return parsed.data;
  throw new GaswError("CONFIG", `${path}:${parsed.line}:${parsed.column}: not YAML: ${parsed.problem}`, {
    hint: "fix the file there",
  });
}
