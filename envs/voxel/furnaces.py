"""Furnaces: fire, fuel and time. Hoppers do not feed them."""

from __future__ import annotations

from typing import Any

from veclink.envs.facts import BLOCKS, ITEMS, SMELT_TICKS, SMELTING
from veclink.envs.voxel.containers import Furnace, at

COLD, LIT = BLOCKS.id("furnace"), BLOCKS.id("lit_furnace")
LAVA_BUCKET, BUCKET = ITEMS.id("lava_bucket"), ITEMS.id("bucket")
INPUT, FUEL, OUTPUT = range(3)
COOLS = 2  # ticks of cooking lost a tick without fire


def tick(world: Any) -> None:
    """One tick of all furnaces in the loaded part; far ones wait, as in Minecraft."""
    for (x, y, z), box in world.grid.contents.items():
        busy = isinstance(box, Furnace) and (box.burning or box.count[INPUT] or box.cooked)
        if busy and world.grid.get(x, y, z) in (COLD, LIT):
            _cook(world, x, y, z, box)


def product(box: Furnace) -> tuple[int, int, int, float] | None:
    """(item, variant, count, xp) that the input becomes, if there is room for it."""
    if not box.count[INPUT]:
        return None
    item, variant = int(box.item[INPUT]), int(box.variant[INPUT])
    made = SMELTING.get((item, variant)) or SMELTING.get((item, -1))
    if made is None:
        return None
    same = not box.count[OUTPUT] or (box.item[OUTPUT], box.variant[OUTPUT]) == made[:2]
    return made if same and box.count[OUTPUT] + made[2] <= ITEMS.stack[made[0]] else None


def _cook(world: Any, x: int, y: int, z: int, box: Furnace) -> None:
    was_lit = box.burning > 0
    box.burning = max(0, box.burning - 1)
    made = product(box)
    if made and not box.burning and box.count[FUEL] and ITEMS.fuel[box.item[FUEL]]:
        _feed(world, box)
    if made and box.burning:
        box.cooked += 1
        if box.cooked >= SMELT_TICKS:
            item, variant, _, _ = box.take(INPUT, 1)
            world.ledger.add("smelted", item, variant, -1)
            world.ledger.add("smelted", made[0], made[1], box.put_in(OUTPUT, *made[:3]))
            box.xp, box.cooked = box.xp + made[3], 0
    else:
        box.cooked = max(0, box.cooked - COOLS) if made else 0
    if was_lit != (box.burning > 0):
        world.grid.set(x, y, z, LIT if box.burning else COLD, world.grid.get_meta(x, y, z))


def _feed(world: Any, box: Furnace) -> None:
    """Burn one piece of fuel."""
    item, variant, _, _ = box.take(FUEL, 1)
    world.ledger.add("burnt", item, variant, -1)
    box.burning = int(ITEMS.fuel[item])
    if item == LAVA_BUCKET and not box.count[FUEL]:
        world.ledger.add("burnt", BUCKET, 0, box.put_in(FUEL, BUCKET, 0, 1))


def collect(world: Any, x: int, y: int, z: int) -> tuple[int, int, int]:
    """The player takes what is done, with its experience: (item, variant, count); what finds no room stays."""
    box = at(world, x, y, z)
    item, variant, count, durability = box.take(OUTPUT)
    left = world.player.inventory.add(item, variant, count, durability=durability) if count else 0
    if left:
        box.put_in(OUTPUT, item, variant, left)
    if isinstance(box, Furnace) and count > left:
        whole = int(box.xp)
        points = whole + (world.chance.uniform() < box.xp - whole)
        box.xp = 0.0
        if points:
            world.player.gain_xp(int(points))
    return item, variant, count - left
