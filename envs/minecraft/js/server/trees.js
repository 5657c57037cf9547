'use strict';
// Trees: each kind is drawn from its own hash, into whichever column asks; cells outside the column are left out, so
// that every column that a tree touches draws its own part of the same tree. Saplings grow the same kinds.

const { Chance } = require('./random');
const { HEIGHT } = require('./column');

/** Kinds by the wood they are of, least and most height, and shape. */
const KINDS = {
  oak: { wood: 'oak', least: 4, most: 6, shape: round },
  swamp_oak: { wood: 'oak', least: 5, most: 7, shape: round },
  birch: { wood: 'birch', least: 5, most: 7, shape: round },
  jungle: { wood: 'jungle', least: 6, most: 10, shape: round },
  bush: { wood: 'jungle', leaves: 'oak', least: 1, most: 1, shape: bush },
  spruce: { wood: 'spruce', least: 6, most: 9, shape: cone },
  mega_spruce: { wood: 'spruce', least: 14, most: 20, wide: true, shape: cone },
  mega_jungle: { wood: 'jungle', least: 14, most: 20, wide: true, shape: crown },
  dark_oak: { wood: 'dark_oak', least: 6, most: 8, wide: true, shape: crown },
  acacia: { wood: 'acacia', least: 5, most: 7, shape: umbrella },
  huge_red_mushroom: { stem: 'mushroom_stem', cap: 'red_mushroom_block', least: 4, most: 6, shape: cap },
  huge_brown_mushroom: { stem: 'mushroom_stem', cap: 'brown_mushroom_block', least: 4, most: 6, shape: cap },
};

function round(draw, { x, y, z }, height, chance) {
  for (let dy = height - 3; dy <= height; dy++) {
    const r = dy > height - 2 ? 1 : 2;
    for (let dx = -r; dx <= r; dx++) {
      for (let dz = -r; dz <= r; dz++) {
        const corner = Math.abs(dx) === r && Math.abs(dz) === r;
        if (corner && (dy === height || chance.lucky(0.5))) continue;
        draw.leaf(x + dx, y + dy, z + dz);
      }
    }
  }
  draw.trunk(x, y, z, height);
}

function bush(draw, { x, y, z }, height, chance) {
  for (let dy = 0; dy < 3; dy++) {
    const r = 2 - dy;
    for (let dx = -r; dx <= r; dx++) {
      for (let dz = -r; dz <= r; dz++) if (Math.abs(dx) + Math.abs(dz) < 2 * r || r === 0 || chance.lucky(0.4))
        draw.leaf(x + dx, y + dy, z + dz);
    }
  }
  draw.trunk(x, y, z, height);
}

function cone(draw, { x, y, z }, height, chance, kind) {
  const bare = kind.wide ? Math.floor(height / 2) : chance.between(1, 2);
  const most = kind.wide ? 4 : chance.between(2, 3);
  let r = 0;
  let limit = 1;
  for (let dy = height; dy >= bare; dy--) {
    for (let dx = -r; dx <= r + (kind.wide ? 1 : 0); dx++) {
      for (let dz = -r; dz <= r + (kind.wide ? 1 : 0); dz++) {
        const far = Math.max(Math.abs(dx), Math.abs(dz));
        if (r > 0 && far === r && Math.abs(dx) === Math.abs(dz)) continue;
        draw.leaf(x + dx, y + dy, z + dz);
      }
    }
    if (r >= limit) {
      r = limit > 1 ? 1 : 0;
      limit = Math.min(most, limit + 1);
    } else r++;
  }
  wideTrunk(draw, x, y, z, height, kind.wide);
}

function crown(draw, { x, y, z }, height, chance, kind) {
  for (let dy = height - 2; dy <= height + 1; dy++) {
    const r = dy > height ? 2 : dy === height - 2 ? 3 : 4;
    for (let dx = -r; dx <= r + 1; dx++) {
      for (let dz = -r; dz <= r + 1; dz++) {
        const ax = dx - 0.5;
        const az = dz - 0.5;
        if (ax * ax + az * az > (r + 0.4) ** 2 || (ax * ax + az * az > r * r && chance.lucky(0.4))) continue;
        draw.leaf(x + dx, y + dy, z + dz);
      }
    }
  }
  wideTrunk(draw, x, y, z, height, kind.wide);
}

