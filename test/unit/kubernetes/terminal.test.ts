import { expect, test } from "vitest";
import { isCommandMissing } from "../../../src/kubernetes/terminal.ts";

test.each([
  ["runc", 'exec failed: unable to start container process: exec: "no_such": executable file not found in $PATH: unknown', true],
  ["runc, of a path", 'exec failed: unable to start container process: exec: "/no/such": stat /no/such: no such file or directory', true],
  ["crun", "OCI runtime exec failed: executable file `no_such` not found in $PATH: No such file or directory: unknown", true],
  ["a container that has ended", "cannot exec in a stopped state: unknown", false],
])("a command that is missing is told from other failures in the words of %s", (_, message, isMissing) => {
  expect(isCommandMissing(message)).toBe(isMissing);
});
