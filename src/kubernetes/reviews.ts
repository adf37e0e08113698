/** What an API server says about the account that asks. */
import type { KubernetesObject } from "../core/wire.ts";
import type { KubernetesClient } from "./client.ts";
import { ApiError, isApiError, notAnApiServer } from "./errors.ts";
import { ACCESS_REVIEWS_PATH, IDENTITY_REVIEWS_PATH } from "./paths.ts";

/** What an account asks to be allowed. */
export interface AccessQuestion {
  readonly verb: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource?: string | undefined;
  /** Undefined: objects that are in no namespace. */
  readonly namespace?: string | undefined;
  /** Undefined: all objects of the kind. */
  readonly name?: string | undefined;
}

interface IdentityReview extends KubernetesObject {
  readonly status?: { readonly userInfo?: { readonly username?: string } };
}

interface AccessReview extends KubernetesObject {
  readonly spec: { readonly resourceAttributes: AccessQuestion };
  readonly status?: { readonly allowed?: boolean };
}

/**
 * The name of the account; undefined where the server does not tell it (Kubernetes before 1.28).
 * @throws GaswError CLUSTER where nobody answers, something else than an API server, or one that rejects the credentials
 */
export async function whoAmI(client: KubernetesClient): Promise<string | undefined> {
  try {
    const answer = await client.create<IdentityReview>(IDENTITY_REVIEWS_PATH, {
      apiVersion: "authentication.k8s.io/v1",
      kind: "SelfSubjectReview",
    });
    return answer.status?.userInfo?.username;
  } catch (error) {
    // A Status has a reason; a web server's page has none.
    if (error instanceof ApiError && error.body.reason === undefined)
      throw notAnApiServer(`it answers ${error.status}`, `POST ${IDENTITY_REVIEWS_PATH}`, client.server);
    if (isApiError(error, 403) || isApiError(error, 404)) return undefined;
    throw error;
  }
}

/** Whether the account may do something. @throws GaswError CLUSTER */
export async function isAllowed(client: KubernetesClient, question: AccessQuestion): Promise<boolean> {
  const answer = await client.create<AccessReview>(ACCESS_REVIEWS_PATH, {
    apiVersion: "authorization.k8s.io/v1",
    kind: "SelfSubjectAccessReview",
    spec: { resourceAttributes: question },
  });
  return answer.status?.allowed === true;
}
