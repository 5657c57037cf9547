'use strict';
// Windows and clicks. A window is a list of views on slots (the player's, a chest's, a furnace's, a grid's), so that
// one
// click moves the true stacks at once. Afterwards the client is told only what it does not already believe.

const { Player } = require('./player');

const PLAYER = -1;
/** Order in which a shift-click out of a container fills the inventory: from the last slot back. */
const BACK = [...Array(36).keys()].map((i) => 44 - i);

/** One slot of a window: where the stack lies and what may enter. */
class View {
  constructor(slots, index, { accepts = null, result = false, limit = 99 } = {}) {
    this.slots = slots;
    this.index = index;
    this.accepts = accepts;
    this.result = result;
    this.limit = limit;
  }

  get stack() {
    return this.slots[this.index];
  }

  set stack(stack) {
    this.slots[this.index] = stack;
  }
}

class Window {
  /**
   * @param {object} game @param {Player} player
   * @param {{type: number, title: string, own: View[], grid: ?object, at: ?object}} layout own: the views before the
   *     inventory; grid: {slots, first, width} of a crafting grid whose result is view 0
   */
  constructor(game, player, id, layout) {
    this.game = game;
    this.items = game.items;
    this.player = player;
    this.id = id;
    this.type = layout.type;
    this.title = layout.title;
    this.grid = layout.grid || null;
    this.at = layout.at || null;
    this.container = layout.container || null;
    this.views = layout.own.slice();
    this.start = this.views.length;
    for (let i = 9; i < 45; i++) this.views.push(new View(player.slots, i));
    if (layout.type === PLAYER) this.views.push(new View(player.slots, 45));
    this.believed = new Array(this.views.length).fill('');
    this.told = this.views.map(() => ({ state: 0, mark: '' })); // our last word on each slot
    this.toldCursor = { state: 0, mark: '' };
    this.cursor = '';
    this.drag = null;
  }

  /** Works the result of the grid out anew. */
  refresh() {
    if (!this.grid) return;
    const { first, width } = this.grid;
    const cells = this.views.slice(first, first + width * width).map((v) => v.stack);
    const found = this.game.recipes.match(cells, width);
    this.views[0].stack = found ? { id: found.id, count: found.count, damage: 0, extra: null } : null;
  }

  /** Takes one craft's ingredients out of the grid. */
  consume() {
    const { first, width } = this.grid;
    for (const view of this.views.slice(first, first + width * width)) {
      if (!view.stack) continue;
      const remains = this.game.recipes.remains(view.stack.id);
      if (--view.stack.count <= 0) view.stack = remains ? { id: remains, count: 1, damage: 0, extra: null } : null;
    }
    this.refresh();
  }

  /** One click as the protocol gives it. */
  click({ slot, mouseButton: button, mode }) {
    const view = this.views[slot];
    if (mode !== 5) this.drag = null;
    if (mode === 0 && slot === -999) this.throwCursor(button === 0);
    else if (mode === 5) this.dragged(slot, button);
    else if (mode === 4 && view) this.throwSlot(view, button === 1);
    else if (view && view.result) this.takeResult(view, mode, button);
    else if (view && mode === 0) this.press(view, button);
    else if (view && mode === 1) this.quick(slot);
    else if (view && mode === 2) this.swap(view, button);
    else if (view && mode === 6) this.gather();
    if (this.grid) this.refresh();
    if (this.container) this.container.changed = true;
  }

  fits(view, stack) {
    return !view.result && (!view.accepts || view.accepts(stack));
  }

  room(view, stack) {
    return Math.min(view.limit, this.items.most(stack));
  }

