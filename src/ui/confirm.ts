import { createInterface } from "node:readline/promises";
import { GaswError } from "../errors.ts";
import type { Io } from "./io.ts";

/**
 * Asks a person; off a terminal the answer is no.
 * @throws GaswError INTERRUPTED at Ctrl-C
 */
export async function confirmed(io: Io, question: string): Promise<boolean> {
  if (io.stdin.isTTY !== true || io.stdout.isTTY !== true) return false;
  const prompt = createInterface({ input: io.stdin, output: io.stderr });
  try {
    const answer = await new Promise<string>((resolve, reject) => {
      // The end of the input (Ctrl-D) is a no.
      prompt.once("close", () => resolve(""));
      prompt.once("SIGINT", () =>
        reject(
          new GaswError("INTERRUPTED", "interrupted: nothing was removed", {
            hint: "run cleanup again to remove the objects",
          }),
        ),
      );
      prompt.question(`${question} [y/N] `, { signal: io.signal }).then(resolve, reject);
    });
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    prompt.close();
  }
}
