'use strict';
// What the hands do, a tick at a time: dig while the key is held, strike, use, eat, place. What one looks at is found
// cell by cell: whatever is not air or a liquid stops the look, plants too.

const { Vec3 } = require('vec3');
const windows = require('./windows');

const REACH = 4.5;
const MOB_REACH = 3.0;
const PAUSE = 5; // ticks between two blocks
const USE_EVERY = 4; // ticks between two uses while the key is held
const EATING = 32; // ticks
const TICK = 50; // ms
const AFTER = 150; // ms of a busy machine in which slots follow an answer
const ANSWER = 6; // ticks for the server to answer a broken block
const FACES = [[0, -1, 0], [0, 1, 0], [0, 0, -1], [0, 0, 1], [-1, 0, 0], [1, 0, 0]];
const THIN = new Set(['air', 'cave_air', 'void_air', 'water', 'lava', 'flowing_water', 'flowing_lava', 'bubble_column',
  'seagrass', 'tall_seagrass', 'kelp', 'kelp_plant', 'light']);
const ANSWERS = /(_door|_bed|_gate|_trapdoor|_button|chest|_box|furnace|_table|lever|barrel|anvil|hopper)$/;
const LASTING = /^(bow|crossbow|shield|trident|goat_horn|spyglass)$/;
const DRINKS = new Set(['potion', 'milk_bucket', 'honey_bottle']);
const ALWAYS = new Set(['golden_apple', 'enchanted_golden_apple', 'chorus_fruit', 'milk_bucket', 'potion',
  'honey_bottle']);
const SWING = [[/_sword$/, 1.6], [/_pickaxe$/, 1.2], [/(diamond|golden|netherite)_axe$/, 1.0], [/iron_axe$/, 0.9],
  [/_axe$/, 0.8], [/_shovel$/, 1.0], [/(wooden|golden)_hoe$/, 1.0], [/stone_hoe$/, 2.0], [/iron_hoe$/, 3.0]];

class Hands {
  constructor(bot, happenings) {
    this.bot = bot;
    this.happenings = happenings;
    this.sequence = 0;
    this.digging = null;
    this.rest = 0;
    this.useRest = 0;
    this.using = 0;
    this.swung = 100;
    this.before = 'noop';
    bot.on('windowOpen', () => {
      if (!this.opening && bot.currentWindow) windows.close(bot); // a chest that was used: its inside is of no use here
    });
    bot.on('death', () => this.stop());
    this.acknowledged = 0;
    bot._client.on('acknowledge_player_digging', (packet) => {
      this.acknowledged = Math.max(this.acknowledged, packet.sequenceId || 0);
    });
    this.unanswered = null;
  }

  /** Waits for the server's answer to a block that was broken: what fell out of it is seen then. */
  async answered() {
    const waiting = this.unanswered;
    this.unanswered = null;
    if (!waiting) return;
    const { sequence, heard } = waiting;
    await windows.until(this.bot, () => this.acknowledged >= sequence || waiting.changed, ANSWER);
    this.bot._client.removeListener('block_change', heard);
  }

  stop() {
    this.digging = null;
    this.using = 0;
    this.before = 'noop';
  }

  /** Lets go of what the last tick's key held, then does this tick's. Returns what windows did, if anything. */
  async tick(act) {
    const { bot } = this;
    this.swung += 1;
    this.useRest = Math.max(0, this.useRest - 1);
    if (bot.isSleeping) {
      if (act.pose === 'sneak' || act.move !== 0) bot.body.act('stop_sleeping', 2);
      return null;
    }
    if (act.do !== 'attack' && this.digging) this.abort();
    if (act.do !== 'use' && this.using) this.release();
    let found = null;
    if (act.do === 'attack') this.attack();
    else if (act.do === 'use') this.use();
    else if (act.do === 'place') found = await this.place(act.slot);
    else if (windows.DEEDS[act.do]) found = await this.window(act);
    this.before = act.do;
    return found;
  }

  async window(act) {
    this.opening = true;
    try {
      return await windows.DEEDS[act.do](this, act);
    } finally {
      this.opening = false;
    }
  }

  eye() {
    return this.bot.entity.position.offset(0, this.bot.entity.eyeHeight, 0);
  }

