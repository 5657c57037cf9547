"""What a picture of the voxel world shows, as plain data: mobs, blocks, hour, weather."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import TYPE_CHECKING

import numpy as np

from veclink.agent.nano.book import book
from veclink.envs.facts import BLOCKS
from veclink.envs.voxel.biomes import NAMES, SNOWY
from veclink.envs.voxel.kinds import HOSTILE_KINDS

if TYPE_CHECKING:
    from veclink.envs.voxel.render import Frame, Scene, SeenMob

CLEAR_PIXELS, CLEAR_SHARE = 16, 0.25  # a mob with less in view may be overlooked by anybody
SEEN_PIXELS = 5  # with less, nobody could know it
CLEAR_BLOCK, SEEN_BLOCK = 40, 4  # pixels
ROOF = 1.0  # blocks between the eye and what covers it
NEAR_TREE = 2.6  # blocks
LOG = BLOCKS.id("log")
DAY, DUSK, NIGHT, DAWN = "day", "sunset", "night", "sunrise"
SNOW_SAFE = {"water", "lava", "log", "torch"}  # kinds that look the same under a cover of snow


@dataclass(frozen=True, eq=False)
class MobTruth:
    """One mob in a picture.

    Attributes:
        id: of its record. kind: its name. plan: "humanoid", "quadruped" or "other".
        colour: word of its colour or coat, "" where its kind has but one look.
        baby: bool.
        box: x0, y0, x1, y1 in pixels, ends excluded. mask: (H, W) bool. pixels: how many it has.
        share: visible part of its silhouette, 0..1.
        distance: from the eye, blocks. place: (3,) of its feet in the world.
        facing: "left", "right", "towards", "away" or "" in between.
        in_water, by_tree: where it stands; None where that is unclear.
        joints: (n, 3) column, row, visibility (0 outside, 1 hidden, 2 visible), names in `render.JOINTS[plan]`.
    """

    id: int
    kind: str
    plan: str
    box: tuple[int, int, int, int]
    mask: np.ndarray
    pixels: int
    share: float
    distance: float
    colour: str = ""
    baby: bool = False
    place: tuple[float, float, float] = (0.0, 0.0, 0.0)
    facing: str = ""
    in_water: bool | None = False
    by_tree: bool | None = False
    joints: np.ndarray = field(default_factory=lambda: np.zeros((0, 3), np.float32))

    @property
    def clear(self) -> bool:
        """Whether anybody would see it."""
        return self.pixels >= CLEAR_PIXELS and self.share >= CLEAR_SHARE

    @property
    def middle(self) -> tuple[float, float]:
        """Column and row of the box's middle."""
        return (self.box[0] + self.box[2]) / 2, (self.box[1] + self.box[3]) / 2

    @property
    def area(self) -> int:
        """Pixels of the box."""
        return (self.box[2] - self.box[0]) * (self.box[3] - self.box[1])

    @property
    def hostile(self) -> bool:
        return self.kind in HOSTILE_KINDS


@dataclass(frozen=True, eq=False)
class BlockTruth:
    """A kind of block in a picture: its name in the book of blocks, pixels, and nearest distance in blocks."""

    kind: str
    mask: np.ndarray
    pixels: int
    distance: float

    @property
    def clear(self) -> bool:
        return self.pixels >= CLEAR_BLOCK


@dataclass(frozen=True, eq=False)
class SceneTruth:
    """What a picture shows.

    Attributes:
        size: width and height in pixels.
        mobs: of which at least SEEN_PIXELS are seen, nearest first. blocks: likewise, most pixels first.
        time: of day, ticks. weather: 0 clear, 1 rain, 2 thunder. snow: everything covered with snow.
        snowing: rain falls as snow here. biome: name.
        depth: (H, W) float32 blocks, or None. covered: no sky is in view, so nobody could tell the hour or the weather.
    """

    size: tuple[int, int]
    mobs: tuple[MobTruth, ...] = ()
    blocks: tuple[BlockTruth, ...] = ()
    time: int = 6000
    weather: int = 0
    snow: bool = False
    snowing: bool = False
    biome: str = "plains"
    depth: np.ndarray | None = None
    covered: bool = False

    @cached_property
    def hour(self) -> str:
        """The part of the day: DAY, DUSK, NIGHT or DAWN; "" in between, where people would disagree, or unseen."""
        if self.covered:
            return ""
        for name, spans in book("edits")["hours"].items():
            if any(low <= self.time < high for low, high in spans):
                return name
        return ""

    @property
    def sky(self) -> str:
        """"clear", "rain", "thunder" or "snowfall"."""
        if not self.weather:
            return "clear"
        if self.snowing or self.snow:
            return "snowfall"
        return "thunder" if self.weather == 2 else "rain"

    def mob(self, number: int) -> MobTruth:
        """The mob with this id."""
        return next(mob for mob in self.mobs if mob.id == number)

    def block(self, kind: str) -> BlockTruth | None:
        """The kind of block, None where none of it is in view."""
        return next((block for block in self.blocks if block.kind == kind), None)


