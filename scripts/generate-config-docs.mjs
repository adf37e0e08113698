// Writes docs/configuration.md, docs/gasw-k8s.schema.json and kubernetes_plugin.conf.example from the configuration's schema, and
// docs/request.schema.json from that of a request.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "rolldown";

const root = fileURLToPath(new URL("..", import.meta.url));
const scratch = await mkdtemp(join(tmpdir(), "gasw-k8s-docs-"));
try {
  const input = ["config/schema/reference", "config/schema/referencePage", "commands/requestReference"].map((name) =>
    join(root, `src/${name}.ts`),
  );
  await build({ input, platform: "node", output: { dir: scratch, format: "esm", entryFileNames: "[name].mjs" } });
  const [reference, page, request] = await Promise.all(
    ["reference", "referencePage", "requestReference"].map((name) => import(pathToFileURL(join(scratch, `${name}.mjs`)).href)),
  );
  await writeFile(join(root, "docs/configuration.md"), page.referencePage());
  await writeFile(join(root, "docs/gasw-k8s.schema.json"), `${JSON.stringify(reference.jsonSchema(), null, 2)}\n`);
  await writeFile(join(root, "docs/request.schema.json"), `${JSON.stringify(request.requestJsonSchema(), null, 2)}\n`);
  await writeFile(join(root, "kubernetes_plugin.conf.example"), reference.exampleFile());
} finally {
  await rm(scratch, { recursive: true });
}
