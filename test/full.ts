/**
 * How many of something a test takes: as many as it was found with where all is run (`CI_FULL=1`), else a number that shows the same in a
 * fraction of the time.
 */
export function many(all: number, usual: number): number {
  return process.env.CI_FULL === "1" ? all : usual;
}
