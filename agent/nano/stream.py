"""Lessons on pictures without end: what the embedded core and its tools are trained and measured on."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from veclink.agent.nano.language import Language
from veclink.agent.nano.lesson import ROLES, Lesson
from veclink.agent.nano.scenes import SIZES, Scenes, Shot
from veclink.agent.nano.targets import sample_of
from veclink.router.nano.samples import Sample, Source
from veclink.tools import registry

DIALOGUES = 0.25  # share of pictures with turns that follow from one another


def fillers(others: Mapping[str, str] | None = None) -> dict[str, str]:
    """Role -> name of the tool that fills it: of this project's own, by the kind of result that they declare; or of
    `others`, which say so themselves."""
    made = {name: registry.load(name) for name in registry.names()}
    own = {name: tool for name, tool in made.items() if tool.__module__.startswith("veclink.tools.")}
    found = {role: next(name for name, tool in sorted(own.items()) if tool.result == role) for role in ROLES}
    return {**found, **(others or {})}


class Stream:
    """Samples by number; sample `index` is always the same.

    Args:
        split, seed, held_out, sizes, hands, burrows: as `Scenes`.
        tools: role -> name of the tool that fills it; requests are made for these alone.
        lessons: turns of a picture.
        edits: how many changed pictures are drawn a picture at most; calls for more have no target (routing alone).
        fresh, weights: as `Language`.
        dialogues: share of pictures with a dialogue.
    """

    def __init__(self, split: str = "train", seed: int = 0, held_out: bool = False,
                 sizes: Sequence[Sequence[int]] = SIZES, tools: Mapping[str, str] | None = None, lessons: int = 6,
                 edits: int = 1, fresh: float = 0.5, weights: dict[str, float] | None = None,
                 dialogues: float = DIALOGUES, hands: float = 0.0, burrows: float = 0.0) -> None:
        self.scenes = Scenes(split, seed, held_out, sizes, hands=hands, burrows=burrows)
        self.tools = dict(fillers() if tools is None else tools)
        self.language = Language(split, tuple(self.tools), fresh, weights)
        self.lessons, self.edits, self.dialogues = lessons, edits, dialogues

    def sample(self, index: int) -> Sample:
        """Sample number `index`, from 0 on."""
        shot = self.scenes.shot(index)
        rng = random.Random(f"words/{self.scenes.split}/{self.scenes.seed}/{index}")
        lessons = self.language.lessons(shot.truth, rng, self.lessons)
        if rng.random() < self.dialogues:
            told = self.language.dialogue(shot.truth, rng)
            lessons = [*told, *lessons][: max(self.lessons, len(told))]
        edited = self._drawn(shot, lessons)
        name = f"{self.scenes.split} {self.scenes.seed}:{index}"
        return sample_of(shot.frame.rgb, shot.truth, lessons, self.tools, edited, name)

    def samples(self, start: int = 0) -> Iterator[Sample]:
        """All samples from number `start` on, without end."""
        index = start
        while True:
            yield self.sample(index)
            index += 1

    def _drawn(self, shot: Shot, lessons: Sequence[Lesson]) -> list[dict[int, np.ndarray]]:
        """Of each lesson the pictures after its changes, by the number of the route; at most `edits` in all."""
        edited: list[dict[int, np.ndarray]] = []
        for lesson in lessons:
            drawn = sum(len(one) for one in edited)
            changes = [(i, wanted.change) for i, wanted in enumerate(lesson.routes) if wanted.change is not None]
            edited.append({i: self.scenes.edited(shot, change) for i, change in changes[: self.edits - drawn]})
        return edited


def source(split: str = "train", seed: int = 0, **options: object) -> Source:
    """The samples of a split from a position on, as recipes name it; options as `Stream`."""
    stream = Stream(split, seed, **options)  # type: ignore[arg-type]  # checked there

    return stream.samples


