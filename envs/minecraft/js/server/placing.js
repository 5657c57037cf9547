'use strict';
// Which state a placed block takes, from the face it is put on and where the player looks, and whether it may stand.

const { FACING } = require('./blocks');

/** Items that place a block of another name. */
const PLACES = {
  wheat_seeds: 'wheat', carrot: 'carrots', potato: 'potatoes', beetroot_seeds: 'beetroots',
    pumpkin_seeds: 'pumpkin_stem', melon_seeds: 'melon_stem',
  sweet_berries: 'sweet_berry_bush', redstone: 'redstone_wire', string: 'tripwire', cocoa_beans: 'cocoa',
};
const FACES = ['down', 'up', 'north', 'south', 'west', 'east'];
const OPPOSITE = { north: 'south', south: 'north', east: 'west', west: 'east', up: 'down', down: 'up' };
/** Blocks that turn their front to the player. */
const FRONT = new RegExp('^(furnace|smoker|blast_furnace|chest|trapped_chest|ender_chest|carved_pumpkin|jack_o_lantern'
  + '|loom|stonecutter|lectern|.*_glazed_terracotta|campfire)$');

/** Compass side a player looks to. */
function lookSide(player) {
  return ['south', 'west', 'north', 'east'][((Math.round(player.yaw / 90) % 4) + 4) % 4];
}

class Placing {
  constructor(game) {
    Object.assign(this, { game, world: game.world, facts: game.facts });
  }

  /** Name of the block that an item places, or null. */
  blockOf(name) {
    const placed = PLACES[name] || name;
    return this.facts.registry.blocksByName[placed] ? placed : null;
  }

  /**
   * Places what the player holds.
   * @param {{x, y, z}} at the clicked block  @param {number} face 0..5  @param {{x, y, z}} cursor place on the face
   * @returns {boolean} whether something was placed
   */
  place(player, stack, at, face, cursor) {
    const { facts, world, game } = this;
    const name = this.blockOf(game.items.name(stack));
    if (!name) return false;
    const clicked = world.get(at.x, at.y, at.z);
    if (name.endsWith('_slab') && this.doubled(stack, name, clicked, at, face)) return this.done(player, name, at);
    let target = at;
    let side = face;
    if (facts.replaceable[clicked] && facts.block[clicked].name !== name) side = 1;
    else {
      const [dx, dy, dz] = [[0, -1, 0], [0, 1, 0], [0, 0, -1], [0, 0, 1], [-1, 0, 0], [1, 0, 0]][face];
      target = { x: at.x + dx, y: at.y + dy, z: at.z + dz };
    }
    const there = world.get(target.x, target.y, target.z);
    if (target.y < 0 || target.y > 127 || !facts.replaceable[there]) return false;
    const state = this.state(player, name, target, FACES[side], cursor);
    if (state === null || this.blocked(target, state) || !this.stands(target, state)) return false;
    if (!this.putHalves(player, target, state)) return false;
    world.set(target.x, target.y, target.z, state);
    return this.done(player, name, target);
  }

  done(player, name, at) {
    player.spend();
    this.game.emit('place', { player, block: name, at });
    return true;
  }

  /** A second slab into the first one's cell. */
  doubled(stack, name, clicked, at, face) {
    const { facts, world } = this;
    if (facts.block[clicked].name !== name) return false;
    const { type } = facts.properties(clicked);
    if (!((type === 'bottom' && face === 1) || (type === 'top' && face === 0))) return false;
    return world.set(at.x, at.y, at.z, facts.with(clicked, { type: 'double' }));
  }

  /** Whether a body stands where a solid block would be. */
  blocked(at, state) {
    const { game, facts } = this;
    for (const box of facts.boxes[state]) {
      for (const entity of [...game.players.values(), ...game.mobs.list]) {
        if (entity.dead || entity.gone || entity.gameMode === 3) continue;
        const half = entity.width / 2;
        if (entity.x + half > at.x + box[0] + 1e-4 && entity.x - half < at.x + box[3] - 1e-4
          && entity.z + half > at.z + box[2] + 1e-4 && entity.z - half < at.z + box[5] - 1e-4
          && entity.y + entity.height > at.y + box[1] + 1e-4 && entity.y < at.y + box[4] - 1e-4) return true;
      }
    }
    return false;
  }

