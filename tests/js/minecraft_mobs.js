'use strict';
// Mobs on the embedded server, seen and met by a mineflayer bot.

const { until, check, same, main, flat } = require('./minecraft_harness');

let server;
let bot;
let home;

const setUp = () => flat((made) => ({ server, bot, home } = made));

const id = (name) => bot.registry.itemsByName[name].id;
const count = (name) => bot.inventory.count(id(name));
const state = () => server.ask('state');
const mobs = (kind) => server.ask('mobs').then((list) => list.filter((m) => !kind || m.kind === kind));
const summon = async (kind, dx, dz, fields = {}) => {
  const { ids: [mob] } = await server.ask('summon', { kind, x: home.x + 0.5 + dx, y: home.y, z: home.z + 0.5 + dz,
    fields });
  await until(() => bot.entities[mob], `${kind} is seen`);
  return mob;
};
const fresh = async () => {
  for (const mob of await mobs()) await server.ask('kill', { id: mob.id });
  await server.ask('clear');
  await server.ask('time', { set: 6000 });
  await server.ask('life', { health: 20, food: 20, saturation: 5, fire: 0 });
  await server.ask('teleport', { x: home.x + 0.5, y: home.y, z: home.z + 0.5, yaw: 0, pitch: 0 });
  await until(() => bot.entity.onGround, 'on the ground');
};
const night = () => server.ask('time', { set: 18000 });
const one = async (mob) => (await mobs()).find((m) => m.id === mob);
const hold = async (item, n = 1) => {
  await server.ask('equip', { slot: 'mainhand', item, count: n });
  await until(() => bot.heldItem && bot.heldItem.name === item && bot.heldItem.count === n, item);
};
/** Walks onto drops of an item until enough of it is in the inventory. */
const fetch = async (item, n = 1) => {
  await until(async () => {
    const drop = bot.nearestEntity((e) => e.name === 'item');
    bot.setControlState('forward', !!drop && drop.position.distanceTo(bot.entity.position) > 0.8);
    if (drop) await bot.lookAt(drop.position, true);
    return count(item) >= n;
  }, item);
  bot.clearControlStates();
};
/** Keeps near a mob and hits it until it is dead. */
const slay = async (mob) => {
  await until(async () => {
    const entity = bot.entities[mob];
    if (!entity) return true;
    const far = entity.position.distanceTo(bot.entity.position);
    await bot.lookAt(entity.position.offset(0, 0.5, 0), true);
    bot.setControlState('forward', far > 2);
    bot.setControlState('sprint', far > 2);
    if (far < 3.5) bot.attack(entity);
    await new Promise((resolve) => setTimeout(resolve, 650));
    return !bot.entities[mob];
  }, 'it is dead');
  bot.clearControlStates();
};

