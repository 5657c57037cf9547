'use strict';
// Natural spawning and despawning: animals where columns are first seen, monsters in the dark round the players.

const { Chance, hash } = require('./random');

const NEAR = 24; // no monster spawns nearer to a player
const FAR = 72; // nor further
const TRIES = 6; // places tried a tick round each player
const GONE = 110; // hostile mobs beyond this vanish at once
const MOST = { monster: 40, animal: 60, water: 8 };

class Spawning {
  constructor(game) {
    this.game = game;
    this.settled = new Set(); // columns that had their first animals
    this.groups = { animal: [], monster: [], water: [] };
    for (const [kind, facts] of Object.entries(game.facts.dataFile('mobs.json').kinds)) {
      if (facts.spawns) this.groups[facts.spawns.group].push({ kind, ...facts.spawns,
        in: new RegExp(`^(${facts.spawns.in})$`) });
    }
  }

  tick() {
    const { game } = this;
    if (!game.rules.doMobSpawning || !game.players.size) return;
    if (game.ticks % 10 === 0) this.settle();
    if (game.ticks % 20 === 0) this.despawn();
    if (game.difficulty > 0) this.monsters();
    if (game.ticks % 400 === 0) this.some('animal');
    if (game.ticks % 400 === 200) this.some('water');
  }

  count(group) {
    const kinds = new Set(this.groups[group].map((g) => g.kind));
    return this.game.mobs.list.filter((m) => kinds.has(m.kind)).length;
  }

  /** The first animals of columns that players came near to: a tenth of the columns have a pack. */
  settle() {
    const { game } = this;
    for (const player of game.players.values()) {
      for (let n = 0; n < 6; n++) {
        const cx = (Math.floor(player.x) >> 4) + game.chance.between(-4, 4);
        const cz = (Math.floor(player.z) >> 4) + game.chance.between(-4, 4);
        const key = `${cx},${cz}`;
        if (this.settled.has(key) || !game.world.columns.has(key)) continue;
        this.settled.add(key);
        if (this.settled.size > 20000) this.settled.delete(this.settled.values().next().value);
        const chance = new Chance(hash(game.seed, cx, 53, cz));
        if (chance.lucky(0.12) && this.count('animal') < MOST.animal * 2)
          this.pack('animal', (cx << 4) + chance.below(16), (cz << 4) + chance.below(16), chance);
      }
    }
  }

  some(group) {
    const { game } = this;
    if (this.count(group) >= MOST[group] / 3) return;
    for (const player of game.players.values()) {
      const angle = game.chance.within(0, 2 * Math.PI);
      const far = game.chance.within(NEAR, FAR - 10);
      this.pack(group, Math.floor(player.x + Math.cos(angle) * far), Math.floor(player.z + Math.sin(angle) * far),
        game.chance);
    }
  }

  pick(group, biome, chance) {
    const fitting = this.groups[group].filter((g) => g.in.test(biome));
    let share = chance.next() * fitting.reduce((sum, g) => sum + g.weight, 0);
    for (const g of fitting) if ((share -= g.weight) < 0) return g;
    return null;
  }

  /** A pack on the surface, or in the water. */
  pack(group, x, z, chance) {
    const { game } = this;
    const { world, facts } = game;
    if (!world.loaded(x, z)) return;
    const kind = this.pick(group, world.biome(x, z), chance);
    if (!kind) return;
    for (let n = chance.between(...kind.pack), tries = 0; n > 0 && tries < 12; tries++) {
      const px = x + chance.between(-4, 4);
      const pz = z + chance.between(-4, 4);
      if (!world.loaded(px, pz)) continue;
      const y = world.column(px >> 4, pz >> 4).top[((pz & 15) << 4) | (px & 15)];
      if (group === 'water') {
        if (facts.liquid[world.get(px, y - 3, pz)] !== 1) continue;
        game.mobs.add(kind.kind, px + 0.5, y - 3, pz + 0.5);
      } else {
        if (!/^(grass_block|mycelium|sand|snow_block)$/.test(world.name(px, y - 1, pz)) || !game.mobs.fits(px, y, pz))
          continue;
        game.mobs.add(kind.kind, px + 0.5, y, pz + 0.5,
          { baby: chance.lucky(0.05), colour: kind.kind === 'sheep' ? wool(chance) : 0 });
      }
      n--;
    }
  }

