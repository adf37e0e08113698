// Chance that a seed decides; what happens at the same time in real processes it does not.

/** Numbers from 0 to 1 (mulberry32). */
function generator(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export class Chance {
  #next;

  constructor(seed) {
    this.#next = generator(seed);
  }

  between(low, high) {
    return low + this.#next() * (high - low);
  }

  whole(low, high) {
    return Math.floor(this.between(low, high + 1));
  }

  isLuck(share) {
    return this.#next() < share;
  }

  /** @template T @param {readonly T[]} items @returns {T} */
  one(items) {
    return items[Math.floor(this.#next() * items.length)];
  }

  /** A key of an object, by its weights. */
  weighed(weights) {
    let left = this.between(
      0,
      Object.values(weights).reduce((sum, weight) => sum + weight, 0),
    );
    for (const [name, weight] of Object.entries(weights)) {
      left -= weight;
      if (left <= 0) return name;
    }
    return Object.keys(weights)[0];
  }
}
