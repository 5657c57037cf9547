'use strict';
// Hands and windows on the embedded server, with a mineflayer bot: crafting, clicks, digging, placing, containers.

const { Vec3 } = require('vec3');
const { Server, connect, until, check, same, main } = require('./minecraft_harness');

let server;
let bot;
let home;
let wasAt;

/** A server and a bot on it; gives what ends them. */
async function setUp() {
  server = await Server.start({ kind: 'flat', mobs: false, seed: 5 });
  bot = await connect(server);
  home = bot.entity.position.floored();
  wasAt = new Vec3(home.x + 0.5, home.y, home.z + 0.5);
  return () => {
    bot.end();
    return server.stop();
  };
}

const id = (name) => bot.registry.itemsByName[name].id;
const count = (name) => bot.inventory.count(id(name));
const at = (dx, dy, dz) => bot.entity.position.floored().offset(dx, dy, dz);

/** The server's and the client's inventories are the same. */
const synced = () => until(async () => {
  const { slots } = await server.ask('inventory');
  const mine = bot.inventory.slots.slice(0, 46).map((s) => (s ? `${s.name} ${s.count}` : ''));
  return slots.every((s, i) => i === 0 || (s ? `${s[0]} ${s[1]}` : '') === (mine[i] || ''));
}, 'server and client hold the same');
const fresh = async (...items) => {
  await server.ask('clear');
  for (const [item, n = 1] of items) await server.ask('give', { item, count: n });
  await synced();
};
const put = async (name, x, y, z, properties) => {
  await server.ask('block', { x, y, z, name, properties });
  return until(() => {
    const block = bot.blockAt(new Vec3(x, y, z));
    return block && block.name === name && block;
  }, `${name} is seen`);
};
const craft = async (name, n, table = null) => {
  const recipe = bot.recipesFor(id(name), null, 1, table)[0];
  check(recipe, `no recipe for ${name}`);
  await bot.craft(recipe, n, table);
  await synced();
};
const click = (slot, mouseButton, mode) => bot._client.write('window_click', {
  windowId: (bot.currentWindow || bot.inventory).id, stateId: -1, slot, mouseButton, mode, changedSlots: [],
    cursorItem: { itemCount: 0 } });
/** Level ground again, the bot in the middle of it. */
const back = async () => {
  const [x0, y0, z0, w] = [home.x - 4, home.y - 1, home.z - 4, 9];
  const { palette, blocks } = await server.ask('blocks', { box: [x0, y0, z0, x0 + w, y0 + 4, z0 + w] });
  for (let i = 0; i < blocks.length; i++) {
    const [x, y, z] = [x0 + (i % w), y0 + Math.floor(i / w / w), z0 + (Math.floor(i / w) % w)];
    const name = y === y0 ? 'grass_block' : 'air';
    if (palette[blocks[i]] !== name) await server.ask('block', { x, y, z, name });
  }
  await server.ask('teleport', { x: wasAt.x, y: wasAt.y, z: wasAt.z, yaw: 0, pitch: 0 });
  await until(() => bot.entity.position.distanceTo(wasAt) < 0.6 && bot.entity.onGround, 'back on the spot');
};
/** Walks onto what lies about until the condition holds. */
const fetch = async (condition, what) => {
  await until(async () => {
    const drop = bot.nearestEntity((e) => e.name === 'item');
    if (drop && drop.position.distanceTo(bot.entity.position) > 0.8) {
      await bot.lookAt(drop.position, true);
      bot.setControlState('forward', true);
    } else bot.setControlState('forward', false);
    return condition();
  }, what);
  bot.clearControlStates();
};
const dig = async (block) => {
  const start = Date.now();
  await bot.dig(block, true);
  return Date.now() - start;
};

