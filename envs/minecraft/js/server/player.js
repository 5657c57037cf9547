'use strict';
// One player: inventory, life, hunger, breath, fire, falling, experience, death. The session speaks its packets.

const EYES = 1.62;
const SPRINT_COST = 0.1;
const AIR = 300;
/** Causes that armour does not soften. */
const PIERCING = new Set(['fall', 'drown', 'starve', 'on_fire', 'in_wall', 'out_of_world', 'magic', 'generic']);

class Player {
  constructor(game, name, uuid) {
    this.game = game;
    this.kind = 'player';
    this.name = name;
    this.uuid = uuid;
    this.id = game.nextId();
    this.width = 0.6;
    this.height = 1.8;
    this.slots = new Array(46).fill(null);
    this.session = null;
    this.home = null; // bed {x, y, z}
    this.gameMode = 0;
    this.reset();
  }

  /** The state of a new or respawned player. */
  reset() {
    Object.assign(this, {
      x: 0, y: 0, z: 0, vx: 0, vy: 0, vz: 0, yaw: 0, pitch: 0, onGround: true,
      held: this.held || 0, cursor: null, window: null,
      health: 20, food: 20, saturation: 5, exhaustion: 0, healing: 0, air: AIR,
      xp: 0, level: 0, dead: false, fire: 0, fallen: 0, safe: 0, hurtAt: -100, hurtBy: 0,
      sneaking: false, sprinting: false, sleeping: null, slept: 0, using: null, dig: null, early: null, swungAt: -100,
      effects: {}, lastDamage: null,
    });
  }

  get eyeHeight() {
    return this.sneaking ? 1.27 : EYES;
  }

  get stack() {
    return this.slots[36 + this.held];
  }

  set stack(stack) {
    this.slots[36 + this.held] = stack;
  }

  /** Order in which slots fill when something is picked up: hotbar, then the rest. */
  static order = [...Array(9).keys()].map((i) => i + 36).concat([...Array(27).keys()].map((i) => i + 9));

  /** Puts a stack into the inventory. @returns {number} what did not fit */
  give(stack) {
    return this.game.items.add(this.slots, stack, Player.order);
  }

  /** Uses up `count` of what is in the hand (not in creative mode). */
  spend(count = 1) {
    if (this.gameMode === 1 || !this.stack) return;
    this.stack.count -= count;
    if (this.stack.count <= 0) this.stack = null;
  }

  /** Wears what is in the hand. */
  wearHand(amount) {
    if (this.gameMode === 1 || !this.stack) return;
    const before = this.stack;
    this.stack = this.game.items.wear(before, amount);
    if (!this.stack) this.session.broke(before);
  }

  tire(amount) {
    this.exhaustion = Math.min(40, this.exhaustion + amount);
  }

  armourPoints() {
    let points = 0;
    for (let i = 5; i <= 8; i++) points += this.slots[i] ? (this.game.facts.armour.get(this.slots[i].id) || [0])[0] : 0;
    return points;
  }

  /**
   * Hurts the player.
   * @param {number} amount half hearts  @param {string} cause damage type of the version, as "fall"
   * @param {?object} source entity that did it
   * @returns {boolean} whether it counted
   */
  hurt(amount, cause, source = null) {
    const { game } = this;
    if (this.dead || this.gameMode === 1 || this.gameMode === 3 || amount <= 0) return false;
    let damage = amount;
    if (source && source.kind !== 'player') damage = game.scaled(amount);
    if (damage <= 0) return false;
    const recent = game.ticks - this.hurtAt < 10;
    if (recent && damage <= this.hurtBy) return false;
    const counts = recent ? damage - this.hurtBy : damage;
    if (!recent) this.hurtAt = game.ticks;
    this.hurtBy = damage;
    let rest = counts;
    if (!PIERCING.has(cause)) rest = this.softened(counts);
    this.health = Math.max(0, this.health - rest);
    this.tire(0.1);
    this.wake();
    this.lastDamage = { cause, amount: rest, tick: game.ticks, by: source ? source.kind : null };
    this.session.hurt(cause, source);
    if (source) this.knock(source);
    if (this.health <= 0) this.die(cause);
    return true;
  }

