"""Sand, gravel, anvils and dragon eggs fall where nothing holds them.

They do not sink bit by bit: when their time has come they are at once where they would stop. One that stops where no
block can be (on a slab, in a torch, in the player) breaks into its item; one that falls out of the world is gone.
Falling anvils hurt nobody and lose nothing of their own.
"""

from __future__ import annotations

from typing import Any

from veclink.envs.facts import BLOCKS, ITEMS
from veclink.envs.voxel.motion import WIDTH
from veclink.envs.voxel.physics import PARTS, TINY, box_of

WAITS = {"sand": 2, "gravel": 2, "anvil": 2, "dragon_egg": 5}  # ticks from the loss of the ground to the fall
DELAYS = {BLOCKS.id(name): ticks for name, ticks in WAITS.items()}
FIRE = BLOCKS.id("fire")
ANVIL, WORN = BLOCKS.id("anvil"), 2  # bits of an anvil's metadata before those of its wear
WHOLE = 0.999  # height of a block on which another has a cell of its own


def gives_way(block: int) -> bool:
    """Whether what falls begins to fall with this below it."""
    return block == 0 or block == FIRE or BLOCKS.liquid[block] > 0


def check(world: Any, x: int, y: int, z: int) -> None:
    """It, or what is beside it, changed."""
    grid = world.grid
    if y > 0 and gives_way(grid.get(x, y - 1, z)):
        world.rules.schedule(x, y, z, DELAYS[grid.get(x, y, z)] - 1)  # the change was one tick ago


def height(grid: Any, x: int, y: int, z: int) -> float:
    """Of what stops bodies in a cell: 0.0 to 1.5."""
    block = grid.get(x, y, z)
    parts = (box_of(grid.blocks, grid.meta, grid.bounds, x, y, z, block, part) for part in range(int(PARTS[block])))
    return max((float(part[4]) for part in parts if part[3] > part[0]), default=0.0)


def fall(world: Any, x: int, y: int, z: int) -> None:
    """Go down to the first stop, in one go."""
    grid = world.grid
    if y == 0 or not gives_way(grid.get(x, y - 1, z)):
        return
    block, meta = grid.get(x, y, z), grid.get_meta(x, y, z)
    grid.set(x, y, z, 0)
    lowest = y - 1
    while lowest >= 0 and height(grid, x, lowest, z) == 0.0:
        lowest -= 1
    if lowest < 0:
        return
    top = height(grid, x, lowest, z)
    stop = lowest + 1 if top >= WHOLE else lowest
    if top >= WHOLE and BLOCKS.replaceable[grid.get(x, stop, z)] and not on_player(world, x, stop, z):
        grid.set(x, stop, z, block, meta)
    else:
        _break(world, x, stop + top % 1.0, z, block, meta)


def on_player(world: Any, x: int, y: int, z: int) -> bool:
    """Whether a whole block in a cell would be in the player's body."""
    px, py, pz = world.player.pos.tolist()
    reach = 0.5 + WIDTH / 2 - TINY
    return (abs(px - x - 0.5) < reach and abs(pz - z - 0.5) < reach
            and py < y + 1 - TINY and py + world.player.height > y + TINY)


def _break(world: Any, x: int, y: float, z: int, block: int, meta: int) -> None:
    """The block's item on the ground."""
    variant = meta >> WORN if block == ANVIL else meta & int(BLOCKS.keeps[block])
    world.drops.add(x + 0.5, y, z + 0.5, ITEMS.id(BLOCKS.names[block]), variant, 1, cause="fallen")


REACT, DUE = dict.fromkeys(WAITS, check), dict.fromkeys(WAITS, fall)
