import { beforeAll, expect, test } from "vitest";
import { GaswError } from "../../src/errors.ts";
import { type Authority, Beside, type Fixture, makeAuthority, type Outcome, type Place } from "./kubectlBeside.ts";

/** A row of the table: what kubectl and this program both reach, or refuse. */
export interface Row {
  readonly given: (at: Place) => Fixture;
  readonly outcome: Outcome;
  /** What this program does instead, and why. */
  readonly differs?: readonly [outcome: Outcome, why: string];
  /** What this program says when it refuses. */
  readonly says?: RegExp;
}

/** Runs every row beside kubectl. */
export function beside(rows: Readonly<Record<string, Row>>): void {
  let authority: Authority;
  beforeAll(() => {
    authority = makeAuthority();
  });

  test.concurrent.each(Object.entries(rows))("%s", async (_, { given, outcome, differs, says }) => {
    const both = await Beside.begin(authority);
    try {
      const fixture = given(both.place);
      const env = both.arrange(fixture);
      const [kubectl, ours] = await Promise.all([both.kubectl(fixture, env), both.ours(fixture, env)]);
      const shown = ours instanceof GaswError ? "refused" : ours;
      expect({ kubectl, ours: shown }, String(ours)).toEqual({ kubectl: outcome, ours: differs?.[0] ?? outcome });
      if (!(ours instanceof GaswError)) return;
      expect(ours.message).toMatch(says ?? /./);
      expect(ours.hint).toMatch(/\w/);
      if (says !== undefined) expect(ours.exitCode).toBe(3);
    } finally {
      both.end();
    }
  });
}

/** A kubeconfig of one cluster `c`, user `u` and context `one`; what is given replaces parts of it. */
export function config(at: Place, parts: { cluster?: object; user?: object; context?: object; top?: object } = {}): object {
  return {
    clusters: [{ name: "c", cluster: { ...at.cluster, ...parts.cluster } }],
    users: [{ name: "u", user: parts.user ?? { token: "t" } }],
    contexts: [{ name: "one", context: { cluster: "c", user: "u", ...parts.context } }],
    "current-context": "one",
    ...parts.top,
  };
}

/** That kubeconfig as ~/.kube/config, with other files beside it. */
export function usual(parts: Parameters<typeof config>[1] = {}, files: Fixture["files"] = {}): Row["given"] {
  return (at) => ({ files: { ".kube/config": config(at, parts), ...files } });
}
