import type { LeaseNote, StoredWorkflow } from "../../store/records.ts";
import type { Deps } from "../deps.ts";

const NOTHING: LeaseNote = { uid: null, created: null, version: null, renewed: null, denied: null };

/** What is known of a workflow's Lease: kept in the state, where that has a row of the workflow. */
export class LeaseMemory {
  readonly #deps: Pick<Deps, "store">;
  readonly #workflow: StoredWorkflow | undefined;
  #ownNote = NOTHING;

  constructor(deps: Pick<Deps, "store">, workflow: StoredWorkflow | undefined) {
    this.#deps = deps;
    this.#workflow = workflow;
  }

  get note(): LeaseNote {
    return this.#workflow === undefined ? this.#ownNote : this.#deps.store.leases.of(this.#workflow);
  }

  /** Keeps what was seen or written. */
  save(note: LeaseNote): void {
    if (this.#workflow === undefined) this.#ownNote = note;
    else this.#deps.store.leases.note(this.#workflow, note);
  }

  /** Keeps that there is no Lease. */
  forget(): void {
    this.save(NOTHING);
  }

  /** Has the Lease be read again, unless somebody has meanwhile: this version of it is not the newest. */
  outdate(version: string): void {
    if (this.#workflow === undefined) this.#ownNote = { ...this.#ownNote, version: null, renewed: null };
    else this.#deps.store.leases.outdate(this.#workflow, version);
  }
}
