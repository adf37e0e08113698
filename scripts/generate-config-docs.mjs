// Writes docs/configuration.md, docs/gasw-k8s.schema.json and kubernetes_plugin.conf.example from the configuration's schema.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "rolldown";

const root = fileURLToPath(new URL("..", import.meta.url));
const scratch = await mkdtemp(join(tmpdir(), "gasw-k8s-docs-"));
try {
  const input = ["reference", "referencePage"].map((name) => join(root, `src/config/schema/${name}.ts`));
  await build({ input, platform: "node", output: { dir: scratch, format: "esm", entryFileNames: "[name].mjs" } });
  const [reference, page] = await Promise.all(
    ["reference", "referencePage"].map((name) => import(pathToFileURL(join(scratch, `${name}.mjs`)).href)),
  );
  await writeFile(join(root, "docs/configuration.md"), page.referencePage());
  await writeFile(join(root, "docs/gasw-k8s.schema.json"), `${JSON.stringify(reference.jsonSchema(), null, 2)}\n`);
  await writeFile(join(root, "kubernetes_plugin.conf.example"), reference.exampleFile());
} finally {
  await rm(scratch, { recursive: true });
}
