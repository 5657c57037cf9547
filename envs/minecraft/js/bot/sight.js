'use strict';
// What the bot knows of the world round it, as plain data: blocks by sections of 16 x 16 x 16 that are sent once and
// then only as they change, creatures and items near, light, weather, time, and what the player carries and feels.

const { Vec3 } = require('vec3');

const NEAR = 24; // blocks within which creatures and items are told of
const KEPT = 3; // chunks; sections farther away are forgotten, and sent again on return
const TOP = 128; // blocks from here up are not told of
const SLOTS = 46;

/** @param bot mineflayer's @param {{radius: number}} options how far blocks are told of, in blocks */
class Sight {
  constructor(bot, { radius }) {
    this.bot = bot;
    this.radius = radius;
    this.sent = new Set();
    this.changes = [];
    this.inventory = '';
    this.reset = true;
    this.skyKey = '';
    this.open = false;
    this.world = null;
    this.watch();
    bot.on('respawn', () => this.forget());
  }

  /** Everything is new: another world, or the same again. */
  forget() {
    this.sent.clear();
    this.changes = [];
    this.reset = true;
    this.skyKey = '';
  }

  watch() {
    if (this.world === this.bot.world) return;
    this.world = this.bot.world;
    this.world.on('blockUpdate', (before, after) => {
      if (!after || !after.position) return;
      const { x, y, z } = after.position;
      if (y >= 0 && y < TOP && this.sent.has(`${x >> 4},${y >> 4},${z >> 4}`)) {
        this.changes.push([x, y, z, after.stateId]);
      }
      this.skyKey = '';
    });
    const gone = (corner) => {
      const [x, z] = [corner.x >> 4, corner.z >> 4];
      for (let section = 0; section < TOP >> 4; section++) this.sent.delete(`${x},${section},${z}`);
      this.skyKey = '';
    };
    this.world.on('chunkColumnLoad', gone);
    this.world.on('chunkColumnUnload', gone);
  }

  /** Whether the blocks round the player have arrived. */
  arrived() {
    const { position } = this.bot.entity;
    const cell = position.floored();
    for (let cx = (cell.x - this.radius) >> 4; cx <= (cell.x + this.radius) >> 4; cx++) {
      for (let cz = (cell.z - this.radius) >> 4; cz <= (cell.z + this.radius) >> 4; cz++) {
        if (!this.bot.world.getColumn(cx, cz)) return false;
      }
    }
    return true;
  }

  /** Sections round the player that were not sent yet: [x, y, z, one state for all or base64 of 4096 uint16, y z x]. */
  sections() {
    this.watch();
    const cell = this.bot.entity.position.floored();
    const found = [];
    const near = (v) => [(v - this.radius) >> 4, (v + this.radius) >> 4];
    const [x0, x1] = near(cell.x);
    const [z0, z1] = near(cell.z);
    const [y0, y1] = near(cell.y);
    for (let cx = x0; cx <= x1; cx++) {
      for (let cz = z0; cz <= z1; cz++) {
        const column = this.bot.world.getColumn(cx, cz);
        if (!column) continue;
        for (let cy = Math.max(0, y0); cy <= Math.min((TOP >> 4) - 1, y1); cy++) {
          const key = `${cx},${cy},${cz}`;
          if (this.sent.has(key)) continue;
          this.sent.add(key);
          found.push([cx, cy, cz, packed(column, cy, cx, cz, this.bot.world)]);
        }
      }
    }
    if (found.length) this.drop(cell.x >> 4, cell.z >> 4);
    return found;
  }

  drop(cx, cz) {
    for (const key of this.sent) {
      const [x, , z] = key.split(',').map(Number);
      if (Math.abs(x - cx) > KEPT || Math.abs(z - cz) > KEPT) this.sent.delete(key);
    }
  }

  /** Living things and items on the ground. */
  entities() {
    const mobs = [];
    const drops = [];
    const me = this.bot.entity;
    for (const entity of Object.values(this.bot.entities)) {
      if (entity === me || !entity.position || entity.position.distanceTo(me.position) > NEAR) continue;
      const { x, y, z } = entity.position;
      if (entity.name === 'item') {
        const item = droppedItem(entity);
        if (item) drops.push([entity.id, item.name, item.count, x, y, z, item.metadata || 0]);
      } else if (entity.type !== 'player' && entity.type !== 'object' && entity.type !== 'orb') {
        const data = entity.metadata || [];
        const health = typeof data[9] === 'number' ? data[9] : null;
        if (health !== null && health <= 0) continue;
        mobs.push([entity.id, entity.name, x, y, z, health, data[16] === true ? 1 : 0, entity.yaw || 0]);
      }
    }
    return { mobs, drops };
  }

