"""Breaking blocks: how long it takes, what it leaves, what it does to the tool."""

from __future__ import annotations

import math
from typing import Any

from veclink.envs.facts import BLOCKS, ITEMS, drops_of, harvests, mining_speed, xp_of
from veclink.envs.facts.blocks import TOOLS
from veclink.envs.voxel import health
from veclink.envs.voxel.physics import FACES, HEAD_IN_WATER

PAUSE = 5  # ticks between two blocks
ROUNDING = 1e-9
RIGHT_TOOL, WRONG_TOOL = 30.0, 100.0  # ticks for a hardness of 1 with bare hands
IN_WATER_FACTOR, IN_AIR_FACTOR = 5.0, 5.0
SWORD, SHEARS, HOE = TOOLS.index("sword"), TOOLS.index("shears"), TOOLS.index("hoe")
FIRE, ICE, WATER, MONSTER_EGG = (BLOCKS.id(name) for name in ("fire", "ice", "water", "monster_egg"))


def breaking_speed(block: int, item: int, under_water: bool = False, on_ground: bool = True) -> float:
    """Share of a block that a tick of breaking takes, by Minecraft 1.11's rules; 0 for what cannot be broken.

    Args:
        block: its id.
        item: what the hand holds, by id (air: nothing).
        under_water: whether the head is.
        on_ground: whether one stands.
    """
    hardness = float(BLOCKS.hardness[block])
    if hardness < 0:
        return 0.0
    if hardness == 0:
        return 1.0
    speed = mining_speed(block, item)
    if under_water:
        speed /= IN_WATER_FACTOR
    if not on_ground:
        speed /= IN_AIR_FACTOR
    return speed / hardness / (RIGHT_TOOL if harvests(block, item) else WRONG_TOOL)


class Mining:
    """The block that is being broken.

    Attributes:
        target: its place, or None. block: its id when it was begun. item: what the hand held then.
        progress: 0..1.
        rest: ticks until the next block can be begun.
    """

    def __init__(self) -> None:
        self.target: tuple[int, int, int] | None = None
        self.block, self.item, self.progress, self.rest = 0, 0, 0.0, 0

    def stop(self) -> None:
        """Let go."""
        self.target, self.progress = None, 0.0

    def dig(self, world: Any, x: int, y: int, z: int, face: int) -> bool:
        """A tick of breaking a block; True where it broke."""
        player, grid = world.player, world.grid
        fire = (x + int(FACES[face, 0]), y + int(FACES[face, 1]), z + int(FACES[face, 2]))
        if grid.get(*fire) == FIRE:
            grid.set(*fire, 0)
            return False
        if self.rest > 0:
            self.rest -= 1
            return False
        block, item = grid.get(x, y, z), int(player.inventory.item[player.held])
        if (x, y, z) != self.target or block != self.block or item != self.item:
            self.target, self.block, self.item, self.progress = (x, y, z), block, item, 0.0
        speed = breaking_speed(block, item, bool(player.bits & HEAD_IN_WATER), player.on_ground)
        self.progress += speed * player.break_speed
        if self.progress < 1.0 - ROUNDING:  # ten tenths are a whole
            return False
        self.rest = PAUSE if speed * player.break_speed < 1.0 else 0
        self.stop()
        break_block(world, x, y, z)
        return True

    def state(self) -> dict[str, Any]:
        """To be saved."""
        return {"target": None if self.target is None else list(self.target), "block": self.block, "item": self.item,
                "progress": self.progress, "rest": self.rest}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state()`."""
        target = state["target"]
        self.target = None if target is None else (target[0], target[1], target[2])
        self.block, self.item = state["block"], state["item"]
        self.progress, self.rest = state["progress"], state["rest"]


def break_block(world: Any, x: int, y: int, z: int) -> None:
    """The player breaks a block with what the hand holds: drops, experience, wear, exhaustion."""
    player, grid = world.player, world.grid
    bag, held = player.inventory, player.held
    block, meta, item = grid.get(x, y, z), grid.get_meta(x, y, z), int(bag.item[held])
    found = drops_of(block, meta, item, int(bag.variant[held]), world.chance)
    if harvests(block, item):
        player.gain_xp(xp_of(block, world.chance))
    grid.set(x, y, z, *_left_behind(grid, block, x, y, z))
    for kind, variant, count in found:
        world.drops.add(x + 0.5, y + 0.25, z + 0.5, kind, variant, count, cause="mined")
    if block == MONSTER_EGG:
        world.mobs.add("silverfish", x + 0.5, float(y), z + 0.5)
    tool = int(ITEMS.tool[item])
    if tool and tool != HOE and (BLOCKS.hardness[block] > 0 or tool == SHEARS):
        world.events.append(("use", {"item": ITEMS.names[item]}))
        bag.wear(held, 2 if tool == SWORD else 1)
    player.tire(health.MINES)
    world.events.append(("mine", {"block": BLOCKS.names[block], "x": x, "y": y, "z": z}))


def _left_behind(grid: Any, block: int, x: int, y: int, z: int) -> tuple[int, int]:
    """Block and metadata that take a broken block's place: ice over something melts."""
    if block == ICE:
        below = grid.get(x, y - 1, z)
        if BLOCKS.blocks_movement[below] or BLOCKS.liquid[below]:
            return WATER, 0
    return 0, 0


def ticks_to_break(block: int, item: int) -> float:
    """Ticks that breaking takes a player who stands on the ground in air; infinite for what cannot be broken."""
    speed = breaking_speed(block, item)
    return math.ceil(1 / speed - 1e-9) if speed > 0 else math.inf
