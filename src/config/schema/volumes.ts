import { array, discriminatedUnion, literal, object, optional, pipe, prefault, transform } from "zod/mini";
import * as fields from "./fields.ts";
import { key } from "./fields.ts";

const capacity = () =>
  key(
    prefault(fields.memoryQuantity(), "1Gi"),
    "Capacity of the volume; network file systems do not enforce it.",
  );

/** Where the workflow directory itself is. */
export const workflowVolume = discriminatedUnion("type", [
  object({ type: literal("nfs"), capacity: capacity() }),
  object({
    type: literal("hostPath"),
    path: key(
      optional(fields.absolutePath()),
      "Directory on the nodes that contains the workflow directories; default: the parent of the workflow directory.",
    ),
    capacity: capacity(),
  }),
  object({
    type: literal("claim"),
    name: key(fields.required(fields.objectName()), "Existing claim that contains the workflow directories."),
    subPath: key(
      optional(fields.relativeFolder()),
      "Directory in the claim that contains the workflow directories.",
    ),
    capacity: capacity(),
  }),
]);

/** A further volume of a job's pod. */
export const volume = pipe(
  object({
    name: key(fields.required(fields.labelText()), "Name of the volume, used to name its PV and claim."),
    type: key(
      prefault(fields.oneOf(["nfs", "hostPath", "claim", "storageClass"]), "nfs"),
      "Where the files are.",
    ),
    mountPathContainer: key(fields.required(fields.absolutePath()), "Mount path in the container."),
    nfsFolder: key(optional(fields.relativeFolder()), "`nfs`: directory below `nfsPath`."),
    path: key(optional(fields.absolutePath()), "`hostPath`: directory on the nodes."),
    claimName: key(optional(fields.objectName()), "`claim`: the existing claim; default: `name`."),
    storageClassName: key(optional(fields.objectName()), "`storageClass`: the class; default: `name`."),
    subPath: key(
      optional(fields.relativeFolder()),
      "Directory in the volume to mount instead of the whole volume.",
    ),
    accessModes: key(
      optional(fields.accessMode()),
      '`"ReadOnlyMany"` mounts the volume read-only; default: `"ReadWriteMany"` for `storageClass`, otherwise `"ReadOnlyMany"`.',
    ),
    capacity: capacity(),
    mountOptions: key(prefault(array(fields.text()), []), "Mount options of the volume."),
  }),
  transform((value, context) => {
    const { type, nfsFolder, path, claimName, storageClassName, accessModes, ...rest } = value;
    const base = {
      ...rest,
      accessModes: accessModes ?? (type === "storageClass" ? "ReadWriteMany" : "ReadOnlyMany"),
    };
    /** A field that this type of volume cannot do without. */
    const needed = (field: string, given: string | undefined, expected: string): string => {
      if (given === undefined)
        context.issues.push({ code: "custom", input: undefined, path: [field], message: expected });
      return given ?? "";
    };
    const named = fields.isObjectName(value.name) ? value.name : undefined;
    switch (type) {
      case "nfs":
        return { ...base, type, nfsFolder: needed("nfsFolder", nfsFolder, "a folder below nfsPath") };
      case "hostPath":
        return { ...base, type, path: needed("path", path, "a folder on the nodes") };
      case "claim":
        return {
          ...base,
          type,
          claimName: needed("claimName", claimName ?? named, "the name of an existing claim"),
        };
      case "storageClass":
        return {
          ...base,
          type,
          storageClassName: needed(
            "storageClassName",
            storageClassName ?? named,
            "the name of a storage class",
          ),
        };
    }
  }),
);
