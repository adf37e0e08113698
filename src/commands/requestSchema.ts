import { array, object, optional, record, string } from "zod/mini";
import { extendedResources } from "../config/schema/extended.ts";
import {
  cpuQuantity,
  duration,
  environmentName,
  imageName,
  key,
  labelText,
  MAX_GRACE_S,
  memoryQuantity,
  required,
  scalar,
  text,
  wholeNumber,
} from "../config/schema/fields.ts";

/** The largest number that the GASW database's column holds. */
const LARGEST_INTEGER = 2 ** 31 - 1;

const seconds = (maximum?: number) => duration({ whole: true, minimum: 1, ...(maximum && { maximum }) });

/** One line of `submit --from`, and what the options of `submit` come to. */
export const requestSchema = object({
  script: key(
    required(text()),
    "path of the script, relative to the current directory; the only required key",
  ),
  image: key(optional(imageName()), "container image"),
  cpu: key(optional(cpuQuantity()), "CPU request, such as `2` or `500m`"),
  cpuLimit: key(optional(cpuQuantity()), "CPU limit"),
  memory: key(optional(memoryQuantity()), "memory request and limit, such as `4Gi`"),
  ephemeralStorage: key(optional(memoryQuantity()), "temporary storage on the node"),
  gpu: key(optional(wholeNumber()), "GPUs (nvidia.com/gpu)"),
  resource: key(optional(extendedResources()), 'amounts of other resources: `{"amd.com/gpu":"2"}`'),
  env: key(optional(record(environmentName(), scalar())), "environment variables"),
  timeout: key(optional(seconds()), "maximum run time of the pod: seconds, or such as `2h`"),
  gracePeriod: key(optional(seconds(MAX_GRACE_S)), "time between SIGTERM and SIGKILL"),
  queue: key(optional(labelText()), "Kueue local queue"),
  invocationId: key(optional(wholeNumber(1, LARGEST_INTEGER)), "invocation id in the GASW database"),
  command: key(optional(text()), "command in the GASW database"),
  parameters: key(optional(text()), "parameters in the GASW database"),
  inputs: key(optional(array(string())), "not used yet; part of the job's content"),
  outputs: key(optional(array(string())), "not used yet; part of the job's content"),
});
