'use strict';
// One client's connection: login, chunks, what it sees of the entities, its own state, and its packets to the rules.

const { chunkData, lightData } = require('./column');
const { barOf } = require('./player');
const { Window, ownWindow } = require('./windows');
const { handlers } = require('./packets');

const NEAR = 2; // columns sent before the player is told where it stands
const SEEN = 72; // blocks within which entities are shown
const TURN_CHUNKS = 2; // columns each time that is told, where the game goes turn by turn
const CHUNK_TIME = 12; // milliseconds a tick for chunks, less when the clock is warped
const STATES = 32768; // numbers that name what was told of slots
const text = (words) => ({ type: 'compound', value: { text: { type: 'string', value: words } } });
const heightmaps = { type: 'compound', name: '', value: { MOTION_BLOCKING: { type: 'longArray',
  value: new Array(37).fill([0, 0]) } } };
const millis = () => Number(process.hrtime.bigint()) / 1e6;
const angle = (degrees) => ((Math.round((degrees * 256) / 360) & 255) << 24) >> 24;

class Session {
  constructor(game, player, client) {
    this.game = game;
    this.player = player;
    this.client = client;
    this.chunks = new Set();
    this.centre = null;
    this.waiting = []; // columns that are still to be sent
    this.turned = false; // whether it has taken a turn
    this.shown = new Map(); // entity id -> what the client knows of it
    this.told = {};
    this.teleport = 0;
    this.confirmed = 0;
    this.windowId = 0;
    this.state = 0; // grows with every word on slots; clicks name the last that the client has heard
    this.packets = 0; // that the rules took
    this.open = true;
    player.session = this;
    player.inventory = ownWindow(game, player);
    player.window = player.inventory;
  }

  /** What is sent in one turn of the event loop leaves in one piece. */
  send(name, fields) {
    if (!this.open) return;
    const { socket } = this.client;
    if (!this.gathering) {
      this.gathering = true;
      socket.cork();
      setImmediate(() => {
        this.gathering = false;
        socket.uncork();
      });
    }
    this.client.write(name, fields);
  }

  /** Everything a new client needs, in order; mineflayer and vanilla count as spawned on the last of it. */
  login() {
    const { game, player } = this;
    const { registry } = game.facts;
    this.send('login', {
      ...registry.loginPacket, entityId: player.id, isHardcore: false, viewDistance: game.view,
        simulationDistance: game.view,
      maxPlayers: 20, worldNames: ['minecraft:overworld'], worldState: this.worldState(), dimensionCodec: undefined,
    });
    this.send('difficulty', { difficulty: game.difficulty, difficultyLocked: false });
    this.send('abilities', { flags: player.gameMode === 1 ? 13 : 0, flyingSpeed: 0.05, walkingSpeed: 0.1 });
    this.send('held_item_slot', { slot: player.held });
    this.send('entity_status', { entityId: player.id, entityStatus: 24 });
    for (const other of game.players.values()) other.session.introduce(player);
    for (const other of game.players.values()) if (other !== player) this.introduce(other);
    this.arrive();
    this.client.on('custom_payload', ({ channel, data }) => {
      if (channel === 'veclink:turn' && data.length <= 16) game.guard(this, () => game.turn(this, data));
    });
    for (const [name, handle] of Object.entries(handlers)) {
      this.client.on(name, (packet) => game.guard(this, () => {
        this.packets++;
        if (this.open) handle(this, packet);
      }));
    }
  }

  worldState() {
    const { game, player } = this;
    return {
      dimension: 0, name: 'minecraft:overworld', hashedSeed: [0, game.seed | 0],
        gamemode: ['survival', 'creative', 'adventure', 'spectator'][player.gameMode],
      previousGamemode: 255, isDebug: false, isFlat: game.kind === 'flat', death: undefined, portalCooldown: 0,
        seaLevel: 63,
    };
  }

  introduce(other) {
    this.send('player_info', {
      action: { add_player: true, update_game_mode: true, update_listed: true, update_latency: true },
      data: [{ uuid: other.uuid, player: { name: other.name, properties: [] }, gamemode: other.gameMode, listed: 1,
        latency: 0 }],
    });
  }

  /** Chunks round the player, then its place and state: after login and after a respawn. */
  arrive() {
    const { game, player } = this;
    this.chunks.clear();
    this.shown.clear();
    this.told = {};
    this.send('spawn_position', { location: whole(game.spawn), angle: 0 });
    this.time();
    this.weather(true);
    this.send('game_state_change', { reason: 'level_chunks_load_start', gameMode: 0 });
    this.sendChunks(NEAR);
    this.place(player.x, player.y, player.z, player.yaw, player.pitch);
    this.resync();
    this.vitals();
  }

