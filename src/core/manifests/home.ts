import type { V1Pod } from "../wire.ts";
import { MAIN_CONTAINER } from "./mainContainer.ts";
import type { Mount, PodSettings } from "./settings.ts";

/** A small volume of the pod's own, for HOME where the image has none that the job's user can write. */
export const HOME_VOLUME = "gasw-k8s-home";

/** How much it may hold. */
export const HOME_SIZE = "1Gi";

/**
 * Where HOME may be in a pod: at no path that is mounted otherwise. Undefined where the settings state HOME
 * themselves.
 */
export function homeFolder({ env }: Pick<PodSettings, "env">, mounts: readonly Mount[]): string | undefined {
  if (env.HOME !== undefined) return undefined;
  let folder = `/${HOME_VOLUME}`;
  while (mounts.some(({ mountPath }) => isWithin(mountPath, folder))) folder += "-";
  return folder;
}

function isWithin(folder: string, parent: string): boolean {
  return `${folder}/`.startsWith(`${parent}/`);
}

/** Where a pod's HOME is, in a volume of its own. */
export function homeOf(pod: V1Pod): string | undefined {
  const main = pod.spec?.containers.find(({ name }) => name === MAIN_CONTAINER);
  return main?.volumeMounts?.find(({ name }) => name === HOME_VOLUME)?.mountPath;
}
