import type { Io } from "./io.ts";
import { countText } from "./orphans.ts";
import { type Audience, progress } from "./progress.ts";

/** An object that is to go. */
interface Going {
  readonly kind: string;
  readonly path: string;
}

/**
 * Says what of a removal is still waited for; the reason is the kind of object whose turn it is.
 * @param objects in the order in which their kinds are removed
 */
export async function removalProgress(
  io: Io,
  objects: readonly Going[],
  audience: Audience,
): Promise<{ onStep: (gone: Going) => void; stop: () => void }> {
  const left = new Map(objects.map((object) => [object.path, object]));
  const wait = () => {
    const going = [...left.values()];
    return { text: `waiting for the deletion of ${countText(going)}`, reason: going[0]?.kind ?? "" };
  };
  const line = await progress(io, wait(), audience);
  return {
    onStep({ path }) {
      left.delete(path);
      if (left.size > 0) line.update(wait());
    },
    stop: () => line.stop(),
  };
}
