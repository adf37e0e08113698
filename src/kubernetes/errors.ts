import { isMissingPermission, readRefusal } from "../core/lifecycle/refusal.ts";
import { GaswError, messageOf } from "../errors.ts";

/** The body of a failed answer (Kubernetes API conventions, "Response Status Kind"). */
export interface ApiStatus {
  readonly message?: string;
  readonly reason?: string;
  readonly details?: { readonly causes?: readonly { readonly reason?: string; readonly message?: string }[] };
}

/** A failed answer, and what was asked of whom. */
interface Answer {
  readonly status: number;
  readonly body: ApiStatus;
  /** Method and path. */
  readonly request: string;
  readonly server: string;
}

/**
 * An answer of the API server that is not a success, worded for the user (exit 4). A caller that expects one
 * tells it by its status, and may have a better word for it.
 */
export class ApiError extends GaswError {
  readonly status: number;
  readonly body: ApiStatus;

  constructor(answer: Answer) {
    const { status, body, request, server } = answer;
    const text = body.message ?? "";
    const [reason, hint] = wordsFor(answer);
    super("CLUSTER", `the cluster ${server} ${reason} (${request}${text === "" ? "" : `: ${text}`})`, {
      hint,
      cause: new Error(`${request}: ${status} ${body.reason ?? ""} ${text}`.trim()),
    });
    this.name = "ApiError";
    this.status = status;
    this.body = body;
  }

  /** Whether the namespace is on its way out and takes nothing new. */
  get namespaceTerminating(): boolean {
    return isNamespaceTerminating(this);
  }

  /** Whether a ResourceQuota refuses the object. */
  get quotaExceeded(): boolean {
    return isQuotaExceeded(this);
  }

  /** Whether the account lacks a permission, as the API server's authorization says; admission refuses otherwise. */
  get lacksPermission(): boolean {
    return this.status === 403 && isMissingPermission(this.body.message ?? "");
  }
}

function isNamespaceTerminating({ body }: Pick<Answer, "body">): boolean {
  return body.details?.causes?.some((cause) => cause.reason === "NamespaceTerminating") ?? false;
}

function isQuotaExceeded({ status, body }: Pick<Answer, "status" | "body">): boolean {
  return status === 403 && (body.message ?? "").includes("exceeded quota");
}

/** Whether the error is the API server's answer with this status. */
export function isApiError(error: unknown, status: number): error is ApiError {
  return error instanceof ApiError && error.status === status;
}

/** Answers by which the API server says that it will not have what was asked, whoever asks again. */
const REFUSALS: ReadonlySet<number> = new Set([400, 403, 404, 405, 413, 422]);

/** Whether the error is the API server's refusal of an object. */
export function isRefusal(error: unknown): error is ApiError {
  return error instanceof ApiError && REFUSALS.has(error.status);
}

type Words = readonly [reason: string, hint: string];

const INVALID: Words = [
  "rejected the request as invalid",
  "fix the field that the message names in the configuration or the options",
];
const FORBIDDEN: Words = [
  "forbids the request",
  "grant the permissions in deploy/rbac.yaml to the account; `kubectl auth can-i --list` shows those it has",
];
const NOT_AN_API_SERVER =
  "check the address and any proxy in between: the response is not from an API server";

/** What a status tells, and what to do. */
const ANSWERS: Readonly<Record<number, Words>> = {
  400: INVALID,
  401: [
    "rejected the credentials",
    "set a new token or certificate as k8sToken, k8sTokenFile or in the kubeconfig: this one is invalid or expired",
  ],
  403: [
    "forbids the request",
    "ask the administrator who refuses it: nothing says that a permission of deploy/rbac.yaml is missing (`kubectl auth can-i --list` shows those of the account)",
  ],
  404: ["has no such object", "check the namespace and the name"],
  422: INVALID,
  429: ["is overloaded", "try again later, or lower options.requestsPerSecond"],
};

/** Rarer ones, which an API server alone gives: from anything else, they mean something else. */
const OWN_ANSWERS: Readonly<Record<number, Words>> = {
  409: ["reports a conflict", "run the command again: the object was changed at the same time"],
  410: ["no longer has the requested version", "run the command again: the read took too long"],
  413: [
    "rejected the object as too large",
    "reduce the job's options and environment, which are stored in its Job",
  ],
};

