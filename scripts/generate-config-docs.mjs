// Writes docs/configuration.md, docs/gasw-k8s.schema.json and kubernetes_plugin.conf.example from the configuration's schema.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "rolldown";

const root = fileURLToPath(new URL("..", import.meta.url));
const scratch = await mkdtemp(join(tmpdir(), "gasw-k8s-docs-"));
try {
  const outfile = join(scratch, "reference.mjs");
  await build({ input: join(root, "src/config/schema/reference.ts"), platform: "node", output: { file: outfile, format: "esm" } });
  const reference = await import(pathToFileURL(outfile).href);
  await writeFile(join(root, "docs/configuration.md"), reference.referencePage());
  await writeFile(join(root, "docs/gasw-k8s.schema.json"), `${JSON.stringify(reference.jsonSchema(), null, 2)}\n`);
  await writeFile(join(root, "kubernetes_plugin.conf.example"), reference.exampleFile());
} finally {
  await rm(scratch, { recursive: true });
}