  stands(at, state) {
    const { game, facts } = this;
    if (game.blocks.kinds[state] & 2) return game.blocks.hangs(at.x, at.y, at.z, state);
    if (facts.plant[state]) return game.blocks.grounded(at.x, at.y, at.z, state);
    return !facts.block[state].name.endsWith('_door') || facts.full[this.world.get(at.x, at.y - 1, at.z)] === 1;
  }

  /** The upper half of a door or tall plant, the head of a bed. */
  putHalves(player, at, state) {
    const { facts, world } = this;
    const properties = facts.properties(state);
    const { name } = facts.block[state];
    let other = null;
    if (properties.part === 'foot') {
      const [dx, dz] = FACING[properties.facing];
      other = [at.x + dx, at.y, at.z + dz, { part: 'head' }];
    } else if (properties.half === 'lower' && !/stairs|trapdoor/.test(name)) other = [at.x, at.y + 1, at.z,
      { half: 'upper' }];
    if (!other) return true;
    const [x, y, z, changed] = other;
    if (!facts.replaceable[world.get(x, y, z)] || facts.liquid[world.get(x, y, z)]) return false;
    world.set(at.x, at.y, at.z, state);
    return world.set(x, y, z, facts.with(state, changed));
  }

  /** @returns {?number} state, or null when it cannot be put there */
  state(player, name, at, side, cursor) {
    const { facts } = this;
    const upper = side === 'down' || (side !== 'up' && cursor.y > 0.5);
    const look = lookSide(player);
    if (/^(redstone_|soul_)?torch$/.test(name)) {
      if (side === 'down') return null;
      return side === 'up' ? facts.state(name) : facts.state(name.replace('torch', 'wall_torch'), { facing: side });
    }
    const block = facts.named(name);
    const has = (property) => block.states.some((s) => s.name === property);
    const properties = {};
    if (has('waterlogged')) properties.waterlogged = String(facts.liquid[this.world.get(at.x, at.y, at.z)] === 1);
    if (has('axis')) properties.axis = { up: 'y', down: 'y', north: 'z', south: 'z', east: 'x', west: 'x' }[side];
    if (name.endsWith('_leaves')) properties.persistent = 'true';
    if (name.endsWith('_slab')) properties.type = upper ? 'top' : 'bottom';
    if (name.endsWith('_stairs')) Object.assign(properties, { facing: look, half: upper ? 'top' : 'bottom' });
    else if (name.endsWith('_trapdoor')) Object.assign(properties, { facing: FACING[side] ? side : OPPOSITE[look],
      half: upper ? 'top' : 'bottom' });
    else if (name.endsWith('_door')) Object.assign(properties, { facing: look, half: 'lower', hinge: 'left' });
    else if (name.endsWith('_bed')) Object.assign(properties, { facing: look, part: 'foot' });
    else if (name === 'ladder') {
      if (!FACING[side]) return null;
      properties.facing = side;
    } else if (name === 'cocoa') {
      if (!FACING[side]) return null;
      properties.facing = OPPOSITE[side];
    } else if (name.endsWith('_button') || name === 'lever') {
      Object.assign(properties, { face: side === 'up' ? 'floor' : side === 'down' ? 'ceiling' : 'wall',
        facing: FACING[side] ? side : look });
    } else if (FRONT.test(name)) properties.facing = OPPOSITE[look];
    else if (has('facing')) properties.facing = this.allowed(block, 'facing', side)
      || this.allowed(block, 'facing', look);
    else if (has('half')) properties.half = 'lower';
    if (name === 'chest' || name === 'trapped_chest') properties.type = this.pair(player, block, at, properties.facing);
    return facts.state(name, properties);
  }

  allowed(block, property, value) {
    return block.states.find((s) => s.name === property).values.includes(value) ? value : null;
  }

  /** A chest next to a single one with the same front joins it. */
  pair(player, block, at, facing) {
    const { facts, world } = this;
    if (player.sneaking) return 'single';
    const right = { north: [1, 0], south: [-1, 0], west: [0, -1], east: [0, 1] }[facing];
    for (const [type, sign] of [['left', 1], ['right', -1]]) {
      const [x, z] = [at.x + sign * right[0], at.z + sign * right[1]];
      const state = world.get(x, at.y, z);
      if (facts.block[state].id !== block.id) continue;
      const its = facts.properties(state);
      if (its.facing !== facing || its.type !== 'single') continue;
      world.set(x, at.y, z, facts.with(state, { type: type === 'left' ? 'right' : 'left' }));
      return type;
    }
    return 'single';
  }
}

module.exports = { Placing, lookSide, FACES };
