import type { V1Container, V1Pod } from "../wire.ts";

/**
 * What is kept of a pod whose Job may be gone when somebody asks about it: what tells how it ended, and nothing that
 * may be secret.
 */
export function lastFacts({ metadata, spec, status }: V1Pod): V1Pod {
  const { activeDeadlineSeconds, terminationGracePeriodSeconds, nodeName, restartPolicy } = spec ?? {};
  const { phase, reason, message, conditions, startTime, containerStatuses, initContainerStatuses } =
    status ?? {};
  const { name, namespace, uid, creationTimestamp } = metadata ?? {};
  const kept = {
    metadata: { name, namespace, uid, creationTimestamp },
    spec: {
      activeDeadlineSeconds,
      terminationGracePeriodSeconds,
      nodeName,
      restartPolicy,
      containers: (spec?.containers ?? []).map(outline),
      initContainers: (spec?.initContainers ?? []).map(outline),
    },
    status: { phase, reason, message, conditions, startTime, containerStatuses, initContainerStatuses },
  };
  // What is undefined is left out, as on the wire.
  return JSON.parse(JSON.stringify(kept)) as V1Pod;
}

function outline({ name, image, resources, restartPolicy }: V1Container): Partial<V1Container> {
  return {
    name,
    ...(image === undefined ? {} : { image }),
    ...(resources === undefined ? {} : { resources }),
    ...(restartPolicy === undefined ? {} : { restartPolicy }),
  };
}
