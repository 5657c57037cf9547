'use strict';
// What a mob wants: run, hunt, shoot, follow food, find a mate, wander. One decision a tick, straight steering with
// leaps over steps, and care at edges, water and lava when there is no hurry.

const BABY_FAST = 1.3;

/** One tick of a mob's mind: sets its velocity and may act. */
function think(mob) {
  const { facts } = mob;
  if (facts.swims) return drift(mob);
  if (facts.fuse !== undefined && mob.fuse > 0 && burnFuse(mob)) return undefined;
  if (mob.flees > 0 || (mob.fire > 0 && facts.mood === 'calm')) return flee(mob);
  choose(mob);
  if (mob.target) return hunt(mob);
  if (mob.sits) return undefined;
  if (mob.love > 0 && court(mob)) return undefined;
  if (tempted(mob) || keepNear(mob)) return undefined;
  return wander(mob);
}

/** Picks or drops the target. */
function choose(mob) {
  const { game, facts } = mob;
  const { target } = mob;
  if (target) {
    const lost = target.dead || target.gone || target.gameMode === 1
      || (target.kind === 'player' && !game.players.has(target.name))
      || mob.distance(target) > (facts.sees || 16) * 1.5 || (!mob.hostile && mob.angry <= 0)
        || (game.difficulty === 0 && target.kind === 'player');
    if (lost) mob.target = null;
    else return;
  }
  if ((mob.age + mob.id) % 10) return;
  if (facts.prey && !mob.sits) {
    const prey = game.mobs.list.find((m) => facts.prey.includes(m.kind) && !m.gone && m.distance(mob) < 16
      && (!mob.tamed || m.hostile));
    if (prey && game.chance.lucky(0.1)) Object.assign(mob, { target: prey, angry: 400 });
  }
  const hostile = facts.mood === 'hostile' || (facts.mood === 'shady' && bright(mob) < 12);
  if (game.difficulty === 0) return;
  const player = game.nearest(mob, facts.sees || 16);
  if (!player || player.gameMode === 1 || player.safe > game.ticks) return;
  if (facts.mood === 'stare') {
    if (stares(player, mob)) Object.assign(mob, { target: player, angry: 400 });
  } else if (hostile && game.combat.sees(mob.x, mob.y + mob.eyeHeight, mob.z, player.x, player.y + 1.6,
    player.z)) mob.target = player;
}

function bright(mob) {
  const [x, y, z] = [Math.floor(mob.x), Math.floor(mob.y + 0.5), Math.floor(mob.z)];
  return Math.max(mob.game.world.glow(x, y, z), mob.game.world.sky(x, y, z) - mob.game.darkness());
}

/** Whether a player looks an enderman in the face. */
function stares(player, mob) {
  const yaw = (player.yaw * Math.PI) / 180;
  const pitch = (player.pitch * Math.PI) / 180;
  const [dx, dy, dz] = [mob.x - player.x, mob.y + mob.eyeHeight - player.y - player.eyeHeight, mob.z - player.z];
  const far = Math.hypot(dx, dy, dz) || 1;
  const flat = Math.cos(yaw) * dz - Math.sin(yaw) * dx;
  const dot = (flat * Math.cos(pitch) - Math.sin(pitch) * dy) / far;
  return dot > 1 - 0.025 / far && mob.game.combat.sees(player.x, player.y + player.eyeHeight, player.z, mob.x,
    mob.y + mob.eyeHeight, mob.z);
}

/** Steers towards a point at a share of the kind's speed; careful mobs do not walk off edges. */
function steer(mob, x, z, factor, careful) {
  const dx = x - mob.x;
  const dz = z - mob.z;
  const far = Math.hypot(dx, dz);
  if (far < 0.1) return true;
  const speed = mob.facts.speed * factor * (mob.baby ? BABY_FAST : 1);
  mob.yaw = (-Math.atan2(dx, dz) * 180) / Math.PI;
  if (careful && danger(mob, dx / far, dz / far)) return false;
  const wet = mob.wet(0.4);
  if (mob.facts.hops) return hop(mob, dx / far, dz / far, speed);
  const push = mob.onGround || wet ? 0.45 : 0.09;
  mob.vx += ((dx / far) * speed - mob.vx * 0.55) * push * 2;
  mob.vz += ((dz / far) * speed - mob.vz * 0.55) * push * 2;
  if (mob.hitWall && mob.onGround) mob.vy = 0.42;
  return true;
}

