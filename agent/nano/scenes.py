"""Pictures for training: random scenes of the voxel world with their truth, and the same scenes after a change.

Scene number `index` of a split and seed is always the same one, whoever asks and in whatever order. A few places take
turns until each has been drawn VIEWS times, since loading a place costs as much as drawing several scenes.
"""

from __future__ import annotations

import math
import random
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from veclink.agent.nano.book import book, check_split
from veclink.agent.nano.exposure import brightened
from veclink.agent.nano.lesson import Edit
from veclink.agent.nano.places import REACH, Place, free_sight, place
from veclink.agent.nano.truth import SceneTruth, truth_of
from veclink.envs.errors import InputError
from veclink.envs.facts import ITEMS, MOBS
from veclink.envs.voxel import entities
from veclink.envs.voxel.render import Frame, Renderer, Scene, Textures

HELD_OUT = "rough"  # the style of textures that training never sees
STYLES = ("plain", "soft", "vivid", "faded", "dark")
SETS = 20  # texture sets of a split
VIEWS = 32  # scenes of one place
MIXED = 4  # places whose scenes take turns, so that a batch is not all of one place
DISTANCE = 40.0  # how far one sees, blocks
SIZES = (*((160, 256),) * 5, (144, 256), (176, 256), (192, 256), (160, 224), (128, 224))  # height, width
LABELS = ("block", "depth", "mobs")
COUNTS = (4, 10, 14, 16, 16, 14, 11, 8, 7)  # weights of 0 to 8 mobs
EYES = 12  # places tried for an eye
HELD = ("air", "air", "wooden_pickaxe", "stone_pickaxe", "iron_pickaxe", "stone_axe", "wooden_sword", "stone_sword",
        "iron_sword", "stone_shovel", "dirt", "cobblestone", "planks", "log", "torch", "bucket", "crafting_table")
PITCHES = (0, 0, 0, 30, 30, 30, 45, 60, -60, -90, 75)  # degrees, of one who digs
LIT = (45, 110)  # levels that a dark tunnel's picture is brightened to


@dataclass(frozen=True, eq=False)
class Shot:
    """A picture with its truth, and what drew it.

    Attributes:
        index: its number. frame: with LABELS. truth: what it shows. scene: what was drawn.
        look: texture set and field of view: (style, seed, degrees).
    """

    index: int
    frame: Frame
    truth: SceneTruth
    scene: Scene
    look: tuple[str, int, float]


@dataclass
class _View:
    """An eye in a place."""

    eye: tuple[float, float, float]
    yaw: float
    pitch: float
    fov: float


