"""What the hand works: doors, gates, trapdoors, levers and buttons, beds, cake, cauldrons.

Levers and buttons power what touches them or the block they hang on: doors, trapdoors, gates, lamps, TNT. There is no
other redstone: no wire, repeaters, pistons or pressure plates that do anything, and what a lever has switched on
stays so where the lever is broken.
"""

from __future__ import annotations

from typing import Any

from veclink.envs.facts import BLOCKS, ITEMS, MOBS
from veclink.envs.voxel import explosion
from veclink.envs.voxel.crafting import give
from veclink.envs.voxel.physics import FACES
from veclink.envs.voxel.support import DOORS, HEADING, UPPER

OPEN, POWERED = 4, 8  # bits of doors' lower halves, trapdoors and gates; of levers and buttons
WOODEN = tuple(name for name in DOORS if name != "iron_door")
GATES = tuple(name for name in BLOCKS.names if name.endswith("fence_gate"))
BUTTON_TICKS = {"stone_button": 20, "wooden_button": 30}
BEHIND = {1: (-1, 0, 0), 2: (1, 0, 0), 3: (0, 0, -1), 4: (0, 0, 1), 5: (0, -1, 0), 6: (0, -1, 0), 0: (0, 1, 0),
          7: (0, 1, 0)}  # of levers and buttons by metadata: where they hang
MONSTERS_NEAR = (8.0, 5.0)  # blocks to the side, up and down, in which a monster keeps one awake
BED_BLAST = 5.0  # power of a bed where one does not sleep
SLICES, SLICE = 7, (2, 0.4)  # of a cake: the last slice's metadata is 6; food, saturation
WATER_BUCKET, BUCKET = ITEMS.id("water_bucket"), ITEMS.id("bucket")
LAMP, LIT_LAMP, TNT = (BLOCKS.id(name) for name in ("redstone_lamp", "lit_redstone_lamp", "tnt"))
NAMES = BLOCKS.names


def open_door(world: Any, x: int, y: int, z: int, face: int = 1) -> bool:
    """Open or close; the lower half has the state."""
    grid = world.grid
    low = y - 1 if grid.get_meta(x, y, z) & UPPER else y
    grid.set(x, low, z, grid.get(x, low, z), grid.get_meta(x, low, z) ^ OPEN)
    return True


def open_gate(world: Any, x: int, y: int, z: int, face: int = 1) -> bool:
    """Trapdoors and fence gates."""
    grid = world.grid
    grid.set(x, y, z, grid.get(x, y, z), grid.get_meta(x, y, z) ^ OPEN)
    return True


def pull(world: Any, x: int, y: int, z: int, face: int = 1) -> bool:
    """A lever goes over."""
    grid = world.grid
    meta = grid.get_meta(x, y, z) ^ POWERED
    grid.set(x, y, z, grid.get(x, y, z), meta)
    power(world, x, y, z, meta)
    return True


def press(world: Any, x: int, y: int, z: int, face: int = 1) -> bool:
    """A button goes in, and comes out by itself."""
    grid = world.grid
    block, meta = grid.get(x, y, z), grid.get_meta(x, y, z)
    if not meta & POWERED:
        grid.set(x, y, z, block, meta | POWERED)
        power(world, x, y, z, meta | POWERED)
        world.rules.schedule(x, y, z, BUTTON_TICKS[NAMES[block]])
    return True


def release(world: Any, x: int, y: int, z: int) -> None:
    """A button comes out."""
    grid = world.grid
    meta = grid.get_meta(x, y, z)
    if meta & POWERED:
        grid.set(x, y, z, grid.get(x, y, z), meta & ~POWERED)
        power(world, x, y, z, meta & ~POWERED)


