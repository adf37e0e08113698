import path from "node:path";

/** Java as `JAVA_HOME` has it, where that is set, else as it is found in the `PATH`. */
export function javaProgram(env: Readonly<Record<string, string | undefined>>): string {
  const home = env.JAVA_HOME ?? "";
  return home === "" ? "java" : path.join(home, "bin", "java");
}
