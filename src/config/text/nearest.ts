/** "Did you mean" for misspelt names. Loaded only when there is one. */
import { closest, distance } from "fastest-levenshtein";

/** ` (did you mean "x"?)` where a known name is near enough, else nothing. */
export function didYouMean(name: string, known: readonly string[]): string {
  const nearest = nearestName(name, known);
  return nearest === undefined ? "" : ` (did you mean "${nearest}"?)`;
}

/** The known names that differ by no more than a third, capitals aside, those that differ least first. */
export function similarNames(name: string, known: readonly string[]): string[] {
  const folded = name.toLowerCase();
  return [...new Set(known)]
    .map((candidate) => ({ candidate, by: distance(folded, candidate.toLowerCase()) }))
    .filter(({ by }) => by <= Math.max(1, Math.floor(name.length / 3)))
    .sort((a, b) => a.by - b.by)
    .map(({ candidate }) => candidate);
}

/** The known name that differs least, capitals aside, if it differs by no more than a third. */
function nearestName(name: string, known: readonly string[]): string | undefined {
  const byFolded = new Map(known.map((candidate) => [candidate.toLowerCase(), candidate]));
  if (byFolded.size === 0) return undefined;
  const folded = name.toLowerCase();
  const best = closest(folded, [...byFolded.keys()]);
  return distance(folded, best) <= Math.max(1, Math.floor(name.length / 3)) ? byFolded.get(best) : undefined;
}
