import { describe, expect, test } from "vitest";
import { run } from "../../../src/cli/program.ts";
import { UNKNOWN } from "../../../src/core/lifecycle/marks.ts";
import { currentState, type Facts, type JobRecord } from "../../../src/core/why/facts.ts";
import { causes, explain } from "../../../src/core/why/why.ts";
import { folderWith } from "../folders.ts";
import { ioDouble } from "../io.ts";
import { commandLines, proposedCommands } from "./commands.ts";
import { container, event, facts, kubeJob, node, pod, waiting } from "./facts.ts";

const error = (exitCode: number, more: Partial<Facts> = {}) =>
  facts({ status: "ERROR", reason: "Error", exitCode }, { kubeJob: kubeJob(), ...more });
const memory = { containers: [container({ resources: { limits: { memory: "64Mi" } } })] };
const asks = (requests: Record<string, string>) => kubeJob({ containers: [container({ resources: { requests } })] });
const onNode = pod({ nodeName: "n1" });
const creating = (...events: ReturnType<typeof event>[]) =>
  waiting("ContainerCreating", "the node prepares the container", {
    pod: onNode,
    events,
    seen: { phase: "waiting", reason: "ContainerCreating", message: "", node: "n1" },
  });
const pull = (message: string) =>
  waiting("ErrImagePull", message, { pod: onNode, events: [event("Pod", "Failed", `Failed to pull image "a/b:1": ${message}`)] });

