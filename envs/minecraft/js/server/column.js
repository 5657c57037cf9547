'use strict';
// One column of the world: 16 x 128 x 16 block states and light, and its chunk packet in the version's format.
// Cells are indexed y << 8 | z << 4 | x. The protocol's world reaches from y -64 to 319; only 0..127 is stored.

const HEIGHT = 128;
const CELLS = 256 * HEIGHT;
const SECTIONS = 24; // of the protocol's world
const BELOW = 4; // sections under y 0
const OWN = HEIGHT / 16;
const STATE_BITS = 15; // direct palette of 1.21.4 (27,914 states)

class Column {
  constructor(cx, cz) {
    this.cx = cx;
    this.cz = cz;
    this.blocks = new Uint16Array(CELLS);
    this.light = new Uint8Array(CELLS); // sky in the high nibble, blocks' in the low
    this.biomes = new Uint8Array(16); // by z >> 2 << 2 | x >> 2
    this.top = new Uint8Array(256); // y over the highest cell that takes sky light away, by z << 4 | x
    this.edits = new Map(); // cell -> state that differs from the terrain
    this.dirtyLight = 0; // bit a section whose light changed since the clients were told
    this.lit = false;
    this.used = 0;
  }
}

class Writer {
  constructor(size) {
    this.buffer = Buffer.allocUnsafe(size);
    this.at = 0;
  }

  varint(value) {
    let rest = value >>> 0;
    while (rest > 127) {
      this.buffer[this.at++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    this.buffer[this.at++] = rest;
  }

  /** Packs values of `bits` bits into longs, none across two longs. */
  packed(values, bits) {
    const each = Math.floor(64 / bits);
    const longs = Math.ceil(values.length / each);
    this.varint(longs);
    for (let i = 0; i < longs; i++) {
      let low = 0;
      let high = 0;
      const end = Math.min(values.length, (i + 1) * each);
      for (let j = i * each, shift = 0; j < end; j++, shift += bits) {
        const value = values[j];
        if (shift < 32) low |= value << shift;
        if (shift >= 32) high |= value << (shift - 32);
        else if (shift + bits > 32) high |= value >>> (32 - shift);
      }
      this.buffer.writeInt32BE(high | 0, this.at);
      this.buffer.writeInt32BE(low | 0, this.at + 4);
      this.at += 8;
    }
  }

  single(value) {
    this.buffer[this.at++] = 0;
    this.varint(value);
    this.varint(0);
  }
}

const seen = new Int16Array(65536).fill(-1);

function writeBlocks(out, cells) {
  const palette = [];
  let count = 0;
  const indexes = new Uint16Array(4096);
  for (let i = 0; i < 4096; i++) {
    const state = cells[i];
    if (state !== 0) count++;
    let index = seen[state];
    if (index < 0) {
      index = palette.length;
      seen[state] = index;
      palette.push(state);
    }
    indexes[i] = index;
  }
  for (const state of palette) seen[state] = -1;
  out.buffer.writeInt16BE(count, out.at);
  out.at += 2;
  if (palette.length === 1) return out.single(palette[0]);
  const bits = Math.max(4, Math.ceil(Math.log2(palette.length)));
  if (bits > 8) {
    out.buffer[out.at++] = STATE_BITS;
    return out.packed(cells, STATE_BITS);
  }
  out.buffer[out.at++] = bits;
  out.varint(palette.length);
  for (const state of palette) out.varint(state);
  return out.packed(indexes, bits);
}

function writeBiomes(out, biomes) {
  const palette = [...new Set(biomes)].slice(0, 8); // 16 cells hardly hold more kinds; a ninth counts as the first
  if (palette.length === 1) return out.single(palette[0]);
  const bits = Math.ceil(Math.log2(palette.length));
  out.buffer[out.at++] = bits;
  out.varint(palette.length);
  for (const biome of palette) out.varint(biome);
  const cells = new Uint8Array(64);
  for (let i = 0; i < 64; i++) cells[i] = Math.max(0, palette.indexOf(biomes[i & 15]));
  return out.packed(cells, bits);
}

/** Section data of the whole protocol world, y -64 upwards. */
function chunkData(column) {
  const out = new Writer(OWN * 8300 + SECTIONS * 96);
  for (let s = 0; s < SECTIONS; s++) {
    const own = s - BELOW;
    if (own >= 0 && own < OWN) writeBlocks(out, column.blocks.subarray(own << 12, (own + 1) << 12));
    else {
      out.buffer.writeInt16BE(0, out.at);
      out.at += 2;
      out.single(0);
    }
    writeBiomes(out, column.biomes);
  }
  return Buffer.from(out.buffer.subarray(0, out.at));
}

const FULL = Buffer.alloc(2048, 255);

/** Light fields of map_chunk and update_light for the sections in `mask` (bit i: y 16 i), all of them if absent. */
function lightData(column, mask = (1 << OWN) - 1) {
  const skyLight = [];
  const blockLight = [];
  let sky = 0;
  let block = 0;
  let noSky = 0;
  let noBlock = 0;
  for (let s = 0; s < OWN; s++) {
    if (!(mask & (1 << s))) continue;
    const bit = 1 << (s + BELOW + 1);
    const high = Buffer.allocUnsafe(2048);
    const low = Buffer.allocUnsafe(2048);
    let anySky = 0;
    let anyBlock = 0;
    for (let i = 0, at = s << 12; i < 2048; i++, at += 2) {
      const a = column.light[at];
      const b = column.light[at + 1];
      high[i] = (a >> 4) | (b & 240);
      low[i] = (a & 15) | ((b & 15) << 4);
      anySky |= high[i];
      anyBlock |= low[i];
    }
    if (anySky) {
      sky |= bit;
      skyLight.push(high);
    } else noSky |= bit;
    if (anyBlock) {
      block |= bit;
      blockLight.push(low);
    } else noBlock |= bit;
  }
  if (mask === (1 << OWN) - 1) {
    sky |= 1 << (OWN + BELOW + 1); // open sky over the stored world
    skyLight.push(FULL);
  }
  const long = (bits) => (bits ? [[0, bits]] : []);
  return {
    skyLightMask: long(sky), blockLightMask: long(block), emptySkyLightMask: long(noSky),
      emptyBlockLightMask: long(noBlock),
    skyLight, blockLight,
  };
}

module.exports = { Column, chunkData, lightData, HEIGHT, OWN };
