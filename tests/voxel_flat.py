"""A flat world of its own for tests of block rules: grass at noon, no mobs, and short ways to build and look."""

from __future__ import annotations

from typing import Any

from veclink.envs import make
from veclink.envs.facts import BLOCKS, ITEMS
from veclink.envs.voxel.world import VoxelWorld


class Flat:
    """A real voxel world on flat ground, with the place x, y, z of the first air over its middle.

    Args:
        seed: of the world. fields: other fields of the task.
    """

    def __init__(self, seed: int = 1, **fields: Any) -> None:
        fields = {"start_time": 6000, "allow_time_passage": False, "allow_mob_spawn": False, **fields}
        world = make("open-ended", image_size=(16, 16), seed=seed, pictures=False, generate_world_type="flat",
                     **fields)
        assert isinstance(world, VoxelWorld)
        world.reset()
        self.world, self.grid = world, world.grid
        self.x, self.z = 8, 8
        self.y = next(y for y in range(127, 0, -1) if self.grid.get(8, y - 1, 8))
        world.player.move_to(-20.5, self.y, -20.5)

    def put(self, dx: int, dy: int, dz: int, name: str, meta: int = 0) -> tuple[int, int, int]:
        """Set a block that far from the middle; its place."""
        place = (self.x + dx, self.y + dy, self.z + dz)
        assert self.grid.set(*place, BLOCKS.id(name), meta)
        return place

    def fill(self, name: str, xs: range, ys: range, zs: range, meta: int = 0) -> None:
        """Set a box of blocks."""
        for dx in xs:
            for dy in ys:
                for dz in zs:
                    self.put(dx, dy, dz, name, meta)

    def name(self, dx: int, dy: int, dz: int) -> str:
        """The block's name."""
        return BLOCKS.names[self.grid.get(self.x + dx, self.y + dy, self.z + dz)]

    def meta(self, dx: int, dy: int, dz: int) -> int:
        """Its metadata."""
        return self.grid.get_meta(self.x + dx, self.y + dy, self.z + dz)

    def count(self, name: str) -> int:
        """How many of a block are loaded."""
        return int((self.grid.blocks == BLOCKS.id(name)).sum())

    def tick(self, ticks: int = 1) -> None:
        """So many ticks of the block rules alone."""
        for _ in range(ticks):
            self.world.rules.tick(self.world)

    def lying(self) -> dict[str, int]:
        """Items on the ground, by name."""
        found: dict[str, int] = {}
        for drop in self.world.drops.records[self.world.drops.records["alive"]]:
            name = ITEMS.names[drop["item"]]
            found[name] = found.get(name, 0) + int(drop["count"])
        return found

    def hold(self, name: str, count: int = 1, variant: int = 0) -> None:
        """Give the player's hand an item."""
        player = self.world.player
        player.inventory.put(player.held, ITEMS.id(name), variant, count, "given")
