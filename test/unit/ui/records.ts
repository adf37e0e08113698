import type { JobRecord } from "../../../src/ui/jobs.ts";

/** A job that waits, but for what is given. */
export const record = (more: Partial<JobRecord>): JobRecord => ({
  id: "Job-1",
  attemptId: "Job-1",
  attempt: 0,
  invocationId: null,
  workflow: "workflow-1",
  namespace: "gasw",
  directory: "/workflows/workflow-1",
  kubernetesName: "workflow-1-job-1-0123456789",
  status: "QUEUED",
  daoStatus: null,
  reason: null,
  message: null,
  exitCode: null,
  pod: null,
  node: null,
  created: "2026-01-02T03:00:00.000Z",
  submitted: null,
  started: null,
  ended: null,
  observed: null,
  ...more,
});
