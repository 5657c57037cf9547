"""What the land that was walked on tells of where to look: the biomes that a thing lives or grows in, their climate,
and blocks that are signs of it."""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from veclink.agent.embodied.body import Body
from veclink.agent.embodied.knowledge import outside
from veclink.agent.embodied.sense import biome
from veclink.envs.facts import BLOCKS
from veclink.envs.facts.tables import table

CELL, PATCH = 16, 6  # blocks: side of a piece of land, and of a patch in which one sign is as good as another
NEXT = ((0, 0), (1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1))  # the nearest cells first
ANY_CLIMATE = ("ocean", "river", "beach")  # land that says nothing of the climate around it
SIGNS_WITHIN = 40  # blocks
BACK_WITHIN, AROUND = 1000.0, 64.0  # blocks to known land that one goes back to, and by night


@dataclass
class Land:
    """Where it has been, and what is wanted now.

    Attributes:
        wanted: names of biomes in which it is worth looking; none: anywhere. signs: blocks that stand near what is
            looked for. swims: whether it lives in water. returns: whether to go back to land that is known: to what
            comes there again and again.
        biomes: cell of 16 blocks -> the biome found there. gone_to: patches of 6 blocks whose signs were gone to.
    """

    wanted: tuple[str, ...] = ()
    signs: tuple[str, ...] = ()
    swims: bool = False
    returns: bool = False
    biomes: dict[tuple[int, int], str] = field(default_factory=dict)
    gone_to: set[tuple[int, int]] = field(default_factory=set)

    def note(self, body: Body) -> None:
        """Remember the land under the feet."""
        x, _, z = body.cell
        self.gone_to.add((x // PATCH, z // PATCH))
        name = biome(body)
        if name and (not name.endswith(ANY_CLIMATE) or not outside(name, self.wanted)):
            self.biomes[x // CELL, z // CELL] = name

    def strangeness(self, x: float, z: float, here: tuple[int, int]) -> float:
        """How little a place is likely to be one of the wanted biomes: as little as the nearest land known, which is
        the land `here` (a cell) where none is known beside the place."""
        i, k = math.floor(x) // CELL, math.floor(z) // CELL
        cells = ((i + di, k + dk) for di, dk in NEXT)
        name = next((self.biomes[cell] for cell in cells if cell in self.biomes), self.biomes.get(here, ""))
        return strangeness(name, self.wanted)

    def around(self, x: float, z: float) -> tuple[str, ...]:
        """Biomes that are known within 64 blocks."""
        return tuple(sorted({name for (i, k), name in self.biomes.items()
                             if math.dist(((i + 0.5) * CELL, (k + 0.5) * CELL), (x, z)) <= AROUND}))

    def back_to(self, x: float, z: float) -> tuple[float, float] | None:
        """Middle of the nearest known piece of wanted land that one goes back to."""
        if not self.returns or not self.wanted:
            return None
        middles = (((i + 0.5) * CELL, (k + 0.5) * CELL) for (i, k), name in self.biomes.items()
                   if not outside(name, self.wanted))
        nearest = min(middles, key=lambda middle: math.dist(middle, (x, z)), default=None)
        return nearest if nearest is not None and math.dist(nearest, (x, z)) <= BACK_WITHIN else None

    def sign(self, body: Body) -> tuple[int, int, int] | None:
        """The nearest sign that was not gone to yet; it counts as gone to from now on."""
        if not self.signs:
            return None
        flags = np.zeros(256, bool)
        flags[[BLOCKS.id(name) for name in self.signs]] = True
        for place in body.known.find(flags, body.pos, SIGNS_WITHIN):
            patch = place[0] // PATCH, place[2] // PATCH
            if patch not in self.gone_to:
                self.gone_to.add(patch)
                return place
        return None

    def state(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {"biomes": [[*cell, name] for cell, name in self.biomes.items()],
                "gone_to": sorted(list(patch) for patch in self.gone_to)}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state()`."""
        self.biomes = {(x, z): name for x, z, name in state.get("biomes", ())}
        self.gone_to = {(x, z) for x, z in state.get("gone_to", ())}


def strangeness(name: str, wanted: Collection[str]) -> float:
    """0 for one of the wanted biomes, or where nothing is known or wanted; else 1 and the degrees of temperature (as
    Minecraft counts them) between it and theirs: climates change slowly."""
    if not outside(name, wanted):
        return 0.0
    degrees = temperatures()
    return 1.0 + min(abs(degrees.get(name, 0.5) - degrees.get(each, 0.5)) for each in wanted)


@cache
def temperatures() -> dict[str, float]:
    """Biome -> temperature: 0 where it snows, 2 in the desert."""
    return {str(row["name"]): float(row["temperature"]) for row in table("biomes")["biomes"]}
