/** What a script of GASW's is told by the file `config/<job>-configuration.sh`. */
import type { Properties } from "./properties.ts";

/** Where GASW's scripts look for bosh first where the settings do not say it (`GaswConfiguration`). */
const BOSH_FOLDER = "/cvmfs/biomed.egi.eu/vip/virtualenv/bin";

/**
 * The folder where an engine's scripts look for bosh first.
 * @param settings those of GASW, where they are known
 */
export function boshFolder(settings?: Properties): string {
  return settings?.get("bosh.cvmfs.path") ?? BOSH_FOLDER;
}

/** A line of the file, which scripts source, as GASW writes it (`GaswSubmit.publishConfiguration`). */
export function configurationLine(name: string, value: string): string {
  return `${name}="${value.replace(/^"+|"+$/g, "")}"\n`;
}
