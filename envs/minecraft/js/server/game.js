'use strict';
// The game: holds all parts, runs one tick after the other, and lets clients in.

const { EventEmitter } = require('events');
const { createServer } = require('minecraft-protocol');
const { loadFacts } = require('./facts');
const { Items } = require('./items');
const { Recipes } = require('./recipes');
const { Chance } = require('./random');
const { Terrain } = require('./terrain');
const { World } = require('./world');
const { Player } = require('./player');
const { Session, text, millis } = require('./session');
const { BadPacket } = require('./packets');
const { Drops } = require('./entities');
const { Digging } = require('./digging');
const { Use } = require('./use');
const { Blocks } = require('./blocks');
const { Containers } = require('./containers');
const { Combat } = require('./combat');
const { Beds } = require('./beds');
const { Mobs } = require('./mobs');
const { Spawning } = require('./spawning');
const { tagsPacket } = require('./tags');

const TICK = 50;
const TURN = 'veclink:turn'; // a channel of plugin messages
const LOOPBACK = /^(127\.|::1$|localhost$)/;
const NEVER = 0x1fffff; // bytes of a packet from which it is compressed: more than any has
const BEHIND = 10; // ticks that may be caught up at once, more when the clock is warped

class Game extends EventEmitter {
  /** @param {object} config as main.js checked it */
  constructor(config) {
    super();
    Object.assign(this, { config, seed: config.seed, kind: config.kind, view: config.view,
      difficulty: config.difficulty });
    this.warp = Number(process.env.WARP) || 1;
    this.ids = 1;
    this.ticks = 0;
    this.time = 1000;
    this.day = 0;
    this.weather = 'clear';
    this.weatherLeft = 24000;
    this.rules = {
      keepInventory: false, doDaylightCycle: true, doWeatherCycle: true, doMobSpawning: config.mobs, doMobLoot: true,
        mobGriefing: true,
      doTileDrops: true, naturalRegeneration: true, fallDamage: true, randomTickSpeed: 3, doFireTick: true,
    };
    this.players = new Map();
    this.facts = loadFacts(config.version);
    this.items = new Items(this.facts);
    this.recipes = new Recipes(this.facts);
    this.chance = new Chance(config.seed ^ 0x51f15e);
    this.terrain = new Terrain(this.facts, config);
    this.world = new World(this.facts, this.terrain, 2 * (2 * this.view + 3) ** 2);
    this.drops = new Drops(this);
    this.blocks = new Blocks(this);
    this.containers = new Containers(this);
    this.digging = new Digging(this);
    this.use = new Use(this);
    this.combat = new Combat(this);
    this.beds = new Beds(this);
    this.mobs = new Mobs(this);
    this.spawning = new Spawning(this);
    this.parts = [this.mobs, this.drops, this.digging, this.blocks, this.containers, this.beds, this.spawning];
    this.tags = tagsPacket(this.facts);
    this.damageTypes = this.facts.registry.loginPacket.dimensionCodec['minecraft:damage_type'].entries.map((e) =>
      e.key.replace('minecraft:', ''));
    this.spawn = this.findSpawn();
  }

  nextId() {
    return this.ids++;
  }

  damageType(cause) {
    return Math.max(0, this.damageTypes.indexOf(cause));
  }

  findSpawn() {
    const { terrain } = this;
    const place = terrain.place(this.config.biome, 0, 0, 3000, true) || terrain.place(this.config.biome, 0, 0, 3000)
      || terrain.place(null);
    if (!place) throw new Error('the terrain has no dry place near the middle');
    return place;
  }

  /** Where a player comes to life: at its bed, if that still stands, else at the world's spawn. */
  spawnFor(player) {
    const bed = player.home && this.beds.beside(player.home);
    if (bed) return bed;
    player.home = null;
    const { x, z } = this.spawn;
    let { y } = this.spawn;
    while (y < 126 && (this.facts.solid[this.world.get(x, y, z)] || this.facts.solid[this.world.get(x, y + 1, z)])) y++;
    return { x, y, z };
  }

