'use strict';
// Admin requests: what the process that started the server may ask and set. Each takes an object and returns one.

const SLOT_NAMES = { mainhand: -1, offhand: 45, head: 5, chest: 6, legs: 7, feet: 8 };
const BOX = 64 ** 3; // most cells of one blocks request
const FIELDS = new Set(['baby', 'colour', 'size', 'health', 'tamed', 'sits', 'shorn', 'kept', 'yaw', 'love', 'rest',
  'fire']);

class Admin {
  constructor(game) {
    this.game = game;
  }

  player(name) {
    const { players } = this.game;
    const found = name === undefined && players.size === 1 ? [...players.values()][0] : players.get(name);
    if (!found) throw new Error(`no player is called ${name}; there are: ${[...players.keys()].join(', ') || 'none'}`);
    return found;
  }

  number(value, what) {
    if (typeof value !== 'number' || !Number.isFinite(value))
      throw new Error(`${what} must be a number, got ${JSON.stringify(value)}`);
    return value;
  }

  place(at) {
    return ['x', 'y', 'z'].map((axis) => this.number(at[axis], axis));
  }

  time({ set }) {
    if (set !== undefined) this.game.setTime(this.number(set, 'set'));
    return { time: this.game.time, day: this.game.day, ticks: this.game.ticks };
  }

  weather({ set }) {
    if (set !== undefined) {
      if (!['clear', 'rain', 'thunder'].includes(set))
        throw new Error(`weather must be clear, rain or thunder, got ${set}`);
      this.game.setWeather(set);
    }
    return { weather: this.game.weather };
  }

  give({ player, item, count = 1, slot, damage = 0 }) {
    const { items } = this.game;
    const to = this.player(player);
    if (item === null && Number.isInteger(slot) && slot >= 1 && slot <= 45) { // nothing is put there
      to.slots[slot] = null;
      return { left: 0 };
    }
    const stack = items.make(item, this.number(count, 'count'), damage);
    if (slot !== undefined) {
      if (!Number.isInteger(slot) || slot < 1 || slot > 45) throw new Error(`slot must be in 1..45, got ${slot}`);
      if (count > items.most(stack)) throw new Error(`${item}: at most ${items.most(stack)} in a slot, got ${count}`);
      to.slots[slot] = stack;
      return { left: 0 };
    }
    return { left: to.give(stack) };
  }

  clear({ player }) {
    const from = this.player(player);
    from.slots.fill(null);
    from.cursor = null;
    return {};
  }

  equip({ player, slot, item, damage = 0, count = 1 }) {
    const to = this.player(player);
    if (!(slot in SLOT_NAMES))
      throw new Error(`slot must be one of ${Object.keys(SLOT_NAMES).join(', ')}, got ${slot}`);
    const index = slot === 'mainhand' ? 36 + to.held : SLOT_NAMES[slot];
    to.slots[index] = item ? this.game.items.make(item, count, damage) : null;
    return {};
  }

  summon({ kind, count = 1, fields = {}, ...at }) {
    const [x, y, z] = this.place(at);
    for (const key of Object.keys(fields)) if (!FIELDS.has(key))
      throw new Error(`fields: ${key} cannot be set; can be: ${[...FIELDS].join(', ')}`);
    const ids = [];
    for (let n = 0; n < this.number(count, 'count'); n++) ids.push(this.game.mobs.add(kind, x, y, z, fields).id);
    return { ids };
  }

  mobs() {
    return this.game.mobs.list.filter((m) => !m.gone).map(({ id, kind, x, y, z, health, baby, target, love, colour,
      shorn, size }) => ({
      id, kind, x, y, z, health, baby, target: target ? target.id : null, love, colour, shorn, size }));
  }

  kill({ id }) {
    const mob = this.game.mobs.list.find((m) => m.id === id);
    if (!mob) throw new Error(`no mob has id ${id}`);
    mob.hurt(1e6, 'generic_kill');
    return {};
  }

  block({ name, properties, ...at }) {
    const { world, facts } = this.game;
    const [x, y, z] = this.place(at).map(Math.floor);
    if (name !== undefined) world.set(x, y, z, facts.state(name, properties));
    const state = world.get(x, y, z);
    return { name: facts.block[state].name, state, properties: facts.properties(state), sky: world.sky(x, y, z),
      glow: world.glow(x, y, z), biome: world.biome(x, z) };
  }

  /** Blocks of a box [x0, y0, z0, x1, y1, z1], ends not counted: names and indexes, y slowest, then z, then x. */
  blocks({ box }) {
    if (!Array.isArray(box) || box.length !== 6 || !box.every(Number.isInteger))
      throw new Error('box must be six whole numbers');
    const [x0, y0, z0, x1, y1, z1] = box;
    const cells = (x1 - x0) * (y1 - y0) * (z1 - z0);
    if (!(x1 > x0 && y1 > y0 && z1 > z0) || cells > BOX) throw new Error(`box must hold 1..${BOX} cells`);
    const { world, facts } = this.game;
    const palette = [];
    const index = new Map();
    const list = [];
    for (let y = y0; y < y1; y++) {
      for (let z = z0; z < z1; z++) {
        for (let x = x0; x < x1; x++) {
          const { name } = facts.block[world.get(x, y, z)];
          if (!index.has(name)) {
            index.set(name, palette.length);
            palette.push(name);
          }
          list.push(index.get(name));
        }
      }
    }
    return { palette, blocks: list };
  }

