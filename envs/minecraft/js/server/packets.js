'use strict';
// What a client sends, by packet name: checked, then handed to the rules. A packet that makes no sense throws
// BadPacket; the game then ends that client and lives on.

const REACH = 6; // blocks to the middle of a block or entity, with tolerance for the way in between
const STEP = 20; // blocks that one move packet may go

class BadPacket extends Error {}

const finite = (...values) => values.every(Number.isFinite);
const place = ({ x, y, z }) => {
  if (!finite(x, y, z)) throw new BadPacket('a block position that is not a number');
  return { x, y, z };
};

function move(session, x, y, z, yaw, pitch, flags) {
  const { player } = session;
  if (!finite(x, y, z, yaw, pitch) || Math.abs(x) > 3e7 || Math.abs(z) > 3e7)
    throw new BadPacket('a place that is not a place');
  if (player.dead || session.confirmed !== session.teleport) return;
  const far = Math.hypot(x - player.x, y - player.y, z - player.z);
  if (far > STEP && player.gameMode === 0) {
    session.place(player.x, player.y, player.z, yaw, pitch);
    return;
  }
  player.yaw = yaw;
  player.pitch = Math.max(-90, Math.min(90, pitch));
  if (player.sleeping) return;
  player.moved(x, y, z, !!(flags && flags.onGround));
}

/** Distance from the player's eyes to the nearest point of a box. */
function distance(player, x0, y0, z0, x1, y1, z1) {
  const ey = player.y + player.eyeHeight;
  const dx = Math.max(x0 - player.x, 0, player.x - x1);
  const dy = Math.max(y0 - ey, 0, ey - y1);
  const dz = Math.max(z0 - player.z, 0, player.z - z1);
  return Math.hypot(dx, dy, dz);
}

function reaches(player, at) {
  return distance(player, at.x, at.y, at.z, at.x + 1, at.y + 1, at.z + 1) <= REACH;
}

function dig(session, { status, location, face, sequence }) {
  const { player, game } = session;
  if (player.dead) return;
  const at = place(location);
  if (status === 0) game.digging.start(player, at, face);
  else if (status === 1) game.digging.cancel(player);
  else if (status === 2) game.digging.finish(player, at);
  else if (status === 3 || status === 4) {
    const { stack } = player;
    if (!stack) return;
    const count = status === 3 ? stack.count : 1;
    game.drops.throwFrom(player, game.items.copy(stack, count));
    player.stack = stack.count > count ? game.items.copy(stack, stack.count - count) : null;
  } else if (status === 5) game.use.release(player);
  else if (status === 6) [player.stack, player.slots[45]] = [player.slots[45], player.stack];
  if (status < 3) session.send('acknowledge_player_digging', { sequenceId: sequence || 0 });
}

function useOnBlock(session, { hand, location, direction, cursorX, cursorY, cursorZ, sequence }) {
  const { player, game } = session;
  const at = place(location);
  if (player.dead || !(direction >= 0 && direction <= 5)) return;
  if (reaches(player, at) && player.gameMode !== 3) game.use.onBlock(player, at, direction,
    { x: cursorX, y: cursorY, z: cursorZ }, hand);
  session.send('acknowledge_player_digging', { sequenceId: sequence || 0 });
  for (const [dx, dy, dz] of [[0, 0, 0], ...game.use.faces]) { // the client may have guessed otherwise
    const cell = { x: at.x + dx, y: at.y + dy, z: at.z + dz };
    session.send('block_change', { location: cell, type: game.world.get(cell.x, cell.y, cell.z) });
  }
}

function useEntity(session, { target, mouse }) {
  const { player, game } = session;
  const entity = game.entity(target);
  if (!entity || player.dead || entity === player) return;
  const half = entity.width / 2;
  if (distance(player, entity.x - half, entity.y, entity.z - half, entity.x + half, entity.y + entity.height,
    entity.z + half) > REACH) return;
  if (mouse === 1) game.combat.strike(player, entity);
  else if (mouse === 0) game.use.onEntity(player, entity);
}

