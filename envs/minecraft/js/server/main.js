'use strict';
// The embedded server as a process: `node -r clock.js server/main.js '<JSON config>'`. Prints one JSON line a message
// on stdout (first ready or error), takes admin requests as JSON lines on stdin, and ends when stdin closes.

const SCHEMA = 1;
const LONGEST = 1 << 20; // characters of a request line
const DEFAULTS = { port: 0, host: '127.0.0.1', version: '1.21.4', seed: 0, biome: null, kind: 'default', mobs: true,
  difficulty: 2, view: 6, turns: false };
const start = process.hrtime.bigint();
const write = process.stdout.write.bind(process.stdout);
const say = (message) => write(`${JSON.stringify(message)}\n`);

// Libraries that print must not break the protocol on stdout.
process.stdout.write = process.stderr.write.bind(process.stderr);

function fail(words) {
  process.exitCode = 1;
  write(`${JSON.stringify({ schema: SCHEMA, error: words })}\n`, () => process.exit(1));
}

/** @returns {object} the config, complete and checked */
function readConfig(text) {
  const given = JSON.parse(text || '{}');
  if (given.schema !== undefined && given.schema !== SCHEMA)
    throw new Error(`schema ${SCHEMA} expected, got ${given.schema}`);
  for (const key of Object.keys(given)) if (key !== 'schema' && !(key in DEFAULTS))
    throw new Error(`config: no entry is called ${key}`);
  const config = { ...DEFAULTS, ...given };
  const whole = (key, least, most) => {
    if (!Number.isInteger(config[key]) || config[key] < least || config[key] > most)
      throw new Error(`config: ${key} must be a whole number in ${least}..${most}, got ${config[key]}`);
  };
  whole('port', 0, 65535);
  whole('difficulty', 0, 3);
  whole('view', 2, 16);
  if (!Number.isInteger(config.seed)) throw new Error(`config: seed must be a whole number, got ${config.seed}`);
  if (config.kind !== 'default' && config.kind !== 'flat')
    throw new Error(`config: kind must be default or flat, got ${config.kind}`);
  return config;
}

/** Reads request lines; each is answered in order. */
function serve(game, answer) {
  let rest = '';
  process.stdin.setEncoding('utf8');
  process.stdin.on('data', (chunk) => {
    rest += chunk;
    const lines = rest.split('\n');
    rest = lines.pop();
    for (const line of lines) if (line.trim()) reply(game, answer, line);
    if (rest.length > LONGEST) {
      rest = '';
      say({ id: null, error: `a request line longer than ${LONGEST} characters` });
    }
  });
  const end = () => {
    game.stop();
    process.exit(0);
  };
  process.stdin.on('end', end);
  process.stdin.on('error', end);
}

function reply(game, answer, line) {
  let id = null;
  try {
    const request = JSON.parse(line);
    if (!request || typeof request !== 'object') throw new Error('a request must be an object');
    id = request.id ?? null;
    say({ id, ok: answer(request.do, request.with || {}) });
  } catch (error) {
    say({ id, error: error.message });
  }
}

async function main() {
  let config;
  try {
    config = readConfig(process.argv[2]);
  } catch (error) {
    fail(`config: ${error.message}`);
    return;
  }
  const { Game } = require('./game');
  const { adminOf } = require('./admin');
  const game = new Game(config);
  const port = await game.listen();
  serve(game, adminOf(game));
  const parent = process.ppid;
  setInterval(() => {
    if (process.ppid !== parent) process.exit(0);
  }, 1000).unref();
  say({ schema: SCHEMA, ready: true, port, ms: Math.round(Number(process.hrtime.bigint() - start) / 1e6) });
}

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP']) process.on(signal, () => process.exit(0));
process.stdout.on('error', () => process.exit(0));
process.on('uncaughtException', (error) => process.stderr.write(`${error.stack}\n`));
process.on('unhandledRejection', (error) => process.stderr.write(`${(error && error.stack) || error}\n`));
main().catch((error) => fail(error.code === 'EADDRINUSE' ? `port taken: ${error.message}` : error.message));
