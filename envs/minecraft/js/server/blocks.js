'use strict';
// What blocks do by themselves: fall when nothing holds them, break when their support goes, grow, spread, decay; and
// the taking away of a block with all that hangs on it. Liquids are in liquids.js.

const { Liquids } = require('./liquids');
const { drawTree } = require('./trees');

const AROUND = [[0, 0, 0], [0, 1, 0], [0, -1, 0], [1, 0, 0], [-1, 0, 0], [0, 0, 1], [0, 0, -1]];
const FACING = { north: [0, -1], south: [0, 1], west: [-1, 0], east: [1, 0] };
const FALLS = /^(sand|red_sand|gravel|.*_concrete_powder|anvil|chipped_anvil|damaged_anvil|dragon_egg)$/;
const WALL = /^(wall_torch|redstone_wall_torch|soul_wall_torch|ladder)$/;
const GROWS = new RegExp('^(wheat|carrots|potatoes|beetroots|pumpkin_stem|melon_stem|.*_sapling|grass_block|sugar_cane'
  + '|cactus|farmland|fire|sweet_berry_bush|nether_wart|cocoa)$');
const LINKS = /(_fence|_pane|^iron_bars)$/;
const REACH = 5; // columns round a player in which blocks grow

class Blocks {
  constructor(game) {
    Object.assign(this, { game, world: game.world, facts: game.facts });
    this.due = new Map(); // tick -> [action, x, y, z]
    this.liquids = new Liquids(this);
    this.kinds = new Uint8Array(65536); // bit 1 falls, 2 hangs on a wall, 4 grows, 8 links, 16 halves
    for (const block of this.facts.registry.blocksArray) {
      const halves = block.states.some((s) => s.name === 'half') && !/stairs|trapdoor/.test(block.name);
      const kind = (FALLS.test(block.name) ? 1 : 0) | (WALL.test(block.name) ? 2 : 0) | (GROWS.test(block.name) ? 4 : 0)
        | (LINKS.test(block.name) ? 8 : 0) | (halves || block.name.endsWith('_bed') ? 16 : 0);
      this.kinds.fill(kind, block.minStateId, block.maxStateId + 1);
    }
    this.grounds = Object.entries(this.facts.rules.ground).map(([names, list]) =>
      [new RegExp(`^(${names})$`), new RegExp(`^(${list.join('|')})$`), list.includes('@solid')]);
  }

  later(ticks, action, x, y, z) {
    const at = this.game.ticks + ticks;
    if (!this.due.has(at)) this.due.set(at, []);
    this.due.get(at).push([action, x, y, z]);
  }

  tick() {
    const { woken } = this.world;
    for (let round = 0; woken.length && round < 4000; round += 3) {
      const z = woken.pop();
      const y = woken.pop();
      const x = woken.pop();
      for (const [dx, dy, dz] of AROUND) this.check(x + dx, y + dy, z + dz);
    }
    const now = this.due.get(this.game.ticks);
    this.due.delete(this.game.ticks);
    for (const [action, x, y, z] of now || []) if (this.world.loaded(x, z)) this[action](x, y, z);
    this.grow();
  }

  flow(x, y, z) {
    this.liquids.flow(x, y, z);
  }

  blast(x, y, z) {
    this.game.combat.explode(x + 0.5, y + 0.5, z + 0.5, 4);
  }

  /** Looks whether a block still has what it needs, after something next to it changed. */
  check(x, y, z) {
    const state = this.world.get(x, y, z);
    if (!state || y < 0) return;
    const { facts } = this;
    if (facts.liquid[state]) this.liquids.wake(x, y, z, state);
    const kind = this.kinds[state];
    if (kind & 1 && this.soft(x, y - 1, z)) this.later(2, 'fall', x, y, z);
    if (kind & 8) this.link(x, y, z, state);
    if (kind & 16 && !this.whole(x, y, z, state)) this.remove(x, y, z, state);
    else if (kind & 2 && !this.hangs(x, y, z, state)) this.crumble(x, y, z, state);
    else if (facts.plant[state] && !this.grounded(x, y, z, state)) this.crumble(x, y, z, state);
  }

  /** Whether a falling block would fall through the cell. */
  soft(x, y, z) {
    const state = this.world.get(x, y, z);
    return y >= 0 && (state === 0 || this.facts.liquid[state] > 0 || this.facts.replaceable[state] === 1);
  }

  fall(x, y, z) {
    const state = this.world.get(x, y, z);
    if (!(this.kinds[state] & 1) || !this.soft(x, y - 1, z)) return;
    let to = y - 1;
    while (this.soft(x, to - 1, z)) to--;
    if (to < 0) to = 0;
    this.world.set(x, y, z, 0);
    this.world.set(x, to, z, state);
  }

