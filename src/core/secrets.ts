/**
 * What counts as a secret in a text that is shown, logged or stored: one rule for configuration, databases,
 * objects and errors.
 */

import { VALUE } from "./commandWords.ts";

/** Stands for what is not shown. */
export const MASK = "***";

const SECRET_WORD = "(?:pass(?:word|wd|phrase)?|pwd|secret|token|credentials?|(?:access|api)[_-]?key)\\d*";
const SECRET_NAME = new RegExp(`${SECRET_WORD}$`, "i");
/** Characters of a name that are looked at: without a limit, a long text would take time by its square. */
const NAME = 64;
/**
 * A setting or an option with its value: `;PASSWORD=x`, `?sslpassword=x`, `--token="x y"`; in a command that
 * is proposed, a placeholder stands there.
 */
const SETTING = new RegExp(
  `([\\w.-]{0,${NAME}}${SECRET_WORD}\\s*=\\s*)(?!${VALUE}\\b)("[^"]*"|'[^']*'|[^\\s&;]+)`,
  "gi",
);
/** A member of a JSON text. */
const MEMBER = new RegExp(`("[^"]{0,${NAME}}${SECRET_WORD}"\\s*:\\s*)"(?:[^"\\\\]|\\\\.)*"`, "gi");
const URL_IN_TEXT = /((?:[a-z][a-z0-9+.-]{0,30}:){1,5}\/\/)([^\s<>]+)/gi;
/** Where a path begins after a host: what follows may have an `@` and a colon of its own. */
const HOST_AND_PATH = /^(?:\[[^\]]*\]|[^:/@]*)(?::\d{1,5})?\//;

/** Whether what bears this name is a secret: a key, a parameter, an option. */
export function isSecretName(name: string): boolean {
  return SECRET_NAME.test(name);
}

/** A text with the credentials of URLs and the values of secret settings hidden. */
export function maskText(text: string): string {
  return text
    .replace(URL_IN_TEXT, (_, scheme: string, rest: string) => scheme + maskUser(scheme, rest))
    .replace(SETTING, `$1${MASK}`)
    .replace(MEMBER, `$1"${MASK}"`);
}

function maskUser(scheme: string, rest: string): string {
  const end = endOfUser(scheme, rest);
  return end < 0 ? rest : MASK + rest.slice(end);
}

/**
 * Where the user and the password of a URL end, at the last `@`: they may have any characters, written as
 * they are or escaped, and be part of an otherwise malformed URL. Of a path that may have an `@` (a file's,
 * H2's) only what stands before a host counts.
 * @param rest what follows the scheme's slashes
 */
function endOfUser(scheme: string, rest: string): number {
  const end = rest.lastIndexOf("@");
  if (end < 0) return /^[^/?#;]*?(?=%40)/i.exec(rest)?.[0].length ?? -1;
  const isInPath = /^(?:jdbc:h2|sqlite|file):/i.test(scheme) && HOST_AND_PATH.test(rest.slice(0, end));
  return isInPath ? -1 : end;
}

/** Whether a password stands in a database's URL, in whatever form. */
export function holdsPassword(url: string): boolean {
  const [, scheme = "", rest = ""] = /^((?:[^:/]*:)+\/\/)(.*)$/s.exec(url) ?? [];
  const user = rest.slice(0, Math.max(0, endOfUser(scheme, rest)));
  const settings = unescaped(url).replace(/^[^?;&]*/, "");
  return /:|%3a/i.test(user) || settings.split(/[?;&]/).some((setting) => isSecretSetting(setting));
}

/** H2 runs what INIT says, which may give a user a password. */
function isSecretSetting(setting: string): boolean {
  const [name = "", value] = setting.split(/=(.*)/s);
  return (
    value !== undefined &&
    (isSecretName(name.trim()) || (/^\s*init$/i.test(name) && /\bpassword\b/i.test(value)))
  );
}

function unescaped(text: string): string {
  return text.replace(/%([0-9a-f]{2})/gi, (_, code: string) =>
    String.fromCharCode(Number.parseInt(code, 16)),
  );
}

/**
 * A mount option, or several in one text: names and numbers are shown; the first other value, and all that
 * follows it, is not.
 */
export function maskMountOptions(text: string): string {
  const harmless = /^[^=,]*(?:=[\d.]+)?$/;
  const options = text.split(",");
  const hidden = options.findIndex(
    (option) => !harmless.test(option) || isSecretName(option.split("=")[0] ?? ""),
  );
  if (hidden < 0) return text;
  return [...options.slice(0, hidden), `${options[hidden]?.split("=")[0]}=${MASK}`].join(",");
}

/** The words of a command line: what follows an option of a secret's name is hidden, too. */
export function maskWords(words: readonly string[]): string[] {
  return words.map((word, index) => (isSecretOption(words[index - 1]) ? MASK : maskText(word)));
}

function isSecretOption(word = ""): boolean {
  return word.startsWith("-") && isSecretName(word);
}

/** The fewest characters in a row that count as part of a secret. */
const PART = 4;

/** A text of somebody else's without these secrets, whole or in part. */
export function withoutSecrets(text: string, secrets: readonly string[]): string {
  const parts = new Set(
    secrets.flatMap((secret) =>
      Array.from({ length: secret.length - PART + 1 }, (_, at) => secret.slice(at, at + PART)),
    ),
  );
  const isHidden = new Array<boolean>(text.length).fill(false);
  for (let at = 0; at + PART <= text.length; at++)
    if (parts.has(text.slice(at, at + PART))) isHidden.fill(true, at, at + PART);
  const shown = [...isHidden].map((hidden, at) =>
    hidden ? (isHidden[at - 1] ? "" : MASK) : text.charAt(at),
  );
  return maskText(shown.join(""));
}
