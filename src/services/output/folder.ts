import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, mkdir, open, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import { systemCode } from "../../errors.ts";

const OPEN_FOLDER = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;
const CREATE_FILE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/**
 * A folder of a workflow directory that is held open, so that a link which a job puts in its place is not
 * followed.
 */
export interface WorkflowFolder {
  /** Names the folder itself, whatever stands at its place by then. */
  readonly path: string;
  close(): Promise<void>;
}

/**
 * Opens a folder of a workflow directory.
 * @param name of a folder directly in it
 * @throws the system's error; ENOTDIR or ELOOP where a link stands in its place
 */
export async function openFolder(directory: string, name: string): Promise<WorkflowFolder> {
  const folder = path.join(directory, name);
  const handle = await open(folder, OPEN_FOLDER);
  return {
    path: process.platform === "linux" ? `/proc/self/fd/${handle.fd}` : folder,
    close: () => handle.close(),
  };
}

/** Makes a folder in a workflow directory where it is missing. */
export async function makeFolder(directory: string, name: string): Promise<void> {
  const folder = path.join(directory, name);
  try {
    await mkdir(folder, { mode: 0o755 });
  } catch (error) {
    if (systemCode(error) === "EEXIST") return;
    throw error;
  }
  const handle = await open(folder, OPEN_FOLDER);
  await giveAway(handle, directory).finally(() => handle.close());
}

/**
 * A file that gets its name when it is complete; until then, and when it is given up, nothing has that name.
 */
export class NewFile {
  readonly #folder: WorkflowFolder;
  readonly #handle: FileHandle;
  readonly #draft: string;
  readonly #target: string;

  private constructor(folder: WorkflowFolder, handle: FileHandle, draft: string, target: string) {
    this.#folder = folder;
    this.#handle = handle;
    this.#draft = draft;
    this.#target = target;
  }

  /**
   * Begins a file and removes what has its name.
   * @param file relative to the workflow directory, in a folder directly in it
   * @throws the system's error
   */
  static async begin(directory: string, file: string): Promise<NewFile> {
    const folder = await openFolder(directory, path.dirname(file));
    const target = path.join(folder.path, path.basename(file));
    const draft = path.join(folder.path, `.gasw-k8s-${randomBytes(8).toString("hex")}`);
    let begun: NewFile | undefined;
    try {
      await rm(target, { force: true });
      const handle = await open(draft, CREATE_FILE, 0o644);
      begun = new NewFile(folder, handle, draft, target);
      await giveAway(handle, directory);
      return begun;
    } catch (error) {
      await (begun?.giveUp() ?? folder.close());
      throw error;
    }
  }

  async write(bytes: Uint8Array): Promise<void> {
    await this.#handle.writeFile(bytes);
  }

  /** Gives the file its name. A network file system may say only now that its disk is full. */
  async finish(): Promise<void> {
    try {
      await this.#handle.close();
      await rename(this.#draft, this.#target);
    } catch (error) {
      await rm(this.#draft, { force: true });
      throw error;
    } finally {
      await this.#folder.close();
    }
  }

  /** Removes what has been written. */
  async giveUp(): Promise<void> {
    try {
      await rm(this.#draft, { force: true });
    } finally {
      await this.#handle.close().finally(() => this.#folder.close());
    }
  }
}

/** What root makes belongs to the owner of the workflow directory. */
async function giveAway(handle: FileHandle, directory: string): Promise<void> {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = await stat(directory);
  await handle.chown(uid, gid);
}
