// Scripts like GASW's, which write down in the workflow directory's ledger when they run, and what that tells.
import { readFileSync } from "node:fs";
import path from "node:path";

export const LEDGER = ".ledger";

/**
 * Runs in a folder of its own, writes GASW's sections, and empties the directory that it is in at its end, as GASW's scripts do. Each line of
 * the ledger is written with one append: `what job pod time code`.
 * @param {string} job
 * @param {number} seconds that it takes
 * @param {readonly number[]} codes of which each run ends with one
 */
export function jobScript(job, seconds, codes) {
  return `ledger=$(cd -P sh/.. && pwd)/${LEDGER}
note() { echo "$1 ${job} $HOSTNAME $EPOCHREALTIME $2" >>"$ledger"; }
code=stopped
trap 'left=$?; note end "$code"; rm -Rf -- *; exit $left' EXIT
note begin -
echo "pod $HOSTNAME"
mkdir ${job} || exit 22
echo '{}' >${job}.sh.provenance.json
cd ${job} || exit 23
codes=(${codes.join(" ")})
echo "<inputs_download>"
echo "</inputs_download>"
echo "Input download time: 1 seconds"
echo "<application_execution>"
for ((second = 0; second < ${seconds}; second++)); do sleep 1; note alive -; echo "second $second of $HOSTNAME"; done
echo "</application_execution>"
echo "Execution time: ${seconds} seconds"
code=\${codes[RANDOM % \${#codes[@]}]}
echo "Exiting with return value $code"
exit "$code"
`;
}

/**
 * @typedef {object} Run what one pod has done
 * @property {string} job the script's name
 * @property {string} pod
 * @property {number} begin milliseconds since 1970
 * @property {number} last when it last gave a sign of life
 * @property {number | "stopped" | undefined} code undefined where it wrote no end
 */

/**
 * All runs that a workflow's ledger tells of, in the order of their beginnings.
 * @returns {Run[]}
 */
export function runsOf(directory) {
  /** @type {Map<string, Run>} */
  const runs = new Map();
  for (const line of readFileSync(path.join(directory, LEDGER), "utf8").split("\n")) {
    const [what, job, pod, seconds, code] = line.split(" ");
    if (code === undefined) continue;
    const time = Number(seconds) * 1000;
    const run = runs.get(pod) ?? { job, pod, begin: time, last: time, code: undefined };
    run.last = time;
    if (what === "end") run.code = code === "stopped" ? "stopped" : Number(code);
    runs.set(pod, run);
  }
  return [...runs.values()].sort((a, b) => a.begin - b.begin);
}