  /** Whether a wall torch or ladder has its wall. */
  hangs(x, y, z, state) {
    const [dx, dz] = FACING[this.facts.properties(state).facing];
    return this.facts.full[this.world.get(x - dx, y, z - dz)] === 1;
  }

  /** Whether a plant, torch or the like may stand on what is below. */
  grounded(x, y, z, state) {
    const { name } = this.facts.block[state];
    const below = this.world.get(x, y - 1, z);
    if (this.kinds[state] & 16 && this.facts.properties(state).half === 'upper')
      return this.facts.block[below].name === name;
    const ground = this.facts.block[below].name;
    const [, allowed, solid] = this.grounds.find(([names]) => names.test(name));
    if (solid) return this.facts.full[below] === 1 || ground.endsWith('_fence') || ground === 'glass'
      || ground === 'farmland';
    if (!allowed.test(ground)) return false;
    if (name === 'cactus') return ![[1, 0], [-1, 0], [0, 1], [0, -1]].some(([dx, dz]) =>
      this.facts.solid[this.world.get(x + dx, y, z + dz)]);
    if (name === 'sugar_cane' && ground !== name) {
      return [[1, 0], [-1, 0], [0, 1], [0, -1]].some(([dx, dz]) => this.facts.liquid[this.world.get(x + dx, y - 1,
        z + dz)] === 1 || this.world.name(x + dx, y - 1, z + dz) === 'frosted_ice');
    }
    return true;
  }

  /** Where the other half of a door, bed or tall plant is. */
  otherHalf(x, y, z, state) {
    const { half, part, facing } = this.facts.properties(state);
    if (half) return [x, y + (half === 'lower' ? 1 : -1), z];
    const [dx, dz] = FACING[facing];
    return part === 'foot' ? [x + dx, y, z + dz] : [x - dx, y, z - dz];
  }

  whole(x, y, z, state) {
    const { facts } = this;
    const block = facts.block[state];
    if (!block.states.some((s) => s.name === 'half' || s.name === 'part')) return true;
    if (this.world.block(...this.otherHalf(x, y, z, state)).id !== block.id) return false;
    const lowest = block.name.endsWith('_door') && facts.properties(state).half === 'lower';
    return !lowest || facts.solid[this.world.get(x, y - 1, z)] === 1;
  }

  /** Breaks a block that lost its support: it drops what it drops to no tool. */
  crumble(x, y, z, state) {
    this.remove(x, y, z, state);
    if (this.game.rules.doTileDrops) this.game.digging.drop({ x, y, z }, state);
  }

  /** Takes a block away; its other half goes without a drop, its contents fall out, its leaves may wither. */
  remove(x, y, z, state) {
    const { world, facts } = this;
    const { name } = facts.block[state];
    if (this.kinds[state] & 16) {
      const [ox, oy, oz] = this.otherHalf(x, y, z, state);
      const other = world.get(ox, oy, oz);
      if (facts.block[other].id === facts.block[state].id) {
        world.set(ox, oy, oz, 0);
        const { half, part } = facts.properties(state);
        if (half === 'upper' || part === 'head') this.game.digging.drop({ x: ox, y: oy, z: oz }, other);
      }
    }
    const wet = name === 'ice' && facts.solid[world.get(x, y - 1, z)] ? facts.state('water')
      : facts.properties(state).waterlogged === 'true' ? facts.state('water') : 0;
    world.set(x, y, z, name === 'seagrass' || name === 'kelp' || name === 'kelp_plant' ? facts.state('water') : wet);
    this.game.containers.spill(x, y, z);
    this.split(x, y, z, state);
    if (/_(log|wood)$/.test(name)) this.later(10, 'wither', x, y, z);
  }

  /** The other chest of a pair is single again. */
  split(x, y, z, state) {
    const { type, facing } = this.facts.properties(state);
    if (!/chest$/.test(this.facts.block[state].name) || !type || type === 'single') return;
    for (const [dx, dz] of Object.values(FACING)) {
      const other = this.world.get(x + dx, y, z + dz);
      if (this.facts.block[other].id !== this.facts.block[state].id) continue;
      const its = this.facts.properties(other);
      if (its.facing === facing && its.type !== 'single' && its.type !== type)
        this.world.set(x + dx, y, z + dz, this.facts.with(other, { type: 'single' }));
    }
  }

  /** Fences, panes and bars reach for what stands next to them. */
  link(x, y, z, state) {
    const { facts, world } = this;
    const properties = {};
    const own = facts.block[state].name;
    for (const [side, [dx, dz]] of Object.entries(FACING)) {
      const other = world.get(x + dx, y, z + dz);
      const { name } = facts.block[other];
      const kin = own.endsWith('_fence') ? name.endsWith('_fence') || name.endsWith('_fence_gate') : LINKS.test(name)
        && !name.endsWith('_fence');
      properties[side] = String(kin || (facts.full[other] === 1 && !name.endsWith('_leaves')));
    }
    world.set(x, y, z, facts.with(state, properties));
  }

