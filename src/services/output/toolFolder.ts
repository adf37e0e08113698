import {
  closeSync,
  constants,
  fchmodSync,
  fstatSync,
  linkSync,
  lstatSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmdirSync,
  unlinkSync,
} from "node:fs";
import path from "node:path";
import {
  ATTEMPT_FILE,
  END_FOLDER,
  isProvenanceFile,
  PROVENANCE_FOLDER,
  provenanceFile,
  RUN_FOLDER,
  TOOL_FOLDER,
} from "../../core/gasw/files.ts";
import type { RunAs } from "../../core/job.ts";
import { type EndRecord, MAX_RECORD_BYTES, parseEndRecord } from "../../core/lifecycle/endRecord.ts";
import { GaswError, systemCode } from "../../errors.ts";
import { FOLDER, type Held, heldAs, unlessAbsent, within } from "./heldFolder.ts";
import { makeOwnedFolder } from "./ownedFolder.ts";

/** A link in the place of a file is never followed, a pipe never waited for. */
const FILE = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;

/**
 * Makes the tool's folder in a workflow directory, with what the jobs write there, where they are missing.
 * @param owner the jobs' user
 * @throws GaswError CONFIG
 */
export function makeToolFolders(directory: string, owner: RunAs): void {
  makeOwnedFolder(path.join(directory, TOOL_FOLDER), owner);
  const made = within(directory, TOOL_FOLDER, (held) => {
    for (const folder of [RUN_FOLDER, END_FOLDER])
      makeOwnedFolder(path.join(held.path, path.basename(folder)), owner);
    return true;
  });
  if (made === undefined)
    throw new GaswError(
      "CONFIG",
      `${path.join(directory, TOOL_FOLDER)} is not a directory that jobs can use`,
      {
        hint: "remove it and submit again: jobs record their ends there",
      },
    );
}

/**
 * The records that pods have left of their ends in a workflow directory, as they are at the first question.
 */
export class EndRecords {
  readonly #directory: string;
  #names: readonly string[] | undefined;
  readonly #read = new Map<string, readonly EndRecord[]>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  /**
   * The record of an attempt.
   * @param attempt name of its Job
   * @param podUid of the pod that is to be told of; undefined: of the one that ended last
   */
  of(attempt: string, podUid?: string): EndRecord | undefined {
    return this.all(attempt)
      .filter((record) => podUid === undefined || record.podUid === podUid)
      .at(-1);
  }

  /** All records of an attempt, in the order of their pods' ends. */
  all(attempt: string): readonly EndRecord[] {
    const records = this.#read.get(attempt) ?? this.#readAll(attempt);
    this.#read.set(attempt, records);
    return records;
  }

  #readAll(attempt: string): EndRecord[] {
    this.#names ??= recordNames(this.#directory);
    const records = this.#names
      .filter((name) => name.startsWith(`${attempt}.`))
      .map((name) => this.#readOne(attempt, name));
    return records.filter((record) => record !== undefined).sort((a, b) => a.endedAt - b.endedAt);
  }

  #readOne(attempt: string, name: string): EndRecord | undefined {
    const text = within(this.#directory, END_FOLDER, (held) => readSmall(held, name, fstatSync(held.fd).uid));
    const record = text === undefined ? undefined : parseEndRecord(text);
    return record !== undefined && name === `${record.attempt}.${record.podUid}` && record.attempt === attempt
      ? record
      : undefined;
  }
}

function recordNames(directory: string): string[] {
  return within(directory, END_FOLDER, (held) => readdirSync(held.path)) ?? [];
}

/**
 * The text of a small regular file; undefined where it is none, is too large, or belongs to somebody else.
 */
function readSmall(folder: Held, name: string, owner: number): string | undefined {
  const fd = unlessAbsent(() => openSync(path.join(folder.path, name), FILE));
  if (fd === undefined) return undefined;
  try {
    const stat = fstatSync(fd);
    if (!stat.isFile() || stat.size > MAX_RECORD_BYTES || stat.uid !== owner) return undefined;
    const buffer = Buffer.alloc(MAX_RECORD_BYTES);
    return buffer.toString("utf8", 0, readSync(fd, buffer, 0, buffer.length, 0));
  } finally {
    closeSync(fd);
  }
}

/** What is left of an attempt in the tool's folder. */
export interface Leftover {
  /** Name of its Job; empty where nothing names it. */
  readonly attempt: string;
  /** Relative to the workflow directory. */
  readonly folder: string;
  readonly name: string;
}

/** All run folders and records in a workflow directory. */
export function leftovers(directory: string): Leftover[] {
  const names = within(directory, RUN_FOLDER, (held) => readdirSync(held.path)) ?? [];
  const runFolders = names.map((name) => {
    const attempt = within(directory, `${RUN_FOLDER}/${name}`, (held) =>
      readSmall(held, ATTEMPT_FILE, fstatSync(held.fd).uid),
    );
    return { attempt: attempt?.trimEnd() ?? "", folder: RUN_FOLDER, name };
  });
  return [...runFolders, ...leftRecords(directory)];
}

/** All records in a workflow directory, by their names alone. */
export function leftRecords(directory: string): Leftover[] {
  return recordNames(directory).map((name) => ({
    attempt: name.slice(0, name.lastIndexOf(".")),
    folder: END_FOLDER,
    name,
  }));
}

