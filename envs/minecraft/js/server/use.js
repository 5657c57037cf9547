'use strict';
// The use key: on blocks (windows, doors, beds, tools, placing), in the air (eating, buckets, bows, armour), on mobs.

const { Placing, lookSide } = require('./placing');

const FACES = [[0, -1, 0], [0, 1, 0], [0, 0, -1], [0, 0, 1], [-1, 0, 0], [1, 0, 0]];
const TILLED = /^(grass_block|dirt|dirt_path|coarse_dirt)$/;
const PATHED = /^(grass_block|dirt|podzol|coarse_dirt|mycelium|rooted_dirt)$/;
const BUCKET_REACH = 5;

class Use {
  constructor(game) {
    Object.assign(this, { game, world: game.world, facts: game.facts, items: game.items, faces: FACES });
    this.placing = new Placing(game);
  }

  /** A right click on a block's face. */
  onBlock(player, at, face, cursor, hand) {
    const { world, facts } = this;
    if (hand === 1 && player.stack) return; // the other hand acts only when this one is empty
    const state = world.get(at.x, at.y, at.z);
    const { name } = facts.block[state];
    const stack = hand === 1 ? player.slots[45] : player.stack;
    if (!(player.sneaking && stack) && this.interact(player, at, state, name)) return;
    if (!stack || hand === 1) return;
    const item = this.items.name(stack);
    if (this.tool(player, item, at, state, name, face)) return;
    this.placing.place(player, stack, at, face, cursor || { x: 0.5, y: 0.5, z: 0.5 });
  }

  /** Blocks that answer by themselves. @returns {boolean} */
  interact(player, at, state, name) {
    const { game, world, facts } = this;
    if (game.containers.open(player, at, name)) {
      game.emit('open', { player, block: name });
      return true;
    }
    if (name.endsWith('_bed')) return game.beds.use(player, at);
    if (/_(door|trapdoor|fence_gate)$/.test(name) && !name.startsWith('iron'))
      return this.swing(player, at, state, name);
    if (name === 'lever') return world.set(at.x, at.y, at.z, facts.with(state,
      { powered: String(facts.properties(state).powered !== 'true') }));
    if (name === 'cake' && player.food < 20) {
      const bites = Number(facts.properties(state).bites) + 1;
      player.eat(2, 0.4);
      return world.set(at.x, at.y, at.z, bites > 6 ? 0 : facts.with(state, { bites: String(bites) }));
    }
    if (name === 'sweet_berry_bush' && Number(facts.properties(state).age) > 1) {
      game.digging.drop(at, state);
      return world.set(at.x, at.y, at.z, facts.with(state, { age: '1' }));
    }
    return false;
  }

  swing(player, at, state, name) {
    const { world, facts, game } = this;
    const open = String(facts.properties(state).open !== 'true');
    const changed = { open };
    if (name.endsWith('_fence_gate') && open === 'true') changed.facing = lookSide(player);
    world.set(at.x, at.y, at.z, facts.with(state, changed));
    if (name.endsWith('_door')) {
      const other = game.blocks.otherHalf(at.x, at.y, at.z, state);
      const its = world.get(...other);
      if (facts.block[its].name === name) world.set(...other, facts.with(its, { open }));
    }
    return true;
  }

  /** Items that do something to a block. @returns {boolean} */
  tool(player, item, at, state, name, face) {
    const { world, facts, game } = this;
    const free = world.get(at.x, at.y + 1, at.z) === 0 || facts.replaceable[world.get(at.x, at.y + 1, at.z)];
    if (item.endsWith('_hoe') && TILLED.test(name) && free && face !== 0) {
      world.set(at.x, at.y, at.z, facts.state(name === 'coarse_dirt' ? 'dirt' : 'farmland'));
      player.wearHand(1);
      game.emit('till', { player });
      return true;
    }
    if (item.endsWith('_shovel') && PATHED.test(name) && free && face !== 0) {
      world.set(at.x, at.y, at.z, facts.state('dirt_path'));
      player.wearHand(1);
      return true;
    }
    if (item.endsWith('_axe') && /^(?!stripped)[a-z_]+_(log|wood)$/.test(name)
      && facts.registry.blocksByName[`stripped_${name}`]) {
      world.set(at.x, at.y, at.z, facts.state(`stripped_${name}`, facts.properties(state)));
      player.wearHand(1);
      return true;
    }
    if (item === 'bone_meal') return this.fertilise(player, at, state, name);
    if (item === 'flint_and_steel' || item === 'fire_charge') return this.ignite(player, at, name, face, item);
    if (item === 'shears' && name === 'pumpkin') {
      game.drops.pop(at.x + 0.5, at.y + 1, at.z + 0.5, this.items.make('pumpkin_seeds', 4));
      player.wearHand(1);
      return world.set(at.x, at.y, at.z, facts.state('carved_pumpkin'));
    }
    return item.endsWith('bucket') || facts.food.has(player.stack.id) ? !this.placing.blockOf(item) : false;
  }

