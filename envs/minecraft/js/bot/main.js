'use strict';
// The client bot: connects to a Minecraft server and is driven over stdin and stdout, a request a line.
//   {"id", "do": "connect", "with": {host, port, version, name, view, radius, respawns}} -> facts of the version
//   {"id", "do": "step", "with": {"acts": [...]}} -> what was done and what is seen; one act is one tick
//   {"id", "do": "see"} -> what is seen; {"id", "do": "picture", "with": {drawn}} -> a JPEG in base64
//   {"id", "do": "close"}; {"id", "do": "echo"}
// `node main.js '{"schema": 1}'`; the first line says that it is ready.

const started = Date.now();
const { SCHEMA, send, serve, realTimeout } = require('./lines');

const TICK = 50; // ms
const LATE = 50; // ms by which a late tick may be caught up
const IDLE = 1000; // ms without a request after which the body goes on by itself
const SECONDS = 30; // longest time of a request

let config = {};
try {
  config = JSON.parse(process.argv[2] || '{}');
} catch {
  config = {};
}
if (config.schema !== SCHEMA) {
  send({ schema: SCHEMA, error: `schema ${SCHEMA} expected, got ${JSON.stringify(config.schema)}` });
  process.exit(1);
}
for (const kind of ['uncaughtException', 'unhandledRejection']) {
  process.on(kind, (error) => console.error(kind, (error && error.stack) || error));
}

let Session;
let fault;
try {
  ({ Session, fault } = require('./session'));
} catch (error) {
  send({ schema: SCHEMA, error: `the packages do not load: ${String(error.message).split('\n')[0]}` });
  process.exit(1);
}

let session = null;
let view = null;
let due = 0; // when the next tick may be
let asked = performance.now();

/** The server's time of day, carried on between its messages. */
const time = {
  now() {
    const { bot } = session;
    const told = bot.time.time;
    if (told === null || told === undefined) return null;
    if (time.told !== bot.time.age + told) {
      time.told = bot.time.age + told;
      time.at = performance.now();
    }
    if (bot.time.doDaylightCycle === false) return told;
    return told + Math.min(40, Math.floor((performance.now() - time.at) / TICK));
  },
  told: null,
  at: 0,
};

/** Waits until the next tick is due: 20 a second of this process's clock. */
async function pace() {
  const now = performance.now();
  due = Math.max(due + TICK, now - LATE);
  if (due - now > 1) await new Promise((resolve) => setTimeout(resolve, due - now));
}

function controls(act) {
  const { bot } = session;
  bot.setControlState('forward', act.move === 1);
  bot.setControlState('back', act.move === -1);
  bot.setControlState('left', act.side === 1);
  bot.setControlState('right', act.side === -1);
  bot.setControlState('jump', act.pose === 'jump');
  bot.setControlState('sprint', act.pose === 'sprint' && act.move === 1);
  bot.setControlState('sneak', act.pose === 'sneak');
}

const STILL = { move: 0, side: 0, pose: '', do: 'noop' };

/** One tick with an act. */
async function tick(act) {
  await pace();
  await session.ready();
  const { bot, hands } = session;
  if (bot.quickBarSlot !== 0) bot.setQuickBarSlot(0); // slot 0 of the contract is the hand
  if (act.turn) bot.body.turnTo(bot.body.yaw + act.turn[0], bot.body.pitch + act.turn[1]);
  const found = await hands.tick(act);
  controls(bot.isSleeping ? STILL : act);
  bot.body.tick();
  await session.turn();
  await hands.answered();
  return found;
}

/** A tick in which nothing is done. */
async function quietTick() {
  await pace();
  controls(STILL);
  session.bot.body.tick();
  await session.turn();
}

function connected() {
  if (!session) throw fault('request', 'connect first');
}

const handlers = {
  echo: (given) => given,
  async connect(given) {
    if (session) session.close();
    session = new Session({ ...given, wait: () => quietTick() });
    await session.open();
    due = performance.now();
    return facts(session.bot);
  },
  async step({ acts }) {
    connected();
    asked = Infinity;
    const done = [];
    const began = process.hrtime.bigint(); // not warped
    const used = process.cpuUsage();
    for (const act of acts) {
      if (session.bot.isAlive || session.respawns) done.push(await tick(act));
    }
    if (session.respawns && !session.bot.isAlive) await session.ready();
    asked = performance.now();
    const ms = Number(process.hrtime.bigint() - began) / 1e6;
    const { user, system } = process.cpuUsage(used);
    const cost = { ms, cpu: (user + system) / 1000 }; // of the ticks, in milliseconds
    return { done, cost, events: session.happenings.taken(), seen: session.sight.all(time) };
  },
  async see() {
    connected();
    await session.ready();
    asked = performance.now();
    return { done: [], events: session.happenings.taken(), seen: session.sight.all(time) };
  },
  async aim({ yaw, pitch }) {
    connected();
    session.bot.body.turnTo(yaw, pitch);
    session.bot.body.tick();
  },
  async command({ text }) {
    connected();
    session.bot.chat(text);
  },
  async picture({ drawn }) {
    connected();
    const { View } = require('./view');
    if (view && view.bot !== session.bot) { // of another world, or of this one before the connection was lost
      await view.close();
      view = null;
    }
    if (!view) view = await View.open(session.bot, config.viewer);
    else if (drawn) await view.drawn();
    return view.picture();
  },
  close() {
    realTimeout(leave, 20);
  },
};

/** What Python must know of the version: blocks with their states and the game's own numbers. */
function facts(bot) {
  const blocks = bot.registry.blocksArray.map((block) => [block.name, block.minStateId, block.maxStateId,
    (block.states || []).map((state) => [state.name, state.num_values, state.values || null, state.type])]);
  return { version: bot.version, protocol: bot.protocolVersion, minY: bot.game.minY, height: bot.game.height, blocks,
    flattened: bot.supportFeature('blockStateId') };
}

/** Compiles a version's protocol before it is needed: while the server is still starting. */
function prepare(version) {
  try {
    const { createSerializer, createDeserializer, states } = require('minecraft-protocol');
    require('minecraft-data')(version);
    for (const state of [states.LOGIN, states.CONFIGURATION, states.PLAY]) {
      createSerializer({ state, version });
      createDeserializer({ state, version });
    }
  } catch (error) {
    console.error('not prepared:', error.message); // connecting will say it in its own words
  }
}

async function leave() {
  realTimeout(() => process.exit(0), 1000);
  try {
    if (session) session.close();
    if (view) await view.close();
  } finally {
    process.exit(0);
  }
}

setInterval(() => {
  if (!session || !session.bot || session.lost || performance.now() - asked < IDLE) return;
  if (!session.bot.body || !session.bot.body.ready || session.to.turns) return;
  controls(STILL);
  session.bot.body.tick();
}, TICK);

serve(handlers, { seconds: SECONDS, ended: leave });
send({ schema: SCHEMA, ready: true, ms: Date.now() - started });
if (typeof config.version === 'string') setImmediate(prepare, config.version);