def power(world: Any, x: int, y: int, z: int, meta: int) -> None:
    """Switch what touches a lever or button, or the block behind it."""
    dx, dy, dz = BEHIND[meta & 7]
    done: set[tuple[int, int, int]] = set()
    for i, j, k in ((x, y, z), (x + dx, y + dy, z + dz)):
        for a, b, c in FACES.tolist():
            place = (i + a, j + b, k + c)
            if place not in done and place != (x, y, z):
                done.add(place)
                _switch(world, *place, on=bool(meta & POWERED))


def _switch(world: Any, x: int, y: int, z: int, on: bool) -> None:
    grid = world.grid
    block = grid.get(x, y, z)
    name = NAMES[block]
    if name in DOORS:
        low = y - 1 if grid.get_meta(x, y, z) & UPPER else y
        if bool(grid.get_meta(x, low, z) & OPEN) != on:
            open_door(world, x, low, z)
    elif name in GATES or name.endswith("trapdoor"):
        if bool(grid.get_meta(x, y, z) & OPEN) != on:
            open_gate(world, x, y, z)
    elif block in (LAMP, LIT_LAMP):
        grid.set(x, y, z, LIT_LAMP if on else LAMP)
    elif block == TNT and on:
        explosion.prime(world, x, y, z)


def go_to_bed(world: Any, x: int, y: int, z: int, face: int = 1) -> bool:
    """Sleep at night or in a thunderstorm, unless a monster is near; the bed becomes one's home in any case."""
    grid, player = world.grid, world.player
    meta = grid.get_meta(x, y, z)
    dx, dz = HEADING[meta & 3]
    if not meta & UPPER:
        x, z = x + dx, z + dz
    if world.realm != "overworld":
        for place in ((x, y, z), (x - dx, y, z - dz)):
            grid.set(*place, 0)
        world.explode(x + 0.5, y + 0.5, z + 0.5, BED_BLAST)
        return True
    player.bed = (x, y, z)
    if not world.sky.dark:
        world.events.append(("no sleep", {"why": "it is day"}))
    elif _monsters(world, x, y, z):
        world.events.append(("no sleep", {"why": "monsters are near"}))
    else:
        player.lie_down(x, y, z)
    return True


def _monsters(world: Any, x: int, y: int, z: int) -> bool:
    records, (wide, high) = world.mobs.records, MONSTERS_NEAR
    near = (records["alive"] & MOBS.hostile[records["kind"]] & (abs(records["x"] - x) <= wide)
            & (abs(records["y"] - y) <= high) & (abs(records["z"] - z) <= wide))
    return bool(near.any())


def eat_cake(world: Any, x: int, y: int, z: int, face: int = 1) -> bool:
    """A slice, for the hungry."""
    grid, player = world.grid, world.player
    if player.food >= 20:
        return False
    player.feed(*SLICE)
    meta = grid.get_meta(x, y, z) + 1
    grid.set(x, y, z, *((0, 0) if meta >= SLICES else (grid.get(x, y, z), meta)))
    return True


def cauldron(world: Any, x: int, y: int, z: int, face: int = 1) -> bool:
    """A bucket of water goes in or out."""
    grid, player = world.grid, world.player
    bag, level = player.inventory, grid.get_meta(x, y, z)
    item, _, count, _ = bag.stack(player.held)
    if item == WATER_BUCKET and level < 3:
        bag.put(player.held, BUCKET, 0, 1, "poured")
        grid.set(x, y, z, grid.get(x, y, z), 3)
        return True
    if item == BUCKET and level == 3:
        if count == 1:
            bag.put(player.held, WATER_BUCKET, 0, 1, "poured")
        else:
            bag.take(player.held, 1, "poured")
            give(world, WATER_BUCKET, 0, 1, "poured")
        grid.set(x, y, z, grid.get(x, y, z), 0)
        return True
    return False


USE = {
    **dict.fromkeys(WOODEN, open_door), **dict.fromkeys(GATES, open_gate), "trapdoor": open_gate, "lever": pull,
    "stone_button": press, "wooden_button": press, "bed": go_to_bed, "cake": eat_cake, "cauldron": cauldron,
}  # fmt: skip
DUE = {"stone_button": release, "wooden_button": release}
