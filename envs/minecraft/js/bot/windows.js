'use strict';
// The inventory and the windows of tables and furnaces, clicked as a player clicks: pick up, put one down, put back.
// Slots of the contract: 0 the main hand's, 1 to 8 the hotbar, 9 to 35 the rest; those of a window are the protocol's.

const NEAR = 4.5; // blocks along each axis from the eye to a table's or furnace's middle
const HAND = 36;
const RESULT = 0;
const OUTSIDE = -999;
const INPUT = 0;
const FUEL = 1;
const OUTPUT = 2;
const SMELT_TICKS = 200;
const SPARE = 80; // ticks of patience beside
const ANSWER = 20; // ticks for a server to answer a click or to open a window
const BLOW = 4; // half hearts lost that end a wait at a furnace

const LEAST = 300; // ms
const POLL = 1;
const BETWEEN = 60; // ms between two clicks on a server with a clock of its own
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

/** The player's window slot of a slot of the contract. */
function windowSlot(slot) {
  return slot < 9 ? HAND + slot : slot;
}

/**
 * Waits until a condition holds, so many ticks of the game at most, but a third of a second of a busy machine at least.
 * Returns whether it does.
 */
async function until(bot, holds, ticks) {
  const end = performance.now() + Math.max(ticks * 50, LEAST * (Number(process.env.WARP) || 1));
  while (!holds()) {
    if (performance.now() > end || bot._client.ended) return false;
    await sleep(POLL);
  }
  return true;
}

/**
 * One click; older servers confirm each one, newer ones only say what differs from what we believe. Those tell a client
 * everything anew that clicks before it has heard their last word, so that it clicks no faster than they tick.
 */
async function click(bot, slot, button = 0, mode = 0) {
  const clicked = bot.clickWindow(slot, button, mode).catch(() => {});
  if (bot.supportFeature('transactionPacketExists')) await clicked;
  else if (bot.ticksAlone) await sleep(BETWEEN);
}

/** Exchanges two slots of the player's window, one of them the hand's. */
async function swap(bot, slot, hand) {
  await click(bot, slot, hand - HAND, 2);
}

function close(bot) {
  const window = bot.currentWindow;
  if (window) bot.closeWindow(window);
}

// -- places in a window -----------------------------------------------------------------------------------------------

/** The window's slots of the player's own 36, in the contract's order: hotbar first. */
function ownSlots(window) {
  const slots = [];
  for (let slot = window.inventoryEnd - 9; slot < window.inventoryEnd; slot++) slots.push(slot);
  for (let slot = window.inventoryStart; slot < window.inventoryEnd - 9; slot++) slots.push(slot);
  return slots;
}

/** Puts what the cursor holds on stacks of its kind, then into empty slots; what finds no room is dropped. */
async function putAway(bot, window) {
  for (let tries = 0; window.selectedItem && tries < 40; tries++) {
    const item = window.selectedItem;
    const own = ownSlots(window);
    const same = own.find((slot) => {
      const there = window.slots[slot];
      return there && item.stackSize > 1 && there.type === item.type && there.metadata === item.metadata
        && there.count < there.stackSize;
    });
    const free = own.find((slot) => !window.slots[slot]);
    const to = same === undefined ? free : same;
    await click(bot, to === undefined ? OUTSIDE : to);
  }
}

/** Moves so many single items out of a slot into other slots, one each. */
async function deal(bot, window, from, cells) {
  await click(bot, from);
  for (const cell of cells) await click(bot, cell, 1);
  if (window.selectedItem) await click(bot, from);
}

/** Opens the nearest block of these names and waits for its window. */
async function open(hands, names) {
  const { bot } = hands;
  const eye = hands.eye();
  const ids = names.map((name) => bot.registry.blocksByName[name]).filter(Boolean).map((block) => block.id);
  const places = bot.findBlocks({ matching: ids, maxDistance: 8, count: 8, point: eye });
  const near = places.filter((place) => {
    const way = place.offset(0.5, 0.5, 0.5).minus(eye);
    return Math.max(Math.abs(way.x), Math.abs(way.y), Math.abs(way.z)) <= NEAR;
  });
  if (!near.length) return null;
  near.sort((a, b) => a.distanceTo(eye) - b.distanceTo(eye));
  if (bot.getControlState('sneak')) bot.setControlState('sneak', false);
  let opened = null;
  const seen = (window) => {
    opened = window;
  };
  bot.once('windowOpen', seen);
  hands.useOn({ block: bot.blockAt(near[0]), face: 1, cursor: [0.5, 1, 0.5] });
  await until(bot, () => opened, ANSWER);
  bot.removeListener('windowOpen', seen);
  return opened;
}

// -- crafting ---------------------------------------------------------------------------------------------------------

