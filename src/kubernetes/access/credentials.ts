import { withoutSecrets } from "../../core/secrets.ts";
import { GaswError, messageOf } from "../../errors.ts";
import type { KubeUser } from "./identity.ts";

/** What the library makes of a user: options of a request. */
export interface LoginOptions {
  readonly rejectUnauthorized: boolean;
  readonly agent?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly auth?: string;
  readonly cert?: unknown;
  readonly key?: unknown;
}

/**
 * Whoever has half a login would be somebody else: the API server takes requests without credentials for
 * those of `system:anonymous`.
 */
export function refuseHalfLogin(
  { headers, auth, cert, key }: LoginOptions,
  user: KubeUser,
  server: URL,
): void {
  const isNobody = headers?.Authorization === undefined && auth === undefined && cert === undefined;
  if ((cert === undefined) !== (key === undefined))
    throw credentialsError(new Error("a client certificate requires its key"), user, server);
  if (isNobody && (user.exec ?? user.authProvider))
    throw credentialsError(new Error("its login returns none"), user, server);
}

/**
 * Login commands print what they were given, and parsers what they read: nothing of a secret is handed on.
 */
export function credentialsError(error: unknown, user: KubeUser, server: URL): GaswError {
  const isParser = error instanceof SyntaxError;
  const said = isParser
    ? "the output of its login command is not JSON"
    : withoutSecrets(messageOf(error), secretsOf(user)).trim();
  return new GaswError("CONFIG", `cannot obtain credentials for ${server.origin}: ${said}`, {
    hint: "check the user of the kubeconfig's current context (its certificate files, token or login command)",
    cause: isParser ? undefined : new Error(said),
  });
}

/**
 * All values in a user's entry that may be secret; of a login command's arguments not the plain words, which
 * are in its messages for good.
 */
function secretsOf({ token, password, exec, authProvider }: KubeUser): string[] {
  const isPlainWord = (text: string) => /^-{0,2}[a-z]{1,12}(-[a-z]{1,12})*$/.test(text);
  const values = (exec?.env ?? []).map(({ value }: { value: unknown }) => value);
  const given = [token, password, exec?.args, values, authProvider?.config];
  return textsIn(given).filter((text) => !isPlainWord(text));
}

function textsIn(value: unknown): string[] {
  if (typeof value === "string") return [value];
  return typeof value === "object" && value !== null ? Object.values(value).flatMap(textsIn) : [];
}
