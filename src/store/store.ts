import { Adoption } from "./adoption.ts";
import { Attempts } from "./attempts.ts";
import { Changes } from "./changes.ts";
import { Connection } from "./connection.ts";
import { History } from "./history.ts";
import { Holds } from "./holds.ts";
import { Intents } from "./intents.ts";
import { Jobs } from "./jobs.ts";
import { Kills } from "./kills.ts";
import { Leases } from "./leases.ts";
import type { OpenOptions } from "./open.ts";
import { Outbox } from "./outbox.ts";
import { Placements } from "./placements.ts";
import { Results } from "./results.ts";
import { Retention } from "./retention.ts";
import { Updates } from "./updates.ts";
import { Workflows } from "./workflows.ts";

/**
 * The local state, open: each subject has what is asked and written about it, each method in one transaction.
 */
export class Store {
  readonly workflows: Workflows;
  readonly placements: Placements;
  readonly leases: Leases;
  readonly jobs: Jobs;
  readonly intents: Intents;
  readonly attempts: Attempts;
  readonly changes: Changes;
  readonly updates: Updates;
  readonly adoption: Adoption;
  readonly kills: Kills;
  readonly outbox: Outbox;
  readonly results: Results;
  readonly history: History;
  readonly holds: Holds;
  readonly retention: Retention;
  readonly #connection: Connection;

  /** @param isCopy opens a copy of the state file in memory, for a disk that takes nothing more */
  constructor(options: OpenOptions, isCopy = false) {
    const db = new Connection(options, isCopy);
    this.#connection = db;
    this.workflows = new Workflows(db);
    this.kills = new Kills(db);
    this.placements = new Placements(db, this.kills);
    this.leases = new Leases(db);
    this.history = new History(db);
    this.jobs = new Jobs(db);
    this.changes = new Changes(db, this.history);
    this.attempts = new Attempts(db, this.jobs, this.changes, this.history, this.kills);
    this.intents = new Intents(db, this.workflows, this.jobs, this.changes, this.attempts, this.history);
    this.adoption = new Adoption(db, this.jobs, this.changes, this.attempts, this.kills);
    this.outbox = new Outbox(db);
    this.results = new Results(db);
    this.updates = new Updates(db, this.changes, this.attempts, this.results, this.history);
    this.holds = new Holds(db);
    this.retention = new Retention(db);
  }

  /** Path of the state file. */
  get path(): string {
    return this.#connection.path;
  }

  /**
   * Whether it is a copy in memory, which is lost with this process: nothing may be done that has to be
   * written down.
   */
  get isCopy(): boolean {
    return this.#connection.isCopy;
  }

  /** The random id of this state file, which no other one has. */
  identity(): string {
    return (this.#connection.get<{ id: string }>("SELECT id FROM identity", []) as { id: string }).id;
  }

  close(): void {
    this.#connection.close();
  }
}
