'use strict';
// Mobs: their bodies, life and death, loot, and what a player can do with them (feed, breed, shear, milk, tame, dye).
// What they want to do each tick is in minds.js.

const { Entity } = require('./entities');
const { think } = require('./minds');

const SLEEP = 64; // blocks from every player beyond which mobs stand still
const GROWS = 24000;
const COLOURS = ['white', 'orange', 'magenta', 'light_blue', 'yellow', 'lime', 'pink', 'gray', 'light_gray', 'cyan',
  'purple', 'blue', 'brown', 'green', 'red', 'black'];

class Mob extends Entity {
  constructor(game, kind, x, y, z, fields = {}) {
    super(game, kind, x, y, z);
    this.data = 0;
    this.facts = game.mobs.kinds[kind];
    this.hostile = this.facts.mood === 'hostile' || this.facts.mood === 'shady';
    Object.assign(this, {
      health: this.facts.health, hurtAt: -100, fire: 0, air: 300, fallen: 0, target: null, flees: 0, love: 0, rest: 0,
        born: 0,
      colour: 0, shorn: false, size: 1, tamed: null, sits: false, angry: 0, fuse: 0, wish: null, attackAt: 0, lays: 0,
        step: 1, idle: 0, stuck: 0,
    });
    this.yaw = game.chance.within(-180, 180);
    const { baby, ...rest } = fields;
    Object.assign(this, rest);
    if (kind === 'slime') this.resize(fields.size || 1);
    if (kind === 'chicken') this.lays = game.chance.between(6000, 12000);
    if (baby) this.born = -GROWS;
    this.gear = this.facts.hand ? [[0, game.items.make(this.facts.hand)]] : [];
  }

  resize(size) {
    this.size = size;
    this.width = this.height = 0.52 * size;
    this.health = size * size;
  }

  get baby() {
    return this.born < 0;
  }

  get eyeHeight() {
    return this.height * 0.85;
  }

  metadata() {
    const list = [{ key: 0, type: 'byte', value: this.fire > 0 ? 1 : 0 },
      { key: 9, type: 'float', value: Math.max(0, this.health) }];
    const { kind } = this;
    if (kind === 'slime') list.push({ key: 16, type: 'int', value: this.size });
    else if (kind === 'creeper') list.push({ key: 16, type: 'int', value: this.fuse > 0 ? 1 : -1 });
    else if (this.baby || this.wasBaby) {
      this.wasBaby = true;
      list.push({ key: 16, type: 'boolean', value: this.baby });
    }
    if (kind === 'sheep') list.push({ key: 17, type: 'byte', value: this.colour | (this.shorn ? 16 : 0) });
    if (kind === 'wolf') list.push({ key: 17, type: 'byte',
      value: (this.sits ? 1 : 0) | (this.angry > 0 ? 2 : 0) | (this.tamed ? 4 : 0) });
    return list;
  }

  tick() {
    const { game } = this;
    this.age++;
    if (this.born < 0) this.born++;
    if (this.love > 0) this.love--;
    if (this.rest > 0) this.rest--;
    if (this.flees > 0) this.flees--;
    if (this.angry > 0) this.angry--;
    this.suffer();
    if (this.gone) return;
    if (this.lays && !this.baby && --this.lays === 0) {
      game.drops.pop(this.x, this.y, this.z, game.items.make('egg'));
      this.lays = game.chance.between(6000, 12000);
    }
    think(this);
    this.walk();
  }

  /** Fire, lava, drowning, daylight, cactus. */
  suffer() {
    const { game } = this;
    const wet = this.wet();
    if (wet === 2) {
      this.fire = 300;
      this.hurt(4, 'lava');
    } else if (wet === 1) this.fire = 0;
    if (this.facts.swims ? wet !== 1 && this.age % 20 === 0 && --this.air < 290 : false) this.hurt(1, 'dry_out');
    if (!this.facts.swims && !this.facts.burns && game.facts.liquid[this.cell(this.eyeHeight)] === 1) {
      if (--this.air < -20) {
        this.air = 0;
        this.hurt(2, 'drown');
      }
    } else if (!this.facts.swims) this.air = 300;
    if (this.facts.burns && this.age % 10 === 0 && wet !== 1 && game.darkness() < 4 && !game.raining(this.x, this.z)
      && game.world.open(Math.floor(this.x), Math.floor(this.y + this.eyeHeight),
        Math.floor(this.z))) this.fire = Math.max(this.fire, 160);
    if (this.fire > 0 && this.fire-- % 20 === 0) this.hurt(1, 'on_fire');
    if (this.age % 10 === 0 && game.facts.block[this.cell(0.1)].name === 'fire') this.fire = Math.max(this.fire, 160);
    if (this.facts.blinks && wet === 1) this.hurt(1, 'drown');
    if (this.y < -64) this.gone = true;
  }