def truth_of(frame: Frame, scene: Scene) -> SceneTruth:
    """The truth of a frame drawn from `scene` with the labels "block", "depth" and "mobs"."""
    assert frame.block is not None and frame.depth is not None
    height, width = frame.block.shape
    records = {int(record["id"]): record for record in scene.mobs[scene.mobs["alive"]]}
    mobs = [_mob(seen, records[seen.id], scene) for seen in frame.mobs if seen.mask.sum() >= SEEN_PIXELS]
    biome = int(scene.biome[math.floor(scene.eye[0]) & 127, math.floor(scene.eye[2]) & 127])
    nearest_first = tuple(sorted(mobs, key=lambda mob: mob.distance))
    return SceneTruth((width, height), nearest_first, _blocks(frame, scene), int(scene.time), int(scene.weather),
                      bool(scene.snow), bool(SNOWY[biome] and scene.weather), NAMES.get(biome, "plains"), frame.depth,
                      _covered(frame, scene))


def _covered(frame: Frame, scene: Scene) -> bool:
    """Whether a roof is over the eye and no sky in view."""
    top = int(scene.top[math.floor(scene.eye[0]) & 127, math.floor(scene.eye[2]) & 127])
    assert frame.block is not None
    sky = frame.block == 0
    for mob in frame.mobs:
        sky &= ~mob.mask
    return top > scene.eye[1] + ROOF and not bool(sky.any())


def _mob(seen: SeenMob, record: np.void, scene: Scene) -> MobTruth:
    place = (float(record["x"]), float(record["y"]), float(record["z"]))
    offset = np.array(place) - np.array(scene.eye)
    return MobTruth(
        seen.id, seen.name, seen.plan, seen.box, seen.mask, int(seen.mask.sum()), float(seen.share),
        float(np.linalg.norm(offset)), colour_of(seen.name, int(record["variant"]), scene.recoloured.get(seen.id)),
        bool(record["baby"]), place, _facing(float(record["yaw"]), offset), _wet(scene, place), _wooded(scene, place),
        seen.joints)


def colour_of(kind: str, variant: int, factors: tuple[float, float, float] | None = None) -> str:
    """The word for a mob's colour: of what recolours it, or of its coat, "" where its kind has but one look."""
    if factors is not None:
        for name, known in book("edits")["factors"].items():
            if np.allclose(factors, known):
                return name
    coats = book("mobs")[kind].get("coats") if kind in book("mobs") else None
    return coats[variant % len(coats)] if coats else ""


def _facing(yaw: float, offset: np.ndarray) -> str:
    """Where a mob looks, seen from the eye; "" between two directions."""
    ahead = np.array([-math.sin(math.radians(yaw)), math.cos(math.radians(yaw))])
    line = np.array([offset[0], offset[2]]) / max(float(np.hypot(offset[0], offset[2])), 1e-6)
    along = float(ahead @ line)
    across = float(ahead @ np.array([-line[1], line[0]]))  # to the right of the line of sight
    if abs(along) > 0.9:
        return "away" if along > 0 else "towards"
    if abs(across) > 0.86:
        return "right" if across > 0 else "left"
    return ""


def _wet(scene: Scene, place: tuple[float, float, float]) -> bool | None:
    """Whether its feet are in water."""
    x, y, z = (math.floor(value) for value in place)
    if not 0 <= y < 128:
        return None
    return bool(BLOCKS.liquid[scene.blocks[x & 127, y, z & 127]] == 1)


def _wooded(scene: Scene, place: tuple[float, float, float]) -> bool | None:
    """Whether a trunk stands near; None where one stands only a little farther off."""
    x, y, z = (math.floor(value) for value in place)
    reach = np.arange(-4, 5)
    part = scene.blocks[np.ix_((x + reach) & 127, np.clip(np.arange(y, y + 3), 0, 127), (z + reach) & 127)]
    trunks = (part == LOG).any(1)
    away = np.hypot((x + reach + 0.5 - place[0])[:, None], (z + reach + 0.5 - place[2])[None, :])
    best = float(away[trunks].min(initial=99.0))
    return True if best <= NEAR_TREE else None if best < 4.2 else False


@cache
def _block_numbers() -> np.ndarray:
    """(256,) uint8: of each block id 1 + the place of its kind in the book of blocks, 0 where it has none."""
    out = np.zeros(256, np.uint8)
    for number, entry in enumerate(book("blocks").values(), 1):
        out[[BLOCKS.id(name) for name in entry["ids"]]] = number
    return out


def _blocks(frame: Frame, scene: Scene) -> tuple[BlockTruth, ...]:
    """The kinds of the book of blocks in view; under a cover of snow only those that it does not change."""
    assert frame.block is not None and frame.depth is not None
    numbers = _block_numbers()[frame.block]
    counts = np.bincount(numbers.ravel(), minlength=256)
    found = []
    for number, kind in enumerate(book("blocks"), 1):
        pixels = int(counts[number])
        if pixels < SEEN_BLOCK or (scene.snow and kind not in SNOW_SAFE):
            continue
        mask = numbers == number
        found.append(BlockTruth(kind, mask, pixels, float(frame.depth[mask].min())))
    return tuple(sorted(found, key=lambda block: -block.pixels))
