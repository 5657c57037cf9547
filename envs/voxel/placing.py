"""Placing blocks: which block and metadata an item makes on a face, where it may stand, what is in the way.

Metadata by facing is Minecraft 1.11's.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from veclink.envs.facts import BLOCKS, ITEMS
from veclink.envs.voxel.kinds import KINDS
from veclink.envs.voxel.motion import WIDTH
from veclink.envs.voxel.physics import DOOR, DOWN, FACES, FENCE, KIND, PARTS, SLAB, STAIRS, TINY, TRAPDOOR, UP

HEIGHT = 128
SOUTH_, WEST_, NORTH_, EAST_ = range(4)  # quarters of the compass, as Minecraft counts them
# Metadata by the quarter one looks to (south, west, north, east).
ASCENDS = (2, 1, 3, 0)  # stairs rise ahead
FRONT = (2, 5, 3, 4)  # furnaces and chests face the one who places them
BACK = (2, 3, 0, 1)  # pumpkins, repeaters
AHEAD = (0, 1, 2, 3)  # gates, beds
DOORS = (1, 2, 3, 0)
HATCH = (0, 3, 1, 2)  # trapdoors on a floor or ceiling
STEP = ((0, 1), (-1, 0), (0, -1), (1, 0))  # x, z of each quarter
TO_QUARTER = {2: NORTH_, 3: SOUTH_, 4: WEST_, 5: EAST_}  # of a face's outward direction

DOUBLE = {"stone_slab": "double_stone_slab", "stone_slab2": "double_stone_slab2", "wooden_slab": "double_wooden_slab",
          "purpur_slab": "purpur_double_slab"}
PILLARS = frozenset({"log", "log2", "hay_block", "bone_block", "purpur_pillar"})
FRONTS = frozenset({"furnace", "chest", "trapped_chest", "ender_chest"})
BACKS = frozenset({"pumpkin", "lit_pumpkin", "unpowered_repeater", "unpowered_comparator", "end_portal_frame"})
SIX_WAYS = frozenset({"dispenser", "dropper", "piston", "sticky_piston", "observer"})
WALL_TORCH = {5: 1, 4: 2, 3: 3, 2: 4, 1: 5}  # face -> metadata of torches
BUTTON = {**WALL_TORCH, 0: 0}
SOIL = frozenset({"grass", "dirt", "farmland"})
GROUND = {  # what a plant stands on
    "sapling": SOIL, "tallgrass": SOIL, "double_plant": SOIL, "yellow_flower": SOIL, "red_flower": SOIL,
    "deadbush": frozenset({"sand", "hardened_clay", "stained_hardened_clay", "dirt"}),
    "wheat": frozenset({"farmland"}), "carrots": frozenset({"farmland"}), "potatoes": frozenset({"farmland"}),
    "beetroots": frozenset({"farmland"}), "melon_stem": frozenset({"farmland"}),
    "pumpkin_stem": frozenset({"farmland"}), "nether_wart": frozenset({"soul_sand"}),
    "cactus": frozenset({"cactus", "sand"}), "reeds": frozenset({"reeds", "grass", "dirt", "sand"}),
    "chorus_flower": frozenset({"end_stone", "chorus_plant"}), "chorus_plant": frozenset({"end_stone", "chorus_plant"}),
}
MUSHROOM_LIGHT = 12  # the most that mushrooms bear, but on mycelium
ON_FIRM = frozenset({"redstone_wire", "unpowered_repeater", "unpowered_comparator", "rail", "golden_rail",
                     "detector_rail", "activator_rail", "snow_layer", "cake", "flower_pot", "bed", "standing_sign",
                     "standing_banner"})
ON_WALL = frozenset({"ladder", "wall_sign", "wall_banner", "tripwire_hook"})
LEAVES = frozenset({"leaves", "leaves2"})
PLAIN_DATA = 0x0F
Form = tuple[int, int]  # block, metadata
Cell = tuple[tuple[int, int, int], int, int]  # place, block, metadata


def quarter_of(yaw: float) -> int:
    """The quarter of the compass one looks to: 0 south, 1 west, 2 north, 3 east."""
    return math.floor(yaw / 90 + 0.5) & 3


def name_at(grid: Any, x: int, y: int, z: int) -> str:
    """The block's name."""
    return BLOCKS.names[grid.get(x, y, z)]


