import { expect, test } from "vitest";
import { type Connected, OneConnectionDriver } from "../../../src/dao/connection.ts";

/** A connection whose server does not answer its leave-taking. */
function silent() {
  const done: string[] = [];
  const connection = {
    query: () => Promise.reject(new Error("not asked for")),
    close: () => {
      done.push("close");
      return new Promise<void>(() => undefined);
    },
    destroy: () => void done.push("destroy"),
  };
  return { done, connected: { connection } as unknown as Connected };
}

test.each(["before", "while"])("a server that does not take leave is let go of soon where a signal has come %s", async (when) => {
  const { done, connected } = silent();
  const stop = new AbortController();
  if (when === "before") stop.abort();
  const closing = new OneConnectionDriver(connected, { timeout: 3_600_000, signal: stop.signal }).destroy();
  stop.abort();
  await expect(closing).rejects.toMatchObject({ name: "AbortError" });
  expect(done).toEqual(["close", "destroy"]);
});
