import { readdirSync, readFileSync } from "node:fs";
import { systemCode } from "../../../src/errors.ts";

/** The bridges that this process, or another one, has started and that still run. */
export function bridgesOf(parent = process.pid): number[] {
  return readdirSync("/proc")
    .map(Number)
    .filter((pid) => parentOf(pid) === parent && read(pid, "cmdline").includes("JdbcBridge"));
}

export function isAlive(pid: number): boolean {
  return parentOf(pid) !== undefined;
}

/** A file of /proc; empty where the process is gone. */
export function read(pid: number, file: "cmdline" | "environ" | "stat"): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, "latin1");
  } catch (error) {
    if (["ENOENT", "ESRCH"].includes(systemCode(error) ?? "")) return "";
    throw error;
  }
}

/** proc(5): after the name in brackets, the state and the parent; a zombie has ended. */
export function parentOf(pid: number): number | undefined {
  const [state, parent] = read(pid, "stat")
    .replace(/^.*\) /s, "")
    .split(" ");
  return state === undefined || state === "" || state === "Z" ? undefined : Number(parent);
}