  /** Body: gravity, water, and the horizontal velocity that the mind asked for. */
  walk() {
    const wet = this.wet(0.4);
    if (this.facts.swims && wet) {
      this.vx *= 0.9;
      this.vy *= 0.9;
      this.vz *= 0.9;
    } else if (wet) this.vy = Math.min(0.12, this.vy + 0.03); // swims up
    else this.vy = (this.vy - 0.08) * 0.98;
    if (this.facts.floats && this.vy < -0.1) this.vy = -0.1;
    if (this.facts.climbs && this.hitWall && this.target) this.vy = 0.2;
    const still = this.onGround && !wet && Math.abs(this.vx) < 0.003 && Math.abs(this.vz) < 0.003;
    if (still && this.age % 8) {
      this.vx = this.vz = this.vy = 0;
      return;
    }
    const before = this.y;
    this.move();
    if (this.onGround) {
      if (this.fallen > 3.5 && !this.facts.floats && !wet) this.hurt(Math.ceil(this.fallen - 3), 'fall');
      this.fallen = 0;
    } else this.fallen = wet ? 0 : this.fallen + Math.max(0, before - this.y);
    const slow = this.onGround ? 0.55 : wet ? 0.8 : 0.91;
    this.vx *= slow;
    this.vz *= slow;
  }

  /** @returns {boolean} whether it counted */
  hurt(amount, cause, source = null) {
    const { game } = this;
    if (this.gone || (game.ticks - this.hurtAt < 10 && amount <= this.hurtBy)) return false;
    const armour = cause === 'player_attack' || cause === 'arrow' || cause === 'mob_attack' ? this.facts.armour
      || 0 : 0;
    const fresh = game.ticks - this.hurtAt >= 10;
    const damage = (fresh ? amount : amount - this.hurtBy) * (1 - (armour * 0.8) / 25);
    this.hurtBy = amount;
    if (fresh) this.hurtAt = game.ticks;
    this.health -= damage;
    this.lastCause = cause;
    if (source && source.kind === 'player') this.hitBy = { player: source, tick: game.ticks };
    for (const player of game.players.values()) player.session.damage(this, cause, source && source.id ? source : null);
    if (this.health <= 0) {
      this.die(cause, source);
      return true;
    }
    if (source) this.answer(source);
    if (this.facts.blinks && (cause === 'arrow' || game.chance.lucky(0.3))) this.blink();
    return true;
  }

  /** Knock, then flight or anger. */
  answer(source) {
    const dx = this.x - source.x;
    const dz = this.z - source.z;
    const far = Math.hypot(dx, dz) || 1;
    this.vx += (dx / far) * 0.4;
    this.vz += (dz / far) * 0.4;
    this.vy = Math.max(this.vy, 0.36);
    this.onGround = false;
    this.wish = null;
    const { mood } = this.facts;
    if (mood === 'calm') this.flees = 100;
    else if (source.kind === 'player' ? source.gameMode !== 1 && this.tamed !== source.name : source.hurt) {
      this.target = source;
      this.angry = 600;
      if (mood !== 'neutral') return;
      for (const other of this.game.mobs.list) {
        if (other.kind === this.kind && other.distance(this) < 16 && !other.tamed)
          Object.assign(other, { target: source, angry: 600 });
      }
    }
  }

  die(cause, source) {
    const { game } = this;
    this.gone = true;
    const byPlayer = this.hitBy && game.ticks - this.hitBy.tick < 100 ? this.hitBy.player : null;
    for (const player of game.players.values()) player.session.status(this, 3);
    game.emit('kill', { player: byPlayer, kind: this.kind, cause, by: source ? source.kind : null });
    if (this.facts.splits && this.size > 1) this.split();
    if (this.baby || !game.rules.doMobLoot) return;
    this.loot();
    if (byPlayer) game.drops.xp(this.x, this.y, this.z,
      this.facts.splits ? this.size : game.chance.between(...this.facts.xp));
  }

  loot() {
    const { game } = this;
    if (this.facts.splits && this.size > 1) return;
    this.facts.loot.forEach(([item, least, most, share], i) => {
      if (!game.chance.lucky(share) || (item === '@wool' && this.shorn)) return;
      const count = game.chance.between(least, most);
      let name = item === '@wool' ? `${COLOURS[this.colour]}_wool` : item;
      if (i === 0 && this.facts.cooked && this.fire > 0) name = this.facts.cooked;
      if (count) game.drops.pop(this.x, this.y + this.height / 2, this.z, game.items.make(name, count));
    });
  }

  split() {
    const { game } = this;
    for (let n = game.chance.between(2, 4); n > 0; n--) {
      game.mobs.add('slime', this.x + game.chance.within(-0.3, 0.3), this.y + 0.3,
        this.z + game.chance.within(-0.3, 0.3), { size: this.size >> 1 });
    }
  }

