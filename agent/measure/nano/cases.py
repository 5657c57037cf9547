"""What the embedded core is asked when it is measured: samples of the stream, in blocks, and the names in phrases."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

import numpy as np

from veclink.agent.nano.book import SPLITS, book
from veclink.agent.nano.lesson import DETECT, EDIT, POSE, ROLES, SEGMENT
from veclink.agent.nano.stream import Stream, fillers
from veclink.router.core import ANSWER, REJECT
from veclink.router.nano.samples import Call, Sample, Turn

MAIN, HELD_OUT = "new scenes", "held-out textures"  # the parts of a measurement
BLOCK = 8  # samples that go through the core together; links are shuffled within them
LESSONS, EDITS = 10, 2  # turns and drawn changes of a picture
# how often each kind of turn comes; more of what many figures hang on than in training
WEIGHTS = {DETECT: 34, SEGMENT: 20, POSE: 18, EDIT: 14, "several": 20, "refused": 4, "count": 10, "yesno": 6,
           "state": 5, "nearer": 7, "describe": 2, "what": 5, "attribute": 8, "reject": 6, "talk": 2}
FRESH = 0.5  # chance that a word or a frame is one that training never sees


@dataclass(frozen=True, eq=False)
class Asked:
    """One use of one tool that is measured.

    Attributes:
        sample, turn, place: of the sample in its block, of the turn in it, of the call in that.
        picture: (H, W, 3) uint8. words: the turn. call: with its target. role: kind of result.
        notes: of the turn, see `agent.nano.targets.turn_of`.
    """

    sample: int
    turn: int
    place: int
    picture: np.ndarray
    words: Turn
    call: Call
    role: str
    notes: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class Block:
    """Samples that are measured together.

    Attributes:
        first: number of the first sample. samples: in order. roles: tool name -> kind of result.
    """

    first: int
    samples: Sequence[Sample]
    roles: Mapping[str, str]

    @cached_property
    def asked(self) -> list[Asked]:
        """Every call that has a target, in order."""
        return [Asked(s, t, c, sample.picture, turn, call, self.roles[call.tool], sample.notes["turns"][t])
                for s, sample in enumerate(self.samples) for t, turn in enumerate(sample.turns)
                for c, call in enumerate(turn.calls) if call.target is not None and sample.picture is not None]


class Part:
    """A part of a measurement: samples without end, in blocks.

    Args:
        split, seed: as `Stream`. held_out: with the textures that training never sees. tools: as `fillers`.
    """

    def __init__(self, split: str = "test", seed: int = 0, held_out: bool = False,
                 tools: Mapping[str, str] | None = None) -> None:
        self.name = HELD_OUT if held_out else MAIN
        self.tools = fillers(tools)
        self.stream = Stream(split, seed, held_out, tools=self.tools, lessons=LESSONS, edits=EDITS, fresh=FRESH,
                             weights=dict(WEIGHTS))

    def block(self, first: int, count: int) -> Block:
        """So many samples from number `first` on."""
        roles = {self.tools[role]: role for role in ROLES if role in self.tools}
        return Block(first, [self.stream.sample(first + i) for i in range(count)], roles)


def labels_wanted(turn: Turn) -> tuple[str, ...]:
    """The tools that a turn needs in order, or what stands in their place."""
    if turn.rejected:
        return (REJECT,)
    return tuple(dict.fromkeys(call.tool for call in turn.calls)) or (ANSWER,)


# -- names -------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Name:
    """A name that a phrase uses: its entry in the books, what it names, and the part of the book that holds it."""

    entry: str
    kind: str
    part: str


@cache
def names() -> dict[str, Name]:
    """Entry -> name, of all mobs, their young, wider words and blocks."""
    found: dict[str, Name] = {}
    shelves = list(book("mobs").items())
    shelves += list(book("nouns")["young"].items()) + list(book("nouns")["groups"].items())
    shelves += list(book("blocks").items())
    for kind, shelf in shelves:
        for part in SPLITS:
            for entry in shelf.get(part, ()):
                found.setdefault(entry.rstrip("+"), Name(entry.rstrip("+"), kind, part))
    return found


def name_in(phrase: str, words: Sequence[str]) -> Name | None:
    """The name that a phrase uses, of the words that its request was made of; the longest where several fit."""
    fitting = [names()[word] for word in words
               if word in names() and any(form in phrase for form in word.split("/"))]
    return max(fitting, key=lambda name: len(name.entry), default=None)
