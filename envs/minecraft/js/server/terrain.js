'use strict';
// The terrain: a pure function of the seed. Biomes by climate noise, heights blended over neighbouring biomes,
// caves, ores at the depths of Minecraft 1.11, plants, and the trees of trees.js that may reach over column borders.

const { Chance, hash, hashed, noise2, octaves2, noise3 } = require('./random');
const { Column, HEIGHT } = require('./column');
const { growTree } = require('./trees');

const KEPT = 1024; // surfaces kept
const LAVA_BELOW = 11;
const CLIMATE = 420; // blocks of one cell of the climate noise
const KERNEL = [];
for (let dx = -2; dx <= 2; dx++) for (let dz = -2; dz <= 2; dz++)
  KERNEL.push([dx, dz, 10 / Math.sqrt(dx * dx + dz * dz + 0.2)]);

const WOOD_TRIES = 64; // places looked at for trees near them

class Terrain {
  /** @param {object} facts  @param {{seed: number, biome: ?string, kind: string}} options */
  constructor(facts, { seed, biome = null, kind = 'default' }) {
    this.facts = facts;
    this.seed = seed | 0;
    this.kind = kind;
    const data = facts.dataFile('terrain.json');
    this.sea = data.sea;
    this.climates = data.climates;
    this.biomes = {};
    // the numbers are those that clients are told at login, which are not minecraft-data's
    const numbers = facts.registry.loginPacket.dimensionCodec['minecraft:worldgen/biome'].entries.map((entry) =>
      entry.key);
    this.biomeNames = numbers.map((key) => key.replace('minecraft:', ''));
    for (const [name, biomeData] of Object.entries(data.biomes)) {
      this.biomes[name] = { name, id: numbers.indexOf(`minecraft:${name}`), top: 'grass_block', under: 'dirt', trees: 0,
        plants: [], ...biomeData };
    }
    if (biome && !this.biomes[biome]) {
      throw new Error(`biome ${biome} is not one that the terrain has: ${Object.keys(this.biomes).join(', ')}`);
    }
    this.only = biome;
    this.surfaces = new Map();
    this.states = new Map();
    this.ores = data.ores.map((ore) => ({ ...ore, state: this.state(ore.block) }));
    this.bands = ['terracotta', 'orange_terracotta', 'terracotta', 'yellow_terracotta', 'terracotta',
      'brown_terracotta', 'red_terracotta', 'white_terracotta', 'light_gray_terracotta'];
  }

  state(name, properties) {
    const key = properties ? name + JSON.stringify(properties) : name;
    let state = this.states.get(key);
    if (state === undefined) this.states.set(key, (state = this.facts.state(name, properties)));
    return state;
  }

  /** Name of the biome at a block, from the climate alone. */
  biomeAt(x, z) {
    if (this.only) return this.only;
    const wx = x + 24 * (noise2(this.seed + 11, x, z, 40) - 0.5);
    const wz = z + 24 * (noise2(this.seed + 12, x, z, 40) - 0.5);
    const land = octaves2(this.seed + 1, wx, wz, 700, 3);
    const t = stretch(octaves2(this.seed + 2, wx, wz, CLIMATE * 1.6, 2));
    if (land < 0.3) return t < 0.2 ? 'frozen_ocean' : land < 0.22 ? 'deep_ocean' : 'ocean';
    if (land < 0.325) return 'beach';
    const river = Math.abs(noise2(this.seed + 5, wx, wz, 260) - 0.5);
    if (river < 0.012) return 'river';
    const climate = this.climates.find((c) => t < c.temperature[1]) || this.climates[this.climates.length - 1];
    let share = stretch(octaves2(this.seed + 3, wx, wz, CLIMATE * 0.6, 2));
    for (const [name, part] of climate.mix) if ((share -= part) < 0) return name;
    return climate.mix[0][0];
  }

  /** Heights, biomes and tree places of one column of 16 x 16. */
  surface(cx, cz) {
    const key = `${cx},${cz}`;
    let found = this.surfaces.get(key);
    if (found) return found;
    found = this.kind === 'flat' ? this.flatSurface() : this.makeSurface(cx, cz);
    this.surfaces.set(key, found);
    if (this.surfaces.size > KEPT) this.surfaces.delete(this.surfaces.keys().next().value);
    found.trees = this.kind === 'flat' ? [] : this.placeTrees(cx, cz, found);
    return found;
  }

  flatSurface() {
    const biome = this.biomes[this.only || 'plains'];
    return { heights: new Uint8Array(256).fill(this.sea), biomes: new Array(16).fill(biome) };
  }

