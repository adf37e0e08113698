import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { expect, test } from "vitest";
import { removeFolder } from "../folders.ts";
import { compileChecks, PLUGIN } from "./enginePlugin.ts";

/** JSON of any letters, some of them written as escapes, as another writer may do. */
const documents = fc.tuple(fc.jsonValue({ stringUnit: "binary" }), fc.boolean()).map(([value, escapes]) => {
  const text = JSON.stringify(value);
  return escapes ? text.replace(/[^\x20-\x7e]/g, (letter) => `\\u${letter.charCodeAt(0).toString(16).padStart(4, "0")}`) : text;
});

test("the plugin reads and writes JSON as others do, and refuses what is not", () => {
  const classes = compileChecks();
  try {
    const valid = fc.sample(documents, 500);
    const torn = ['{"a":', '{"a" 1}', '{"a":1}}', "", "[1,]", '"\\x"', '"\\u12"', "nul", "1.2.3", "{'a':1}"];
    const args = ["-cp", `${classes}:${PLUGIN}`, "gaswk8s.JsonEcho"];
    const input = `${[...valid, ...torn].join("\n")}\n`;
    const echoed = execFileSync("java", args, { input, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 })
      .split("\n")
      .slice(0, -1);
    expect(echoed.slice(0, valid.length).map((line) => JSON.parse(line))).toEqual(valid.map((line) => JSON.parse(line)));
    expect(echoed.slice(valid.length)).toEqual(torn.map(() => expect.stringMatching(/^refused: /)));
  } finally {
    removeFolder(classes);
  }
});
