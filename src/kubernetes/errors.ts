import { GaswError, messageOf } from "../errors.ts";

/** The body of a failed answer (Kubernetes API conventions, "Response Status Kind"). */
export interface ApiStatus {
  readonly message?: string;
  readonly reason?: string;
  readonly details?: { readonly causes?: readonly { readonly reason?: string; readonly message?: string }[] };
}

/**
 * An answer of the API server that is not a success; services read it, and what they do not expect becomes a
 * CLUSTER error.
 */
export class ApiError extends Error {
  readonly status: number;
  readonly body: ApiStatus;
  readonly request: string;

  constructor(status: number, body: ApiStatus, request: string) {
    super(`${request}: ${status} ${body.reason ?? ""} ${body.message ?? ""}`.trim());
    this.name = "ApiError";
    this.status = status;
    this.body = body;
    this.request = request;
  }

  /** Whether the namespace is on its way out and takes nothing new. */
  get namespaceTerminating(): boolean {
    return this.body.details?.causes?.some((cause) => cause.reason === "NamespaceTerminating") ?? false;
  }

  /** Whether a ResourceQuota refuses the object. */
  get quotaExceeded(): boolean {
    return this.status === 403 && (this.body.message ?? "").includes("exceeded quota");
  }
}

/** Whether the error is the API server's answer with this status. */
export function isApiError(error: unknown, status: number): error is ApiError {
  return error instanceof ApiError && error.status === status;
}

/** Rarer answers that an API server gives itself: what it says, and what to do. */
const OWN_ANSWERS: Readonly<Record<number, readonly [reason: string, hint: string]>> = {
  409: [
    "finds the object changed or already there",
    "somebody else works on it at the same time: run the command again",
  ],
  410: ["no longer has what was asked for", "what was being read is too old: run the command again"],
  413: [
    "finds the object too large",
    "a Job carries its script's options and environment: make those smaller",
  ],
};

/** What the user sees of an answer that no caller has a better word for (exit 4). */
export function refused(error: ApiError, server: string): GaswError {
  const text = error.body.message ?? "";
  const isMarkup = /^\s*</.test(text);
  const said = (reason: string, hint: string) =>
    new GaswError(
      "CLUSTER",
      `the cluster ${server} ${reason} (${error.request}${text === "" ? "" : `: ${text}`})`,
      { hint, cause: error },
    );
  if (error.status === 401) {
    return said(
      "does not accept the credentials",
      "the token or certificate is wrong or has expired: get a new one and set it as k8sToken, k8sTokenFile or in the kubeconfig",
    );
  }
  if (error.namespaceTerminating)
    return said("is deleting the namespace", "wait until it is gone, or use another namespace (--namespace)");
  if (error.quotaExceeded)
    return said(
      "has no room in the namespace's quota",
      "submit again when other jobs have ended or were cleaned up, or ask for a larger quota",
    );
  if (error.status === 403)
    return said(
      "forbids the request",
      "the account lacks a permission: deploy/rbac.yaml lists what is needed, `kubectl auth can-i --list` what it has",
    );
  if (error.status === 404) return said("has no such object", "check the namespace and the name");
  if (error.status === 422 || error.status === 400)
    return said(
      "finds the request invalid",
      "the message names the field: correct that value in the configuration or the options",
    );
  if (error.status === 429)
    return said("is overloaded", "try again later, or lower options.requestsPerSecond");
  const own = OWN_ANSWERS[error.status];
  if (own !== undefined && !isMarkup) return said(...own);
  if (error.status < 500 || isMarkup)
    return said(
      `answered ${error.status}`,
      "what answers there is not an API server, or a proxy stands between: check the address and the proxy",
    );
  return said(`answered ${error.status}`, "try again; the API server's own log says more");
}

/** A request that got no answer at all (exit 4). */
export function unreachable(cause: unknown, request: string, server: string): GaswError {
  const code = causeCode(cause);
  const hints: Record<string, string> = {
    ECONNREFUSED: "nothing listens there: check the address and the port, and that the API server runs",
    ENOTFOUND: "the host name does not resolve: check the address",
    EAI_AGAIN: "the host name does not resolve now: check the address and the name server",
    ETIMEDOUT: "no answer in time: check the address, the network and a firewall between",
    ECONNRESET: "the connection was cut: try again",
    EPROTO: "the server does not speak TLS there: check the port",
  };
  const hint = /CERT|SIGNATURE|ISSUER|ALTNAME|SELF_SIGNED/.test(code) ? certificateHint(code) : hints[code];
  const text = causeMessage(cause);
  if (cause instanceof SyntaxError) {
    return new GaswError(
      "CLUSTER",
      `the cluster ${server} can't be understood (${request}: the answer is not JSON)`,
      {
        hint: "what answers there is not an API server, or a proxy stands between: check the address and the proxy",
        cause,
      },
    );
  }
  return new GaswError("CLUSTER", `the cluster ${server} can't be reached (${request}: ${text})`, {
    hint: hint ?? "check the address and the network",
    cause,
  });
}

function certificateHint(code: string): string {
  if (code === "CERT_HAS_EXPIRED" || code === "CERT_NOT_YET_VALID")
    return "have the server's certificate renewed, or correct this machine's clock";
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID")
    return "the server's certificate is for other names: use an address that it lists";
  return "the server's certificate is not signed by the given CA: set k8sCaFile (or the kubeconfig's certificate-authority) to the cluster's own";
}

/**
 * The system's or TLS library's code of a failed connection; an attempt at several addresses keeps its codes
 * in `errors`.
 */
export function causeCode(cause: unknown): string {
  if (cause instanceof AggregateError) return causeCode(cause.errors[0]);
  if (cause instanceof Error && "code" in cause) return String(cause.code);
  return "";
}

/** An attempt at several addresses has no message of its own. */
function causeMessage(cause: unknown): string {
  return cause instanceof AggregateError && cause.message === ""
    ? causeMessage(cause.errors[0])
    : messageOf(cause);
}
