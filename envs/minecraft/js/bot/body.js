'use strict';
// The bot's body in place of mineflayer's physics plugin: a tick runs when it is asked for, and not by a clock of its
// own, so that an action of one tick is exactly one tick. Angles are kept in Minecraft's degrees, as given.

const { Vec3 } = require('vec3');

const CONTROLS = ['forward', 'back', 'left', 'right', 'jump', 'sprint', 'sneak'];
const RESEND = 20; // ticks after which the position is sent though nothing moved

/** mineflayer's plugin: adds bot.body, bot.physics, bot.setControlState, bot.look and what else plugins call. */
function inject(bot) {
  const { Physics, PlayerState } = require('prismarine-physics');
  const world = { getBlock: (place) => bot.blockAt(place, false) };
  const physics = Physics(bot.registry, world);
  const control = Object.fromEntries(CONTROLS.map((name) => [name, false]));
  const sent = { x: NaN, y: NaN, z: NaN, yaw: NaN, pitch: NaN, onGround: false, age: 0 };
  const body = { yaw: 0, pitch: 0, ready: false, ticks: 0, forced: 0 };
  bot.body = body;
  bot.physics = physics;
  bot.physicsEnabled = true;
  bot.jumpQueued = false;
  bot.jumpTicks = 0;

  const flags = (onGround) => ({ onGround, hasHorizontalCollision: undefined });

  function tell(kind, values, onGround) {
    bot._client.write(kind, { ...values, onGround, flags: flags(onGround) });
    const before = new Vec3(sent.x, sent.y, sent.z);
    Object.assign(sent, values, { onGround });
    if (kind !== 'flying') bot.emit('move', before);
  }

  function tellServer() {
    const { position, onGround } = bot.entity;
    const yaw = Math.fround(body.yaw);
    const pitch = Math.fround(body.pitch);
    sent.age += 1;
    const moved = position.x !== sent.x || position.y !== sent.y || position.z !== sent.z || sent.age >= RESEND;
    const turned = yaw !== sent.yaw || pitch !== sent.pitch;
    if (moved) sent.age = 0;
    const place = { x: position.x, y: position.y, z: position.z };
    if (moved && turned) tell('position_look', { ...place, yaw, pitch }, onGround);
    else if (moved) tell('position', place, onGround);
    else if (turned) tell('look', { yaw, pitch }, onGround);
    else if (onGround !== sent.onGround || bot.supportFeature('positionUpdateSentEveryTick')) {
      tell('flying', {}, onGround);
    }
  }

  /** One tick of the body: moved by the controls, told to the server. Nothing happens where nothing is loaded. */
  body.tick = () => {
    body.ticks += 1;
    if (bot._client.state !== 'play' || !body.ready || !bot.isAlive) return false;
    const { position } = bot.entity;
    if (!Number.isFinite(position.x) || bot.blockAt(position, false) === null) return false;
    physics.simulatePlayer(new PlayerState(bot, control), world).apply(bot);
    bot.emit('physicsTick');
    tellServer();
    return true;
  };

  /** Looks at once: degrees of Minecraft, pitch -90 to 90. */
  body.turnTo = (yaw, pitch) => {
    body.yaw = yaw;
    body.pitch = Math.min(90, Math.max(-90, pitch));
    bot.entity.yaw = Math.PI - (body.yaw * Math.PI) / 180;
    bot.entity.pitch = (-body.pitch * Math.PI) / 180;
  };

  steer(bot, body, control);
  listen(bot, body, tell);
}

/** Controls and looks as other plugins call them; `control` holds what is pressed. */
function steer(bot, body, control) {
  bot.setControlState = (name, state) => {
    if (control[name] === state) return;
    control[name] = state;
    if (name === 'jump' && state) bot.jumpQueued = true;
    else if (name === 'sprint') act(state ? 'start_sprinting' : 'stop_sprinting', state ? 3 : 4);
    else if (name === 'sneak' && bot.supportFeature('newPlayerInputPacket')) {
      bot._client.write('player_input', { inputs: { shift: state } });
    } else if (name === 'sneak') act(state ? 'start_sneaking' : 'stop_sneaking', state ? 0 : 1);
  };
  function act(name, number) {
    const actionId = bot.supportFeature('entityActionUsesStringMapper') ? name : number;
    bot._client.write('entity_action', { entityId: bot.entity.id, actionId, jumpBoost: 0 });
  }
  body.act = act;
  bot.getControlState = (name) => control[name];
  bot.clearControlStates = () => CONTROLS.forEach((name) => bot.setControlState(name, false));
  bot.controlState = control;
  bot.look = async (yaw, pitch) => body.turnTo(180 - (yaw * 180) / Math.PI, (-pitch * 180) / Math.PI);
  bot.lookAt = async (point) => {
    const way = point.minus(bot.entity.position.offset(0, bot.entity.eyeHeight, 0));
    await bot.look(Math.atan2(-way.x, -way.z), Math.atan2(way.y, Math.hypot(way.x, way.z)));
  };
}

/** What the server does to the body. */
function listen(bot, body, tell) {
  bot._client.on('explosion', (packet) => {
    const push = packet.playerKnockback
      || ('playerMotionX' in packet && { x: packet.playerMotionX, y: packet.playerMotionY, z: packet.playerMotionZ });
    if (push) bot.entity.velocity.add(new Vec3(push.x, push.y, push.z));
  });
  bot._client.on('player_rotation', (packet) => body.turnTo(packet.yaw, packet.pitch));
  bot._client.on('position', (packet) => {
    const { position, velocity } = bot.entity;
    const relative = typeof packet.flags === 'object'
      ? packet.flags
      : { x: packet.flags & 1, y: packet.flags & 2, z: packet.flags & 4, yaw: packet.flags & 8,
        pitch: packet.flags & 16 };
    velocity.set(relative.x ? velocity.x : 0, relative.y ? velocity.y : 0, relative.z ? velocity.z : 0);
    position.set(packet.x + (relative.x ? position.x : 0), packet.y + (relative.y ? position.y : 0),
      packet.z + (relative.z ? position.z : 0));
    body.turnTo(packet.yaw + (relative.yaw ? body.yaw : 0), packet.pitch + (relative.pitch ? body.pitch : 0));
    bot.entity.height = 1.8;
    bot.entity.onGround = false;
    bot.jumpTicks = 0;
    if (bot.supportFeature('teleportUsesOwnPacket')) {
      bot._client.write('teleport_confirm', { teleportId: packet.teleportId });
    }
    tell('position_look', { x: position.x, y: position.y, z: position.z, yaw: body.yaw, pitch: body.pitch }, false);
    body.ready = true;
    body.forced += 1;
    bot.emit('forcedMove');
  });
  const stop = () => {
    body.ready = false;
  };
  bot.on('mount', stop);
  bot.on('death', stop);
  bot.on('respawn', stop);
  bot.on('login', stop);
  if (bot.supportFeature('hasConfigurationState')) bot._client.on('start_configuration', stop);
}

module.exports = inject;
