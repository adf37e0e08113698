import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { lastSection } from "../../../src/core/output/lastSection.ts";
import { explain } from "../../../src/core/why/why.ts";
import { event, facts, kubeJob, node, pod, waiting } from "./facts.ts";

/** What kubelets, runtimes, registries and shells really say. */
function words<T>(file: string): (T & { readonly from: string })[] {
  return JSON.parse(readFileSync(path.join(import.meta.dirname, "../../fixtures/words", file), "utf8"));
}

const onNode = pod({ nodeName: "n1" });

describe("what a runtime says of an image", () => {
  test.each(words<{ words: string; cause: string }>("pulls.json"))("$from", ({ words: said, cause }) => {
    const events = [event("Pod", "Failed", said)];
    expect(explain(waiting("ErrImagePull", said.slice(0, 120), { pod: onNode, events })).cause).toBe(cause);
  });
});

describe("what bash says of a script", () => {
  test.each(words<{ exitCode: number; lines: string[]; cause: string }>("scripts.json"))("$from", ({ exitCode, lines, cause }) => {
    const answer = explain(facts({ status: "ERROR", reason: "Error", exitCode }, { kubeJob: kubeJob(), lastWords: lines }));
    expect(answer.cause).toBe(cause);
    expect(answer.evidence?.some((line) => lines.includes(line))).toBe(true);
  });

  test("where it cannot open the output files, which no output tells", () => {
    const state = { status: "ERROR", reason: "Error", exitCode: 7 } as const;
    const message = "gasw-k8s: line 42: ./out/Job-1.sh.out: Permission denied";
    expect(explain(facts(state, { isSilent: true })).sentence).toMatch(/^could not begin, because its output files could not be opened$/);
    expect(explain(facts({ ...state, message }, { isSilent: true })).sentence).toMatch(/: its user may not write there$/);
    expect(explain(facts(state, { lastWords: ["x"] })).cause).toBe("exit-code");
  });
});

describe("what a kubelet says of a volume", () => {
  test.each(words<{ events: string[]; remedy: string }>("mounts.json"))("$from", ({ events, remedy }) => {
    const seen = { phase: "waiting", reason: "ContainerCreating", message: "", node: "n1" } as const;
    const shown = { pod: onNode, seen, events: events.map((said) => event("Pod", "FailedMount", said)) };
    const answer = explain(waiting("ContainerCreating", "", shown));
    expect([answer.cause, answer.remedy]).toEqual(["volume-mount", expect.stringContaining(remedy)]);
  });

  test("is told of a job that was given up for it, too, when the events are gone", () => {
    const message = "mount.nfs: access denied by server while mounting nfs.example.org:/export/wf";
    const answer = explain(facts({ status: "ERROR", reason: "FailedMount", message, node: "n1" }));
    expect(answer).toMatchObject({
      cause: "volume-mount",
      sentence: expect.stringMatching(/^was given up on node n1, which cannot mount/),
    });
    expect(answer.remedy).toContain("exports of the NFS server");
    const sandbox = explain(facts({ status: "ERROR", reason: "FailedCreatePodSandBox", message: "no network" }));
    expect(sandbox).toMatchObject({ cause: "sandbox", sentence: expect.stringContaining("no network") });
    const unschedulable = explain(
      facts({ status: "ERROR", reason: "Unschedulable", message: "0/1 nodes are available: 1 Insufficient cpu." }),
    );
    expect(unschedulable).toMatchObject({ cause: "no-room-in-time", remedy: expect.stringContaining("pending.Unschedulable") });
  });
});

describe("a stage of GASW's is claimed only where the output shows it", () => {
  const failed = (exitCode: number, ...lines: string[]) =>
    explain(facts({ status: "ERROR", reason: "Error", exitCode }, { kubeJob: kubeJob(), lastSection: lastSection(lines) })).sentence;

  test.each([
    [40, ["<inputs_download>"], /^failed with exit code 40 while downloading its inputs: a download failed \(ERROR_DL\)/],
    [
      3,
      ["<inputs_download>", "</inputs_download>", "<application_execution>"],
      /^failed with exit code 3; in GASW's scripts this code means: a file was not found \(ERROR_FILE_NOT_FOUND\)$/,
    ],
    [1, [], /^failed with exit code 1; in GASW's scripts this code means: .*\(ERROR_READ_GRID\)$/],
    [32, ["</application_execution>", "<results_upload>"], /while uploading its results/],
    [77, [], /^failed with exit code 77, the script's own exit code$/],
  ])("exit code %i after %j", (exitCode, lines, sentence) => {
    expect(failed(exitCode, ...lines)).toMatch(sentence);
  });
});

describe("taints that the scheduler does not name", () => {
  const message = "0/2 nodes are available: 2 node(s) had untolerated taint(s). preemption: 0/2 nodes are available.";
  const tainted = (...taints: object[]) => ({ ...node({ cpu: "4" }), spec: { taints } }) as ReturnType<typeof node>;
  const answer = (nodes: ReturnType<typeof node>[], tolerations: object[] = []) =>
    explain(waiting("Unschedulable", message, { nodes, kubeJob: kubeJob({ tolerations }) })).sentence;
  const gpu = { key: "gpu", value: "yes", effect: "NoSchedule" };

  test("are read from the nodes", () => {
    expect(answer([tainted(gpu), tainted({ key: "node.kubernetes.io/not-ready", effect: "NoExecute" })])).toContain(
      "2 nodes have an untolerated taint (gpu=yes:NoSchedule, node.kubernetes.io/not-ready:NoExecute)",
    );
  });

  test.each([[{ operator: "Exists" }], [{ key: "gpu", operator: "Exists" }], [{ key: "gpu", value: "yes", effect: "NoSchedule" }]])(
    "are not told of where the job tolerates them: %j",
    (toleration) => {
      const other = { key: "other", effect: "NoSchedule" };
      const said = answer([tainted(gpu), tainted(gpu, other)], [toleration]);
      if ("key" in toleration) expect(said).toContain("1 node has an untolerated taint (other:NoSchedule)");
      expect(said).not.toContain("gpu=yes");
    },
  );

  test("nor where they only put the scheduler off", () => {
    expect(answer([tainted({ ...gpu, effect: "PreferNoSchedule" }), tainted(gpu)])).toContain(
      "1 node has an untolerated taint (gpu=yes:NoSchedule)",
    );
  });
});

test("an attempt that waits for its turn is told of as that, and a command names its invocation", () => {
  const job = { id: "Job-1-r1", fileName: "Job-1", namespace: "ns", directory: "/w/wf" };
  expect(explain(facts({ status: "NOT_SUBMITTED", isDue: true }, { job }))).toMatchObject({
    cause: "due",
    remedy: expect.stringContaining("status --sync"),
  });
  expect(explain(facts({ status: "NOT_SUBMITTED" }, { job })).remedy).toContain("`gasw-k8s retry Job-1`");
});

test("a time limit that ended a job before it is known to have begun is told as counted from its pod", () => {
  const { sentence } = explain(facts({ status: "ERROR", reason: "DeadlineExceeded" }, { kubeJob: kubeJob({ activeDeadlineSeconds: 90 }) }));
  expect(sentence).toMatch(/^was stopped by its time limit of 1 min 30 s \(DeadlineExceeded\), which counts from its pod's assignment/);
});

test("what the account may not read is said beside the answer", () => {
  const { evidence } = explain(
    facts({ status: "COMPLETED", exitCode: 0 }, { unseen: ["claims, events (this account may not read them)"] }),
  );
  expect(evidence).toEqual(["not seen: claims, events (this account may not read them)"]);
});