const CHECKS = {
  'logs to planks to sticks to a table, in the 2x2 grid': async () => {
    await fresh(['oak_log', 4]);
    await craft('oak_planks', 4);
    await craft('stick', 1);
    await craft('crafting_table', 1);
    same([count('oak_planks'), count('stick'), count('crafting_table')], [10, 4, 1], 'planks, sticks, tables');
  },
  'a pickaxe in the 3x3 grid of a placed table': async () => {
    await fresh(['crafting_table'], ['oak_planks', 3], ['stick', 2]);
    await bot.equip(id('crafting_table'), 'hand');
    await bot.placeBlock(bot.blockAt(at(1, -1, 0)), new Vec3(0, 1, 0));
    const table = await until(() => bot.blockAt(at(1, 0, 0)).name === 'crafting_table' && bot.blockAt(at(1, 0, 0)),
      'the table stands');
    await craft('wooden_pickaxe', 1, table);
    same([count('wooden_pickaxe'), count('oak_planks'), count('stick'), count('crafting_table')], [1, 0, 0, 0],
      'after crafting');
  },
  'planks of several woods make a table; a wrong pattern makes nothing': async () => {
    await fresh();
    for (const [slot, item] of [[1, 'oak_planks'], [2, 'birch_planks'], [3, 'spruce_planks'], [4, 'oak_planks']])
      await server.ask('give', { item, slot });
    click(1, 0, 0); // any click makes the server look at the grid
    click(1, 0, 0);
    await until(() => bot.inventory.slots[0] && bot.inventory.slots[0].name === 'crafting_table',
      'a table as the result');
    await server.ask('give', { item: 'dirt', slot: 4 });
    click(1, 0, 0);
    click(1, 0, 0);
    await until(() => !bot.inventory.slots[0], 'no result');
  },
  'shift-click on the result crafts all there is': async () => {
    await fresh();
    await server.ask('give', { item: 'oak_log', count: 5, slot: 1 });
    click(1, 0, 0);
    click(1, 0, 0);
    click(0, 0, 1);
    await until(() => count('oak_planks') === 20, '20 planks');
    await synced();
  },
  'number keys, drags and double clicks move true stacks': async () => {
    await fresh(['cobblestone', 9]);
    click(36, 3, 2);
    await until(() => bot.inventory.slots[39] && bot.inventory.slots[39].count === 9,
      'swapped to the fourth hotbar slot');
    click(39, 0, 0);
    click(-999, 0, 5);
    for (const slot of [9, 10, 11]) click(slot, 1, 5);
    click(-999, 2, 5);
    await until(() => [9, 10, 11].every((i) => bot.inventory.slots[i] && bot.inventory.slots[i].count === 3),
      'three to each slot');
    click(9, 0, 0);
    click(9, 0, 6);
    click(12, 0, 0);
    await until(() => bot.inventory.slots[12] && bot.inventory.slots[12].count === 9, 'gathered again');
    await synced();
  },
  'stone: nothing by hand, cobblestone and wear with a pickaxe, in the right time': async () => {
    await back();
    await fresh();
    const p = at(2, 0, 1);
    const byHand = await dig(await put('stone', p.x, p.y, p.z));
    await until(async () => (await server.ask('block', { x: p.x, y: p.y, z: p.z })).name === 'air', 'broken by hand');
    check((await server.ask('memory')).drops === 0, 'a bare hand got a drop');
    await fresh(['wooden_pickaxe']);
    await bot.equip(id('wooden_pickaxe'), 'hand');
    const q = at(1, 0, 1);
    const byTool = await dig(await put('stone', q.x, q.y, q.z));
    await fetch(() => count('cobblestone') === 1, 'cobblestone picked up');
    check(byHand > 7000 && byTool > 1000, `times ${byHand} and ${byTool} ms`);
    const { slots } = await server.ask('inventory');
    same(slots.find((s) => s && s[0] === 'wooden_pickaxe')[2], 1, 'wear');
    return { byHand, byTool };
  },
  'iron ore needs a stone pickaxe; a worn-out tool breaks': async () => {
    await back();
    await fresh(['wooden_pickaxe']);
    await bot.equip(id('wooden_pickaxe'), 'hand');
    const p = at(1, 0, 1);
    await dig(await put('iron_ore', p.x, p.y, p.z));
    check(!count('raw_iron'), 'raw iron with a wooden pickaxe');
    await fresh();
    await server.ask('equip', { slot: 'mainhand', item: 'stone_pickaxe', damage: 130 });
    await synced();
    await dig(await put('iron_ore', p.x, p.y, p.z));
    await fetch(() => count('raw_iron') === 1, 'raw iron');
    await until(() => count('stone_pickaxe') === 0, 'the pickaxe broke');
    await synced();
  },
  'ores and metal break in a pickaxe\'s time, not in a hand\'s': async () => {
    await back();
    await fresh();
    await server.ask('equip', { slot: 'mainhand', item: 'iron_pickaxe' });
    await synced();
    for (const name of ['iron_ore', 'diamond_ore', 'redstone_ore', 'gold_ore']) { // hardness 3, speed 6: 15 ticks
      const p = at(1, 0, 1);
      await put(name, p.x, p.y, p.z);
      const tell = (status) => bot._client.write('block_dig', { status, location: p, face: 1, sequence: 0 });
      const { ticks } = await server.ask('time');
      tell(0);
      await until(async () => (await server.ask('time')).ticks > ticks + 15, 'the time of a pickaxe');
      tell(2);
      await until(async () => (await server.ask('time')).ticks > ticks + 20, 'the answer');
      same((await server.ask('block', { x: p.x, y: p.y, z: p.z })).name, 'air', name);
    }
  },
  'a dig that is too fast is refused': async () => {
    await back();
    await fresh();
    const p = at(1, 0, 1);
    await put('obsidian', p.x, p.y, p.z);
    for (const status of [0, 2]) bot._client.write('block_dig', { status, location: p, face: 1, sequence: 0 });
    const { ticks } = await server.ask('time');
    await until(async () => (await server.ask('time')).ticks > ticks + 100, 'five seconds');
    same((await server.ask('block', { x: p.x, y: p.y, z: p.z })).name, 'obsidian', 'the block');
    await server.ask('block', { x: p.x, y: p.y, z: p.z, name: 'air' });
  },
  'what is out of reach cannot be dug': async () => {
    await back();
    const p = at(9, -1, 0);
    bot._client.write('block_dig', { status: 0, location: p, face: 1, sequence: 0 });
    const { ticks } = await server.ask('time');
    await until(async () => (await server.ask('time')).ticks > ticks + 40, 'two seconds');
    bot._client.write('block_dig', { status: 2, location: p, face: 1, sequence: 0 });
    await until(async () => (await server.ask('time')).ticks > ticks + 50, 'a little later');
    same((await server.ask('block', { x: p.x, y: p.y, z: p.z })).name, 'grass_block', 'the block');
  },
  'a furnace smelts with fuel, glows and gives experience': async () => {
    await back();
    await fresh(['raw_iron', 3], ['coal', 2]);
    check((await server.ask('memory')).mobs === 0, 'mobs in a world without');
    const p = at(1, 0, 0);
    const block = await put('furnace', p.x, p.y, p.z);
    const before = (await server.ask('state')).xp;
    const furnace = await bot.openFurnace(block);
    await furnace.putFuel(id('coal'), null, 1);
    await furnace.putInput(id('raw_iron'), null, 3);
    await until(() => furnace.inputItem() && furnace.fuel > 0, 'it burns');
    const start = Date.now();
    await until(() => furnace.outputItem() && furnace.outputItem().count === 3, 'three ingots');
    const took = Date.now() - start;
    same((await server.ask('block', { x: p.x, y: p.y, z: p.z })).properties.lit, 'true', 'lit');
    await furnace.takeOutput();
    furnace.close();
    await until(() => count('iron_ingot') === 3 && count('coal') === 1, 'ingots taken');
    await until(async () => (await server.ask('state')).xp > before, 'experience');
    check(took > 25000 && took < 40000, `three ingots took ${took} ms`);
    await synced();
  },
  'a chest keeps what is put in and spills it when broken': async () => {
    await back();
    await fresh(['dirt', 20], ['apple', 3]);
    const p = at(1, 0, 1);
    const block = await put('chest', p.x, p.y, p.z);
    let chest = await bot.openContainer(block);
    await chest.deposit(id('dirt'), null, 12);
    await chest.deposit(id('apple'), null, 3);
    chest.close();
    await until(() => count('dirt') === 8 && count('apple') === 0, 'deposited');
    await synced();
    chest = await bot.openContainer(block);
    same(chest.containerItems().map((i) => [i.name, i.count]), [['dirt', 12], ['apple', 3]], 'in the chest');
    await chest.withdraw(id('dirt'), null, 5);
    chest.close();
    await until(() => count('dirt') === 13, 'withdrawn');
    await synced();
    await dig(block);
    await fetch(() => count('dirt') === 20 && count('apple') === 3 && count('chest') === 1,
      'picked up what fell out');
    await synced();
  },
  'thrown items lie a while and are picked up again': async () => {
    await back();
    await fresh(['dirt', 5]);
    await bot.look(0, -Math.PI / 2 + 0.1, true);
    await bot.toss(id('dirt'), null, 5);
    check(count('dirt') === 0, 'still there');
    await fetch(() => count('dirt') === 5, 'picked up again');
    await synced();
  },
  'torches need a wall or ground; a door has two halves that open together': async () => {
    await back();
    await fresh(['torch', 2], ['oak_door']);
    const p = at(2, 0, 0);
    await put('stone', p.x, p.y, p.z);
    await bot.equip(id('torch'), 'hand');
    await bot.placeBlock(bot.blockAt(p), new Vec3(-1, 0, 0));
    await until(() => bot.blockAt(at(1, 0, 0)).name === 'wall_torch', 'a wall torch');
    await server.ask('block', { x: p.x, y: p.y, z: p.z, name: 'air' });
    await until(() => bot.blockAt(at(1, 0, 0)).name === 'air', 'it fell off');
    await bot.equip(id('oak_door'), 'hand');
    await bot.placeBlock(bot.blockAt(at(0, -1, 2)), new Vec3(0, 1, 0));
    const door = await until(() => bot.blockAt(at(0, 1, 2)).name === 'oak_door' && bot.blockAt(at(0, 0, 2)),
      'the door stands');
    await bot.activateBlock(door);
    await until(() => [0, 1].every((dy) => String(bot.blockAt(at(0, dy, 2)).getProperties().open) === 'true'),
      'both halves open');
    await dig(bot.blockAt(at(0, 1, 2)));
    await until(() => bot.blockAt(at(0, 0, 2)).name === 'air' && bot.blockAt(at(0, 1, 2)).name === 'air',
      'both halves gone');
  },
  'a hoe makes fields, seeds grow with bone meal, ripe wheat gives wheat': async () => {
    await back();
    await fresh(['wooden_hoe'], ['wheat_seeds'], ['bone_meal', 16]);
    const ground = bot.blockAt(at(1, -1, 0));
    await bot.equip(id('wooden_hoe'), 'hand');
    await bot.activateBlock(ground);
    await until(() => bot.blockAt(ground.position).name === 'farmland', 'farmland');
    await bot.equip(id('wheat_seeds'), 'hand');
    await bot.placeBlock(bot.blockAt(ground.position), new Vec3(0, 1, 0));
    const crop = ground.position.offset(0, 1, 0);
    await bot.equip(id('bone_meal'), 'hand');
    await until(async () => {
      if (String(bot.blockAt(crop).getProperties().age) === '7') return true;
      await bot.activateBlock(bot.blockAt(crop));
      return false;
    }, 'ripe');
    await dig(bot.blockAt(crop));
    await fetch(() => count('wheat') === 1 && count('wheat_seeds') > 0, 'wheat and seeds');
  },
  'a bucket takes up a source and pours it out; poured water flows': async () => {
    await back();
    await fresh(['bucket']);
    const p = at(0, -1, 2);
    await put('water', p.x, p.y, p.z);
    await bot.equip(id('bucket'), 'hand');
    await bot.lookAt(p.offset(0.5, 1, 0.5), true);
    bot.activateItem();
    await until(() => count('water_bucket') === 1 && bot.blockAt(p).name === 'air', 'filled');
    await server.ask('block', { x: p.x, y: p.y, z: p.z, name: 'grass_block' });
    await until(() => bot.blockAt(p).name === 'grass_block', 'ground again');
    bot.activateItem();
    await until(() => bot.blockAt(p.offset(0, 1, 0)).name === 'water' && count('bucket') === 1, 'poured');
    await until(() => bot.blockAt(p.offset(0, 1, 3)).name === 'water', 'it flows');
    await server.ask('block', { x: p.x, y: p.y + 1, z: p.z, name: 'air' });
    await until(() => bot.blockAt(p.offset(0, 1, 3)).name === 'air', 'it dries up');
  },
  'from bare hands to an iron pickaxe': async () => {
    await back();
    await fresh();
    const spot = at(0, 0, 1);
    const get = async (name, drop, n) => {
      const tool = ['stone_pickaxe', 'wooden_pickaxe'].map((n) =>
        bot.inventory.items().find((i) => i.name === n)).find(Boolean);
      if (tool && name !== 'oak_log') await bot.equip(tool.type, 'hand');
      for (let k = 0; k < n; k++) {
        const had = count(drop);
        await bot.dig(await put(name, spot.x, spot.y, spot.z), true);
        await fetch(() => count(drop) > had, drop);
        await server.ask('teleport', { x: wasAt.x, y: wasAt.y, z: wasAt.z, yaw: 0, pitch: 0 });
        await until(() => bot.entity.position.distanceTo(wasAt) < 0.6, 'back on the spot');
      }
      await synced();
    };
    const place = async (name, dx, dz) => {
      await bot.equip(id(name), 'hand');
      await bot.placeBlock(bot.blockAt(at(dx, -1, dz)), new Vec3(0, 1, 0));
      return until(() => bot.blockAt(at(dx, 0, dz)).name === name && bot.blockAt(at(dx, 0, dz)), `${name} stands`);
    };
    await get('oak_log', 'oak_log', 4);
    await craft('oak_planks', 4);
    await craft('stick', 2);
    await craft('crafting_table', 1);
    const table = await place('crafting_table', 2, 0);
    await craft('wooden_pickaxe', 1, table);
    await get('stone', 'cobblestone', 11);
    await craft('stone_pickaxe', 1, table);
    await get('coal_ore', 'coal', 1);
    await get('iron_ore', 'raw_iron', 3);
    await craft('furnace', 1, table);
    const furnace = await bot.openFurnace(await place('furnace', -2, 0));
    await furnace.putFuel(id('coal'), null, 1);
    await furnace.putInput(id('raw_iron'), null, 3);
    await until(() => furnace.outputItem() && furnace.outputItem().count === 3, 'three ingots');
    await furnace.takeOutput();
    furnace.close();
    await until(() => count('iron_ingot') === 3, 'ingots');
    await craft('iron_pickaxe', 1, table);
    same(count('iron_pickaxe'), 1, 'iron pickaxes');
  },
};

main(CHECKS, setUp);
