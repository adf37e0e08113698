import { object, optional, pipe, prefault, transform } from "zod/mini";
import { isBelow } from "../../core/manifests/resources.ts";
import { extendedResources } from "./extended.ts";
import * as fields from "./fields.ts";
import { key } from "./fields.ts";

/** What a job is given that does not say what it needs. */
export const resources = pipe(
  object({
    cpu: key(optional(fields.cpuQuantity()), "CPU request of a job."),
    cpuLimit: key(
      optional(fields.cpuQuantity()),
      "CPU limit of a job, at least its CPU request; default: no limit. Some quotas require it.",
    ),
    memory: key(optional(fields.memoryQuantity()), "Memory request and limit of a job."),
    ephemeralStorage: key(
      optional(fields.memoryQuantity()),
      "Request and limit of a job's temporary storage on its node (what it writes outside of volumes, HOME included). A job that exceeds it is evicted.",
    ),
    gpu: key(optional(fields.wholeNumber()), "Number of GPUs of a job (`nvidia.com/gpu`)."),
    extended: key(
      prefault(extendedResources(), {}),
      'Other resources of a job by name, such as MIG slices, GPUs of other vendors or huge pages: `{"nvidia.com/mig-1g.5gb":1}`. A job\'s `--resource` overrides the amount of that name; 0 requests none.',
    ),
  }),
  transform((value, context) => {
    if (value.cpu !== undefined && isBelow(value.cpuLimit, value.cpu))
      context.issues.push({
        code: "custom",
        input: value.cpuLimit,
        path: ["cpuLimit"],
        message: `at least resources.cpu, "${value.cpu}"`,
      });
    return value;
  }),
);
