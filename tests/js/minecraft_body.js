'use strict';
// The body on the embedded server, with a mineflayer bot: hunger, healing, damage of all kinds, armour, beds, death.

const { Vec3 } = require('vec3');
const { until, check, same, main, flat } = require('./minecraft_harness');

let server;
let bot;
let home;

const setUp = () => flat((made) => ({ server, bot, home } = made));

const id = (name) => bot.registry.itemsByName[name].id;
const count = (name) => bot.inventory.count(id(name));
const state = () => server.ask('state');
const block = (x, y, z, name, properties) => server.ask('block', { x, y, z, name, properties });
const fresh = async (life = {}) => {
  await server.ask('clear');
  await server.ask('life', { health: 20, food: 20, saturation: 5, air: 300, fire: 0, ...life });
  await server.ask('teleport', { x: home.x + 0.5, y: home.y, z: home.z + 0.5, yaw: 0, pitch: 0 });
  await until(() => bot.entity.onGround && bot.entity.position.distanceTo(home.offset(0.5, 0, 0.5)) < 0.3, 'home');
  await until(async () => (await state()).onGround, 'on the ground');
};
const hurtBy = async (cause) => {
  const { ticks } = await server.ask('time');
  return until(async () => {
    const { lastDamage } = await state();
    return lastDamage && lastDamage.tick > ticks - 20 && lastDamage.cause === cause && lastDamage;
  }, `damage by ${cause}`);
};

