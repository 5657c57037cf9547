'use strict';
// What tool a block wants, on both sides of the line: client and server must reckon the same digging times.

const TOO_WEAK = /^incorrect_for_.*_tool$/;

/**
 * minecraft-data names a tag of tools that are too weak as the material of ores, obsidian and metal, by which a pickaxe
 * would be no faster than a hand: all of them want pickaxes.
 */
function mendMaterials(registry) {
  for (const block of registry.blocksArray) {
    if (TOO_WEAK.test(block.material || '')) block.material = 'mineable/pickaxe';
  }
}

/** Whether a block gives nothing to a pickaxe of a tier: the game's tags incorrect_for_TIER_tool. */
function tooWeak(registry, block, tier) {
  const pickaxe = (name) => registry.itemsByName[`${name === 'gold' ? 'golden' : name}_pickaxe`].id;
  const wants = block.harvestTools || {};
  return Boolean(wants[pickaxe('netherite')]) && !wants[pickaxe(tier)];
}

module.exports = { mendMaterials, tooWeak };
