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
    expect(error.message).toContain(`rejected the request because of ${by} (POST /jobs: `);
    expect(error.hint).toMatch(/^change the setting that the (policy|webhook) names/);
    expect(error.notPermitted).toBe(false);
  });

  test("403 without permission asks for it, whatever the object is called", () => {
    const error = told(
      403,
      'pods is forbidden: User "violates PodSecurity "x"" cannot create resource "pods" in API group "" in the namespace "ns"',
    );
    expect(error.message).toContain("forbids the request");
    expect(error.hint).toContain("deploy/rbac.yaml");
    expect(error.notPermitted).toBe(true);
  });
});
