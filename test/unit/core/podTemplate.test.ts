import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { jobFiles } from "../../../src/core/gasw/files.ts";
import { homeFolder } from "../../../src/core/manifests/home.ts";
import { basePodSpec } from "../../../src/core/manifests/pod.ts";
import { effectiveRunAs } from "../../../src/core/manifests/security.ts";
import { jobName } from "../../../src/core/names.ts";
import { build, expand, OWNER, SETTINGS, WORKFLOW } from "./samples.ts";

describe("the Job of a submission", () => {
  test("is made once, runs once, and goes after its time to live", () => {
    const { job, pod } = build();
    expect(job.spec).toMatchObject({
      backoffLimit: 0,
      completions: 1,
      parallelism: 1,
      podReplacementPolicy: "Failed",
      ttlSecondsAfterFinished: 500,
    });
    expect(pod.restartPolicy).toBe("Never");
    expect(job.metadata).toMatchObject({ name: jobName("gasw", WORKFLOW.id, "Job-1"), namespace: "gasw" });
  });

  test("tells its workflow, its directory and its content, in the pod too", () => {
    const { job } = build();
    expect(job.metadata?.annotations).toMatchObject({
      "gasw-k8s.io/workflow": WORKFLOW.id,
      "gasw-k8s.io/job": "Job-1",
      "gasw-k8s.io/content": "c0ffee",
      "gasw-k8s.io/directory": WORKFLOW.directory,
    });
    expect(job.spec?.template.metadata?.annotations).toMatchObject({ "gasw-k8s.io/job": "Job-1" });
    expect(job.spec?.template.metadata?.labels).toMatchObject({ "app.kubernetes.io/managed-by": "gasw-k8s" });
  });

  test("carries the configured labels and annotations, which cannot take the place of its identity", () => {
    const { job } = build({
      labels: { team: "vip", "app.kubernetes.io/managed-by": "someone" },
      annotations: { note: "hello", "gasw-k8s.io/job": "another" },
    });
    for (const metadata of [job.metadata, job.spec?.template.metadata]) {
      expect(metadata?.labels).toMatchObject({ team: "vip", "app.kubernetes.io/managed-by": "gasw-k8s" });
      expect(metadata?.annotations).toMatchObject({ note: "hello", "gasw-k8s.io/job": "Job-1" });
    }
  });

  test("names the Kueue queue, the request's before the configured one", () => {
    const queue = "kueue.x-k8s.io/queue-name";
    expect(build().job.metadata?.labels).not.toHaveProperty([queue]);
    expect(build({ queue: "small" }).job.metadata?.labels).toHaveProperty([queue], "small");
    expect(build({ queue: "small" }, { queue: "large" }).job.metadata?.labels).toHaveProperty([queue], "large");
  });
});

