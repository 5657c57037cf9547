'use strict';
// What moves: the common body with its physics (boxes against block shapes), dropped items, experience orbs, arrows,
// falling blocks and primed charges.

const crypto = require('crypto');

const NO_BOXES = [];

class Entity {
  constructor(game, kind, x, y, z) {
    const data = game.facts.registry.entitiesByName[kind];
    if (!data) throw new Error(`no entity is called ${kind}`);
    Object.assign(this, { game, kind, x, y, z, vx: 0, vy: 0, vz: 0, yaw: 0, pitch: 0, onGround: false, gone: false,
      age: 0 });
    this.id = game.nextId();
    this.uuid = crypto.randomUUID();
    this.width = data.width;
    this.height = data.height;
    this.hitWall = false;
    this.step = 0;
  }

  /** Moves by the velocity, stopped by blocks; walks up steps of `this.step`. */
  move() {
    const wanted = [this.vx, this.vy, this.vz];
    const boxes = near(this, ...wanted);
    const y = sweep(boxes, this, 1, wanted[1]);
    this.y += y;
    let x = sweep(boxes, this, 0, wanted[0]);
    this.x += x;
    let z = sweep(boxes, this, 2, wanted[2]);
    this.z += z;
    this.hitWall = x !== wanted[0] || z !== wanted[2];
    if (this.hitWall && this.step && (this.onGround || (y !== wanted[1] && wanted[1] < 0))) {
      [x, z] = this.climb(wanted, x, z);
    }
    this.onGround = y !== wanted[1] && wanted[1] < 0;
    if (y !== wanted[1]) this.vy = 0;
    if (x !== wanted[0]) this.vx = 0;
    if (z !== wanted[2]) this.vz = 0;
  }

  climb(wanted, x, z) {
    const before = { x: this.x, y: this.y, z: this.z };
    this.x -= x;
    this.z -= z;
    const boxes = near(this, wanted[0], this.step, wanted[2]);
    this.y += sweep(boxes, this, 1, this.step);
    const sx = sweep(boxes, this, 0, wanted[0]);
    this.x += sx;
    const sz = sweep(boxes, this, 2, wanted[2]);
    this.z += sz;
    if (sx * sx + sz * sz <= x * x + z * z) {
      Object.assign(this, before);
      return [x, z];
    }
    this.y += sweep(boxes, this, 1, -this.step);
    return [sx, sz];
  }

  cell(dy = 0) {
    return this.game.world.get(Math.floor(this.x), Math.floor(this.y + dy), Math.floor(this.z));
  }

  /** 0 dry, 1 in water, 2 in lava. */
  wet(dy = 0.2) {
    return this.game.facts.liquid[this.cell(dy)];
  }

  distance(other) {
    return Math.hypot(this.x - other.x, this.y - other.y, this.z - other.z);
  }

  loaded() {
    return this.game.world.loaded(Math.floor(this.x), Math.floor(this.z));
  }
}

/** Collision boxes round the path of an entity, in world coordinates. */
function near(entity, vx, vy, vz) {
  const { world, facts } = entity.game;
  const half = entity.width / 2;
  const x0 = Math.floor(entity.x - half + Math.min(0, vx));
  const x1 = Math.floor(entity.x + half + Math.max(0, vx));
  const y0 = Math.floor(entity.y + Math.min(0, vy)) - 1;
  const y1 = Math.floor(entity.y + entity.height + Math.max(0, vy));
  const z0 = Math.floor(entity.z - half + Math.min(0, vz));
  const z1 = Math.floor(entity.z + half + Math.max(0, vz));
  const found = [];
  for (let x = x0; x <= x1; x++) {
    for (let z = z0; z <= z1; z++) {
      if (!world.loaded(x, z)) {
        found.push([x, y0, z, x + 1, y1 + 1, z + 1]); // the edge of what is loaded is a wall
        continue;
      }
      for (let y = y0; y <= y1; y++) {
        const state = world.get(x, y, z);
        for (const b of state ? facts.boxes[state] : NO_BOXES)
          found.push([x + b[0], y + b[1], z + b[2], x + b[3], y + b[4], z + b[5]]);
      }
    }
  }
  return found;
}

