'use strict';
// First-person pictures: prismarine-viewer's page, open to this machine alone, in a headless Chromium.

const fs = require('fs');
const http = require('http');
const Module = require('module');
const net = require('net');
const path = require('path');
const { pathToFileURL } = require('url');
const { mend } = require('./page');

const HOST = '127.0.0.1';
const DISTANCE = 4; // chunks
const LONGEST = 60_000 * (Number(process.env.WARP) || 1); // ms of this process's clock for the first picture
const SETTLED = 3; // equal pictures after which the world counts as drawn
const QUALITY = 0.92;
const PATIENCE = 2000; // ms for the page to hear what it was told
const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];
const FLAGS = ['--no-sandbox', '--use-gl=angle', '--use-angle=swiftshader', '--enable-unsafe-swiftshader',
  '--ignore-gpu-blocklist', '--disable-dev-shm-usage', '--hide-scrollbars', '--mute-audio'];

/**
 * Runs in the page before its own script. The page draws when it is asked and not all the time, which would take every
 * core; a second passes for it between two pictures, so that its camera has always arrived; and it knows how much of
 * what we told has come and is built.
 */
function onDemand() {
  const due = [];
  let now = 0;
  let heard = 0;
  let wake = null;
  const building = new Set(); // sections of blocks
  let built = 0;
  window.requestAnimationFrame = (callback) => due.push(callback);
  performance.now = () => now;
  window.WebSocket = class extends window.WebSocket {
    constructor(...given) {
      super(...given);
      this.addEventListener('message', ({ data }) => {
        const found = /veclink-(\d+)/.exec(typeof data === 'string' ? data : '');
        if (!found) return;
        heard = Number(found[1]);
        if (wake) setTimeout(wake); // after the page itself has read it
      });
    }
  };
  window.Worker = class extends window.Worker {
    constructor(...given) {
      super(...given);
      this.addEventListener('message', ({ data }) => {
        built += data.type === 'geometry';
        if (data.type === 'sectionFinished') building.delete(data.key);
      });
    }

    postMessage(data, ...rest) {
      const corner = (v) => Math.floor(v / 16) * 16;
      if (data.type === 'dirty') building.add(`${corner(data.x)},${corner(data.y)},${corner(data.z)}`);
      super.postMessage(data, ...rest);
    }
  };
  window.complete = () => built > 0 && !building.size;
  window.pictured = async (number, patience, quality) => {
    if (heard < number) {
      await new Promise((resolve) => {
        const late = setTimeout(resolve, patience);
        wake = () => {
          if (heard < number) return;
          clearTimeout(late);
          wake = null;
          resolve();
        };
      });
    }
    now += 1000;
    for (const callback of due.splice(0)) callback(now);
    const canvas = document.querySelector('canvas');
    return canvas ? canvas.toDataURL('image/jpeg', quality).split(',')[1] : '';
  };
}

/** A port that is free now. */
function freePort() {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.on('error', reject);
    server.listen(0, HOST, () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

/** Starts the page's server; whatever it asks for, it listens on loopback alone. */
function serve(bot, port) {
  const { listen } = http.Server.prototype;
  const load = Module._load;
  // the part of the viewer that draws without a browser asks for `canvas`, which has to be built; it is not used here
  Module._load = (name, ...rest) => (name === 'canvas' ? { createCanvas: () => null } : load(name, ...rest));
  http.Server.prototype.listen = function loopback(where, ...rest) {
    const callback = rest.find((each) => typeof each === 'function');
    return listen.call(this, where, HOST, callback);
  };
  try {
    require('prismarine-viewer/lib/mineflayer')(bot, { port, firstPerson: true, viewDistance: DISTANCE });
  } finally {
    http.Server.prototype.listen = listen;
    Module._load = load;
  }
}

/** A Chromium: the one that VECLINK_CHROMIUM names, one of this machine, or the npm package's. */
async function chromium() {
  const named = process.env.VECLINK_CHROMIUM;
  if (named) return { executablePath: named, args: [] };
  for (const folder of (process.env.PATH || '').split(path.delimiter)) {
    for (const name of NAMES) {
      const file = path.join(folder, name);
      if (fs.existsSync(file)) return { executablePath: file, args: [] };
    }
  }
  let found;
  try {
    found = (await import(pathToFileURL(require.resolve('@sparticuz/chromium')))).default;
  } catch {
    throw new Error('no Chromium: install one, name it in VECLINK_CHROMIUM, or install the npm package'
      + ' @sparticuz/chromium');
  }
  return { executablePath: await found.executablePath(), args: [] };
}

class View {
  /** @param bot mineflayer's @param {{width: number, height: number}} size of the pictures in pixels */
  static async open(bot, size) {
    const view = new View();
    view.turned = new WeakSet();
    const port = await freePort();
    serve(bot, port);
    view.bot = bot;
    const { executablePath, args } = await chromium();
    const { chromium: browsers } = require('playwright-core');
    view.browser = await browsers.launch({ executablePath, headless: true, args: [...FLAGS, ...args],
      timeout: LONGEST });
    view.page = await view.browser.newPage({ viewport: { width: size.width, height: size.height } });
    view.page.setDefaultTimeout(LONGEST);
    view.page.on('pageerror', (error) => console.error('page:', error.message));
    await view.page.addInitScript(onDemand);
    await mend(view.page);
    await view.page.goto(`http://${HOST}:${port}/`);
    await view.drawn();
    view.turned = new WeakSet(); // whoever was told of before the page listened is told of again
    return view;
  }

  /** Waits until the world is drawn: all that was told is built, and pictures no longer change. */
  async drawn() {
    const until = performance.now() + LONGEST;
    let same = 0;
    let before = '';
    while (same < SETTLED && performance.now() < until) {
      const now = await this.picture();
      same = now === before && await this.page.evaluate(() => window.complete()) ? same + 1 : 0;
      before = now;
      await this.page.waitForTimeout(150);
    }
  }

  /** The picture of now, as base64 of a JPEG. */
  async picture() {
    const { bot } = this;
    this.number = (this.number || 0) + 1;
    for (const entity of Object.values(bot.entities)) { // the page hears of one's yaw when it moves, and not before
      if (entity !== bot.entity && !this.turned.has(entity)) bot.emit('entityMoved', entity);
      this.turned.add(entity);
    }
    bot.emit('move', bot.entity.position);
    bot.viewer.erase(`veclink-${this.number}`); // a word that changes nothing and comes after all before it
    return this.page.evaluate(([number, patience, quality]) => window.pictured(number, patience, quality),
      [this.number, PATIENCE, QUALITY]);
  }

  async close() {
    if (this.bot && this.bot.viewer && this.bot.viewer.close) this.bot.viewer.close();
    if (this.browser) await this.browser.close();
  }
}

module.exports = { View };