  makeSurface(cx, cz) {
    const named = [];
    for (let gz = -2; gz <= 6; gz++) for (let gx = -2; gx <= 6; gx++)
      named.push(this.biomes[this.biomeAt((cx << 4) + gx * 4, (cz << 4) + gz * 4)]);
    const base = new Float64Array(25);
    const variation = new Float64Array(25);
    for (let gz = 0; gz < 5; gz++) {
      for (let gx = 0; gx < 5; gx++) {
        let b = 0;
        let v = 0;
        let sum = 0;
        for (const [dx, dz, weight] of KERNEL) {
          const biome = named[(gz + 2 + dz) * 9 + gx + 2 + dx];
          b += biome.base * weight;
          v += biome.variation * weight;
          sum += weight;
        }
        base[gz * 5 + gx] = b / sum;
        variation[gz * 5 + gx] = v / sum;
      }
    }
    const heights = new Uint8Array(256);
    const blend = (grid, x, z) => {
      const gx = x >> 2;
      const gz = z >> 2;
      const u = (x & 3) / 4;
      const v = (z & 3) / 4;
      const at = gz * 5 + gx;
      return (grid[at] * (1 - u) + grid[at + 1] * u) * (1 - v) + (grid[at + 5] * (1 - u) + grid[at + 6] * u) * v;
    };
    for (let z = 0; z < 16; z++) {
      for (let x = 0; x < 16; x++) {
        const X = (cx << 4) + x;
        const Z = (cz << 4) + z;
        const rough = 2 * octaves2(this.seed + 4, X, Z, 64, 4) - 1;
        const height = this.sea + blend(base, x, z) + 1.9 * rough * blend(variation, x, z);
        heights[(z << 4) | x] = Math.max(8, Math.min(HEIGHT - 16, Math.round(height)));
      }
    }
    const biomes = [];
    for (let gz = 0; gz < 4; gz++) for (let gx = 0; gx < 4; gx++) biomes.push(named[(gz + 2) * 9 + gx + 2]);
    return { heights, biomes };
  }

  placeTrees(cx, cz, surface) {
    const chance = new Chance(hash(this.seed, cx, 17, cz));
    const biome = surface.biomes[10];
    let count = Math.floor(biome.trees);
    if (chance.lucky(biome.trees - count)) count++;
    const trees = [];
    for (let i = 0; i < count; i++) {
      const x = chance.below(16);
      const z = chance.below(16);
      const height = surface.heights[(z << 4) | x];
      const here = surface.biomes[((z >> 2) << 2) | (x >> 2)];
      let share = chance.next();
      const salt = chance.below(1 << 30);
      if (!here.mix || height < this.sea - (here.name === 'swamp' ? 1 : 0)) continue;
      if (trees.some((t) => Math.abs(t.x - (cx << 4) - x) < 2 && Math.abs(t.z - (cz << 4) - z) < 2)) continue;
      if (here.stony && this.stony(here, (cx << 4) + x, (cz << 4) + z, height)) continue;
      let kind = 'oak';
      for (const [name, part] of Object.entries(here.mix)) {
        kind = name;
        if ((share -= part) < 0) break;
      }
      trees.push({ x: (cx << 4) + x, y: height + 1, z: (cz << 4) + z, kind, salt });
    }
    return trees;
  }

  /** Whether bare rock shows at a high or steep place of a stony biome. */
  stony(biome, x, z, height) {
    return height > biome.stony - 12 + 14 * noise2(this.seed + 6, x, z, 12) || noise2(this.seed + 7, x, z, 24) > 0.72;
  }

  /** @returns {Column} the column as it is before anybody changed it; light is not computed */
  column(cx, cz) {
    const column = new Column(cx, cz);
    const surface = this.surface(cx, cz);
    for (let i = 0; i < 16; i++) column.biomes[i] = surface.biomes[i].id;
    if (this.kind === 'flat') this.fillFlat(column);
    else {
      this.fill(column, surface);
      this.putOres(column, surface);
      this.carve(column, surface);
      this.plant(column, surface);
      for (let dx = -1; dx <= 1; dx++) {
        for (let dz = -1; dz <= 1; dz++) for (const tree of this.surface(cx + dx, cz + dz).trees)
          growTree(this, column, tree);
      }
      this.snow(column, surface);
    }
    return column;
  }

  fillFlat(column) {
    const put = (y, name) => column.blocks.fill(this.state(name), y << 8, (y + 1) << 8);
    put(0, 'bedrock');
    for (let y = 1; y < this.sea - 3; y++) put(y, 'stone');
    for (let y = this.sea - 3; y < this.sea; y++) put(y, 'dirt');
    put(this.sea, 'grass_block');
  }

