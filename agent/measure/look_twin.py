"""The twin of a place: what an observation tells of blocks, and the creatures near, drawn by the built-in renderer.

So one scene has two pictures, that of the world it is in and the twin's, and one truth, the twin's labels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from veclink.agent.nano.places import Place
from veclink.agent.nano.scenes import DISTANCE, LABELS
from veclink.agent.nano.truth import SceneTruth, truth_of
from veclink.envs.facts import BLOCKS
from veclink.envs.voxel.grid import CHUNK, HEIGHT, Grid
from veclink.envs.voxel.render import Frame, Renderer, Scene

FOV = 70.0  # degrees of the height, as in both worlds
REACH, BELOW, ABOVE = 32, 20, 28  # blocks round the player that the twin knows: sideways, down and up
VOXELS = {"xmin": -REACH, "ymin": -BELOW, "zmin": -REACH, "xmax": REACH, "ymax": ABOVE, "zmax": REACH}


class Told:
    """Chunks of the blocks that an observation tells of; all others are air.

    Args:
        ids, metas: (nx, ny, nz) uint8. corner: x, y, z of the first of them. biome: of all columns.
    """

    def __init__(self, ids: np.ndarray, metas: np.ndarray, corner: tuple[int, int, int], biome: int) -> None:
        self.corner, self.biome = corner, biome
        low, high = max(0, -corner[1]), max(0, min(ids.shape[1], HEIGHT - corner[1]))
        shape = (ids.shape[0], HEIGHT, ids.shape[2])
        self.ids, self.metas = np.zeros(shape, np.uint8), np.zeros(shape, np.uint8)
        for whole, part in ((self.ids, ids), (self.metas, metas)):
            whole[:, corner[1] + low : corner[1] + high] = part[:, low:high]

    def chunk(self, cx: int, cz: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """As `veclink.envs.voxel.grid.Source`."""
        made = np.zeros((2, CHUNK, HEIGHT, CHUNK), np.uint8)
        x0, z0 = CHUNK * cx - self.corner[0], CHUNK * cz - self.corner[2]
        x, z = max(0, x0), max(0, z0)
        for whole, part in zip(made, (self.ids, self.metas), strict=True):
            piece = part[x : max(x, x0 + CHUNK), :, z : max(z, z0 + CHUNK)]
            whole[x - x0 : x - x0 + piece.shape[0], :, z - z0 : z - z0 + piece.shape[2]] = piece
        return made[0], made[1], np.full((CHUNK, CHUNK), self.biome, np.uint8)


@dataclass(frozen=True, eq=False)
class Twin:
    """A place drawn again.

    Attributes:
        place: its blocks, the player in the middle. scene: what was drawn. frame: with block, depth and mobs.
        truth: what it shows. ended: (H, W) bool, nothing that the twin knows of is there: sky, or farther blocks.
    """

    place: Place
    scene: Scene
    frame: Frame
    truth: SceneTruth
    ended: np.ndarray


def place_of(world: Any, observation: Mapping[str, Any]) -> Place:
    """The blocks of an observation with `voxels`, of a world whose player stands in their middle."""
    voxels, x, y, z = observation["voxels"], *(int(v) for v in np.floor(world.player.pos))
    names, numbers = np.unique(voxels["block_name"], return_inverse=True)
    known = np.array([BLOCKS.id(str(name).replace(" ", "_")) for name in names], np.uint8)
    ids, size = known[numbers].reshape(voxels["block_name"].shape), world.voxel_size
    corner = x + size["xmin"], y + size["ymin"], z + size["zmin"]
    told = Told(ids, np.asarray(voxels["block_meta"], np.uint8), corner, int(world.grid.biome_at(x, z)))
    return Place(0, Grid(told, x, z), x, z)


def twin_of(world: Any, observation: Mapping[str, Any], renderer: Renderer) -> Twin:
    """The twin of what a world's player sees now: the same eye, view, creatures and hour."""
    player, place = world.player, place_of(world, observation)
    scene = Scene.of(place.grid, player.eye, yaw=player.yaw, pitch=player.pitch, mobs=world.mobs.records,
                     time=int(world.sky.time), weather=int(world.sky.weather), version=None)
    frame = renderer.frame(scene, LABELS)
    assert frame.block is not None
    ended = frame.block == 0
    for mob in frame.mobs:
        ended &= ~mob.mask
    return Twin(place, scene, frame, truth_of(frame, scene), ended)


def twin_renderer(size: tuple[int, int]) -> Renderer:
    """What draws twins of a size (height, width): the default textures, as far as training saw."""
    return Renderer(size, FOV, DISTANCE)


def sideways(size: tuple[int, int]) -> float:
    """Degrees from the middle of a picture to its sides."""
    return math.degrees(math.atan(math.tan(math.radians(FOV / 2)) * size[1] / size[0]))