  time() {
    const { game } = this;
    this.send('update_time', { age: [0, game.ticks % 2 ** 31], time: [0, game.time],
      tickDayTime: game.rules.doDaylightCycle });
  }

  weather(first = false) {
    const { game } = this;
    if (first && game.weather === 'clear') return;
    this.send('game_state_change', { reason: game.weather === 'clear' ? 'stop_raining' : 'start_raining',
      gameMode: 0 });
    this.send('game_state_change', { reason: 'rain_level_change', gameMode: game.weather === 'clear' ? 0 : 1 });
    this.send('game_state_change', { reason: 'thunder_level_change', gameMode: game.weather === 'thunder' ? 1 : 0 });
  }

  /** Puts the player somewhere; its own moves count again once the client has answered. */
  place(x, y, z, yaw, pitch) {
    const { player } = this;
    Object.assign(player, { x, y, z, yaw, pitch, fallen: 0 });
    this.teleport++;
    this.send('position', { teleportId: this.teleport, x, y, z, dx: 0, dy: 0, dz: 0, yaw, pitch, flags: {} });
  }

  push(vx, vy, vz) {
    const unit = (v) => Math.max(-32000, Math.min(32000, Math.round(v * 8000)));
    this.send('entity_velocity', { entityId: this.player.id, velocity: { x: unit(vx), y: unit(vy), z: unit(vz) } });
  }

  /** Sends columns round the player, near ones first, for at most CHUNK_TIME, or all within `all` columns. */
  sendChunks(all = -1) {
    const { game, player } = this;
    const cx = Math.floor(player.x) >> 4;
    const cz = Math.floor(player.z) >> 4;
    if (!this.centre || this.centre.cx !== cx || this.centre.cz !== cz) this.recentre(cx, cz);
    if (!this.waiting.length) return;
    const start = millis();
    this.send('chunk_batch_start', {});
    let count = 0;
    while (this.waiting.length && (all >= 0 || (game.config.turns ? count < TURN_CHUNKS
      : millis() - start < Math.max(3, CHUNK_TIME / game.warp)))) {
      const [x, z, far] = this.waiting[0];
      if (all >= 0 && far > all) break;
      this.waiting.shift();
      for (let dx = -1; dx <= 1; dx++) for (let dz = -1; dz <= 1; dz++) game.world.column(x + dx, z + dz);
      const column = game.world.column(x, z);
      this.send('map_chunk', { x, z, heightmaps, chunkData: chunkData(column), blockEntities: [],
        ...lightData(column) });
      this.chunks.add(`${x},${z}`);
      count++;
    }
    this.send('chunk_batch_finished', { batchSize: count });
  }

  recentre(cx, cz) {
    const { view } = this.game;
    this.centre = { cx, cz };
    this.send('update_view_position', { chunkX: cx, chunkZ: cz });
    for (const name of this.chunks) {
      const [x, z] = name.split(',').map(Number);
      if (Math.max(Math.abs(x - cx), Math.abs(z - cz)) <= view + 1) continue;
      this.chunks.delete(name);
      this.send('unload_chunk', { chunkX: x, chunkZ: z });
    }
    this.waiting = [];
    for (let dx = -view; dx <= view; dx++) {
      for (let dz = -view; dz <= view; dz++) {
        if (!this.chunks.has(`${cx + dx},${cz + dz}`))
          this.waiting.push([cx + dx, cz + dz, Math.max(Math.abs(dx), Math.abs(dz))]);
      }
    }
    this.waiting.sort((a, b) => a[2] - b[2]);
  }

  has(cx, cz) {
    return this.chunks.has(`${cx},${cz}`);
  }

  /** End of a tick: what changed for this client. */
  flush() {
    const { player, game } = this;
    this.sendChunks();
    this.entities();
    this.slots();
    this.vitals();
    if (game.ticks % 20 === 0) this.time();
    if (game.ticks % 100 === 0) for (const name of this.chunks) this.touch(name);
    if (player.window.container) player.window.container.report(this, player.window);
  }

  touch(name) {
    const column = this.game.world.columns.get(name);
    if (column) column.used = this.game.world.tick;
  }