  monsters() {
    const { game } = this;
    const { world, chance } = game;
    if (this.count('monster') >= MOST.monster) return;
    const players = [...game.players.values()];
    for (let n = 0; n < TRIES * players.length; n++) {
      const player = players[n % players.length];
      const angle = chance.within(0, 2 * Math.PI);
      const far = chance.within(NEAR, FAR);
      const x = Math.floor(player.x + Math.cos(angle) * far);
      const z = Math.floor(player.z + Math.sin(angle) * far);
      if (!world.loaded(x, z)) continue;
      const y = chance.between(1, world.column(x >> 4, z >> 4).top[((z & 15) << 4) | (x & 15)] + 1);
      this.monsterPack(x, y, z);
    }
  }

  monsterPack(x, y, z) {
    const { game } = this;
    const { chance, world } = game;
    if (!this.dark(x, y, z)) return;
    const kind = this.pick('monster', world.biome(x, z), chance);
    if (!kind) return;
    const high = kind.kind === 'enderman' ? 3 : 2;
    for (let n = chance.between(...kind.pack), tries = 0; n > 0 && tries < 6; tries++) {
      const px = x + (tries ? chance.between(-4, 4) : 0);
      const pz = z + (tries ? chance.between(-4, 4) : 0);
      if (!world.loaded(px, pz) || !this.dark(px, y, pz) || !game.mobs.fits(px, y, pz, high)) continue;
      if ([...game.players.values()].some((p) => Math.hypot(p.x - px, p.y - y, p.z - pz) < NEAR)) continue;
      const fields = kind.kind === 'slime' ? { size: [1, 2, 4][chance.below(3)] }
        : { baby: kind.kind === 'zombie' && chance.lucky(0.05) };
      game.mobs.add(kind.kind, px + 0.5, y, pz + 0.5, fields);
      n--;
    }
  }

  /** Dark enough for monsters: at most 7, less likely the brighter (the rule of 1.11). */
  dark(x, y, z) {
    const { world, chance } = this.game;
    if (world.sky(x, y, z) > chance.below(32)) return false;
    const sky = world.sky(x, y, z) - (this.game.weather === 'thunder' ? Math.max(10, this.game.darkness())
      : this.game.darkness());
    return Math.max(world.glow(x, y, z), sky) <= chance.below(8);
  }

  despawn() {
    const { game } = this;
    for (const mob of game.mobs.list) {
      if (mob.tamed || mob.kept) continue;
      const player = game.nearest(mob, 1e9);
      const far = player ? mob.distance(player) : 0;
      const monster = mob.hostile || mob.facts.mood === 'stare' || mob.facts.swims;
      if (game.difficulty === 0 && (mob.hostile || mob.facts.mood === 'stare')) mob.gone = true;
      else if (monster && (far > GONE || (far > 32 && mob.age > 600 && game.chance.lucky(1 / 40)))) mob.gone = true;
      else if (!monster && far > 400) {
        mob.gone = true; // far animals come back with their columns
        this.settled.delete(`${Math.floor(mob.x) >> 4},${Math.floor(mob.z) >> 4}`);
      }
    }
    for (const mob of game.mobs.list) if (mob.gone) game.forget(mob);
    game.mobs.list = game.mobs.list.filter((m) => !m.gone);
  }
}

/** Wool colour of a wild sheep. */
function wool(chance) {
  const share = chance.next();
  return share < 0.05 ? 15 : share < 0.1 ? 7 : share < 0.15 ? 8 : share < 0.18 ? 12 : share < 0.182 ? 6 : 0;
}

module.exports = { Spawning };