  teleport({ player, yaw, pitch, ...at }) {
    const who = this.player(player);
    const [x, y, z] = this.place(at);
    this.game.beds.wake(who);
    who.session.place(x, y, z, yaw ?? who.yaw, pitch ?? who.pitch);
    who.session.flush();
    return {};
  }

  life({ player, health, food, saturation, xp, air, fire }) {
    const who = this.player(player);
    for (const [key, value, most] of [['health', health, 20], ['food', food, 20], ['saturation', saturation, 20],
      ['air', air, 300], ['fire', fire, 12000]]) {
      if (value !== undefined) who[key] = Math.max(0, Math.min(most, this.number(value, key)));
    }
    if (xp !== undefined) {
      who.xp = 0;
      who.gainXp(Math.max(0, this.number(xp, 'xp')));
    }
    if (who.health <= 0 && !who.dead) who.die('generic_kill');
    return { health: who.health, food: who.food, saturation: who.saturation, xp: who.xp };
  }

  /** 46 slots [name, count, damage] or null, and the cursor. */
  inventory({ player }) {
    const { items } = this.game;
    const who = this.player(player);
    const show = (stack) => (stack ? [items.name(stack), stack.count, stack.damage] : null);
    return { slots: who.slots.map(show), cursor: show(who.cursor), held: who.held };
  }

  state({ player }) {
    const who = this.player(player);
    const { game } = this;
    const { world } = game;
    const cell = [Math.floor(who.x), Math.floor(who.y), Math.floor(who.z)];
    return {
      name: who.name, id: who.id, x: who.x, y: who.y, z: who.z, yaw: who.yaw, pitch: who.pitch, onGround: who.onGround,
        health: who.health, food: who.food,
      saturation: who.saturation, exhaustion: who.exhaustion, air: who.air, fire: who.fire, xp: who.xp,
        level: who.level, armour: who.armourPoints(), dead: who.dead,
      sleeping: !!who.sleeping, sneaking: who.sneaking, sprinting: who.sprinting, gameMode: who.gameMode,
        effects: who.effects, home: who.home, lastDamage: who.lastDamage,
      window: who.window.id, packets: who.session.packets, chunks: who.session.chunks.size,
        waiting: who.session.waiting.length, biome: world.biome(cell[0], cell[2]),
      sky: world.sky(cell[0], cell[1], cell[2]), glow: world.glow(cell[0], cell[1], cell[2]), darkness: game.darkness(),
    };
  }

  gamerule({ name, value }) {
    const { rules } = this.game;
    if (name === 'difficulty') return { name, value: (this.game.difficulty = value ?? this.game.difficulty) };
    if (!(name in rules))
      throw new Error(`no game rule is called ${name}; there are ${Object.keys(rules).join(', ')}, difficulty`);
    if (value !== undefined) {
      if (typeof value !== typeof rules[name])
        throw new Error(`game rule ${name} takes a ${typeof rules[name]}, got ${JSON.stringify(value)}`);
      rules[name] = value;
    }
    return { name, value: rules[name] };
  }

  gamemode({ player, mode }) {
    const who = this.player(player);
    if (![0, 1, 2, 3].includes(mode)) throw new Error(`mode must be in 0..3, got ${mode}`);
    who.gameMode = mode;
    who.session.send('game_state_change', { reason: 'change_game_mode', gameMode: mode });
    who.session.send('abilities', { flags: mode === 1 ? 13 : mode === 3 ? 7 : 0, flyingSpeed: 0.05,
      walkingSpeed: 0.1 });
    return {};
  }

  /** Nearest place of a biome on land, from the spawn or from (x, z); makes it the spawn when asked. */
  spawn({ biome = null, x = 0, z = 0, set = false, wood = false }) {
    const { terrain } = this.game;
    if (biome && !terrain.biomes[biome])
      throw new Error(`the terrain has no biome ${biome}; it has ${Object.keys(terrain.biomes).join(', ')}`);
    const place = terrain.place(biome, x, z, 6000, wood);
    if (!place) throw new Error(`no land of biome ${biome} within 6000 blocks`);
    if (set) this.game.spawn = place;
    return place;
  }

  memory() {
    const { rss, heapUsed } = process.memoryUsage();
    const { world, mobs, drops, blocks, busy } = this.game;
    return { rss, heapUsed, columns: world.columns.size, mobs: mobs.list.length, drops: drops.list.length,
      due: blocks.due.size, tickMs: busy, errors: this.game.errors || 0 };
  }

  stop() {
    setTimeout(() => process.exit(0), 50);
    this.game.stop();
    return {};
  }
}

/** @returns {(name: string, values: object) => object} answers one request */
function adminOf(game) {
  const admin = new Admin(game);
  const known = Object.getOwnPropertyNames(Admin.prototype).filter((n) =>
    !['constructor', 'player', 'number', 'place'].includes(n));
  return (name, values) => {
    if (!known.includes(name)) throw new Error(`no request is called ${name}; there are ${known.join(', ')}`);
    return admin[name](values);
  };
}

module.exports = { adminOf };
