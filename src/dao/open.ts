import { GaswError } from "../errors.ts";
import type { Dao, DaoSettings } from "./dao.ts";

/** Placeholder while the drivers are written. */
export async function openDao(settings: DaoSettings): Promise<Dao> {
  throw new GaswError("DATABASE", `no driver for ${settings.url.split(":")[0]}`, { hint: "none yet" });
}