  vitals() {
    const { player, told } = this;
    const life = `${player.health.toFixed(2)},${player.food},${player.saturation.toFixed(1)}`;
    if (told.life !== life) this.send('update_health', { health: player.health, food: player.food,
      foodSaturation: player.saturation });
    if (told.xp !== player.xp) this.send('experience', { experienceBar: barOf(player.xp), level: player.level,
      totalExperience: player.xp });
    if (told.air !== player.air || told.fire !== player.fire > 0) {
      this.send('entity_metadata', { entityId: player.id, metadata: [
        { key: 0, type: 'byte', value: player.fire > 0 ? 1 : 0 },
          { key: 1, type: 'int', value: Math.max(0, player.air) }] });
    }
    Object.assign(told, { life, xp: player.xp, air: player.air, fire: player.fire > 0 });
  }

  // ---- entities

  entities() {
    const { game, player } = this;
    for (const entity of game.visible()) {
      if (entity === player) continue;
      const near = Math.abs(entity.x - player.x) < SEEN && Math.abs(entity.z - player.z) < SEEN && !entity.gone
        && !entity.dead;
      const known = this.shown.get(entity.id);
      if (near && !known) this.show(entity);
      else if (!near && known) this.hide(entity.id);
      else if (near) this.follow(entity, known);
    }
  }

  show(entity) {
    const { items, facts } = this.game;
    this.send('spawn_entity', {
      entityId: entity.id, objectUUID: entity.uuid, type: facts.registry.entitiesByName[entity.kind].id, x: entity.x,
        y: entity.y, z: entity.z,
      pitch: angle(entity.pitch), yaw: angle(entity.yaw), headPitch: angle(entity.yaw), objectData: entity.data || 0,
      velocity: { x: Math.round(entity.vx * 8000), y: Math.round(entity.vy * 8000), z: Math.round(entity.vz * 8000) },
    });
    const known = { x: entity.x, y: entity.y, z: entity.z, yaw: angle(entity.yaw), marks: '', ticks: 0 };
    this.shown.set(entity.id, known);
    this.marks(entity, known);
    const gear = entity.kind === 'player' ? this.gear(entity) : entity.gear;
    if (gear && gear.length) this.send('entity_equipment', { entityId: entity.id,
      equipments: gear.map(([slot, stack]) => ({ slot, item: items.toSlot(stack) })) });
  }

  gear(player) {
    return [[0, player.stack], [5, player.slots[5]], [4, player.slots[6]], [3, player.slots[7]],
      [2, player.slots[8]]].filter(([, stack]) => stack);
  }

  marks(entity, known) {
    const metadata = entity.metadata ? entity.metadata(this.game.items) : [];
    const marks = JSON.stringify(metadata);
    if (marks === known.marks) return;
    known.marks = marks;
    this.send('entity_metadata', { entityId: entity.id, metadata });
  }

  follow(entity, known) {
    this.marks(entity, known);
    const dx = Math.round((entity.x - known.x) * 4096);
    const dy = Math.round((entity.y - known.y) * 4096);
    const dz = Math.round((entity.z - known.z) * 4096);
    const yaw = angle(entity.yaw);
    const turned = yaw !== known.yaw;
    if (!dx && !dy && !dz && !turned) return;
    const { onGround, id: entityId } = entity;
    const pitch = angle(entity.pitch);
    if (Math.max(Math.abs(dx), Math.abs(dy), Math.abs(dz)) > 32000) {
      this.send('sync_entity_position', { entityId, x: entity.x, y: entity.y, z: entity.z, dx: 0, dy: 0, dz: 0,
        yaw: entity.yaw, pitch: entity.pitch, onGround });
      Object.assign(known, { x: entity.x, y: entity.y, z: entity.z });
    } else {
      if (turned) this.send('entity_move_look', { entityId, dX: dx, dY: dy, dZ: dz, yaw, pitch, onGround });
      else this.send('rel_entity_move', { entityId, dX: dx, dY: dy, dZ: dz, onGround });
      known.x += dx / 4096;
      known.y += dy / 4096;
      known.z += dz / 4096;
    }
    if (turned) this.send('entity_head_rotation', { entityId, headYaw: yaw });
    known.yaw = yaw;
  }

  hide(id) {
    if (this.shown.delete(id)) this.send('entity_destroy', { entityIds: [id] });
  }

  /** A thing done by an entity that others see (status numbers of the protocol). */
  status(entity, status) {
    if (entity === this.player || this.shown.has(entity.id))
      this.send('entity_status', { entityId: entity.id, entityStatus: status });
  }