  softened(damage) {
    const points = this.armourPoints();
    if (!points) return damage;
    for (let i = 5; i <= 8; i++) {
      if (this.slots[i] && this.game.facts.armour.has(this.slots[i].id))
        this.slots[i] = this.game.items.wear(this.slots[i], Math.max(1, Math.floor(damage / 4)));
    }
    return damage * (1 - Math.min(20, Math.max(points / 5, points - damage / 2)) / 25);
  }

  knock(source, strength = 0.4) {
    const dx = this.x - source.x;
    const dz = this.z - source.z;
    const far = Math.hypot(dx, dz) || 1;
    this.session.push((dx / far) * strength, 0.36, (dz / far) * strength);
  }

  heal(amount) {
    if (!this.dead) this.health = Math.min(20, this.health + amount);
  }

  eat(points, saturation) {
    this.food = Math.min(20, this.food + points);
    this.saturation = Math.min(this.food, this.saturation + saturation);
  }

  gainXp(amount) {
    this.xp += amount;
    this.level = levelOf(this.xp);
  }

  die(cause) {
    const { game } = this;
    this.dead = true;
    this.session.closeWindow();
    if (!game.rules.keepInventory) {
      const keep = [...this.slots.slice(5), this.cursor];
      for (const stack of [...this.slots.slice(1, 5), ...keep]) if (stack)
        game.drops.scatter(this.x, this.y + 1, this.z, stack);
      this.slots.fill(null);
      this.cursor = null;
      game.drops.xp(this.x, this.y, this.z, Math.min(100, 7 * this.level));
      this.xp = 0;
      this.level = 0;
    }
    this.session.died(cause);
  }

  /** One tick of the body. */
  tick() {
    if (this.dead) return;
    this.breathe();
    this.burn();
    this.touch();
    if (this.gameMode === 0 || this.gameMode === 2) this.hunger();
    if (this.using) this.game.use.keepUsing(this);
    if (this.sleeping) this.slept++;
    if (this.y < -64) this.hurt(4, 'out_of_world');
  }

  cell(dy) {
    return this.game.world.get(Math.floor(this.x), Math.floor(this.y + dy), Math.floor(this.z));
  }

  breathe() {
    const { facts } = this.game;
    if (facts.liquid[this.cell(this.eyeHeight)] === 1) {
      if (--this.air > -20) return;
      this.air = 0;
      this.hurt(2, 'drown');
    } else if (this.air < AIR) this.air = Math.min(AIR, Math.max(0, this.air) + 4);
  }

  burn() {
    const { game } = this;
    const { facts } = game;
    const low = this.cell(0.1);
    const mid = this.cell(0.9);
    const wet = facts.liquid[low] === 1 || facts.liquid[mid] === 1;
    if (facts.liquid[low] === 2 || facts.liquid[mid] === 2) {
      this.fire = Math.max(this.fire, 300);
      this.fallen *= 0.5;
      this.hurt(4, 'lava');
    } else if (facts.block[low].name === 'fire') {
      this.fire = Math.max(this.fire, 160);
      this.hurt(1, 'in_fire');
    }
    if (wet) this.fallen = 0;
    if (wet || (game.raining(this.x, this.z) && game.world.open(Math.floor(this.x), Math.floor(this.y + 1),
      Math.floor(this.z)))) this.fire = 0;
    if (this.fire > 0 && this.fire-- % 20 === 0) this.hurt(1, 'on_fire');
  }

