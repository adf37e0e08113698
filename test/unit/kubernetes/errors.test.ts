import { describe, expect, test } from "vitest";
import { ApiError } from "../../../src/kubernetes/errors.ts";

const told = (status: number, message: string) =>
  new ApiError({ status, body: { message }, request: "POST /jobs", server: "https://k8s:6443" });

describe("an answer that is not a success", () => {
  test.each([
    [409, "reports a conflict"],
    [410, "no longer has the requested version"],
    [413, "rejected the object as too large"],
  ])("%i is the API server's own word", (status, reason) => {
    const { code, message, hint } = told(status, "words");
    expect({ code, message }).toEqual({ code: "CLUSTER", message: `the cluster https://k8s:6443 ${reason} (POST /jobs: words)` });
    expect(hint).not.toContain("proxy");
  });

  test.each([
    [413, "<html>too large</html>"],
    [418, "words"],
  ])("%i with %j comes from something else", (status, message) => {
    expect(told(status, message).hint).toContain("any proxy in between");
  });

  test.each([
    [
      403,
      "jobs.batch \"x\" is forbidden: ValidatingAdmissionPolicy 'no-latest' with binding 'all' denied request: use a tag",
      "policy no-latest",
    ],
    [400, 'admission webhook "validate.kyverno.svc-fail" denied the request: no tag', "admission webhook validate.kyverno.svc-fail"],
  ])("%i of a policy or a webhook is not told as a lack of permissions", (status, message, by) => {
    const error = told(status, message);
    expect(error.message).toContain(`rejected the request: ${by} does not allow it (POST /jobs: `);
    expect(error.hint).toMatch(/^change the setting that the (policy|webhook) names/);
    expect(error.lacksPermission).toBe(false);
  });

  test("403 without permission asks for it, whatever the object is called", () => {
    const error = told(
      403,
      'pods is forbidden: User "violates PodSecurity "x"" cannot create resource "pods" in API group "" in the namespace "ns"',
    );
    expect(error.message).toContain("forbids the request");
    expect(error.hint).toContain("deploy/rbac.yaml");
    expect(error.lacksPermission).toBe(true);
  });
});

describe("a refusal is told by whoever it is from", () => {
  const forbidden = (by: string) => `pods "x" is forbidden: ${by}`;

  test.each([
    [
      "the account's permissions",
      403,
      'jobs.batch is forbidden: User "e" cannot list resource "jobs" in API group "batch"',
      "forbids the request",
      "grant the permissions",
    ],
    [
      "the account's permissions for a path",
      403,
      'forbidden: User "e" cannot get path "/x"',
      "forbids the request",
      "grant the permissions",
    ],
    ["somebody who does not say who it is", 403, "no", "forbids the request", "ask the administrator who refuses it"],
    [
      "a quota",
      403,
      forbidden("exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1"),
      "quota is exhausted",
      "larger quota",
    ],
    [
      "a quota that wants an amount",
      403,
      forbidden("failed quota: q: must specify memory for: job"),
      "quota q does not allow it",
      "--memory",
    ],
    [
      "a LimitRange",
      403,
      forbidden("maximum cpu usage per Container is 1, but limit is 2"),
      "LimitRange of the namespace (cpu per Container)",
      "--cpu",
    ],
    [
      "a LimitRange of claims",
      403,
      'persistentvolumeclaims "x" is forbidden: maximum storage usage per PersistentVolumeClaim is 1Gi, but request is 2Gi',
      "LimitRange of the namespace (storage per PersistentVolumeClaim)",
      "`capacity`",
    ],
    [
      "Pod Security",
      403,
      forbidden('violates PodSecurity "restricted:latest": x'),
      "Pod Security Standard restricted:latest",
      "securityContext",
    ],
    [
      "a policy",
      422,
      "jobs.batch \"x\" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no",
      "policy p does not allow it",
      "the policy names",
    ],
    ["a webhook", 403, 'admission webhook "w.example.org" denied the request: no', "admission webhook w.example.org", "the webhook names"],
    ["a webhook, by a status of its own", 409, 'admission webhook "w" denied the request: no', "admission webhook w", "the webhook names"],
    [
      "a webhook that does not answer",
      500,
      'Internal error occurred: failed calling webhook "w": context deadline exceeded',
      "cannot ask admission webhook w",
      "the webhook does not answer",
    ],
  ])("%s", (_, status, message, reason, hint) => {
    const error = told(status, message);
    expect(error.message).toContain(reason);
    expect(error.message).toContain(message);
    expect(error.hint).toContain(hint);
    expect(error.lacksPermission).toBe(hint === "grant the permissions");
  });

  test("that a user's name seems to say is none of a permission", () => {
    expect(told(403, 'admission webhook "w" denied the request: User "e" is unknown').lacksPermission).toBe(false);
  });
});
