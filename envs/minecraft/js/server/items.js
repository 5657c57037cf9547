'use strict';
// Stacks of items: plain objects {id, count, damage, extra}; null is an empty slot. `extra` keeps the protocol's other
// components (names, enchantments) as they came.

class Items {
  constructor(facts) {
    this.facts = facts;
  }

  /** @param {string} name  @returns {object} a new stack */
  make(name, count = 1, damage = 0) {
    return { id: this.facts.item(name).id, count, damage, extra: null };
  }

  of(stack) {
    return this.facts.itemById(stack.id);
  }

  name(stack) {
    return stack ? this.of(stack).name : null;
  }

  /** Most that one slot holds of this kind. */
  most(stack) {
    return this.of(stack).stackSize;
  }

  copy(stack, count = stack.count) {
    return { ...stack, count };
  }

  /** Whether two stacks may lie in one slot. */
  alike(a, b) {
    return !!a && !!b && a.id === b.id && a.damage === b.damage && signature(a.extra) === signature(b.extra);
  }

  /** What tells two slots apart, as text. */
  mark(stack) {
    return stack ? `${stack.id}x${stack.count}d${stack.damage}${stack.extra ? signature(stack.extra) : ''}` : '';
  }

  /** Stack as the protocol's Slot. */
  toSlot(stack) {
    if (!stack) return { itemCount: 0 };
    const components = [...(stack.extra || [])];
    if (stack.damage) components.push({ type: 'damage', data: stack.damage });
    return { itemCount: stack.count, itemId: stack.id, addedComponentCount: components.length, removedComponentCount: 0,
      components, removeComponents: [] };
  }

  fromSlot(slot) {
    if (!slot || !slot.itemCount || !this.facts.itemById(slot.itemId)) return null;
    let damage = 0;
    const extra = [];
    for (const component of slot.components || []) {
      if (component.type === 'damage') damage = component.data;
      else extra.push(component);
    }
    return { id: slot.itemId, count: slot.itemCount, damage, extra: extra.length ? extra : null };
  }

  /** Puts as much of `stack` as fits into slots[from..to], onto like stacks first. @returns {number} what is left */
  add(slots, stack, order) {
    let left = stack.count;
    const most = this.most(stack);
    for (const i of order) {
      const there = slots[i];
      if (!left || !this.alike(there, stack) || there.count >= most) continue;
      const moved = Math.min(left, most - there.count);
      there.count += moved;
      left -= moved;
    }
    for (const i of order) {
      if (!left || slots[i]) continue;
      const moved = Math.min(left, most);
      slots[i] = this.copy(stack, moved);
      left -= moved;
    }
    return left;
  }

  /** Wears a tool. @returns {?object} the stack, or null when it broke */
  wear(stack, amount) {
    const { maxDurability } = this.of(stack);
    if (!maxDurability || !amount) return stack;
    const damage = stack.damage + amount;
    return damage >= maxDurability ? null : { ...stack, damage };
  }
}

const signature = (extra) => (extra ? JSON.stringify(extra, (_, v) => (typeof v === 'bigint' ? String(v) : v)) : '');

module.exports = { Items };
