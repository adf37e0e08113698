import type { Config } from "../../config/schema/schema.ts";
import type { JobOptions } from "../../core/job.ts";
import { resourceConflict } from "../../core/manifests/resources.ts";
import { type PodSettings, withOptions } from "../../core/manifests/settings.ts";
import { GaswError } from "../../errors.ts";

/**
 * What the configuration says about a job's pod.
 * @throws GaswError CONFIG when neither configuration nor request names an image; CONFIG or USAGE when their
 * amounts contradict each other
 */
export function podSettings(config: Config, options: JobOptions = {}): PodSettings {
  const image = options.image ?? config.image;
  if (image === undefined) {
    throw new GaswError("CONFIG", "no image is configured", {
      hint: "set `image` in the configuration (GASW_K8S_IMAGE), or pass --image",
    });
  }
  const settings = { ...config, image, ttl: config.options.ttlJob };
  checkAmounts(withOptions(settings, options).resources, options);
  return settings;
}

function checkAmounts(resources: PodSettings["resources"], options: JobOptions): void {
  const { cpu, cpuLimit, extended = {} } = resources;
  switch (resourceConflict(resources)) {
    case "limit-below-request": {
      const limitFrom = options.cpuLimit === undefined ? "resources.cpuLimit" : "--cpu-limit";
      const requestFrom = options.cpu === undefined ? "resources.cpu" : "--cpu";
      throw new GaswError(
        "USAGE",
        `the CPU limit ${cpuLimit} (${limitFrom}) is below the CPU request ${cpu} (${requestFrom})`,
        {
          hint: `raise the limit to ${cpu} or more (--cpu-limit, or resources.cpuLimit in the configuration), or request ${cpuLimit} or less (--cpu, or resources.cpu)`,
        },
      );
    }
    case "pages-alone": {
      const pages = Object.keys(extended).find((name) => name.startsWith("hugepages-"));
      throw new GaswError(
        options.resource === undefined ? "CONFIG" : "USAGE",
        `${pages} is requested without CPU or memory, which Kubernetes rejects`,
        { hint: "add --memory or --cpu (resources.memory or resources.cpu in the configuration)" },
      );
    }
  }
}