  press(view, button) {
    const { player, items } = this;
    const held = player.cursor;
    const there = view.stack;
    if (!held) {
      if (!there) return;
      const taken = button === 0 ? there.count : Math.ceil(there.count / 2);
      player.cursor = items.copy(there, taken);
      this.shrink(view, taken);
    } else if (!this.fits(view, held)) {
      if (!items.alike(held, there) || held.count + there.count > items.most(held)) return;
      held.count += there.count;
      view.stack = null;
    } else if (!there || items.alike(held, there)) {
      const has = there ? there.count : 0;
      const moved = Math.min(button === 0 ? held.count : 1, this.room(view, held) - has);
      if (moved <= 0) return;
      view.stack = items.copy(held, has + moved);
      this.spendCursor(moved);
    } else if (held.count <= this.room(view, held)) {
      view.stack = held;
      player.cursor = there;
    }
  }

  shrink(view, count) {
    if (view.stack.count <= count) view.stack = null;
    else view.stack = this.items.copy(view.stack, view.stack.count - count);
  }

  spendCursor(count) {
    const { player } = this;
    player.cursor = player.cursor.count <= count ? null : this.items.copy(player.cursor, player.cursor.count - count);
  }

  takeResult(view, mode, button) {
    const { player, items } = this;
    const made = view.stack;
    if (!made) return;
    if (mode === 1) {
      const kind = items.copy(made);
      for (let n = 0; n < 640 && view.stack && items.alike(view.stack, kind); n++) {
        const left = this.fill(BACK, view.stack, true);
        if (left === view.stack.count) return;
        this.taken(view, view.stack.count - left);
      }
    } else if (mode === 0) {
      if (player.cursor && (!items.alike(player.cursor, made) || player.cursor.count + made.count > items.most(made)))
        return;
      const count = made.count + (player.cursor ? player.cursor.count : 0);
      player.cursor = items.copy(made, count);
      this.taken(view, made.count);
    } else if (mode === 2 && button < 9 && !player.slots[36 + button]) {
      player.slots[36 + button] = items.copy(made);
      this.taken(view, made.count);
    }
  }

  /** After `count` left a result slot. */
  taken(view, count) {
    if (this.grid) {
      this.game.emit('craft', { player: this.player, item: this.items.name(view.stack), count });
      this.consume();
      return;
    }
    if (this.container && this.container.paid) this.container.paid(this.player, view.stack, count);
    this.shrink(view, count);
  }

  /** Fills the player's slots in this order. whole: all or nothing. @returns {number} what is left */
  fill(order, stack, whole = false) {
    const { items, player } = this;
    if (whole) {
      let room = 0;
      for (const i of order) {
        const there = player.slots[i];
        if (!there) room += items.most(stack);
        else if (items.alike(there, stack)) room += items.most(stack) - there.count;
      }
      if (room < stack.count) return stack.count;
    }
    return items.add(player.slots, stack, order);
  }

  /** Shift-click. */
  quick(slot) {
    const { items } = this;
    const view = this.views[slot];
    const stack = view.stack;
    if (!stack) return;
    let order;
    if (slot < this.start) order = this.range(this.start, this.start + 36, this.type !== PLAYER);
    else if (this.type === PLAYER) order = this.quickInInventory(slot, stack);
    else if (this.grid) order = slot < this.start + 27 ? this.range(this.start + 27, this.start + 36)
      : this.range(this.start, this.start + 27);
    else order = this.range(0, this.start);
    let left = stack.count;
    for (const fresh of [false, true]) {
      for (const i of order) {
        const target = this.views[i];
        if (!left || target === view || !this.fits(target, stack)) continue;
        if (fresh ? target.stack : !items.alike(target.stack, stack)) continue;
        const has = target.stack ? target.stack.count : 0;
        const moved = Math.min(left, this.room(target, stack) - has);
        if (moved <= 0) continue;
        target.stack = items.copy(stack, has + moved);
        left -= moved;
      }
    }
    view.stack = left ? items.copy(stack, left) : null;
  }

  range(from, to, backwards = false) {
    const list = [];
    for (let i = from; i < to; i++) list.push(i);
    return backwards ? list.reverse() : list;
  }