describe("the pod", () => {
  test("satisfies the restricted Pod Security Standard as the directory's owner", () => {
    const { pod, main } = build();
    expect(pod.securityContext).toEqual({
      runAsNonRoot: true,
      runAsUser: OWNER.uid,
      runAsGroup: OWNER.gid,
      seccompProfile: { type: "RuntimeDefault" },
    });
    expect(main.securityContext).toEqual({ allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } });
  });

  test("has no token of the service account and no variables of services", () => {
    expect(build().pod).toMatchObject({ automountServiceAccountToken: false, enableServiceLinks: false });
  });

  test.each([
    ["another user", { runAsUser: 7, runAsGroup: 8 }, { runAsUser: 7, runAsGroup: 8, runAsNonRoot: true }, {}],
    ["root, where it is configured", { runAsUser: 0 }, { runAsUser: 0, runAsNonRoot: false }, {}],
    ["groups of its files", { fsGroup: 9, supplementalGroups: [10] }, { fsGroup: 9, supplementalGroups: [10] }, {}],
    [
      "capabilities",
      { capabilities: { add: ["SYS_PTRACE"] } },
      {},
      { capabilities: { add: ["SYS_PTRACE"] }, allowPrivilegeEscalation: false },
    ],
    ["a read-only root", { readOnlyRootFilesystem: true }, {}, { readOnlyRootFilesystem: true }],
  ])("may have %s", (_, securityContext, podPart, containerPart) => {
    const { pod, main } = build({ securityContext });
    expect(pod.securityContext).toMatchObject(podPart);
    expect(main.securityContext).toMatchObject(containerPart);
  });

  test("is privileged only where that is configured, and then drops nothing", () => {
    const { pod, main } = build({ securityContext: { privileged: true } });
    expect(main.securityContext).toEqual({ privileged: true });
    expect(pod.securityContext).toMatchObject({ seccompProfile: { type: "Unconfined" } });
  });

  test("mounts the claims, read-only where they are", () => {
    const { pod, main } = build();
    expect(pod.volumes).toEqual([
      { name: "workflow", persistentVolumeClaim: { claimName: "workflow-claim", readOnly: false } },
      { name: "volume-1", persistentVolumeClaim: { claimName: "shareddata-claim", readOnly: true } },
      { name: "gasw-k8s-home", emptyDir: { sizeLimit: "1Gi" } },
    ]);
    expect(main.volumeMounts).toEqual([
      { name: "workflow", mountPath: WORKFLOW.directory, readOnly: false },
      { name: "volume-1", mountPath: "/shared", subPath: "atlas", readOnly: true },
      { name: "gasw-k8s-home", mountPath: "/gasw-k8s-home" },
    ]);
    expect(main.workingDir).toBe(WORKFLOW.directory);
  });

  test("is placed, and its images are pulled, as configured", () => {
    const tolerations = [{ key: "gpu", operator: "Exists" }];
    const { pod, main } = build({
      nodeSelector: { disk: "ssd" },
      tolerations,
      imagePullSecrets: ["registry"],
      imagePullPolicy: "Always",
      priorityClassName: "high",
      serviceAccountName: "jobs",
    });
    expect(pod).toMatchObject({
      nodeSelector: { disk: "ssd" },
      tolerations,
      imagePullSecrets: [{ name: "registry" }],
      priorityClassName: "high",
      serviceAccountName: "jobs",
    });
    expect(main.imagePullPolicy).toBe("Always");
  });

  test("has its own time to clean up where that is set, and the cluster's else", () => {
    expect(build({ terminationGracePeriodSeconds: 120 }).pod.terminationGracePeriodSeconds).toBe(120);
    expect(build().pod).not.toHaveProperty("terminationGracePeriodSeconds");
    expect(basePodSpec({ ...SETTINGS, terminationGracePeriodSeconds: 120 }, [], OWNER)).not.toHaveProperty("terminationGracePeriodSeconds");
  });

  test("has the time limit itself, so that waiting for room does not count", () => {
    expect(build({ timeout: 60 }, { timeout: 30 }).pod.activeDeadlineSeconds).toBe(30);
    expect(build({ timeout: 60 }).pod.activeDeadlineSeconds).toBe(60);
    expect(build({ timeout: 60 }).job.spec).not.toHaveProperty("activeDeadlineSeconds");
    expect(build().pod).not.toHaveProperty("activeDeadlineSeconds");
  });

  test.each([
    [{}, { requests: {}, limits: {} }],
    [{ cpu: "500m" }, { requests: { cpu: "500m" }, limits: {} }],
    [{ memory: "2Gi" }, { requests: { memory: "2Gi" }, limits: { memory: "2Gi" } }],
    [{ gpu: 2 }, { requests: { "nvidia.com/gpu": "2" }, limits: { "nvidia.com/gpu": "2" } }],
    [{ gpu: 0 }, { requests: {}, limits: {} }],
  ])("with the resources %j asks for %j", (resources, wanted) => {
    expect(build({ resources }).main.resources).toEqual(wanted);
    expect(build({}, resources).main.resources).toEqual(wanted);
  });

  test("takes what the request states and the configuration for the rest", () => {
    const { main } = build(
      { image: "configured", resources: { cpu: "1", memory: "1Gi" }, env: { A: "1", B: "1" } },
      { image: "requested", cpu: "2", env: { B: "2" } },
    );
    expect(main.image).toBe("requested");
    expect(main.resources?.requests).toEqual({ cpu: "2", memory: "1Gi" });
    expect(main.env).toEqual([
      { name: "A", value: "1" },
      { name: "B", value: "2" },
      { name: "GASW_K8S_POD_UID", valueFrom: { fieldRef: { fieldPath: "metadata.uid" } } },
    ]);
  });
});

