import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { clusterAccess } from "../../src/kubernetes/access/access.ts";
import { readTextFile } from "../../src/textFile.ts";
import { failureOf, load } from "./config/support.ts";
import { folderWith } from "./folders.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "gasw-text-"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** A text as editors and shells of Windows save it. */
const ENCODINGS: Readonly<Record<string, (text: string) => Buffer>> = {
  "UTF-8 with a byte order mark": (text) => Buffer.from(`\ufeff${text}`),
  "UTF-16, little-endian": (text) => Buffer.from(`\ufeff${text}`, "utf16le"),
  "UTF-16, big-endian": (text) => Buffer.from(`\ufeff${text}`, "utf16le").swap16(),
};

function written(name: string, content: Buffer): string {
  const file = path.join(folder, name);
  writeFileSync(file, content);
  return file;
}

describe.each(Object.entries(ENCODINGS))("a file in %s", (_, encoded) => {
  test("is read without the mark, and with it inside the text", () => {
    expect(readTextFile(written("text", encoded("été 作業\ufeff\n")))).toBe("été 作業\ufeff\n");
  });

  test.each([
    ["gasw-k8s.json", '{\r\n  "k8sNamespace": "vip",\r\n  "image": 7\r\n}\r\n'],
    ["kubernetes_plugin.conf", '{\n  "k8sNamespace": "vip",\n  "image": 7\n}\n'],
    ["gasw-k8s.yaml", "# mine\r\nk8sNamespace: vip\r\nimage: 7\r\n"],
    [".gasw-k8src", "# mine\nk8sNamespace: vip\nimage: 7\n"],
  ])("may be the configuration (%s), whose lines keep their numbers", async (name, text) => {
    const cwd = folderWith();
    writeFileSync(path.join(cwd, name), encoded(text.replace("7", '"debian:12"')));
    const loaded = await load({ cwd, file: name });
    expect(loaded.config).toMatchObject({ k8sNamespace: "vip", image: "debian:12" });
    expect((await loaded.locate?.())?.get("image")).toMatchObject({ line: 3 });
    writeFileSync(path.join(cwd, name), encoded(text));
    expect((await failureOf(load({ cwd, file: name }))).message).toMatch(/:3: image: expected /);
  });

  test("may be a kubeconfig, and the file of its token", async () => {
    const token = written("token", encoded("s3cr3t\r\n"));
    const kubeconfig = {
      clusters: [{ name: "c", cluster: { server: "https://127.0.0.1:1" } }],
      users: [{ name: "u", user: { tokenFile: token } }],
      contexts: [{ name: "x", context: { cluster: "c", user: "u" } }],
      "current-context": "x",
    };
    const file = written("kubeconfig", encoded(JSON.stringify(kubeconfig, null, 2)));
    const { headers } = await clusterAccess({ k8sKubeConfig: file, insecureSkipTlsVerify: false }, {}).requestOptions();
    expect(headers).toMatchObject({ Authorization: "Bearer s3cr3t" });
  });
});

test("a file without a mark is UTF-8", () => {
  expect(readTextFile(written("plain", Buffer.from("été\n")))).toBe("été\n");
  expect(readTextFile(written("empty", Buffer.alloc(0)))).toBe("");
});
