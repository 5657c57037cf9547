'use strict';
// Blocks that hold things: crafting tables (a grid for as long as the window is open), furnaces and their kin, chests.

const { View } = require('./windows');

const CHEST = 27;
/** Furnace kinds: window type names, and how much faster than a furnace. */
const OVENS = { furnace: 1, smoker: 2, blast_furnace: 2 };

class Furnace {
  constructor(game, at, speed) {
    Object.assign(this, { game, at, slots: [null, null, null], burning: 0, burnTime: 0, cooked: 0, xp: 0, users: 0,
      changed: true });
    this.ticksEach = game.facts.dataFile('smelting.json').ticks / speed;
  }

  views() {
    const { facts } = this.game;
    return [new View(this.slots, 0), new View(this.slots, 1, { accepts: (s) => facts.fuel.has(s.id)
      || facts.itemById(s.id).name === 'bucket' }), new View(this.slots, 2, { result: true })];
  }

  recipe() {
    const [input, , output] = this.slots;
    const found = input && this.game.facts.smelting.get(input.id);
    if (!found) return null;
    if (output && (output.id !== found.id || output.count >= this.game.items.most(output))) return null;
    return found;
  }

  tick() {
    const wasBurning = this.burning > 0;
    const recipe = this.recipe();
    if (this.burning > 0) this.burning--;
    if (!this.burning && recipe && this.slots[1]) this.light();
    if (this.burning > 0 && recipe) {
      if (++this.cooked >= this.ticksEach) this.cook(recipe);
    } else if (this.cooked) this.cooked = recipe ? Math.max(0, this.cooked - 2) : 0;
    if (this.burning > 0 !== wasBurning) this.glow(this.burning > 0);
  }

  light() {
    const { facts, items } = this.game;
    const fuel = this.slots[1];
    const ticks = facts.fuel.get(fuel.id);
    if (!ticks) return;
    this.burning = this.burnTime = ticks;
    const rest = items.name(fuel) === 'lava_bucket' ? items.make('bucket') : null;
    this.slots[1] = fuel.count > 1 ? items.copy(fuel, fuel.count - 1) : rest;
  }

  cook(recipe) {
    const { items } = this.game;
    const [input, , output] = this.slots;
    this.cooked = 0;
    this.slots[0] = input.count > 1 ? items.copy(input, input.count - 1) : null;
    this.slots[2] = { id: recipe.id, count: output ? output.count + 1 : 1, damage: 0, extra: null };
    this.xp += recipe.xp;
  }

  glow(lit) {
    const { world, facts } = this.game;
    const { x, y, z } = this.at;
    world.set(x, y, z, facts.with(world.get(x, y, z), { lit: String(lit) }));
  }

  /** Experience for what is taken out. */
  paid(player, stack, count) {
    const whole = Math.floor(this.xp) + (this.game.chance.lucky(this.xp % 1) ? 1 : 0);
    this.xp = 0;
    if (whole) this.game.drops.xp(player.x, player.y, player.z, whole);
    this.game.emit('smelt', { player, item: this.game.items.name(stack), count });
  }

  /** The window's two bars. */
  report(session, window) {
    const bars = [[0, this.burning], [1, this.burnTime], [2, this.cooked], [3, this.ticksEach]];
    window.bars = window.bars || [];
    for (const [property, value] of bars) {
      const known = window.bars[property];
      const small = property === 2 || property === 0; // running figures: every fifth tick is enough
      if (known === value || (small && known > 0 && value > 0 && Math.abs(known - value) < 5)) continue;
      window.bars[property] = value;
      session.send('craft_progress_bar', { windowId: window.id, property, value });
    }
  }

  idle() {
    return !this.burning && !this.cooked && !(this.slots[0] && this.slots[1]);
  }

  left() {}
}

class Chest {
  constructor(game, at) {
    Object.assign(this, { game, at, slots: new Array(CHEST).fill(null), users: 0 });
  }

  report() {}

  left() {
    this.users--;
    this.lid();
  }

