"""Frames of the Minecraft world with mobs of the kinds that the core was taught, each with its twin."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from veclink.agent.measure.look_twin import VOXELS, Twin, place_of, sideways, twin_of, twin_renderer
from veclink.agent.measure.nano.scores import overlaps
from veclink.agent.nano.book import book
from veclink.agent.nano.places import Place, free_sight
from veclink.agent.nano.truth import SceneTruth
from veclink.envs.contract import noop
from veclink.envs.errors import InputError, VeclinkError
from veclink.envs.facts import MOBS
from veclink.envs.minecraft.start import summon
from veclink.envs.registry import make
from veclink.envs.voxel.render import Renderer

MINECRAFT, TWIN = "minecraft", "voxel"  # the two looks
SIZE = (160, 256)
NOON = 6000
A_WORLD = 8  # frames of one world
BIOMES = ("plains", "forest", "desert", "taiga", "savanna", "swamp", "snowy_plains", "birch_forest", "badlands",
          "windswept_hills", "flower_forest", "beach", "sunflower_plains", "snowy_taiga", "mushroom_fields")
LEFT_OUT = {"horse": "the viewer has no texture that fits its model", "llama": "the embedded server has none",
            "polar_bear": "the embedded server has none", "rabbit": "the viewer draws it nearly twice as large"}
KINDS = tuple(kind for kind in book("mobs") if kind not in LEFT_OUT)
FAR = 1500  # blocks from the world's middle to where a place is looked for
TRIES, EYES, SPOTS = 8, 24, 40  # places tried for a frame, eyes for a place, spots for a mob
NEAREST, FARTHEST = 3.0, 10.0  # blocks ahead to where mobs are put
MOST_MOBS, MOST_KINDS = 4, 3
FREE = 9.0  # blocks of sight ahead that an eye should have, and ASIDE to both sides
ASIDE = 3.0
TICKS, PATIENCE = 4, 40  # ticks for mobs to come to stand; at most, for the blocks round a new place to come
KNOWN = 0.95  # share of the columns that must have come
SKY, NEAR_SKY = (173, 216, 230), 8  # the viewer's one colour of the sky, and the levels by which JPEG may change it
CHANGED = 24  # levels of a channel by which a pixel differs where a mob has come
GROWN = 6  # pixels round a mob's box in which the pixels that changed are its own
AGREED = 0.5  # IoU of the box of those pixels and the twin's from which the truth holds in Minecraft's look too


@dataclass(frozen=True, eq=False)
class Take:
    """One scene in both looks.

    Attributes:
        number: of the frame. seed: of its world. biome: that was asked for.
        pictures: look -> (H, W, 3) uint8. truth: of both.
        unscored: (H, W) bool, what lies there in Minecraft is farther than the twin knows.
        agreed: ids of the mobs that are drawn in Minecraft's look where the twin has them.
        near: kinds of the mobs that are there, hidden ones too.
    """

    number: int
    seed: int
    biome: str
    pictures: dict[str, np.ndarray]
    truth: SceneTruth
    unscored: np.ndarray
    agreed: frozenset[int]
    near: frozenset[str]


class Takes:
    """Frames by number: `take(number)` of a seed is always of the same place, eye and mobs.

    Args:
        seed: any integer. options: of the world.

    Raises:
        MissingExtra, NodeError, PicturesMissing: Node, its packages or the viewer are not there.
    """

    def __init__(self, seed: int = 0, **options: Any) -> None:
        self.seed, self.options = seed, options
        self.renderer: Renderer = twin_renderer(SIZE)
        self.world: Any = make(world="minecraft", pictures=True, image_size=SIZE, allow_mob_spawn=False,
                               allow_time_passage=False, start_time=NOON, use_voxel=True, voxel_size=VOXELS, seed=0,
                               **options)
        self.loaded = -1

    def close(self) -> None:
        self.world.close()

    def __iter__(self) -> Iterator[Take]:
        number = 0
        while True:
            yield self.take(number)
            number += 1

    def take(self, number: int) -> Take:
        """Frame number `number`, from 0 on.

        Raises:
            InputError: no place with mobs in view was found.
        """
        seed = 1000 * self.seed + number // A_WORLD
        if seed != self.loaded:
            self.world.reset(seed=seed)
            self.loaded = seed
        rng = random.Random(f"look/{self.seed}/{number}")
        for _ in range(TRIES):
            biome = rng.choice(BIOMES)
            if (made := self._tried(biome, rng)) is None:
                continue
            before, after, twin = made
            seen = agreed(before, after, twin.truth)
            if any(mob.clear and mob.id in seen for mob in twin.truth.mobs):
                mobs = twin.scene.mobs
                near = frozenset(MOBS.names[kind] for kind in mobs["kind"][mobs["alive"]])
                return Take(number, seed, biome, {MINECRAFT: after, TWIN: twin.frame.rgb}, twin.truth,
                            twin.ended & ~is_sky(after), seen, near)
        raise InputError("a place with mobs in view", f"none in {TRIES} tries for frame {number}",
                         "choose another --seed")

    def _tried(self, biome: str, rng: random.Random) -> tuple[np.ndarray, np.ndarray, Twin] | None:
        """The picture before and after mobs have come, and the twin; None where there is no such place."""
        x, z = (rng.randint(-FAR, FAR) for _ in "xz")
        try:
            found = self.world.server.ask("spawn", biome=biome, x=x, z=z)
        except VeclinkError:  # there is none in this world
            return None
        observation = self._go(found["x"] + 0.5, found["y"], found["z"] + 0.5, 0.0, 0.0)
        view = view_of(place_of(self.world, observation), rng) if observation is not None else None
        if observation is None or view is None or (observation := self._go(*view)) is None:
            return None
        before = self._picture()
        place, eye = place_of(self.world, observation), self.world.player.eye
        kinds = rng.sample(KINDS, rng.randint(1, MOST_KINDS))
        spots = spots_of(place, eye, self.world.player.yaw, rng.randint(1, MOST_MOBS), rng)
        if not all(summon(self.world, kinds[i % len(kinds)], *spot) for i, spot in enumerate(spots)):
            return None
        for _ in range(TICKS):
            observation, *_ = self.world.step(noop())
        after = self._picture()
        twin = twin_of(self.world, observation, self.renderer)
        return before, after, twin

    def _picture(self) -> np.ndarray:
        """(H, W, 3) uint8 of now, with all that belongs into it."""
        return self.world.shots.rgb(must=True, drawn=True).transpose(1, 2, 0)

    def _go(self, x: float, y: float, z: float, yaw: float, pitch: float) -> dict[str, Any] | None:
        """Stand at a place and look; what is seen when its blocks have come, None where they do not."""
        world = self.world
        world.server.ask("teleport", player=world.player_name, x=x, y=y, z=z, yaw=yaw, pitch=pitch)
        for tick in range(PATIENCE):
            observation, *_ = world.step(noop())
            here = float(np.hypot(world.player.pos[0] - x, world.player.pos[2] - z)) < 1.0
            told = (observation["voxels"]["block_name"] != "air").any(1).mean() if here and tick >= TICKS else 0.0
            if told >= KNOWN and world.player.on_ground:
                return observation
        return None


def view_of(place: Place, rng: random.Random) -> tuple[float, float, float, float, float] | None:
    """x, y, z of the feet, yaw and pitch of somebody with free sight near the middle; None where nobody has."""
    best, best_free = None, 4.0
    for _ in range(EYES):
        x, z = place.x + rng.randint(-12, 12), place.z + rng.randint(-12, 12)
        ground, yaw, pitch = place.ground(x, z), rng.uniform(-180, 180), rng.uniform(2, 14)
        if not ground or place.is_water(x, z):
            continue
        eye = (x + 0.5, ground + 1.62, z + 0.5)
        if min(free_sight(place, eye, yaw + turn, ASIDE + 1) for turn in (-35, 35)) < ASIDE:
            continue  # something fills half the picture
        free = free_sight(place, eye, yaw)
        if free > best_free:
            best, best_free = (x + 0.5, float(ground), z + 0.5, yaw, pitch), free
        if free > FREE:
            break
    return best


def spots_of(place: Place, eye: tuple[float, float, float], yaw: float, count: int, rng: random.Random
             ) -> list[tuple[float, float, float]]:
    """Feet of up to so many mobs on dry ground before an eye, none inside another."""
    half, spots = 0.8 * sideways(SIZE), list[tuple[float, float, float]]()
    for _ in range(SPOTS):
        if len(spots) == count:
            break
        far, angle = rng.uniform(NEAREST, FARTHEST), math.radians(yaw + rng.uniform(-half, half))
        x, z = eye[0] - math.sin(angle) * far, eye[2] + math.cos(angle) * far
        i, k = math.floor(x), math.floor(z)
        y = place.ground(i, k)
        if y and not place.is_water(i, k) and abs(y + 1.62 - eye[1]) <= 3.0 and all(
                math.hypot(x - a, z - b) >= 1.5 for a, _, b in spots):
            spots.append((x, float(y), z))
    return spots


def is_sky(picture: np.ndarray) -> np.ndarray:
    """(H, W) bool: where a viewer's picture shows its sky."""
    return np.asarray((np.abs(picture.astype(int) - SKY) <= NEAR_SKY).all(-1))


def agreed(before: np.ndarray, after: np.ndarray, truth: SceneTruth) -> frozenset[int]:
    """Ids of the mobs where the twin has them, by the pixels that changed when they came."""
    changed = (np.abs(after.astype(int) - before.astype(int)) > CHANGED).any(-1)
    found = []
    for mob in truth.mobs:
        x0, y0, x1, y1 = mob.box
        near = np.zeros(changed.shape, bool)
        near[max(0, y0 - GROWN) : y1 + GROWN, max(0, x0 - GROWN) : x1 + GROWN] = True
        near &= changed
        for other in truth.mobs:
            if other is not mob:
                near &= ~other.mask
        rows, columns = np.nonzero(near)
        if len(rows):
            box = np.array([[columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]])
            if overlaps(box, np.array([mob.box]))[0, 0] >= AGREED:
                found.append(mob.id)
    return frozenset(found)