  way() {
    const { yaw, pitch } = this.bot.body;
    const turn = (yaw * Math.PI) / 180;
    const lift = (pitch * Math.PI) / 180;
    return new Vec3(-Math.sin(turn) * Math.cos(lift), -Math.sin(lift), Math.cos(turn) * Math.cos(lift));
  }

  /** What a look meets: {block, face, distance, cursor} or {entity, distance} or null. */
  target(eye = this.eye(), way = this.way(), reach = REACH, mobReach = MOB_REACH) {
    const hit = firstBlock(this.bot, eye, way, reach);
    const met = firstEntity(this.bot, eye, way, Math.min(mobReach, hit ? hit.distance : reach));
    return met || hit;
  }

  swing() {
    this.bot._client.write('arm_animation', { hand: 0 });
  }

  // -- attack ---------------------------------------------------------------------------------------------------------

  attack() {
    const found = this.target();
    if (found && found.entity) {
      this.abort();
      const item = this.bot.heldItem ? this.bot.heldItem.name : '';
      const row = SWING.find(([name]) => name.test(item));
      if (this.before !== 'attack' || this.swung >= 20 / (row ? row[1] : 4)) this.strike(found.entity, Boolean(row));
    } else if (found) {
      this.dig(found);
    } else {
      this.abort();
      if (this.before !== 'attack') {
        this.swing();
        this.swung = 0;
      }
    }
  }

  strike(entity, weapon) {
    this.bot._client.write('use_entity', { target: entity.id, mouse: 1, sneaking: this.bot.getControlState('sneak') });
    this.swing();
    this.swung = 0;
    this.happenings.struck.set(entity.id, this.happenings.tick);
    if (weapon) this.happenings.tell('use', { item: this.bot.heldItem.name });
  }

  tellDig(status, place, face) {
    this.sequence += 1;
    this.bot._client.write('block_dig', { status, location: place, face, sequence: this.sequence });
  }

  abort() {
    if (!this.digging) return;
    if (this.digging.begun) this.tellDig(1, this.digging.place, 0);
    this.digging = null;
  }

  dig({ block, face }) {
    if (this.rest > 0) {
      this.rest -= 1;
      return;
    }
    const held = this.bot.heldItem ? this.bot.heldItem.type : -1;
    const { digging } = this;
    if (!digging || !digging.place.equals(block.position) || digging.state !== block.stateId || digging.held !== held) {
      this.abort();
      this.digging = { place: block.position, state: block.stateId, held, done: 0, begun: false, face };
    }
    const ticks = block.diggable ? this.bot.digTime(block) / 50 : Infinity;
    const speed = ticks <= 0 ? 1 : 1 / ticks;
    if (!this.digging.begun) {
      this.tellDig(0, block.position, face);
      this.digging.begun = true;
      if (!(ticks < Infinity)) return;
    }
    this.swing();
    this.digging.done += speed;
    if (this.digging.done < 1 - 1e-9) return;
    if (speed < 1) this.tellDig(2, block.position, face);
    this.rest = speed < 1 ? PAUSE : 0;
    this.digging = null;
    this.expect(block.position);
    this.broke(block);
  }

  /** Waits until something holds, or the server has answered our last act and some time has passed since. */
  async settled(holds) {
    const { sequence } = this;
    const warp = Number(process.env.WARP) || 1;
    let since = 0;
    await windows.until(this.bot, () => {
      if (!since && this.acknowledged >= sequence) since = performance.now() + Math.max(TICK, AFTER * warp);
      return holds() || (since && performance.now() > since);
    }, 2 * ANSWER);
  }

  expect(place) {
    const waiting = { place, sequence: this.sequence, changed: false, heard: null };
    waiting.heard = ({ location }) => {
      if (place.equals(location)) waiting.changed = true;
    };
    this.bot._client.on('block_change', waiting.heard);
    this.unanswered = waiting;
  }

  broke(block) {
    const { x, y, z } = block.position;
    const { heldItem: held } = this.bot;
    const tool = held && held.maxDurability && block.hardness > 0 ? held.name : '';
    this.bot._updateBlockState(block.position, 0);
    if (tool && !/_hoe$/.test(tool)) this.happenings.tell('use', { item: tool });
    this.happenings.tell('mine', { block: block.name, x, y, z });
  }