  fertilise(player, at, state, name) {
    const { game, facts, world } = this;
    const { chance, blocks } = game;
    let done = false;
    if (name.endsWith('_sapling')) done = !chance.lucky(0.45) || blocks.growTree(at.x, at.y, at.z, name) || true;
    else if (name === 'grass_block') done = this.bloom(at);
    else if (/^(wheat|carrots|potatoes|beetroots|pumpkin_stem|melon_stem|sweet_berry_bush|cocoa)$/.test(name)) {
      const age = facts.block[state].states.find((s) => s.name === 'age');
      if (Number(facts.properties(state).age) < age.num_values - 1)
        done = blocks.ripen(at.x, at.y, at.z, state, name === 'cocoa'
        || name === 'sweet_berry_bush' ? 1 : chance.between(2, 5));
    } else if (/^(sunflower|lilac|rose_bush|peony)$/.test(name)) {
      game.drops.pop(at.x + 0.5, at.y + 0.5, at.z + 0.5, this.items.make(name));
      done = true;
    } else if (name === 'short_grass' && world.get(at.x, at.y + 1, at.z) === 0) {
      world.set(at.x, at.y, at.z, facts.state('tall_grass', { half: 'lower' }));
      done = world.set(at.x, at.y + 1, at.z, facts.state('tall_grass', { half: 'upper' }));
    }
    if (done) player.spend();
    return true;
  }

  bloom(at) {
    const { world, facts, game } = this;
    for (let n = 0; n < 40; n++) {
      const x = at.x + game.chance.between(-3, 3);
      const z = at.z + game.chance.between(-3, 3);
      for (let y = at.y + 1; y >= at.y - 1; y--) {
        if (world.name(x, y, z) !== 'grass_block' || world.get(x, y + 1, z) !== 0) continue;
        world.set(x, y + 1, z, facts.state(game.chance.lucky(0.85) ? 'short_grass' : game.chance.lucky(0.5)
          ? 'dandelion' : 'poppy'));
        break;
      }
    }
    return true;
  }

  ignite(player, at, name, face, item) {
    const { world, facts, game } = this;
    if (name === 'tnt') {
      world.set(at.x, at.y, at.z, 0);
      game.blocks.later(80, 'blast', at.x, at.y, at.z);
    } else {
      const [dx, dy, dz] = FACES[face];
      const cell = [at.x + dx, at.y + dy, at.z + dz];
      if (world.get(...cell) !== 0) return true;
      world.set(...cell, facts.state('fire'));
    }
    if (item === 'fire_charge') player.spend();
    else player.wearHand(1);
    return true;
  }

  /** Hitting a block puts out the fire on that face. */
  douse(at, face) {
    const [dx, dy, dz] = FACES[face] || [0, 0, 0];
    if (this.world.name(at.x + dx, at.y + dy, at.z + dz) === 'fire') this.world.set(at.x + dx, at.y + dy, at.z + dz, 0);
  }

  // ---- in the air

  /** The use key with no block under it (vanilla clients also send it after a block did not answer). */
  inAir(player, hand) {
    const stack = hand === 1 ? player.slots[45] : player.stack;
    if (!stack || player.using) return;
    const item = this.items.name(stack);
    const food = this.facts.food.get(stack.id);
    const index = hand === 1 ? 45 : 36 + player.held;
    if (food && (player.food < 20 || food.always || this.game.difficulty === 0 || player.gameMode === 1))
      this.begin(player, index, food.ticks || 32, 'eat');
    else if (item === 'milk_bucket' || item === 'potion') this.begin(player, index, 32, 'drink');
    else if (item === 'bow') this.begin(player, index, Infinity, 'bow');
    else if (item === 'bucket' || item === 'water_bucket' || item === 'lava_bucket') this.bucket(player, item);
    else if (this.facts.armour.has(stack.id)) this.wear(player, index, stack);
  }

  begin(player, slot, ticks, what) {
    player.using = { slot, id: player.slots[slot].id, ticks, what, since: this.game.ticks };
  }

  wear(player, index, stack) {
    const [, slot] = this.facts.armour.get(stack.id);
    const worn = player.slots[slot];
    player.slots[slot] = this.items.copy(stack, 1);
    player.slots[index] = stack.count > 1 ? this.items.copy(stack, stack.count - 1) : worn;
  }

