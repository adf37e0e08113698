import { describe, expect, test } from "vitest";
import { PLACEHOLDERS } from "../../../src/core/why/remedies.ts";
import { explain } from "../../../src/core/why/why.ts";
import { container, facts, kubeJob, node, pod, waiting } from "./facts.ts";

const remedyOf = (...given: Parameters<typeof explain>) => explain(...given).remedy;
const failed = { status: "ERROR", reason: "Error", exitCode: 3 } as const;
const named = (job: object) => facts(failed, { job: { ...facts(failed).job, ...job } });

describe("the command of a remedy", () => {
  test("runs a failed job again, and cancels one that goes on before that", () => {
    expect(remedyOf(facts({ status: "ERROR", reason: "OOMKilled" }, { kubeJob: kubeJob({ containers: [limited("8Gi")] }) }))).toMatch(
      /^give it more memory: `gasw-k8s retry Job-1 --memory 16Gi` /,
    );
    expect(remedyOf(waiting("InvalidImageName", "", { pod: pod({ nodeName: "n1" }) }))).toMatch(
      /^correct the name: `gasw-k8s cancel Job-1 && gasw-k8s retry Job-1 --image NAME` /,
    );
  });

  test("states anew the values of an environment that go with what it cancels", () => {
    const job = { ...facts(failed).job, envNames: ["TOKEN"] };
    expect(remedyOf(waiting("InvalidImageName", "", { job }))).toContain("&& gasw-k8s retry Job-1 --image NAME --env TOKEN=VALUE`");
    expect(remedyOf(facts(failed, { job }))).toContain("`gasw-k8s retry Job-1`");
  });

  test("follows every failure, held or not", () => {
    for (const status of ["ERROR", "STALLED", "ERROR_HELD", "STALLED_HELD"] as const)
      expect(remedyOf(facts({ ...failed, status })), status).toMatch(/`gasw-k8s retry Job-1` runs it again$/);
  });

  test("names the invocation, whichever attempt is explained, and is quoted for a shell", () => {
    expect(remedyOf(named({ id: "Job-1-r1" }))).toContain("`gasw-k8s retry Job-1`");
    expect(remedyOf(named({ fileName: "a b", id: "a b" }))).toContain("`gasw-k8s retry 'a b'`");
    expect(remedyOf(named({ fileName: "-q", id: "-q" }))).toContain("`gasw-k8s retry -- -q`");
    expect(remedyOf(named({ name: "/w/it's/sh/Job-1.sh" }))).toContain("`gasw-k8s retry '/w/it'\\''s/sh/Job-1.sh'`");
  });

  test("asks for what the largest node has, and for a value that somebody has to fill in where no node is known", () => {
    const asks = (nodes: ReturnType<typeof node>[]) =>
      waiting("Unschedulable", "0/1 nodes are available: 1 Insufficient cpu.", {
        kubeJob: kubeJob({ containers: [container({ resources: { requests: { cpu: "100" } } })] }),
        nodes,
      });
    expect(remedyOf(asks([node({ cpu: "4" })]))).toContain("--cpu 3`");
    expect(remedyOf(asks([]))).toContain(`--cpu ${PLACEHOLDERS.amount}\``);
  });
});

function limited(memory: string) {
  return container({ resources: { limits: { memory } } });
}
