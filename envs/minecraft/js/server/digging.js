'use strict';
// Breaking blocks: times as the version has them, checked; drops gated by tools, with chances; wear and experience.

const createBlock = require('prismarine-block');
const { reaches } = require('./packets');

/** Share of the true digging time after which the server takes a block as broken (the game's own tolerance). */
const SHARE = 0.7;
/** Real milliseconds that packets may be late by, and ticks besides. */
const LATE = 100;
const GRACE = 3;

class Digging {
  constructor(game) {
    this.game = game;
    this.Block = createBlock(game.facts.registry);
    this.rules = Object.entries(game.facts.rules.drops).map(([pattern, lines]) =>
      [new RegExp(`^(${pattern})$`), lines]);
    this.xpRules = Object.entries(game.facts.rules.xp).map(([pattern, range]) => [new RegExp(`^(${pattern})$`), range]);
    this.found = new Map();
    this.grace = GRACE + (LATE / 50) * game.warp;
  }

  /** Ticks that this player needs for a state now. */
  ticks(player, state) {
    const { facts } = this.game;
    const block = this.Block.fromStateId(state, 0);
    const inWater = facts.liquid[player.cell(player.eyeHeight)] === 1;
    const held = player.stack;
    const time = block.digTime(held ? held.id : null, player.gameMode === 1, inWater, !player.onGround, [], {});
    return time / 50;
  }

  start(player, at, face) {
    const { game } = this;
    const state = game.world.get(at.x, at.y, at.z);
    const block = game.facts.block[state];
    player.dig = null;
    if (player.gameMode === 3 || !reaches(player, at) || !state || game.facts.liquid[state])
      return this.refuse(player, at);
    game.use.douse(at, face);
    if (player.gameMode === 1 || block.hardness === 0 || this.ticks(player, state) <= 1) return this.break(player, at);
    player.dig = { ...at, state, since: game.ticks };
    return this.show(player, at, 0);
  }

  cancel(player) {
    if (player.dig) this.show(player, player.dig, -1);
    player.dig = null;
  }

  finish(player, at) {
    const { game } = this;
    const { dig } = player;
    player.dig = null;
    const state = game.world.get(at.x, at.y, at.z);
    if (!dig || dig.x !== at.x || dig.y !== at.y || dig.z !== at.z || dig.state !== state || !reaches(player, at))
      return this.refuse(player, at);
    const need = this.ticks(player, state);
    const spent = game.ticks - dig.since + 1;
    if (spent + this.grace >= need * SHARE) return this.break(player, at);
    player.early = { ...dig, until: dig.since + need }; // too fast: it breaks when the time is over, as in the game
    return this.refuse(player, at);
  }

  /** A block whose breaking was told too early. */
  tick() {
    const { game } = this;
    for (const player of game.players.values()) {
      const { early } = player;
      if (!early || !(game.ticks >= early.until)) continue;
      player.early = null;
      if (game.world.get(early.x, early.y, early.z) === early.state && reaches(player, early))
        this.break(player, early);
    }
  }

  refuse(player, at) {
    player.session.send('block_change', { location: at, type: this.game.world.get(at.x, at.y, at.z) });
  }

  show(player, at, stage) {
    for (const other of this.game.players.values()) {
      if (other !== player) other.session.send('block_break_animation',
        { entityId: player.id, location: { x: at.x, y: at.y, z: at.z }, destroyStage: stage });
    }
  }

  break(player, at) {
    const { game } = this;
    const state = game.world.get(at.x, at.y, at.z);
    const block = game.facts.block[state];
    if (block.hardness === null || block.hardness < 0) {
      if (player.gameMode !== 1) return this.refuse(player, at);
    }
    const held = player.stack;
    const tool = held ? game.facts.tool.get(held.id) : null;
    const harvests = !block.harvestTools || (held && block.harvestTools[held.id]);
    game.blocks.remove(at.x, at.y, at.z, state);
    game.emit('dig', { player, block: block.name });
    player.tire(0.005);
    if (player.gameMode === 1) return true;
    if (harvests && game.rules.doTileDrops) this.drop(at, state, tool ? tool[0] : null);
    if (tool && block.hardness > 0) player.wearHand(tool[0] === 'sword' ? 2 : tool[0] === 'bow'
      || tool[0] === 'lighter' ? 0 : 1);
    return true;
  }

  /** Drops what a state gives to a kind of tool, at the cell. */
  drop(at, state, tool = null) {
    const { game } = this;
    for (const stack of this.drops(state, tool)) game.drops.pop(at.x + 0.5, at.y + 0.3, at.z + 0.5, stack);
    const range = this.look(this.xpRules, game.facts.block[state].name);
    if (range) game.drops.xp(at.x + 0.5, at.y + 0.3, at.z + 0.5, game.chance.between(range[0], range[1]));
  }

  look(rules, name) {
    const line = rules.find(([pattern]) => pattern.test(name));
    return line ? line[1] : null;
  }

  linesOf(name) {
    if (!this.found.has(name)) this.found.set(name, this.look(this.rules, name));
    return this.found.get(name);
  }

  /** @returns {object[]} stacks */
  drops(state, tool) {
    const { facts, items, chance } = this.game;
    const { name } = facts.block[state];
    const lines = this.linesOf(name);
    if (!lines) return this.plain(name, state);
    const properties = facts.properties(state);
    const rule = lines.find((line) => (!line.when || Object.entries(line.when).every(([k, v]) => properties[k] === v))
      && (!line.tool || line.tool.includes(tool)));
    const stacks = [];
    for (const [item, least, most, share] of rule ? rule.give : []) {
      if (!chance.lucky(share)) continue;
      const count = chance.between(least, most);
      const named = item === '@self' ? name : item === '@sapling' ? name.replace('_leaves', '_sapling') : item;
      if (count && facts.registry.itemsByName[named]) stacks.push(items.make(named, count));
      if (rule.pick) break;
    }
    return stacks;
  }

  /** Blocks without a rule: what minecraft-data's loot gives without silk touch, else the item of the same name. */
  plain(name, state) {
    const { facts, items } = this.game;
    const loot = facts.registry.blockLoot && facts.registry.blockLoot[name];
    const properties = facts.properties(state);
    const count = properties.type === 'double' ? 2 : 1;
    const line = loot && loot.drops.find((d) => !d.silkTouch && facts.registry.itemsByName[d.item]);
    const item = line ? line.item : name;
    return facts.registry.itemsByName[item] ? [items.make(item, count)] : [];
  }
}

module.exports = { Digging };
