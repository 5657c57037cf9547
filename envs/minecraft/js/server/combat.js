'use strict';
// Blows and explosions.

const FIST = [1, 4];

class Combat {
  constructor(game) {
    this.game = game;
  }

  /** A player hits an entity with what is in the hand; a blow before the swing is over is weaker. */
  strike(player, target) {
    const { game } = this;
    if (!target.hurt || player.gameMode === 3) return;
    const [damage, swings] = player.stack ? game.facts.weapon.get(player.stack.id) || FIST : FIST;
    const charge = Math.min(1, (game.ticks - player.swungAt + 0.5) / (20 / swings));
    player.swungAt = game.ticks;
    const falling = player.fallen > 0 && !player.onGround && charge > 0.9 && !player.sprinting;
    const dealt = damage * (0.2 + charge * charge * 0.8) * (falling ? 1.5 : 1);
    player.tire(0.1);
    if (!target.hurt(dealt, 'player_attack', player)) return;
    game.emit('hit', { player, kind: target.kind, damage: dealt });
    const tool = player.stack && game.facts.tool.get(player.stack.id);
    if (tool) player.wearHand(tool[0] === 'sword' ? 1 : tool[0] === 'bow' ? 0 : 2);
  }

  /** An explosion: breaks blocks that are not too hard, hurts and throws what is near. */
  explode(x, y, z, power, source = null) {
    const { game } = this;
    const { world, facts } = game;
    const reach = Math.ceil(power);
    for (let dx = -reach; dx <= reach && game.rules.mobGriefing; dx++) {
      for (let dy = -reach; dy <= reach; dy++) {
        for (let dz = -reach; dz <= reach; dz++) {
          const far = Math.hypot(dx, dy, dz);
          if (far > power * game.chance.within(0.7, 1)) continue;
          const cell = [Math.floor(x) + dx, Math.floor(y) + dy, Math.floor(z) + dz];
          const state = world.get(...cell);
          const block = facts.block[state];
          if (!state || facts.liquid[state] || block.resistance > (power - far) * 6 + 3) continue;
          game.blocks.remove(...cell, state);
          if (game.chance.lucky(1 / power)) game.digging.drop({ x: cell[0], y: cell[1], z: cell[2] }, state);
        }
      }
    }
    for (const target of [...game.players.values(), ...game.mobs.list]) {
      const far = Math.hypot(target.x - x, target.y + target.height / 2 - y, target.z - z) / (2 * power);
      if (far > 1 || target === source || target.gone) continue;
      const seen = this.clear(x, y, z, target);
      const impact = (1 - far) * seen;
      if (impact > 0) target.hurt(Math.floor(((impact * impact + impact) / 2) * 7 * 2 * power + 1), 'explosion', source
        || { kind: 'creeper', x, y, z, id: 0 });
    }
    for (const player of game.players.values()) {
      player.session.send('world_event', { effectId: 2001, location: { x: Math.floor(x), y: Math.floor(y),
        z: Math.floor(z) }, data: 1, global: false });
    }
  }

  /** Share of an entity that a straight line from a point reaches: 1 or, behind walls, less. */
  clear(x, y, z, target) {
    let open = 0;
    for (const part of [0.1, 0.5, 0.9]) if (this.sees(x, y, z, target.x, target.y + target.height * part, target.z))
      open++;
    return open / 3;
  }

  /** Whether no full block lies between two points. */
  sees(x0, y0, z0, x1, y1, z1) {
    const { world, facts } = this.game;
    const far = Math.hypot(x1 - x0, y1 - y0, z1 - z0);
    const steps = Math.ceil(far * 2);
    for (let i = 1; i < steps; i++) {
      const t = i / steps;
      const [x, y, z] = [Math.floor(x0 + (x1 - x0) * t), Math.floor(y0 + (y1 - y0) * t),
        Math.floor(z0 + (z1 - z0) * t)];
      if (!world.loaded(x, z)) return false;
      const state = world.get(x, y, z);
      if (facts.full[state] && facts.opacity[state] === 15) return false;
    }
    return true;
  }
}

module.exports = { Combat };
