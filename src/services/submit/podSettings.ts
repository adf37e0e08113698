import type { Config } from "../../config/schema/schema.ts";
import type { JobOptions } from "../../core/job.ts";
import type { PodSettings } from "../../core/manifests/settings.ts";
import { GaswError } from "../../errors.ts";

/**
 * What the configuration says about a job's pod.
 * @throws GaswError CONFIG when neither configuration nor request names an image
 */
export function podSettings(config: Config, options: JobOptions = {}): PodSettings {
  const image = options.image ?? config.image;
  if (image === undefined) {
    throw new GaswError("CONFIG", "no image is configured", {
      hint: "set `image` in the configuration (GASW_K8S_IMAGE), or pass --image",
    });
  }
  return { ...config, image, ttl: config.options.ttlJob };
}