  /** [block light, sky light, whether the sky is open above] at the eye. */
  light() {
    const eye = this.bot.entity.position.offset(0, this.bot.entity.eyeHeight, 0).floored();
    const key = `${eye.x},${eye.y},${eye.z}`;
    if (key !== this.skyKey) {
      this.skyKey = key;
      this.open = this.openSky(eye);
    }
    // prismarine-chunk reads a row of light with its bytes in reverse: what belongs to x lies at x ^ 14
    const at = eye.offset((eye.x ^ 14) - eye.x, 0, 0);
    return [this.bot.world.getBlockLight(at), this.bot.world.getSkyLight(at), this.open];
  }

  openSky(eye) {
    const column = this.bot.world.getColumn(eye.x >> 4, eye.z >> 4);
    if (!column) return true;
    const { blocksByStateId } = this.bot.registry;
    const top = (this.bot.game.minY || 0) + (this.bot.game.height || 256);
    const at = new Vec3(eye.x & 15, eye.y, eye.z & 15);
    for (let y = Math.max(eye.y + 1, this.bot.game.minY || 0); y < top; y++) {
      at.y = y;
      const state = column.getBlockStateId(at);
      const block = state ? blocksByStateId[state] : null;
      if (block && block.filterLight > 0) return false;
    }
    return true;
  }

  biome() {
    const id = this.bot.world.getBiome(this.bot.entity.position.floored());
    const found = this.bot.registry.biomes[id];
    return found ? found.name : '';
  }

  /** The 46 slots of the player's window, or null while they are as last told. */
  slots() {
    const rows = [];
    for (let slot = 0; slot < SLOTS; slot++) {
      const item = this.bot.inventory.slots[slot];
      const wear = (item && item.maxDurability && item.durabilityUsed) || 0;
      rows.push(item ? [item.name, item.count, wear, item.metadata || 0] : 0);
    }
    const text = JSON.stringify(rows);
    if (text === this.inventory) return null;
    this.inventory = text;
    return rows;
  }

  /** Everything, for one answer. */
  all(time) {
    const { bot } = this;
    const { position } = bot.entity;
    const sections = this.sections();
    const blocks = this.changes;
    this.changes = [];
    const air = bot.entity.metadata && bot.entity.metadata[1];
    const seen = {
      pos: [position.x, position.y, position.z], yaw: bot.body.yaw, pitch: bot.body.pitch, ground: bot.entity.onGround,
      eye: bot.entity.eyeHeight, time: time.now(), life: bot.health, food: bot.food, full: bot.foodSaturation,
      air: typeof air === 'number' ? air : 300,
      xp: (bot.experience && bot.experience.points) || 0, asleep: bot.isSleeping, held: bot.quickBarSlot || 0,
      light: this.light(), biome: this.biome(), rain: bot.isRaining === true, thunder: (bot.thunderState || 0) > 0,
      realm: bot.game.dimension || '', sections, blocks, ...this.entities(),
    };
    const slots = this.slots();
    if (slots) seen.slots = slots;
    if (this.reset) seen.reset = true;
    this.reset = false;
    return seen;
  }
}

/** What an item entity is; its data may not have arrived yet. */
function droppedItem(entity) {
  try {
    return entity.getDroppedItem();
  } catch {
    return null;
  }
}

function packed(column, cy, cx, cz, world) {
  const states = new Uint16Array(4096);
  const minY = column.minY || 0;
  const section = column.sections && column.sections[cy - (minY >> 4)];
  const data = section && section.data && typeof section.data.get === 'function' ? section.data : null;
  if (data && column.minY !== undefined) {
    for (let i = 0; i < 4096; i++) states[i] = data.get(i);
  } else { // older columns: by the public way
    const at = new Vec3(0, 0, 0);
    for (let i = 0; i < 4096; i++) {
      at.x = i & 15;
      at.z = (i >> 4) & 15;
      at.y = (cy << 4) + (i >> 8);
      states[i] = column.getBlockStateId(at);
    }
  }
  if (states.every((state) => state === states[0])) return states[0];
  return Buffer.from(states.buffer).toString('base64');
}

module.exports = { Sight, droppedItem };
