'use strict';
// One connection to a server after the other: connecting, spawning, waiting for the blocks round the player, coming
// back to life after death, coming back after a kick. What the server writes in words is never passed on.

const mineflayer = require('mineflayer');
const body = require('./body');
const { Hands } = require('./hands');
const { Sight } = require('./sight');
const { Happenings } = require('./happenings');
const { realTimeout } = require('./lines');
const { mendMaterials } = require('../materials');

const TURN = 'veclink:turn';
const ANSWER = 10_000; // ms for the server's turn
const TRIES = 3; // connections after a kick
const PAUSE = 500; // ms between them
const SILENT = 60_000; // ms without a sign of life after which a connection counts as lost
const SPAWN = 20_000; // ms for a connection to become a player in a world
const CHUNKS = 15_000; // ms for the blocks round the player to arrive
const LIFE = 10_000; // ms to come back to life
const LOOK = 10; // ms between two looks at something that is waited for

/** An error with a word that the other side understands. */
function fault(kind, message) {
  return Object.assign(new Error(message), { kind });
}

const pause = (ms) => new Promise((resolve) => realTimeout(resolve, ms));

class Session {
  /** @param {{host: string, port: number, version: ?string, name: string, view: number, radius: number,
   *   respawns: boolean, patience: ?number, wait: function(): Promise}} to where; patience with chunks in ms; how a
   *   tick with nothing to do passes */
  constructor(to) {
    this.to = to;
    this.bot = null;
    this.lost = '';
    this.kicks = 0;
    this.respawns = to.respawns !== false;
    this.patience = to.patience || CHUNKS;
  }

  /** Connects and waits until the player stands in a world whose blocks have arrived. */
  async open() {
    await this.connect();
    await this.settled();
    if (this.to.turns) await this.everything();
  }

  /** All that the server will send at first has arrived: turn by turn, the same from the first turn on. */
  async everything() {
    const { view } = this.to;
    const { x, z } = this.bot.entity.position;
    const [cx, cz] = [Math.floor(x) >> 4, Math.floor(z) >> 4];
    const until = Date.now() + this.patience * warp();
    for (let dx = -view; dx <= view; dx++) {
      for (let dz = -view; dz <= view; dz++) {
        while (!this.bot.world.getColumn(cx + dx, cz + dz)) {
          if (this.lost) throw fault('lost', this.lost);
          if (Date.now() > until) throw fault('chunks', 'the blocks round the player did not arrive');
          await pause(LOOK);
        }
      }
    }
  }

  /** The server's turn: one tick of its own, all of which is known here afterwards. Nothing on servers with a clock. */
  async turn() {
    if (!this.to.turns || this.lost) return;
    const { _client: client } = this.bot;
    this.turns = (this.turns || 0) + 1;
    const data = Buffer.from(String(this.turns));
    let stop = null;
    const answered = await new Promise((resolve) => {
      const hear = (packet) => {
        if (packet.channel === TURN && packet.data.equals(data)) resolve(true);
      };
      const end = () => resolve(false);
      const late = realTimeout(end, ANSWER);
      client.on('custom_payload', hear);
      client.on('end', end);
      stop = () => {
        clearTimeout(late);
        client.removeListener('custom_payload', hear);
        client.removeListener('end', end);
      };
      client.write('custom_payload', { channel: TURN, data });
    });
    stop();
    if (!answered && !this.lost) throw fault('turn', 'the server did not take its turn');
  }

  connect() {
    const { host, port, version, name, view } = this.to;
    this.lost = '';
    const bot = mineflayer.createBot({
      host, port, version: version || false, username: name, auth: 'offline', viewDistance: view, hideErrors: true,
      logErrors: false, respawn: false, plugins: { physics: body, command_block: false },
      checkTimeoutInterval: SILENT * warp(), validateChannelProtocol: false,
    });
    this.bot = bot;
    bot.ticksAlone = !this.to.turns;
    return new Promise((resolve, reject) => {
      const late = realTimeout(() => fail('the server let nobody in'), SPAWN);
      const fail = (why) => {
        clearTimeout(late);
        this.lost = why;
        bot.end();
        reject(fault('connect', `${why} at ${host}:${port}`));
      };
      bot.on('error', (error) => fail(`no connection (${error.code || plain(error.message)})`));
      bot.on('kicked', (reason) => {
        console.error('kicked:', JSON.stringify(reason));
        fail(`kicked (${plain(reason)})`);
      });
      bot.on('end', () => fail(this.lost || 'the connection ended'));
      bot.once('inject_allowed', () => bot.loadPlugin((each) => this.equip(each)));
      bot.once('spawn', () => {
        clearTimeout(late);
        bot.setQuickBarSlot(0);
        resolve();
      });
    });
  }

  equip(bot) {
    mendMaterials(bot.registry);
    bot.once('login', () => {
      this.sight = new Sight(bot, { radius: this.to.radius });
      this.happenings = new Happenings(bot);
      this.hands = new Hands(bot, this.happenings);
      this.hands.wait = this.to.wait;
    });
  }

  /** The player is alive, placed, and the blocks round it are there. */
  async settled() {
    const until = Date.now() + this.patience * warp();
    while (!(this.bot.body.ready && this.bot.isAlive && this.sight.arrived())) {
      if (this.lost) throw fault('lost', this.lost);
      if (Date.now() > until) throw fault('chunks', 'the blocks round the player did not arrive');
      await pause(LOOK);
    }
  }

  /** Makes sure that there is a living player: reconnects where the connection is lost, respawns where it died. */
  async ready() {
    if (this.lost) await this.again();
    if (!this.bot.isAlive) await this.live();
    if (!this.sight.arrived()) await this.settled();
  }

  async again() {
    let why = this.lost;
    for (let number = 0; number < TRIES; number++) {
      await pause(PAUSE * (number + 1));
      try {
        const { happenings } = this;
        await this.open();
        this.kicks += 1;
        this.happenings.events.unshift(...happenings.events, ['reconnected', { kicks: this.kicks }]);
        return;
      } catch (error) {
        why = error.message;
      }
    }
    throw fault('lost', `${why}; ${TRIES} new connections failed`);
  }

  async live() {
    if (!this.respawns) return;
    const until = Date.now() + LIFE * warp();
    this.bot.respawn();
    let asked = Date.now();
    while (!this.bot.isAlive || !this.bot.body.ready) {
      if (this.lost) throw fault('lost', this.lost);
      if (Date.now() > until) throw fault('dead', 'the server did not bring the player back to life');
      if (Date.now() - asked > 1000 * warp()) {
        this.bot.respawn();
        asked = Date.now();
      }
      await pause(LOOK);
    }
    await this.settled();
  }

  close() {
    if (!this.bot) return;
    this.bot.removeAllListeners('end');
    this.bot.on('error', () => {});
    try {
      this.bot.quit();
    } catch {
      this.bot._client && this.bot._client.end && this.bot._client.end();
    }
  }
}

function warp() {
  return Number(process.env.WARP) || 1;
}

/** A translation key or a short error's own word; never free text of a stranger. */
function plain(reason) {
  const text = typeof reason === 'string' ? reason : JSON.stringify(reason) || '';
  const key = /\b(multiplayer|disconnect)\.[a-z_.]{1,60}/.exec(text);
  if (key) return key[0];
  const known = /ECONN\w+|ETIMEDOUT|EHOSTUNREACH|not supported|unsupported|version/i.exec(text);
  return known ? known[0] : 'no reason that can be passed on';
}

module.exports = { Session, fault };