const idOf = (cell) => {
  const id = cell === null || cell === undefined ? -1 : typeof cell === 'object' ? cell.id : cell;
  return id === null || id === undefined ? -1 : id;
};

/** A recipe as {id, count, width, height, cells: [[row, column, item id]]}. */
function laidOut(recipe) {
  const cells = [];
  let width = 0;
  let height = 0;
  if (recipe.inShape) {
    recipe.inShape.forEach((row, y) => row.forEach((cell, x) => {
      if (idOf(cell) >= 0) cells.push([y, x, idOf(cell)]);
    }));
    width = Math.max(...recipe.inShape.map((row) => row.length));
    height = recipe.inShape.length;
  } else {
    const wide = recipe.ingredients.length > 4 ? 3 : 2;
    recipe.ingredients.forEach((cell, i) => cells.push([Math.floor(i / wide), i % wide, idOf(cell)]));
    width = Math.min(wide, recipe.ingredients.length);
    height = Math.ceil(recipe.ingredients.length / wide);
  }
  const result = recipe.result;
  return { id: idOf(result), count: (result && result.count) || 1, metadata: result && result.metadata, width, height,
    cells };
}

/** All recipes of a result; those that differ only in kinds (woods, stones) are followed by one with a mixture. */
function recipesOf(bot, id) {
  const plain = (bot.registry.recipes[id] || []).map(laidOut);
  const groups = new Map();
  for (const recipe of plain) {
    const key = `${recipe.count}:${recipe.cells.map(([y, x]) => `${y},${x}`).join(';')}`;
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(recipe);
  }
  const single = plain.map((recipe) => ({ ...recipe, cells: recipe.cells.map(([y, x, item]) => [y, x, [item]]) }));
  const mixed = [...groups.values()].filter((group) => group.length > 1).map((group) => ({
    ...group[0],
    cells: group[0].cells.map(([y, x], i) => [y, x, [...new Set(group.map((recipe) => recipe.cells[i][2]))]]),
  }));
  return [...single, ...mixed];
}

/** Which slot gives each cell of a recipe, or null where something is missing. */
function sources(window, recipe) {
  const full = ownSlots(window).filter((slot) => window.slots[slot]);
  const left = new Map(full.map((slot) => [slot, window.slots[slot].count]));
  const plan = new Map();
  for (const [y, x, items] of recipe.cells) {
    const slot = [...left.keys()].find((each) => left.get(each) > 0 && items.includes(window.slots[each].type));
    if (slot === undefined) return null;
    left.set(slot, left.get(slot) - 1);
    if (!plan.has(slot)) plan.set(slot, []);
    plan.get(slot).push([y, x]);
  }
  return plan;
}

/**
 * Crafts once: act.results are the names of what may come of it, in order of preference.
 * @returns {{made: boolean, why: ?string, count: ?number, item: ?string}}
 */
async function craft(hands, act) {
  const { bot } = hands;
  const wanted = act.results.map((name) => bot.registry.itemsByName[name]).filter(Boolean);
  for (const item of wanted) {
    for (const recipe of recipesOf(bot, item.id)) {
      if (recipe.metadata !== undefined && recipe.metadata !== null && act.metadata !== undefined
        && recipe.metadata !== act.metadata) continue;
      if (!sources(bot.inventory, recipe)) continue;
      const large = recipe.width > 2 || recipe.height > 2;
      if (large && !act.table) continue;
      return make(hands, recipe, item, large);
    }
  }
  return { made: false, why: 'no recipe of this version for what is carried' };
}

async function make(hands, recipe, item, large) {
  const { bot } = hands;
  const window = large ? await open(hands, ['crafting_table']) : bot.inventory;
  if (!window) return { made: false, why: 'no table answered' };
  const side = large ? 3 : 2;
  const cell = ([y, x]) => 1 + y * side + x;
  try {
    const plan = sources(window, recipe);
    if (!plan) return { made: false, why: 'something is missing' };
    for (const [slot, cells] of plan) await deal(bot, window, slot, cells.map(cell));
    const offered = () => window.slots[RESULT] && window.slots[RESULT].type === item.id;
    if (!(await until(bot, offered, ANSWER))) {
      await clear(bot, window, recipe.cells.map(cell));
      return { made: false, why: 'the server offered nothing for it' };
    }
    const { count } = window.slots[RESULT];
    let answered = false;
    await click(bot, RESULT);
    for (const each of recipe.cells) window.updateSlot(cell(each), null);
    const heard = () => {
      answered = true;
    };
    window.once(`updateSlot:${RESULT}`, heard);
    await until(bot, () => answered, ANSWER);
    window.removeListener(`updateSlot:${RESULT}`, heard);
    await putAway(bot, window);
    await clear(bot, window, recipe.cells.map(cell)); // empty buckets and bowls stay in the grid
    return { made: true, item: item.name, count };
  } finally {
    if (large) close(bot);
  }
}