  /** Listens and starts the ticks. @returns {Promise<number>} the port */
  listen() {
    const { config } = this;
    for (let dx = -1; dx <= 1; dx++) for (let dz = -1; dz <= 1; dz++)
      this.world.column((this.spawn.x >> 4) + dx, (this.spawn.z >> 4) + dz);
    return new Promise((resolve, reject) => {
      this.server = createServer({
        host: config.host, port: config.port, version: config.version, 'online-mode': false, motd: 'veclink',
          maxPlayers: 20,
        kickTimeout: 300000 * this.warp, checkTimeoutInterval: 10000 * this.warp, hideErrors: true,
        beforeLogin: LOOPBACK.test(config.host) ? unsqueezed : undefined,
        errorHandler: (client, error) =>
          this.kick(client, `bad packet: ${String(error && error.message).slice(0, 120)}`),
      });
      this.server.on('error', reject);
      this.server.on('listening', () => {
        this.next = Date.now() + TICK;
        this.run();
        resolve(this.server.socketServer.address().port);
      });
      this.server.on('connection', (client) => {
        client.on('state', (state) => {
          if (state !== 'configuration') return;
          client.write('feature_flags', { features: ['minecraft:vanilla'] });
          client.write('tags', this.tags);
        });
      });
      this.server.on('playerJoin', (client) => this.join(client));
    });
  }

  kick(client, words) {
    process.stderr.write(`client ${client.username || '(unnamed)'} ended: ${words}\n`);
    try {
      client.end(words);
    } catch (error) {
      if (client.socket) client.socket.destroy();
    }
  }

  join(client) {
    for (const other of this.players.values()) {
      if (other.uuid !== client.uuid) continue;
      this.kick(other.session.client, 'you are connected a second time');
      this.leave(other);
    }
    const kept = this.kept && this.kept.get(client.username);
    const player = kept || new Player(this, client.username, client.uuid);
    if (!kept) {
      const place = this.spawnFor(player);
      Object.assign(player, { x: place.x + 0.5, y: place.y, z: place.z + 0.5, safe: this.ticks + 60 });
    }
    const session = new Session(this, player, client);
    this.players.set(player.name, player);
    client.on('end', () => {
      if (player.session === session) this.leave(player);
    });
    this.guard(session, () => session.login());
    this.emit('join', { player });
  }

  /** Players who left are kept as they were, as a world on disk would. */
  leave(player) {
    if (!this.players.delete(player.name)) return;
    player.session.closeWindow(false);
    player.session.open = false;
    player.dig = null;
    player.using = null;
    player.sleeping = null;
    this.kept = this.kept || new Map();
    if (player.dead) this.kept.delete(player.name);
    else this.kept.set(player.name, player);
    for (const other of this.players.values()) {
      other.session.hide(player.id);
      other.session.send('player_remove', { players: [player.uuid] });
    }
    this.emit('leave', { player });
  }

  /** Runs a client's doing; an error in it ends that client, not the game. */
  guard(session, action) {
    try {
      action();
    } catch (error) {
      if (!(error instanceof BadPacket)) process.stderr.write(`${error.stack}\n`);
      this.kick(session.client, `error: ${error.message}`);
    }
  }

  run() {
    if (this.config.turns) {
      // whoever has just arrived waits for its columns and not for a clock
      const arriving = [...this.players.values()].some(({ session }) => !session.turned && session.waiting.length);
      this.timer = setTimeout(() => this.run(), arriving ? 1 : TICK);
      this.tell();
      return;
    }
    this.timer = setTimeout(() => this.run(), Math.max(1, this.next - Date.now()));
    const now = Date.now();
    const behind = BEHIND * TICK * Math.max(1, this.warp / 2);
    if (now - this.next > behind) this.next = now - behind;
    for (; this.next <= Date.now() && !this.stopped; this.next += TICK) this.tick();
  }

  /**
   * Turn by turn: a client that sends `veclink:turn` gets one tick and, after all that came of it, its own words back.
   */
  turn(session, data) {
    if (!this.config.turns || this.stopped) return;
    session.turned = true;
    this.tick();
    session.send('custom_payload', { channel: TURN, data });
  }