class Scenes:
    """Draws scenes.

    Args:
        split: "train", "validation" or "test"; they share no terrain, no texture set and no draw.
        seed: any integer.
        held_out: draw with the style that training never sees; not for training.
        sizes: (height, width) in pixels of the pictures; the scenes of one place have the same.
        kinds: mobs to put down; all of the book where None.
        hands: share of pictures with one's own hand in them. burrows: share of places that are dark tunnels.

    Raises:
        InputError: the held-out style for training.
    """

    def __init__(self, split: str = "train", seed: int = 0, held_out: bool = False,
                 sizes: Sequence[Sequence[int]] = SIZES, kinds: Sequence[str] | None = None, hands: float = 0.0,
                 burrows: float = 0.0) -> None:
        self.split, self.seed, self.held_out = check_split(split), seed, held_out
        if held_out and split == "train":
            raise InputError("the held-out textures in validation or test", "split train", "leave held_out off")
        self.sizes, self.kinds = tuple((int(h), int(w)) for h, w in sizes), tuple(kinds or book("mobs"))
        self.hands, self.burrows = hands, burrows
        self._places: OrderedDict[int, Place] = OrderedDict()
        self._renderers: dict[tuple[str, int], Renderer] = {}

    # -- what others ask for -------------------------------------------------------------------------------------------

    def shot(self, index: int) -> Shot:
        """Scene number `index`, from 0 on."""
        made = self._place(index // (VIEWS * MIXED) * MIXED + index % MIXED)
        rng = random.Random(f"scene/{self.split}/{self.seed}/{index}")
        look_rng = random.Random(f"look/{self.split}/{self.seed}/{made.number}")
        style, number = self._texture_set(look_rng)
        size = look_rng.choice(self.sizes)
        view = _burrowed(made, rng) if made.narrow else self._view(made, rng)
        scene = self._handed(self._scene(made, view, size, rng), index)
        frame = self._renderer(style, number, size, view.fov).frame(scene, LABELS)
        if made.narrow:
            frame = replace(frame, rgb=brightened(frame.rgb, rng.uniform(*LIT)))
        return Shot(index, frame, truth_of(frame, scene), scene, (style, number, view.fov))

    def shots(self, start: int = 0) -> Iterator[Shot]:
        """All scenes from number `start` on, without end."""
        index = start
        while True:
            yield self.shot(index)
            index += 1

    def edited(self, shot: Shot, change: Edit) -> np.ndarray:
        """(H, W, 3) uint8: the same scene after a change."""
        style, number, fov = shot.look
        height, width = shot.frame.rgb.shape[:2]
        return self._renderer(style, number, (height, width), fov).frame(changed(shot.scene, change)).rgb

    # -- parts ---------------------------------------------------------------------------------------------------------

    def _place(self, number: int) -> Place:
        found = self._places.get(number)
        if found is None:
            found = self._places[number] = place(self.split, self.seed, number, self.burrows)
            if len(self._places) > MIXED:
                self._places.popitem(last=False)
        return found

    def _handed(self, scene: Scene, index: int) -> Scene:
        """The scene with a hand in it, or as it is."""
        rng = random.Random(f"hand/{self.split}/{self.seed}/{index}")
        if rng.random() >= self.hands:
            return scene
        return scene.edited(held=ITEMS.id(rng.choice(HELD)), swing=rng.choice((0.0, 0.0, rng.random())))

    def _texture_set(self, rng: random.Random) -> tuple[str, int]:
        """Style and seed of a place's textures; the splits share no seed."""
        number = rng.randrange(SETS)
        style = HELD_OUT if self.held_out else STYLES[number % len(STYLES)]
        return style, number + 1000 * ("train", "validation", "test").index(self.split)

    def _renderer(self, style: str, number: int, size: tuple[int, int], fov: float) -> Renderer:
        """The renderer of a texture set, set to a size and a field of view."""
        renderer = self._renderers.get((style, number))
        if renderer is None:
            renderer = Renderer(size, fov, DISTANCE, Textures.procedural(number, style))
            self._renderers[style, number] = renderer
        renderer.image_size, renderer.fov = size, fov
        return renderer

    def _view(self, made: Place, rng: random.Random) -> _View:
        """An eye above the ground that looks where the sight is free."""
        best, best_free = None, -1.0
        for _ in range(EYES):
            x, z = made.x + rng.randint(-REACH + 6, REACH - 6), made.z + rng.randint(-REACH + 6, REACH - 6)
            ground = made.ground(x, z)
            yaw, rise = rng.uniform(-180, 180), 1.62 + max(0.0, rng.gauss(0.2, 1.0))
            if not ground:
                continue
            eye = (x + 0.5, ground + rise, z + 0.5)
            aside = min(free_sight(made, eye, yaw + turn, 3.0) for turn in (-35, 35))
            free = free_sight(made, eye, yaw) * (1.0 if aside > 2.0 else 0.4)  # nothing that fills half the picture
            if free > best_free:
                best = _View(eye, yaw, rng.uniform(2, 14) + 4 * (rise - 1.62), rng.uniform(52, 88))
                best_free = free
            if free > 9:
                break
        if best is None:
            top = float(made.grid.top[made.x & 127, made.z & 127])
            best = _View((made.x + 0.5, top + 3.0, made.z + 0.5), rng.uniform(-180, 180), 12.0, 70.0)
        return best

    def _scene(self, made: Place, view: _View, size: tuple[int, int], rng: random.Random) -> Scene:
        mobs = entities.mobs()
        recoloured = self._populate(made, view, size, mobs, rng)
        weather = rng.choices((0, 1, 2), (72, 18, 10))[0]
        return Scene.of(made.grid, view.eye, yaw=view.yaw, pitch=view.pitch, mobs=mobs, time=_hour(rng),
                        weather=weather, snow=rng.random() < 0.1, recoloured=recoloured, version=made.number + 1)

    def _populate(self, made: Place, view: _View, size: tuple[int, int], mobs: np.ndarray, rng: random.Random
                  ) -> dict[int, tuple[float, float, float]]:
        """Put mobs down before the eye; factors of those in another colour than their own."""
        wanted = rng.choices(range(len(COUNTS)), COUNTS)[0]
        kinds = rng.sample(self.kinds, min(rng.choice((1, 1, 2, 2, 3, 3)), len(self.kinds)))
        half = math.degrees(math.atan(math.tan(math.radians(view.fov / 2)) * size[1] / size[0])) * 0.86
        recoloured: dict[int, tuple[float, float, float]] = {}
        spots: list[tuple[float, float]] = []
        slot = 0
        for _ in range(wanted * 5):
            if slot == wanted:
                break
            kind = rng.choice(kinds)
            spot = _spot(made, view, half, spots, rng)
            if spot is None:
                continue
            spots.append((spot[0], spot[2]))
            fill(mobs[slot], slot + 1, kind, spot, rng)
            if kind in book("edits")["paintable"] and "coats" not in book("mobs")[kind] and rng.random() < 0.12:
                recoloured[slot + 1] = tuple(rng.choice(list(book("edits")["factors"].values())))
            slot += 1
        return recoloured


def _burrowed(made: Place, rng: random.Random) -> _View:
    """An eye in a tunnel, along it, back or at its walls, as one looks who digs."""
    i, k = rng.choice(sorted(made.floor or {(made.x, made.z): 30}))
    eye = (i + rng.uniform(0.3, 0.7), made.ground(i, k) + 1.62, k + rng.uniform(0.3, 0.7))
    yaw, pitch = 90.0 * rng.randrange(4) + rng.uniform(-4, 4), rng.choice(PITCHES) + rng.uniform(-4, 4)
    return _View(eye, yaw, max(-90.0, min(90.0, pitch)), rng.uniform(60, 80))


def _hour(rng: random.Random) -> int:
    """A time of day: mostly day, some of night, dusk and dawn, and what lies between."""
    name = rng.choices(("day", "night", "sunset", "sunrise", ""), (58, 18, 8, 7, 9))[0]
    low, high = rng.choice(book("edits")["hours"][name]) if name else (0, 24000)
    return rng.randrange(low, high)


def _spot(made: Place, view: _View, half: float, taken: Sequence[tuple[float, float]], rng: random.Random
          ) -> tuple[float, float, float] | None:
    """Feet of a mob before the eye: nearer ones more often, none inside another."""
    far = 2.8 + 15.0 * rng.random() ** 1.4
    angle = math.radians(view.yaw + rng.uniform(-half, half))
    if taken and rng.random() < 0.25:  # beside another
        x, z = rng.choice(list(taken))
        x, z = x + rng.uniform(-2, 2), z + rng.uniform(-2, 2)
    else:
        x, z = view.eye[0] - math.sin(angle) * far, view.eye[2] + math.cos(angle) * far
    i, k = math.floor(x), math.floor(z)
    y = made.ground(i, k)
    if not y or abs(y + 1.2 - view.eye[1]) > 5.5 or any(math.hypot(x - a, z - b) < 1.0 for a, b in taken):
        return None
    if math.hypot(x - view.eye[0], z - view.eye[2]) < 2.2:
        return None
    return x, y - 0.55 if made.is_water(i, k) else float(y), z


def fill(record: Any, number: int, kind: str, spot: tuple[float, float, float], rng: random.Random) -> None:
    """Make a record of entities.MOB a mob of this kind in a random pose, colour and age."""
    record["alive"], record["kind"], record["id"] = True, MOBS.id(kind), number
    record["x"], record["y"], record["z"] = spot
    yaw = rng.choice((rng.uniform(-180, 180), 90.0 * rng.randrange(4) + rng.uniform(-12, 12)))
    record["yaw"], record["head_yaw"] = yaw, yaw + rng.uniform(-35, 35)
    record["head_pitch"] = rng.uniform(-20, 30)
    record["phase"] = rng.uniform(0, 2 * math.pi)
    record["swing"] = 0.0 if rng.random() < 0.25 else rng.random()
    coats = book("mobs")[kind].get("coats", ("",))
    record["variant"] = rng.randrange(len(coats))
    record["baby"] = kind in book("nouns")["young"] and rng.random() < 0.18
    record["health"], record["size"] = 10, 1


def changed(scene: Scene, change: Edit) -> Scene:
    """The scene after a change."""
    plain = ("time", "weather", "snow")
    fields: dict[str, Any] = {name: change.fields[name] for name in plain if name in change.fields}
    if "hidden" in change.fields:
        fields["hidden"] = scene.hidden | frozenset(change.fields["hidden"])
    if change.fields.get("recoloured"):
        fields["recoloured"] = {**scene.recoloured, **change.fields["recoloured"]}
    if change.fields.get("variants"):
        mobs = scene.mobs.copy()
        for number, variant in change.fields["variants"].items():
            mobs["variant"][mobs["id"] == number] = variant
        fields["mobs"] = mobs
    after = scene.edited(**fields)
    for old, new in change.fields.get("blocks", {}).items():
        after = after.with_block(old, new)
    return after