  /** Leaves near a felled log that no other log holds within six steps go, each after a while. */
  wither(x, y, z) {
    const { world, facts } = this;
    const R = 6;
    const held = new Map();
    const queue = [];
    for (let dx = -R * 2; dx <= R * 2; dx++) {
      for (let dz = -R * 2; dz <= R * 2; dz++) {
        for (let dy = -R; dy <= R * 2; dy++) {
          if (world.loaded(x + dx, z + dz) && /_(log|wood)$/.test(world.name(x + dx, y + dy, z + dz)))
            queue.push([x + dx, y + dy, z + dz, 0]);
        }
      }
    }
    for (let head = 0; head < queue.length; head++) {
      const [qx, qy, qz, far] = queue[head];
      if (far >= R) continue;
      for (const [dx, dy, dz] of AROUND.slice(1)) {
        const key = `${qx + dx},${qy + dy},${qz + dz}`;
        if (held.has(key) || !world.loaded(qx + dx, qz + dz)
          || !world.name(qx + dx, qy + dy, qz + dz).endsWith('_leaves')) continue;
        held.set(key, far + 1);
        queue.push([qx + dx, qy + dy, qz + dz, far + 1]);
      }
    }
    for (let dx = -R; dx <= R; dx++) {
      for (let dz = -R; dz <= R; dz++) {
        for (let dy = -R; dy <= R; dy++) {
          const [lx, ly, lz] = [x + dx, y + dy, z + dz];
          const state = world.get(lx, ly, lz);
          if (!facts.block[state].name.endsWith('_leaves') || held.has(`${lx},${ly},${lz}`)
            || facts.properties(state).persistent === 'true') continue;
          this.later(this.game.chance.between(60, 600), 'shed', lx, ly, lz);
        }
      }
    }
  }

  shed(x, y, z) {
    const state = this.world.get(x, y, z);
    if (this.facts.block[state].name.endsWith('_leaves')) this.crumble(x, y, z, state);
  }

  // ---- growth

  grow() {
    const { game, world } = this;
    const seen = new Set();
    const { chance } = game;
    for (const player of game.players.values()) {
      const cx = Math.floor(player.x) >> 4;
      const cz = Math.floor(player.z) >> 4;
      for (let dx = -REACH; dx <= REACH; dx++) {
        for (let dz = -REACH; dz <= REACH; dz++) {
          const column = world.columns.get(`${cx + dx},${cz + dz}`);
          if (!column || seen.has(column)) continue;
          seen.add(column);
          for (let n = game.rules.randomTickSpeed * 8; n > 0; n--) {
            const cell = chance.below(32768);
            const state = column.blocks[cell];
            if (this.kinds[state] & 4) this.growAt((column.cx << 4) + (cell & 15), cell >> 8,
              (column.cz << 4) + ((cell >> 4) & 15), state);
          }
        }
      }
    }
  }

  growAt(x, y, z, state) {
    const { name } = this.facts.block[state];
    const { chance } = this.game;
    if (name === 'grass_block') this.spreadGrass(x, y, z);
    else if (name.endsWith('_sapling')) {
      if (this.bright(x, y, z) >= 9 && chance.lucky(1 / 7)) this.growTree(x, y, z, name);
    } else if (name === 'sugar_cane' || name === 'cactus') this.growTall(x, y, z, state, name);
    else if (name === 'farmland') this.farmland(x, y, z, state);
    else if (name === 'fire') this.burn(x, y, z);
    else if (this.bright(x, y, z) >= 9 || name === 'nether_wart') {
      const wet = this.facts.properties(this.world.get(x, y - 1, z)).moisture === '7';
      if (chance.lucky(wet ? 0.2 : 0.08)) this.ripen(x, y, z, state, 1);
    }
  }

  bright(x, y, z) {
    return Math.max(this.world.glow(x, y, z), this.world.sky(x, y, z) - this.game.darkness());
  }

  /** One or more steps of a crop's age. @returns {boolean} whether it grew */
  ripen(x, y, z, state, steps) {
    const age = this.facts.block[state].states.find((s) => s.name === 'age');
    if (!age) return false;
    const now = Number(this.facts.properties(state).age);
    const most = age.num_values - 1;
    if (now >= most) return this.facts.block[state].name.endsWith('_stem') && this.fruit(x, y, z, state);
    return this.world.set(x, y, z, this.facts.with(state, { age: String(Math.min(most, now + steps)) }));
  }