/** What the cluster did, and what to do about it. */
function wordsFor(answer: Answer): Words {
  const { status, body } = answer;
  if (status !== 401 && isNamespaceTerminating(answer))
    return ["is deleting the namespace", "wait until it is deleted, or use another namespace (--namespace)"];
  if (isQuotaExceeded(answer))
    return [
      "rejected the request: the namespace's quota is exhausted",
      "submit again after other jobs have ended or been cleaned up, or ask for a larger quota",
    ];
  const isMarkup = /^\s*</.test(body.message ?? "");
  if (status === 403 && isMissingPermission(body.message ?? "")) return FORBIDDEN;
  const admission = isMarkup ? undefined : admissionWords(answer);
  if (admission !== undefined) return admission;
  const known = ANSWERS[status] ?? (isMarkup ? undefined : OWN_ANSWERS[status]);
  if (known !== undefined) return known;
  const isFromServer = status >= 500 && !isMarkup;
  return [`answered ${status}`, isFromServer ? "try again; see the API server's log" : NOT_AN_API_SERVER];
}

/**
 * What refuses an object that the account may create: whoever it is speaks for itself, and a permission would
 * not help.
 */
function admissionWords({ status, body }: Answer): Words | undefined {
  const text = body.message ?? "";
  const webhook = /failed calling webhook "([^"]+)"/.exec(text)?.[1];
  if (webhook !== undefined)
    return [
      `cannot ask admission webhook ${webhook}`,
      "try again; if it takes minutes, tell the administrator: the webhook does not answer",
    ];
  const isAdmission = [400, 403, 422].includes(status) || /denied/.test(text);
  const { by, remedy } = isAdmission ? readRefusal(text) : {};
  if (by === undefined || remedy === undefined) return undefined;
  return [`rejected the request: ${by} does not allow it`, remedy];
}

/** A success that says nothing of what was asked for (exit 4). */
export function notAnApiServer(why: string, request: string, server: string): GaswError {
  return new GaswError("CLUSTER", `the cluster ${server} returned an invalid response (${request}: ${why})`, {
    hint: NOT_AN_API_SERVER,
  });
}

/** A request that got no answer at all (exit 4). */
export function unreachable(cause: unknown, request: string, server: string): GaswError {
  const code = causeCode(cause);
  const hints: Record<string, string> = {
    ECONNREFUSED: "check the address and the port, and that the API server is running",
    ENOTFOUND: "check the address: the host name does not resolve",
    EAI_AGAIN: "check the address and the DNS server: the host name does not resolve at present",
    ETIMEDOUT: "check the address, the network and any firewall: the server did not respond in time",
    ECONNRESET: "try again: the connection was reset",
    EPROTO: "check the port: the server does not use TLS there",
  };
  const hint = /CERT|SIGNATURE|ISSUER|ALTNAME|SELF_SIGNED/.test(code) ? certificateHint(code) : hints[code];
  const text = causeMessage(cause);
  return new GaswError("CLUSTER", `cannot reach the cluster ${server} (${request}: ${text})`, {
    hint: hint ?? "check the address and the network",
    cause,
  });
}

function certificateHint(code: string): string {
  if (code === "CERT_HAS_EXPIRED" || code === "CERT_NOT_YET_VALID")
    return "renew the server's certificate, or correct the clock of this machine";
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") return "use an address that the server's certificate lists";
  return "set k8sCaFile (or the kubeconfig's certificate-authority) to the cluster's CA, which signed the server's certificate";
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

/** An answer; undefined where the account has no right to it. */
export async function ifAllowed<T>(answer: Promise<T>): Promise<T | undefined> {
  try {
    return await answer;
  } catch (error) {
    if (isApiError(error, 403)) return undefined;
    throw error;
  }
}

/** A connection that is not to be had now; certificates and addresses that are wrong are none of these. */
const NO_ANSWER: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "EPIPE",
  "ETIMEDOUT",
  "EAI_AGAIN",
  "ENOTFOUND",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ENETDOWN",
]);

/** Whether the cluster could not be reached, for example because its API server is restarting. A rejected request is not an outage. */
export function isOutage(error: unknown): boolean {
  if (!(error instanceof GaswError && error.code === "CLUSTER")) return false;
  const answer = [error, error.cause].find((one) => one instanceof ApiError);
  return answer === undefined
    ? NO_ANSWER.has(causeCode(error.cause))
    : answer.status >= 500 || answer.status === 429;
}
