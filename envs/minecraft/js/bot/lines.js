'use strict';
// JSON lines between this process and the one that started it: one request a line on stdin, one answer a line on
// stdout, in the order of the requests. Whatever else is printed goes to stderr, so that stdout stays clean.

const SCHEMA = 1;
const LONGEST = 1 << 20; // bytes of a request
const LONGEST_ANSWER = 16 << 20;
const WAITING = 2000; // requests that may wait; more are refused at once

const write = process.stdout.write.bind(process.stdout);
process.stdout.write = process.stderr.write.bind(process.stderr);
console.log = console.error;

/** Sends one message. */
function send(message) {
  let line = JSON.stringify(message);
  if (line.length > LONGEST_ANSWER) {
    line = JSON.stringify({ id: message.id, error: `an answer of ${line.length} characters is too long` });
  }
  write(line + '\n');
}

/** Resolves as `promise` does, or rejects after so many real seconds. */
function within(promise, seconds, what) {
  let timer = null;
  const late = new Promise((_resolve, reject) => {
    timer = realTimeout(() => reject(new Error(`${what} took longer than ${seconds} s`)), seconds * 1000);
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** A timer of real milliseconds, whatever the clock's warp. */
function realTimeout(callback, ms) {
  return setTimeout(callback, ms * (Number(process.env.WARP) || 1));
}

/** Cuts a stream into lines; a line longer than LONGEST is given as null. */
function cutter(onLine) {
  let parts = [];
  let length = 0;
  let dropping = false;
  return (chunk) => {
    let from = 0;
    for (;;) {
      const end = chunk.indexOf(10, from);
      const piece = chunk.subarray(from, end < 0 ? chunk.length : end);
      length += piece.length;
      if (length > LONGEST) {
        dropping = true;
        parts = [];
      } else {
        parts.push(piece);
      }
      if (end < 0) return;
      const line = dropping ? null : Buffer.concat(parts).toString('utf8');
      parts = [];
      length = 0;
      dropping = false;
      from = end + 1;
      if (line !== '') onLine(line);
    }
  };
}

function parsed(line) {
  if (line === null) return { error: `a request of more than ${LONGEST} bytes` };
  try {
    const request = JSON.parse(line);
    if (request && typeof request === 'object' && typeof request.do === 'string') return { request };
    return { id: request && request.id, error: 'a request needs "id" and "do"' };
  } catch {
    return { error: 'a request that is not JSON' };
  }
}

/**
 * Answers requests one after the other until stdin closes.
 * @param {Object<string, function(Object): *>} handlers by name; what they return is the answer's "ok"
 * @param {{seconds: number, ended: function(): void}} options longest time of a request; called when stdin closes
 */
function serve(handlers, { seconds, ended }) {
  const waiting = [];
  let busy = false;
  async function work() {
    busy = true;
    while (waiting.length) {
      const { id, do: name, with: given, limit } = waiting.shift();
      const handler = Object.hasOwn(handlers, name) ? handlers[name] : null;
      try {
        if (!handler) throw new Error(`no request is called ${JSON.stringify(name.slice(0, 40))}`);
        const result = await within((async () => handler(given || {}))(), limit || seconds, name);
        send({ id, ok: result === undefined ? null : result });
      } catch (error) {
        if (process.env.VECLINK_MINECRAFT_DEBUG) console.error(error);
        send({ id, error: String((error && error.message) || error).slice(0, 500), kind: (error && error.kind) || '' });
      }
    }
    busy = false;
  }
  process.stdin.on('data', cutter((line) => {
    const { request, error, id } = parsed(line);
    if (error) {
      send({ id: id === undefined ? null : id, error, kind: 'request' });
    } else if (waiting.length >= WAITING) {
      send({ id: request.id, error: `${WAITING} requests are waiting already`, kind: 'busy' });
    } else {
      waiting.push(request);
      if (!busy) work();
    }
  }));
  process.stdin.on('end', ended);
  process.stdin.on('error', ended);
  process.stdin.on('close', ended);
  process.on('SIGTERM', ended);
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid !== parent) ended(); // whoever started this is gone
  }, 1000);
  watch.unref();
}

module.exports = { SCHEMA, send, serve, within, realTimeout };