  /** Blocks that hurt by touch, and walls that choke. */
  touch() {
    const { game } = this;
    const { facts, world } = game;
    const eye = this.cell(this.eyeHeight);
    if (facts.full[eye] && facts.opacity[eye] === 15) this.hurt(1, 'in_wall');
    const cactus = this.cactus || (this.cactus = facts.named('cactus').id);
    for (const [dx, dz] of [[0.36, 0], [-0.36, 0], [0, 0.36], [0, -0.36], [0, 0]]) {
      for (const dy of [-0.1, 0.9]) {
        if (world.block(Math.floor(this.x + dx), Math.floor(this.y + dy), Math.floor(this.z + dz)).id === cactus)
          return this.hurt(1, 'cactus');
      }
    }
    return false;
  }

  hunger() {
    const { game } = this;
    if (this.effects.hunger > 0) {
      this.effects.hunger--;
      this.tire(0.005);
    }
    if (this.effects.poison > 0 && this.effects.poison-- % 25 === 0 && this.health > 1) this.hurt(1, 'magic');
    if (this.exhaustion > 4) {
      this.exhaustion -= 4;
      if (this.saturation > 0) this.saturation = Math.max(0, this.saturation - 1);
      else if (game.difficulty > 0) this.food = Math.max(0, this.food - 1);
    }
    this.healing++;
    if (game.rules.naturalRegeneration && this.health < 20 && this.food === 20 && this.saturation > 0) {
      if (this.healing < 10) return;
      const share = Math.min(this.saturation, 6);
      this.heal(share / 6);
      this.tire(share);
    } else if (game.rules.naturalRegeneration && this.health < 20 && this.food >= 18) {
      if (this.healing < 80) return;
      this.heal(1);
      this.tire(6);
    } else if (this.food === 0) {
      if (this.healing < 80) return;
      if (this.health > [20, 10, 1, 0][game.difficulty]) this.hurt(1, 'starve');
    }
    this.healing = 0;
    if (game.difficulty === 0) this.eat(1, 0);
  }

  /** The client says where it is now. */
  moved(x, y, z, onGround) {
    const { game } = this;
    const dx = x - this.x;
    const dy = y - this.y;
    const dz = z - this.z;
    const far = Math.hypot(dx, dz);
    const swims = game.facts.liquid[this.cell(0.4)] === 1;
    if (swims) this.tire(0.01 * Math.hypot(dx, dy, dz));
    else if (onGround && this.sprinting) this.tire(SPRINT_COST * far);
    if (this.onGround && !onGround && dy > 0.2 && !swims) this.tire(this.sprinting ? 0.2 : 0.05);
    this.x = x;
    this.y = y;
    this.z = z;
    const inside = game.facts.block[this.cell(0.2)].name;
    if (swims || inside === 'ladder' || inside === 'vine' || inside === 'cobweb' || this.gameMode === 1)
      this.fallen = 0;
    else if (dy < 0) this.fallen -= dy;
    if (onGround) this.land();
    else if (dy > 0) this.fallen = 0;
    this.onGround = onGround;
  }

  land() {
    const fall = this.fallen;
    this.fallen = 0;
    if (fall <= 3 || !this.game.rules.fallDamage) return;
    const below = this.game.world.name(Math.floor(this.x), Math.floor(this.y - 0.2), Math.floor(this.z));
    const soft = below === 'hay_block' ? 0.2 : below.endsWith('_bed') ? 0.5 : below === 'slime_block' ? 0 : 1;
    const damage = Math.ceil((fall - 3) * soft);
    if (damage > 0) this.hurt(damage, 'fall');
  }

  wake() {
    if (this.sleeping) this.game.beds.wake(this);
  }
}

/** Experience level that a total gives. */
function levelOf(total) {
  let level = 0;
  let rest = total;
  for (;;) {
    const need = costOf(level);
    if (rest < need) return level;
    rest -= need;
    level++;
  }
}

/** Experience from one level to the next. */
function costOf(level) {
  if (level < 16) return 2 * level + 7;
  return level < 31 ? 5 * level - 38 : 9 * level - 158;
}

/** Share of the way to the next level, 0..1. */
function barOf(total) {
  let level = 0;
  let rest = total;
  while (rest >= costOf(level)) rest -= costOf(level++);
  return rest / costOf(level);
}

module.exports = { Player, levelOf, barOf };
