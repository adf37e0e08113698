/** What of a configuration may be shown. Pure. */
import { hideSecrets } from "../../core/inventory/hideSecrets.ts";
import { isSecretPath } from "./problems.ts";

/**
 * A copy without secrets: tokens, passwords, values of environments, credentials in URLs, in options of
 * mounts and in command lines.
 */
export function maskSecrets<T>(value: T): T {
  return hideSecrets(value, { isSecret: isSecretPath });
}
