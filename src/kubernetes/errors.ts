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

type Words = readonly [reason: string, hint: string];

const INVALID: Words = [
  "finds the request invalid",
  "the message names the field: correct that value in the configuration or the options",
];
const NOT_AN_API_SERVER =
  "what answers there is not an API server, or a proxy stands between: check the address and the proxy";

/** What a status tells, and what to do. */
const ANSWERS: Readonly<Record<number, Words>> = {
  400: INVALID,
  401: [
    "does not accept the credentials",
    "the token or certificate is wrong or has expired: get a new one and set it as k8sToken, k8sTokenFile or in the kubeconfig",
  ],
  403: [
    "forbids the request",
    "the account lacks a permission: deploy/rbac.yaml lists what is needed, `kubectl auth can-i --list` what it has",
  ],
  404: ["has no such object", "check the namespace and the name"],
  422: INVALID,
  429: ["is overloaded", "try again later, or lower options.requestsPerSecond"],
};

/** Rarer ones, which an API server alone gives: from anything else, they mean something else. */
const OWN_ANSWERS: Readonly<Record<number, Words>> = {
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

/** What the cluster did, and what to do about it. */
function wordsFor(answer: Answer): Words {
  const { status, body } = answer;
  if (status !== 401 && isNamespaceTerminating(answer))
    return ["is deleting the namespace", "wait until it is gone, or use another namespace (--namespace)"];
  if (isQuotaExceeded(answer))
    return [
      "has no room in the namespace's quota",
      "submit again when other jobs have ended or were cleaned up, or ask for a larger quota",
    ];
  const isMarkup = /^\s*</.test(body.message ?? "");
  const known = ANSWERS[status] ?? (isMarkup ? undefined : OWN_ANSWERS[status]);
  if (known !== undefined) return known;
  const isFromServer = status >= 500 && !isMarkup;
  return [
    `answered ${status}`,
    isFromServer ? "try again; the API server's own log says more" : NOT_AN_API_SERVER,
  ];
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
      `the cluster ${server} cannot be understood (${request}: the answer is not JSON)`,
      { hint: NOT_AN_API_SERVER, cause },
    );
  }
  return new GaswError("CLUSTER", `the cluster ${server} cannot be reached (${request}: ${text})`, {
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
