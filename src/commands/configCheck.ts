/** `config check`. */
import { ConfigError, type LoadedConfig } from "../config/load/load.ts";
import { originText } from "../config/text/origin.ts";
import { Context } from "../context.ts";
import { skipsVerification } from "../dao/address.ts";
import { GaswError } from "../errors.ts";
import type { Finding } from "../services/submit/finding.ts";
import type { Io } from "../ui/io.ts";
import { printable } from "../ui/output.ts";
import { lackingIn, type Parts, partsOf, tryCluster } from "./clusterCheck.ts";
import { findingRecord, printFindings, problemsIn } from "./findings.ts";

interface Input {
  readonly output: "text" | "json";
  /** Whether the cluster is tried, too. */
  readonly connect?: boolean;
  /** The workflow directory that the command is about. */
  readonly directory?: string | undefined;
}

/** Everything that was found out. */
interface Report {
  readonly ok: boolean;
  readonly files: readonly string[];
  readonly warnings: readonly string[];
  /** What a submission would lack. */
  readonly missing: readonly GaswError[];
  /** What was tried of the cluster; undefined where it was not to be. */
  readonly findings: readonly Finding[] | undefined;
}

/**
 * Says that the configuration is valid, which files it comes from and what a submission would lack, or lists
 * everything that is wrong; with `connect`, tries what a submission needs of the cluster.
 * @throws ConfigError; GaswError: what a submission would be refused for
 */
export async function configCheck(io: Io, load: () => Promise<LoadedConfig>, input: Input): Promise<void> {
  const loaded = await load().catch((error: unknown) => {
    if (error instanceof ConfigError) reportProblems(io, error, input);
    throw error;
  });
  const context = new Context(io, loaded, input.directory);
  try {
    const parts = partsOf(context, input.directory);
    const missing = Object.values(parts).filter((part) => part instanceof GaswError);
    const findings = input.connect === true ? await tryCluster(context, parts) : undefined;
    const warnings = [...loaded.warnings, ...safetyWarnings(loaded)];
    const refusal = findings === undefined ? undefined : refusalOf(parts, findings);
    report(io, { ok: refusal === undefined, files: loaded.files, warnings, missing, findings }, input);
    if (refusal !== undefined) throw refusal;
  } finally {
    context.close();
  }
}

/** What a submission would be refused for, which is the exit code: the first of several. */
function refusalOf(parts: Parts, findings: readonly Finding[]): GaswError | undefined {
  const [first] = [...lackingIn(parts), ...problemsIn(findings)];
  if (first === undefined) return undefined;
  return new GaswError(first.code, `a submission would be refused: ${first.message}`, {
    hint: "see each line above for what to do, then run `gasw-k8s config check --connect` again",
    cause: first,
  });
}

function report(io: Io, { ok, files, warnings, missing, findings }: Report, { output }: Input): void {
  if (output === "json") {
    const checks = findings?.map(findingRecord);
    const lacking = missing.map(({ message, hint }) => ({ message, hint }));
    const told = { ok, files, warnings, problems: [], missing: lacking, ...(checks && { checks }) };
    io.stdout.write(`${JSON.stringify(told, null, 2)}\n`);
    return;
  }
  for (const warning of warnings) io.stderr.write(`warning: ${printable(warning)}\n`);
  const none = "no configuration file; defaults, environment and options only";
  io.stdout.write(`OK: ${printable(files.length > 0 ? files.join(", ") : none)}\n`);
  for (const { message, hint } of missing)
    io.stdout.write(`missing for submit: ${printable(message)}\n  hint: ${printable(hint)}\n`);
  printFindings(io, findings ?? []);
}

/** One problem is the error itself; several are listed on stdout, and the error counts them. */
function reportProblems(io: Pick<Io, "stdout">, error: ConfigError, input: Input): void {
  if (input.output === "json") {
    io.stdout.write(
      `${JSON.stringify({ ok: false, files: [], warnings: [], problems: error.problems }, null, 2)}\n`,
    );
  } else if (error.problems.length > 1) {
    for (const problem of error.problems) io.stdout.write(`${printable(problem.message)}\n`);
  }
  if (error.problems.length > 1) {
    throw new GaswError("CONFIG", `the configuration has ${error.problems.length} problems`, {
      hint: "fix the problems listed above; docs/configuration.md describes every key",
    });
  }
}

function safetyWarnings({ config, origins }: LoadedConfig): string[] {
  const warnings: string[] = [];
  const source = origins.get("insecureSkipTlsVerify");
  if (config.insecureSkipTlsVerify) {
    const from = source ? ` (${originText(source)})` : "";
    warnings.push(
      `insecureSkipTlsVerify is on${from}: the API server's identity is not verified, so the token may be exposed; set k8sCaFile instead`,
    );
  }
  if (skipsVerification(config.dao.url ?? "")) {
    warnings.push(
      "dao.url has sslmode=no-verify: the database server's identity is not verified, so the password may be exposed; set sslrootcert instead",
    );
  }
  if (config.k8sAddress?.startsWith("http://") && (config.k8sToken || config.k8sTokenFile)) {
    warnings.push("k8sAddress uses http: the token is sent unencrypted");
  }
  return warnings;
}