const CHECKS = {
  'an animal runs when it is hit, dies and gives its loot and experience': async () => {
    await fresh();
    await hold('iron_sword');
    const cow = await summon('cow', 2, 0);
    const before = (await state()).xp;
    bot.attack(bot.entities[cow]);
    await until(async () => (await one(cow)).health < 10, 'hurt');
    const start = await one(cow);
    await until(async () => {
      const now = await one(cow);
      return Math.hypot(now.x - start.x, now.z - start.z) > 2;
    }, 'it runs');
    await slay(cow);
    await fetch('beef');
    await until(async () => (await state()).xp > before, 'experience');
  },
  'a zombie comes and hits; by day it burns': async () => {
    await fresh();
    await night();
    const zombie = await summon('zombie', 8, 0);
    await until(() => bot.health < 20, 'hit');
    same((await state()).lastDamage.by, 'zombie', 'who did it');
    await server.ask('time', { set: 6000 });
    await until(async () => !(await one(zombie)), 'burnt in the sun');
  },
  'a skeleton shoots arrows': async () => {
    await fresh();
    await night();
    await summon('skeleton', 9, 0);
    await until(async () => (await state()).lastDamage?.cause === 'arrow', 'an arrow hit');
  },
  'a creeper hisses and blows up': async () => {
    await fresh();
    await night();
    const creeper = await summon('creeper', 5, 0);
    await until(async () => !(await one(creeper)), 'gone');
    same((await state()).lastDamage.cause, 'explosion', 'cause');
    check((await server.ask('blocks', { box: [home.x - 6, home.y - 1, home.z - 6, home.x + 7, home.y,
      home.z + 7] })).palette.length > 1, 'no crater');
    for (let dx = -7; dx < 8; dx++) for (let dz = -7; dz < 8; dz++) for (let dy = -4; dy < 0; dy++)
      await server.ask('block', { x: home.x + dx, y: home.y + dy, z: home.z + dz, name: 'grass_block' });
  },
  'a spider is calm by day and bites by night': async () => {
    await fresh();
    const spider = await summon('spider', 4, 0);
    const { ticks } = await server.ask('time');
    await until(async () => (await server.ask('time')).ticks > ticks + 60, 'three seconds');
    same((await one(spider)).target, null, 'target by day');
    await night();
    await until(() => bot.health < 20, 'bitten');
  },
  'an enderman is angry when looked in the face': async () => {
    await fresh();
    const enderman = await summon('enderman', 0, 6);
    await bot.look(Math.PI / 2, 0, true);
    const entity = bot.entities[enderman];
    await until(async () => {
      await bot.lookAt(entity.position.offset(0, 2.46, 0), true);
      return (await one(enderman)).target;
    }, 'angry');
    await until(() => bot.health < 20, 'hit');
  },
  'a slime splits': async () => {
    await fresh();
    const slime = await summon('slime', 2, 0, { size: 2 });
    await server.ask('kill', { id: slime });
    await until(async () => (await mobs('slime')).length >= 2 && (await mobs('slime')).every((m) => m.size === 1),
      'small ones');
  },
  'two fed cows have a calf': async () => {
    await fresh();
    await hold('wheat', 8);
    const [a, b] = [await summon('cow', 2, 0), await summon('cow', 2, 1)];
    for (const cow of [a, b]) {
      await until(async () => {
        if ((await one(cow)).love) return true;
        await bot.activateEntity(bot.entities[cow]);
        return false;
      }, 'in love');
    }
    await until(async () => (await mobs('cow')).some((m) => m.baby), 'a calf');
  },
  'a sheep is shorn, a cow milked': async () => {
    await fresh();
    /** Uses the hand on a mob that stands still, until it has worked. */
    const useOn = async (mob, done, what) => {
      await until(async () => {
        if (await done()) return true;
        await bot.activateEntity(bot.entities[mob]);
        return false;
      }, what);
    };
    await hold('shears');
    const sheep = await summon('sheep', 1.5, 0, { sits: true });
    await useOn(sheep, async () => (await one(sheep)).shorn, 'shorn');
    await fetch('white_wool');
    await fresh();
    await hold('bucket');
    const cow = await summon('cow', 1.5, 0, { sits: true });
    await useOn(cow, () => count('milk_bucket') === 1, 'milk');
  },
  'an arrow of the player hits': async () => {
    await fresh();
    await hold('bow');
    await server.ask('give', { item: 'arrow', count: 8, slot: 9 });
    const zombie = await summon('zombie', 0, 8, { health: 20 });
    await until(async () => {
      const entity = bot.entities[zombie];
      if (!entity) return true;
      await bot.lookAt(entity.position.offset(0, 1.6, 0), true);
      bot.activateItem();
      const { ticks } = await server.ask('time');
      await until(async () => (await server.ask('time')).ticks > ticks + 22, 'drawn');
      bot.deactivateItem();
      await until(async () => (await server.ask('time')).ticks > ticks + 35, 'flown');
      const now = await one(zombie);
      return !now || now.health < 17;
    }, 'hit by an arrow');
    check((await server.ask('inventory')).slots[9] === null || (await server.ask('inventory')).slots[9][1] < 8,
      'no arrow used');
  },
  'monsters spawn in the dark and not near, none in peace': async () => {
    await fresh();
    await server.ask('gamemode', { mode: 3 });
    await server.ask('gamerule', { name: 'doMobSpawning', value: true });
    await night();
    const hostile = async () => (await mobs()).filter((m) => ['zombie', 'skeleton', 'creeper', 'spider', 'enderman',
      'witch', 'slime'].includes(m.kind));
    const [first] = await until(async () => {
      const found = await hostile();
      return found.length && found;
    }, 'a monster by night');
    check(Math.hypot(first.x - home.x, first.z - home.z) > 10, `the first came too near: ${JSON.stringify(first)}`);
    await until(async () => (await hostile()).length >= 3, 'more of them');
    await server.ask('gamerule', { name: 'difficulty', value: 0 });
    await until(async () => !(await hostile()).length, 'none in peace');
  },
};

main(CHECKS, setUp);
