/** Which Java and which GASW the executor plugin is for. Pure. */

export const OLDEST_JAVA = 17;

/** Java's version from what `java -version` says; undefined where that is something else. */
export function javaVersion(said: string): { readonly text: string; readonly major: number } | undefined {
  const text = /\bversion "([^"]+)"/.exec(said)?.[1];
  // Before 9, the number that counts is the second one: 1.8.0.
  const major = /^(?:1\.)?(\d+)/.exec(text ?? "")?.[1];
  return text === undefined || major === undefined ? undefined : { text, major: Number(major) };
}

/** Whether the plugin was made for a version of GASW: 3.x to 4.3. */
export function gaswSupport(version: string): "supported" | "older" | "newer" | "unknown" {
  const [, major, minor] = /^(\d+)(?:\.(\d+))?/.exec(version) ?? [];
  if (major === undefined) return "unknown";
  if (Number(major) < 3) return "older";
  return Number(major) < 4 || (major === "4" && Number(minor ?? 0) <= 3) ? "supported" : "newer";
}
