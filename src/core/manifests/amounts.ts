import { parseQuantity } from "./quantity.ts";

const BINARY_UNITS = ["", "Ki", "Mi", "Gi", "Ti", "Pi"];

/**
 * An amount of memory or storage in its largest fitting binary unit: `15.6Gi`; what is no quantity stays as
 * it is.
 */
export function memoryText(quantity: string | undefined): string {
  const bytes = quantity === undefined ? undefined : parseQuantity(quantity);
  if (bytes === undefined) return quantity ?? "-";
  let [value, unit] = [bytes, 0];
  while (value >= 1024 && unit < BINARY_UNITS.length - 1) [value, unit] = [value / 1024, unit + 1];
  return `${Number(value.toFixed(1))}${BINARY_UNITS[unit]}`;
}

/** A number of cores: `2`, `0.5`. */
export function cpuText(quantity: string | undefined): string {
  const cores = quantity === undefined ? undefined : parseQuantity(quantity);
  return cores === undefined ? (quantity ?? "-") : String(Number(cores.toFixed(3)));
}

/** Twice an amount of memory, as a quantity to try next. */
export function twice(quantity: string): string {
  const bytes = parseQuantity(quantity);
  return bytes === undefined ? quantity : memoryText(String(bytes * 2));
}

/** A length of time in words: `45 s`, `3 min 10 s`, `2 h 5 min`, `4 d 3 h`. */
export function timeText(milliseconds: number): string {
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  const units = [
    ["d", 86400],
    ["h", 3600],
    ["min", 60],
    ["s", 1],
  ] as const;
  const first = units.findIndex(([, size]) => seconds >= size);
  if (first < 0) return "0 s";
  const parts = units.slice(first, first + 2).map(([name, size], index) => {
    const count = Math.floor((index === 0 ? seconds : seconds % (units[first]?.[1] ?? 1)) / size);
    return count > 0 ? `${count} ${name}` : "";
  });
  return parts.filter((part) => part !== "").join(" ");
}
