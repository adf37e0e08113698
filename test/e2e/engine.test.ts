import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { removeFolder } from "../folders.ts";
import { compileEngine, EngineWorkflow } from "../local/enginePlugin.ts";
import { surviveKills } from "../local/killedEngine.ts";
import { H2Server } from "../servers/h2.ts";

let server: H2Server;
let classes: string;
let workflow: EngineWorkflow;
beforeAll(async () => {
  classes = compileEngine("gasw");
  server = await H2Server.start("2.3.232");
});
afterEach(() => workflow?.finish());
afterAll(async () => {
  await server?.stop();
  removeFolder(classes);
});

test("an engine with 50 jobs, whose processes and which itself are killed, is told of each once by a real cluster", async () => {
  workflow = new EngineWorkflow(server, classes);
  await surviveKills(workflow, { jobs: 50, kills: 12 });
  expect(workflow.told).toHaveLength(51);
});
