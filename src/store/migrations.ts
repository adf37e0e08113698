/**
 * Schema changes in order; the position of the last one applied is the file's `user_version`. Never edit one
 * that was released.
 */
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
      -- Who syncs it with the GASW database now, for messages; the hold itself is a lock of the operating system.
      holder TEXT,
      UNIQUE (namespace, id)
    ) STRICT`,
    `CREATE TABLE jobs (
      key INTEGER PRIMARY KEY,
      workflow INTEGER NOT NULL REFERENCES workflows (key),
      id TEXT NOT NULL,
      -- The script's base name, which ties the attempts of one invocation together, and the number of the attempt.
      file_name TEXT NOT NULL,
      attempt INTEGER NOT NULL,
      kube_name TEXT NOT NULL UNIQUE,
      content_hash TEXT NOT NULL,
      image TEXT NOT NULL,
      -- What the request stated, as JSON; of its environment the names alone.
      request TEXT NOT NULL,
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
      -- What was decided for it before its Job is removed: an end, or NOT_SUBMITTED to run it again.
      removal TEXT,
      -- Whether its end was seen to: retried, held or announced.
      settled INTEGER NOT NULL DEFAULT 0,
      -- Whether this tool submits it itself, and whether the workflow directory was made ready for that.
      due INTEGER NOT NULL DEFAULT 0,
      prepared INTEGER NOT NULL DEFAULT 0,
      -- A signal that was taken from the GASW database and is not acknowledged there yet.
      signal TEXT,
      -- Whether it was asked to be submitted once more while it was active.
      replicating INTEGER NOT NULL DEFAULT 0,
      -- What its output tells, as JSON.
      output TEXT,
      -- As the request, an earlier attempt or the GASW database says.
      invocation_id INTEGER,
      -- Whether the GASW database knows it.
      delivered INTEGER NOT NULL DEFAULT 0,
      created TEXT NOT NULL,
      submitted TEXT,
      started TEXT,
      ended TEXT,
      -- When the cluster was last asked about the job.
      observed TEXT,
      UNIQUE (workflow, id)
    ) STRICT`,
    "CREATE INDEX jobs_active ON jobs (workflow) WHERE status IN ('NOT_SUBMITTED', 'QUEUED', 'RUNNING')",
    "CREATE INDEX jobs_unsettled ON jobs (workflow) WHERE settled = 0",
    "CREATE INDEX jobs_invocation ON jobs (workflow, file_name, attempt)",
    "CREATE INDEX jobs_id ON jobs (id)",
    `CREATE TABLE transitions (
      key INTEGER PRIMARY KEY,
      job INTEGER NOT NULL REFERENCES jobs (key),
      at TEXT NOT NULL,
      status TEXT NOT NULL,
      reason TEXT,
      message TEXT
    ) STRICT`,
    "CREATE INDEX transitions_job ON transitions (job)",
    // What the GASW database has yet to be told, oldest first; written by triggers, so in the transaction of
    // the change itself.
    `CREATE TABLE outbox (
      seq INTEGER PRIMARY KEY AUTOINCREMENT,
      job INTEGER NOT NULL UNIQUE REFERENCES jobs (key) ON DELETE CASCADE
    ) STRICT`,
    `CREATE TRIGGER jobs_made AFTER INSERT ON jobs BEGIN
      INSERT INTO outbox (job) VALUES (NEW.key);
    END`,
    `CREATE TRIGGER jobs_changed AFTER UPDATE OF status, settled, signal, exit_code, started, ended, output, replicating ON jobs
    WHEN (NEW.status, NEW.settled, NEW.signal, NEW.exit_code, NEW.started, NEW.ended, NEW.output, NEW.replicating)
      IS NOT (OLD.status, OLD.settled, OLD.signal, OLD.exit_code, OLD.started, OLD.ended, OLD.output, OLD.replicating)
    BEGIN
      INSERT OR REPLACE INTO outbox (job) VALUES (NEW.key);
    END`,
    // Invocations that are over, each once, in the order in which their readers are told; the attempt as it
    // was then, whatever becomes of it.
    `CREATE TABLE results (
      cursor INTEGER PRIMARY KEY AUTOINCREMENT,
      workflow INTEGER NOT NULL REFERENCES workflows (key),
      file_name TEXT NOT NULL,
      job INTEGER NOT NULL REFERENCES jobs (key),
      status TEXT NOT NULL,
      message TEXT,
      started TEXT,
      ended TEXT,
      output TEXT,
      UNIQUE (workflow, file_name)
    ) STRICT`,
  ],
  ["CREATE INDEX jobs_held ON jobs (workflow) WHERE status IN ('ERROR_HELD', 'STALLED_HELD')"],
  [
    // Which cluster a workflow's objects are in. A process of an older version that still runs adds rows too:
    // theirs are unknown.
    `ALTER TABLE workflows ADD COLUMN placed TEXT NOT NULL DEFAULT 'unknown' CHECK (placed IN ('unknown', 'nowhere', 'bound'))`,
    // Uids of that cluster's namespace kube-system and of the claim of the workflow's directory there, where
    // they are known.
    "ALTER TABLE workflows ADD COLUMN cluster_uid TEXT",
    "ALTER TABLE workflows ADD COLUMN claim_uid TEXT",
    // How it was reached, for messages.
    "ALTER TABLE workflows ADD COLUMN cluster_server TEXT",
    "ALTER TABLE workflows ADD COLUMN cluster_context TEXT",
    // Uid of the attempt's Job.
    "ALTER TABLE jobs ADD COLUMN kube_uid TEXT",
  ],
  // Version of the wrapper that runs the attempt's script; 0: that of 0.1.0, which left the script's folder
  // in the workflow directory.
  ["ALTER TABLE jobs ADD COLUMN wrapper INTEGER NOT NULL DEFAULT 0"],
  [
    // Whether the attempt's end was decided without all of its output, which may arrive yet.
    "ALTER TABLE jobs ADD COLUMN output_late INTEGER NOT NULL DEFAULT 0",
    "CREATE INDEX jobs_output_late ON jobs (workflow) WHERE output_late = 1",
  ],
  [
    // Whether it has ended, and its Job is to go since others keep its pod alive.
    "ALTER TABLE jobs ADD COLUMN lingers INTEGER NOT NULL DEFAULT 0",
    // That pod as it was then, as JSON; without what may be secret.
    "ALTER TABLE jobs ADD COLUMN last_pod TEXT",
    "CREATE INDEX jobs_lingering ON jobs (workflow) WHERE lingers = 1",
  ],
  [
    // Who this state file is among those that may serve one workflow.
    "CREATE TABLE identity (id TEXT NOT NULL) STRICT",
    "INSERT INTO identity (id) SELECT lower(hex(randomblob(16)))",
    // The workflow's Lease as it was written last: by its uid, made at a time of the API server's, in its
    // version.
    "ALTER TABLE workflows ADD COLUMN lease_uid TEXT",
    "ALTER TABLE workflows ADD COLUMN lease_created TEXT",
    "ALTER TABLE workflows ADD COLUMN lease_version TEXT",
    // When that was, and when the account was last found to have no right to it.
    "ALTER TABLE workflows ADD COLUMN lease_renewed TEXT",
    "ALTER TABLE workflows ADD COLUMN lease_denied TEXT",
    // When the workflow's monitor last had an answer of the cluster.
    "ALTER TABLE workflows ADD COLUMN watched TEXT",
  ],
  // What the script was when somebody last asked for it to run, as JSON; null: submitted by a version that
  // did not note it.
  ["ALTER TABLE jobs ADD COLUMN script TEXT"],
  [
    // Hashes of the ids of jobs that a state file which owned the workflow before has killed: what this one
    // hears of later is not run, either.
    `CREATE TABLE killed (
      workflow INTEGER NOT NULL REFERENCES workflows (key),
      hash TEXT NOT NULL,
      PRIMARY KEY (workflow, hash)
    ) STRICT, WITHOUT ROWID`,
    // When it was last taken over from another state file, and when the attempts that were made there were
    // last looked for.
    "ALTER TABLE workflows ADD COLUMN followed TEXT",
    "ALTER TABLE workflows ADD COLUMN adopted TEXT",
  ],
  [
    // Combinations that no version writes: a job whose status is no word of this tool's waits for a person;
    // one that goes on is looked at; nothing is removed or run that was not decided.
    `UPDATE jobs SET status = 'STALLED_HELD' WHERE status NOT IN
      ('NOT_SUBMITTED', 'QUEUED', 'RUNNING', 'COMPLETED', 'ERROR', 'STALLED', 'ERROR_HELD', 'STALLED_HELD', 'CANCELLED', 'DELETED', 'DELETED_REPLICA')`,
    "UPDATE jobs SET settled = 0 WHERE settled <> 0 AND (settled <> 1 OR status IN ('NOT_SUBMITTED', 'QUEUED', 'RUNNING'))",
    "UPDATE jobs SET settled = 1 WHERE settled = 0 AND status IN ('ERROR_HELD', 'STALLED_HELD')",
    `UPDATE jobs SET removal = NULL WHERE removal NOT IN ('ERROR', 'DELETED', 'DELETED_REPLICA', 'NOT_SUBMITTED')
      OR (removal = 'NOT_SUBMITTED' AND (status IN ('QUEUED', 'RUNNING') OR (status = 'NOT_SUBMITTED' AND due <> 1)))`,
    // The one stage that a job is in. It is made from the columns that older versions write, since a process
    // of one may have the file open; what means nothing in a stage may stand in them.
    `ALTER TABLE jobs ADD COLUMN stage TEXT GENERATED ALWAYS AS (CASE
      WHEN status = 'NOT_SUBMITTED' AND settled = 0 THEN CASE
        WHEN removal IS NULL THEN iif(due = 1, 'due', 'written')
        WHEN removal IN ('ERROR', 'DELETED', 'DELETED_REPLICA') THEN 'removing'
        WHEN removal = 'NOT_SUBMITTED' AND due = 1 THEN 'clearing' END
      WHEN status IN ('QUEUED', 'RUNNING') AND settled = 0 THEN CASE
        WHEN removal IS NULL THEN 'active'
        WHEN removal IN ('ERROR', 'DELETED', 'DELETED_REPLICA') THEN 'removing' END
      WHEN removal NOT IN ('ERROR', 'DELETED', 'DELETED_REPLICA', 'NOT_SUBMITTED') THEN NULL
      WHEN status IN ('ERROR_HELD', 'STALLED_HELD') AND settled = 1 THEN 'held'
      WHEN status IN ('COMPLETED', 'ERROR', 'STALLED', 'CANCELLED', 'DELETED', 'DELETED_REPLICA') THEN
        CASE settled WHEN 0 THEN 'ended' WHEN 1 THEN 'over' END
    END) VIRTUAL CONSTRAINT stage_exists CHECK (stage IS NOT NULL)`,
    // Jobs with which something is still to be done.
    "CREATE INDEX jobs_unfinished ON jobs (workflow) WHERE stage <> 'over'",
    "DROP INDEX jobs_unsettled",
    "DROP INDEX jobs_held",
  ],
  [
    // Whether a reader was given the result: those of older versions may have been. And the last exit code of
    // the job itself, whatever GASW's is.
    "ALTER TABLE results ADD COLUMN told INTEGER NOT NULL DEFAULT 1",
    "ALTER TABLE results ADD COLUMN own_exit_code INTEGER",
    // Jobs that were held, or released from that, for the readers of the results: in one order with these, by
    // cursors of that table's sequence. Written by triggers, so in the transaction of the change itself,
    // whichever version makes it.
    `CREATE TABLE hold_events (
      cursor INTEGER PRIMARY KEY,
      workflow INTEGER NOT NULL REFERENCES workflows (key),
      job INTEGER NOT NULL REFERENCES jobs (key) ON DELETE CASCADE,
      kind TEXT NOT NULL CHECK (kind IN ('held', 'released')),
      status TEXT NOT NULL,
      reason TEXT,
      message TEXT,
      exit_code INTEGER,
      ended TEXT
    ) STRICT`,
    "CREATE INDEX hold_events_job ON hold_events (job)",
    `INSERT INTO sqlite_sequence (name, seq) SELECT 'results', 0
      WHERE NOT EXISTS (SELECT 1 FROM sqlite_sequence WHERE name = 'results')`,
    // What is held already, too.
    `INSERT INTO hold_events (cursor, workflow, job, kind, status, reason, message, exit_code, ended)
      SELECT (SELECT seq FROM sqlite_sequence WHERE name = 'results') + row_number() OVER (ORDER BY ended, key),
        workflow, key, 'held', status, reason, message, exit_code, ended
      FROM jobs WHERE status IN ('ERROR_HELD', 'STALLED_HELD')`,
    `UPDATE sqlite_sequence SET seq = max(seq, (SELECT coalesce(max(cursor), 0) FROM hold_events))
      WHERE name = 'results'`,
    `CREATE TRIGGER jobs_made_held AFTER INSERT ON jobs WHEN NEW.status IN ('ERROR_HELD', 'STALLED_HELD') BEGIN
      UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = 'results';
      INSERT INTO hold_events (cursor, workflow, job, kind, status, reason, message, exit_code, ended)
        SELECT seq, NEW.workflow, NEW.key, 'held', NEW.status, NEW.reason, NEW.message, NEW.exit_code, NEW.ended
        FROM sqlite_sequence WHERE name = 'results';
    END`,
    `CREATE TRIGGER jobs_held AFTER UPDATE OF status ON jobs WHEN NEW.status IN ('ERROR_HELD', 'STALLED_HELD') AND OLD.status NOT IN ('ERROR_HELD', 'STALLED_HELD') BEGIN
      UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = 'results';
      INSERT INTO hold_events (cursor, workflow, job, kind, status, reason, message, exit_code, ended)
        SELECT seq, NEW.workflow, NEW.key, 'held', NEW.status, NEW.reason, NEW.message, NEW.exit_code, NEW.ended
        FROM sqlite_sequence WHERE name = 'results';
    END`,
    // One that was given up instead, or has completed after all, has a result.
    `CREATE TRIGGER jobs_released AFTER UPDATE OF status ON jobs WHEN OLD.status IN ('ERROR_HELD', 'STALLED_HELD')
      AND NEW.status IN ('NOT_SUBMITTED', 'QUEUED', 'RUNNING', 'ERROR', 'STALLED') BEGIN
      UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = 'results';
      INSERT INTO hold_events (cursor, workflow, job, kind, status, reason, message, exit_code, ended)
        SELECT seq, NEW.workflow, NEW.key, 'released', NEW.status, NEW.reason, NEW.message, NEW.exit_code, NEW.ended
        FROM sqlite_sequence WHERE name = 'results';
    END`,
    // An invocation that goes on after all, as a new attempt or as one that runs again, is not over: a result
    // that nobody was given yet goes, and a failure that was told may be followed by another result.
    `CREATE TRIGGER jobs_go_on AFTER UPDATE OF status ON jobs WHEN OLD.status NOT IN ('NOT_SUBMITTED', 'QUEUED', 'RUNNING')
      AND NEW.status IN ('NOT_SUBMITTED', 'QUEUED', 'RUNNING') BEGIN
      DELETE FROM results WHERE workflow = NEW.workflow AND file_name = NEW.file_name
        AND status <> 'COMPLETED' AND (told = 0 OR status IN ('ERROR', 'STALLED'));
    END`,
    `CREATE TRIGGER jobs_resubmitted AFTER INSERT ON jobs WHEN NEW.attempt > 0 AND NEW.status IN ('NOT_SUBMITTED', 'QUEUED', 'RUNNING') BEGIN
      DELETE FROM results WHERE workflow = NEW.workflow AND file_name = NEW.file_name
        AND status <> 'COMPLETED' AND (told = 0 OR status IN ('ERROR', 'STALLED'));
    END`,
  ],
];
