"""The core's contract: what a task is, what a core makes of it, and the protocol every core follows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np

from veclink.router.errors import TaskError
from veclink.tools.regions import Region
from veclink.tools.tool import ToolSpec

if TYPE_CHECKING:
    from torch import Tensor

MAX_CHARACTERS = 8_000
ANSWER, REJECT = "answer", "reject"  # what stands in the place of tools: words are enough; nothing here can do it


@dataclass(frozen=True, eq=False)
class Task:
    """What a person asks.

    Attributes:
        text: plain words, 1 to 8,000 characters.
        images: (H, W, 3) uint8 RGB arrays.
        regions: places in those pictures, in their pixels; `Region.image` says which.
        before: what the turn before was about, in words; a lone "them" may mean it.

    Raises:
        TaskError: the text is empty or too long, or a region names a picture that is not there.
    """

    text: str
    images: tuple[np.ndarray, ...] = ()
    regions: tuple[Region, ...] = ()
    before: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if not self.text.strip():
            raise TaskError("a task in words", "an empty text", "say what to do, e.g. 'find every person'")
        if len(self.text) > MAX_CHARACTERS:
            raise TaskError(
                f"a task of at most {MAX_CHARACTERS:,} characters",
                f"{len(self.text):,}",
                "shorten it or split it into several",
            )
        for region in self.regions:
            if not 0 <= region.image < len(self.images):
                raise TaskError(
                    f"a region in one of the {len(self.images)} pictures",
                    f"picture {region.image}",
                    "give the picture too, or mend the region's picture number",
                )
            height, width = self.images[region.image].shape[:2]
            region.check(width, height)


@dataclass(frozen=True, eq=False)
class Route:
    """One use of one tool that a task needs.

    Attributes:
        tool: the tool's name.
        phrase: the words of the task that this use is about.
        image: index of the picture it applies to.
        link: (queries, H) the core's hidden states at the tool's link queries, or None where they were not asked for.
        uses: indices of earlier routes of the same reading whose results this one works on, as regions and, where they
            made a picture, as the picture.
        dense: (rows, columns) float32 logits over the whole picture, how surely each part of it is meant; None where
            the link or the tool has no dense part.
    """

    tool: str
    phrase: str
    image: int = 0
    link: Tensor | None = None
    uses: tuple[int, ...] = ()
    dense: Tensor | None = None


@dataclass(frozen=True, eq=False)
class Reading:
    """What the core made of one task.

    Attributes:
        answer: its words; empty where the tools' results are the answer.
        routes: in the order in which the task needs them.
        rejected: none of the tools can do it; `answer` says so.
    """

    answer: str
    routes: tuple[Route, ...] = ()
    rejected: bool = False


@runtime_checkable
class Core(Protocol):
    """A model that reads tasks.

    Attributes:
        name: of the model.
        hidden: H, the width of its hidden states.
        sees: whether it looks at the pictures; a core that does not routes by words alone.
        models: file name -> sha256 of the weights in use.
    """

    name: str

    @property
    def hidden(self) -> int: ...

    @property
    def sees(self) -> bool: ...

    @property
    def models(self) -> Mapping[str, str]: ...

    def attach(self, tools: Sequence[ToolSpec], linked: Sequence[str] = ()) -> None:
        """Make these tools routable; links are read for those named in `linked` and None for the others."""
        ...

    def read(self, tasks: Sequence[Task]) -> list[Reading]:
        """One reading a task, in one mixed batch: different tools, different numbers of pictures."""
        ...


@dataclass(frozen=True)
class Written:
    """What a routing strategy writes for one task, before links are read.

    Attributes:
        calls: (tool name, phrases) in the order needed, each tool once; no phrases means the whole picture.
        rejected: no tool can do it.
        answer: words, where the strategy itself wrote them.
    """

    calls: tuple[tuple[str, tuple[str, ...]], ...] = ()
    rejected: bool = False
    answer: str = ""
