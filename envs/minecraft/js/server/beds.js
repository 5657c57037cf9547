'use strict';
// Beds: lying down at night or in thunder, the night that is skipped when all sleep, the place one wakes and respawns
// at.

const LONG = 101; // ticks asleep until the night is over
const TOWARDS = { north: [0, -1], south: [0, 1], west: [-1, 0], east: [1, 0] };

class Beds {
  constructor(game) {
    this.game = game;
  }

  /** Cell of the bed's head, from either half. */
  head(at) {
    const { game } = this;
    const properties = game.facts.properties(game.world.get(at.x, at.y, at.z));
    if (properties.part === 'head') return at;
    const [dx, dz] = TOWARDS[properties.facing];
    return { x: at.x + dx, y: at.y, z: at.z + dz };
  }

  /** A player uses a bed. */
  use(player, at) {
    const { game } = this;
    const head = this.head(at);
    player.home = head;
    if (!game.night && game.weather !== 'thunder') return this.tell(player,
      'You can only sleep at night or during thunderstorms');
    if (Math.hypot(head.x + 0.5 - player.x, head.z + 0.5 - player.z) > 4.5)
      return this.tell(player, 'The bed is too far away');
    const monster = game.mobs.list.some((m) => m.hostile && Math.abs(m.x - head.x) < 8 && Math.abs(m.z - head.z) < 8
      && Math.abs(m.y - head.y) < 5);
    if (monster) return this.tell(player, 'You may not rest now, there are monsters nearby');
    player.sleeping = head;
    player.slept = 0;
    Object.assign(player, { x: head.x + 0.5, y: head.y + 0.6, z: head.z + 0.5, fallen: 0 });
    this.show(player);
    game.emit('sleep', { player });
    return true;
  }

  tell(player, words) {
    player.session.send('system_chat', { content: { type: 'compound',
      value: { text: { type: 'string', value: words } } }, isActionBar: true });
    return true;
  }

  /** The pose and the bed as metadata, to the player and to those who see it. */
  show(player) {
    const metadata = [{ key: 6, type: 'pose', value: player.sleeping ? 2 : 0 },
      { key: 14, type: 'optional_block_pos', value: player.sleeping || undefined }];
    for (const other of this.game.players.values()) {
      if (other === player || other.session.shown.has(player.id))
        other.session.send('entity_metadata', { entityId: player.id, metadata });
    }
  }

  wake(player) {
    if (!player.sleeping) return;
    const beside = this.beside(player.sleeping) || { x: player.sleeping.x, y: player.sleeping.y + 1,
      z: player.sleeping.z };
    player.sleeping = null;
    this.show(player);
    for (const other of this.game.players.values()) {
      if (other === player || other.session.shown.has(player.id))
        other.session.send('animation', { entityId: player.id, animation: 2 });
    }
    player.session.place(beside.x + 0.5, beside.y, beside.z + 0.5, player.yaw, player.pitch);
  }

  /** A free place next to a bed that still stands. */
  beside(head) {
    const { world, facts } = this.game;
    if (!world.name(head.x, head.y, head.z).endsWith('_bed')) return null;
    for (const dy of [0, -1, 1]) {
      for (let dx = -2; dx <= 2; dx++) {
        for (let dz = -2; dz <= 2; dz++) {
          const [x, y, z] = [head.x + dx, head.y + dy, head.z + dz];
          if (facts.full[world.get(x, y - 1, z)] && !facts.solid[world.get(x, y, z)]
            && !facts.solid[world.get(x, y + 1, z)] && !facts.liquid[world.get(x, y, z)]) return { x, y, z };
        }
      }
    }
    return { x: head.x, y: head.y + 1, z: head.z };
  }

  tick() {
    const { game } = this;
    const living = [...game.players.values()].filter((p) => !p.dead && p.gameMode !== 3);
    for (const player of living) {
      if (player.sleeping && !game.world.name(player.sleeping.x, player.sleeping.y, player.sleeping.z).endsWith('_bed'))
        this.wake(player);
    }
    if (!living.length || !living.every((p) => p.sleeping && p.slept >= LONG)) return;
    game.setTime(0);
    game.day++;
    if (game.weather !== 'clear') game.setWeather('clear');
    for (const player of living) this.wake(player);
  }
}

module.exports = { Beds };
