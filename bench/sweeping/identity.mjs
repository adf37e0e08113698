import Database from "better-sqlite3";

/** The random id of a host's state file, which its Leases name. */
export function identityOf({ stateFile }) {
  const database = new Database(stateFile, { readonly: true });
  try {
    return /** @type {{ id: string }} */ (database.prepare("SELECT id FROM identity").get()).id;
  } finally {
    database.close();
  }
}
