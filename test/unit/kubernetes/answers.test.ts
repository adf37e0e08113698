import { describe, expect, test } from "vitest";
import { readAnswer, readList } from "../../../src/kubernetes/answers.ts";

const asked = (path: string, method = "GET") => ({ method, path, server: "https://k8s:6443" });
const JOBS = "/apis/batch/v1/namespaces/n/jobs";

describe("a success that is not what was asked for is from no API server", () => {
  test.each([
    ["a page", JOBS, "<html>", "the response is not JSON"],
    ["nothing", JOBS, "", "the response is not JSON"],
    ["a text", JOBS, '"login"', "the response is not an object"],
    ["a list of another program", JOBS, "[]", "the response is not an object"],
    ["null", JOBS, "null", "the response is not an object"],
    ["a login page's JSON", JOBS, '{"error":"login_required"}', "the response is not a Kubernetes object"],
    ["a login page's JSON for an object", `${JOBS}/x`, '{"url":"/login"}', "the response is not a Kubernetes object"],
    ["items that are no list", JOBS, '{"kind":"JobList","items":{"a":1}}', "the response's items are not a list"],
    ["a list of something else", JOBS, '{"kind":"PodList","metadata":{},"items":[]}', 'the response is of the kind "PodList"'],
    ["an object of something else", `${JOBS}/x`, '{"kind":"Pod","metadata":{}}', 'the response is of the kind "Pod"'],
    ["a Status", `${JOBS}/x`, '{"kind":"Status","metadata":{}}', 'the response is of the kind "Status"'],
    ["a kind that is no text", `${JOBS}/x`, '{"kind":1,"metadata":{}}', "the response is of the kind 1"],
  ])("%s", (_, path, text, why) => {
    expect(() => readAnswer(text, asked(path))).toThrow(
      expect.objectContaining({
        code: "CLUSTER",
        message: `the cluster https://k8s:6443 returned an invalid response (GET ${path}: ${why})`,
        hint: expect.stringContaining("not from an API server"),
      }),
    );
  });

  test("an object where a list was asked for", () => {
    expect(() => readList({ kind: "Job", metadata: {} }, asked(JOBS))).toThrow(/the response is not a list/);
  });
});

describe("is what was asked for", () => {
  test.each([
    ["a list", JOBS, '{"kind":"JobList","metadata":{},"items":[]}'],
    ["a list that does not say of what", JOBS, '{"kind":"List","items":[]}'],
    ["an object", `${JOBS}/x`, '{"kind":"Job","metadata":{"name":"x"}}'],
    ["an object of a kind that has namespaces' name", "/api/v1/namespaces/n", '{"kind":"Namespace","metadata":{}}'],
    ["an object of the whole cluster", "/api/v1/nodes/x", '{"kind":"Node","metadata":{}}'],
  ])("%s", (_, path, text) => {
    expect(readAnswer(text, asked(path))).toEqual(JSON.parse(text));
  });

  test("whatever a deletion answers", () => {
    expect(readAnswer('{"kind":"Status"}', asked(`${JOBS}/x`, "DELETE"))).toEqual({ kind: "Status" });
  });

  test.each([['{"kind":"JobList","metadata":{},"items":null}'], ['{"kind":"JobList","metadata":{}}']])("an empty list: %s", (text) => {
    expect(readList(readAnswer(text, asked(JOBS)), asked(JOBS)).items).toEqual([]);
  });
});
