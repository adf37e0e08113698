import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { onTestFinished } from "vitest";

/** What a file is to hold: text, bytes, or a value to be written as JSON. */
type Content = unknown;

/** A folder with these files, removed after the test that asked for it (an `afterEach` here would be the first file's alone: modules are shared). */
export function folderWith(files: Readonly<Record<string, Content>> = {}): string {
  const folder = realpathSync(mkdtempSync(path.join(tmpdir(), "gasw-unit-")));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), bytesOf(content));
  }
  return folder;
}

function bytesOf(content: Content): string | Uint8Array {
  return typeof content === "string" || content instanceof Uint8Array ? content : JSON.stringify(content, null, 2);
}