  fruit(x, y, z, state) {
    const [dx, dz] = this.game.chance.lucky(0.5) ? [this.game.chance.lucky(0.5) ? 1 : -1, 0]
      : [0, this.game.chance.lucky(0.5) ? 1 : -1];
    const kind = this.facts.block[state].name.replace('_stem', '');
    for (const [ax, az] of Object.values(FACING)) if (this.world.name(x + ax, y, z + az) === kind) return false;
    const ground = this.world.name(x + dx, y - 1, z + dz);
    if (this.world.get(x + dx, y, z + dz) || !/^(grass_block|dirt|farmland|podzol)$/.test(ground)) return false;
    return this.world.set(x + dx, y, z + dz, this.facts.state(kind));
  }

  growTall(x, y, z, state, name) {
    if (this.world.get(x, y + 1, z) !== 0) return;
    let height = 1;
    while (this.world.name(x, y - height, z) === name) height++;
    if (height >= 3) return;
    const age = Number(this.facts.properties(state).age);
    if (age < 15) this.world.set(x, y, z, this.facts.with(state, { age: String(age + 1) }));
    else {
      this.world.set(x, y, z, this.facts.with(state, { age: '0' }));
      this.world.set(x, y + 1, z, this.facts.state(name));
    }
  }

  spreadGrass(x, y, z) {
    const { world, facts, game } = this;
    const above = world.get(x, y + 1, z);
    if (facts.opacity[above] === 15 || facts.liquid[above]) return void world.set(x, y, z, facts.state('dirt'));
    if (this.bright(x, y + 1, z) < 9) return undefined;
    const [tx, ty, tz] = [x + game.chance.between(-1, 1), y + game.chance.between(-3, 1),
      z + game.chance.between(-1, 1)];
    if (world.name(tx, ty, tz) !== 'dirt') return undefined;
    const over = world.get(tx, ty + 1, tz);
    if (facts.opacity[over] < 2 && !facts.liquid[over] && this.bright(tx, ty + 1, tz) >= 4)
      world.set(tx, ty, tz, facts.state('grass_block'));
    return undefined;
  }

  farmland(x, y, z, state) {
    const { world, facts } = this;
    let wet = this.game.raining(x, z) && world.open(x, y + 1, z);
    for (let dx = -4; dx <= 4 && !wet; dx++) for (let dz = -4; dz <= 4 && !wet; dz++)
      for (let dy = 0; dy < 2 && !wet; dy++) wet = facts.liquid[world.get(x + dx, y + dy, z + dz)] === 1;
    const moisture = Number(facts.properties(state).moisture);
    if (wet) world.set(x, y, z, facts.with(state, { moisture: '7' }));
    else if (moisture > 0) world.set(x, y, z, facts.with(state, { moisture: String(moisture - 1) }));
    else if (!facts.plant[world.get(x, y + 1, z)]) world.set(x, y, z, facts.state('dirt'));
  }

  burn(x, y, z) {
    const { world, game } = this;
    if (!game.rules.doFireTick) return;
    const below = world.name(x, y - 1, z);
    if (below === 'netherrack' || below === 'magma_block') return;
    for (const [dx, dy, dz] of AROUND.slice(1)) {
      if (!/_(planks|log|wood|leaves|wool|fence)$|^(short_grass|tall_grass|fern)$/.test(world.name(x + dx, y + dy,
        z + dz)) || !game.chance.lucky(0.3)) continue;
      world.set(x + dx, y + dy, z + dz, game.chance.lucky(0.5) ? this.facts.state('fire') : 0);
    }
    world.set(x, y, z, 0);
  }

  /** A sapling becomes a tree, if there is room. @returns {boolean} */
  growTree(x, y, z, name) {
    const { world, facts, game } = this;
    const wood = name.replace('_sapling', '');
    const kind = { oak: 'oak', birch: 'birch', spruce: 'spruce', jungle: 'jungle', acacia: 'acacia',
      dark_oak: 'dark_oak' }[wood];
    if (!kind) return false;
    if (kind === 'dark_oak' && ![[1, 0], [0, 1], [1, 1]].every(([dx, dz]) => world.name(x + dx, y, z + dz) === name))
      return false;
    for (let dy = 1; dy < 6; dy++) if (facts.solid[world.get(x, y + dy, z)]
      && !world.name(x, y + dy, z).endsWith('_leaves')) return false;
    const states = { facts, state: (n, p) => facts.state(n, p) };
    drawTree(states, (a, b, c) => world.get(a, b, c), (a, b, c, s) => world.set(a, b, c, s),
      { x, y, z, kind, salt: game.chance.below(2 ** 30) });
    return true;
  }
}

module.exports = { Blocks, FACING };
