import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect } from "vitest";
import { type Result, TestWorkflow } from "../e2e/harness.ts";
import { misfits } from "../misfits.ts";
import { EngineDirectory } from "./engineDirectory.ts";

/** A cluster that nobody answers for: no job is tried there. */
export const NO_CLUSTER = { k8sKubeConfig: undefined, k8sAddress: "https://127.0.0.1:1", k8sToken: "s3cret" };
/** The exit code where nothing but the cluster is wrong. */
export const NO_CLUSTER_CODE = 4;

/** What came of one check, as a program gets it. */
export interface Checked {
  readonly check: string;
  readonly subject: string;
  readonly result: string;
  readonly message: string | null;
  readonly hint: string | null;
}

/** An engine's directory beside a workflow's, and what is in the PATH of both. */
export class InstalledWorkflow extends TestWorkflow {
  readonly engine = new EngineDirectory(this.folder);
  /** Comes first in the PATH. */
  readonly programs = path.join(this.folder, "programs");

  constructor() {
    super();
    mkdirSync(this.programs);
    this.program("gasw-k8s", "");
    // What GASW's scripts need in an image, as far as it is not on this machine.
    this.program("python", "echo 3.11.2");
    writeFileSync(path.join(this.programs, "bosh"), `#!${path.join(this.programs, "python")}\n`);
    chmodSync(path.join(this.programs, "bosh"), 0o755);
    this.use(NO_CLUSTER);
  }

  get path(): string {
    return `${this.programs}:${process.env.PATH}`;
  }

  program(name: string, script: string): void {
    writeFileSync(path.join(this.programs, name), `#!/bin/sh\n${script}\n`);
    chmodSync(path.join(this.programs, name), 0o755);
  }

  /** Configures what jobs can run with, but for what is said otherwise. */
  use(config: Record<string, unknown>): void {
    const workflowsLocation = path.dirname(this.directory);
    this.configure({ workflowsLocation, env: { PATH: this.path, SITE_NAME: "here" }, ...config });
  }

  /** With a Java and a PATH that are known. */
  install(env: NodeJS.ProcessEnv = {}, ...args: readonly string[]): Promise<Result> {
    const known = { JAVA_HOME: env.JAVA_HOME ?? this.engine.java("17.0.9"), PATH: this.path, GASW_K8S_CONFIG: "" };
    const options = { cwd: this.folder, env: { ...known, ...env } };
    return this.cliWith(options, "engine", "install", this.engine.path, "--config", this.configFile, ...args);
  }

  /** The checks of one kind. */
  async checks(kind: string, env: NodeJS.ProcessEnv = {}): Promise<{ code: number; of: Checked[] }> {
    const { stdout, code } = await this.install(env, "-o", "json");
    expect(misfits("engineInstall", stdout)).toEqual([]);
    const told: { ok: boolean; checks: Checked[] } = JSON.parse(stdout);
    expect(told.ok).toBe(code === 0);
    return { code, of: told.checks.filter(({ check }) => check === kind) };
  }
}