  /** Shows the lid to those who are near. */
  lid() {
    const { game, at } = this;
    const block = game.world.block(at.x, at.y, at.z);
    for (const player of game.players.values()) {
      if (player.session.has(at.x >> 4, at.z >> 4)) player.session.send('block_action',
        { location: at, byte1: 1, byte2: Math.max(0, this.users), blockId: block.id });
    }
  }
}

class Containers {
  constructor(game) {
    this.game = game;
    this.all = new Map();
    this.hot = new Set(); // furnaces with something to do
  }

  tick() {
    for (const furnace of this.hot) {
      furnace.tick();
      if (furnace.idle()) this.hot.delete(furnace);
    }
    for (const player of this.game.players.values()) {
      const { container, at } = player.window;
      if (container instanceof Furnace) this.hot.add(container);
      if (at && Math.hypot(at.x + 0.5 - player.x, at.y + 0.5 - player.y, at.z + 0.5 - player.z) > 9)
        player.session.closeWindow();
    }
  }

  at({ x, y, z }) {
    return this.all.get(`${x},${y},${z}`);
  }

  make(at, create) {
    const key = `${at.x},${at.y},${at.z}`;
    if (!this.all.has(key)) this.all.set(key, create());
    return this.all.get(key);
  }

  /** Opens the block's window for a player. @returns {boolean} whether it has one */
  open(player, at, name) {
    const { game } = this;
    if (name === 'crafting_table') {
      const slots = new Array(10).fill(null);
      const own = slots.map((_, i) => new View(slots, i, { result: i === 0 }));
      player.session.openWindow({ type: this.type('crafting'), title: 'Crafting', own, grid: { first: 1, width: 3 },
        at });
      return true;
    }
    if (OVENS[name]) {
      const furnace = this.make(at, () => new Furnace(game, at, OVENS[name]));
      player.session.openWindow({ type: this.type(name), title: 'Furnace', own: furnace.views(), container: furnace,
        at });
      return true;
    }
    if (name === 'chest' || name === 'barrel' || name === 'trapped_chest') return this.openChest(player, at, name);
    return false;
  }

  openChest(player, at, name) {
    const { game } = this;
    if (name !== 'barrel' && game.facts.full[game.world.get(at.x, at.y + 1, at.z)])
      return true; // something solid on the lid
    const parts = [at, this.otherHalf(at)].filter(Boolean);
    const chests = parts.map((part) => this.make(part, () => new Chest(game, part)));
    if (parts.length > 1 && game.facts.properties(game.world.get(at.x, at.y, at.z)).type === 'left') chests.reverse();
    const own = chests.flatMap((chest) => chest.slots.map((_, i) => new View(chest.slots, i)));
    player.session.openWindow({ type: this.type(parts.length > 1 ? 'generic_9x6' : 'generic_9x3'), title: 'Chest', own,
      container: chests[0], at });
    chests[0].users++;
    chests[0].lid();
    return true;
  }

  /** The other half of a double chest. */
  otherHalf(at) {
    const { game } = this;
    const properties = game.facts.properties(game.world.get(at.x, at.y, at.z));
    if (!properties.type || properties.type === 'single') return null;
    const right = { north: [1, 0], south: [-1, 0], west: [0, -1], east: [0, 1] }[properties.facing];
    const sign = properties.type === 'left' ? 1 : -1;
    return { x: at.x + sign * right[0], y: at.y, z: at.z + sign * right[1] };
  }

  type(name) {
    if (!this.types) {
      const windows = require('prismarine-windows')(this.game.facts.registry).windows;
      this.types = windows;
    }
    return this.types[`minecraft:${name}`].type;
  }

  /** After the block went: what was in it falls out. */
  spill(x, y, z) {
    const key = `${x},${y},${z}`;
    const container = this.all.get(key);
    for (const player of this.game.players.values()) {
      const { at } = player.window;
      if (at && at.x === x && at.y === y && at.z === z) player.session.closeWindow();
    }
    if (!container) return;
    this.all.delete(key);
    this.hot.delete(container);
    for (const stack of container.slots) if (stack) this.game.drops.pop(x + 0.5, y + 0.5, z + 0.5, stack);
    if (container.xp) this.game.drops.xp(x + 0.5, y + 0.5, z + 0.5, container.xp);
  }
}

module.exports = { Containers };
