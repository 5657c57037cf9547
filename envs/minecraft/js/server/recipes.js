'use strict';
// All crafting recipes of the version (minecraft-data), found by what lies in the grid.

/** Items left in the grid after crafting. */
const LEFT = { milk_bucket: 'bucket', water_bucket: 'bucket', lava_bucket: 'bucket', honey_bottle: 'glass_bottle',
  dragon_breath: 'glass_bottle' };

const idOf = (entry) => {
  const id = entry && typeof entry === 'object' ? entry.id : entry;
  return id === undefined || id === null || id < 0 ? 0 : id;
};

/** Cuts empty rows and columns off. @param {number[]} cells  @returns {string} key of the shape */
function shapeKey(cells, width) {
  let x0 = width;
  let x1 = -1;
  let y0 = Infinity;
  let y1 = -1;
  cells.forEach((id, i) => {
    if (!id) return;
    const x = i % width;
    const y = Math.floor(i / width);
    x0 = Math.min(x0, x);
    x1 = Math.max(x1, x);
    y0 = Math.min(y0, y);
    y1 = Math.max(y1, y);
  });
  const rows = [];
  for (let y = y0; y <= y1; y++) rows.push(cells.slice(y * width + x0, y * width + x1 + 1).join(','));
  return rows.join('/');
}

class Recipes {
  constructor(facts) {
    this.facts = facts;
    this.shaped = new Map();
    this.shapeless = new Map();
    this.planks = new Set(facts.registry.itemsArray.filter((i) => i.name.endsWith('_planks')).map((i) => i.id));
    this.anyPlanks = facts.item('oak_planks').id;
    for (const list of Object.values(facts.registry.recipes)) for (const recipe of list) this.learn(recipe);
    this.left = new Map(Object.entries(LEFT).map(([a, b]) => [facts.item(a).id, facts.item(b).id]));
  }

  learn(recipe) {
    const result = { id: idOf(recipe.result), count: recipe.result.count || 1 };
    if (recipe.ingredients) {
      this.keep(this.shapeless, recipe.ingredients.map(idOf).sort((a, b) => a - b).join(','), result);
      return;
    }
    const width = Math.max(...recipe.inShape.map((row) => row.length));
    const cells = [];
    const mirrored = [];
    for (const row of recipe.inShape) {
      const ids = Array.from({ length: width }, (_, i) => idOf(row[i]));
      cells.push(...ids);
      mirrored.push(...ids.slice().reverse());
    }
    this.keep(this.shaped, shapeKey(cells, width), result);
    this.keep(this.shaped, shapeKey(mirrored, width), result);
  }

  keep(map, key, result) {
    if (!map.has(key)) map.set(key, result);
  }

  /**
   * @param {(object|null)[]} stacks the grid, row by row  @param {number} width 2 or 3
   * @returns {?{id: number, count: number}} what it makes
   */
  match(stacks, width) {
    const cells = stacks.map((s) => (s ? s.id : 0));
    if (cells.every((id) => !id)) return null;
    return this.find(cells, width) || this.find(this.onePlank(cells), width);
  }

  find(cells, width) {
    return this.shaped.get(shapeKey(cells, width)) || this.shapeless.get(cells.filter(Boolean).sort((a, b) =>
      a - b).join(',')) || null;
  }

  /** Planks of several woods count as oak where a recipe takes any (minecraft-data lists one wood at a time). */
  onePlank(cells) {
    const kinds = new Set(cells.filter((id) => this.planks.has(id)));
    if (kinds.size < 2) return cells.map(() => 0);
    return cells.map((id) => (this.planks.has(id) ? this.anyPlanks : id));
  }

  /** @returns {number} id of what an ingredient leaves in its slot, or 0 */
  remains(id) {
    return this.left.get(id) || 0;
  }
}

module.exports = { Recipes };