/**
 * Removes what is left of an attempt, never through a link. What its script has written beside itself is
 * kept, where the wrapper was ended before it could see to that.
 * @param fileName base name of the script, where that is known
 * @throws the system's error, where it can't be removed
 */
export function removeLeftover(directory: string, { folder, name }: Leftover, fileName?: string): void {
  if (folder === RUN_FOLDER) keepProvenance(directory, `${folder}/${name}`, fileName);
  within(directory, folder, (held) => removeTree(held, name));
}

function keepProvenance(directory: string, folder: string, fileName: string | undefined): void {
  const isMeant = (name: string) =>
    fileName === undefined ? isProvenanceFile(name) : name === provenanceFile(fileName);
  // The script's folder is called after the workflow, by whichever name the pod had of it.
  for (const id of within(directory, folder, (held) => readdirSync(held.path)) ?? []) {
    const keepIn = (target: Held) =>
      within(directory, `${folder}/${id}`, (held) => {
        for (const name of readdirSync(held.path).filter(isMeant))
          keepFile(path.join(held.path, name), path.join(target.path, name));
      });
    if (within(directory, PROVENANCE_FOLDER, (target) => [keepIn(target)]) === undefined)
      within(directory, "", keepIn);
  }
}

/** Gives a file another place; what is there already stays. */
function keepFile(file: string, place: string): void {
  if (lstatSync(file, { throwIfNoEntry: false })?.isFile() !== true) return;
  try {
    linkSync(file, place);
  } catch (error) {
    if (systemCode(error) !== "EEXIST") throw error;
  }
}

/**
 * Removes the tool's folder where nothing is left in it: a pod that still runs a script of GASW's needs all
 * of it.
 */
export function removeToolFolder(directory: string): void {
  if (leftovers(directory).length > 0) return;
  const remove = (parent: Held, name: string) => unlessLeft(() => rmdirSync(path.join(parent.path, name)));
  within(directory, TOOL_FOLDER, (held) => {
    for (const folder of [RUN_FOLDER, END_FOLDER]) remove(held, path.basename(folder));
  });
  within(directory, "", (held) => remove(held, TOOL_FOLDER));
}

function unlessLeft(action: () => void): void {
  try {
    action();
  } catch (error) {
    if (!["ENOENT", "ENOTEMPTY", "EEXIST", "ENOTDIR"].includes(systemCode(error) ?? "")) throw error;
  }
}

/** Folders that are taken apart at most, so that a job which goes on making them ends nobody's patience. */
const MAX_FOLDERS = 100_000;

/**
 * Removes a folder, however deep it is, by folders that are held open: a link that a job puts in the place of
 * one meanwhile leads nowhere. What is deep comes up into the folder itself. The name of the attempt goes
 * last: what can't be removed now is known as its own later.
 */
function removeTree(parent: Held, name: string): void {
  const entry = path.join(parent.path, name);
  if (unlinkIfFile(entry)) return;
  const top = holdOwn(entry);
  try {
    let taken = 0;
    for (;;) {
      const names = readdirSync(top.path, { encoding: "buffer" }).filter(
        (child) => child.toString() !== ATTEMPT_FILE,
      );
      if (names.length === 0) break;
      for (const child of names) {
        if (unlinkIfFile(inside(top, child))) continue;
        if (++taken > MAX_FOLDERS)
          throw Object.assign(new Error(`${entry} has too many folders`), { code: "EMLINK" });
        takeApart(top, child, `gasw-k8s-${taken}`);
      }
    }
    unlinkIfFile(path.join(top.path, ATTEMPT_FILE));
  } finally {
    closeSync(top.fd);
  }
  rmdirSync(entry);
}

/** Removes a folder with its files; its folders come up into the one that holds it. */
function takeApart(top: Held, name: Buffer, prefix: string): void {
  const held = holdOwn(inside(top, name));
  try {
    let number = 0;
    for (const child of readdirSync(held.path, { encoding: "buffer" })) {
      if (unlinkIfFile(inside(held, child))) continue;
      // Only who may write in a folder may move it.
      closeSync(holdOwn(inside(held, child)).fd);
      renameSync(inside(held, child), path.join(top.path, `${prefix}-${++number}`));
    }
  } finally {
    closeSync(held.fd);
  }
  rmdirSync(inside(top, name));
}

function inside(folder: Held, name: Buffer): Buffer {
  return Buffer.concat([Buffer.from(`${folder.path}/`), name]);
}

/** Holds a folder and makes sure that its owner may remove what is in it. */
function holdOwn(entry: string | Buffer): Held {
  const held = heldAs(openSync(entry, FOLDER), entry.toString());
  const { mode, uid } = fstatSync(held.fd);
  if ((mode & 0o700) !== 0o700 && (uid === process.geteuid?.() || process.geteuid?.() === 0))
    fchmodSync(held.fd, 0o700);
  return held;
}

function unlinkIfFile(entry: string | Buffer): boolean {
  try {
    unlinkSync(entry);
    return true;
  } catch (error) {
    if (systemCode(error) === "ENOENT") return true;
    if (systemCode(error) === "EISDIR" || systemCode(error) === "EPERM") return false;
    throw error;
  }
}
