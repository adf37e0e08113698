import { writeFileSync } from "node:fs";
import path from "node:path";
import { connectToH2, type H2Server } from "../servers/h2.ts";
import type { PostgresServer } from "../servers/postgres.ts";
import type { TestDatabase } from "./gaswDatabase.ts";
import type { TestWorkflow } from "./harness.ts";

/** A file outside the workflow directory that holds a password, as `dao.passwordFile` names it. */
export function passwordFile(workflow: TestWorkflow, password: string): string {
  const file = path.join(workflow.folder, "dao-password");
  writeFileSync(file, `${password}\n`, { mode: 0o600 });
  return file;
}

/** A database of a PostgreSQL server. */
export function postgresDatabase(server: PostgresServer, name: string, workflow: TestWorkflow): TestDatabase {
  return {
    config: { url: server.url(name), user: server.user, passwordFile: passwordFile(workflow, server.password) },
    async query(sql) {
      const client = await server.connect(name);
      try {
        return (await client.query(sql)).rows;
      } finally {
        await client.end();
      }
    },
  };
}

/** The workflow's own database of an H2 server, where installations have it; the first client makes it. */
export class H2Database implements TestDatabase {
  readonly config: TestDatabase["config"];
  readonly #server: H2Server;
  readonly #workflow: TestWorkflow;

  constructor(server: H2Server, workflow: TestWorkflow) {
    const url = `jdbc:h2:tcp://127.0.0.1:${server.port}/{workflowDir}/db/jobs`;
    this.config = { url, user: "gasw", passwordFile: passwordFile(workflow, "gasw"), driverJar: server.jar };
    this.#server = server;
    this.#workflow = workflow;
  }

  readonly query: TestDatabase["query"] = async (sql) => (await this.run(sql))[0] ?? [];

  /** Runs statements through one connection, and answers the rows of each. */
  // biome-ignore lint/suspicious/noExplicitAny: rows of any table
  async run(...statements: readonly string[]): Promise<any[][]> {
    const url = String(this.config.url).replace("{workflowDir}", this.#workflow.directory);
    const bridge = await connectToH2(this.#server.version, url);
    try {
      const results = [];
      for (const statement of statements) results.push([...(await bridge.run(statement, [])).rows]);
      return results;
    } finally {
      await bridge.close();
    }
  }
}

/** Gives a workflow that retries once a fresh database of a PostgreSQL server. */
export async function configureDatabase(server: PostgresServer, workflow: TestWorkflow, more: object = {}): Promise<TestDatabase> {
  const database = postgresDatabase(server, await server.makeDatabase(), workflow);
  workflow.configure({ retryCount: 1, dao: { ...database.config, timeZone: "UTC", ...more } });
  return database;
}
