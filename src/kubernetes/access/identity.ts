import { GaswError } from "../../errors.ts";
import type { Target, TargetUser } from "./settings.ts";

/**
 * The headers that ask for the identity which a kubeconfig's user takes on (Kubernetes' documentation, "User
 * impersonation"): all of it, since half an identity is another one.
 * @throws GaswError CONFIG when it can't be asked for as it is written
 */
export function impersonationHeaders(user: TargetUser): Record<string, string | string[]> {
  const { as, asUid, asGroups, asUserExtra } = user;
  const extra = Object.entries(asUserExtra);
  if (as === "") {
    if (asUid === "" && asGroups.length === 0 && extra.length === 0) return {};
    throw refusal(
      user,
      "impersonates groups, a uid or extra fields without a user",
      "add `as: USER`, or remove as-groups, as-uid and as-user-extra; kubectl also requires `as`",
    );
  }
  if (![as, asUid, ...asGroups, ...extra.flatMap(([, values]) => values)].every(isHeader))
    throw refusal(
      user,
      "impersonates a name that has control characters",
      "correct as, as-uid, as-groups or as-user-extra",
    );
  return {
    "Impersonate-User": utf8(as),
    ...(asUid === "" ? {} : { "Impersonate-Uid": utf8(asUid) }),
    ...(asGroups.length === 0 ? {} : { "Impersonate-Group": asGroups.map(utf8) }),
    ...Object.fromEntries(
      extra.map(([key, values]) => [`Impersonate-Extra-${escaped(key)}`, values.map(utf8)]),
    ),
  };
}

/** Whether a user says how it logs in: without that, kubectl asks for a name and a password. */
export function hasCredentials(user: TargetUser): boolean {
  return (
    hasBearer(user) ||
    user.username !== "" ||
    user.certFile !== "" ||
    user.certData !== undefined ||
    user.exec !== undefined ||
    user.authProvider !== undefined
  );
}

/** Whether a user has a bearer token of its own. */
export function hasBearer({ token, tokenFile }: TargetUser): boolean {
  return token !== "" || tokenFile !== "";
}

/**
 * Refuses what kubectl refuses of a user and a cluster, before anything is sent: two answers to one question.
 * @throws GaswError CONFIG
 */
export function refuseContradictions({ user, cluster }: Pick<Target, "user" | "cluster">): void {
  const both = (a: string, b: string) => `has both ${a} and ${b}`;
  const pairs: [boolean, string][] = [
    [
      user.certFile !== "" && user.certData !== undefined,
      both("client-certificate", "client-certificate-data"),
    ],
    [user.keyFile !== "" && user.keyData !== undefined, both("client-key", "client-key-data")],
    [hasBearer(user) && (user.username !== "" || user.password !== ""), both("a token", "a password")],
    [user.exec !== undefined && user.authProvider !== undefined, both("exec", "auth-provider")],
  ];
  const hasCertificate = user.certFile !== "" || user.certData !== undefined;
  const contradiction = pairs.find(([isTrue], index) => isTrue && (index !== 1 || hasCertificate));
  if (contradiction !== undefined)
    throw refusal(user, contradiction[1], "remove one of them, as kubectl requires");
  const isKnown = user.authProvider === undefined || user.authProvider.name === "oidc";
  if (!isKnown)
    throw refusal(
      user,
      `logs in with the auth-provider ${user.authProvider?.name}, which is not supported`,
      "use a login command (exec): kubectl has removed this provider, too",
    );
  const hasCa = cluster.caFile !== "" || cluster.caData !== undefined;
  const where = `${cluster.file}: cluster "${cluster.name}"`;
  if (cluster.caFile !== "" && cluster.caData !== undefined)
    throw new GaswError("CONFIG", `${where} ${both("certificate-authority", "certificate-authority-data")}`, {
      hint: "remove one of them, as kubectl requires",
    });
  if (hasCa && cluster.insecure && /^https:/i.test(cluster.server))
    throw new GaswError("CONFIG", `${where} has a certificate authority and insecure-skip-tls-verify`, {
      hint: "remove insecure-skip-tls-verify: the server is verified with its CA",
    });
}

/** A refusal of a user's entry, which names it. */
export function refusal({ name, file }: TargetUser, what: string, hint: string): GaswError {
  const where = file === undefined ? "the configured user" : `${file}: user "${name}"`;
  return new GaswError("CONFIG", `${where} ${what}`, { hint });
}

/** Whether the value may stand in a header (RFC 9110, 5.5). */
function isHeader(value: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what a header can't hold
  return !/[\x00-\x08\x0a-\x1f\x7f]/.test(value);
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
