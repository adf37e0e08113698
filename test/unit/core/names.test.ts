import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  identityMetadata,
  isLabelValue,
  jobName,
  KEYS,
  selector,
  sharedVolumeNames,
  workflowHash,
  workflowVolumeNames,
} from "../../../src/core/names.ts";

/** DNS label (RFC 1123, section 2.1, and Kubernetes' "Object Names and IDs"). */
const DNS_LABEL = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/;
/** DNS label that begins with a letter (RFC 1035): legal wherever Kubernetes wants a name. */
const DNS_LABEL_1035 = /^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$/;

const anyText = fc.oneof(
  fc.string({ unit: "binary", maxLength: 300 }),
  fc.string({ unit: fc.constantFrom("a", "B", "7", "-", "_", ".", " ", "é", "/"), maxLength: 300 }),
);
const identity = fc.tuple(anyText, anyText, anyText);

describe("names in the cluster", () => {
  test("are legal for any namespace, workflow and job", () => {
    fc.assert(
      fc.property(identity, ([namespace, workflow, job]) => {
        const volumes = [workflowVolumeNames(namespace, workflow), sharedVolumeNames(namespace, job)];
        expect(jobName(namespace, workflow, job)).toMatch(DNS_LABEL_1035);
        for (const { persistentVolume, claim } of volumes) {
          expect(persistentVolume).toMatch(DNS_LABEL_1035);
          expect(claim).toMatch(DNS_LABEL);
        }
        expect(isLabelValue(workflowHash(namespace, workflow))).toBe(true);
      }),
    );
  });

  test("are distinct for distinct namespace, workflow and job, wherever the parts meet", () => {
    fc.assert(
      fc.property(identity, identity, (one, other) => {
        const same = JSON.stringify(one) === JSON.stringify(other);
        expect(jobName(...one) === jobName(...other)).toBe(same);
      }),
    );
    const cuts = ["a", "ab", "abc", "abcd"].map((workflow) => jobName("n", workflow, "abcde".slice(workflow.length)));
    expect(new Set(cuts).size).toBe(cuts.length);
  });

  test("never collide for jobs that differ only in case or punctuation, however long", () => {
    const letter = fc.constantFrom("a", "A", "-", "_", ".", " ", "--");
    const variants = fc.uniqueArray(
      fc.array(letter, { minLength: 1, maxLength: 8 }).map((parts) => parts.join("")),
      { minLength: 2 },
    );
    fc.assert(
      fc.property(variants, fc.nat(80), (jobs, length) => {
        const names = jobs.map((job) => jobName("default", "workflow", `${"x".repeat(length)}${job}`));
        expect(new Set(names).size).toBe(jobs.length);
        expect(new Set(jobs.map((id) => workflowVolumeNames("default", id).claim)).size).toBe(jobs.length);
      }),
    );
  });

  // Names must never change between versions: objects made by an older one would be made a second time.
  test.each<[readonly [string, string, string], string]>([
    [["default", "workflow-gENTZc", "Basic_Grep.2-360261301594475"], "workflow-gentzc-basic-grep-2-360261301594475-ekm8dbofja"],
    [["gasw", "workflow-abc123", "Job-1"], "workflow-abc123-job-1-3p5qcz4ka8"],
    [["default", "1-starts-with-a-digit", "Job-1"], "j-1-starts-with-a-digit-job-1-dry9ou4v9n"],
    [["default", "___", "..."], "j-bmo56roxx6"],
    [["default", "w".repeat(300), "Job-1"], "wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww-lqz8ttmafv"],
  ])("job %j is called %s in every version", (parts, name) => expect(jobName(...parts)).toBe(name));

  test.each([
    ["workflow-gENTZc", "workflow-gentzc-qj4dxbiqsa"],
    ["w".repeat(300), "wwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwwww-vmcin2e8y9"],
    ["été_2024", "t-2024-hwe1vhfsg7"],
  ])("the volume of workflow %s is called %s in every version", (id, name) => {
    expect(workflowVolumeNames("default", id)).toEqual({ persistentVolume: name, claim: `${name}-claim` });
  });

  test("the objects of a workflow are listed by the same hash in every version", () => {
    expect(workflowHash("default", "workflow-gENTZc")).toBe("qj4dxbiqsa");
  });

  test("keep workflow and job readable as far as there is room", () => {
    expect(jobName("default", "workflow-gENTZc", "BasicGrep-360261301594475")).toMatch(
      /^workflow-gentzc-basicgrep-360261301594475-[0-9a-z]{10}$/,
    );
    expect(jobName("default", "workflow-gENTZc", "x".repeat(200))).toMatch(/^workflow-gentzc-x{36}-[0-9a-z]{10}$/);
  });
});

