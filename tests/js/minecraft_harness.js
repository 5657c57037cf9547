'use strict';
// For the tests of the embedded Minecraft server: starts the server as a child process, connects a mineflayer bot, and
// runs checks that wait on conditions. Prints one JSON line a check: {name, ok, error, ms}.

const { spawn } = require('child_process');
const path = require('path');
const readline = require('readline');

const JS = path.join(__dirname, '..', '..', 'envs', 'minecraft', 'js');
const WARP = Number(process.env.WARP) || 1;
const PATIENCE = 60; // real seconds that a condition may take: a busy machine is slow, not wrong

/** The server process and its admin requests. */
class Server {
  static async start(config = {}) {
    const server = new Server();
    server.child = spawn(process.execPath, ['-r', path.join(JS, 'clock.js'), path.join(JS, 'server', 'main.js'),
      JSON.stringify({ seed: 1, ...config })], {
      stdio: ['pipe', 'pipe', process.env.SHOW ? 'inherit' : 'ignore'],
    });
    server.waiting = new Map();
    server.id = 0;
    server.ended = new Promise((resolve) => server.child.on('exit', resolve));
    server.hello = await new Promise((resolve, reject) => {
      server.child.on('exit', (code) => reject(new Error(`server ended with ${code}`)));
      readline.createInterface({ input: server.child.stdout }).on('line', (line) => {
        const message = JSON.parse(line);
        if ('ready' in message || ('error' in message && !('id' in message))) return resolve(message);
        const { resolve: done, reject: fail } = server.waiting.get(message.id);
        server.waiting.delete(message.id);
        return 'error' in message ? fail(new Error(message.error)) : done(message.ok);
      });
    });
    return server;
  }

  ask(what, values = {}) {
    const id = ++this.id;
    this.child.stdin.write(`${JSON.stringify({ id, do: what, with: values })}\n`);
    return new Promise((resolve, reject) => this.waiting.set(id, { resolve, reject }));
  }

  stop() {
    this.child.stdin.end();
    return this.ended;
  }
}

/** Waits until `condition()` gives something true. */
async function until(condition, what) {
  const start = Date.now();
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() - start > PATIENCE * 1000 * WARP) throw new Error(`waited in vain for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
}

async function connect(server, name = 'Tester') {
  const mineflayer = require('mineflayer');
  const bot = mineflayer.createBot({ host: '127.0.0.1', port: server.hello.port, username: name, auth: 'offline',
    version: '1.21.4', checkTimeoutInterval: 600000 });
  await new Promise((resolve, reject) => {
    bot.once('spawn', resolve);
    bot.once('error', reject);
    bot.once('kicked', (why) => reject(new Error(`kicked: ${JSON.stringify(why)}`)));
  });
  await bot.waitForChunksToLoad();
  return bot;
}

function check(condition, words) {
  if (!condition) throw new Error(words);
}

function same(got, expected, what) {
  if (JSON.stringify(got) !== JSON.stringify(expected))
    throw new Error(`${what}: expected ${JSON.stringify(expected)}, got ${JSON.stringify(got)}`);
}

/** Runs named checks one after the other and prints their results. */
async function run(checks) {
  const only = process.env.ONLY;
  for (const [name, action] of Object.entries(checks)) {
    if (only && !name.includes(only)) continue;
    const start = process.hrtime.bigint();
    let error = null;
    let found;
    try {
      found = await action();
    } catch (problem) {
      error = problem.stack || String(problem);
    }
    const ms = Math.round(Number(process.hrtime.bigint() - start) / 1e6);
    process.stdout.write(`${JSON.stringify({ name, ok: !error, error, ms, found })}\n`);
  }
}

/**
 * A script of checks, as a process: what they share is set up, they are run, and all is ended.
 * @param {Object<string, function(): *>} checks by name
 * @param {function(): Promise<function(): *>} setUp gives what ends it again
 */
async function main(checks, setUp = async () => () => {}) {
  try {
    const end = await setUp();
    await run(checks);
    await end();
    process.exit(0);
  } catch (error) {
    process.stderr.write(`${error.stack}\n`);
    process.exit(1);
  }
}

/**
 * A flat world without mobs and a bot on it; gives what ends them.
 * @param {function({server, bot, home}): void} take gets them
 */
async function flat(take) {
  const server = await Server.start({ kind: 'flat', mobs: false, seed: 5, difficulty: 2 });
  const bot = await connect(server);
  take({ server, bot, home: bot.entity.position.floored() });
  return () => {
    bot.end();
    return server.stop();
  };
}

module.exports = { Server, connect, until, check, same, main, JS, flat };