def firm_top(grid: Any, x: int, y: int, z: int) -> bool:
    """Whether things can stand on a block: its top is whole and solid."""
    block, meta = grid.get(x, y, z), grid.get_meta(x, y, z)
    if KIND[block] == SLAB:
        return bool(meta & 8)
    if KIND[block] == STAIRS:
        return bool(meta & 4)
    return bool(BLOCKS.full[block]) and BLOCKS.names[block] not in LEAVES


def firm_side(grid: Any, x: int, y: int, z: int) -> bool:
    """Whether things can hang on a block: it is whole, solid and no glass."""
    block = grid.get(x, y, z)
    return bool(BLOCKS.full[block] and BLOCKS.opaque[block])


# -- which block -------------------------------------------------------------------------------------------------------


def form_of(item: int, variant: int, face: int, high: bool, yaw: float, pitch: float) -> Form:
    """The block and metadata that an item makes.

    Args:
        item, variant: the item; it has a block.
        face: of the block it is put on.
        high: whether the upper half of that face is meant.
        yaw, pitch: of the look, degrees.
    """
    block = int(ITEMS.block[item])
    name, quarter = BLOCKS.names[block], quarter_of(yaw)
    if name in ("standing_sign", "standing_banner"):
        if face == UP:
            return block, math.floor((yaw + 180) * 16 / 360 + 0.5) & 15
        return BLOCKS.id(name.replace("standing", "wall")), face
    for kind, meta in (
        (KIND[block] == STAIRS, ASCENDS[quarter] + (4 if face == DOWN or (face != UP and high) else 0)),
        (KIND[block] == SLAB, (variant & 7) | (8 if face == DOWN or (face != UP and high) else 0)),
        (KIND[block] == DOOR, DOORS[quarter]),
        (KIND[block] == TRAPDOOR, (face - 2 if face > UP else HATCH[quarter]) | (
            8 if face == DOWN or (face != UP and high) else 0)),
        (name.endswith("fence_gate") or name == "bed", AHEAD[quarter]),
        (name in FRONTS, FRONT[quarter]),
        (name in BACKS, BACK[quarter]),
        (name in SIX_WAYS, UP if pitch > 45 else DOWN if pitch < -45 else FRONT[quarter]),
        (name in PILLARS, (variant & 3) | (0, 8, 4)[face // 2]),
        (name == "quartz_block", variant if variant < 2 else (2, 4, 3)[face // 2]),
        (name in ("torch", "redstone_torch"), WALL_TORCH.get(face, 5)),
        (name.endswith("button"), BUTTON[face]),
        (name == "lever", (7 if face == DOWN else 6 if face == UP else WALL_TORCH[face])),
        (name in ("ladder", "end_rod") or name.endswith("shulker_box"), face),
        (name == "skull", face),
        (name == "hopper", 0 if face <= UP else face ^ 1),
        (name == "anvil", ((quarter + 1) & 3) | (variant << 2)),
        (name in LEAVES, (variant & 3) | 4),
        (name == "tripwire_hook", 0 if face <= UP else TO_QUARTER[face]),
        (name == "vine", 0 if face <= UP else 1 << TO_QUARTER[face ^ 1]),
        (name in ("rail", "golden_rail", "detector_rail", "activator_rail"), quarter & 1),
        (name == "snow_layer", 0),
    ):
        if kind:
            return block, int(meta)
    return block, variant & PLAIN_DATA if ITEMS.variants[item] else 0


# -- where it may stand ------------------------------------------------------------------------------------------------


def stands(grid: Any, x: int, y: int, z: int, block: int, meta: int) -> bool:
    """Whether a block has what holds it up: ground for plants, a wall for ladders, a floor for doors."""
    name = BLOCKS.names[block]
    if name in GROUND:
        return _rooted(grid, x, y, z, name)
    if name in ("brown_mushroom", "red_mushroom"):
        below = name_at(grid, x, y - 1, z)
        dark = max(grid.sky(x, y, z), grid.glow(x, y, z)) <= MUSHROOM_LIGHT
        return below == "mycelium" or (firm_side(grid, x, y - 1, z) and dark)
    if name == "waterlily":
        return name_at(grid, x, y - 1, z) in ("water", "flowing_water") and grid.get_meta(x, y - 1, z) == 0
    if name == "carpet":
        return grid.get(x, y - 1, z) != 0
    if name in ("torch", "redstone_torch"):
        if meta == 5:
            below = grid.get(x, y - 1, z)
            return firm_top(grid, x, y - 1, z) or KIND[below] == FENCE
        return _hangs(grid, x, y, z, {1: 5, 2: 4, 3: 3, 4: 2}.get(meta, UP))
    if name in ON_WALL:
        face = {NORTH_: 2, SOUTH_: 3, WEST_: 4, EAST_: 5}[meta & 3] if name == "tripwire_hook" else meta % 6
        return _hangs(grid, x, y, z, face)
    if name == "lever" or name.endswith("button"):
        return _hangs(grid, x, y, z, {1: 5, 2: 4, 3: 3, 4: 2, 5: 1, 6: 1, 0: 0, 7: 0}[meta & 7])
    if name == "vine":
        return any(meta & 1 << quarter and firm_side(grid, x + dx, y, z + dz) for quarter, (dx, dz) in enumerate(STEP))
    if name in ON_FIRM or name.endswith("pressure_plate") or KIND[block] == DOOR:
        return firm_top(grid, x, y - 1, z)
    return True


def _hangs(grid: Any, x: int, y: int, z: int, face: int) -> bool:
    """Whether there is a firm block behind a thing that points to `face`."""
    dx, dy, dz = FACES[face].tolist()
    return firm_top(grid, x, y - 1, z) if face == UP else firm_side(grid, x - dx, y - dy, z - dz)


def _rooted(grid: Any, x: int, y: int, z: int, name: str) -> bool:
    below = name_at(grid, x, y - 1, z)
    if below not in GROUND[name]:
        return False
    around = [(x + dx, z + dz) for dx, dz in STEP]
    if name == "reeds" and below != "reeds":
        return any(BLOCKS.liquid[grid.get(i, y - 1, k)] == 1 for i, k in around)
    if name == "cactus":
        return not any(BLOCKS.solid[grid.get(i, y, k)] for i, k in around)
    return True


def in_the_way(world: Any, x: int, y: int, z: int, block: int) -> bool:
    """Whether a body is where a solid block would be."""
    if not PARTS[block]:
        return False
    side, top = float(BLOCKS.side[block]), float(BLOCKS.top[block])
    player = world.player
    px, py, pz = player.pos.tolist()
    reach = side + WIDTH / 2 - TINY
    if (abs(px - x - 0.5) < reach and abs(pz - z - 0.5) < reach and py < y + top - TINY
            and py + player.height > y + TINY):
        return True
    mobs = world.mobs.records
    if not mobs["alive"].any():
        return False
    sizes = np.where(mobs["baby"], 0.5, 1.0) * np.maximum(mobs["size"], 1)
    half, tall = KINDS["width"][mobs["kind"]] * sizes / 2, KINDS["height"][mobs["kind"]] * sizes
    hit = mobs["alive"] & (np.abs(mobs["x"] - x - 0.5) < side + half) & (np.abs(mobs["z"] - z - 0.5) < side + half)
    return bool((hit & (mobs["y"] < y + top) & (mobs["y"] + tall > y)).any())


# -- doing it ----------------------------------------------------------------------------------------------------------


def place(world: Any, slot: int, hit: tuple[int, int, int, int, float]) -> bool:
    """Place the block of a slot's item on what one looks at.

    Args:
        slot: of the player's inventory.
        hit: x, y, z of the block looked at, the face, the height of the point within that block.

    Returns:
        whether it was placed; one item is gone then.
    """
    player, grid = world.player, world.grid
    item, variant, count, _ = player.inventory.stack(slot)
    x, y, z, face, height = hit
    if not count or not ITEMS.block[item]:
        return False
    block, meta = form_of(item, variant, face, height > 0.5, player.yaw, player.pitch)
    if _joined(world, x, y, z, face, block, meta):
        return _spend(world, slot, (x, y, z))
    deep_snow = name_at(grid, x, y, z) == "snow_layer" and grid.get_meta(x, y, z) & 7
    if deep_snow or not BLOCKS.replaceable[grid.get(x, y, z)]:
        dx, dy, dz = FACES[face].tolist()
        x, y, z = x + dx, y + dy, z + dz
        if KIND[block] == SLAB and _joined(world, x, y, z, face, block, meta, inside=True):
            return _spend(world, slot, (x, y, z))
    else:  # what is replaced is no wall to hang on
        block, meta = form_of(item, variant, UP, False, player.yaw, player.pitch)
    if not 0 <= y < HEIGHT or not grid.loaded(x, z) or not BLOCKS.replaceable[grid.get(x, y, z)]:
        return False
    cells = _cells(world, x, y, z, block, meta)
    if cells is None or in_the_way(world, x, y, z, block):
        return False
    for place_, block_, meta_ in cells:
        grid.set(*place_, block_, meta_)
    return _spend(world, slot, (x, y, z))


def _cells(world: Any, x: int, y: int, z: int, block: int, meta: int) -> list[Cell] | None:
    """Everything to be set for one item; None where it may not stand there."""
    grid, name = world.grid, BLOCKS.names[block]
    if name in ("torch", "redstone_torch") and not stands(grid, x, y, z, block, meta):
        meta = next((other for other in (4, 2, 3, 1, 5) if stands(grid, x, y, z, block, other)), meta)
    if not stands(grid, x, y, z, block, meta):
        return None
    first = ((x, y, z), block, meta)
    if KIND[block] == DOOR:
        if y + 1 >= HEIGHT or not BLOCKS.replaceable[grid.get(x, y + 1, z)]:
            return None
        return [first, ((x, y + 1, z), block, 8 | _hinge(grid, x, y, z, meta))]
    if name == "double_plant":
        if y + 1 >= HEIGHT or grid.get(x, y + 1, z):
            return None
        return [first, ((x, y + 1, z), block, 8)]
    if name == "bed":
        dx, dz = STEP[meta & 3]
        head = (x + dx, y, z + dz)
        if not BLOCKS.replaceable[grid.get(*head)] or not stands(grid, *head, block, meta):
            return None
        return [first, (head, block, meta | 8)]
    return [first]


def _hinge(grid: Any, x: int, y: int, z: int, meta: int) -> int:
    """0: on the left, 1: on the right; beside another door they make a pair."""
    quarter = DOORS.index(meta)

    def look(turn: int) -> tuple[int, bool]:
        dx, dz = STEP[(quarter + turn) & 3]
        cells = [grid.get(x + dx, y + up, z + dz) for up in (0, 1)]
        return sum(bool(BLOCKS.full[cell]) for cell in cells), any(KIND[cell] == DOOR for cell in cells)

    (walls_right, door_right), (walls_left, door_left) = look(1), look(-1)
    if (not door_left or door_right) and walls_right <= walls_left:
        return 0
    return 1


def _joined(world: Any, x: int, y: int, z: int, face: int, block: int, meta: int, inside: bool = False) -> bool:
    """Slabs on slabs make a whole block, snow on snow a higher layer. True where it was done."""
    grid = world.grid
    old, old_meta = grid.get(x, y, z), grid.get_meta(x, y, z)
    if old != block:
        return False
    name = BLOCKS.names[block]
    if name == "snow_layer" and old_meta & 7 < 7:
        grid.set(x, y, z, block, old_meta + 1)
        return True
    if KIND[block] != SLAB or (old_meta ^ meta) & 7:
        return False
    if inside or face == (DOWN if old_meta & 8 else UP):
        whole = BLOCKS.id(DOUBLE[name])
        if in_the_way(world, x, y, z, whole):
            return False
        grid.set(x, y, z, whole, old_meta & 7)
        return True
    return False


def _spend(world: Any, slot: int, place_: tuple[int, int, int]) -> bool:
    bag = world.player.inventory
    item = int(bag.item[slot])
    bag.take(slot, 1, "placed")
    world.events.append(("place", {"item": ITEMS.names[item], "x": place_[0], "y": place_[1], "z": place_[2]}))
    return True
