"""Small hand-written fakes for tests of tools, cores and agents, as pytest fixtures.

Use them with `pytest_plugins = ["veclink.agent.testing"]` in a conftest.py. They are no mocks: the fake tool really
finds coloured blobs by a condition in colour space, the fake core really routes by words.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor

from veclink.router.core import Reading, Task, Written
from veclink.router.requests import routes_of
from veclink.tools import registry
from veclink.tools.condition import Condition
from veclink.tools.results import Boxes, Image, Masks, Result
from veclink.tools.tool import Tool, ToolSpec

COLOURS = {"red": (255, 0, 0), "green": (0, 255, 0), "blue": (0, 0, 255), "yellow": (255, 255, 0)}


class FakeSpot(Tool):
    """Boxes round the pixels of a colour named in the phrase; the condition is that colour in RGB, 0 to 1."""

    name = "spot"
    result = "boxes"
    description = "Finds where a colour is in the picture and boxes it."
    examples = ("spot the red square", "where is the green thing", "spot everything blue")
    defaults: ClassVar[Mapping[str, Any]] = {"tolerance": 60}
    limits: ClassVar[Mapping[str, tuple[float, float]]] = {"tolerance": (0, 255)}
    condition = (1, 3)
    encodings = 0  # how often a picture was encoded, over all instances

    def bridge(self, phrases: Sequence[str]) -> list[Tensor]:
        wanted = [COLOURS.get(_name(phrase), (127, 127, 127)) for phrase in phrases]
        return [torch.tensor([colour], dtype=torch.float32) / 255 for colour in wanted]

    def encode(self, images: Sequence[np.ndarray]) -> list[Any]:
        type(self).encodings += len(images)
        return [image.astype(np.int32) for image in images]

    def decode(self, images: Sequence[np.ndarray], conditions: Sequence[Condition]) -> list[Result]:
        self.check_conditions(images, conditions)
        pairs = zip(self.encoded(images), conditions, strict=True)
        return [self._result(*self._find(pixels, condition), condition) for pixels, condition in pairs]

    def _find(self, pixels: np.ndarray, condition: Condition) -> tuple[np.ndarray, tuple[int, int]]:
        """(H, W) bool of the pixels of the wanted colour, and the picture's (width, height)."""
        wanted = condition.vectors.detach().float().cpu().numpy()[0] * 255
        mask = np.abs(pixels - wanted).max(-1) <= self.option("tolerance", condition)
        for region in condition.regions:
            mask &= region.as_mask(mask.shape[1], mask.shape[0])
        return mask, (mask.shape[1], mask.shape[0])

    def _result(self, mask: np.ndarray, size: tuple[int, int], condition: Condition) -> Result:
        if not mask.any():
            return Boxes(np.zeros((0, 4)), np.zeros(0), [], [], size)
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        box = np.array([[columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]], float)
        return Boxes(box, np.array([0.9]), _name(condition.phrase), condition.phrase, size)


class FakeShape(FakeSpot):
    """The exact pixels of a colour."""

    name = "shape"
    result = "masks"
    description = "Cuts out the exact shape of a colour in the picture."
    examples = ("cut out the red square", "the exact shape of the green thing", "shape of the blue one")

    def _result(self, mask: np.ndarray, size: tuple[int, int], condition: Condition) -> Result:
        masks = mask[None] if mask.any() else np.zeros((0, size[1], size[0]), bool)
        return Masks(masks, np.full(len(masks), 0.8), _name(condition.phrase), condition.phrase, size)


class FakePaint(FakeSpot):
    """Paints the regions, or the whole picture, in the colour named."""

    name = "paint"
    result = "image"
    description = "Paints the picture or a part of it in another colour."
    examples = ("paint it red", "make the picture green", "paint them blue")

    def decode(self, images: Sequence[np.ndarray], conditions: Sequence[Condition]) -> list[Result]:
        self.check_conditions(images, conditions)
        results: list[Result] = []
        for image, condition in zip(images, conditions, strict=True):
            pixels = image.copy()
            inside = np.zeros(image.shape[:2], bool)
            for region in condition.regions:
                inside |= region.as_mask(image.shape[1], image.shape[0])
            where = inside if condition.regions else ~inside
            pixels[where] = (condition.vectors.detach().numpy()[0] * 255).round().clip(0, 255).astype(np.uint8)
            results.append(Image(pixels, condition.phrase))
        return results