  /** Teleports to a free place near by. */
  blink() {
    const { game } = this;
    for (let n = 0; n < 16; n++) {
      const x = Math.floor(this.x) + game.chance.between(-16, 16);
      const z = Math.floor(this.z) + game.chance.between(-16, 16);
      if (!game.world.loaded(x, z)) continue;
      for (let y = Math.floor(this.y) + 8; y > this.y - 8; y--) {
        if (!game.mobs.fits(x, y, z, 3)) continue;
        Object.assign(this, { x: x + 0.5, y, z: z + 0.5, wish: null });
        return;
      }
    }
  }

  // ---- players

  /** A player uses its hand, or what is in it, on the mob. */
  use(player, stack) {
    const { game, kind } = this;
    const item = game.items.name(stack);
    if (item && this.feed(player, item)) return;
    if (item === 'bucket' && (kind === 'cow' || kind === 'mooshroom') && !this.baby) this.swap(player, 'milk_bucket');
    else if (item === 'bowl' && kind === 'mooshroom' && !this.baby) this.swap(player, 'mushroom_stew');
    else if (item === 'shears' && kind === 'sheep' && !this.shorn && !this.baby) {
      this.shorn = true;
      for (let n = game.chance.between(1, 3); n > 0; n--)
        game.drops.pop(this.x, this.y + 1, this.z, game.items.make(`${COLOURS[this.colour]}_wool`));
      player.wearHand(1);
      game.emit('shear', { player });
    } else if (item && item.endsWith('_dye') && kind === 'sheep') {
      const colour = COLOURS.indexOf(item.replace('_dye', ''));
      if (colour < 0 || colour === this.colour) return;
      this.colour = colour;
      player.spend();
    } else if (item && item === this.facts.tames && !this.tamed && this.angry <= 0) {
      player.spend();
      const tame = game.chance.lucky(1 / 3);
      if (tame) Object.assign(this, { tamed: player.name, sits: true, health: 20, target: null });
      for (const other of game.players.values()) other.session.status(this, tame ? 7 : 6);
    } else if (kind === 'wolf' && this.tamed === player.name) this.sits = !this.sits;
  }

  /** Puts what the mob gives in the place of one vessel. */
  swap(player, full) {
    const { game } = this;
    player.spend();
    const made = game.items.make(full);
    if (!player.stack) player.stack = made;
    else if (player.give(made)) game.drops.throwFrom(player, made);
    game.emit('milk', { player, item: full });
  }

  feed(player, item) {
    if (!(this.facts.food || []).includes(item) || this.facts.mood === 'neutral' && !this.tamed) return false;
    if (this.baby) this.born = Math.min(0, this.born + Math.ceil(-this.born / 10));
    else if (this.kind === 'wolf' && this.health < 20) this.health = Math.min(20, this.health + 4);
    else if (this.love || this.rest) return false;
    else {
      this.love = 600;
      for (const other of this.game.players.values()) other.session.status(this, 18);
    }
    player.spend();
    this.game.emit('feed', { player, kind: this.kind });
    return true;
  }

  /** Two of a kind in love: a young one. */
  breed(mate) {
    const { game } = this;
    this.love = mate.love = 0;
    this.rest = mate.rest = 6000;
    const fields = { baby: true, colour: game.chance.lucky(0.5) ? this.colour : mate.colour };
    if (this.tamed) fields.tamed = this.tamed;
    game.mobs.add(this.kind, this.x, this.y, this.z, fields);
    game.drops.xp(this.x, this.y, this.z, game.chance.between(1, 7));
    game.emit('breed', { kind: this.kind });
  }
}

class Mobs {
  constructor(game) {
    this.game = game;
    this.list = [];
    this.kinds = game.facts.dataFile('mobs.json').kinds;
  }

  /** @param {string} kind  @param {object} [fields] baby, colour, size, health, tamed ...  @returns {Mob} */
  add(kind, x, y, z, fields) {
    if (!this.kinds[kind])
      throw new Error(`mobs of kind ${kind} are not known; there are ${Object.keys(this.kinds).join(', ')}`);
    const mob = new Mob(this.game, kind, x, y, z, fields);
    this.list.push(mob);
    return mob;
  }

  tick() {
    const { game } = this;
    const players = [...game.players.values()];
    for (const mob of this.list) {
      if (mob.gone || !mob.loaded()) continue;
      if (players.some((p) => Math.abs(p.x - mob.x) < SLEEP && Math.abs(p.z - mob.z) < SLEEP)) mob.tick();
    }
    if (!this.list.some((m) => m.gone)) return;
    for (const mob of this.list) if (mob.gone) game.forget(mob);
    this.list = this.list.filter((m) => !m.gone);
  }

  /** Whether a body of some height can stand at a cell: ground below, room above, no liquid. */
  fits(x, y, z, height = 2) {
    const { world, facts } = this.game;
    if (!facts.solid[world.get(x, y - 1, z)]) return false;
    for (let dy = 0; dy < height; dy++) {
      const state = world.get(x, y + dy, z);
      if (facts.solid[state] || facts.liquid[state]) return false;
    }
    return true;
  }
}

module.exports = { Mobs, Mob };