/** How far the entity's box can go along one axis (0 x, 1 y, 2 z) before it meets a box. */
function sweep(boxes, entity, axis, wanted) {
  if (!wanted) return 0;
  const half = entity.width / 2;
  const low = [entity.x - half, entity.y, entity.z - half];
  const high = [entity.x + half, entity.y + entity.height, entity.z + half];
  let free = wanted;
  const a = (axis + 1) % 3;
  const b = (axis + 2) % 3;
  for (const box of boxes) {
    if (high[a] <= box[a] + 1e-7 || low[a] >= box[a + 3] - 1e-7 || high[b] <= box[b] + 1e-7
      || low[b] >= box[b + 3] - 1e-7) continue;
    if (wanted > 0 && high[axis] <= box[axis] + 1e-7) free = Math.min(free, Math.max(0, box[axis] - high[axis]));
    else if (wanted < 0 && low[axis] >= box[axis + 3] - 1e-7)
      free = Math.max(free, Math.min(0, box[axis + 3] - low[axis]));
  }
  return free;
}

/** A dropped stack. */
class Drop extends Entity {
  constructor(game, x, y, z, stack, wait) {
    super(game, 'item', x, y, z);
    this.stack = stack;
    this.wait = wait;
  }

  metadata(items) {
    return [{ key: 8, type: 'item_stack', value: items.toSlot(this.stack) }];
  }

  tick() {
    const { game } = this;
    const wet = this.wet(0.1);
    if (wet === 2) return void (this.gone = true);
    this.vy += wet ? 0.015 : -0.04;
    if (!(this.onGround && this.age > 40 && (this.age + this.id) % 8)) this.move();
    const slow = this.onGround ? 0.588 : 0.98;
    this.vx *= slow;
    this.vz *= slow;
    this.vy *= wet ? 0.9 : 0.98;
    if (this.wait > 0) this.wait--;
    if (++this.age > 6000 || this.y < -64) this.gone = true;
    else if (!this.wait) this.picked();
    if (!this.gone && this.age % 20 === 0) this.merge(game);
    return undefined;
  }

  picked() {
    const { game } = this;
    for (const player of game.players.values()) {
      if (player.dead || player.gameMode === 3 || !within(player, this)) continue;
      const left = player.give(this.stack);
      if (left === this.stack.count) continue;
      const taken = this.stack.count - left;
      for (const other of game.players.values()) {
        if (other.session.shown.has(this.id)) other.session.send('collect',
          { collectedEntityId: this.id, collectorEntityId: player.id, pickupItemCount: taken });
      }
      game.emit('pickup', { player, item: game.items.name(this.stack), count: taken });
      if (left) this.stack = game.items.copy(this.stack, left);
      else this.gone = true;
      return;
    }
  }

  merge(game) {
    for (const other of game.drops.list) {
      if (other === this || other.gone || !(other instanceof Drop) || this.distance(other) > 0.8
        || !game.items.alike(this.stack, other.stack)) continue;
      if (this.stack.count + other.stack.count > game.items.most(this.stack)) continue;
      this.stack = game.items.copy(this.stack, this.stack.count + other.stack.count);
      other.gone = true;
    }
  }
}

/** Whether a player's reach for drops (its box, one block wider) holds an entity. */
function within(player, entity) {
  return Math.abs(player.x - entity.x) < 1.3 + entity.width / 2
    && Math.abs(player.z - entity.z) < 1.3 + entity.width / 2
    && entity.y > player.y - 0.5 - entity.height && entity.y < player.y + player.height + 0.5;
}

/** An experience orb. */
class Orb extends Entity {
  constructor(game, x, y, z, amount) {
    super(game, 'experience_orb', x, y, z);
    this.amount = amount;
    this.data = amount;
  }

  tick() {
    const { game } = this;
    this.vy -= 0.03;
    const player = game.nearest(this, 8);
    if (player) {
      const far = this.distance(player) || 1;
      const pull = Math.max(0, 1 - far / 8) ** 2 * 0.1;
      this.vx += ((player.x - this.x) / far) * pull;
      this.vy += ((player.y + 0.8 - this.y) / far) * pull;
      this.vz += ((player.z - this.z) / far) * pull;
      if (this.age > 10 && within(player, this)) {
        player.gainXp(this.amount);
        this.gone = true;
      }
    }
    this.move();
    const slow = this.onGround ? 0.588 : 0.98;
    this.vx *= slow;
    this.vz *= slow;
    this.vy *= 0.98;
    if (++this.age > 6000 || this.y < -64 || this.wet() === 2) this.gone = true;
  }
}

/** A flying arrow; hurts what its path meets, sticks in blocks, can be picked up when a player shot it. */
class Arrow extends Entity {
  constructor(game, from, damage) {
    super(game, 'arrow', from.x, from.y + (from.eyeHeight || from.height * 0.85) - 0.1, from.z);
    this.from = from;
    this.damage = damage;
    this.stuck = 0;
  }

