import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Properties } from "../../../src/core/gasw/properties.ts";
import { settingsEdits, unifiedDiff } from "../../../src/core/gasw/settingsChange.ts";
import { folderWith } from "../folders.ts";

const JAR = "/engine/plugins/gasw-k8s-plugin.jar";
const isReplaced = (entry: string) => entry.includes("kubernetes");

function diffOf(text: string, values: Record<string, string | undefined> = {}, jar = JAR): string {
  const edits = settingsEdits(new Properties(text, {}), { jar, isReplaced, values });
  return unifiedDiff("settings.conf", text, edits);
}

/** What the text is once the diff is applied. */
function patched(text: string, ...more: Parameters<typeof diffOf> extends [string, ...infer Rest] ? Rest : never): string {
  const folder = folderWith({ settings: text });
  const file = path.join(folder, "diff");
  writeFileSync(file, diffOf(text, ...more));
  return execFileSync("patch", ["-s", "-o", "-", path.join(folder, "settings"), file], { encoding: "utf8" });
}

describe("the settings of an engine", () => {
  test.each([
    ["the Java plugin's entry alone", "plugin.executor=/p/gasw-kubernetes-plugin.jar\n", `plugin.executor=${JAR}\n`],
    [
      "its entry among others, which stay as they are written",
      "a=1\nplugin.executor = /p/dirac.jar , /p/gasw-kubernetes-plugin.jar ,/p/local\\\\x.jar\nb=2\n",
      `a=1\nplugin.executor = /p/dirac.jar , ${JAR} ,/p/local\\\\x.jar\nb=2\n`,
    ],
    [
      "an entry that is found by what its name refers to",
      "d=/p/kubernetes\nplugin.executor=${d}.jar\n",
      `d=/p/kubernetes\nplugin.executor=${JAR}\n`,
    ],
    ["a list over several lines", "plugin.executor=/p/a.jar,\\\n  /p/kubernetes.jar\n", `plugin.executor=/p/a.jar,${JAR}\n`],
    ["a list without it, which gets one more", "plugin.executor=/p/local.jar\n", `plugin.executor=/p/local.jar,${JAR}\n`],
    ["a list that begins with a comma", "plugin.executor=,/p/local.jar\n", `plugin.executor=${JAR},,/p/local.jar\n`],
    ["a list of nothing", "plugin.executor=\n", `plugin.executor=${JAR}\n`],
    [
      "a key that stands twice",
      "plugin.executor=/p/kubernetes.jar\nplugin.executor=/q/kubernetes.jar\nplugin.executor=/q/local.jar\n",
      `plugin.executor=${JAR}\nplugin.executor=/q/local.jar\n`,
    ],
    ["the plugin and the Java plugin", `plugin.executor=/p/kubernetes.jar,${JAR}\n`, `plugin.executor=${JAR}\n`],
  ])("name the plugin: %s", (_, text, expected) => {
    const executor = "default.executor=kubernetes\n";
    expect(patched(executor + text)).toBe(executor + expected);
  });

  test("name the plugin at the beginning where there is no list", () => {
    expect(patched("a=1\nplugin.h2.password=s3cret")).toBe(
      `plugin.executor=${JAR}\ndefault.executor=Kubernetes\na=1\nplugin.h2.password=s3cret`,
    );
    expect(diffOf("plugin.h2.password=s3cret")).not.toContain("s3cret");
  });

  test("name another default executor, and where program and configuration are, behind the plugin", () => {
    const text = "default.executor : Local\nplugin.executor : /p/kubernetes.jar\nlast : 1\n";
    expect(patched(text, { "gasw-k8s.command": "/opt/gasw-k8s", "gasw-k8s.config": "/c/été.yaml" })).toBe(
      `default.executor : Kubernetes\nplugin.executor : ${JAR}\ngasw-k8s.command : /opt/gasw-k8s\ngasw-k8s.config : /c/\\u00e9t\\u00e9.yaml\nlast : 1\n`,
    );
  });

  test("name another configuration in the line that is there", () => {
    const text = `default.executor=Kubernetes\ngasw-k8s.config=/old.yaml\nplugin.executor=${JAR}\n`;
    expect(patched(text, { "gasw-k8s.config": "/new.yaml" })).toBe(text.replace("old", "new"));
  });

  test("stay as they are where they say it all", () => {
    const text = `default.executor=kubernetes\nplugin.executor=/p/local.jar,${JAR}\ngasw-k8s.config=/c.yaml\n`;
    expect(diffOf(text, { "gasw-k8s.config": "/c.yaml", "gasw-k8s.command": undefined })).toBe("");
  });

  test("keep their Windows line ends", () => {
    expect(patched("plugin.executor=/p/kubernetes.jar\r\nb=2\r\n")).toBe(
      `plugin.executor=${JAR}\r\ndefault.executor=Kubernetes\r\nb=2\r\n`,
    );
  });

  test("may have a last line without an end", () => {
    expect(patched("default.executor=kubernetes\nplugin.executor=/p/kubernetes.jar")).toBe(
      `default.executor=kubernetes\nplugin.executor=${JAR}\n`,
    );
    expect(patched("plugin.executor=/p/kubernetes.jar")).toBe(`plugin.executor=${JAR}\ndefault.executor=Kubernetes\n`);
    expect(patched(`plugin.executor=${JAR}`)).toBe(`plugin.executor=${JAR}\ndefault.executor=Kubernetes\n`);
    expect(patched("")).toBe(`plugin.executor=${JAR}\ndefault.executor=Kubernetes\n`);
  });

  test("show nothing of what is around: that may hold a password", () => {
    const text = "plugin.h2.password=s3cret\nplugin.executor=/p/kubernetes.jar\nplugin.dirac.password=s3cret\n";
    expect(diffOf(text)).not.toContain("s3cret");
  });

  const entry = fc.constantFrom("/p/kubernetes.jar", "/p/local.jar", "/a\\,b/x.jar", "${folder}/kubernetes.jar", JAR, "");
  const continued = fc.constantFrom(",", " , ", ",\\\n  ", ",\\\n# not an entry\n");
  const list = fc
    .tuple(fc.array(entry, { minLength: 1, maxLength: 4 }), continued)
    .filter(([entries]) => entries.length === 1 || !entries.includes(""))
    .map(([entries, comma]) => entries.join(comma));
  const separator = fc.constantFrom("=", " = ", ":", " ");
  const line = fc.oneof(
    fc.tuple(separator, list).map(([between, value]) => `plugin.executor${between}${value}`),
    fc.constantFrom("default.executor=Local", "default.executor : kubernetes", "gasw-k8s.config = /old.yaml", "folder=/p"),
    fc.constantFrom("", "# a comment", "plugin.h2.password=s3cret", "  other : x,\\\n y"),
  );
  const text = fc
    .tuple(fc.array(line, { maxLength: 6 }), fc.constantFrom("\n", "\r\n"), fc.boolean())
    .map(([lines, end, isOpen]) => `${lines.join("\n")}${isOpen ? "" : "\n"}`.replaceAll("\n", end));

  test("say what they are to say once they are patched, keep all else, and can be taken back, however they are written", () => {
    const values = { "gasw-k8s.config": "/c.yaml" };
    fc.assert(
      fc.property(text, (before) => {
        const after = patched(before, values);
        const [was, is] = [new Properties(before, {}), new Properties(after, {})];
        const others = (properties: Properties) =>
          properties.list("plugin.executor").filter((one) => one !== JAR && one !== "" && !isReplaced(one));
        expect(others(is)).toEqual(others(was));
        expect(is.list("plugin.executor").filter((one) => one === JAR || isReplaced(one))).toEqual(
          Array(Math.max(1, was.list("plugin.executor").filter((one) => one === JAR).length)).fill(JAR),
        );
        expect([is.get("default.executor")?.toLowerCase(), is.get("gasw-k8s.config")]).toEqual(["kubernetes", "/c.yaml"]);
        for (const key of ["plugin.h2.password", "other", "folder"]) expect(is.list(key)).toEqual(was.list(key));
        expect(diffOf(after, values)).toBe("");
        expect(diffOf(before, values)).not.toContain("s3cret");
        const folder = folderWith({ settings: after, diff: diffOf(before, values) });
        execFileSync("patch", ["-s", "-R", path.join(folder, "settings"), path.join(folder, "diff")]);
        expect(readFileSync(path.join(folder, "settings"), "utf8")).toBe(before);
      }),
      { numRuns: 60 },
    );
  });
});
