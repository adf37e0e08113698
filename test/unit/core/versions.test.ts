import { expect, test } from "vitest";
import { gaswSupport, javaVersion } from "../../../src/core/gasw/versions.ts";

test.each([
  ['openjdk version "17.0.15" 2025-04-15\nOpenJDK Runtime Environment (build 17.0.15+6)\n', "17.0.15", 17],
  ['java version "1.8.0_292"\n', "1.8.0_292", 8],
  ['Picked up JAVA_TOOL_OPTIONS: -Dversion=1\nopenjdk version "21" 2023-09-19\n', "21", 21],
  ['openjdk version "22-ea" 2024-03-19\n', "22-ea", 22],
])("java -version says %j: Java %s", (said, text, major) => expect(javaVersion(said)).toEqual({ text, major }));

test.each(["", "java: command not found", 'version ""'])("%j is no version of Java", (said) => expect(javaVersion(said)).toBeUndefined());

test.each([
  ["2.9", "older"],
  ["3.0", "supported"],
  ["3.10.0", "supported"],
  ["4", "supported"],
  ["4.3", "supported"],
  ["4.3.1-SNAPSHOT", "supported"],
  ["4.4", "newer"],
  ["10.0", "newer"],
  ["master", "unknown"],
])("GASW %s is %s", (version, support) => expect(gaswSupport(version)).toBe(support));