/** What is the matter: the row that says so, and words of its sentence and its remedy. */
const table: Record<string, [Facts, string, RegExp, RegExp]> = {
  completed: [
    facts({ status: "COMPLETED", exitCode: 0, started: "2026-01-01T00:00:00Z", ended: "2026-01-01T00:03:10Z", node: "n1" }),
    "completed",
    /exit code 0 after 3 min 10 s on node n1/,
    /nothing to do/,
  ],
  cancelled: [facts({ status: "DELETED" }), "deleted", /was cancelled/, /gasw-k8s retry \S+` runs it again/],
  "out of memory quotes the limit": [
    facts({ status: "ERROR", reason: "OOMKilled", exitCode: 137 }, { kubeJob: kubeJob(memory) }),
    "out-of-memory",
    /limit of 64Mi/,
    /128Mi/,
  ],
  "out of memory without a known limit": [
    facts({ status: "ERROR", reason: "OOMKilled", exitCode: 137 }),
    "out-of-memory",
    /no known limit/,
    /--memory/,
  ],
  "deadline quotes it": [
    facts({ status: "ERROR", reason: "DeadlineExceeded" }, { kubeJob: kubeJob({ activeDeadlineSeconds: 90 }) }),
    "deadline",
    /time limit of 1 min 30 s/,
    /--timeout/,
  ],
  "init container": [
    facts({ status: "ERROR", reason: "InitError", message: "init container prep ended with exit code 3", exitCode: 3 }),
    "init-container",
    /^never started: init container prep/,
    /initContainers/,
  ],
  evicted: [
    facts({ status: "STALLED", reason: "Evicted", message: "The node was low on resource: memory", node: "n1" }),
    "evicted",
    /evicted from its node n1: The node was low/,
    /gasw-k8s retry \S+` runs it again/,
  ],
  "node lost": [facts({ status: "STALLED", reason: "NodeLost", node: "n1" }), "node-lost", /lost with node n1/, /debug nodes/],
  "refused by the node": [
    facts({ status: "STALLED", reason: "Rejected", message: "Pod was rejected", node: "n1" }),
    "rejected-by-node",
    /rejected by node n1/,
    /gasw-k8s retry \S+` runs it again/,
  ],
  "pod deleted while it ran": [
    facts({ status: "STALLED", reason: "PodDeleted" }),
    "pod-deleted",
    /its pod or Job was deleted/,
    /gasw-k8s retry \S+` runs it again/,
  ],
  "stopped, and ended with 0": [
    facts({ status: "STALLED", reason: "Stopped", message: "it was stopped by TERM and ended with 0" }),
    "stopped",
    /was stopped before it had finished: it was stopped by TERM/,
    /gasw-k8s retry \S+` runs it again/,
  ],
  "without a code": [
    facts({ status: "STALLED", reason: "ContainerStatusUnknown", node: "n1" }),
    "unmeasured",
    /node n1 does not report how its container ended/,
    /gasw-k8s retry \S+` runs it again/,
  ],
  "gone from the cluster": [facts({ status: "STALLED", reason: "Gone" }), "gone", /no longer in the cluster/, /ttlJob/],
  "pod deleted": [facts({ status: "STALLED", reason: "PodGone" }), "pod-gone", /lost its pod/, /gasw-k8s retry \S+` runs it again/],
  "image without bash": [
    facts({ status: "ERROR", reason: "StartError", message: 'exec: "bash": executable file not found in $PATH' }),
    "cannot-start",
    / has no `bash`, which runs the scripts/,
    /use an image that has it: `gasw-k8s retry Job-1 --image NAME`/,
  ],
  "image without bash, in crun's words": [
    facts({
      status: "ERROR",
      reason: "StartError",
      message: "executable file `bash` not found in $PATH: No such file or directory: unknown",
    }),
    "cannot-start",
    / has no `bash`, which runs the scripts/,
    /use an image that has it: `gasw-k8s retry Job-1 --image NAME`/,
  ],
  "cannot start": [
    facts({ status: "ERROR", reason: "ContainerCannotRun", message: "boom" }),
    "cannot-start",
    /could not start: boom/,
    /settings/,
  ],
  "exit 127": [
    error(127, { lastWords: ["foo: command not found"] }),
    "command-not-found",
    /does not exist in image repo\/app:1/,
    /debug shell Job-1/,
  ],
  "a script of GASW's that finds no bosh": [
    error(21, { lastWords: ["[ ERROR - x ] BOUTIQUE_INSTALL_FAILED - pip install boutiques failed"] }),
    "image-lacks-bosh",
    /image repo\/app:1 has no `bosh` that works/,
    /gasw-k8s engine probe/,
  ],
  "a bosh that knows no boutiques": [
    error(25, { lastWords: ["[ ERROR - x ] BOUTIQUE_IMPORT_FAILED - import boutiques fails"] }),
    "image-lacks-boutiques",
    /a Python that can import boutiques/,
    /docs\/images\.md/,
  ],
  "a HOME that is not writable": [
    error(50, { lastWords: ["PermissionError: [Errno 13] Permission denied: '/.cache'"] }),
    "home-not-writable",
    /HOME=\/$/,
    /remove HOME from `env`/,
  ],
  "a module that is missing": [
    error(1, { lastWords: ["ModuleNotFoundError: No module named 'numpy'"] }),
    "image-lacks-module",
    /found no module `numpy`/,
    /--image NAME/,
  ],
  "exit 126": [error(126), "command-not-executable", /could not be executed/, /chmod/],
  signal: [error(139), "signal", /killed by SIGSEGV/, /crashed/],
  "ended from outside": [error(143), "signal", /killed by SIGTERM/, /`gasw-k8s debug events Job-1`/],
  "kill without a reported lack of memory": [error(137, { kubeJob: kubeJob(memory) }), "signal", /SIGKILL/, /limit is 64Mi/],
  "exit code of GASW with its stage": [
    error(40, { lastSection: { section: "inputs_download", isOpen: true } }),
    "exit-code",
    /exit code 40 while downloading its inputs.*ERROR_DL/,
    /inputs exist/,
  ],
  "exit code of a result": [
    error(32, { lastSection: { section: "results_upload", isOpen: true } }),
    "exit-code",
    /while uploading its results/,
    /results/,
  ],
  "a script that is not there": [
    error(127, { lastWords: ["bash: ./sh/Job-1.sh: No such file or directory"] }),
    "script-missing",
    /script sh\/Job-1\.sh was not there/,
    /check that nfsPath leads to \/w\/wf/,
  ],
  "a script that may not be read": [
    error(126, { lastWords: ["bash: ./sh/Job-1.sh: Permission denied"] }),
    "script-unreadable",
    /may not read its script/,
    /chmod a\+r/,
  ],
  "a script that is not text": [
    error(126, { lastWords: ["./sh/Job-1.sh: ./sh/Job-1.sh: cannot execute binary file"] }),
    "script-binary",
    /is not text in UTF-8/,
    /iconv -f UTF-16/,
  ],
  "a script with carriage returns": [
    error(127, { lastWords: ["./sh/Job-1.sh: line 2: $'ls\\r': command not found"] }),
    "script-crlf",
    /Windows line endings/,
    /sed -i 's\/\\r\$\/\/' \/w\/wf\/sh\/Job-1\.sh/,
  ],
  "a script that bash cannot parse": [
    error(2, { lastWords: ["./sh/Job-1.sh: line 2: syntax error: unexpected end of file"] }),
    "script-syntax",
    /syntax error in line 2/,
    /bash -n/,
  ],
  "output files that cannot be opened": [error(7, { isSilent: true }), "output-refused", /could not begin/, /out\/ and err\//],
  "a retry that waits for its turn": [facts({ status: "NOT_SUBMITTED", isDue: true }), "due", /waits for its turn/, /status --sync/],
  "a job that was given up for lack of room": [
    facts({ status: "ERROR", reason: "Unschedulable", message: "0/1 nodes are available: 1 Insufficient cpu." }),
    "no-room-in-time",
    /no node could run it in time/,
    /pending\.Unschedulable/,
  ],
  "exit code of its own": [error(77), "exit-code", /exit code 77, the script's own exit code/, /debug logs Job-1/],
  "failed for no known reason": [
    facts({ status: "STALLED", reason: "Strange", message: "odd" }),
    "failed",
    /STALLED \(Strange: odd\)/,
    /debug describe/,
  ],
  "invalid image name": [
    waiting("InvalidImageName", "couldn't parse image"),
    "image-name-invalid",
    /repo\/app:1 is not a valid image name/,
    /--image/,
  ],
  "image given up": [
    facts({ status: "ERROR", reason: "InvalidImageName", message: "bad" }),
    "image-name-invalid",
    /^failed: its image/,
    /--image/,
  ],
  "image never pulled": [waiting("ErrImageNeverPull", "not present"), "image-not-on-node", /imagePullPolicy Never/, /IfNotPresent/],
  "image not found": [pull("docker.io/a/b:1: not found"), "image-not-found", /a\/b:1 does not exist/, /tag/],
  "image denied": [pull("pull access denied, authorization failed"), "image-denied", /credentials/, /imagePullSecrets/],
  "registry unreachable": [
    pull("dial tcp: lookup r.invalid: no such host"),
    "registry-unreachable",
    /the node cannot reach its registry/,
    /network/,
  ],
  "registry limits": [pull("429 Too Many Requests: toomanyrequests"), "image-rate-limit", /rate limit/, /mirror/],
  "other processor": [pull("no match for platform in manifest"), "image-platform", /CPU architecture/, /nodeSelector/],
  "pull fails otherwise": [pull("weird"), "image-pull", /cannot be pulled/, /and fix/],
  "back-off quotes the failure before it": [
    waiting("ImagePullBackOff", "Back-off pulling image", {
      events: [event("Pod", "Failed", 'Failed to pull image "a/b:1": not found'), event("Pod", "Failed", "Error: ErrImagePull")],
    }),
    "image-not-found",
    /a\/b:1/,
    /tag/,
  ],
  "image as root": [
    waiting("CreateContainerConfigError", "container has runAsNonRoot and image will run as root"),
    "config-error",
    /run as root/,
    /runAsUser/,
  ],
  "missing secret": [
    waiting("CreateContainerConfigError", 'secret "s3" not found'),
    "config-error",
    /secret s3 does not exist in namespace ns/,
    /create it/,
  ],
  "container cannot be made": [waiting("CreateContainerError", "boom"), "config-error", /cannot be created: boom/, /settings/],
  "its namespace is gone": [
    facts({ status: "NOT_SUBMITTED", reason: "NamespaceGone", message: "waits for its namespace: the namespace vip is gone" }),
    "namespace-gone",
    /will run again, but waits for its namespace: the namespace vip is gone/,
    /kubectl create namespace /,
  ],
  "an output that is late, seen before its job was seen to run": [
    facts({ status: "QUEUED", reason: "OutputLate", message: "its Job is gone; its output has not arrived" }),
    "output-late",
    /has ended, and its output is not complete yet: its Job is gone/,
    /gasw-k8s status Job-1/,
  ],
  "never submitted": [facts({ status: "NOT_SUBMITTED" }), "not-submitted", /never reached the cluster/, /`gasw-k8s retry Job-1`$/],
  "a submission that the cluster refused": [
    facts({ status: "NOT_SUBMITTED", reason: "Refused", message: 'Job "x" is invalid: spec: Invalid value: "y"' }),
    "submit-refused",
    /^was not accepted when it was submitted: the cluster refused it: Job "x" is invalid/,
    /^fix the value .*; then submit it: `gasw-k8s retry Job-1`$/,
  ],
  "a submission that a policy refused": [
    facts({ status: "NOT_SUBMITTED", reason: "Refused", message: 'admission webhook "p.example.org" denied the request: no', isDue: true }),
    "submit-refused",
    /: admission webhook p.example.org refused it: /,
    /; a monitor or `gasw-k8s status --sync` then submits it again$/,
  ],
  "never submitted for a volume": [
    facts(
      { status: "NOT_SUBMITTED" },
      {
        claims: [{ name: "c", found: { status: { phase: "Pending" } } }],
        events: [event("PersistentVolumeClaim", "ProvisioningFailed", "no class", "c")],
      },
    ),
    "not-submitted-volume",
    /claim c is Pending, not Bound \(ProvisioningFailed: no class\)/,
    /debug describe pvc c/,
  ],
  "a claim that is bound at first use kept nobody": [
    facts(
      { status: "NOT_SUBMITTED" },
      { claims: [{ name: "c", found: {} }], events: [event("PersistentVolumeClaim", "WaitForFirstConsumer", "waiting", "c")] },
    ),
    "not-submitted",
    /interrupted/,
    /retry/,
  ],
  quota: [
    waiting("NoPod", "", {
      events: [event("Job", "FailedCreate", 'pods "x" is forbidden: exceeded quota: q, requested: cpu=2, used: cpu=1, limited: cpu=2')],
    }),
    "quota",
    /quota q allows cpu=2, cpu=1 is used, and the job requests cpu=2/,
    /raise the quota/,
  ],
  "quota from the record": [
    facts({ status: "QUEUED", reason: "QuotaExceeded", message: "exceeded quota: q" }),
    "quota",
    /exceeded quota: q/,
    /raise/,
  ],
  "pod security": [
    waiting("NoPod", "", { events: [event("Job", "FailedCreate", 'pods "x" is forbidden: violates PodSecurity "restricted:latest"')] }),
    "pod-refused",
    /violates PodSecurity/,
    /securityContext/,
  ],
  "a quota that would never be enough": [
    waiting("QuotaExceeded", "", {
      events: [
        event(
          "Job",
          "FailedCreate",
          'pods "x" is forbidden: exceeded quota: q, requested: pods=1,limits.memory=8Gi, used: pods=0,limits.memory=0, limited: pods=4,limits.memory=4096Mi',
        ),
      ],
    }),
    "quota",
    /can never start: quota q of namespace ns allows pods=4,limits.memory=4096Mi in total, and the job requests pods=1,limits.memory=8Gi/,
    /request less/,
  ],
  "a quota that wants an amount": [
    waiting("FailedCreate", "", {
      events: [event("Job", "FailedCreate", 'pods "x" is forbidden: failed quota: q: must specify limits.memory for: job')],
    }),
    "pod-refused",
    /cannot start: quota q rejects its pod/,
    /--memory/,
  ],
  "a LimitRange": [
    waiting("FailedCreate", "", {
      events: [event("Job", "FailedCreate", 'pods "x" is forbidden: maximum cpu usage per Container is 1, but limit is 2')],
    }),
    "pod-refused",
    /a LimitRange of the namespace \(cpu per Container\) rejects/,
    /kubectl get limitrange/,
  ],
  "a webhook that does not answer": [
    waiting("NoPod", "", { events: [event("Job", "FailedCreate", 'Internal error occurred: failed calling webhook "w": refused')] }),
    "pod-refused",
    /^is waiting because its pod could not be created: Internal error/,
    /automatically/,
  ],
  "given up since a policy would not have it": [
    facts({ status: "ERROR", reason: "FailedCreate", message: "x is forbidden: ValidatingAdmissionPolicy 'p' denied request: no" }),
    "pod-never-made",
    /^never started: policy p rejects/,
    /policy/,
  ],
  "taken back by its queue": [
    facts(
      { status: "QUEUED", reason: "Suspended", started: "2026-01-01T00:00:00Z" },
      {
        seen: { phase: "waiting", reason: "Suspended", message: "", queue: "team", suspendedAt: "2026-01-01T00:50:00Z" },
        kubeJob: { metadata: { name: "x", labels: { "kueue.x-k8s.io/queue-name": "team" } } },
        events: [event("Job", "Stopped", "Preempted to accommodate a workload"), event("Job", "Suspended", "Job suspended")],
      },
    ),
    "suspended",
    /was stopped by queue team 10 min ago \(at 2026-01-01T00:50:00Z\) after it had started, .*\(Stopped: Preempted to accommodate/,
    /get workloads -n ns/,
  ],
  "suspended by somebody after it had begun": [
    waiting("Suspended", "", {
      kubeJob: { metadata: { name: "x", uid: "u" } },
      events: [{ ...event("Job", "Resumed", "Job resumed"), involvedObject: { kind: "Job", name: "x", uid: "u" } }],
    }),
    "suspended",
    /was suspended after it had started/,
    /kubectl patch job -n ns x/,
  ],
  "an earlier run on a dead node": [
    facts({ status: "NOT_SUBMITTED", reason: "EarlierRun", message: "waits for attempt 1, whose pod p still exists on node n1" }),
    "earlier-run",
    /^will run again, but waits for attempt 1, whose pod p still exists on node n1$/,
    /submitted automatically/,
  ],
  "its pod is overdue": [
    facts(
      { status: "RUNNING", reason: "Terminating", node: "n1" },
      {
        seen: { phase: "running", goneBy: "2026-01-01T00:30:00Z", wayOut: "once node n1 is known to be off: kubectl delete pod x --force" },
      },
    ),
    "pod-terminating",
    /should have been deleted 30 min ago and is still Terminating: node n1 may be down/,
    /kubectl delete pod x --force/,
  ],
  "its pod is deleted before it began": [
    waiting("Terminating", "its pod is being deleted"),
    "pod-terminating",
    /before it has started/,
    /wait/,
  ],
  "a clean-up that was cut off": [
    facts(
      {
        status: "STALLED",
        reason: "PodDeleted",
        message: "its pod was deleted while it was running; its own clean-up was cut off after 60 s: killed",
      },
      { kubeJob: kubeJob({ terminationGracePeriodSeconds: 60 }) },
    ),
    "pod-deleted",
    /while it was running; its own clean-up was cut off after 60 s: killed$/,
    /a longer --grace-period \(60 s now\) gives it more time to clean up \(terminationGracePeriodSeconds/,
  ],
  "a clean-up that was cut off when its time was up": [
    facts({ status: "ERROR", reason: "DeadlineExceeded", message: "too long; its own clean-up was cut off after 30 s: killed" }),
    "deadline",
    /DeadlineExceeded\); its own clean-up was cut off after 30 s/,
    /a longer --grace-period gives/,
  ],
  "a clean-up that was cut off by an eviction": [
    facts({ status: "STALLED", reason: "Evicted", message: "low; its own clean-up was cut off after 2 s: killed" }),
    "evicted",
    /low; its own clean-up was cut off after 2 s/,
    /terminationGracePeriodSeconds/,
  ],
  suspended: [waiting("Suspended", "the Job is suspended"), "suspended", /its Job is suspended/, /kubectl patch job -n ns wf-job-1-abc/],
  queued: [
    waiting("Suspended", "the Job is suspended", { kubeJob: { metadata: { name: "x", labels: { "kueue.x-k8s.io/queue-name": "team" } } } }),
    "suspended",
    /for queue team to admit it/,
    /localqueue -n ns team/,
  ],
  "volume not bound": [
    waiting("Unschedulable", "0/1 nodes are available: pod has unbound immediate PersistentVolumeClaims.", {
      claims: [{ name: "c", found: { status: { phase: "Pending" } } }],
      events: [event("PersistentVolumeClaim", "FailedBinding", "no volume", "c")],
    }),
    "volume-not-bound",
    /claim c is Pending, not Bound \(FailedBinding: no volume\)/,
    /debug describe pvc c/,
  ],
  "claim deleted": [
    waiting("Unschedulable", 'persistentvolumeclaim "c" not found', { claims: [{ name: "c", found: undefined }] }),
    "volume-not-bound",
    /claim c does not exist/,
    /creates it where it is missing/,
  ],
  "claim lost": [
    waiting("Unschedulable", "PersistentVolumeClaim lost", {
      claims: [{ name: "c", found: { spec: { volumeName: "v" }, status: { phase: "Lost" } } }],
    }),
    "volume-not-bound",
    /has lost its volume v/,
    /claim/,
  ],
  "too big for every node": [
    waiting("Unschedulable", "0/2 nodes are available: 2 Insufficient cpu, 2 Insufficient nvidia.com/gpu. preemption: none", {
      kubeJob: asks({ cpu: "64", memory: "1Gi", "nvidia.com/gpu": "1" }),
      nodes: [node({ cpu: "8", memory: "32Gi" }), node({ cpu: "4", memory: "64Gi" })],
    }),
    "no-room",
    /requests 64 CPU, and the largest node offers 8 CPU; it requests 1 GPU, and no node has any/,
    /request less: `gasw-k8s cancel Job-1 && gasw-k8s retry Job-1 --cpu 7 --gpu 0`/,
  ],
  "full for now": [
    waiting("Unschedulable", "0/1 nodes are available: 1 Insufficient memory.", {
      kubeJob: asks({ memory: "16Gi" }),
      nodes: [node({ memory: "33554432Ki" })],
    }),
    "no-room",
    /requests 16Gi of memory, and the largest node offers 32Gi of memory, but not enough of it is free/,
    /wait for other jobs/,
  ],
  "nodes that may not be seen": [
    waiting("Unschedulable", "0/1 nodes are available: 1 Insufficient cpu.", { kubeJob: asks({ cpu: "2" }) }),
    "no-room",
    /no node has that much free/,
    /wait for other jobs/,
  ],
  taint: [
    waiting("Unschedulable", "0/3 nodes are available: 3 node(s) had untolerated taint {gpu: yes}."),
    "no-room",
    /3 nodes have an untolerated taint \{gpu: yes\}/,
    /tolerations/,
  ],
  selector: [
    waiting("Unschedulable", "0/3 nodes are available: 3 node(s) didn't match Pod's node affinity/selector.", {
      kubeJob: kubeJob({ nodeSelector: { disk: "ssd" } }),
    }),
    "no-room",
    /labels disk=ssd/,
    /nodeSelector/,
  ],
  "resources of other kinds": [
    waiting("Unschedulable", "0/1 nodes are available: 1 Insufficient ephemeral-storage, 1 Insufficient nvidia.com/mig-1g.5gb.", {
      kubeJob: asks({ "ephemeral-storage": "500Gi", "nvidia.com/mig-1g.5gb": "1", "hugepages-2Mi": "1Gi" }),
      nodes: [node({ "ephemeral-storage": "100Gi" })],
    }),
    "no-room",
    /500Gi of ephemeral-storage, and the largest node offers 100Gi .* 1 nvidia\.com\/mig-1g\.5gb, and no node has any.* 1Gi of hugepages-2Mi/,
    /request less: `gasw-k8s cancel Job-1 && gasw-k8s retry Job-1 --ephemeral-storage \d+Mi --resource nvidia.com\/mig-1g.5gb=\d+ --resource hugepages-2Mi=\d+`/,
  ],
  "other pods beside it": [
    waiting("Unschedulable", "0/2 nodes are available: 2 node(s) didn't match pod anti-affinity rules."),
    "no-room",
    /anti-affinity rules/,
    /affinity\.podAntiAffinity/,
  ],
  "spread too unevenly": [
    waiting("Unschedulable", "0/2 nodes are available: 2 node(s) didn't match pod topology spread constraints."),
    "no-room",
    /topology spread constraints/,
    /topologySpreadConstraints/,
  ],
  "a scheduler that is not there": [
    waiting("Scheduling", "waiting for a node", { pod: pod({ schedulerName: "bin-packer" }) }),
    "scheduling",
    /for the scheduler bin-packer/,
    /schedulerName/,
  ],
  "too much temporary storage": [
    facts({
      status: "STALLED",
      reason: "Evicted",
      message: "Pod ephemeral local storage usage exceeds the total limit of containers 1Gi.",
    }),
    "evicted",
    /used more temporary storage than it requested: Pod ephemeral/,
    /`gasw-k8s retry Job-1 --ephemeral-storage AMOUNT` \(resources\.ephemeralStorage/,
  ],
  "a quota that wants a CPU limit": [
    waiting("FailedCreate", "x", {
      events: [event("Job", "FailedCreate", 'pods "x" is forbidden: failed quota: q: must specify limits.cpu for: job')],
    }),
    "pod-refused",
    /quota q rejects its pod/,
    /--cpu-limit .*`gasw-k8s cancel Job-1 && gasw-k8s retry Job-1`/,
  ],
  cordoned: [waiting("Unschedulable", "0/1 nodes are available: 1 node(s) were unschedulable."), "no-room", /cordoned/, /debug nodes/],
  "mount fails": [
    creating(event("Pod", "FailedMount", "mount failed: exit status 32\nOutput: mount.nfs: access denied by server")),
    "volume-mount",
    /node n1, which cannot mount its volume: mount.nfs: access denied/,
    /exports/,
  ],
  sandbox: [
    creating(event("Pod", "FailedCreatePodSandBox", "no network")),
    "sandbox",
    /cannot set up its pod: no network/,
    /administrator/,
  ],
  "init container runs": [waiting("Initializing", "init container prep runs"), "initializing", /init container prep runs/, /debug logs/],
  pulling: [
    creating(event("Pod", "Scheduled", "ok"), event("Pod", "Pulling", "Pulling image")),
    "pulling-image",
    /node n1, which is pulling its image repo\/app:1/,
    /wait/,
  ],
  preparing: [creating(event("Pod", "Scheduled", "ok")), "preparing", /assigned to node n1/, /wait/],
  scheduling: [
    waiting("Scheduling", "", { pod: { metadata: { creationTimestamp: "2026-01-01T00:59:00Z" } } }),
    "scheduling",
    /for 1 min for the scheduler/,
    /scheduler/,
  ],
  "no pod yet": [waiting("NoPod", ""), "no-pod-yet", /to create its pod/, /controller/],
  "another wait": [waiting("Odd", "strange"), "waiting", /strange \(Odd\)/, /describe/],
  "on a node that has fallen silent": [
    facts(
      { status: "RUNNING", reason: "NodeUnreachable", message: "node n1 does not answer", node: "n1" },
      { events: [event("Pod", "NodeNotReady", "Node is not ready")] },
    ),
    "node-unreachable",
    /its node n1 stopped responding, and may still be running there/,
    /kubectl delete node/,
  ],
  "on a node that has fallen silent, its pod Terminating": [
    facts(
      { status: "RUNNING", reason: "NodeUnreachable", message: "node n1 does not answer", node: "n1" },
      {
        seen: { phase: "running", goneBy: "2026-01-01T00:30:00Z", wayOut: "once node n1 is known to be off: kubectl delete pod x --force" },
      },
    ),
    "node-unreachable",
    /its node n1 stopped responding/,
    /kubectl delete node.*; once node n1 is known to be off: kubectl delete pod x --force/,
  ],
  "with a pod that is being deleted": [
    facts({ status: "RUNNING", reason: "Terminating", node: "n1" }),
    "pod-terminating",
    /its pod is being deleted/,
    /debug events Job-1/,
  ],
  running: [
    facts({ status: "RUNNING", started: "2026-01-01T00:00:00Z", node: "n1" }),
    "running",
    /has been running for 1 h .* on node n1/,
    /-f/,
  ],
  "nothing known": [facts({ status: "QUEUED" }), "unknown", /is QUEUED/, /describe/],
};

describe("why", () => {
  test.each(Object.entries(table))("%s", (_, [given, cause, sentence, remedy]) => {
    const answer = explain(given);
    expect(answer).toMatchObject({ cause });
    expect(answer.sentence).toMatch(sentence);
    expect(answer.remedy).toMatch(remedy);
    expect(`${answer.sentence}${answer.remedy}`).not.toMatch(/undefined|null|NaN|\[object/);
  });

  test.each(Object.entries(table))("%s: proposes only commands that the program takes, ready to be copied", async (_, [given]) => {
    const { remedy } = explain(given);
    // Whatever is a command stands between backticks.
    expect(remedy.replaceAll(/`[^`]*`/g, "")).not.toContain("gasw-k8s ");
    for (const words of proposedCommands(remedy).flatMap(commandLines)) {
      const cwd = folderWith();
      const { io, stderr } = ioDouble({ cwd, env: { HOME: cwd } });
      // Nothing is configured here: what is asked for is not found, but understood.
      expect(await run(words, io, "0"), `${words.join(" ")}: ${stderr()}`).not.toBe(2);
    }
  });

  test("has an example of every cause, each named once", () => {
    const ids = causes.map((cause) => cause.id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(new Set(Object.values(table).map(([, cause]) => cause))).toEqual(new Set(ids));
  });
});

describe("currentState", () => {
  const record: JobRecord = {
    ...UNKNOWN,
    status: "QUEUED",
    reason: "Unschedulable",
    message: "full",
    exitCode: null,
    node: null,
    created: "2026-01-01T00:00:00Z",
    submitted: "2026-01-01T00:00:01Z",
    started: null,
    ended: null,
  };
  const decision = {
    status: "RUNNING",
    reason: null,
    message: null,
    node: "n1",
    pendingFamily: null,
    pendingSince: null,
    removeJob: false,
  } as const;

  test("lays what is seen now over the record", () => {
    expect(currentState(record, decision)).toMatchObject({ status: "RUNNING", reason: undefined, node: "n1", submitted: record.submitted });
  });
  test("keeps the record of a job that has ended", () => {
    const ended = { ...record, status: "ERROR", reason: "OOMKilled", exitCode: 137 } as const;
    expect(currentState(ended, { ...decision, status: "ERROR" })).toMatchObject({ status: "ERROR", reason: "OOMKilled", exitCode: 137 });
  });
  test("does without a record", () => {
    expect(currentState(undefined, decision)).toMatchObject({ status: "RUNNING", node: "n1" });
  });
});
