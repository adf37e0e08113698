import { writeFileSync } from "node:fs";
import path from "node:path";
import { rowWhere, sqliteDatabase, type TestDatabase } from "../e2e/gaswDatabase.ts";
import { type Running, TestWorkflow } from "../e2e/harness.ts";

/** A workflow with a GASW database and monitors, which `finish` ends. */
export class MonitoredWorkflow extends TestWorkflow {
  database: TestDatabase = sqliteDatabase(path.join(this.folder, "gasw.db"));
  private readonly monitors: Running[] = [];

  constructor() {
    super();
    this.reconfigure();
  }

  reconfigure(more: Record<string, unknown> = {}): void {
    this.configure({ retryCount: 1, dao: this.database.config, ...more });
  }

  monitor(...args: readonly string[]): Running {
    const started = this.start("monitor", ...args);
    this.monitors.push(started);
    return started;
  }

  /** Waits for a row of the table Jobs. */
  // biome-ignore lint/suspicious/noExplicitAny: a row of the table Jobs
  jobWhere(id: string, holds: (row: any) => boolean) {
    return rowWhere(this.database, this, id, holds);
  }

  /** Ends the scripts that wait for this. */
  letGo(name: string): void {
    writeFileSync(path.join(this.directory, name), "");
  }

  async finish(): Promise<void> {
    for (const monitor of this.monitors) monitor.kill("SIGKILL");
    await Promise.all(this.monitors.splice(0).map((monitor) => monitor.ended));
    await this.cleanup();
  }
}

/** A script's lines that wait until `letGo` is called with the same name. */
export const waitFor = (name: string) => `until [ -e ${name} ]; do sleep 0.2; done\n`;
