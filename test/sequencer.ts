import { createHash } from "node:crypto";
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Files that take longest: what begins last keeps the others waiting. */
const LONG = new Set(
  [
    ["e2e", "accessFaults", "cleanup", "cleanupBlocked", "cleanupShared", "demo", "lost", "monitor", "pod-settings"],
    ["e2e", "retriesCluster", "statusGone", "volumes-binding"],
    ["local", "daoH2", "daoOutages", "daoServers", "monitorFaults", "monitorOutages", "owners", "wait"],
    ["integration", "crashes", "owner", "store"],
    ["integration/dao", "h2-1.4.196", "h2-2.3.232", "h2-2.4.240"],
  ].flatMap(([folder, ...files]) => files.map((file) => `test/${folder}/${file}.test.ts`)),
);

/**
 * The order in which test files begin: project by project, since a worker goes on with what it has loaded only for a file of the same project;
 * the long ones first; and otherwise that of the seed.
 */
export default class Sequencer extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const { root, sequence } = this.ctx.config;
    // The last of them have the longer files.
    const names = this.ctx.projects.map(({ name }) => name).reverse();
    const keyOf = ({ moduleId, project }: TestSpecification): string => {
      const file = moduleId.slice(root.length + 1);
      const chance = createHash("sha1").update(`${sequence.seed} ${file}`).digest("hex");
      return [String(names.indexOf(project.name)).padStart(3), LONG.has(file) ? 0 : 1, chance].join(" ");
    };
    const keys = new Map(files.map((file) => [file, keyOf(file)]));
    return files.toSorted((one, other) => ((keys.get(one) ?? "") < (keys.get(other) ?? "") ? -1 : 1));
  }
}