function hop(mob, dx, dz, speed) {
  if (!mob.onGround || mob.age < mob.idle) return true;
  mob.idle = mob.age + mob.game.chance.between(mob.target ? 5 : 10, mob.target ? 12 : 30);
  mob.vy = 0.42;
  mob.vx = dx * speed * 1.8;
  mob.vz = dz * speed * 1.8;
  mob.onGround = false;
  return true;
}

/** Whether the next step leads down a cliff or into a liquid. */
function danger(mob, dx, dz) {
  const { world, facts } = mob.game;
  const x = Math.floor(mob.x + dx * (mob.width / 2 + 0.6));
  const z = Math.floor(mob.z + dz * (mob.width / 2 + 0.6));
  if (!world.loaded(x, z)) return true;
  const y = Math.floor(mob.y + 0.1);
  for (let down = 0; down < 4; down++) {
    const state = world.get(x, y - down, z);
    if (facts.liquid[state]) return !mob.wet(0.2);
    if (facts.solid[state]) return facts.block[state].name === 'cactus';
  }
  return true;
}

function wander(mob) {
  const { chance } = mob.game;
  if (mob.wish) {
    const arrived = Math.hypot(mob.wish.x - mob.x, mob.wish.z - mob.z) < 0.6;
    if (arrived || --mob.wish.ticks < 0 || !steer(mob, mob.wish.x, mob.wish.z, 1, true)) mob.wish = null;
  } else if (chance.lucky(mob.wet(0.4) ? 0.1 : 1 / 120)) {
    mob.wish = { x: mob.x + chance.within(-8, 8), z: mob.z + chance.within(-8, 8), ticks: 120 };
  } else if (chance.lucky(0.01)) mob.yaw = chance.within(-180, 180);
}

function drift(mob) {
  const { chance } = mob.game;
  if (mob.flees > 0 || chance.lucky(0.02) || !mob.wish) {
    const angle = chance.within(0, 2 * Math.PI);
    mob.wish = { x: Math.cos(angle), y: chance.within(-0.5, 0.5), z: Math.sin(angle) };
  }
  if (mob.wet() !== 1) return;
  const speed = mob.facts.speed * (mob.flees > 0 ? 0.3 : 0.1);
  mob.vx += mob.wish.x * speed;
  mob.vy += mob.wish.y * speed;
  mob.vz += mob.wish.z * speed;
  if (mob.game.facts.liquid[mob.cell(mob.height + 0.2)] !== 1) mob.vy = Math.min(mob.vy, 0);
}

function flee(mob) {
  const { chance } = mob.game;
  const from = mob.hitBy && mob.hitBy.player;
  if (!mob.wish || --mob.wish.ticks < 0 || mob.hitWall) {
    const away = from ? Math.atan2(mob.z - from.z, mob.x - from.x) + chance.within(-0.9, 0.9)
      : chance.within(0, 2 * Math.PI);
    mob.wish = { x: mob.x + Math.cos(away) * 8, z: mob.z + Math.sin(away) * 8, ticks: 25 };
  }
  if (!steer(mob, mob.wish.x, mob.wish.z, mob.facts.chase || 1.5, true)) mob.wish = null;
}

function hunt(mob) {
  const { facts, target, game } = mob;
  const far = mob.distance(target);
  const seen = (mob.age + mob.id) % 5 ? mob.seesIt : game.combat.sees(mob.x, mob.y + mob.eyeHeight, mob.z, target.x,
    target.y + target.height * 0.8, target.z);
  mob.seesIt = seen;
  if (facts.shoots) return shoot(mob, target, far, seen);
  if (facts.fuse !== undefined && far < 3 && seen) {
    mob.fuse = Math.max(1, mob.fuse);
    return undefined;
  }
  if (facts.blinks && far > 16 && game.chance.lucky(0.02)) {
    mob.blink();
    return undefined;
  }
  if (mob.hitWall && mob.onGround) mob.stuck++;
  else if (mob.stuck > 0) mob.stuck--;
  const aside = mob.stuck > 12 ? (mob.id % 2 ? 1.2 : -1.2) : 0; // round a wall that is too high
  const angle = Math.atan2(target.z - mob.z, target.x - mob.x) + aside;
  if (mob.stuck > 40) mob.stuck = 0;
  const reach = mob.width * 0.8 + target.width * 0.5 + 0.75;
  if (far > reach * 0.6) steer(mob, mob.x + Math.cos(angle) * 4, mob.z + Math.sin(angle) * 4,
    facts.mood === 'calm' ? 1 : facts.chase || 1.1, false);
  if (facts.climbs && far < 4 && far > 2 && mob.onGround && game.chance.lucky(0.1)) mob.vy = 0.4; // leaps
  if (far < reach && game.ticks >= mob.attackAt && Math.abs(target.y - mob.y) < 2) attack(mob, target);
  return undefined;
}

