import type { User } from "@kubernetes/client-node/dist/config_types.js";
import { GaswError } from "../../errors.ts";

/**
 * What a kubeconfig says of a user beyond what the cluster's client library reads (client-go's
 * `api.AuthInfo`).
 */
export interface KubeUser extends User {
  readonly given?: Readonly<Record<string, unknown>>;
}

/**
 * The headers that ask for the identity which a kubeconfig's user takes on (Kubernetes' documentation, "User
 * impersonation"): all of it, since half an identity is another one.
 * @throws GaswError CONFIG when it can't be asked for as it is written
 */
export function impersonationHeaders({ name, given = {} }: KubeUser): Record<string, string | string[]> {
  const refuse = (what: string, hint: string) =>
    new GaswError("CONFIG", `the kubeconfig's user "${name}" ${what}`, { hint });
  const {
    as: user = "",
    "as-uid": uid = "",
    "as-groups": groups = [],
    "as-user-extra": extra = {},
  } = withoutNulls(given);
  if (!isHeader(user))
    throw refuse("has an invalid `as`: not a name", "use the name of one user, in quotes if it is a number");
  if (!isHeader(uid)) throw refuse("has an invalid as-uid: not a string", "write it in quotes");
  if (!isHeaders(groups))
    throw refuse("has invalid as-groups: not a list of names", "write them as a list, such as [developers]");
  if (!isExtra(extra))
    throw refuse("has an invalid as-user-extra: not lists of strings by key", "write it as {KEY: [VALUE]}");
  if (user === "") {
    if (uid === "" && groups.length === 0 && Object.keys(extra).length === 0) return {};
    throw refuse(
      "impersonates groups, a uid or extra fields without a user",
      "add `as: USER`, or remove as-groups, as-uid and as-user-extra; kubectl also requires `as`",
    );
  }
  return {
    "Impersonate-User": utf8(user),
    ...(uid === "" ? {} : { "Impersonate-Uid": utf8(uid) }),
    ...(groups.length === 0 ? {} : { "Impersonate-Group": groups.map(utf8) }),
    ...Object.fromEntries(
      Object.entries(extra).map(([key, values]) => [`Impersonate-Extra-${escaped(key)}`, values.map(utf8)]),
    ),
  };
}

/**
 * The file that holds the user's token, read anew for every request; it counts before a token beside it, as
 * it does for client-go.
 */
export function tokenFileOf({ given = {} }: KubeUser): string | undefined {
  return typeof given.tokenFile === "string" && given.tokenFile !== "" ? given.tokenFile : undefined;
}

function withoutNulls(given: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== null));
}

/** Whether the value may stand in a header (RFC 9110, 5.5). */
function isHeader(value: unknown): value is string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what a header can't hold
  return typeof value === "string" && !/[\x00-\x08\x0a-\x1f\x7f]/.test(value);
}

function isHeaders(value: unknown): value is string[] {
  return Array.isArray(value) && value.every(isHeader);
}

function isExtra(value: unknown): value is Record<string, string[]> {
  return (
    typeof value === "object" &&
    value !== null &&
    !Array.isArray(value) &&
    Object.values(value).every(isHeaders)
  );
}

/** Node.js writes a header as Latin-1: these are the bytes of its UTF-8, which is what client-go sends. */
function utf8(text: string): string {
  return Buffer.from(text, "utf8").toString("latin1");
}

/** A key with every byte escaped that a header's name can't have (client-go's `headerKeyEscape`). */
function escaped(key: string): string {
  const byte = (code: number) => {
    const character = String.fromCharCode(code);
    return /[\w!#$&'*+.^`|~-]/.test(character)
      ? character
      : `%${code.toString(16).toUpperCase().padStart(2, "0")}`;
  };
  return [...Buffer.from(key, "utf8")].map(byte).join("");
}