  fill(column, { heights, biomes }) {
    const { blocks } = column;
    const stone = this.state('stone');
    const water = this.state('water');
    const bedrock = this.state('bedrock');
    for (let i = 0; i < 256; i++) {
      const x = (column.cx << 4) + (i & 15);
      const z = (column.cz << 4) + (i >> 4);
      const height = heights[i];
      const biome = biomes[((i >> 6) << 2) | ((i & 15) >> 2)];
      const wet = height < this.sea - 1;
      let top = biome.top;
      let under = biome.under;
      const bare = biome.stony && this.stony(biome, x, z, height);
      if (bare) top = under = 'stone';
      else if (wet && !biome.sea) top = under = noise2(this.seed + 8, x, z, 9) > 0.6 ? 'clay'
        : biome.top === 'grass_block' ? 'dirt' : biome.top;
      else if (biome.top2 && noise2(this.seed + 9, x, z, 14) > 0.55) top = biome.top2;
      else if (wet && noise2(this.seed + 8, x, z, 11) > 0.78) top = under = 'clay';
      const depth = 3 + Math.floor(hashed(this.seed, x, 3, z) * 2);
      blocks[i] = bedrock;
      const topState = this.state(top);
      const underState = this.state(under);
      for (let y = 1; y < height - depth; y++) blocks[(y << 8) | i] = stone;
      for (let y = Math.max(1, height - depth); y < height; y++) blocks[(y << 8) | i] = underState;
      blocks[(height << 8) | i] = topState;
      if (biome.deep && !wet) for (let y = height - depth - 4; y < height - depth; y++)
        blocks[(y << 8) | i] = this.state(biome.deep);
      if (biome.bands) for (let y = height - 14; y < height - 1; y++)
        blocks[(y << 8) | i] = this.state(this.bands[hash(this.seed, 0, y, 0) % this.bands.length]);
      for (let y = height + 1; y < this.sea; y++) blocks[(y << 8) | i] = water;
      if (hashed(this.seed, x, 1, z) < 0.5) blocks[256 | i] = bedrock;
    }
  }

  /** Veins lie wholly in their column, so that a column needs no neighbour. */
  putOres(column, { biomes }) {
    const chance = new Chance(hash(this.seed, column.cx, 29, column.cz));
    const extra = (biomes[10].ores || []).map((name) => (name === 'gold_ore'
      ? { state: this.state(name), tries: 20, size: 9, from: 32, to: 79 }
        : { state: this.state(name), tries: 6, size: 1, from: 4, to: 31 }));
    for (const ore of [...this.ores, ...extra]) for (let n = 0; n < ore.tries; n++) this.vein(column, ore, chance);
  }

  vein(column, ore, chance) {
    const stone = this.state('stone');
    const { blocks } = column;
    const length = ore.size / 8;
    const angle = chance.next() * Math.PI;
    let x = chance.within(2, 14);
    let z = chance.within(2, 14);
    let y = chance.within(ore.from, ore.to + 1);
    const steps = Math.max(1, Math.round(ore.size / 2));
    const dx = (Math.sin(angle) * 2 * length) / steps;
    const dz = (Math.cos(angle) * 2 * length) / steps;
    const dy = (chance.next() * 4 - 2) / steps;
    x -= (dx * steps) / 2;
    z -= (dz * steps) / 2;
    for (let s = 0; s <= steps; s++, x += dx, y += dy, z += dz) {
      const r = ore.size < 3 ? 0.4 : ((Math.sin((s / steps) * Math.PI) + 1) * chance.next() * (ore.size / 16) + 1) / 2;
      for (let by = Math.max(1, Math.floor(y - r)); by <= Math.min(HEIGHT - 1, y + r); by++) {
        for (let bz = Math.max(0, Math.floor(z - r)); bz <= Math.min(15, z + r); bz++) {
          for (let bx = Math.max(0, Math.floor(x - r)); bx <= Math.min(15, x + r); bx++) {
            const far = ((bx + 0.5 - x) / r) ** 2 + ((by + 0.5 - y) / r) ** 2 + ((bz + 0.5 - z) / r) ** 2;
            const cell = (by << 8) | (bz << 4) | bx;
            if (far < 1 && blocks[cell] === stone) blocks[cell] = ore.state;
          }
        }
      }
    }
  }