  damage(entity, cause, source) {
    if (entity !== this.player && !this.shown.has(entity.id)) return;
    const by = source ? source.id + 1 : 0;
    this.send('damage_event', { entityId: entity.id, sourceTypeId: this.game.damageType(cause), sourceCauseId: by,
      sourceDirectId: by, sourcePosition: undefined });
  }

  hurt(cause, source) {
    for (const player of this.game.players.values()) player.session.damage(this.player, cause, source);
    this.send('hurt_animation', { entityId: this.player.id, yaw: 0 });
  }

  died(cause) {
    this.vitals();
    this.send('death_combat_event', { playerId: this.player.id, message: text(`${this.player.name} died (${cause})`) });
    for (const player of this.game.players.values()) if (player !== this.player) player.session.hide(this.player.id);
    this.game.emit('death', { player: this.player, cause });
  }

  broke(stack) {
    this.game.emit('broke', { player: this.player, item: this.game.items.name(stack) });
    this.send('entity_status', { entityId: this.player.id, entityStatus: 47 });
  }

  respawn() {
    const { game, player } = this;
    if (!player.dead) return;
    player.reset();
    player.window = player.inventory;
    const place = game.spawnFor(player);
    Object.assign(player, { x: place.x + 0.5, y: place.y, z: place.z + 0.5, safe: game.ticks + 60 });
    this.send('respawn', { worldState: this.worldState(), copyMetadata: 0 });
    this.centre = null;
    this.arrive();
  }

  // ---- windows

  openWindow(layout) {
    this.closeWindow(false);
    this.windowId = (this.windowId % 100) + 1;
    const window = new Window(this.game, this.player, this.windowId, layout);
    this.player.window = window;
    this.send('open_window', { windowId: window.id, inventoryType: layout.type, windowTitle: text(layout.title) });
    this.resync();
    return window;
  }

  /** Closes what is open; tell: the client does not know yet. */
  closeWindow(tell = true) {
    const { player } = this;
    const { window } = player;
    window.close();
    if (window === player.inventory) return;
    if (tell) this.send('close_window', { windowId: window.id });
    const offset = window.start - 9;
    for (let i = 9; i < 45; i++) {
      player.inventory.believed[i] = window.believed[i + offset];
      player.inventory.told[i] = window.told[i + offset];
    }
    if (window.container) window.container.left(player);
    player.window = player.inventory;
  }

  nextState() {
    this.state += 1;
    return this.state % STATES;
  }

  /** The whole number of the state that a click names. */
  heard(stateId) {
    return this.state - ((((this.state - stateId) % STATES) + STATES) % STATES);
  }

  /** Tells the client all slots of the open window. */
  resync() {
    const { player, game } = this;
    const { window } = player;
    this.send('window_items', {
      windowId: window.id, stateId: this.nextState(), items: window.views.map((v) => game.items.toSlot(v.stack)),
        carriedItem: game.items.toSlot(player.cursor),
    });
    window.believed = window.views.map((v) => game.items.mark(v.stack));
    window.cursor = game.items.mark(player.cursor);
    window.told = window.believed.map((mark) => ({ state: this.state, mark }));
    window.toldCursor = { state: this.state, mark: window.cursor };
  }

  /** Tells the client the slots that differ from what it believes. */
  slots() {
    const { player } = this;
    this.differing(player.window);
    if (player.window === player.inventory) return;
    for (const i of [5, 6, 7, 8, 45]) this.differ(player.inventory, i);
  }

  differing(window) {
    for (let i = 0; i < window.views.length; i++) this.differ(window, i);
    const mark = this.game.items.mark(this.player.cursor);
    if (mark !== window.cursor) {
      window.cursor = mark;
      this.send('set_cursor_item', { contents: this.game.items.toSlot(this.player.cursor) });
    }
  }

  differ(window, i, always = false) {
    const stack = window.views[i].stack;
    const mark = this.game.items.mark(stack);
    if (mark === window.believed[i] && !always) return;
    window.believed[i] = mark;
    const stateId = this.nextState();
    window.told[i] = { state: this.state, mark };
    this.send('set_slot', { windowId: window.id, stateId, slot: i, item: this.game.items.toSlot(stack) });
  }
}

const whole = ({ x, y, z }) => ({ x: Math.floor(x), y: Math.floor(y), z: Math.floor(z) });

module.exports = { Session, text, millis };
