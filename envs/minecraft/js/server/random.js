'use strict';
// Seeded randomness: a stream for the rules, and a hash of a position for the terrain. Never Math.random.

/** A stream of numbers from a seed (mulberry32). */
class Chance {
  constructor(seed) {
    this.state = seed | 0;
  }

  /** @returns {number} in [0, 1) */
  next() {
    this.state = (this.state + 0x6d2b79f5) | 0;
    let t = this.state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }

  /** @returns {number} whole number in [0, n) */
  below(n) {
    return Math.floor(this.next() * n);
  }

  /** @returns {number} whole number in [least, most] */
  between(least, most) {
    return least + this.below(most - least + 1);
  }

  /** @returns {number} in [least, most) */
  within(least, most) {
    return least + this.next() * (most - least);
  }

  lucky(chance) {
    return this.next() < chance;
  }
}

/** Hash of a position and a salt: a 32-bit whole number. */
function hash(seed, x, y, z) {
  let h = (Math.imul(x, 374761393) ^ Math.imul(y, 668265263) ^ Math.imul(z, 1442695041) ^ Math.imul(seed,
    1274126177)) | 0;
  h = Math.imul(h ^ (h >>> 15), 2246822519);
  h = Math.imul(h ^ (h >>> 13), 3266489917);
  return (h ^ (h >>> 16)) >>> 0;
}

/** As hash, in [0, 1). */
const hashed = (seed, x, y, z) => hash(seed, x, y, z) / 4294967296;

const smooth = (t) => t * t * (3 - 2 * t);

/** Value noise in [0, 1) at (x, z) with cells of `size` blocks. */
function noise2(seed, x, z, size) {
  const gx = x / size;
  const gz = z / size;
  const x0 = Math.floor(gx);
  const z0 = Math.floor(gz);
  const u = smooth(gx - x0);
  const v = smooth(gz - z0);
  const a = hashed(seed, x0, 0, z0);
  const b = hashed(seed, x0 + 1, 0, z0);
  const c = hashed(seed, x0, 0, z0 + 1);
  const d = hashed(seed, x0 + 1, 0, z0 + 1);
  return a + (b - a) * u + (c - a) * v + (a - b - c + d) * u * v;
}

/** Two or more octaves of noise2, in [0, 1). */
function octaves2(seed, x, z, size, count) {
  let sum = 0;
  let weight = 0;
  let share = 1;
  for (let i = 0; i < count; i++) {
    sum += share * noise2(seed + i * 7919, x, z, size / 2 ** i);
    weight += share;
    share /= 2;
  }
  return sum / weight;
}

/** Value noise in [0, 1) at (x, y, z); cells are `size` wide and `high` tall. */
function noise3(seed, x, y, z, size, high) {
  const gx = x / size;
  const gy = y / high;
  const gz = z / size;
  const x0 = Math.floor(gx);
  const y0 = Math.floor(gy);
  const z0 = Math.floor(gz);
  const u = smooth(gx - x0);
  const v = smooth(gy - y0);
  const w = smooth(gz - z0);
  const layer = (y1) => {
    const a = hashed(seed, x0, y1, z0);
    const b = hashed(seed, x0 + 1, y1, z0);
    const c = hashed(seed, x0, y1, z0 + 1);
    const d = hashed(seed, x0 + 1, y1, z0 + 1);
    return a + (b - a) * u + (c - a) * w + (a - b - c + d) * u * w;
  };
  const low = layer(y0);
  return low + (layer(y0 + 1) - low) * v;
}

module.exports = { Chance, hash, hashed, noise2, octaves2, noise3 };
