import { spawnSync } from "node:child_process";
import { chmodSync, copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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
    for (const folder of [
      "bin",
      "bridge",
      "cluster",
      "scripts",
      "src/core/gaswRow",
      "src/dao",
      "src/services/sync",
      "test/e2e",
      "test/integration/dao",
      "test/local",
      "test/servers",
    ])
      mkdirSync(path.join(root, folder), { recursive: true });
    for (const file of ["lib.sh", "test.sh"]) copyFileSync(path.join(scripts, file), path.join(root, "scripts", file));
    for (const file of ["prepare", "databases", "h2"]) program(`scripts/${file}.sh`, "#!/bin/bash");
    for (const file of ["up", "down", "kubeconfig"]) program(`cluster/${file}.sh`, "#!/bin/bash");
    for (const file of ["package-lock.json", "package.json", "vitest.config.ts", "src/main.ts", "test/e2e/a.test.ts"]) program(file, "");
    program("scripts/node24.sh", '#!/bin/bash\necho "$@" >>on-node24');
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
      env: { PATH: `${path.join(root, "bin")}:${PATH}`, HOME, XDG_CACHE_HOME: path.join(root, "user-cache"), ...env },
      encoding: "utf8",
    });
    return { status, stdout, stderr, last: stdout.trimEnd().split("\n").at(-1) };
  }

  test("closes with the count of all that ran", () => {
    // unit, integration, local, package, databases, local-databases and e2e, and what the cluster's own test counts.
    expect(run()).toMatchObject({ status: 0, last: "10 passed, 0 failed" });
  });

  test("counts a failure where no cluster can be had, and still runs what needs none", () => {
    program("cluster/up.sh", "#!/bin/bash\necho 'cluster: Go 1.24 or newer is missing' >&2\nexit 69");
    const { status, stdout, last } = run();
    expect({ status, last }).toEqual({ status: 1, last: "6 passed, 1 failed" });
    expect(stdout).toContain("failed: cluster: choose_cluster test failed");
    expect(stdout).toContain("Go 1.24 or newer is missing");
    expect(stdout).toContain("GASW_K8S_TEST_CLUSTER=none leaves them out");
  });

  test("needs no cluster where none is asked for", () => {
    program("cluster/up.sh", "#!/bin/bash\nexit 69");
    const { status, stderr, last } = run({ GASW_K8S_TEST_CLUSTER: "none" });
    expect({ status, last }).toEqual({ status: 0, last: "6 passed, 0 failed" });
    expect(stderr).toContain("no end-to-end test is run");
  });

  test("takes the cluster that is named, and starts none", () => {
    program("cluster/up.sh", "#!/bin/bash\nexit 69");
    expect(run({ GASW_K8S_TEST_KUBECONFIG: "/some/kubeconfig" })).toMatchObject({ status: 0, last: "7 passed, 0 failed" });
  });

  test("counts a failure where the database servers cannot be installed, and leaves out their tests alone", () => {
    program("scripts/h2.sh", "#!/bin/bash\nexit 77");
    expect(run()).toMatchObject({ status: 1, last: "7 passed, 1 failed" });
  });

  test("counts a failure where a runner ends without a count", () => {
    program("scripts/node24.sh", "#!/bin/bash\nexit 1");
    expect(run()).toMatchObject({ status: 1, last: "10 passed, 2 failed" });
  });

  test("counts a failure where no end-to-end test has run", () => {
    program("bin/npx", VITEST.replace("!= --project", "!= --project || $2 == e2e"));
    expect(run()).toMatchObject({ status: 1, last: "9 passed, 1 failed" });
  });

  test("counts a failure where it cannot be prepared", () => {
    program("scripts/prepare.sh", "#!/bin/bash\nexit 1");
    const { status, stdout, last } = run();
    expect({ status, last }).toEqual({ status: 1, last: "0 passed, 1 failed" });
    expect(stdout).toContain("failed: prepare: bash scripts/prepare.sh failed");
  });

  test("runs what needs no cluster while the cluster comes up", () => {
    // Whichever of the two comes first waits for the other, for so long.
    const waitFor = (file: string) => `timeout 120 bash -c 'until [[ -e ${file} ]]; do sleep 0.05; done'`;
    program("cluster/up.sh", `#!/bin/bash\ntouch coming-up\n${waitFor("testing")}`);
    program("bin/npx", `${VITEST}\ntouch testing\n${waitFor("coming-up")}`);
    expect(run()).toMatchObject({ status: 0, last: "10 passed, 0 failed" });
  });

  test("runs the end-to-end tests beside those that need no cluster", () => {
    const waitFor = (file: string) => `timeout 120 bash -c 'until [[ -e ${file} ]]; do sleep 0.05; done'`;
    program(
      "bin/npx",
      `${VITEST.replace("while", "arguments=$*\nwhile")}
      if [[ $arguments == *e2e* ]]; then touch with-cluster; ${waitFor("without-cluster")}; else touch without-cluster; ${waitFor("with-cluster")}; fi`,
    );
    expect(run()).toMatchObject({ status: 0, last: "10 passed, 0 failed" });
  });

  test("counts a failure where the end-to-end tests are ended by somebody else", () => {
    program("bin/npx", `${VITEST.replace("while", "arguments=$*\nwhile")}\n[[ $arguments != *e2e* ]] || kill -KILL $PPID`);
    const { status, stdout } = run();
    expect(status).toBe(1);
    expect(stdout).toContain("failed: e2e: ended with 137");
  });

  test("says what the cluster said while it came up", () => {
    program("cluster/up.sh", "#!/bin/bash\necho 'cluster: up after 10 s'");
    expect(run().stdout).toContain("cluster: up after 10 s");
  });

  test("ends the cluster's start, and what that has started, when it is ended itself", async () => {
    program("cluster/kubeconfig.sh", "#!/bin/bash\nexit 1");
    program("cluster/up.sh", "#!/bin/bash\nsleep 1000 &\necho $! >building\nwait");
    program("cluster/down.sh", "#!/bin/bash\ntouch taken-down");
    program("bin/npx", "#!/bin/bash\nuntil [[ -s building ]]; do sleep 0.05; done\nkill -TERM $PPID");
    run();
    expect(existsSync(path.join(root, "taken-down"))).toBe(true);
    const building = readFileSync(path.join(root, "building"), "utf8").trim();
    // An ended process may wait for its parent to see that.
    expect(spawnSync("ps", ["-o", "stat=", building], { encoding: "utf8" }).stdout).toMatch(/^(Z.*)?$/m);
  });

  test("tells the slowest tests and each part's time before the count", () => {
    const slow = Array.from(
      { length: 25 },
      (_, index) => `echo '~ ${1000 + index * 100} a.test.ts > test ${index}' >>"$GASW_K8S_TEST_COUNTS"`,
    );
    program(
      "bin/npx",
      `${VITEST}\n[[ $* != *unit* ]] || { ${slow.join("\n")}\n}`.replace("while", "arguments=$*\nwhile").replace("$* !=", "$arguments !="),
    );
    const { stdout, last } = run();
    const lines = stdout.split("\n");
    const told = lines.slice(lines.indexOf("slowest tests:") + 1, lines.indexOf("parts:"));
    expect(told).toHaveLength(20);
    expect([told[0], told[19]]).toEqual(["    3.4 s  a.test.ts > test 24", "    1.5 s  a.test.ts > test 5"]);
    const parts = lines.slice(lines.indexOf("parts:") + 1, -2).map((line) => line.trim().split(/ +/).at(-1));
    expect(parts).toEqual(["prepare", "servers", "tests", "databases", "node24", "cluster", "selftest", "e2e", "node24-e2e"]);
    expect(last).toBe("10 passed, 0 failed");
  });

  /** What ran of that which may be left out. */
  function guards(env: NodeJS.ProcessEnv = {}): string[] {
    const { stdout } = run(env);
    return ALL.filter((name) => !stdout.includes(`${name}: left out`));
  }
  const ALL = ["node24", "databases", "selftest", "node24-e2e"];

  test("leaves out Node.js 24, the databases and the cluster's own test where nothing has changed since they passed, but never when all is asked for", () => {
    expect([guards(), guards(), guards({ CI_FULL: "1" }), guards()]).toEqual([ALL, [], ALL, []]);
  });

  test.each([
    ["the program", "src/main.ts", ["node24", "node24-e2e"]],
    ["what speaks to the database", "src/dao/dao.ts", ["node24", "databases", "node24-e2e"]],
    ["what is installed", "package-lock.json", ["node24", "databases", "node24-e2e"]],
    ["a test", "test/unit.test.ts", ["node24"]],
    ["the cluster's start", "cluster/up.sh", ["selftest"]],
  ])("runs them again where %s has changed", (_, file, expected) => {
    guards();
    program(file, "#!/bin/bash\n# other");
    expect(guards()).toEqual(expected);
  });

  test("runs them again where they have failed", () => {
    const script = readFileSync(path.join(root, "scripts/node24.sh"), "utf8");
    program("scripts/node24.sh", `${script}exit 1`);
    program("cluster/selftest.sh", "#!/bin/bash\necho '2 passed, 1 failed'");
    guards();
    // The same content again: that it failed may have been by chance.
    expect(guards()).toEqual(["node24", "selftest", "node24-e2e"]);
    expect(run().stdout).toContain("2 passed, 1 failed");
  });

  test("measures coverage where program or tests have changed since it was measured, and where all is asked for", () => {
    program("bin/npx", `${VITEST.replace("while", 'echo "$*" >>vitest-calls\nwhile')}`);
    const measured = (env: NodeJS.ProcessEnv = {}) => {
      rmSync(path.join(root, "vitest-calls"), { force: true });
      run(env);
      const calls = readFileSync(path.join(root, "vitest-calls"), "utf8");
      return [...calls.matchAll(/--coverage\.enabled --coverage\.reportsDirectory=\.cache\/coverage\/(\S+)/g)]
        .map(([, name]) => name)
        .sort();
    };
    const both = ["end-to-end", "without-cluster"];
    const first = [measured(), measured(), measured({ CI_FULL: "1" })];
    program("src/main.ts", "// other");
    expect([...first, measured(), measured()]).toEqual([both, [], both, both, []]);
  });

  test("takes down the cluster that it brought up, whatever failed", () => {
    program("cluster/kubeconfig.sh", "#!/bin/bash\nexit 1");
    program("cluster/down.sh", "#!/bin/bash\necho taken down >&2");
    for (const file of ["package-lock.json", "package.json", "vitest.config.ts", "src/main.ts", "test/e2e/a.test.ts"]) program(file, "");
    program("scripts/node24.sh", '#!/bin/bash\necho "$@" >>on-node24');
    program("cluster/selftest.sh", "#!/bin/bash\nexit 1");
    const { status, stdout } = run();
    expect(status).toBe(1);
    expect(stdout).toContain("taken down");
  });
});