function wideTrunk(draw, x, y, z, height, wide) {
  draw.trunk(x, y, z, height);
  if (!wide) return;
  for (const [dx, dz] of [[1, 0], [0, 1], [1, 1]]) draw.trunk(x + dx, y, z + dz, height - 1, 2);
}

function umbrella(draw, { x, y, z }, height, chance) {
  const dx = chance.between(-1, 1);
  const dz = chance.between(-1, 1);
  const bend = height - chance.between(1, 3);
  let px = x;
  let pz = z;
  const cells = [];
  for (let dy = 0; dy < height; dy++) {
    if (dy >= bend) {
      px += dx;
      pz += dz;
    }
    cells.push([px, y + dy, pz]);
  }
  for (let a = -3; a <= 3; a++) {
    for (let b = -3; b <= 3; b++) {
      if (Math.abs(a) === 3 && Math.abs(b) === 3) continue;
      draw.leaf(px + a, y + height - 1, pz + b);
      if (Math.abs(a) < 2 && Math.abs(b) < 2) draw.leaf(px + a, y + height, pz + b);
    }
  }
  draw.ground(x, y - 1, z);
  for (const cell of cells) draw.log(...cell);
}

function cap(draw, { x, y, z }, height, chance, kind) {
  const flat = kind.cap.startsWith('brown');
  const r = flat ? 3 : 2;
  for (let dy = flat ? height : height - 3; dy <= height; dy++) {
    for (let dx = -r; dx <= r; dx++) {
      for (let dz = -r; dz <= r; dz++) {
        const edge = Math.max(Math.abs(dx), Math.abs(dz)) === r;
        if (Math.abs(dx) === r && Math.abs(dz) === r) continue;
        if (flat || (dy === height ? !edge : edge)) draw.leaf(x + dx, y + dy, z + dz);
      }
    }
  }
  for (let dy = 0; dy < height; dy++) draw.log(x, y + dy, z);
}

/**
 * @param {object} states .state(name, properties) -> state, .facts
 * @param {(x, y, z) => number} get  @param {(x, y, z, state) => void} set  cells that are not there: get gives -1
 * @param {{x, y, z, kind, salt}} tree  lowest cell of the trunk
 */
function drawTree(states, get, set, tree) {
  const kind = KINDS[tree.kind];
  const { facts } = states;
  const chance = new Chance(tree.salt);
  const height = chance.between(kind.least, kind.most);
  const leaves = kind.cap ? states.state(kind.cap) : states.state(`${kind.leaves || kind.wood}_leaves`,
    { distance: '1', persistent: 'false' });
  const log = states.state(kind.stem || `${kind.wood}_log`);
  const soft = (state) => state === 0 || (state > 0 && (facts.replaceable[state] || facts.plant[state]
    || facts.block[state].name.endsWith('_leaves')) && !facts.liquid[state]);
  const draw = {
    leaf(x, y, z) {
      const state = get(x, y, z);
      if (state === 0 || (state > 0 && facts.replaceable[state] && !facts.liquid[state])) set(x, y, z, leaves);
    },
    log(x, y, z) {
      const state = get(x, y, z);
      if (soft(state) || facts.liquid[state] === 1) set(x, y, z, log);
    },
    ground(x, y, z) {
      const state = get(x, y, z);
      if (state >= 0 && facts.block[state].name === 'grass_block') set(x, y, z, states.state('dirt'));
    },
    trunk(x, y, z, tall, deep = 0) {
      draw.ground(x, y - 1, z);
      for (let dy = -deep; dy < tall; dy++) draw.log(x, y + dy, z);
    },
  };
  kind.shape(draw, tree, height, chance, kind);
}

/** Draws the part of a tree that lies in one column. */
function growTree(states, column, tree) {
  const x0 = column.cx << 4;
  const z0 = column.cz << 4;
  const inside = (x, y, z) => y > 0 && y < HEIGHT && x >> 4 === column.cx && z >> 4 === column.cz;
  const get = (x, y, z) => (inside(x, y, z) ? column.blocks[(y << 8) | ((z - z0) << 4) | (x - x0)] : -1);
  const set = (x, y, z, state) => {
    if (inside(x, y, z)) column.blocks[(y << 8) | ((z - z0) << 4) | (x - x0)] = state;
  };
  drawTree(states, get, set, tree);
}

module.exports = { growTree, drawTree, KINDS };