  tick() {
    if (++this.age > 1200 || this.y < -64) this.gone = true;
    if (this.stuck) {
      this.stuck++;
      if (this.from.kind === 'player') this.regain();
      return;
    }
    const steps = Math.max(1, Math.ceil(Math.hypot(this.vx, this.vy, this.vz) / 0.4));
    for (let i = 0; i < steps && !this.gone && !this.stuck; i++) this.fly(1 / steps);
    const slow = this.wet() ? 0.6 : 0.99;
    this.vx *= slow;
    this.vy = this.vy * slow - 0.05;
    this.vz *= slow;
  }

  fly(part) {
    const { game } = this;
    this.x += this.vx * part;
    this.y += this.vy * part;
    this.z += this.vz * part;
    if (!this.loaded()) return void (this.gone = true);
    if (game.facts.solid[this.cell()] && game.facts.full[this.cell()]) return void (this.stuck = 1);
    for (const target of [...game.players.values(), ...game.mobs.list]) {
      if (target === this.from && this.age < 6) continue;
      if (target.gone || target.dead || Math.abs(target.x - this.x) > target.width / 2 + 0.15
        || Math.abs(target.z - this.z) > target.width / 2 + 0.15) continue;
      if (this.y < target.y - 0.1 || this.y > target.y + target.height + 0.1) continue;
      const speed = Math.hypot(this.vx, this.vy, this.vz);
      if (target.hurt(Math.ceil(this.damage * speed), 'arrow', this.from)) this.gone = true;
      return undefined;
    }
    return undefined;
  }

  regain() {
    for (const player of this.game.players.values()) {
      if (!player.dead && this.stuck > 10 && within(player, this) && !player.give(this.game.items.make('arrow')))
        this.gone = true;
    }
  }
}

/** Drops, orbs and shots: everything that moves and is no mob. */
class Drops {
  constructor(game) {
    this.game = game;
    this.list = [];
  }

  tick() {
    for (const entity of this.list) if (!entity.gone && entity.loaded()) entity.tick();
    for (const entity of this.list) if (entity.gone) this.game.forget(entity);
    this.list = this.list.filter((entity) => !entity.gone);
  }

  add(entity) {
    this.list.push(entity);
    if (this.list.length > 1500) this.list[0].gone = true;
    return entity;
  }

  /** A drop out of a broken block or a dead mob. */
  pop(x, y, z, stack) {
    const { chance } = this.game;
    const drop = this.add(new Drop(this.game, x, y, z, stack, 10));
    drop.vx = chance.within(-0.1, 0.1);
    drop.vy = 0.2;
    drop.vz = chance.within(-0.1, 0.1);
    return drop;
  }

  scatter(x, y, z, stack) {
    const drop = this.pop(x, y, z, stack);
    drop.vx *= 3;
    drop.vz *= 3;
  }

  /** What a player throws from the hand. */
  throwFrom(player, stack) {
    const drop = this.add(new Drop(this.game, player.x, player.y + player.eyeHeight - 0.3, player.z, stack, 40));
    const yaw = (player.yaw * Math.PI) / 180;
    const pitch = (player.pitch * Math.PI) / 180;
    drop.vx = -Math.sin(yaw) * Math.cos(pitch) * 0.3;
    drop.vz = Math.cos(yaw) * Math.cos(pitch) * 0.3;
    drop.vy = -Math.sin(pitch) * 0.3 + 0.1;
    this.game.emit('throw', { player, item: this.game.items.name(stack), count: stack.count });
  }

  xp(x, y, z, amount) {
    for (let left = Math.floor(amount); left > 0;) {
      const part = left >= 37 ? 37 : left >= 17 ? 17 : left >= 7 ? 7 : left >= 3 ? 3 : 1;
      const orb = this.add(new Orb(this.game, x, y + 0.3, z, part));
      orb.vx = this.game.chance.within(-0.05, 0.05);
      orb.vy = 0.1;
      orb.vz = this.game.chance.within(-0.05, 0.05);
      left -= part;
    }
  }

  /** An arrow from an entity along a direction. */
  arrow(from, dx, dy, dz, speed, damage, spread) {
    const { chance } = this.game;
    const arrow = this.add(new Arrow(this.game, from, damage));
    const far = Math.hypot(dx, dy, dz) || 1;
    const off = () => chance.within(-1, 1) * 0.0075 * spread;
    arrow.vx = (dx / far + off()) * speed;
    arrow.vy = (dy / far + off()) * speed;
    arrow.vz = (dz / far + off()) * speed;
    arrow.yaw = (-Math.atan2(dx, dz) * 180) / Math.PI;
    return arrow;
  }
}

module.exports = { Entity, Drops, within };