describe("a folder for HOME", () => {
  const homeOf = ({ pod, main }: ReturnType<typeof build>) => [
    main.volumeMounts?.find(({ name }) => name === "gasw-k8s-home")?.mountPath,
    main.command?.at(-2),
    pod.volumes?.filter(({ name }) => name === "gasw-k8s-home").length,
  ];

  test("is a volume of the pod, of which the wrapper is told", () => {
    expect(homeOf(build())).toEqual(["/gasw-k8s-home", "/gasw-k8s-home", 1]);
  });

  test("is not made where the job has a HOME of its own, by the configuration or by the request", () => {
    expect(homeOf(build({ env: { HOME: "/data" } }))).toEqual([undefined, "", 0]);
    expect(homeOf(build({}, { env: { HOME: "/data" } }))).toEqual([undefined, "", 0]);
  });

  test.each([["/gasw-k8s-home"], ["/gasw-k8s-home/data"]])("gives way to a volume at %s", (mountPath) => {
    const mounts = [{ name: "own", claim: "own", mountPath, readOnly: false }];
    expect(homeFolder(SETTINGS, mounts)).toBe("/gasw-k8s-home-");
  });
});

describe("further containers", () => {
  const proxy = { name: "proxy", image: "proxy:1" };
  const fetch = { name: "fetch", image: "fetch:1", command: ["sh", "-c", "echo $(HOME)"] };

  test("are native sidecars, started before the init containers that may need them", () => {
    const { pod } = build({ sidecars: [proxy], initContainers: [fetch] });
    expect(pod.initContainers?.map(({ name, restartPolicy }) => [name, restartPolicy])).toEqual([
      ["proxy", "Always"],
      ["fetch", undefined],
    ]);
    expect(pod.containers).toHaveLength(1);
  });

  test("get the job's mounts and security settings, and keep what they state themselves", () => {
    const own = { name: "workflow", mountPath: "/shared", subPath: "mine" };
    const { pod, main } = build({ initContainers: [fetch, { ...fetch, securityContext: { privileged: true }, volumeMounts: [own] }] });
    const [plain, special] = pod.initContainers ?? [];
    expect(plain).toEqual({ ...fetch, securityContext: main.securityContext, volumeMounts: main.volumeMounts?.slice(0, 2) });
    expect(special?.securityContext).toEqual({ privileged: true });
    expect(special?.volumeMounts).toEqual([own, main.volumeMounts?.[0]]);
  });
});

describe("texts that reach the container", () => {
  const tricky = fc.string({ unit: fc.constantFrom("$", "(", ")", "A", " ", "'", '"', "`", "\n", "\\", "{", "}"), maxLength: 40 });
  const variables = { A: "expanded", AA: "expanded", "": "expanded", HOME: "expanded" };

  test("are what Kubernetes expands to, according to its own examples", () => {
    expect(expand("$(A) $(B) $$(A) $$$(A) $A $", { A: "x" })).toBe("x $(B) $(A) $x $A $");
  });

  test("come back as they are, in arguments and in the environment", () => {
    fc.assert(
      fc.property(tricky, tricky, (jobId, value) => {
        const { main } = build({}, { env: { VALUE: value } }, jobId);
        const files = jobFiles(jobId);
        expect(main.command?.slice(-6, -3).map((text) => expand(text, variables))).toEqual([files.out, files.err, files.script]);
        expect(expand(main.env?.[0]?.value ?? "", variables)).toBe(value);
      }),
    );
  });

  test("are never part of the shell's code", () => {
    const [bash, flag, code] = build().main.command ?? [];
    fc.assert(
      fc.property(tricky, (jobId) => {
        expect(build({}, {}, jobId).main.command?.slice(0, 3)).toEqual([bash, flag, code]);
      }),
    );
  });
});

test("the pod's user is the configured one, else the owner, each of the two ids for itself", () => {
  expect(effectiveRunAs({}, OWNER)).toEqual(OWNER);
  expect(effectiveRunAs({ runAsUser: 7 }, OWNER)).toEqual({ uid: 7, gid: OWNER.gid });
  expect(effectiveRunAs({ runAsUser: 0, runAsGroup: 0 }, OWNER)).toEqual({ uid: 0, gid: 0 });
});

test("building leaves the settings as they were", () => {
  const frozen = JSON.stringify(SETTINGS);
  build({}, { env: { A: "1" }, image: "other" });
  expect(JSON.stringify(SETTINGS)).toBe(frozen);
});
