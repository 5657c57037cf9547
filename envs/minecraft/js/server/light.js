'use strict';
// Sky and block light: full computation of a new column, and exact changes after one block changed.
// Light spreads to the six neighbours and loses at least one a step, or the block's own opacity when that is more.

const { HEIGHT } = require('./column');

const DX = [1, -1, 0, 0, 0, 0];
const DY = [0, 0, 1, -1, 0, 0];
const DZ = [0, 0, 0, 0, 1, -1];

class Light {
  /**
   * @param {object} facts tables by state
   * @param {(cx: number, cz: number) => object} columnAt loaded column or undefined
   */
  constructor(facts, columnAt) {
    this.opacity = facts.opacity;
    this.emission = facts.emission;
    this.columnAt = columnAt;
    this.last = null;
  }

  /** Loaded column that holds (x, z), kept for the next call. */
  at(x, z) {
    const cx = x >> 4;
    const cz = z >> 4;
    if (this.last && this.last.cx === cx && this.last.cz === cz) return this.last;
    const column = this.columnAt(cx, cz);
    if (column) this.last = column;
    return column;
  }

  /** Lights a column that was just made, and its share of the neighbours that are loaded. */
  column(column) {
    this.last = null;
    const { blocks, light, top } = column;
    light.fill(0);
    const sky = [];
    const block = [];
    for (let i = 0; i < 256; i++) {
      let y = HEIGHT - 1;
      while (y >= 0 && this.opacity[blocks[(y << 8) | i]] === 0) light[(y-- << 8) | i] = 240;
      top[i] = y + 1;
    }
    const x0 = column.cx << 4;
    const z0 = column.cz << 4;
    for (let i = 0; i < 256; i++) {
      const x = i & 15;
      const z = i >> 4;
      // A cell of full sky light can only give to lower neighbours: cells up to the highest neighbouring top.
      let reach = top[i];
      if (x > 0) reach = Math.max(reach, top[i - 1]);
      if (x < 15) reach = Math.max(reach, top[i + 1]);
      if (z > 0) reach = Math.max(reach, top[i - 16]);
      if (z < 15) reach = Math.max(reach, top[i + 16]);
      for (let y = top[i]; y <= Math.min(reach, HEIGHT - 1); y++) sky.push(x0 + x, y, z0 + z);
    }
    for (let cell = 0; cell < blocks.length; cell++) {
      const emitted = this.emission[blocks[cell]];
      if (!emitted) continue;
      light[cell] |= emitted;
      block.push(x0 + (cell & 15), cell >> 8, z0 + ((cell >> 4) & 15));
    }
    column.lit = true;
    this.borders(column, sky, block);
    this.spread(sky, 4);
    this.spread(block, 0);
  }

  /** Adds the cells on both sides of the borders with loaded neighbours from which light may pass. */
  borders(column, sky, block) {
    for (const [dx, dz] of [[1, 0], [-1, 0], [0, 1], [0, -1]]) {
      const other = this.columnAt(column.cx + dx, column.cz + dz);
      if (!other || !other.lit) continue;
      for (let i = 0; i < 16; i++) {
        const ax = dx === 1 ? 15 : dx === -1 ? 0 : i;
        const az = dz === 1 ? 15 : dz === -1 ? 0 : i;
        const bx = dx === 1 ? 0 : dx === -1 ? 15 : i;
        const bz = dz === 1 ? 0 : dz === -1 ? 15 : i;
        for (let y = 0; y < HEIGHT; y++) {
          const a = column.light[(y << 8) | (az << 4) | ax];
          const b = other.light[(y << 8) | (bz << 4) | bx];
          if (a === b) continue;
          const ds = (a >> 4) - (b >> 4);
          const db = (a & 15) - (b & 15);
          if (ds > 1) sky.push((column.cx << 4) + ax, y, (column.cz << 4) + az);
          else if (ds < -1) sky.push((other.cx << 4) + bx, y, (other.cz << 4) + bz);
          if (db > 1) block.push((column.cx << 4) + ax, y, (column.cz << 4) + az);
          else if (db < -1) block.push((other.cx << 4) + bx, y, (other.cz << 4) + bz);
        }
      }
    }
  }

