import { object, prefault } from "zod/mini";
import * as fields from "./fields.ts";
import { key } from "./fields.ts";

/** The numbers by which the cluster is asked. */
export const options = object({
  ttlJob: key(
    prefault(fields.duration({ whole: true }), 500),
    "How long Kubernetes keeps a finished Job (`ttlSecondsAfterFinished`).",
  ),
  statusRetry: key(
    prefault(fields.wholeNumber(), 5),
    "How often a read from the cluster that fails is tried again.",
  ),
  statusRetryWait: key(
    prefault(fields.milliseconds(), 2000),
    "Time between two such tries, in milliseconds.",
  ),
  maxRetryToPush: key(
    prefault(fields.wholeNumber(), 5),
    "How often a submission that the cluster refuses for the moment is tried again.",
  ),
  storageClassName: key(
    prefault(fields.text(), ""),
    "`storageClassName` of the volumes made; empty: static volumes without a class.",
  ),
  bindTimeout: key(
    prefault(fields.duration({ minimum: 0.001 }), 120),
    "How long `submit` waits for the volumes to be bound.",
  ),
  requestsPerSecond: key(
    prefault(fields.positiveNumber(), 50),
    "Requests to the API server a second, at most.",
  ),
});
