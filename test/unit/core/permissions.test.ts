import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parseAllDocuments } from "yaml";
import { PERMISSIONS, type Permission, resourceText } from "../../../src/core/permissions.ts";

interface Rule {
  readonly apiGroups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

/** Every `verb resource` that the roles of a file grant. */
function granted(file: string, isRole: (name: string) => boolean): string[] {
  const text = readFileSync(new URL(`../../../deploy/${file}`, import.meta.url), "utf8");
  const roles = parseAllDocuments(text)
    .map((document) => document.toJS())
    .filter(({ kind, metadata }) => /Role$/.test(kind) && isRole(metadata.name));
  const rules = roles.flatMap((role): Rule[] => role.rules);
  return rules.flatMap(({ apiGroups: [group = ""], resources, verbs }) =>
    resources.flatMap((one) => {
      const [resource = "", subresource] = one.split("/");
      return verbs.map((verb) => `${verb} ${resourceText({ group, resource, ...(subresource && { subresource }) })}`);
    }),
  );
}

const used = (isUsed: (permission: Permission) => boolean) =>
  PERMISSIONS.filter(isUsed).flatMap((permission) => permission.verbs.map((verb) => `${verb} ${resourceText(permission)}`));

test.each([
  ["engine", ["gasw-k8s-engine", "gasw-k8s-volumes"]],
  ["admin", ["gasw-k8s-admin", "gasw-k8s-nodes"]],
])("what the program says that it uses is what deploy/rbac.yaml grants: %s", (account, roles) => {
  expect(used((permission) => permission.account === account).sort()).toEqual(granted("rbac.yaml", (name) => roles.includes(name)).sort());
});

test("an account of one namespace is granted all that the engine uses there", () => {
  const inNamespace = used(({ account, scope }) => account === "engine" && scope === "namespace");
  expect(granted("rbac-namespace.yaml", () => true)).toEqual(expect.arrayContaining(inNamespace));
});