  quickInInventory(slot, stack) {
    const armour = this.game.facts.armour.get(stack.id);
    if (armour && !this.views[armour[1]].stack) return [armour[1]];
    if (slot === 45) return this.range(9, 45);
    return slot < 36 ? this.range(36, 45) : this.range(9, 36);
  }

  /** Number key: swaps with a hotbar slot, or the other hand (button 40). */
  swap(view, button) {
    const { player } = this;
    const index = button === 40 ? 45 : 36 + button;
    if (index > 45) return;
    const mine = player.slots[index];
    if (mine && !this.fits(view, mine)) return;
    if (mine && mine.count > this.room(view, mine)) return;
    player.slots[index] = view.stack;
    view.stack = mine;
  }

  /** Double click: gathers like stacks on the cursor. */
  gather() {
    const { player, items } = this;
    if (!player.cursor) return;
    for (const view of this.views) {
      if (view.result || !items.alike(view.stack, player.cursor)) continue;
      const moved = Math.min(view.stack.count, items.most(player.cursor) - player.cursor.count);
      if (moved <= 0) continue;
      player.cursor = items.copy(player.cursor, player.cursor.count + moved);
      this.shrink(view, moved);
    }
  }

  dragged(slot, button) {
    const step = button & 3;
    const right = button >> 2;
    if (step === 0) this.drag = { right, slots: [] };
    else if (!this.drag) return;
    else if (step === 1 && this.views[slot]) this.drag.slots.push(this.views[slot]);
    else if (step === 2) {
      const { slots } = this.drag;
      this.drag = null;
      this.spreadCursor(slots, right);
    }
  }

  spreadCursor(views, right) {
    const { player, items } = this;
    const held = player.cursor;
    if (!held || !views.length || right > 1) return;
    const each = right ? 1 : Math.max(1, Math.floor(held.count / views.length));
    for (const view of views) {
      if (!player.cursor || !this.fits(view, held) || (view.stack && !items.alike(view.stack, held))) continue;
      const has = view.stack ? view.stack.count : 0;
      const moved = Math.min(each, player.cursor.count, this.room(view, held) - has);
      if (moved <= 0) continue;
      view.stack = items.copy(held, has + moved);
      this.spendCursor(moved);
    }
  }

  throwCursor(all) {
    const { player } = this;
    if (!player.cursor) return;
    const count = all ? player.cursor.count : 1;
    this.game.drops.throwFrom(player, this.items.copy(player.cursor, count));
    this.spendCursor(count);
  }

  throwSlot(view, all) {
    const { player } = this;
    if (player.cursor || !view.stack) return;
    const count = all || view.result ? view.stack.count : 1;
    const stack = this.items.copy(view.stack, count);
    if (view.result) this.taken(view, count);
    else this.shrink(view, count);
    this.game.drops.throwFrom(player, stack);
  }

  /** Gives back what lies on the cursor and in the grid; what does not fit is dropped. */
  close() {
    const { player } = this;
    const back = [player.cursor];
    player.cursor = null;
    if (this.grid) {
      const { first, width } = this.grid;
      for (const view of this.views.slice(first, first + width * width)) {
        back.push(view.stack);
        view.stack = null;
      }
      this.views[0].stack = null;
    }
    for (const stack of back) {
      if (!stack) continue;
      const left = player.give(stack);
      if (left) this.game.drops.throwFrom(player, this.items.copy(stack, left));
    }
  }
}

/** The player's own window: grid of 2 x 2, armour, inventory, other hand. */
function ownWindow(game, player) {
  const own = [new View(player.slots, 0, { result: true })];
  for (let i = 1; i < 5; i++) own.push(new View(player.slots, i));
  for (let i = 5; i < 9; i++) {
    const accepts = (stack) => (game.facts.armour.get(stack.id) || [])[1] === i;
    own.push(new View(player.slots, i, { accepts, limit: 1 }));
  }
  return new Window(game, player, 0, { type: PLAYER, own, grid: { first: 1, width: 2 } });
}

module.exports = { Window, View, ownWindow, PLAYER, Player };
