/** Schema changes in order; the position of the last one applied is the file's `user_version`. Never edit one that was released. */
export const migrations: readonly (readonly string[])[] = [
  [
    `CREATE TABLE workflows (
      key INTEGER PRIMARY KEY,
      namespace TEXT NOT NULL,
      id TEXT NOT NULL,
      directory TEXT NOT NULL,
      created TEXT NOT NULL,
      -- When the volumes' last-used annotations were last renewed.
      volumes_renewed TEXT NOT NULL,
      UNIQUE (namespace, id)
    ) STRICT`,
    `CREATE TABLE jobs (
      key INTEGER PRIMARY KEY,
      workflow INTEGER NOT NULL REFERENCES workflows (key),
      id TEXT NOT NULL,
      kube_name TEXT NOT NULL UNIQUE,
      content_hash TEXT NOT NULL,
      image TEXT NOT NULL,
      status TEXT NOT NULL,
      -- Why the job waits or how it ended: a word for programs, a sentence for people.
      reason TEXT,
      message TEXT,
      exit_code INTEGER,
      pod TEXT,
      node TEXT,
      -- Since when the job waits for reasons of one family; grace periods count from here.
      pending_family TEXT,
      pending_since TEXT,
      -- The end that was decided for it before its Job is removed: ERROR or DELETED.
      removal TEXT,
      created TEXT NOT NULL,
      submitted TEXT,
      started TEXT,
      ended TEXT,
      -- When the cluster was last asked about the job.
      observed TEXT,
      UNIQUE (workflow, id)
    ) STRICT`,
    "CREATE INDEX jobs_active ON jobs (workflow) WHERE status NOT IN ('COMPLETED', 'ERROR', 'STALLED', 'DELETED')",
    `CREATE TABLE transitions (
      key INTEGER PRIMARY KEY,
      job INTEGER NOT NULL REFERENCES jobs (key),
      at TEXT NOT NULL,
      status TEXT NOT NULL,
      reason TEXT,
      message TEXT
    ) STRICT`,
    "CREATE INDEX transitions_job ON transitions (job)",
  ],
];
