'use strict';
// The viewer's page as it is served: what in it does not fit the contract or draws mobs wrong is mended.

const fs = require('fs');

const DRAWN = '1.21.4'; // the version whose textures are kept, as in node.py
// what of its script is replaced: [what for, the text, what stands in its place]
const MENDED = [
  ['the field of view', /PerspectiveCamera\(75,/, 'PerspectiveCamera(70,'], // degrees, of the height
  ['the height of the eyes', /playerHeight=1\.6,/, 'playerHeight=1.62,'],
  ['mobs', /const (\w+)=(\w+)\[(\w+)\];if\(!\1\)throw new Error\(`Unknown entity/,
    'const $1=window.mended($3,$2[$3]);if(!$1)throw new Error(`Unknown entity'],
];
// textures that lay elsewhere in the version whose mobs the page knows, or are a part of a mob's dress alone
const MOVED = {
  'entity/arrow': 'entity/projectiles/arrow',
  'entity/squid': 'entity/squid/squid',
  'entity/steve': 'entity/player/wide/steve',
  'entity/villager/profession/farmer': 'entity/villager/villager',
  'entity/zombie_villager/profession/weaponsmith': 'entity/zombie_villager/zombie_villager',
};

/** Runs in the page before its own script: puts `window.mended` there, which mends the model of a mob. */
function mender() {
  const heights = { sheep: 32, zombie: 64, husk: 64 }; // of the textures, in their pixels
  window.mended = (name, model) => {
    if (!model) return model;
    const { geometry, textures } = model;
    delete geometry.charged; // or every creeper would be
    if (!textures.default) [textures.default] = Object.values(textures); // of several coats the first
    for (const shape of Object.values(geometry)) if (name in heights) shape.textureheight = heights[name];
    const bones = geometry.default ? geometry.default.bones : [];
    for (const bone of bones) {
      const cube = bone.cubes && bone.cubes[0];
      if (name === 'chicken' && cube.rotation) { // the page turns cubes round the world's middle, bones as it should
        bone.bind_pose_rotation = cube.rotation;
        delete cube.rotation;
      }
      if ((name === 'zombie' || name === 'husk') && /Arm$/.test(bone.name)) bone.bind_pose_rotation = [-90, 0, 0];
    }
    return model;
  };
}

/** The page's script, mended; says so on stderr where it is another than we know. */
function script() {
  let text = fs.readFileSync(require.resolve('prismarine-viewer/public/index.js'), 'utf8');
  for (const [what, old, better] of MENDED) {
    if (!old.test(text)) console.error(`the viewer's page is another than known, so it is not mended: ${what}`);
    text = text.replace(old, better);
  }
  return text;
}

/** The address of a mob's texture among those that are there. */
function moved(url) {
  return url.replace(/textures\/[\d.]+\/(entity\/.*)\.png/, (_, file) =>
    `textures/${DRAWN}/${MOVED[file] || file}.png`);
}

/** Serves a playwright page's script and textures mended, whatever it then opens. */
async function mend(page) {
  await page.addInitScript(mender);
  await page.route('**/index.js', (route) => route.fulfill({ contentType: 'text/javascript', body: script() }));
  await page.route('**/textures/*/entity/**', (route) => route.continue({ url: moved(route.request().url()) }));
}

module.exports = { mend };