  /** Each tick while the key is held. */
  keepUsing(player) {
    const { using } = player;
    const stack = player.slots[using.slot];
    if (!stack || stack.id !== using.id || (using.slot !== 45 && using.slot !== 36 + player.held)) {
      player.using = null;
      return;
    }
    if (this.game.ticks - using.since < using.ticks) return;
    player.using = null;
    if (using.what === 'eat') this.eaten(player, using.slot, stack);
    else if (using.what === 'drink') {
      player.effects = {};
      player.slots[using.slot] = this.items.make(this.items.name(stack) === 'potion' ? 'glass_bottle' : 'bucket');
    }
    player.session.send('entity_status', { entityId: player.id, entityStatus: 9 });
  }

  eaten(player, slot, stack) {
    const { game, items } = this;
    const food = this.facts.food.get(stack.id);
    player.eat(food.foodPoints, food.saturation);
    if (food.hunger && game.chance.lucky(food.hunger)) player.effects.hunger = 600;
    if (food.poison && game.chance.lucky(food.poison)) player.effects.poison = 100;
    const rest = stack.count > 1 ? items.copy(stack, stack.count - 1) : null;
    player.slots[slot] = rest || (food.returns ? items.make(food.returns) : null);
    if (rest && food.returns) player.give(items.make(food.returns));
    game.emit('eat', { player, item: items.name(stack) });
  }

  /** The use key is let go. */
  release(player) {
    const { using } = player;
    player.using = null;
    if (!using || using.what !== 'bow') return;
    const drawn = this.game.ticks - using.since;
    const t = drawn / 20;
    const power = Math.min(1, (t * t + t * 2) / 3);
    const arrow = player.slots.findIndex((s, i) => i > 8 && s && this.items.name(s) === 'arrow');
    if (power < 0.1 || (arrow < 0 && player.gameMode !== 1)) return;
    if (arrow >= 0) player.slots[arrow] = player.slots[arrow].count > 1
      ? this.items.copy(player.slots[arrow], player.slots[arrow].count - 1) : null;
    const [dx, dy, dz] = direction(player);
    this.game.drops.arrow(player, dx, dy, dz, power * 3, 2, 1);
    player.wearHand(1);
  }

  /** Fills or empties a bucket where the player looks. */
  bucket(player, item) {
    const { world, facts, game } = this;
    const hit = this.ray(player, BUCKET_REACH, item === 'bucket');
    if (!hit) return;
    const { cell, before } = hit;
    if (item === 'bucket') {
      const state = world.get(...cell);
      const kind = facts.liquid[state];
      if (!kind || facts.level[state] !== 0) return;
      world.set(...cell, 0);
      player.spend();
      const full = this.items.make(kind === 1 ? 'water_bucket' : 'lava_bucket');
      if (!player.stack) player.stack = full;
      else if (player.give(full)) game.drops.throwFrom(player, full);
      game.emit('fill', { player, item: this.items.name(full) });
      return;
    }
    const target = facts.replaceable[world.get(...cell)] ? cell : before;
    if (!target || !facts.replaceable[world.get(...target)]) return;
    world.set(...target, facts.state(item === 'water_bucket' ? 'water' : 'lava'));
    if (player.gameMode !== 1) player.stack = this.items.make('bucket');
  }

  /** First block that a player's look meets; liquids: sources count too. */
  ray(player, reach, liquids) {
    const { world, facts } = this;
    const [dx, dy, dz] = direction(player);
    let last = null;
    let before = null;
    for (let t = 0; t <= reach; t += 0.02) {
      const cell = [Math.floor(player.x + dx * t), Math.floor(player.y + player.eyeHeight + dy * t),
        Math.floor(player.z + dz * t)];
      if (last && cell.every((v, i) => v === last[i])) continue;
      before = last;
      last = cell;
      const state = world.get(...cell);
      if (facts.solid[state] || (liquids && facts.liquid[state] && facts.level[state] === 0)) return { cell, before };
    }
    return null;
  }

  onEntity(player, entity) {
    if (entity.use) entity.use(player, player.stack);
  }
}

/** Unit vector of a player's look. */
function direction(player) {
  const yaw = (player.yaw * Math.PI) / 180;
  const pitch = (player.pitch * Math.PI) / 180;
  return [-Math.sin(yaw) * Math.cos(pitch), -Math.sin(pitch), Math.cos(yaw) * Math.cos(pitch)];
}

module.exports = { Use };