/** Takes what lies in these slots back. */
async function clear(bot, window, slots) {
  for (const slot of slots) {
    if (!window.slots[slot]) continue;
    await click(bot, slot);
    await putAway(bot, window);
  }
}

// -- smelting ---------------------------------------------------------------------------------------------------------

/**
 * Smelts one thing: act.inputs are names of what goes in, act.fuels [name, ticks] in order of preference.
 * @returns {{made: boolean, why: ?string, ticks: number}} after as many ticks as the fire takes
 */
async function smelt(hands, act) {
  const { bot } = hands;
  let left = 0;
  const bar = (packet) => {
    if (packet.property === 0) left = packet.value;
  };
  bot._client.on('craft_progress_bar', bar);
  const window = await open(hands, ['furnace', 'lit_furnace']);
  try {
    if (!window) return { made: false, why: 'no furnace answered', ticks: 0 };
    for (const slot of [OUTPUT, INPUT]) await clear(bot, window, [slot]);
    const from = ownSlots(window).find((slot) => window.slots[slot] && act.inputs.includes(window.slots[slot].name));
    if (from === undefined) return { made: false, why: 'something is missing', ticks: 0 };
    await deal(bot, window, from, [INPUT]);
    return await burn(hands, window, act.fuels, () => left);
  } finally {
    bot._client.removeListener('craft_progress_bar', bar);
    if (window) {
      await clear(bot, window, [OUTPUT, INPUT]);
      close(bot);
    }
  }
}

async function burn(hands, window, fuels, fire) {
  const { bot } = hands;
  const { health } = bot;
  for (let quiet = 0; quiet < 2; quiet++) await hands.wait(); // what is left of the fire is told
  let ticks = 0;
  let fed = -ANSWER;
  for (; ticks < SMELT_TICKS + SPARE && !window.slots[OUTPUT]; ticks++) {
    if (bot._client.ended || bot.currentWindow !== window) return { made: false, why: 'the window was closed', ticks };
    if (bot.health < health - BLOW || !bot.isAlive) return { made: false, why: 'hurt while waiting', ticks };
    if (!window.slots[FUEL] && fire() <= 1 && ticks - fed >= ANSWER / 2 && ticks < SMELT_TICKS) {
      if (!(await feed(bot, window, fuels))) return { made: false, why: 'no fuel', ticks };
      fed = ticks;
    }
    await hands.wait();
  }
  return { made: Boolean(window.slots[OUTPUT]), why: window.slots[OUTPUT] ? undefined : 'nothing came of it', ticks };
}

/** Puts as much fuel in as one smelting takes, of the first fuel at hand. */
async function feed(bot, window, fuels) {
  const ticks = new Map(fuels);
  const from = ownSlots(window).find((slot) => window.slots[slot] && ticks.has(window.slots[slot].name));
  if (from === undefined) return false;
  const item = window.slots[from];
  const wanted = Math.min(item.count, Math.max(1, Math.ceil(SMELT_TICKS / ticks.get(item.name))));
  await deal(bot, window, from, new Array(wanted).fill(FUEL));
  return true;
}

// -- single slots -----------------------------------------------------------------------------------------------------

/** act.slot to the hand, or to act.worn (a window slot of armour); what was there comes in exchange. */
async function equip(hands, act) {
  const { bot } = hands;
  const from = windowSlot(act.slot);
  if (!bot.inventory.slots[from]) return { done: false };
  if (!act.worn) {
    if (from !== HAND) await swap(bot, from, HAND);
    return { done: true };
  }
  const stack = bot.inventory.slots[from].count > 1;
  if (stack && bot.inventory.slots[act.worn]) return { done: false };
  await click(bot, from);
  await click(bot, act.worn, stack ? 1 : 0);
  if (bot.inventory.selectedItem) await click(bot, from);
  return { done: true };
}

/** One of what the hand holds. */
async function drop(hands) {
  const { bot } = hands;
  const item = bot.inventory.slots[HAND];
  if (!item) return { done: false };
  await click(bot, HAND, 0, 4);
  return { done: true };
}

/** All of a slot, thrown away: the protocol knows no way to destroy. */
async function toss(hands, act) {
  const slot = windowSlot(act.slot);
  if (!hands.bot.inventory.slots[slot]) return { done: false };
  await click(hands.bot, slot, 1, 4);
  return { done: true };
}

const DEEDS = { craft, smelt, equip, drop, toss };

module.exports = { DEEDS, windowSlot, swap, close, until, click };