  /** Everybody is told what packets have changed since the last tick. */
  tell() {
    this.world.flush((cx, cz, name, fields) => {
      for (const player of this.players.values()) if (player.session.has(cx, cz)) player.session.send(name, fields);
    });
    for (const player of this.players.values()) this.guard(player.session, () => player.session.flush());
  }

  tick() {
    const start = millis();
    this.ticks++;
    this.sky();
    for (const player of this.players.values()) this.guard(player.session, () => player.tick());
    for (const part of this.parts) this.safely(part);
    this.tell();
    this.busy = (this.busy || 0) * 0.98 + (millis() - start) * 0.02;
  }

  /** One part's tick; an error in it is logged and the game goes on. */
  safely(part) {
    try {
      part.tick();
    } catch (error) {
      this.errors = (this.errors || 0) + 1;
      if (this.errors < 100) process.stderr.write(`${error.stack}\n`);
    }
  }

  sky() {
    if (this.rules.doDaylightCycle) {
      this.time = (this.time + 1) % 24000;
      if (this.time === 0) this.day++;
    }
    if (this.rules.doWeatherCycle && --this.weatherLeft <= 0) {
      const clear = this.weather !== 'clear';
      this.setWeather(clear ? 'clear' : this.chance.lucky(0.2) ? 'thunder' : 'rain',
        clear ? this.chance.between(12000, 180000) : this.chance.between(12000, 24000));
    }
  }

  setTime(time) {
    this.time = ((time % 24000) + 24000) % 24000;
    for (const player of this.players.values()) player.session.time();
  }

  setWeather(weather, ticks = 24000) {
    this.weather = weather;
    this.weatherLeft = ticks;
    for (const player of this.players.values()) player.session.weather();
  }

  raining(x, z) {
    if (this.weather === 'clear') return false;
    const biome = this.terrain.biomes[this.world.biome(Math.floor(x), Math.floor(z))];
    return !biome || !(biome.snow || biome.name === 'desert' || biome.name === 'savanna' || biome.name === 'badlands');
  }

  /** How much the sun dims the sky's light now: 0 by day, 11 at night; thunder counts as dusk for monsters. */
  darkness() {
    const angle = ((((this.time - 6000) / 24000) % 1) + 1) % 1;
    const bright = Math.min(1, Math.max(0, Math.cos(angle * 2 * Math.PI) * 2 + 0.5));
    const wet = this.weather === 'thunder' ? 5 / 16 : this.weather === 'rain' ? 5 / 16 : 0;
    return Math.floor((1 - bright * (1 - wet)) * 11);
  }

  get night() {
    return this.time >= 12542 && this.time <= 23459;
  }

  /** A mob's damage at this difficulty. */
  scaled(amount) {
    if (this.difficulty === 0) return 0;
    if (this.difficulty === 1) return Math.min(amount, amount / 2 + 1);
    return this.difficulty === 3 ? amount * 1.5 : amount;
  }

  * visible() {
    yield* this.players.values();
    yield* this.mobs.list;
    yield* this.drops.list;
  }

  entity(id) {
    for (const entity of this.visible()) if (entity.id === id) return entity;
    return null;
  }

  forget(entity) {
    for (const player of this.players.values()) player.session.hide(entity.id);
  }

  /** Nearest living player within `reach` of an entity. */
  nearest(entity, reach) {
    let best = null;
    let far = reach;
    for (const player of this.players.values()) {
      if (player.dead || player.gameMode === 3) continue;
      const d = Math.hypot(player.x - entity.x, player.y - entity.y, player.z - entity.z);
      if (d < far) {
        far = d;
        best = player;
      }
    }
    return best;
  }

  say(words) {
    for (const player of this.players.values()) player.session.send('system_chat',
      { content: text(words), isActionBar: false });
  }

  stop() {
    this.stopped = true;
    clearTimeout(this.timer);
    if (this.server) this.server.close();
  }
}

/** Packets that stay on this machine are not compressed: that costs more than it saves. */
function unsqueezed(client) {
  const { write, setCompressionThreshold: set } = client;
  client.write = (name, fields) => write.call(client, name, name === 'compress' ? { threshold: NEVER } : fields);
  client.setCompressionThreshold = () => set.call(client, NEVER);
}

module.exports = { Game };
