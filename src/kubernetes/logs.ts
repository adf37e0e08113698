import { GaswError } from "../errors.ts";
import type { KubernetesClient } from "./client.ts";
import { ApiError, unreachable } from "./errors.ts";
import { podLogPath } from "./paths.ts";

/**
 * What a container wrote to its own stdout and stderr, as it comes; nothing where it never began, or pod or
 * log are gone.
 * @throws GaswError CLUSTER
 */
export async function* containerLog(
  client: KubernetesClient,
  namespace: string,
  pod: string,
  container: string,
): AsyncGenerator<Buffer> {
  const path = podLogPath(namespace, pod);
  try {
    yield* client.stream(path, { container });
  } catch (error) {
    // 400: the container waits to start; 404: the pod is gone; 500: the node has removed the log.
    if (error instanceof ApiError && [400, 404, 500].includes(error.status)) return;
    if (error instanceof GaswError) throw error;
    throw unreachable(error, `GET ${path}`, client.server);
  }
}
