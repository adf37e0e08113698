/** Where a value came from. */
export type Origin =
  | { readonly kind: "default" }
  | { readonly kind: "file"; readonly path: string; readonly line?: number }
  | { readonly kind: "environment"; readonly name: string }
  | { readonly kind: "option"; readonly name: string }
  /** Found elsewhere, where no source of the configuration gives it. */
  | { readonly kind: "found"; readonly where: string };

/** The origin in words, as `config show` and the errors print it. */
export function originText(origin: Origin): string {
  switch (origin.kind) {
    case "default":
      return "default";
    case "file":
      return origin.line === undefined ? origin.path : `${origin.path}:${origin.line}`;
    case "environment":
      return origin.name;
    case "option":
      return `option ${origin.name}`;
    case "found":
      return origin.where;
  }
}

/** A key path as people write it: `volumes[0].name`. */
export function keyText(path: readonly PropertyKey[]): string {
  return path
    .map((segment, index) =>
      typeof segment === "number" ? `[${segment}]` : `${index > 0 ? "." : ""}${String(segment)}`,
    )
    .join("");
}
