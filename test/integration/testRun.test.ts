import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";

const scripts = path.resolve(import.meta.dirname, "../../scripts");

/** Stands for Vitest: counts one test passed of every project that it is asked for. */
const VITEST = `#!/bin/bash
while (($#)); do
  [[ $1 != --project ]] || echo "$2 1 0" >>"$GASW_K8S_TEST_COUNTS"
  shift
done`;

describe("a whole test run", () => {
  let root: string;
  beforeEach(() => {
    root = mkdtempSync(path.join(tmpdir(), "gasw-k8s-test-run-"));
    for (const folder of ["bin", "cluster", "scripts"]) mkdirSync(path.join(root, folder));
    for (const file of ["lib.sh", "test.sh"]) copyFileSync(path.join(scripts, file), path.join(root, "scripts", file));
    for (const file of ["prepare", "databases", "h2", "node24"]) program(`scripts/${file}.sh`, "#!/bin/bash");
    for (const file of ["up", "down", "kubeconfig"]) program(`cluster/${file}.sh`, "#!/bin/bash");
    program("cluster/selftest.sh", "#!/bin/bash\necho '3 passed, 0 failed'");
    program("bin/npx", VITEST);
    // No container engine runs, whatever is installed.
    program("bin/docker", "#!/bin/bash\nexit 1");
  });
  afterEach(() => rmSync(root, { recursive: true }));

  function program(file: string, text: string) {
    writeFileSync(path.join(root, file), `${text}\n`);
    chmodSync(path.join(root, file), 0o755);
  }

  function run(env: NodeJS.ProcessEnv = {}) {
    const { PATH, HOME } = process.env;
    const { status, stdout, stderr } = spawnSync("bash", ["scripts/test.sh"], {
      cwd: root,
      env: { PATH: `${path.join(root, "bin")}:${PATH}`, HOME, ...env },
      encoding: "utf8",
    });
    return { status, stdout, stderr, last: stdout.trimEnd().split("\n").at(-1) };
  }

  test("closes with the count of all that ran", () => {
    // unit, integration, package, databases and e2e, and what the cluster's own test counts.
    expect(run()).toMatchObject({ status: 0, last: "8 passed, 0 failed" });
  });

  test("counts a failure where no cluster can be had, and still runs what needs none", () => {
    program("cluster/up.sh", "#!/bin/bash\necho 'cluster: Go 1.24 or newer is missing' >&2\nexit 69");
    const { status, stdout, stderr, last } = run();
    expect({ status, last }).toEqual({ status: 1, last: "4 passed, 1 failed" });
    expect(stdout).toContain("failed: e2e: choose_cluster test failed");
    expect(stderr).toContain("Go 1.24 or newer is missing");
    expect(stderr).toContain("GASW_K8S_TEST_CLUSTER=none leaves them out");
  });

  test("needs no cluster where none is asked for", () => {
    program("cluster/up.sh", "#!/bin/bash\nexit 69");
    const { status, stderr, last } = run({ GASW_K8S_TEST_CLUSTER: "none" });
    expect({ status, last }).toEqual({ status: 0, last: "4 passed, 0 failed" });
    expect(stderr).toContain("no end-to-end test is run");
  });

  test("takes the cluster that is named, and starts none", () => {
    program("cluster/up.sh", "#!/bin/bash\nexit 69");
    expect(run({ GASW_K8S_TEST_KUBECONFIG: "/some/kubeconfig" })).toMatchObject({ status: 0, last: "5 passed, 0 failed" });
  });

  test("counts a failure where the database servers can't be installed, and leaves out their tests alone", () => {
    program("scripts/h2.sh", "#!/bin/bash\nexit 77");
    expect(run()).toMatchObject({ status: 1, last: "7 passed, 1 failed" });
  });

  test("counts a failure where a runner ends without a count", () => {
    program("scripts/node24.sh", "#!/bin/bash\nexit 1");
    expect(run()).toMatchObject({ status: 1, last: "8 passed, 2 failed" });
  });

  test("counts a failure where no end-to-end test has run", () => {
    program("bin/npx", VITEST.replace("!= --project", "!= --project || $2 == e2e"));
    expect(run()).toMatchObject({ status: 1, last: "7 passed, 1 failed" });
  });

  test("takes down the cluster that it brought up, whatever failed", () => {
    program("cluster/kubeconfig.sh", "#!/bin/bash\nexit 1");
    program("cluster/down.sh", "#!/bin/bash\necho taken down >&2");
    program("cluster/selftest.sh", "#!/bin/bash\nexit 1");
    const { status, stderr } = run();
    expect(status).toBe(1);
    expect(stderr).toContain("taken down");
  });
});