function click(session, packet) {
  const { player, game } = session;
  const { window } = player;
  const { slot, mouseButton, mode } = packet;
  if (player.dead) return;
  if (packet.windowId !== window.id) {
    session.resync();
    return;
  }
  if (!(mode >= 0 && mode <= 6) || !(slot === -999 || slot === -1 || (slot >= 0 && slot < window.views.length)))
    throw new BadPacket('a click on no slot');
  if (mode === 3) return;
  window.click({ slot, mouseButton, mode });
  if (packet.stateId === -1) {
    session.resync();
    return;
  }
  // What we told after the last word that the client had heard reaches it after this click: it will believe that.
  const heard = session.heard(packet.stateId);
  for (const { location, item } of packet.changedSlots) {
    if (location >= 0 && location < window.views.length) {
      const told = window.told[location];
      window.believed[location] = told.state > heard ? told.mark : game.items.mark(game.items.fromSlot(item));
    }
  }
  const { toldCursor } = window;
  const cursor = toldCursor.state > heard ? toldCursor.mark : game.items.mark(game.items.fromSlot(packet.cursorItem));
  if (cursor !== game.items.mark(player.cursor)) {
    session.resync();
    return;
  }
  window.cursor = cursor;
  // A click in a crafting grid is always answered with the result's slot: clients wait for it.
  const { grid } = window;
  if (grid && slot >= 0 && slot < grid.first + grid.width * grid.width) session.differ(window, 0, true);
  session.differing(window);
}

const handlers = {
  teleport_confirm(session, { teleportId }) {
    if (teleportId === session.teleport) session.confirmed = teleportId;
  },
  position: (session, { x, y, z, flags }) => move(session, x, y, z, session.player.yaw, session.player.pitch, flags),
  position_look: (session, { x, y, z, yaw, pitch, flags }) => move(session, x, y, z, yaw, pitch, flags),
  look({ player }, { yaw, pitch }) {
    if (!finite(yaw, pitch)) throw new BadPacket('a view that is not a number');
    player.yaw = yaw;
    player.pitch = Math.max(-90, Math.min(90, pitch));
  },
  flying: (session, { flags }) => move(session, session.player.x, session.player.y, session.player.z,
    session.player.yaw, session.player.pitch, flags),
  block_dig: dig,
  block_place: useOnBlock,
  use_item({ player, game }, { hand, sequence, rotation }) {
    if (player.dead) return;
    if (rotation && finite(rotation.x, rotation.y)) {
      player.yaw = rotation.x;
      player.pitch = rotation.y;
    }
    game.use.inAir(player, hand);
    player.session.send('acknowledge_player_digging', { sequenceId: sequence || 0 });
  },
  use_entity: useEntity,
  window_click: click,
  close_window(session) {
    session.closeWindow(false);
    session.resync();
  },
  held_item_slot({ player }, { slotId }) {
    if (!(slotId >= 0 && slotId < 9)) throw new BadPacket('no such hotbar slot');
    if (player.held !== slotId) {
      player.held = slotId;
      player.using = null;
      player.swungAt = player.game.ticks;
    }
  },
  entity_action({ player, game }, { actionId }) {
    if (actionId === 'start_sneaking' || actionId === 0) player.sneaking = true;
    else if (actionId === 'stop_sneaking' || actionId === 1) player.sneaking = false;
    else if (actionId === 'stop_sleeping' || actionId === 2) game.beds.wake(player);
    else if (actionId === 'start_sprinting' || actionId === 3) player.sprinting = player.food > 6;
    else if (actionId === 'stop_sprinting' || actionId === 4) player.sprinting = false;
  },
  player_input({ player }, { inputs }) {
    player.sneaking = !!(inputs && inputs.shift);
  },
  client_command(session, { actionId }) {
    if (actionId === 'perform_respawn' || actionId === 0) session.respawn();
  },
  arm_animation({ player, game }) {
    for (const other of game.players.values()) if (other !== player && other.session.shown.has(player.id))
      other.session.send('animation', { entityId: player.id, animation: 0 });
  },
  set_creative_slot({ player, game }, { slot, item }) {
    if (player.gameMode === 1 && slot > 0 && slot < 46) player.slots[slot] = game.items.fromSlot(item);
  },
  chat_message({ player, game }, { message }) {
    game.say(`<${player.name}> ${String(message).slice(0, 256)}`);
  },
};

module.exports = { handlers, BadPacket, reaches, distance };
