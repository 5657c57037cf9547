'use strict';
// Water and lava: sources, flowing levels, falling columns, two sources making a third, and what happens when they
// meet.

const SIDES = [[1, 0], [-1, 0], [0, 1], [0, -1]];
const PACE = [0, 5, 30]; // ticks a step of water and lava
const LOSS = [0, 1, 2]; // levels lost a block

class Liquids {
  constructor(blocks) {
    this.blocks = blocks;
    this.world = blocks.world;
    this.facts = blocks.facts;
    this.base = [0, this.facts.named('water').minStateId, this.facts.named('lava').minStateId];
    this.waiting = new Set();
  }

  /** Something next to a liquid changed. */
  wake(x, y, z, state) {
    // plants in water
    if (state < this.base[1] || (state > this.base[1] + 15 && state < this.base[2]) || state > this.base[2] + 15)
      return;
    const key = `${x},${y},${z}`;
    if (this.waiting.has(key)) return;
    this.waiting.add(key);
    this.blocks.later(PACE[this.facts.liquid[state]], 'flow', x, y, z);
  }

  flow(x, y, z) {
    this.waiting.delete(`${x},${y},${z}`);
    const { world, facts } = this;
    let state = world.get(x, y, z);
    const kind = facts.liquid[state];
    if (!kind || state > this.base[kind] + 15) return;
    if (kind === 2 && this.harden(x, y, z, state)) return;
    if (facts.level[state] !== 0) {
      const fed = this.fed(x, y, z, kind);
      if (fed !== state) {
        world.set(x, y, z, fed);
        if (!fed) return;
        state = fed;
      }
    }
    this.spread(x, y, z, state, kind);
  }

  /** What a flowing cell should be, by what feeds it; 0 when nothing does. */
  fed(x, y, z, kind) {
    const { world, facts } = this;
    if (facts.liquid[world.get(x, y + 1, z)] === kind) return this.base[kind] + 8;
    let best = 99;
    let sources = 0;
    for (const [dx, dz] of SIDES) {
      const other = world.get(x + dx, y, z + dz);
      if (facts.liquid[other] !== kind) continue;
      const level = facts.level[other];
      if (level === 0) sources++;
      best = Math.min(best, level >= 8 ? 0 : level);
    }
    if (kind === 1 && sources >= 2) {
      const below = world.get(x, y - 1, z);
      if (facts.solid[below] || (facts.liquid[below] === 1 && facts.level[below] === 0)) return this.base[1];
    }
    const level = best + LOSS[kind];
    return level > 7 ? 0 : this.base[kind] + level;
  }

  spread(x, y, z, state, kind) {
    const { world, facts } = this;
    const level = facts.level[state];
    const below = world.get(x, y - 1, z);
    if (y > 0 && this.enters(below, kind)) {
      this.fill(x, y - 1, z, this.base[kind] + 8, kind);
      if (level !== 0) return;
    } else if (facts.liquid[below] === kind && level !== 0) return;
    const next = (level >= 8 ? 0 : level) + LOSS[kind];
    if (next > 7) return;
    for (const [dx, dz] of SIDES) {
      if (!world.loaded(x + dx, z + dz)) continue;
      const other = world.get(x + dx, y, z + dz);
      if (facts.liquid[other] === kind) {
        if (facts.level[other] !== 0 && facts.level[other] < 8 && facts.level[other] > next)
          world.set(x + dx, y, z + dz, this.base[kind] + next);
      } else if (this.enters(other, kind)) this.fill(x + dx, y, z + dz, this.base[kind] + next, kind);
    }
  }

  enters(state, kind) {
    const { facts } = this;
    if (facts.liquid[state]) return facts.liquid[state] !== kind;
    return !facts.solid[state] && facts.block[state].name !== 'sugar_cane'
      && !/_(sign|door)$|^ladder$/.test(facts.block[state].name);
  }

  fill(x, y, z, state, kind) {
    const { world, facts, blocks } = this;
    const other = world.get(x, y, z);
    if (facts.liquid[other] && facts.liquid[other] !== kind) {
      if (kind === 1) world.set(x, y, z, facts.state(facts.level[other] === 0 ? 'obsidian' : 'cobblestone'));
      else world.set(x, y, z, facts.state('stone'));
      return;
    }
    if (other) blocks.crumble(x, y, z, other);
    world.set(x, y, z, state);
  }

  /** Lava that water touches. */
  harden(x, y, z, state) {
    const { world, facts } = this;
    const touched = [[0, 1, 0], ...SIDES.map(([dx, dz]) => [dx, 0, dz])].some(([dx, dy, dz]) =>
      facts.liquid[world.get(x + dx, y + dy, z + dz)] === 1);
    return touched && world.set(x, y, z, facts.state(facts.level[state] === 0 ? 'obsidian' : 'cobblestone'));
  }
}

module.exports = { Liquids };
