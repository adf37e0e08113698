import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { TestWorkflow } from "../e2e/harness.ts";
import { type PostgresServer, startPostgres } from "../servers/postgres.ts";

/** A PostgreSQL server for the tests of a file, and a workflow for each of them. */
export function postgresWorkflow(): { readonly server: PostgresServer; readonly workflow: TestWorkflow } {
  let server: PostgresServer;
  let workflow: TestWorkflow;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server?.stop());
  beforeEach(() => {
    workflow = new TestWorkflow();
  });
  afterEach(() => workflow.cleanup());
  return {
    get server() {
      return server;
    },
    get workflow() {
      return workflow;
    },
  };
}
