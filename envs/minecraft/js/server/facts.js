'use strict';
// The version's facts as tables that the rules read quickly: blocks by state id, items by id, foods, fuels, smelting.
// Everything of the version itself comes from minecraft-data; what it lacks lies in ../../data.

const path = require('path');
const createRegistry = require('prismarine-registry');
const { mendMaterials } = require('../materials');

const STATES = 65536;
const dataFile = (name) => require(path.join(__dirname, '..', '..', 'data', name));

/** Properties of a state as {name: text}, counted as minecraft-data counts them. */
function propertiesOf(block, state) {
  let rest = state - block.minStateId;
  const properties = {};
  for (let i = block.states.length - 1; i >= 0; i--) {
    const { name, type, num_values: number, values } = block.states[i];
    const index = rest % number;
    rest = Math.floor(rest / number);
    properties[name] = type === 'bool' ? (index === 0 ? 'true' : 'false') : (values ? values[index] : String(index));
  }
  return properties;
}

function stateOf(block, properties) {
  if (!block.states.length) return block.defaultState;
  const all = { ...propertiesOf(block, block.defaultState), ...properties };
  let state = 0;
  for (const { name, type, num_values: number, values } of block.states) {
    const text = String(all[name]);
    let index = Number(text);
    if (type === 'bool') index = text === 'true' ? 0 : 1;
    else if (values) index = values.indexOf(text);
    if (!(index >= 0 && index < number)) throw new Error(`block ${block.name}: property ${name} cannot be ${text}`);
    state = state * number + index;
  }
  return block.minStateId + state;
}

function shapesOf(registry, block, state) {
  const { blocks, shapes } = registry.blockCollisionShapes;
  const entry = blocks[block.name];
  const id = Array.isArray(entry) ? entry[Math.min(entry.length - 1, state - block.minStateId)] : entry;
  return shapes[id] || [];
}

/** Fills the arrays that are indexed by state id. */
function blockTables(registry) {
  const tables = {
    block: new Array(STATES),
    boxes: new Array(STATES),
    solid: new Uint8Array(STATES), // has a collision box
    full: new Uint8Array(STATES), // collision box is the whole cube
    opacity: new Uint8Array(STATES), // light lost in passing, 15: none passes
    emission: new Uint8Array(STATES),
    liquid: new Uint8Array(STATES), // 1 water, 2 lava
    level: new Uint8Array(STATES), // 0 source, 1..7 flowing, 8 falling
    replaceable: new Uint8Array(STATES),
    plant: new Uint8Array(STATES), // needs ground below and goes with it
  };
  const soft = new Set(dataFile('rules.json').replaceable);
  const plants = new Set(dataFile('rules.json').plants);
  for (const block of registry.blocksArray) {
    const lights = block.states.some((s) => s.name === 'lit');
    for (let state = block.minStateId; state <= block.maxStateId; state++) {
      const boxes = shapesOf(registry, block, state);
      const properties = lights ? propertiesOf(block, state) : null;
      tables.block[state] = block;
      tables.boxes[state] = boxes;
      tables.solid[state] = boxes.length ? 1 : 0;
      const [a] = boxes;
      tables.full[state] = boxes.length === 1 && a[0] === 0 && a[1] === 0 && a[2] === 0 && a[3] === 1 && a[4] === 1
        && a[5] === 1 ? 1 : 0;
      tables.opacity[state] = Math.min(15, block.filterLight);
      tables.emission[state] = lights && properties.lit !== 'true' ? 0 : block.emitLight;
      tables.replaceable[state] = soft.has(block.name) ? 1 : 0;
      tables.plant[state] = plants.has(block.name) ? 1 : 0;
    }
  }
  for (const [name, kind] of [['water', 1], ['lava', 2]]) {
    const block = registry.blocksByName[name];
    for (let i = 0; i < 16; i++) {
      tables.liquid[block.minStateId + i] = kind;
      tables.level[block.minStateId + i] = Math.min(i, 8);
    }
  }
  for (const name of ['seagrass', 'tall_seagrass', 'kelp', 'kelp_plant', 'bubble_column']) {
    const block = registry.blocksByName[name];
    for (let state = block.minStateId; state <= block.maxStateId; state++) tables.liquid[state] = 1;
  }
  return tables;
}

/** Items whose names match the patterns of a rule line, as a map from item id to the line's value. */
function byPattern(registry, lines) {
  const found = new Map();
  for (const [pattern, value] of Object.entries(lines)) {
    const expression = new RegExp(`^(${pattern})$`);
    for (const item of registry.itemsArray) if (expression.test(item.name) && !found.has(item.id))
      found.set(item.id, value);
  }
  return found;
}

/**
 * @param {string} version Minecraft version, as "1.21.4"
 * @returns {object} registry, tables by state, maps by item id, and the helpers below
 */
function loadFacts(version) {
  const registry = createRegistry(version);
  if (!registry || !registry.version) throw new Error(`version ${version} is not known to minecraft-data`);
  mendMaterials(registry);
  const rules = dataFile('rules.json');
  const tables = blockTables(registry);
  const block = (name) => {
    const found = registry.blocksByName[name];
    if (!found) throw new Error(`no block is called ${name}`);
    return found;
  };
  const item = (name) => {
    const found = registry.itemsByName[name];
    if (!found) throw new Error(`no item is called ${name}`);
    return found;
  };
  const smelting = new Map();
  for (const line of dataFile('smelting.json').recipes) {
    for (const [id] of byPattern(registry, { [line.in]: true }))
      smelting.set(id, { id: item(line.out).id, xp: line.xp });
  }
  return {
    registry,
    rules,
    ...tables,
    block: tables.block,
    named: block,
    item,
    itemById: (id) => registry.items[id],
    state: (name, properties) => (properties ? stateOf(block(name), properties) : block(name).defaultState),
    with: (state, properties) => stateOf(tables.block[state], { ...propertiesOf(tables.block[state], state),
      ...properties }),
    properties: (state) => propertiesOf(tables.block[state], state),
    smelting,
    fuel: byPattern(registry, rules.fuel),
    armour: byPattern(registry, rules.armour),
    weapon: byPattern(registry, rules.weapons),
    tool: byPattern(registry, rules.tools),
    // its own ids are not the items'
    food: new Map(registry.foodsArray.map((f) => [item(f.name).id, { ...f, ...rules.foods[f.name] }])),
    dataFile,
  };
}

module.exports = { loadFacts, dataFile };
