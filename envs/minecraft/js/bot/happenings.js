'use strict';
// What happened since the last answer, learnt from packets: wounds and their causes, deaths, kills, things picked up.

const { droppedItem } = require('./sight');

const RECENT = 100; // ticks in which a mob that dies after our blow counts as killed by us
const FRESH = 3; // ticks in which a wound's cause belongs to the loss of life

class Happenings {
  constructor(bot) {
    this.bot = bot;
    this.events = [];
    this.struck = new Map(); // entity id -> tick of our last blow
    this.wound = null;
    this.kinds = null;
    this.life = null;
    bot._client.on('registry_data', (packet) => {
      if (packet.id !== 'minecraft:damage_type' || !packet.entries) return;
      this.kinds = packet.entries.map((row) => short(row.key));
    });
    bot._client.on('damage_event', (packet) => this.damage(packet));
    bot.on('health', () => this.health());
    bot.on('entityDead', (entity) => this.dead(entity));
    bot.on('playerCollect', (who, what) => this.collected(who, what));
  }

  tell(kind, what) {
    this.events.push([kind, what]);
  }

  taken() {
    const found = this.events;
    this.events = [];
    return found;
  }

  get tick() {
    return this.bot.body.ticks;
  }

  damage(packet) {
    if (packet.sourceCauseId - 1 === this.bot.entity.id && packet.entityId !== this.bot.entity.id) {
      this.struck.set(packet.entityId, this.tick);
    }
    if (packet.entityId !== this.bot.entity.id) return;
    const source = this.bot.entities[packet.sourceCauseId - 1];
    const at = (packet.sourcePosition && [packet.sourcePosition.x, packet.sourcePosition.y, packet.sourcePosition.z])
      || (source && source.position && [source.position.x, source.position.y, source.position.z]) || null;
    this.wound = { cause: (this.kinds && this.kinds[packet.sourceTypeId]) || '', from: at, tick: this.tick };
  }

  health() {
    const before = this.life;
    this.life = this.bot.health;
    if (before === null || this.life >= before) return;
    const fresh = this.wound && this.tick - this.wound.tick <= FRESH ? this.wound : null;
    const cause = (fresh && fresh.cause) || this.guess();
    const from = (fresh && fresh.from) || null;
    this.tell('hurt', { amount: before - Math.max(0, this.life), cause, from });
    if (this.life <= 0) this.tell('death', { cause });
  }

  /** Why life was lost, where the server did not say: by what is round the player. */
  guess() {
    const { bot } = this;
    const { position } = bot.entity;
    const at = (dy) => bot.blockAt(position.offset(0, dy, 0), false);
    const names = [at(0), at(1)].map((block) => (block ? block.name : ''));
    if (position.y < (bot.game.minY || 0) - 10) return 'out_of_world';
    if (names.some((name) => name.includes('lava'))) return 'lava';
    const data = bot.entity.metadata || [];
    const near = Object.values(bot.entities).find((each) => each !== bot.entity && each.position
      && each.kind === 'Hostile mobs' && each.position.distanceTo(position) < 3);
    if (near) return 'mob_attack';
    if (names.some((name) => name.includes('fire')) || (typeof data[0] === 'number' && data[0] & 1)) return 'on_fire';
    if (typeof data[1] === 'number' && data[1] <= 0) return 'drown';
    if (bot.food <= 0) return 'starve';
    const arrow = Object.values(bot.entities).find((each) => each.name === 'arrow' && each.position
      && each.position.distanceTo(position) < 3);
    return arrow ? 'arrow' : 'fall';
  }

  dead(entity) {
    const when = this.struck.get(entity.id);
    this.struck.delete(entity.id);
    if (when !== undefined && this.tick - when <= RECENT) this.tell('kill', { mob: entity.name, by_player: true });
  }

  collected(who, what) {
    if (who !== this.bot.entity || !what || what.name !== 'item') return;
    const item = droppedItem(what);
    if (item) this.tell('pick_up', { item: item.name, count: item.count, metadata: item.metadata || 0 });
  }
}

function short(name) {
  return String(name).replace('minecraft:', '');
}

module.exports = { Happenings };
