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
});
