"""A small world with the real player, drops, mobs and shots on a flat grid, for tests of what the player does."""

from __future__ import annotations

from typing import Any

from voxel_fakes import FLOOR, FlatSource

from veclink.envs.facts import BLOCKS, ITEMS
from veclink.envs.voxel.chance import Chance
from veclink.envs.voxel.drops import Drops
from veclink.envs.voxel.grid import Grid
from veclink.envs.voxel.inventory import Ledger
from veclink.envs.voxel.mobs import Mobs
from veclink.envs.voxel.player import Player
from veclink.envs.voxel.shots import Shots
from veclink.envs.voxel.sky import Sky

NOOP = (0, 0, 0, 12, 12, 0, 0, 0)


def act(ahead: int = 0, side: int = 0, pose: int = 0, pitch: int = 12, yaw: int = 12, function: int = 0, craft: int = 0,
        slot: int = 0) -> tuple[int, ...]:
    """An action by its parts."""
    return (ahead, side, pose, pitch, yaw, function, craft, slot)


class NoRules:
    """Blocks that do nothing by themselves; what was asked is kept."""

    def __init__(self) -> None:
        self.fed: list[tuple[int, int, int]] = []

    def use(self, world: Any, x: int, y: int, z: int, face: int) -> bool:
        return False

    def bonemeal(self, world: Any, x: int, y: int, z: int) -> bool:
        self.fed.append((x, y, z))
        return True


class PlayWorld:
    """The player's own world, ticked without mobs' minds."""

    def __init__(self, seed: int = 0, **options: Any) -> None:
        self.grid, self.chance, self.ledger = Grid(FlatSource()), Chance(seed), Ledger()
        self.sky = Sky(6000, passing=False)
        self.player = Player(0.5, float(FLOOR), 0.5, self.ledger, **options)
        self.drops, self.mobs, self.shots, self.rules = Drops(self), Mobs(), Shots(), NoRules()
        self.mobs.world = self.shots.world = self
        self.events: list[tuple[str, dict[str, Any]]] = []

    def step(self, action: Any = NOOP, times: int = 1) -> None:
        for _ in range(times):
            self.player.act(self, action)
            self.player.tick(self)
            self.shots.tick(self)
            self.drops.tick(self)

    def give(self, name: str, count: int = 1, variant: int = 0, slot: int = 0) -> None:
        self.player.inventory.put(slot, ITEMS.id(name), variant, count, "given")

    def set(self, x: int, y: int, z: int, name: str, meta: int = 0) -> None:
        assert self.grid.set(x, y, z, BLOCKS.id(name), meta)

    def name(self, x: int, y: int, z: int) -> str:
        return BLOCKS.names[self.grid.get(x, y, z)]

    def box(self, x0: int, x1: int, y0: int, y1: int, z0: int, z1: int, name: str, meta: int = 0) -> None:
        """Fill a box of blocks, ends included."""
        for x in range(x0, x1 + 1):
            for y in range(y0, y1 + 1):
                for z in range(z0, z1 + 1):
                    self.set(x, y, z, name, meta)

    def has(self, name: str, variant: int = -1) -> int:
        return self.player.inventory.holds(ITEMS.id(name), variant)