  /** Spreads light outwards from the cells in `queue` (x, y, z, x, ...); shift 4: sky, 0: blocks. */
  spread(queue, shift) {
    const keep = shift ? 15 : 240;
    for (let head = 0; head < queue.length; head += 3) {
      const x = queue[head];
      const y = queue[head + 1];
      const z = queue[head + 2];
      const column = this.at(x, z);
      if (!column) continue;
      const own = (column.light[(y << 8) | ((z & 15) << 4) | (x & 15)] >> shift) & 15;
      if (own < 2) continue;
      for (let d = 0; d < 6; d++) {
        const ny = y + DY[d];
        if (ny < 0 || ny >= HEIGHT) continue;
        const nx = x + DX[d];
        const nz = z + DZ[d];
        const next = d < 4 && d > 1 ? column : this.at(nx, nz);
        if (!next || !next.lit) continue;
        const cell = (ny << 8) | ((nz & 15) << 4) | (nx & 15);
        const loss = this.opacity[next.blocks[cell]];
        const given = own - (loss > 1 ? loss : d === 3 && shift && own === 15 && loss === 0 ? 0 : 1);
        if (given <= ((next.light[cell] >> shift) & 15)) continue;
        next.light[cell] = (next.light[cell] & keep) | (given << shift);
        next.dirtyLight |= 1 << (ny >> 4);
        queue.push(nx, ny, nz);
      }
    }
  }

  /** Takes away the light that came through or from (x, y, z), then lets the rest flow in again. */
  relight(x, y, z, shift) {
    const column = this.at(x, z);
    const keep = shift ? 15 : 240;
    const cell = (y << 8) | ((z & 15) << 4) | (x & 15);
    const before = (column.light[cell] >> shift) & 15;
    const emitted = shift ? 0 : this.emission[column.blocks[cell]];
    const again = [];
    const open = []; // x, z of columns whose top cell lies under the open sky
    column.light[cell] &= keep;
    column.dirtyLight |= 1 << (y >> 4);
    const dark = [x, y, z, before];
    for (let head = 0; head < dark.length; head += 4) {
      const old = dark[head + 3];
      for (let d = 0; d < 6; d++) {
        const ny = dark[head + 1] + DY[d];
        if (ny < 0 || ny >= HEIGHT) {
          if (ny >= HEIGHT && shift) open.push(dark[head], dark[head + 2]);
          continue;
        }
        const nx = dark[head] + DX[d];
        const nz = dark[head + 2] + DZ[d];
        const next = this.at(nx, nz);
        if (!next || !next.lit) continue;
        const at = (ny << 8) | ((nz & 15) << 4) | (nx & 15);
        const has = (next.light[at] >> shift) & 15;
        if (!has) continue;
        const emits = shift ? 0 : this.emission[next.blocks[at]];
        const fell = shift && d === 3 && old === 15 && has === 15;
        if ((has < old || fell) && emits < has) {
          next.light[at] &= keep;
          next.dirtyLight |= 1 << (ny >> 4);
          dark.push(nx, ny, nz, has);
        } else again.push(nx, ny, nz);
      }
    }
    for (let i = 0; i < open.length; i += 2) this.seed(again, open[i], HEIGHT - 1, open[i + 1], 15, shift);
    if (emitted) this.seed(again, x, y, z, emitted, shift);
    this.spread(again, shift);
  }

  /** Gives a cell its own light (sky over it, or what it emits) and queues it. */
  seed(queue, x, y, z, level, shift) {
    const column = this.at(x, z);
    const cell = (y << 8) | ((z & 15) << 4) | (x & 15);
    const own = shift ? Math.max(0, level - this.opacity[column.blocks[cell]]) : level;
    column.light[cell] = (column.light[cell] & (shift ? 15 : 240)) | (own << shift);
    queue.push(x, y, z);
  }

  /** After the block at (x, y, z) changed from one state to another. */
  changed(x, y, z, from, to) {
    this.last = null;
    const column = this.at(x, z);
    if (!column || !column.lit) return;
    const opaque = this.opacity[from] !== this.opacity[to];
    if (opaque) {
      const i = ((z & 15) << 4) | (x & 15);
      let top = HEIGHT - 1;
      while (top >= 0 && this.opacity[column.blocks[(top << 8) | i]] === 0) top--;
      column.top[i] = top + 1;
      this.relight(x, y, z, 4);
    }
    if (opaque || this.emission[from] !== this.emission[to]) this.relight(x, y, z, 0);
  }
}

module.exports = { Light };
