"""The books of words: nouns, attributes and request frames, each with a training, a validation and a test part.

A line of a book may hold alternatives, "[find|locate] {things}[ for me|]": one is drawn at each bracket; brackets may
stand inside others. What is drawn for training never comes from the other parts.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from veclink.envs.errors import UnknownName

SPLITS = ("train", "validation", "test")
INNERMOST = re.compile(r"\[([^\[\]]*)\]")


@cache
def book(name: str) -> dict[str, Any]:
    """The content of words/`name`.yaml."""
    return yaml.load((files("veclink.agent.nano") / "words" / f"{name}.yaml").read_text("utf8"), yaml.CSafeLoader)


def expand(line: str, rng: random.Random) -> str:
    """A line with one alternative drawn at each bracket."""
    while found := INNERMOST.search(line):
        line = line[: found.start()] + rng.choice(found[1].split("|")) + line[found.end() :]
    return line


def variants(line: str) -> int:
    """How many texts a line can make, counted as if no two were alike."""
    while found := INNERMOST.search(line):
        options = found[1].split("|")
        line = line[: found.start()] + "\0" * 0 + _marked(options) + line[found.end() :]
    total = 1
    for count in re.findall("\1(\\d+)\2", line):
        total *= int(count)
    return total


def _marked(options: Sequence[str]) -> str:
    """The number of texts of a bracket's options, in a form that the next pass reads."""
    total = 0
    for option in options:
        product = 1
        for count in re.findall("\1(\\d+)\2", option):
            product *= int(count)
        total += product
    return f"\1{total}\2"


def check_split(split: str) -> str:
    """The split; UnknownName where there is none of that name."""
    if split not in SPLITS:
        raise UnknownName.of("split", split, SPLITS)
    return split


class Drawer:
    """Draws words and frames for one split.

    Args:
        split: one of SPLITS. Training draws from the training parts alone; the others take a word or a frame of their
            own part with the chance `fresh`, else one of the training part.
        fresh: 0..1.
    """

    def __init__(self, split: str, fresh: float = 0.5) -> None:
        self.split, self.fresh = check_split(split), fresh

    def one(self, parts: dict[str, list[Any]], rng: random.Random) -> tuple[Any, bool]:
        """(an entry, whether training never sees it)."""
        if self.split != "train" and parts.get(self.split) and rng.random() < self.fresh:
            return rng.choice(parts[self.split]), True
        return rng.choice(parts["train"]), False

    def numbered(self, name: str, parts: dict[str, list[Any]], rng: random.Random) -> tuple[str, str, bool]:
        """(an expanded frame, its label "name/part/number", whether training never sees it)."""
        part = "train"
        if self.split != "train" and parts.get(self.split) and rng.random() < self.fresh:
            part = self.split
        number = rng.randrange(len(parts[part]))
        return expand(parts[part][number], rng), f"{name}/{part}/{number}", part != "train"
