'use strict';
// Clock warp: `node -r clock.js` with WARP=N in the environment makes this process's clocks and timers run
// N times as fast (server ticks, bot physics, dig timers). WARP absent or 1 changes nothing.

const timersPromises = require('timers/promises');
const util = require('util');

/** Longest delay that Node's timers take; longer ones fire at once. */
const LONGEST = 2 ** 31 - 1;

function warp(factor) {
  const RealDate = Date;
  const realNow = Date.now.bind(Date);
  const realPerformance = performance.now.bind(performance);
  const dateStart = realNow();
  const performanceStart = realPerformance();
  const now = () => Math.floor(dateStart + (realNow() - dateStart) * factor);
  performance.now = () => performanceStart + (realPerformance() - performanceStart) * factor;
  globalThis.Date = class extends RealDate {
    constructor(...parts) {
      if (parts.length) super(...parts);
      else super(now());
    }

    static now() {
      return now();
    }
  };
  const shorter = (ms) => Math.min(LONGEST, Math.max(1, (ms || 0) / factor));
  for (const name of ['setTimeout', 'setInterval']) {
    const real = globalThis[name];
    const warped = (callback, ms, ...rest) => real(callback, shorter(ms), ...rest);
    const promised = real[util.promisify.custom];
    if (promised) warped[util.promisify.custom] = (ms, ...rest) => promised(shorter(ms), ...rest);
    globalThis[name] = warped;
  }
  const realPromise = timersPromises.setTimeout;
  timersPromises.setTimeout = (ms, ...rest) => realPromise(shorter(ms), ...rest);
}

const text = process.env.WARP || '1';
const factor = Number(text);
if (!(factor > 0 && factor <= 1000)) {
  process.stderr.write(`WARP must be a number above 0 and at most 1000, got ${JSON.stringify(text)}\n`);
  process.exit(1);
}
if (factor !== 1) warp(factor);
