"""For tests of the command line: a core that routes by tools' names, and tools that work, fail, hang or lie.

`install()` puts them in the place of the real core; as a program, this file is `veclink` with them installed.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

import numpy as np
import torch

from veclink.router.core import Reading, Route, Task
from veclink.tools import Boxes, Condition, Result, Text, Tool, registry
from veclink.tools.tool import ToolSpec


class FakeCore:
    """Routes to each attached tool whose name is a word of the task, once a picture; "say" needs words alone."""

    name = "fake"
    hidden = 8
    sees = False
    models: ClassVar[Mapping[str, str]] = {"fake": "0" * 64}

    def __init__(self, *arguments: Any, **options: Any) -> None:
        self.specs: dict[str, ToolSpec] = {}

    def attach(self, tools: Sequence[ToolSpec], linked: Sequence[str] = ()) -> None:
        self.specs = {tool.name: tool for tool in tools}

    def ready(self) -> FakeCore:
        return self

    setup = ready

    def read(self, tasks: Sequence[Task]) -> list[Reading]:
        return [self._read(task) for task in tasks]

    def _read(self, task: Task) -> Reading:
        words = task.text.lower().split()
        if "say" in words:
            return Reading("An answer in words.")
        routes = [Route(word, "bright spots", image) for image in range(len(task.images)) for word in words
                  if word in self.specs]
        return Reading("", tuple(routes), rejected=not routes)


class Spotter(Tool):
    """Boxes round the bright part of a picture: real behaviour, no weights."""

    name = "spotter"
    description = "Finds the bright part of a picture and puts a box round it."
    examples = ("find the bright spots", "where is the light", "mark what shines")
    result = "boxes"
    condition = (1, 1)
    defaults: ClassVar = {"threshold": 200}
    limits: ClassVar = {"threshold": (0, 255)}

    def bridge(self, phrases: Sequence[str]) -> list[torch.Tensor]:
        return [torch.ones(1, 1) for _ in phrases]

    def decode(self, images: Sequence[np.ndarray], conditions: Sequence[Condition]) -> list[Result]:
        self.check_conditions(images, conditions)
        return [self._box(image, condition) for image, condition in zip(images, conditions, strict=True)]

    def _box(self, image: np.ndarray, condition: Condition) -> Result:
        size = (image.shape[1], image.shape[0])
        ys, xs = np.nonzero(image.min(2) >= self.option("threshold", condition))
        boxes = [[xs.min(), ys.min(), xs.max() + 1, ys.max() + 1]] if len(xs) else []
        return Boxes(np.array(boxes, float), np.ones(len(boxes)), "spot", condition.phrase, size)


class Raiser(Spotter):
    name = "raiser"
    result = "boxes"
    examples = Spotter.examples

    def decode(self, images: Sequence[np.ndarray], conditions: Sequence[Condition]) -> list[Result]:
        raise ZeroDivisionError("no way through")


class Sleeper(Spotter):
    name = "sleeper"
    result = "boxes"
    examples = Spotter.examples

    def decode(self, images: Sequence[np.ndarray], conditions: Sequence[Condition]) -> list[Result]:
        time.sleep(60)
        return []


class Liar(Spotter):
    """Declares boxes and gives text."""

    name = "liar"
    result = "boxes"
    examples = Spotter.examples

    def decode(self, images: Sequence[np.ndarray], conditions: Sequence[Condition]) -> list[Result]:
        return [Text("a box, I swear") for _ in images]


class Bender(Spotter):
    """Its bridge has another shape than it declares."""

    name = "bender"
    result = "boxes"
    examples = Spotter.examples

    def bridge(self, phrases: Sequence[str]) -> list[torch.Tensor]:
        return [torch.ones(2, 3) for _ in phrases]


TOOLS: tuple[type[Tool], ...] = (Spotter, Raiser, Sleeper, Liar, Bender)


def install() -> None:
    """Register the tools and put FakeCore in the place of the real core."""
    import veclink.router.hub as hub

    hub.HubCore = FakeCore  # type: ignore[assignment,misc]  # a test's stand-in
    install_tools()


def install_tools() -> None:
    """Register the tools alone."""
    for tool in TOOLS:
        registry.register(tool.name, tool)


if __name__ == "__main__":
    from veclink.agent.cli import main

    install()
    main(prog_name="veclink")
