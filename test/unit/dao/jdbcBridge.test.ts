import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import path from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { escapeField, unescapeField } from "../../../src/dao/jdbcBridge.ts";

const bridge = path.resolve(import.meta.dirname, "../../../bridge");

test("the compiled bridge is that of its source: scripts/build-bridge.sh compiles it anew", () => {
  const source = createHash("sha256")
    .update(readFileSync(path.join(bridge, "JdbcBridge.java")))
    .digest("hex");
  expect(readFileSync(path.join(bridge, "classes/SOURCE.sha256"), "utf8")).toBe(`${source}  JdbcBridge.java\n`);
});

test("the compiled bridge runs on Java 17", () => {
  // Major version 61 of the class file format (Java Virtual Machine Specification, table 4.1-A).
  expect(readFileSync(path.join(bridge, "classes/JdbcBridge.class")).readUInt16BE(6)).toBe(61);
});

describe("a field of the protocol", () => {
  const text = fc.string({
    unit: fc.oneof(fc.constantFrom("\\", "\t", "\n", "\r", "t", "n", "r"), fc.string({ minLength: 1, maxLength: 1 })),
  });

  test("has no character that ends a field or a line", () => {
    fc.assert(fc.property(text, (raw) => !/[\t\n\r]/.test(escapeField(raw))));
  });

  test("is the same again, whatever is in it", () => {
    fc.assert(fc.property(text, (raw) => unescapeField(escapeField(raw)) === raw));
  });
});
