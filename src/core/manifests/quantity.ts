/**
 * Kubernetes quantities ("500m", "1.5Gi", "1e3") as numbers, and the check that catches memory written
 * without its unit.
 */

const MULTIPLIERS: Readonly<Record<string, number>> = {
  n: 1e-9,
  u: 1e-6,
  m: 1e-3,
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

const QUANTITY = /^([+-]?(?:\d+\.?\d*|\.\d+))(?:([eE][+-]?\d+)|(n|u|m|k|M|G|T|P|E|Ki|Mi|Gi|Ti|Pi|Ei)?)$/;

const MEBIBYTE = 2 ** 20;

/** The value of a Kubernetes quantity in base units (cores, bytes), or undefined where the text is none. */
export function parseQuantity(text: string): number | undefined {
  const match = QUANTITY.exec(text);
  if (!match) return undefined;
  const [, digits = "", exponent = "", suffix = ""] = match;
  const value = Number(digits + exponent) * (MULTIPLIERS[suffix] ?? 1);
  return Number.isFinite(value) ? value : undefined;
}

/**
 * What is wrong with an amount of memory or storage, in words that follow "expected", or undefined where
 * nothing is. "512" is 512 bytes and "512m" half a byte: both are refused, since nobody means them.
 */
export function checkMemory(text: string): string | undefined {
  const bytes = parseQuantity(text);
  if (bytes === undefined) return 'an amount such as "512Mi" or "4Gi"';
  if (bytes <= 0) return 'an amount above zero, such as "512Mi"';
  const [, number, unit] = /^\+?([\d.]+)(.*)$/.exec(text) ?? [];
  const hasByteUnit = /^[kMGTPE]i?$|^Ki$/.test(unit ?? "");
  return bytes < MEBIBYTE && !hasByteUnit
    ? `an amount with its unit (did you mean "${number}Mi"?)`
    : undefined;
}

/** An amount of memory times a factor, in whole mebibytes; what is no quantity stays as it is. */
export function scaleMemory(text: string, factor: number): string {
  const bytes = parseQuantity(text);
  return bytes === undefined ? text : `${Math.ceil((bytes * factor) / MEBIBYTE)}Mi`;
}
