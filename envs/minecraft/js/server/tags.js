'use strict';
// The registry tags of the login, with the ids of this version: by name patterns, by
// minecraft-data's materials and by what drops.

const { tooWeak } = require('../materials');
const { dataFile } = require('./facts');

/** Tags of tools over blocks: by minecraft-data's material names, and by the tools that make a block drop something. */
const OF_MATERIAL = /^mineable\/.*$/;
const OF_TIER = /^incorrect_for_(.*)_tool$/;

/**
 * @param {object} facts of loadFacts
 * @returns {{tags: object[]}} fields of the packet "tags"
 */
function tagsPacket(facts) {
  const { names, holds } = dataFile('tags.json');
  const { registry } = facts;
  const lists = { block: registry.blocksArray, item: registry.itemsArray, entity_type: registry.entitiesArray };
  const tags = Object.entries(names).map(([type, tagNames]) => ({
    tagType: `minecraft:${type}`,
    tags: tagNames.map((name) => ({ tagName: `minecraft:${name}`, entries: entries(registry, lists[type] || [], type,
      name, holds) })),
  }));
  return { tags };
}

function entries(registry, list, type, name, holds) {
  if (type === 'block' && OF_MATERIAL.test(name)) return list.filter((b) =>
    (b.material || '').split(';').includes(name)).map((b) => b.id);
  const tier = OF_TIER.exec(name);
  if (type === 'block' && tier) return list.filter((b) => tooWeak(registry, b, tier[1])).map((b) => b.id);
  if (!holds[name]) return [];
  const pattern = new RegExp(`^(${holds[name]})$`);
  return list.filter((entry) => pattern.test(entry.name)).map((entry) => entry.id);
}

module.exports = { tagsPacket };