class FakeBroken(FakeSpot):
    """Fails as its phrase says: raise, hang, wrong kind, wrong size, too few."""

    name = "broken"
    result = "boxes"
    description = "Fails on purpose, in the way that the task names."
    examples = ("break by raise", "break by hang", "break by wrong kind")

    def decode(self, images: Sequence[np.ndarray], conditions: Sequence[Condition]) -> list[Result]:
        self.check_conditions(images, conditions)
        phrase = conditions[0].phrase
        if "raise" in phrase:
            raise RuntimeError("broken on purpose")
        if "hang" in phrase:
            time.sleep(3600)
        if "few" in phrase:
            return []
        size = (1, 1) if "size" in phrase else (images[0].shape[1], images[0].shape[0])
        if "kind" in phrase:
            return [Image(image) for image in images]
        return [Boxes(np.zeros((0, 4)), np.zeros(0), [], [], size) for _ in images]


FAKES: tuple[type[FakeSpot], ...] = (FakeSpot, FakeShape, FakePaint, FakeBroken)
VERBS = {"spot": "spot|find|where", "shape": "shape|cut|outline", "paint": "paint|make", "broken": "break"}


class FakeCore:
    """Routes clause by clause by verbs; what follows the verb is the phrase."""

    name, hidden, sees = "fake", 8, False
    models: Mapping[str, str] = {"fake-core": "0" * 64}

    def __init__(self) -> None:
        self.reads = 0
        self.specs: dict[str, ToolSpec] = {}

    def attach(self, tools: Sequence[ToolSpec], linked: Sequence[str] = ()) -> None:
        self.specs = {spec.name: spec for spec in tools}

    def read(self, tasks: Sequence[Task]) -> list[Reading]:
        self.reads += 1
        return [self._read(task) for task in tasks]

    def _read(self, task: Task) -> Reading:
        calls: dict[str, list[str]] = {}
        for clause in re.split(r"[,;.]| and then | then ", task.text):
            for tool, verbs in VERBS.items():
                match = re.search(rf"\b(?:{verbs})\b(?: out)?(.*)", clause, re.IGNORECASE)
                if match and tool in self.specs:
                    target = match[1].strip() if self.specs[tool].result != "image" else match[0].strip()
                    calls.setdefault(tool, []).extend(p.strip() for p in target.split(" and "))
                    break
        if not calls and "music" in task.text:
            return Reading("None of the tools at hand can do this.", (), True)
        written = Written(tuple((tool, tuple(phrases)) for tool, phrases in calls.items()))
        kinds = {name: spec.result for name, spec in self.specs.items()}
        routes = routes_of(task.text, written, len(task.images), kinds, task.before) if calls else ()
        return Reading("" if routes else f"You said: {task.text}", routes)


def blocks(*colours: str, height: int = 64, side: int = 24) -> np.ndarray:
    """(height, 32 * n, 3) uint8 RGB: a square of each colour on grey, from left to right; each in a cell 32 pixels
    wide."""
    pixels = np.full((height, 32 * len(colours), 3), 127, np.uint8)
    for i, colour in enumerate(colours):
        pixels[8 : 8 + side, 32 * i + 4 : 32 * i + 4 + side] = COLOURS[colour]
    return pixels


def _name(phrase: str) -> str:
    return next((name for name in COLOURS if name in phrase.lower()), "thing")


@pytest.fixture
def fake_tools() -> Iterator[tuple[str, ...]]:
    """Registers the fakes for a test; their names."""
    for kind in FAKES:
        registry.register(kind.name, kind)
    FakeSpot.encodings = 0
    yield tuple(kind.name for kind in FAKES)
    for kind in FAKES:
        registry.unregister(kind.name)


@pytest.fixture
def fake_core() -> FakeCore:
    return FakeCore()


@pytest.fixture
def fake_agent(fake_tools: tuple[str, ...], fake_core: FakeCore) -> Any:
    """An agent of fakes alone, on the CPU."""
    from veclink.agent.agent import Agent
    from veclink.agent.profiles import Profile

    profile = Profile("fake", "fakes alone", {"model": "fake"}, {name: {} for name in fake_tools}, plugins=False)
    return Agent(profile, device="cpu", core=fake_core)


def picture_file(folder: Path, name: str = "blocks.png", *colours: str) -> Path:
    """A file with `blocks` in it."""
    from PIL import Image as Pillow

    path = folder / name
    Pillow.fromarray(blocks(*(colours or ("red", "green", "blue")))).save(path)
    return path