  /** Caves: two winding sheets of noise cross in tunnels; lava fills them below y 11. */
  carve(column, { heights }) {
    const { blocks } = column;
    const lava = this.state('lava');
    const a = this.grid3(column, 41, 26, 18);
    const b = this.grid3(column, 43, 26, 18);
    const halls = this.grid3(column, 47, 44, 26);
    for (let i = 0; i < 256; i++) {
      const height = heights[i];
      const roof = height < this.sea + 1 ? height - 6 : height;
      for (let y = 2; y <= roof; y++) {
        const near = Math.max(0, y - roof + 8) / 8; // caves thin out under the surface
        const da = sample(a, i, y) - 0.5;
        const db = sample(b, i, y) - 0.5;
        const tunnel = da * da + db * db < 0.0042 * (1 - 0.75 * near);
        if (!tunnel && !(y < 50 && sample(halls, i, y) > 0.82)) continue;
        const cell = (y << 8) | i;
        blocks[cell] = y < LAVA_BELOW ? lava : 0;
      }
    }
  }

  /** Noise on every fourth block, for sample(). */
  grid3(column, salt, size, high) {
    const grid = new Float32Array(5 * 5 * 33);
    for (let gy = 0, at = 0; gy < 33; gy++) {
      for (let gz = 0; gz < 5; gz++) {
        for (let gx = 0; gx < 5; gx++, at++) grid[at] = noise3(this.seed + salt, (column.cx << 4) + gx * 4, gy * 4,
          (column.cz << 4) + gz * 4, size, high);
      }
    }
    return grid;
  }

  plant(column, surface) {
    const chance = new Chance(hash(this.seed, column.cx, 31, column.cz));
    const biome = surface.biomes[10];
    for (const [name, mean] of biome.plants) {
      let patches = Math.floor(mean);
      if (chance.lucky(mean - patches)) patches++;
      for (let n = 0; n < patches; n++) this.patch(column, surface, name, chance);
    }
  }

  patch(column, surface, name, chance) {
    const { blocks } = column;
    const one = name === 'cactus' || name === 'melon' || name === 'pumpkin' || name === 'lily_pad';
    const x0 = chance.below(16);
    const z0 = chance.below(16);
    const tries = one ? 3 : name === 'short_grass' || name === 'sugar_cane' ? 8 : 5;
    for (let t = 0; t < tries; t++) {
      const x = x0 + chance.between(-3, 3);
      const z = z0 + chance.between(-3, 3);
      const tall = chance.between(1, 3);
      if (x < 0 || z < 0 || x > 15 || z > 15) continue;
      const i = (z << 4) | x;
      const height = surface.heights[i];
      const over = ((height + 1) << 8) | i;
      const ground = this.facts.block[blocks[(height << 8) | i]].name;
      if (name === 'lily_pad') {
        if (height < this.sea - 1 && height > this.sea - 5) blocks[(this.sea << 8) | i] = this.state(name);
        continue;
      }
      if (blocks[over] !== 0) continue;
      this.putPlant(column, name, ground, x, height + 1, z, tall);
    }
  }

  putPlant(column, name, ground, x, y, z, tall) {
    const { blocks } = column;
    const i = (z << 4) | x;
    const water = this.state('water');
    const beside = (dx, dz, dy) => {
      const a = x + dx;
      const b = z + dz;
      return a < 0 || b < 0 || a > 15 || b > 15 ? -1 : blocks[((y + dy) << 8) | (b << 4) | a];
    };
    const around = (dy) => [beside(1, 0, dy), beside(-1, 0, dy), beside(0, 1, dy), beside(0, -1, dy)];
    const dirt = ground === 'grass_block' || ground === 'dirt' || ground === 'podzol' || ground === 'mycelium';
    if (name === 'sugar_cane') {
      if ((!dirt && ground !== 'sand') || !around(-1).includes(water)) return;
    } else if (name === 'cactus') {
      if (!ground.endsWith('sand') || around(0).some((s) => s !== 0)) return;
    } else if (name === 'dead_bush') {
      if (!ground.endsWith('sand') && !ground.endsWith('terracotta')) return;
    } else if (!dirt) return;
    if (name === 'sugar_cane' || name === 'cactus') {
      for (let k = 0; k < tall && y + k < HEIGHT; k++) blocks[((y + k) << 8) | i] = this.state(name);
    } else if (this.facts.named(name).states.some((s) => s.name === 'half')) {
      blocks[(y << 8) | i] = this.state(name, { half: 'lower' });
      blocks[((y + 1) << 8) | i] = this.state(name, { half: 'upper' });
    } else if (name === 'sweet_berry_bush') blocks[(y << 8) | i] = this.state(name, { age: '3' });
    else blocks[(y << 8) | i] = this.state(name);
  }

