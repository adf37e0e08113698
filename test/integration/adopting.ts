import { expect } from "vitest";
import { adopt } from "../../src/commands/adopt.ts";
import { status } from "../../src/commands/status.ts";
import { submit } from "../../src/commands/submit.ts";
import type { Command, Hosts, Ran } from "./hosts.ts";

export const TEXT = { output: "text" } as const;
export const RUNNING = { running: { startedAt: "2026-01-02T03:04:05Z" } };

/** The state of a container that has ended. */
export const ended = (exitCode: number, finishedAt = "2026-01-02T03:05:05Z") => ({
  terminated: { exitCode, reason: exitCode === 0 ? "Completed" : "Error", startedAt: "2026-01-02T03:04:05Z", finishedAt },
});

/** What hosts do with a workflow that goes from one to another. */
export class Adopting {
  readonly #hosts: Hosts;

  constructor(hosts: Hosts) {
    this.#hosts = hosts;
  }

  submitted(id: string, request: object = {}): Command {
    return (context) => submit(context, [this.#hosts.script(id)], { ...TEXT, request: request as Record<string, unknown>, verbose: false });
  }

  readonly synchronised: Command = (context) => status(context, [], { ...TEXT, sync: true });

  readonly adopted: Command = (context) => adopt(context, this.#hosts.directory, TEXT);

  async succeeds(host: string, command: Command): Promise<Ran> {
    const ran = await this.#hosts.run(host, command);
    expect(ran).toMatchObject({ code: 0 });
    return ran;
  }

  /** The results that a host tells, as a reader sees them who has read none. */
  async told(host: string): Promise<Record<string, string>> {
    const { stdout } = await this.succeeds(host, (context) => status(context, [], { output: "ndjson", sync: true, since: 0 }));
    const lines = stdout.split("\n").filter((line) => line !== "");
    const results = lines.map((line) => JSON.parse(line)).filter(({ kind }) => kind === "result");
    return Object.fromEntries(results.map(({ id, status }) => [id, status]));
  }
}