  // -- use ------------------------------------------------------------------------------------------------------------

  use() {
    if (this.using) {
      this.goOn();
      return;
    }
    if (this.before === 'use' && this.useRest > 0) return;
    this.useRest = USE_EVERY;
    const item = this.bot.heldItem;
    const found = this.target();
    const before = item ? item.count : 0;
    if (found && found.entity) {
      this.interact(found.entity);
      this.watch(item, before);
      return;
    }
    const answers = found && ANSWERS.test(found.block.name) && !(this.bot.getControlState('sneak') && item);
    if (answers) {
      this.useOn(found);
      return;
    }
    const lasts = item && this.lasts(item);
    const block = item && this.bot.registry.blocksByName[item.name];
    if (found && item && !lasts) this.useOn(found);
    if (item && (!block || !found)) this.useItem();
    if (lasts) this.using = 1;
    else if (item) this.watch(item, before);
  }

  /** An item that is held for a while: "eat" or "draw", else "". */
  lasts(item) {
    const food = this.bot.registry.foodsByName && this.bot.registry.foodsByName[item.name];
    if (LASTING.test(item.name)) return 'draw';
    if (DRINKS.has(item.name) || (food && (this.bot.food < 20 || ALWAYS.has(item.name)))) return 'eat';
    return '';
  }

  goOn() {
    this.using += 1;
    const item = this.bot.heldItem;
    if (!item || !this.lasts(item)) {
      this.using = 0;
      return;
    }
    if (this.using === 2) this.meal = { name: item.name, count: item.count };
    if (this.lasts(item) === 'eat' && this.using > EATING) {
      this.using = 0;
      this.useRest = USE_EVERY;
      this.happenings.tell('use', { item: item.name });
    }
  }

  release() {
    const item = this.bot.heldItem;
    if (item && LASTING.test(item.name)) {
      if (this.using > 3 && item.name === 'bow') this.happenings.tell('use', { item: item.name });
    }
    this.tellDig(5, new Vec3(0, 0, 0), 0);
    this.using = 0;
  }

  /** Tells of a use once the server has changed the item in the hand. */
  watch(item, before) {
    if (!item) return;
    const { name } = item;
    const worn = item.durabilityUsed || 0;
    const slot = this.bot.QUICK_BAR_START + this.bot.quickBarSlot;
    const told = (_old, now) => {
      const other = !now || now.name !== name || now.count < before || (now.durabilityUsed || 0) > worn;
      if (other) {
        this.happenings.tell('use', { item: name });
        stop();
      }
    };
    const end = this.happenings.tick + 10;
    const aged = () => this.happenings.tick > end && stop();
    const stop = () => {
      this.bot.inventory.removeListener(`updateSlot:${slot}`, told);
      this.bot.removeListener('physicsTick', aged);
    };
    this.bot.inventory.on(`updateSlot:${slot}`, told);
    this.bot.on('physicsTick', aged);
  }

  interact(entity) {
    const sneaking = this.bot.getControlState('sneak');
    const { x, y, z } = entity.position;
    const at = { x: 0, y: entity.height ? entity.height / 2 : 0.5, z: 0 };
    this.bot._client.write('use_entity', { target: entity.id, mouse: 2, sneaking, hand: 0, ...at,
      location: new Vec3(x, y, z) });
    this.bot._client.write('use_entity', { target: entity.id, mouse: 0, sneaking, hand: 0 });
  }

  useItem() {
    const { yaw, pitch } = this.bot.body;
    this.sequence += 1;
    if (this.bot.supportFeature('useItemWithOwnPacket')) {
      this.bot._client.write('use_item', { hand: 0, sequence: this.sequence, rotation: { x: yaw, y: pitch } });
    } else {
      this.bot._client.write('block_place', { location: new Vec3(-1, 255, -1), direction: -1,
        heldItem: this.notch(), cursorX: -1, cursorY: -1, cursorZ: -1 });
    }
  }

  notch() {
    return require('prismarine-item')(this.bot.registry).toNotch(this.bot.heldItem);
  }

