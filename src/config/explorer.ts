/** cosmiconfig's search of one folder, without what it would do by itself. Loaded only when a file is there. */
import * as explorerModule from "cosmiconfig/dist/ExplorerSync.js";
import type { ConfigText } from "./files.ts";

interface Found {
  readonly filepath: string;
  /** Missing where the file is empty. */
  readonly config?: ConfigText;
}

interface Explorer {
  search(folder: string): Found | null;
}

/**
 * The file that counts in a folder, or null.
 *
 * The explorer itself is used, not `cosmiconfigSync`: that one first looks for settings of its own in the working directory, and would
 * run a `.config/config.js` that a job left there.
 */
export function explore(folder: string, searchPlaces: readonly string[]): Found | null {
  const { ExplorerSync } = explorerModule as unknown as { ExplorerSync: new (options: object) => Explorer };
  const load = (path: string, text: string): ConfigText => ({ path, text });
  const explorer = new ExplorerSync({
    moduleName: "gasw-k8s",
    searchPlaces,
    searchStrategy: "none",
    ignoreEmptySearchPlaces: false,
    // The loaders keep the text: parsing here would follow cosmiconfig's `$import` and lose the positions.
    loaders: { ".json": load, ".yaml": load, ".yml": load, noExt: load },
    transform: (result: unknown) => result,
    cache: false,
    metaConfigFilePath: null,
  });
  return explorer.search(folder);
}
