"""What nano learns from: a picture with one or more turns about it, and the truth that each called tool must give.

Plain data. Whoever makes pictures makes these; the recipes name the function that does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import numpy as np

from veclink.router.core import Task
from veclink.router.errors import TaskError
from veclink.tools.regions import Region

REGION = "<region>"  # stands in a text for a region; the first for the first, and so on


@dataclass(frozen=True, eq=False)
class Call:
    """One use of one tool in an answer.

    Attributes:
        tool: the tool's name.
        phrase: the words it is about.
        target: what its decoder must give, in the form of the tool's own result (`veclink.tools.results`), sized like
            the picture; None where only the routing is learned.
        regions: places that the decoder is told beside the link, in the picture's pixels.
        kind: of task, for tables ("category", "attribute", "spatial", "visual prompt", "dense edit").
        names: kinds of the things that it is about, where the target does not name them (a changed picture).
    """

    tool: str
    phrase: str
    target: Any = None
    regions: tuple[Region, ...] = ()
    kind: str = ""
    names: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class Turn:
    """What is asked and the right answer.

    Attributes:
        text: the user's words. REGION in it stands for a region, in their order; regions without one come first.
        words: the answer in words, after the calls; may be empty.
        calls: the tools needed, in order.
        rejected: no tool can do it, and words cannot answer it; then there are neither words nor calls.
        regions: places in the picture that this turn points at, in its pixels.
        before: what the turn before was about, as `Task.before`: "them" may mean it.
        kind: of task, for tables.
        meant: (column, row) in the picture's pixels of the middle of each thing that the text is about; None where that
            is not known or not one set of things.
    """

    text: str
    words: str = ""
    calls: tuple[Call, ...] = ()
    rejected: bool = False
    regions: tuple[Region, ...] = ()
    before: tuple[str, ...] = ()
    kind: str = ""
    meant: tuple[tuple[float, float], ...] | None = None

    def __post_init__(self) -> None:
        if self.rejected == bool(self.words.strip() or self.calls):
            raise TaskError("an answer of words or calls, or a refusal alone", repr(self.text[:60]), "mend the sample")


@dataclass(frozen=True)
class Thing:
    """One thing in a picture.

    Attributes:
        column, row: its middle, in the picture's pixels.
        tags: what can be said of it, in the names that the recipe gives the eye.
        sure: False where people might not see it: whether it is found is not judged.
    """

    column: float
    row: float
    tags: tuple[str, ...] = ()
    sure: bool = True


@dataclass(frozen=True, eq=False)
class Sample:
    """A picture and what is asked about it.

    Attributes:
        picture: (H, W, 3) uint8 RGB, or None for words alone.
        turns: at least one. They share the picture and none is read with the others; what a follow-up needs of the
            turn before is in its own `before`.
        labels: (H, W) uint8, the kind of thing in each pixel, as an index into the recipe's `kinds` (0 is nothing of
            interest); None where it is not known. It teaches the eye directly, as the next two do.
        name: where it comes from ("train 7:1234"), for messages. notes: of whoever made it.
        things: all that can be counted and told apart; None where that is not known.
        states: what holds of the whole picture and what does not, by the recipe's names; others are not known.
    """

    picture: np.ndarray | None
    turns: tuple[Turn, ...]
    labels: np.ndarray | None = None
    name: str = ""
    notes: dict[str, Any] = field(default_factory=dict)
    things: tuple[Thing, ...] | None = None
    states: Mapping[str, bool] | None = None

    def __post_init__(self) -> None:
        shape = None if self.picture is None else self.picture.shape
        if shape is not None and (len(shape) != 3 or shape[2] != 3 or self.picture.dtype != np.uint8):  # type: ignore[union-attr]  # seen to be there
            raise TaskError("a (H, W, 3) uint8 picture", f"{shape} in sample {self.name}", "convert it")
        if not self.turns:
            raise TaskError("at least one turn", f"none in sample {self.name}", "leave the sample out")
        if self.labels is not None and (shape is None or self.labels.shape != shape[:2]):
            raise TaskError(f"labels of shape {shape and shape[:2]}", str(self.labels.shape), "mend the sample")

    def tasks(self) -> list[Task]:
        """Each turn as a task of its own, for evaluation."""
        images = () if self.picture is None else (self.picture,)
        return [Task(turn.text, images, turn.regions, turn.before) for turn in self.turns]


# from a position on, the samples of a split: the same position gives the same samples, whoever asks and when
Source: TypeAlias = Callable[[int], Iterator[Sample]]