  useOn({ block, face, cursor }) {
    this.sequence += 1;
    const scale = this.bot.supportFeature('blockPlaceHasHeldItem')
      || this.bot.supportFeature('blockPlaceHasHandAndIntCursor') ? 16 : 1;
    const at = cursor.map((part) => (scale === 16 ? Math.floor(part * 16) : part));
    this.bot._client.write('block_place', {
      location: block.position, direction: face, hand: 0, heldItem: scale === 16 ? this.notch() : undefined,
      cursorX: at[0], cursorY: at[1], cursorZ: at[2], insideBlock: false, sequence: this.sequence,
      worldBorderHit: false,
    });
    this.swing();
  }

  // -- place ----------------------------------------------------------------------------------------------------------

  /** Puts the block of a slot (0 the hand's) where one looks; what was held is in the hand again afterwards. */
  async place(slot) {
    const found = this.target();
    if (!found || found.entity) return { placed: false };
    const window = windows.windowSlot(slot);
    const item = this.bot.inventory.slots[window];
    if (!item) return { placed: false };
    const hand = windows.windowSlot(0);
    if (window !== hand) await windows.swap(this.bot, window, hand);
    const sneaks = ANSWERS.test(found.block.name) && !this.bot.getControlState('sneak');
    if (sneaks) this.bot.setControlState('sneak', true);
    const { name, count } = item;
    this.useOn(found);
    if (/bucket$/.test(name)) this.useItem();
    if (sneaks) this.bot.setControlState('sneak', false);
    const gone = () => {
      const now = this.bot.inventory.slots[hand];
      return !now || now.name !== name || now.count < count;
    };
    await this.settled(gone);
    const placed = gone();
    if (window !== hand) await windows.swap(this.bot, window, hand);
    if (placed) this.happenings.tell('use', { item: name });
    return { placed };
  }
}

/** Follows a look through the cells. Returns {block, face, distance, cursor} or null. */
function firstBlock(bot, eye, way, reach) {
  const cell = [Math.floor(eye.x), Math.floor(eye.y), Math.floor(eye.z)];
  const from = [eye.x, eye.y, eye.z];
  const to = [way.x, way.y, way.z];
  const step = to.map((part) => (part > 0 ? 1 : -1));
  const each = to.map((part) => 1 / Math.max(Math.abs(part), 1e-9));
  const next = from.map((at, i) => (to[i] > 0 ? cell[i] + 1 - at : at - cell[i]) * each[i]);
  for (;;) {
    const axis = next[0] <= next[1] && next[0] <= next[2] ? 0 : next[1] <= next[2] ? 1 : 2;
    const distance = next[axis];
    if (distance > reach) return null;
    next[axis] += each[axis];
    cell[axis] += step[axis];
    const block = bot.blockAt(new Vec3(...cell), false);
    if (!block) return null;
    if (THIN.has(block.name)) continue;
    const outward = [0, 0, 0];
    outward[axis] = -step[axis];
    const face = FACES.findIndex((row) => row.every((part, i) => part === outward[i]));
    const cursor = from.map((at, i) => Math.min(1, Math.max(0, at + to[i] * distance - cell[i])));
    return { block, face, distance, cursor };
  }
}

/** The first living thing on a look. */
function firstEntity(bot, eye, way, reach) {
  let best = null;
  const dir = [way.x, way.y, way.z];
  for (const entity of Object.values(bot.entities)) {
    if (entity === bot.entity || !entity.position || entity.type === 'object' || entity.type === 'orb') continue;
    if (entity.name === 'item' || entity.position.distanceTo(eye) > reach + 4) continue;
    const half = (entity.width || 0.6) / 2;
    const tall = entity.height || 1.8;
    const { x, y, z } = entity.position;
    const low = [x - half - eye.x, y - eye.y, z - half - eye.z];
    const high = [x + half - eye.x, y + tall - eye.y, z + half - eye.z];
    let near = 0;
    let far = reach;
    for (let i = 0; i < 3; i++) {
      if (Math.abs(dir[i]) < 1e-9) {
        if (low[i] > 0 || high[i] < 0) far = -1;
        continue;
      }
      const a = low[i] / dir[i];
      const b = high[i] / dir[i];
      near = Math.max(near, Math.min(a, b));
      far = Math.min(far, Math.max(a, b));
    }
    if (near <= far && (!best || near < best.distance)) best = { entity, distance: near };
  }
  return best;
}

module.exports = { Hands, firstBlock, firstEntity, FACES };
