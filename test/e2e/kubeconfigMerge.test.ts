import { execFile } from "node:child_process";
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import fc from "fast-check";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { GaswError } from "../../src/errors.ts";
import { findTarget } from "../../src/kubernetes/access/find.ts";
import { removeFolder } from "../folders.ts";

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(path.join(tmpdir(), "gasw-k8s-merge-"));
});
afterAll(() => removeFolder(folder));

const name = fc.constantFrom("a", "a", "b", "b", "");
const value = fc.constantFrom("1", "2", "3");
const maybe = <T>(arbitrary: fc.Arbitrary<T>) => fc.oneof({ weight: 1, arbitrary: fc.constant(null) }, { weight: 9, arbitrary });

/** A list of named entries, of which a name may occur twice, and an entry may be null. */
function entries(kind: string, fields: Record<string, fc.Arbitrary<unknown>>) {
  const [first = ""] = Object.keys(fields);
  const entry = fc.record({ name, [kind]: maybe(fc.record(fields, { requiredKeys: [first] })) });
  const distinct = fc.uniqueArray(entry, { selector: (one) => one.name, minLength: 1, maxLength: 3 });
  return maybe(fc.oneof({ weight: 19, arbitrary: distinct }, { weight: 1, arbitrary: fc.array(entry) }));
}

const file = fc.record(
  {
    clusters: entries("cluster", { server: value.map((one) => `https://${one}`), "certificate-authority": maybe(value) }),
    users: entries("user", { token: value, "client-key": value, as: maybe(value) }),
    contexts: entries("context", { cluster: name, user: name, namespace: maybe(value) }),
    "current-context": maybe(name),
  },
  { requiredKeys: ["contexts"] },
);

interface Merged {
  readonly clusters: { readonly name: string; readonly cluster: { server?: string; "certificate-authority"?: string } }[] | null;
  readonly users: { readonly name: string; readonly user: { token?: string; as?: string } }[] | null;
  readonly contexts: { readonly name: string; readonly context: { cluster?: string; user?: string; namespace?: string } }[] | null;
  readonly "current-context": string;
}

/** What kubectl makes of the files; undefined where it refuses them. */
async function byKubectl(env: NodeJS.ProcessEnv): Promise<object | undefined> {
  const asked = promisify(execFile)(inject("cluster").kubectl, ["config", "view", "--raw", "-o", "json"], { env, cwd: folder });
  const output = await asked.catch(() => undefined);
  if (output === undefined) return undefined;
  const merged = JSON.parse(output.stdout) as Merged;
  const context = merged.contexts?.find((one) => one.name === merged["current-context"])?.context;
  const cluster = merged.clusters?.find((one) => one.name === (context?.cluster ?? ""))?.cluster;
  const user = merged.users?.find((one) => one.name === (context?.user ?? ""))?.user;
  if (context === undefined || !cluster?.server || user === undefined) return undefined;
  const { server, "certificate-authority": ca } = cluster;
  return { server, ca: ca ?? "", token: user.token ?? "", as: user.as ?? "", namespace: context.namespace };
}

function byUs(env: NodeJS.ProcessEnv): object | undefined {
  try {
    const { cluster, user, namespace } = findTarget({ insecureSkipTlsVerify: false }, env);
    // kubectl shows paths as they are written.
    return { server: cluster.server, ca: path.basename(cluster.caFile), token: user.token, as: user.as, namespace };
  } catch (error) {
    if (error instanceof GaswError && error.code === "CONFIG") return undefined;
    throw error;
  }
}

test("whatever files are merged, the same cluster and user come out of them as for kubectl", async () => {
  let found = 0;
  let number = 0;
  const property = fc.asyncProperty(fc.array(file, { minLength: 1, maxLength: 3 }), async (files) => {
    const names = files.map((content) => {
      const named = path.join(folder, `${number++}`);
      writeFileSync(named, JSON.stringify(content));
      return named;
    });
    const env = { KUBECONFIG: names.join(":"), HOME: folder };
    const kubectl = await byKubectl(env);
    expect(byUs(env)).toEqual(kubectl);
    if (kubectl !== undefined) found++;
  });
  await fc.assert(property, { numRuns: 30, seed: 20, verbose: 1 });
  // Not by refusing everything.
  expect(found).toBeGreaterThan(5);
});
