import { object, prefault } from "zod/mini";
import * as fields from "./fields.ts";
import { key } from "./fields.ts";

/** The numbers by which the cluster is asked. */
export const options = object({
  ttlJob: key(
    prefault(fields.duration({ whole: true }), 500),
    "How long Kubernetes keeps a finished Job (`ttlSecondsAfterFinished`).",
  ),
  statusRetry: key(prefault(fields.wholeNumber(), 5), "How often a failed read from the cluster is retried."),
  statusRetryWait: key(prefault(fields.milliseconds(), 2000), "Time between two retries, in milliseconds."),
  maxRetryToPush: key(
    prefault(fields.wholeNumber(), 5),
    "How often a submission that the cluster temporarily rejects is retried.",
  ),
  storageClassName: key(
    prefault(fields.text(), ""),
    "`storageClassName` of the created volumes; empty: static volumes without a class.",
  ),
  bindTimeout: key(
    prefault(fields.duration({ minimum: 0.001 }), 120),
    "How long `submit` waits for the volumes to be bound.",
  ),
  requestsPerSecond: key(
    prefault(fields.positiveNumber(), 50),
    "Maximum number of requests to the API server per second.",
  ),
});
