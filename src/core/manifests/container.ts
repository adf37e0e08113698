import type { RunAs, Workflow } from "../job.ts";
import type { V1Container, V1SecurityContext, V1VolumeMount } from "../wire.ts";
import { HOME_VOLUME, homeFolder } from "./home.ts";
import { containerResources } from "./resources.ts";
import { securityContexts } from "./security.ts";
import type { Mount, PodSettings } from "./settings.ts";

/**
 * Kubernetes expands `$(NAME)` in arguments and environment values; a doubled dollar sign stands for itself.
 */
function literal(text: string): string {
  return text.replaceAll("$", "$$$$");
}

/** What Kubernetes makes of a text that `literal` has written. */
export function plain(text: string): string {
  return text.replaceAll("$$", "$");
}

function volumeMounts(mounts: readonly Mount[]): V1VolumeMount[] {
  return mounts.map(({ name, mountPath, subPath, readOnly }) => ({
    name,
    mountPath,
    readOnly,
    ...(subPath === undefined ? {} : { subPath }),
  }));
}

/**
 * A configured extra container, with the job's mounts and security settings where it states none of its own.
 */
export function extraContainer(
  container: object,
  mounts: readonly Mount[],
  securityContext: V1SecurityContext,
): V1Container {
  const given = container as V1Container;
  const own = given.volumeMounts ?? [];
  const taken = new Set(own.map((mount) => mount.mountPath));
  const added = volumeMounts(mounts).filter((mount) => !taken.has(mount.mountPath));
  return { securityContext, ...given, volumeMounts: [...own, ...added] };
}

/** A container with the job's image, directory and mounts. */
export function workflowContainer(
  name: string,
  command: readonly string[],
  workflow: Workflow,
  settings: PodSettings,
  mounts: readonly Mount[],
  owner: RunAs,
): V1Container {
  const home = homeFolder(settings, mounts);
  return {
    name,
    image: settings.image,
    ...(settings.imagePullPolicy === undefined ? {} : { imagePullPolicy: settings.imagePullPolicy }),
    command: command.map(literal),
    workingDir: workflow.directory,
    env: Object.entries(settings.env).map(([key, value]) => ({ name: key, value: literal(value) })),
    resources: containerResources(settings.resources),
    volumeMounts: [
      ...volumeMounts(mounts),
      ...(home === undefined ? [] : [{ name: HOME_VOLUME, mountPath: home }]),
    ],
    securityContext: securityContexts(settings.securityContext, owner).container,
    terminationMessagePolicy: "FallbackToLogsOnError",
  };
}