const CHECKS = {
  'eating takes time, fills and uses up': async () => {
    await fresh({ food: 10 });
    await server.ask('give', { item: 'bread', count: 2 });
    await until(() => count('bread') === 2 && bot.food === 10, 'bread and hunger');
    await bot.equip(id('bread'), 'hand');
    const { ticks } = await server.ask('time');
    bot.activateItem();
    await until(() => bot.food === 15 && count('bread') === 1, 'eaten');
    check((await server.ask('time')).ticks - ticks >= 30, 'eaten too fast');
  },
  'a full stomach heals, an empty one starves to half a heart': async () => {
    await fresh({ health: 10, food: 20, saturation: 20 });
    await until(() => bot.health >= 14, 'healed');
    await fresh({ health: 3, food: 0, saturation: 0 });
    await hurtBy('starve');
    await until(() => bot.health <= 1, 'down to one');
    const { ticks } = await server.ask('time');
    await until(async () => (await server.ask('time')).ticks > ticks + 200, 'ten seconds');
    check(bot.health > 0, 'died of hunger at normal difficulty');
  },
  'running and jumping make hungry': async () => {
    await fresh({ saturation: 0 });
    bot.setControlState('forward', true);
    bot.setControlState('sprint', true);
    bot.setControlState('jump', true);
    await until(() => bot.food <= 18, 'hungry');
    bot.clearControlStates();
  },
  'a fall hurts by its height; water breaks it': async () => {
    await fresh();
    await server.ask('teleport', { x: home.x + 0.5, y: home.y + 10, z: home.z + 0.5 });
    const fall = await hurtBy('fall');
    same(fall.amount, 7, 'half hearts of ten blocks');
    await fresh();
    for (const [dx, dz] of [[0, 0], [1, 0], [0, 1], [1, 1]])
      await block(home.x + dx, home.y - 1, home.z + dz, 'water');
    const before = (await state()).lastDamage.tick;
    await server.ask('teleport', { x: home.x + 1, y: home.y + 10, z: home.z + 1 });
    await until(() => bot.entity.isInWater, 'in the water');
    same((await state()).lastDamage.tick, before, 'tick of the last damage');
    for (const [dx, dz] of [[0, 0], [1, 0], [0, 1], [1, 1]])
      await block(home.x + dx, home.y - 1, home.z + dz, 'grass_block');
  },
  'lava burns, and fire goes on until water': async () => {
    await fresh();
    await block(home.x, home.y - 1, home.z + 2, 'lava');
    await server.ask('teleport', { x: home.x + 0.5, y: home.y - 0.9, z: home.z + 2.5 });
    const lava = await hurtBy('lava');
    same(lava.amount, 4, 'half hearts');
    await block(home.x, home.y - 1, home.z + 2, 'grass_block');
    await server.ask('life', { health: 20 });
    await server.ask('teleport', { x: home.x + 0.5, y: home.y, z: home.z + 0.5 });
    await hurtBy('on_fire');
    await block(home.x, home.y, home.z, 'water');
    await until(async () => (await state()).fire === 0, 'out');
    await block(home.x, home.y, home.z, 'air');
  },
  'under water the air goes, then life': async () => {
    await fresh({ air: 40 });
    for (let dy = 0; dy < 3; dy++) await block(home.x, home.y + dy, home.z, 'water');
    await hurtBy('drown');
    for (let dy = 2; dy >= 0; dy--) await block(home.x, home.y + dy, home.z, 'air');
    await until(async () => (await state()).air === 300, 'breath comes back');
  },
  'armour softens blows and wears': async () => {
    await fresh();
    await server.ask('equip', { slot: 'chest', item: 'iron_chestplate' });
    await server.ask('equip', { slot: 'legs', item: 'iron_leggings' });
    same((await state()).armour, 11, 'points');
    const { ids: [mob] } = await server.ask('summon',
      { kind: 'zombie', x: home.x + 1.5, y: home.y, z: home.z + 0.5, fields: { kept: true } });
    await server.ask('time', { set: 18000 });
    const blow = await hurtBy('mob_attack');
    check(blow.amount < 3 && blow.amount > 1, `a blow of ${blow.amount}`);
    await server.ask('kill', { id: mob });
    await server.ask('time', { set: 1000 });
    const { slots } = await server.ask('inventory');
    check(slots[6][2] >= 1, 'no wear');
  },
  'what is put on by the use key is worn': async () => {
    await fresh();
    await server.ask('give', { item: 'iron_helmet' });
    await until(() => count('iron_helmet') === 1, 'helmet');
    await bot.equip(id('iron_helmet'), 'hand');
    bot.activateItem();
    await until(async () => (await state()).armour === 2, 'worn');
    await bot.unequip('head');
    await until(async () => (await state()).armour === 0, 'taken off');
  },
  'a bed skips the night and is where one wakes': async () => {
    await fresh();
    await server.ask('give', { item: 'red_bed' });
    await until(() => count('red_bed') === 1, 'a bed');
    await bot.equip(id('red_bed'), 'hand');
    await bot.look(Math.PI, 0, true);
    await bot.placeBlock(bot.blockAt(home.offset(1, -1, 1)), new Vec3(0, 1, 0));
    await until(() => bot.blockAt(home.offset(1, 0, 1)).name === 'red_bed' && count('red_bed') === 0,
      'the bed stands');
    await server.ask('time', { set: 14000 });
    await until(() => bot.time.timeOfDay >= 14000, 'night');
    await bot.sleep(bot.blockAt(home.offset(1, 0, 1)));
    check((await state()).sleeping, 'not asleep');
    await until(async () => !(await state()).sleeping, 'woke up');
    check((await server.ask('time')).time < 1000, 'no morning');
    check(!bot.isSleeping, 'the bot thinks that it sleeps');
  },
  'death drops all that was carried, and one wakes at the bed': async () => {
    await fresh();
    await server.ask('give', { item: 'diamond', count: 3 });
    await server.ask('life', { xp: 30 });
    const died = new Promise((resolve) => bot.once('death', resolve));
    await server.ask('life', { health: 0 });
    await died;
    await until(async () => !(await state()).dead && bot.health === 20, 'alive again');
    const place = await state();
    check(Math.hypot(place.x - home.x - 1, place.z - home.z - 2) < 5, 'not at the bed');
    await until(async () => {
      const drop = bot.nearestEntity((e) => e.name === 'item');
      if (drop) {
        await bot.lookAt(drop.position, true);
        bot.setControlState('forward', true);
      }
      return count('diamond') === 3;
    }, 'the diamonds again');
    bot.clearControlStates();
    await block(home.x + 1, home.y, home.z + 1, 'air');
  },
  'ores give experience, and a level shows': async () => {
    await fresh({ xp: 0 });
    await server.ask('equip', { slot: 'mainhand', item: 'diamond_pickaxe' });
    await until(() => bot.heldItem && bot.heldItem.name === 'diamond_pickaxe', 'a pickaxe');
    for (let n = 0; n < 3 && !bot.experience.points; n++) {
      await block(home.x, home.y, home.z + 1, 'diamond_ore');
      await until(() => bot.blockAt(home.offset(0, 0, 1)).name === 'diamond_ore', 'ore');
      await bot.dig(bot.blockAt(home.offset(0, 0, 1)), true);
      await until(async () => {
        const drop = bot.nearestEntity((e) => e.name === 'item');
        bot.setControlState('forward', !!drop && drop.position.distanceTo(bot.entity.position) > 0.8);
        if (drop) await bot.lookAt(drop.position, true);
        return count('diamond') === n + 1;
      }, 'diamond');
      bot.clearControlStates();
      await until(() => bot.experience.points > 0, 'experience');
    }
    await server.ask('life', { xp: 1000 });
    await until(() => bot.experience.level === 26, 'level 26 at 1000 points');
  },
  'weather and time reach the client': async () => {
    await server.ask('weather', { set: 'rain' });
    await until(() => bot.isRaining, 'rain');
    await server.ask('weather', { set: 'clear' });
    await until(() => !bot.isRaining, 'sun');
    await server.ask('time', { set: 18000 });
    await until(() => !bot.time.isDay, 'night');
    await server.ask('time', { set: 1000 });
  },
  'the light that the client has is the server\'s': async () => {
    await fresh();
    const p = home.offset(3, 0, 3);
    // mineflayer mixes up the bytes of a row of light: what belongs to x lies at x ^ 14 of its column.
    const glow = (at) => bot.world.getBlockLight(new Vec3((at.x & ~15) | ((at.x & 15) ^ 14), at.y, at.z));
    await block(p.x, p.y, p.z, 'torch');
    await until(() => [0, 1, 2, 5].every((d) => glow(p.offset(d, 0, 0)) === 14 - d), 'torch light at the client');
    await block(p.x, p.y, p.z, 'air');
    await until(() => glow(p.offset(1, 0, 0)) === 0, 'dark again');
    const cell = bot.blockAt(new Vec3(home.x, home.y, home.z));
    same(cell.skyLight, 15, 'sky light');
  },
};

main(CHECKS, setUp);
