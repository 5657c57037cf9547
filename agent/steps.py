"""What a run leaves: typed steps, and the run itself with the one JSON form that the command line prints."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from PIL import Image

    from veclink.router.core import Task
    from veclink.tools.results import Result


@dataclass(frozen=True)
class Step:
    """One thing that happened; `seconds` of wall time."""

    seconds: float = 0.0

    def dict(self) -> dict[str, Any]:
        """JSON form, with the kind of step under "step"."""
        return {"step": type(self).__name__.removesuffix("Step").lower(), **asdict(self)}


@dataclass(frozen=True)
class OpenStep(Step):
    """The pictures were opened; `pictures` are (name, width, height)."""

    pictures: tuple[tuple[str, int, int], ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class ReadStep(Step):
    """The core read the task; `routes` as in the run's JSON."""

    routes: tuple[dict[str, Any], ...] = ()
    rejected: bool = False
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class DecodeStep(Step):
    """A tool decoded the routes of these indices in one call; `load`, `bridge` and `link` are seconds before it."""

    tool: str = ""
    routes: tuple[int, ...] = ()
    load: float = 0.0
    bridge: float = 0.0
    link: float = 0.0
    error: str = ""


@dataclass(frozen=True)
class CheckStep(Step):
    """What was found was held against what was asked."""

    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class AnswerStep(Step):
    """The answer was put into words."""

    answer: str = ""


@dataclass(frozen=True)
class RouteRecord:
    """A route as a run reports it: what the core decided, and how the decoder was fed.

    Attributes:
        condition: "bridge" or "link". gate: the tool's gate; 0 with a bridge.
        uses: indices of earlier routes whose results it works on.
    """

    tool: str
    phrase: str
    image: int
    condition: str = "bridge"
    gate: float = 0.0
    uses: tuple[int, ...] = ()


@dataclass(eq=False)
class Found:
    """One tool's result in one picture; `file` is where it was written, if it was."""

    tool: str
    image: int
    result: Result
    file: str | None = None


@dataclass(eq=False)
class Run:
    """One finished task.

    Attributes:
        task: text, pictures and regions as they were read.
        answer: in words.
        routes, results, errors: what was decided, found, and what failed, (tool, message).
        seconds: wall time: "open", "core", "link", "check", "answer", "draw", "load:X" (of the core and of each tool),
            "bridge:X" and "decode:X" of each tool, "total", and "rest", the part of the total that is none of these.
            Drawing counts in where results were written. In a batch each run has its even share.
        models: weights' file name -> sha256.
        notes: remarks of all steps.
    """

    task: Task
    answer: str
    profile: str
    device: str
    seed: int
    routes: tuple[RouteRecord, ...] = ()
    results: tuple[Found, ...] = ()
    errors: tuple[tuple[str, str], ...] = ()
    steps: tuple[Step, ...] = ()
    seconds: Mapping[str, float] = field(default_factory=dict)
    models: Mapping[str, str] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    folder: Path | None = None

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(note for step in self.steps for note in getattr(step, "notes", ()))

    def to_dict(self) -> dict[str, Any]:
        """The document that `veclink run --json` prints; pixels stay out of it, files are named."""
        return {
            "task": self.task.text,
            "answer": self.answer,
            "profile": self.profile,
            "device": self.device,
            "seed": self.seed,
            "models": dict(self.models),
            "pictures": list(self.names),
            "routes": [{**asdict(route), "uses": list(route.uses)} for route in self.routes],
            "results": [_plain(found) for found in self.results],
            "errors": [{"tool": tool, "message": message} for tool, message in self.errors],
            "notes": list(self.notes),
            "seconds": {name: round(value, 4) for name, value in self.seconds.items()},
        }

    def draw(self, image: int = 0) -> Image.Image:
        """Picture number `image` with everything found in it drawn on; the last edit where it was changed."""
        from PIL import Image

        from veclink.agent.draw import draw

        return Image.fromarray(draw(self.pixels(image), [f.result for f in self.results if f.image == image]))

    def pixels(self, image: int = 0) -> np.ndarray:
        """(H, W, 3) uint8 RGB of a picture of the task."""
        return self.task.images[image]

    def show(self) -> None:
        """Open the annotated pictures in the system's viewer."""
        for image in range(len(self.task.images)):
            self.draw(image).show()

    def save(self, folder: str | Path) -> Path:
        """Write plan, results, annotated pictures and manifest into a folder."""
        from veclink.agent.folder import RunFolder

        out = RunFolder(folder).prepare()
        out.save(self)  # pyright: ignore[reportArgumentType] - the checker sees this file under two names
        return out.path


def _plain(found: Found) -> dict[str, Any]:
    result = found.result
    return {
        "tool": found.tool,
        "image": found.image,
        "kind": result.kind,
        "size": list(result.size),
        "items": result.items(),
        "file": found.file,
    }