function attack(mob, target) {
  const { game, facts } = mob;
  mob.attackAt = game.ticks + 20;
  const damage = mob.kind === 'slime' ? (mob.size > 1 ? mob.size : 0) : facts.damage;
  if (!damage) return;
  for (const player of game.players.values()) if (player.session.shown.has(mob.id))
    player.session.send('animation', { entityId: mob.id, animation: 0 });
  if (!target.hurt(damage, 'mob_attack', mob)) return;
  if (mob.fire > 0 && target.kind === 'player' && game.chance.lucky(0.3)) target.fire = Math.max(target.fire, 60);
  if (facts.venom && target.effects) target.effects.poison = facts.venom;
}

function shoot(mob, target, far, seen) {
  const { game, facts } = mob;
  const factor = far > 12 || !seen ? 1 : far < 5 ? -0.6 : 0;
  if (factor) steer(mob, mob.x + (target.x - mob.x) * Math.sign(factor), mob.z + (target.z - mob.z) * Math.sign(factor),
    Math.abs(factor), factor < 0);
  mob.yaw = (-Math.atan2(target.x - mob.x, target.z - mob.z) * 180) / Math.PI;
  if (!seen || far > 15 || game.ticks < mob.attackAt) return;
  mob.attackAt = game.ticks + facts.shoots;
  const flat = Math.hypot(target.x - mob.x, target.z - mob.z);
  const dy = target.y + target.height / 3 - (mob.y + mob.eyeHeight - 0.1) + flat * 0.2;
  game.drops.arrow(mob, target.x - mob.x, dy, target.z - mob.z, 1.6, facts.damage, 14 - 4 * game.difficulty);
}

/** @returns {boolean} whether the mob stands and hisses */
function burnFuse(mob) {
  const { target, game } = mob;
  const stays = target && !target.dead && mob.distance(target) < 7;
  mob.fuse += stays ? 1 : -1;
  if (mob.fuse <= 0) return false;
  if (mob.fuse >= mob.facts.fuse) {
    mob.gone = true;
    game.combat.explode(mob.x, mob.y + 0.8, mob.z, 3, mob);
  }
  return true;
}

/** Goes to a mate in love. @returns {boolean} */
function court(mob) {
  const mate = mob.game.mobs.list.find((m) => m !== mob && m.kind === mob.kind && m.love > 0 && !m.gone
    && m.distance(mob) < 8);
  if (!mate) return false;
  if (mob.distance(mate) < mob.width + 1) {
    mob.near = (mob.near || 0) + 1;
    if (mob.near > 40) {
      mob.near = 0;
      mob.breed(mate);
    }
  } else steer(mob, mate.x, mate.z, 1.1, true);
  return true;
}

/** Follows a player who holds its food. @returns {boolean} */
function tempted(mob) {
  const { game, facts } = mob;
  if (!facts.food || facts.mood === 'neutral') return false;
  const player = game.nearest(mob, 10);
  const item = player && game.items.name(player.stack);
  if (!item || !facts.food.includes(item)) return false;
  mob.wish = null;
  if (mob.distance(player) > 2.5) steer(mob, player.x, player.z, 1.2, true);
  return true;
}

/** A tame one keeps near its master, a young one near its kind. @returns {boolean} */
function keepNear(mob) {
  const { game } = mob;
  if (mob.tamed) {
    const master = game.players.get(mob.tamed);
    if (!master || master.dead) return false;
    const far = mob.distance(master);
    if (far > 14 && game.mobs.fits(Math.floor(master.x), Math.floor(master.y), Math.floor(master.z)))
      Object.assign(mob, { x: master.x, y: master.y, z: master.z });
    else if (far > 4) steer(mob, master.x, master.z, 1.2, true);
    return far > 4;
  }
  if (!mob.baby || (mob.age + mob.id) % 4) return false;
  const parent = game.mobs.list.find((m) => m.kind === mob.kind && !m.baby && m.distance(mob) < 8);
  return !!parent && mob.distance(parent) > 3 && steer(mob, parent.x, parent.z, 1.1, true);
}

module.exports = { think };