describe("the claim of a configured volume", () => {
  test.each([
    ["SharedData", "shareddata-claim"],
    ["shared-data", "shared-data-claim"],
    ["x".repeat(57), `${"x".repeat(57)}-claim`],
    ["7", "7-claim"],
  ])("of the legal name %s is %s, as the Java plugin calls it", (name, claim) => {
    expect(sharedVolumeNames("default", name).claim).toBe(claim);
  });

  test.each(["Shared_Data", "-data", "data-", "x".repeat(58), "données", ""])("of %j, which is not legal, ends in a hash", (name) => {
    expect(sharedVolumeNames("default", name).claim).toMatch(/^[a-z][-a-z0-9]*-[0-9a-z]{10}-claim$/);
  });

  test("is bound to a volume of its own in every namespace", () => {
    expect(sharedVolumeNames("one", "SharedData").persistentVolume).not.toBe(sharedVolumeNames("two", "SharedData").persistentVolume);
  });

  test("is called the same in every version", () => {
    expect(sharedVolumeNames("default", "SharedData").persistentVolume).toBe("shareddata-46n1lr62k9");
    expect(sharedVolumeNames("default", "Shared_Data").claim).toBe("shared-data-hzmo2vd90o-claim");
  });
});

describe("the marks on an object", () => {
  const workflow = { id: "workflow-gENTZc", namespace: "default" };

  test("name workflow and job in labels and annotations", () => {
    expect(identityMetadata("job", workflow, "Basic_Grep.2-3")).toEqual({
      labels: {
        "app.kubernetes.io/managed-by": "gasw-k8s",
        "app.kubernetes.io/component": "job",
        "gasw-k8s.io/workflow-hash": workflowHash("default", "workflow-gENTZc"),
        "gasw-k8s.io/workflow": "workflow-gENTZc",
        "gasw-k8s.io/job": "Basic_Grep.2-3",
      },
      annotations: { "gasw-k8s.io/workflow": "workflow-gENTZc", "gasw-k8s.io/job": "Basic_Grep.2-3" },
    });
  });

  test("are legal labels for any ids, and the true ids always stand in the annotations", () => {
    const labelValue = /^(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?$/;
    fc.assert(
      fc.property(anyText, anyText, (id, job) => {
        const { labels, annotations } = identityMetadata("job", { id, namespace: "default" }, job);
        for (const value of Object.values(labels)) {
          expect(value).toMatch(labelValue);
          expect(value.length).toBeLessThanOrEqual(63);
        }
        expect(annotations).toEqual({ [KEYS.workflow]: id, [KEYS.job]: job });
      }),
    );
  });

  test.each([
    ["", true],
    ["a", true],
    ["workflow-gENTZc", true],
    ["a.b_c-d", true],
    ["x".repeat(63), true],
    ["x".repeat(64), false],
    ["-a", false],
    ["a.", false],
    ["a b", false],
    ["a\n", false],
    ["é", false],
  ])("%j may stand in a label: %s", (text, legal) => expect(isLabelValue(text)).toBe(legal));

  test("select what is ours, of one kind, of one workflow", () => {
    expect(selector()).toBe("app.kubernetes.io/managed-by=gasw-k8s");
    expect(selector({ component: "job", workflowHash: "abc" })).toBe(
      "app.kubernetes.io/managed-by=gasw-k8s,app.kubernetes.io/component=job,gasw-k8s.io/workflow-hash=abc",
    );
  });
});