  snow(column, { biomes }) {
    const { blocks } = column;
    const water = this.state('water');
    for (let i = 0; i < 256; i++) {
      const biome = biomes[((i >> 6) << 2) | ((i & 15) >> 2)];
      let y = HEIGHT - 2;
      while (y > 0 && blocks[(y << 8) | i] === 0) y--;
      const cold = biome.snow || (biome.name === 'windswept_hills' && y > 100);
      if (!cold) continue;
      const cell = (y << 8) | i;
      const here = this.facts.block[blocks[cell]];
      if (blocks[cell] === water) blocks[cell] = this.state('ice');
      else if (this.facts.full[blocks[cell]] && here.name !== 'ice') {
        blocks[cell + 256] = this.state('snow');
        if (here.name === 'grass_block') blocks[cell] = this.state('grass_block', { snowy: 'true' });
      }
    }
  }

  /**
   * Nearest place of a biome on land, in rings round (x0, z0); trees within 24 blocks are preferred when asked.
   * @returns {?{x: number, y: number, z: number, biome: string}}
   */
  place(biome, x0 = 0, z0 = 0, reach = 6000, wood = false) {
    let looked = 0;
    for (let r = 0; r <= reach; r += 16) {
      const steps = r === 0 ? 1 : Math.max(8, Math.floor((2 * Math.PI * r) / 48));
      for (let s = 0; s < steps; s++) {
        const x = Math.round(x0 + r * Math.cos((2 * Math.PI * s) / steps));
        const z = Math.round(z0 + r * Math.sin((2 * Math.PI * s) / steps));
        const name = this.kind === 'flat' ? this.only || 'plains' : this.biomeAt(x, z);
        if (biome ? name !== biome : this.biomes[name].sea) continue;
        const found = this.standing(x, z);
        if (!found || (biome && found.biome !== biome && r < reach / 2)) continue;
        if (wood && this.kind !== 'flat' && !this.woodNear(x, z)) {
          if (++looked >= WOOD_TRIES) return null; // a desert may have none for thousands of blocks
          continue;
        }
        return found;
      }
    }
    return null;
  }

  woodNear(x, z) {
    let trees = 0;
    for (let dx = -1; dx <= 1; dx++) for (let dz = -1; dz <= 1; dz++)
      trees += this.surface((x >> 4) + dx, (z >> 4) + dz).trees.filter((t) => !t.kind.startsWith('huge')).length;
    return trees >= 4;
  }

  /** A dry place with two free cells over full ground in the column of (x, z), as the terrain made it. */
  standing(x, z) {
    const column = this.column(x >> 4, z >> 4);
    const surface = this.surface(x >> 4, z >> 4);
    for (let i = 0; i < 256; i++) {
      const at = (i + ((z & 15) << 4) + (x & 15)) & 255;
      const y = surface.heights[at];
      if (y < this.sea || !this.facts.full[column.blocks[(y << 8) | at]]) continue;
      const free = [1, 2].every((k) => !this.facts.solid[column.blocks[((y + k) << 8) | at]]
        && !this.facts.liquid[column.blocks[((y + k) << 8) | at]]);
      if (!free) continue;
      const biome = surface.biomes[((at >> 6) << 2) | ((at & 15) >> 2)];
      return { x: (x & ~15) + (at & 15), y: y + 1, z: (z & ~15) + (at >> 4), biome: biome.name };
    }
    return null;
  }
}

/** Spreads noise, which crowds round the middle, over the whole of [0, 1). */
function stretch(value) {
  const t = Math.min(0.9999, Math.max(0, (value - 0.5) * 1.7 + 0.5));
  return t;
}

/** Value of a grid of grid3 at cell i (z << 4 | x) and height y. */
function sample(grid, i, y) {
  const x = i & 15;
  const z = i >> 4;
  const u = (x & 3) / 4;
  const w = (z & 3) / 4;
  const v = (y & 3) / 4;
  const at = ((y >> 2) * 5 + (z >> 2)) * 5 + (x >> 2);
  const low = (grid[at] * (1 - u) + grid[at + 1] * u) * (1 - w) + (grid[at + 5] * (1 - u) + grid[at + 6] * u) * w;
  const up = at + 25;
  const high = (grid[up] * (1 - u) + grid[up + 1] * u) * (1 - w) + (grid[up + 5] * (1 - u) + grid[up + 6] * u) * w;
  return low + (high - low) * v;
}

module.exports = { Terrain };
