import { expect, test } from "vitest";
import { readRefusal } from "../../../src/core/lifecycle/refusal.ts";

const POD = 'pods "job-1-abcde" is forbidden:';

/** Messages as the API server (1.34) writes them into FailedCreate events. */
test.each([
  [
    `${POD} exceeded quota: team-a, requested: pods=1, used: pods=4, limited: pods=4`,
    "used-up",
    "quota team-a",
    /wait for other jobs to end/,
  ],
  [
    `${POD} failed quota: team-a: must specify limits.memory for: job`,
    "standing",
    "quota team-a",
    /limits\.memory for: job: --memory \(or resources\.memory\)/,
  ],
  [`${POD} failed quota: q: must specify requests.cpu for: job`, "standing", "quota q", /--cpu \(or resources\.cpu\)/],
  [`${POD} failed quota: q: must specify limits.cpu,limits.memory for: job`, "standing", "quota q", /--memory .*LimitRange/],
  [
    `${POD} violates PodSecurity "restricted:latest": privileged (container "job" must not set securityContext.privileged=true)`,
    "standing",
    "Pod Security Standard restricted:latest",
    /from securityContext/,
  ],
  [
    `${POD} ValidatingAdmissionPolicy 'no-latest' with binding 'all' denied request: use a tag`,
    "standing",
    "policy no-latest",
    /change the setting that the policy names/,
  ],
  [
    `admission webhook "validate.kyverno.svc-fail" denied the request: policy require-labels`,
    "standing",
    "admission webhook validate.kyverno.svc-fail",
    /ask the administrator/,
  ],
  [
    `${POD} maximum memory usage per Container is 1Gi, but limit is 2Gi`,
    "standing",
    "a LimitRange of the namespace (memory per Container)",
    /amount within it/,
  ],
  [
    `${POD} [minimum cpu usage per Pod is 100m, but request is 50m, maximum memory usage per Pod is 1Gi, but limit is 2Gi]`,
    "standing",
    "a LimitRange of the namespace (cpu per Pod)",
    /LimitRange/,
  ],
  [
    `${POD} cpu max limit to request ratio per Container is 2, but provided ratio is 4.000000`,
    "standing",
    "a LimitRange of the namespace (cpu per Container)",
    /closer to the request \(--cpu-limit.*LimitRange/,
  ],
  [`${POD} no PriorityClass with name urgent was found`, "standing", "the missing PriorityClass urgent", /priorityClassName/],
  [
    `${POD} error looking up service account ns/gasw: serviceaccount "gasw" not found`,
    "standing",
    "the missing service account gasw",
    /serviceAccountName/,
  ],
  [
    'Pod "job-1" is invalid: spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
    "standing",
    "a LimitRange of the namespace (default limit for cpu)",
    /set the limit, too \(--cpu-limit, or resources\.cpuLimit in the configuration\), or request at most 1 \(--cpu, /,
  ],
  ['Pod "job-1" is invalid: spec.tolerations[0].key: Invalid value: "a b"', "standing", undefined, /fix the value/],
  [
    `${POD} failed quota: q: must specify limits.cpu,requests.ephemeral-storage for: job`,
    "standing",
    "quota q",
    /^set .*: --cpu-limit \(or resources\.cpuLimit\), --ephemeral-storage \(or resources\.ephemeralStorage\), which sets request and limit, or/,
  ],
  [
    `${POD} failed quota: q: must specify limits.cpu for: job,metrics; limits.memory for: metrics`,
    "standing",
    "quota q",
    /: --cpu-limit \(or resources\.cpuLimit\), `resources` of metrics \(sidecars or initContainers\), or/,
  ],
  [
    `${POD} exceeded quota: q, requested: limits.cpu=4,requests.nvidia.com/mig-1g.5gb=2, used: limits.cpu=3,requests.nvidia.com/mig-1g.5gb=1, limited: limits.cpu=6,requests.nvidia.com/mig-1g.5gb=2`,
    "used-up",
    "quota q",
    /^wait for other jobs to end, request less \(--cpu-limit, --resource\), or ask/,
  ],
  [
    `${POD} maximum cpu usage per Container is 1.  No limit is specified`,
    "standing",
    "a LimitRange of the namespace (cpu per Container)",
    /amount within it \(--cpu-limit, or resources\.cpuLimit/,
  ],
  [
    `${POD} minimum cpu usage per Container is 100m, but request is 50m`,
    "standing",
    "a LimitRange of the namespace (cpu per Container)",
    /amount within it \(--cpu, or resources\.cpu in/,
  ],
  [
    `${POD} maximum ephemeral-storage usage per Container is 1Gi, but limit is 2Gi`,
    "standing",
    "a LimitRange of the namespace (ephemeral-storage per Container)",
    /\(--ephemeral-storage, or/,
  ],
  [`${POD} pod rejected: RuntimeClass "gvisor" not found`, "standing", "the missing RuntimeClass gvisor", /runtimeClassName/],
  [`${POD} error looking up service account ns/default: serviceaccount "default" not found`, "passing", undefined, /retries automatically/],
  [
    'Internal error occurred: failed calling webhook "x.istio.io": service "istiod" not found',
    "passing",
    undefined,
    /tell the administrator/,
  ],
  ['Operation cannot be fulfilled on resourcequotas "q": the object has been modified', "passing", undefined, /wait/],
  [`${POD} unable to create new content in namespace ns because it is being terminated`, "passing", undefined, /wait/],
  ["Timeout: request did not complete within requested timeout", "passing", undefined, /wait/],
  ["a word that nobody knows", "passing", undefined, /wait/],
  ["", "passing", undefined, /wait/],
])("%s", (message, kind, by, remedy) => {
  const refusal = readRefusal(message);
  expect({ kind: refusal.kind, by: refusal.by }).toEqual({ kind, by });
  expect(refusal.remedy).toMatch(remedy);
});
