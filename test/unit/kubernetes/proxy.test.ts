import { describe, expect, test } from "vitest";
import { environmentProxy } from "../../../src/kubernetes/access/proxy.ts";

const PROXY = "http://proxy:3128";

/** Whether NO_PROXY lets the proxy be used for an address; the rules are those of Go's `httpproxy`, which kubectl follows. */
function isProxied(address: string, NO_PROXY: string): boolean {
  return environmentProxy(new URL(address), { HTTPS_PROXY: PROXY, HTTP_PROXY: PROXY, NO_PROXY }) !== undefined;
}

describe("NO_PROXY exempts", () => {
  test.each([
    ["https://10.1.2.3:6443", "10.0.0.0/8"],
    ["https://10.1.2.3", "192.0.2.0/24, 10.1.2.3"],
    ["https://10.1.2.3", "10.1.2.3:443"],
    ["http://10.1.2.3", "10.1.2.3:80"],
    ["https://[fd00::1]:6443", "fd00::/8"],
    ["https://[fd00::1]:6443", "[fd00::1]:6443"],
    ["https://[fd00::1]:6443", "fd00:0::1"],
    ["https://k8s.example.org", "example.org"],
    ["https://k8s.example.org", ".example.org"],
    ["https://k8s.example.org", "*.example.org"],
    ["https://k8s.example.org", "K8S.Example.ORG"],
    ["https://K8S.example.org", "k8s.example.org"],
    ["https://k8s.example.org:6443", "example.org:6443"],
    ["https://k8s.example.org", "other, *"],
    ["https://localhost:6443", ""],
    ["https://127.8.9.10:6443", ""],
    ["https://[::1]:6443", ""],
  ])("%s by %j", (address, list) => {
    expect(isProxied(address, list)).toBe(false);
  });

  test.each([
    ["https://11.1.2.3", "10.0.0.0/8"],
    ["https://10.1.2.3", "10.0.0.0/33"],
    ["https://10.1.2.3", "10.1.2.3:6443"],
    ["https://10.1.2.3", "fd00::/8"],
    ["https://[fd00::1]", "[fd00::1]"],
    ["https://example.org", ".example.org"],
    ["https://myexample.org", "example.org"],
    ["https://k8s.example.org", "example.org:6443"],
    ["https://k8s.example.org", "example.*"],
    ["https://k8s.example.org", ":443"],
    ["https://10.1.2.3", "2.3"],
    ["https://my.localhost", ""],
  ])("%s not by %j", (address, list) => {
    expect(isProxied(address, list)).toBe(true);
  });
});

test.each([
  ["https://k8s", { HTTPS_PROXY: PROXY }, PROXY],
  ["https://k8s", { https_proxy: PROXY }, PROXY],
  ["https://k8s", { HTTPS_PROXY: "", https_proxy: PROXY }, PROXY],
  ["https://k8s", { HTTPS_PROXY: PROXY, https_proxy: "http://other" }, PROXY],
  ["https://k8s", { HTTP_PROXY: PROXY }, undefined],
  ["http://k8s", { HTTP_PROXY: PROXY }, PROXY],
  ["http://k8s", { HTTPS_PROXY: PROXY }, undefined],
  ["https://k8s", { HTTPS_PROXY: "proxy:3128" }, PROXY],
  ["https://k8s", { HTTPS_PROXY: "http://[" }, undefined],
  ["https://k8s", { ALL_PROXY: PROXY }, undefined],
])("the environment's proxy for %s with %j is %s", (address, env, proxy) => {
  expect(environmentProxy(new URL(address), env)).toBe(proxy);
});
