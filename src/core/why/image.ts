import { type Cause, type Explanation, type Facts, mainContainer, newestEvent, quote } from "./facts.ts";
import { again, PLACEHOLDERS, rerun } from "./remedies.ts";

const REASONS = new Set([
  "InvalidImageName",
  "ErrImagePull",
  "ImagePullBackOff",
  "ErrImageNeverPull",
  "ImageInspectError",
  "RegistryUnavailable",
  "SignatureValidationFailed",
]);

const FOR_ALL = "`image` in the configuration sets it for all jobs";

/** The command that runs a job in another image. */
export function withImage(facts: Pick<Facts, "job" | "state">): string {
  return rerun(facts, "--image", PLACEHOLDERS.image);
}

/** Explanations of jobs whose image does not come, also of those that were given up for it. */
export const imageCauses: readonly Cause[] = [
  {
    id: "image-name-invalid",
    match: image(
      (_, reason) => reason === "InvalidImageName",
      "is not a valid image name",
      (facts) => `correct the name: ${withImage(facts)} (${FOR_ALL})`,
    ),
  },
  {
    id: "image-not-on-node",
    match: image(
      (_, reason) => reason === "ErrImageNeverPull",
      "is not on the node, and imagePullPolicy Never prevents pulling it",
      (facts) => `load it onto the nodes, or set imagePullPolicy to IfNotPresent; then ${again(facts)}`,
    ),
  },
  {
    id: "image-platform",
    match: image(
      // containerd's words, which end in "not found"; and CRI-O's.
      (text) => /no match for platform|no image found in (?:manifest list|image index) for/i.test(text),
      "is not built for the node's CPU architecture",
      (facts) =>
        `use an image for that architecture: ${withImage(facts)}; or select other nodes with nodeSelector`,
    ),
  },
  {
    id: "image-rate-limit",
    match: image(
      (text) => /toomanyrequests|\b429 Too Many Requests|unexpected status[^\n]*: 429\b/i.test(text),
      "cannot be pulled at present: the registry's rate limit is exceeded",
      () =>
        "pull with credentials (imagePullSecrets), or use a mirror; while the job waits, the pull is retried",
    ),
  },
  {
    id: "image-denied",
    match: image(
      (text) =>
        /unauthorized|(?<!permission )denied|authentication required|no basic auth|\b401 Unauthorized|\b403 Forbidden|unexpected status[^\n]*: 40[13]\b|invalid username\/password/i.test(
          text,
        ),
      "cannot be pulled: the registry requires credentials, or does not have the image",
      (facts) =>
        `correct the name: ${withImage(facts)}; or add a secret with the registry's credentials to imagePullSecrets, then ${again(facts)}`,
    ),
  },
  {
    id: "image-not-found",
    match: image(
      (text) =>
        /manifest unknown|name unknown|\bnot found\b|NotFound|\b404 Not Found|StatusCode: 404|unexpected status[^\n]*: 404\b/.test(
          text,
        ) && !/no such host/.test(text),
      "does not exist in its registry",
      (facts) => `correct the image's name or tag: ${withImage(facts)} (${FOR_ALL})`,
    ),
  },
  {
    id: "registry-unreachable",
    match: image(
      (text, reason) =>
        reason === "RegistryUnavailable" ||
        /no such host|dial tcp|connection refused|i\/o timeout|deadline exceeded|no route|TLS handshake|x509|name resolution|server misbehaving/i.test(
          text,
        ),
      "cannot be pulled because the node cannot reach its registry",
      (facts) =>
        `check the registry's name in the image (to correct it: ${withImage(facts)}), and the node's network, proxy and certificates; while the job waits, the pull is retried`,
    ),
  },
  {
    id: "image-pull",
    match: image(
      () => true,
      "cannot be pulled",
      (facts) =>
        `see the registry's response below, and fix the image's name (${withImage(facts)}), the credentials or the network; while the job waits, the pull is retried`,
    ),
  },
];

/** A row about the image: holds when the reason is one of an image and the words fit. */
function image(
  fits: (text: string, reason: string) => boolean,
  trouble: string,
  remedy: (facts: Facts) => string,
): Cause["match"] {
  return (facts): Explanation | undefined => {
    const { reason = "" } = facts.state;
    if (!REASONS.has(reason)) return undefined;
    const event = pullEvent(facts);
    const text = `${facts.state.message ?? ""}\n${event?.message ?? ""}`;
    const name = imageName(facts, text);
    if (!fits(withoutNames(text, [name, mainContainer(facts)?.image]), reason)) return undefined;
    const isOver = facts.state.status === "ERROR" ? "failed" : "is waiting";
    const evidence =
      event === undefined ? (facts.state.message === undefined ? [] : [facts.state.message]) : quote(event);
    return {
      sentence: `${isOver}: its image${name === undefined ? "" : ` ${name}`} ${trouble}`,
      remedy: remedy(facts),
      evidence,
    };
  };
}

/** A text without what may hold any number or word: digests, and the image's own name. */
function withoutNames(text: string, names: readonly (string | undefined)[]): string {
  const known = names.filter((name) => name !== undefined && name !== "");
  return known
    .reduce<string>((rest, name) => rest.replaceAll(String(name), "IMAGE"), text)
    .replaceAll(/sha256:[0-9a-f]+/g, "DIGEST");
}

/**
 * The event that quotes the registry's or the runtime's own words; the back-off that follows it says less.
 */
function pullEvent(facts: Facts) {
  return newestEvent(
    facts,
    (event) =>
      event.reason === "Failed" &&
      /pull|image/i.test(event.message ?? "") &&
      !/^Error: /.test(event.message ?? ""),
  );
}

function imageName(facts: Facts, text: string): string | undefined {
  return /image "([^"]+)"/.exec(text)?.[1] ?? mainContainer(facts)?.image;
}
