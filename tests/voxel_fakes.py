"""A small flat world for tests of its parts: a real grid, chance and sky, and a player that only stands and counts."""

from __future__ import annotations

from typing import Any

import numpy as np

from veclink.envs.facts import BLOCKS, ITEMS
from veclink.envs.voxel.chance import Chance
from veclink.envs.voxel.grid import CHUNK, HEIGHT, Grid
from veclink.envs.voxel.inventory import Inventory, Ledger
from veclink.envs.voxel.mobs import Mobs
from veclink.envs.voxel.shots import Shots
from veclink.envs.voxel.sky import Sky
from veclink.envs.voxel.spawning import Spawning

FLOOR = 4  # y on which one stands


class FlatSource:
    """Chunks of bedrock, two of dirt and grass, all of one biome (1: plains)."""

    def __init__(self, biome: int = 1, top: str = "grass", height: int = FLOOR) -> None:
        self.biome, self.top, self.height = biome, top, height

    def chunk(self, cx: int, cz: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        blocks = np.zeros((CHUNK, HEIGHT, CHUNK), np.uint8)
        blocks[:, 0], blocks[:, 1 : self.height - 1] = BLOCKS.id("bedrock"), BLOCKS.id("dirt")
        blocks[:, self.height - 1] = BLOCKS.id(self.top)
        return blocks, np.zeros_like(blocks), np.full((CHUNK, CHUNK), self.biome, np.uint8)


class FakeBag(Inventory):
    """The real bag, filled by names."""

    def put(self, slot: int, name: str, count: int = 1, variant: int = 0) -> None:  # type: ignore[override]
        super().put(slot, ITEMS.id(name), variant, count)


class FakePlayer:
    """Stands where it is put; what is done to it is counted."""

    height = 1.8

    def __init__(self, x: float, y: float, z: float, ledger: Ledger) -> None:
        self.pos, self.vel = np.array([x, y, z]), np.zeros(3)
        self.yaw, self.pitch, self.held, self.fire = 0.0, 0.0, 0, 0
        self.alive, self.sneaking = True, False
        self.life, self.xp = 20.0, 0
        self.inventory = FakeBag(ledger)
        self.hurts: list[tuple[float, str]] = []
        self.effects: dict[str, int] = {}

    @property
    def eye(self) -> tuple[float, float, float]:
        return float(self.pos[0]), float(self.pos[1]) + 1.62, float(self.pos[2])

    def hurt(self, amount: float, cause: str, source: Any = None) -> bool:
        self.hurts.append((float(amount), cause))
        return True

    def affect(self, effect: str, ticks: int, level: int = 1) -> None:
        self.effects[effect] = ticks

    def gain_xp(self, points: int) -> None:
        self.xp += points


class FakeDrops:
    """Keeps what falls, as (item's name, variant, count)."""

    def __init__(self) -> None:
        self.fallen: list[tuple[str, int, int]] = []

    def add(self, x: float, y: float, z: float, item: int, variant: int, count: int, durability: int = 0,
            **more: Any) -> None:
        self.fallen.append((ITEMS.names[item], variant, count))

    def count(self, name: str) -> int:
        return sum(count for item, _, count in self.fallen if item == name)


class FakeWorld:
    """What the parts of a world reach each other through."""

    def __init__(self, seed: int = 0, time: int = 6000, source: Any = None, difficulty: str = "normal",
                 x: float = 0.5, z: float = 0.5) -> None:
        self.grid = Grid(source or FlatSource(), x, z)
        self.chance, self.sky = Chance(seed), Sky(time, passing=False)
        self.ledger = Ledger()
        self.player = FakePlayer(x, float(FLOOR), z, self.ledger)
        self.drops, self.mobs, self.shots = FakeDrops(), Mobs(difficulty=difficulty), Shots()
        self.spawning = Spawning(seed, home=(1000.0, 64.0, 1000.0))
        self.mobs.world = self.shots.world = self
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.blasts: list[tuple[float, float, float, float]] = []

    def explode(self, x: float, y: float, z: float, power: float, **more: Any) -> None:
        """A crater without drops, so that tests see where it was."""
        self.blasts.append((x, y, z, power))
        for i in range(-2, 3):
            for j in range(-2, 3):
                for k in range(-2, 3):
                    place = (int(x // 1) + i, int(y // 1) + j, int(z // 1) + k)
                    if i * i + j * j + k * k <= 4 and place[1] > 0:
                        self.grid.set(*place, 0)

    def run(self, ticks: int) -> None:
        for _ in range(ticks):
            self.mobs.tick(self)
            self.shots.tick(self)

    def box(self, x0: int, x1: int, y0: int, y1: int, z0: int, z1: int, name: str) -> None:
        """Fill a box of blocks, ends included."""
        for x in range(x0, x1 + 1):
            for y in range(y0, y1 + 1):
                for z in range(z0, z1 + 1):
                    self.grid.set(x, y, z, BLOCKS.id(name))
