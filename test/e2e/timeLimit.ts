import { get, kubectl, type TestWorkflow } from "./harness.ts";

/**
 * Lowers the time limit of a job's pod to a second, which the pod has had, so that the kubelet ends it as at the end of any limit. A short
 * limit from the beginning would be over before the container starts on a busy node.
 */
export async function endTimeLimit(workflow: TestWorkflow, jobId: string): Promise<void> {
  const { kubernetesName } = await workflow.status(jobId);
  const { items } = await get("pods", "-n", workflow.namespace, "-l", `job-name=${kubernetesName}`);
  for (const { metadata } of items) {
    await kubectl("patch", "pod", metadata.name, "-n", workflow.namespace, "-p", JSON.stringify({ spec: { activeDeadlineSeconds: 1 } }));
  }
}
