'use strict';
// The blocks: columns made on demand from the terrain, edits kept for columns that are let go, light kept true, and
// changes gathered for the clients until the end of the tick.

const { HEIGHT, lightData } = require('./column');
const { Light } = require('./light');

const COLUMNS = 256; // loaded columns above which unused ones are let go, 100 kB each

class World {
  /** @param {number} most loaded columns; at least those that the players see */
  constructor(facts, terrain, most = COLUMNS) {
    this.facts = facts;
    this.most = Math.max(COLUMNS, most);
    this.terrain = terrain;
    this.columns = new Map();
    this.edits = new Map(); // key -> edits of columns that are not loaded
    this.light = new Light(facts, (cx, cz) => this.columns.get(key(cx, cz)));
    this.changed = new Map(); // cell text -> [x, y, z], this tick
    this.woken = []; // cells whose neighbour changed, for the block rules
    this.tick = 0;
    this.last = null;
  }

  /** The column, made and lit if needed. */
  column(cx, cz) {
    if (this.last && this.last.cx === cx && this.last.cz === cz) return this.last;
    const name = key(cx, cz);
    let column = this.columns.get(name);
    if (!column) {
      column = this.terrain.column(cx, cz);
      const edits = this.edits.get(name);
      if (edits) {
        for (const [cell, state] of edits) column.blocks[cell] = state;
        column.edits = edits;
        this.edits.delete(name);
      }
      this.columns.set(name, column);
      this.light.column(column);
      if (this.columns.size > this.most) this.letGo();
    }
    column.used = this.tick;
    this.last = column;
    return column;
  }

  loaded(x, z) {
    return this.columns.has(key(x >> 4, z >> 4));
  }

  letGo() {
    const old = [...this.columns.values()].sort((a, b) => a.used - b.used).slice(0, 150);
    for (const column of old) {
      if (column.used >= this.tick - 100) continue;
      this.columns.delete(key(column.cx, column.cz));
      if (column.edits.size) this.edits.set(key(column.cx, column.cz), column.edits);
    }
    this.last = null;
    this.light.last = null;
  }

  /** State at whole coordinates; air above the world, bedrock's state below it. */
  get(x, y, z) {
    if (y < 0) return this.bottom || (this.bottom = this.facts.state('bedrock'));
    if (y >= HEIGHT) return 0;
    return this.column(x >> 4, z >> 4).blocks[(y << 8) | ((z & 15) << 4) | (x & 15)];
  }

  /** minecraft-data's block at whole coordinates. */
  block(x, y, z) {
    return this.facts.block[this.get(x, y, z)];
  }

  name(x, y, z) {
    return this.block(x, y, z).name;
  }

  /** Sets a state; the clients hear of it at the end of the tick. @returns {boolean} whether anything changed */
  set(x, y, z, state) {
    if (y < 0 || y >= HEIGHT) return false;
    const column = this.column(x >> 4, z >> 4);
    const cell = (y << 8) | ((z & 15) << 4) | (x & 15);
    const before = column.blocks[cell];
    if (before === state) return false;
    column.blocks[cell] = state;
    column.edits.set(cell, state);
    this.light.changed(x, y, z, before, state);
    this.changed.set(`${x},${y},${z}`, [x, y, z]);
    this.woken.push(x, y, z);
    return true;
  }

  /** Sky light (0..15, as at noon) at whole coordinates. */
  sky(x, y, z) {
    if (y >= HEIGHT) return 15;
    if (y < 0) return 0;
    return this.column(x >> 4, z >> 4).light[(y << 8) | ((z & 15) << 4) | (x & 15)] >> 4;
  }

  /** Light from blocks (0..15). */
  glow(x, y, z) {
    if (y >= HEIGHT || y < 0) return 0;
    return this.column(x >> 4, z >> 4).light[(y << 8) | ((z & 15) << 4) | (x & 15)] & 15;
  }

  /** Whether nothing that dims light stands over the cell. */
  open(x, y, z) {
    return y >= this.column(x >> 4, z >> 4).top[((z & 15) << 4) | (x & 15)];
  }

  biome(x, z) {
    const id = this.column(x >> 4, z >> 4).biomes[(((z & 15) >> 2) << 2) | ((x & 15) >> 2)];
    return this.terrain.biomeNames[id];
  }

  /** Hands the tick's block and light changes to `send(cx, cz, packet name, fields)`. */
  flush(send) {
    this.tick++;
    for (const [x, y, z] of this.changed.values()) {
      send(x >> 4, z >> 4, 'block_change', { location: { x, y, z }, type: this.get(x, y, z) });
    }
    this.changed.clear();
    for (const column of this.columns.values()) {
      if (!column.dirtyLight) continue;
      send(column.cx, column.cz, 'update_light', { chunkX: column.cx, chunkZ: column.cz,
        ...lightData(column, column.dirtyLight) });
      column.dirtyLight = 0;
    }
  }
}

const key = (cx, cz) => `${cx},${cz}`;

module.exports = { World };
