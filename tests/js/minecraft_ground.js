'use strict';
// The embedded server's world without a client: terrain, light, what blocks do, drops; and the faults of the process.

const net = require('net');
const path = require('path');
const { spawnSync, spawn } = require('child_process');
const { Server, connect, until, check, same, main, JS } = require('./minecraft_harness');

const at = (name) => require(path.join(JS, 'server', name));
const { loadFacts } = at('facts');
const { Terrain } = at('terrain');
const { World } = at('world');
const { Light } = at('light');
const { Game } = at('game');

const CONFIG = { port: 0, host: '127.0.0.1', version: '1.21.4', seed: 7, biome: null, kind: 'default', mobs: false,
  difficulty: 2, view: 4 };

const facts = loadFacts('1.21.4');
const flat = new Game({ ...CONFIG, kind: 'flat' });
for (let cx = -2; cx <= 2; cx++) for (let cz = -2; cz <= 2; cz++) flat.world.column(cx, cz);
const ticks = (n) => {
  for (let i = 0; i < n; i++) flat.tick();
};
const set = (x, y, z, name, properties) => flat.world.set(x, y, z, facts.state(name, properties));

const CHECKS = {
  'the terrain is a function of the seed': () => {
    const columns = [1, 1, 2].map((seed) => new Terrain(facts, { seed }).column(3, -5).blocks);
    check(Buffer.compare(Buffer.from(columns[0].buffer), Buffer.from(columns[1].buffer)) === 0,
      'two terrains of one seed differ');
    check(Buffer.compare(Buffer.from(columns[0].buffer), Buffer.from(columns[2].buffer)) !== 0,
      'two seeds give one terrain');
  },
  'ores lie at their depths, lava low, bedrock at 0': () => {
    const terrain = new Terrain(facts, { seed: 4, biome: 'plains' });
    const range = {};
    for (let cx = 0; cx < 12; cx++) {
      terrain.column(cx, 5).blocks.forEach((state, cell) => {
        const { name } = facts.block[state];
        const r = (range[name] = range[name] || { count: 0, low: 999, high: 0 });
        r.count++;
        r.low = Math.min(r.low, cell >> 8);
        r.high = Math.max(r.high, cell >> 8);
      });
    }
    for (const [ore, high] of [['diamond_ore', 18], ['redstone_ore', 18], ['gold_ore', 35], ['iron_ore', 67],
      ['lapis_ore', 30]]) {
      check(range[ore] && range[ore].high <= high && range[ore].count > 4, `${ore}: ${JSON.stringify(range[ore])}`);
    }
    check(range.coal_ore.count > range.iron_ore.count && range.iron_ore.count > range.diamond_ore.count,
      'shares of ores');
    check(range.lava.high <= 10 && range.bedrock.high <= 1, 'lava or bedrock too high');
    return range.diamond_ore;
  },
  'every biome can be asked for, with its ground and trees': () => {
    const names = Object.keys(new Terrain(facts, { seed: 1 }).biomes);
    const grounds = {};
    for (const biome of names) {
      const terrain = new Terrain(facts, { seed: 11, biome });
      const column = terrain.column(2, 2);
      check(terrain.surface(2, 2).biomes.every((b) => b.name === biome), biome);
      grounds[biome] = facts.block[column.blocks[(terrain.surface(2, 2).heights[0] << 8) | 0]].name;
      const wood = new Set();
      for (let cx = 0; cx < 5; cx++) for (const t of terrain.surface(cx, 0).trees) wood.add(t.kind);
      if (terrain.biomes[biome].trees > 2) check(wood.size > 0, `${biome} has no trees`);
    }
    same([grounds.desert, grounds.plains, grounds.badlands], ['sand', 'grass_block', 'red_sand'], 'grounds');
    check(names.length >= 20, 'too few biomes');
  },
  'spawns are dry, free and near wood': () => {
    for (let seed = 1; seed <= 12; seed++) {
      const terrain = new Terrain(facts, { seed });
      const place = terrain.place(null, 0, 0, 3000, true);
      check(place && terrain.woodNear(place.x, place.z), `seed ${seed}: ${JSON.stringify(place)}`);
      const column = terrain.column(place.x >> 4, place.z >> 4);
      const cell = (y) => column.blocks[(y << 8) | ((place.z & 15) << 4) | (place.x & 15)];
      check(facts.full[cell(place.y - 1)] && !facts.solid[cell(place.y)] && !facts.solid[cell(place.y + 1)]
        && !facts.liquid[cell(place.y)], `seed ${seed} stands badly`);
    }
  },
  'light after changes is the light computed anew': () => {
    const world = new World(facts, new Terrain(facts, { seed: 9 }));
    for (let cx = -1; cx <= 1; cx++) for (let cz = -1; cz <= 1; cz++) world.column(cx, cz);
    let salt = 1;
    const roll = (n) => (salt = (salt * 48271) % 2147483647) % n;
    const kinds = ['air', 'stone', 'torch', 'glass', 'water', 'oak_leaves', 'glowstone', 'air',
      'air'].map((n) => facts.state(n));
    for (let n = 0; n < 300; n++) world.set(roll(32) - 16, 50 + roll(40), roll(32) - 16, kinds[roll(kinds.length)]);
    const columns = new Map([...world.columns].map(([key, column]) =>
      [key, { ...column, light: new Uint8Array(column.light.length), top: new Uint8Array(256), lit: false }]));
    const light = new Light(facts, (cx, cz) => columns.get(`${cx},${cz}`));
    for (const column of columns.values()) light.column(column);
    let wrong = 0;
    for (const [key, column] of columns) column.light.forEach((value, cell) =>
      (wrong += value !== world.columns.get(key).light[cell] ? 1 : 0));
    same(wrong, 0, 'cells that differ');
  },
  'sand falls, water spreads and dries, lava and water make stone': () => {
    set(2, 70, 2, 'sand');
    ticks(10);
    same(flat.world.name(2, 64, 2), 'sand', 'fallen sand');
    set(8, 64, 8, 'water');
    ticks(60);
    same([flat.world.name(11, 64, 8), flat.world.name(16, 64, 8)], ['water', 'air'], 'spread');
    set(8, 64, 8, 'air');
    ticks(120);
    same(flat.world.name(9, 64, 8), 'air', 'dried up');
    set(8, 64, -8, 'lava');
    set(9, 64, -8, 'water');
    ticks(60);
    same(flat.world.name(8, 64, -8), 'obsidian', 'lava source by water');
    set(9, 64, -8, 'air');
    ticks(120);
  },
  'leaves wither after the tree is felled; a sapling grows again': () => {
    set(0, 64, 20, 'oak_sapling');
    check(flat.blocks.growTree(0, 64, 20, 'oak_sapling'), 'did not grow');
    const leaves = () => {
      let n = 0;
      for (let x = -4; x < 5; x++) for (let z = 16; z < 25; z++) for (let y = 64; y < 76; y++)
        n += flat.world.name(x, y, z) === 'oak_leaves';
      return n;
    };
    check(leaves() > 20, 'no leaves');
    for (let y = 64; y < 76; y++) if (flat.world.name(0, y, 20) === 'oak_log')
      flat.blocks.remove(0, y, 20, flat.world.get(0, y, 20));
    ticks(700);
    same(leaves(), 0, 'leaves left');
  },
  'drops come with their chances': () => {
    const share = (block, item, properties) => {
      let n = 0;
      for (let i = 0; i < 4000; i++) for (const stack of flat.digging.drops(facts.state(block, properties), null))
        n += flat.items.name(stack) === item ? stack.count : 0;
      return n / 4000;
    };
    const near = (got, wanted, what) => check(Math.abs(got - wanted) < 0.25 * wanted,
      `${what}: ${got}, expected ${wanted}`);
    near(share('gravel', 'flint'), 0.1, 'flint');
    near(share('oak_leaves', 'oak_sapling'), 0.05, 'saplings');
    near(share('short_grass', 'wheat_seeds'), 0.125, 'seeds');
    near(share('redstone_ore', 'redstone'), 4.5, 'redstone');
    near(share('wheat', 'wheat_seeds', { age: '7' }), 2.5, 'seeds of ripe wheat');
    same([share('stone', 'cobblestone'), share('glass', 'glass'), share('oak_planks', 'oak_planks')], [1, 0, 1],
      'plain drops');
  },
  'all recipes of the version are known, every fuel burns, every smelting result is an item': () => {
    let wrong = 0;
    let all = 0;
    for (const list of Object.values(facts.registry.recipes)) {
      for (const recipe of list) {
        all++;
        const width = recipe.ingredients ? 3 : Math.max(...recipe.inShape.map((r) => r.length));
        const cells = recipe.ingredients ? recipe.ingredients
          : recipe.inShape.flatMap((row) => Array.from({ length: width }, (_, i) => row[i]));
        const ids = cells.map((c) => (c && typeof c === 'object' ? c.id : c)).map((id) => (id > 0 ? { id } : null));
        const made = flat.recipes.match(ids, width);
        if (!made) wrong++;
      }
    }
    check(all > 1500 && wrong === 0, `${wrong} of ${all} recipes are not found`);
    check(facts.smelting.size > 80 && facts.fuel.get(facts.item('coal').id) === 1600, 'smelting');
    return all;
  },
  'a column takes less than 15 ms': () => {
    const terrain = new Terrain(facts, { seed: 3 });
    const world = new World(facts, terrain);
    const start = process.cpuUsage();
    for (let cx = 0; cx < 8; cx++) for (let cz = 0; cz < 8; cz++) world.column(cx, cz);
    const { user, system } = process.cpuUsage(start); // what others do on the machine does not count
    const ms = (user + system) / 1e3 / 64;
    check(ms < 15, `${ms} ms a column`);
    return { ms };
  },
  'a taken port, a bad config and an unknown version end with one clear line': async () => {
    const holder = net.createServer();
    await new Promise((resolve) => holder.listen(0, '127.0.0.1', resolve));
    const start = (config) => spawnSync(process.execPath, [path.join(JS, 'server', 'main.js'),
      JSON.stringify(config)], { encoding: 'utf8', env: { ...process.env, WARP: '1' } });
    const taken = await new Promise((resolve) => {
      const child = spawn(process.execPath, [path.join(JS, 'server', 'main.js'),
        JSON.stringify({ port: holder.address().port })], { stdio: ['pipe', 'pipe', 'ignore'] });
      let said = '';
      child.stdout.on('data', (part) => (said += part));
      child.on('exit', (status) => resolve({ status, stdout: said }));
    });
    holder.close();
    for (const [got, words] of [[taken, 'port taken'], [start({ view: 99 }), 'view'],
      [start({ colour: 1 }), 'colour'], [start({ version: '9.9' }), '9.9'], [start({ biome: 'moon' }), 'moon']]) {
      same([got.status, got.stdout.trim().split('\n').length], [1, 1], `status and lines for ${words}`);
      check(JSON.parse(got.stdout).error.includes(words), `${got.stdout} does not name ${words}`);
    }
  },
  'clients that send nonsense are ended and the server lives': async () => {
    const server = await Server.start({ kind: 'flat', mobs: false });
    for (const bytes of [Buffer.from('GET / HTTP/1.1\r\n\r\n'), Buffer.alloc(4000, 255),
      Buffer.from([5, 0, 1, 2, 3, 200])]) {
      const socket = net.connect(server.hello.port, '127.0.0.1');
      socket.on('error', () => {});
      await new Promise((resolve) => socket.write(bytes, resolve));
      socket.end();
    }
    const rude = await connect(server, 'Rude');
    const ended = new Promise((resolve) => rude.once('end', resolve));
    rude.on('kicked', () => {});
    rude._client.write('position', { x: NaN, y: 1, z: 2, flags: {} });
    await ended;
    const polite = await connect(server, 'Polite');
    for (let n = 0; n < 50; n++) {
      polite._client.write('window_click', { windowId: 77, stateId: 1, slot: 5, mouseButton: 0, mode: 0,
        changedSlots: [], cursorItem: { itemCount: 0 } });
      polite._client.write('use_entity', { target: 999999, mouse: 1, sneaking: false });
      polite._client.write('block_dig', { status: 2, location: { x: 30000, y: 70, z: 30000 }, face: 1, sequence: 0 });
      polite._client.write('block_place', { hand: 0, location: { x: 0, y: -50, z: 0 }, direction: 1, cursorX: 0.5,
        cursorY: 0.5, cursorZ: 0.5, insideBlock: false, worldBorderHit: false, sequence: 0 });
    }
    await until(async () => (await server.ask('state', { player: 'Polite' })).health === 20, 'the server answers');
    for (const [what, values] of [['fly', {}], ['give', { item: 'moon' }],
      ['summon', { kind: 'moon', x: 0, y: 64, z: 0 }], ['blocks', { box: [0, 0, 0, 999, 999, 999] }],
      ['state', { player: 'Nobody' }]]) {
      const error = await server.ask(what, values).then(() => null, (problem) => problem.message);
      check(error, `${what} was answered`);
    }
    same((await server.ask('memory')).errors, 0, 'errors in ticks');
    polite.end();
    same(await server.stop(), 0, 'exit status after stdin closed');
  },
  'turn by turn the world goes on by the words of its client alone': async () => {
    const server = await Server.start({ kind: 'flat', mobs: false, turns: true });
    const bot = await connect(server, 'Slow');
    const { ticks } = await server.ask('time');
    const words = [1, 2, 3].map((n) => Buffer.from(String(n)));
    const back = [];
    bot._client.on('custom_payload', ({ channel, data }) => channel === 'veclink:turn' && back.push(String(data)));
    for (const data of words) bot._client.write('custom_payload', { channel: 'veclink:turn', data });
    await until(() => back.length === 3, 'three answers');
    same(back, ['1', '2', '3'], 'answers');
    same((await server.ask('time')).ticks, ticks + 3, 'ticks');
    bot.end();
    await server.stop();
  },
  'a player who comes back is as he was': async () => {
    const server = await Server.start({ kind: 'flat', mobs: false });
    let bot = await connect(server, 'Wanderer');
    await server.ask('give', { item: 'apple', count: 3 });
    await server.ask('teleport', { x: 20.5, y: 64, z: 5.5 });
    await until(() => bot.entity.position.x > 20, 'there');
    bot.end();
    const gone = () => server.ask('state', { player: 'Wanderer' }).then(() => false, () => true);
    await until(gone, 'gone');
    bot = await connect(server, 'Wanderer');
    await until(() => bot.inventory.count(bot.registry.itemsByName.apple.id) === 3 && bot.entity.position.x > 20,
      'as before');
    bot.end();
    await server.stop();
  },
};

main(CHECKS);
