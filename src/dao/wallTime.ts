const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(timeZone: string): Intl.DateTimeFormat {
  let format = formats.get(timeZone);
  if (format === undefined) {
    const number = "numeric";
    format = new Intl.DateTimeFormat("en-US", {
      timeZone,
      calendar: "iso8601",
      numberingSystem: "latn",
      hourCycle: "h23",
      year: number,
      month: number,
      day: number,
      hour: number,
      minute: number,
      second: number,
    });
    formats.set(timeZone, format);
  }
  return format;
}

/** Milliseconds by which a zone's clocks are ahead of UTC at an instant. */
function offsetAt(instant: number, timeZone: string): number {
  const second = Math.floor(instant / 1000) * 1000;
  const parts = Object.fromEntries(
    formatOf(timeZone)
      .formatToParts(second)
      .map(({ type, value }) => [type, Number(value)]),
  );
  const { year = 0, month = 0, day = 0, hour = 0, minute = 0, second: seconds = 0 } = parts;
  return Date.UTC(year, month - 1, day, hour, minute, seconds) - second;
}

/**
 * What a zone's clocks show at an instant, as databases write a timestamp without zone: `2024-05-01
 * 12:00:00.123`.
 * @param time RFC 3339, of the years 100 to 9999
 * @param timeZone IANA name
 * @throws RangeError where one of them is none
 */
export function toWallTime(time: string, timeZone: string): string {
  const instant = Date.parse(time);
  return new Date(instant + offsetAt(instant, timeZone)).toISOString().slice(0, 23).replace("T", " ");
}

/**
 * The instant at which a zone's clocks show a time, in RFC 3339 and UTC. A time that they show twice (the
 * hour that a change of clocks repeats) is the earlier one; one that they skip is as much later.
 * @param text as databases write a timestamp without zone; null for anything else, such as MySQL's zero date
 */
export function fromWallTime(text: string, timeZone: string): string | null {
  const [match, day, time, fraction = ""] =
    /^(\d{4}-\d\d-\d\d)[ T](\d\d:\d\d:\d\d)(?:\.(\d+))?$/.exec(text) ?? [];
  const wall =
    match === undefined ? Number.NaN : Date.parse(`${day}T${time}.${fraction.slice(0, 3).padEnd(3, "0")}Z`);
  if (Number.isNaN(wall)) return null;
  const before = offsetAt(wall - DAY_MS, timeZone);
  const after = offsetAt(wall + DAY_MS, timeZone);
  const instants = [wall - before, wall - after].filter(
    (instant) => instant + offsetAt(instant, timeZone) === wall,
  );
  return new Date(instants.length === 0 ? wall - before : Math.min(...instants)).toISOString();
}

/**
 * Further than any zone is from UTC: a change of clocks that touches a wall time lies between a day before
 * and a day after it.
 */
const DAY_MS = 24 * 3600 * 1000;
