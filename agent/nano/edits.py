"""Changes of a scene that can be drawn truly, and the words that ask for them."""

from __future__ import annotations

import random

import numpy as np

from veclink.agent.nano.book import Drawer, book
from veclink.agent.nano.lesson import DENSE, EDIT, PROMPT, Edit, Wanted
from veclink.agent.nano.referring import COLOUR_PIXELS, Describer, Said
from veclink.agent.nano.truth import NIGHT, SceneTruth
from veclink.envs.facts import BLOCKS

SWAP_SHARE = 0.03  # of the picture that a kind of block must fill to be turned into another
HOURS = ("day", "sunset", "night", "sunrise")


def feasible(truth: SceneTruth) -> list[str]:
    """The kinds of whole-picture changes that would change this scene."""
    kinds = [hour for hour in HOURS if truth.hour and truth.hour != hour]
    cold = truth.snow or truth.snowing
    if truth.weather == 0:
        kinds += ["snowfall"] if truth.snow else ["rain", "thunder", "snowfall"] if not _frozen(truth) else []
    elif not cold:
        kinds.append("clear")
    kinds.append("thaw" if truth.snow else "snow")
    return kinds


def _frozen(truth: SceneTruth) -> bool:
    """Whether rain would fall as snow here; a cold place is known by its name."""
    from veclink.envs.voxel.biomes import IDS, SNOWY

    return bool(SNOWY[IDS.get(truth.biome, 1)])


def whole_change(kind: str) -> Edit:
    """A change of the whole picture."""
    if kind in HOURS:
        return Edit(kind, {"time": book("edits")["times"][kind]})
    fields = {"rain": {"weather": 1}, "thunder": {"weather": 2}, "clear": {"weather": 0}, "snow": {"snow": True},
              "thaw": {"snow": False}, "snowfall": {"weather": 1, "snow": True}}[kind]
    return Edit(kind, dict(fields))


def covered(truth: SceneTruth, ids: tuple[int, ...]) -> np.ndarray:
    """(H, W) bool: the pixels of these mobs."""
    where = np.zeros((truth.size[1], truth.size[0]), bool)
    for mob in truth.mobs:
        if mob.id in ids:
            where |= mob.mask
    return where


def removal(truth: SceneTruth, said: Said) -> Edit:
    """These mobs taken away, with those hardly visible that the words mean too."""
    ids = (*said.mobs, *said.unsure)
    return Edit("remove", {"hidden": ids}, covered(truth, ids))


def recolouring(truth: SceneTruth, said: Said, colour: str) -> Edit:
    """These mobs in another colour: sheep by their wool, the others dyed."""
    ids = (*said.mobs, *said.unsure)
    wool = book("mobs")["sheep"]["coats"].index(colour)
    sheep = {number for number in ids if truth.mob(number).kind == "sheep"}
    factors = tuple(book("edits")["factors"][colour])
    return Edit("recolour", {"variants": {number: wool for number in ids if number in sheep},
                             "recoloured": {number: factors for number in ids if number not in sheep}},
                covered(truth, ids))


def swap(truth: SceneTruth, kind: str, into: str) -> Edit:
    """One kind of block drawn as another."""
    block = truth.block(kind)
    assert block is not None
    new = BLOCKS.id(book("edits")["into"][into])
    return Edit("swap", {"blocks": {BLOCKS.id(name): new for name in book("blocks")[kind]["ids"]}}, block.mask)


class Editor:
    """Draws changes and their words for one scene.

    Args:
        describer: of the scene. drawer: of words. rng: all chance.
    """

    def __init__(self, describer: Describer, drawer: Drawer, rng: random.Random) -> None:
        self.describer, self.drawer, self.rng, self.truth = describer, drawer, rng, describer.truth

    def draw(self, pronoun: Said | None = None, clause: bool = False
             ) -> tuple[str, str, bool, Wanted, list[Said]] | None:
        """(line, frame label, whether it is new, route, expressions); None where the draw came to nothing.

        Args:
            pronoun: the change must be of these mobs, and its words are a pronoun.
            clause: imperatives only.
        """
        kind = self.rng.choice(("whole", "whole", "remove", "remove", "recolour", "swap"))
        if pronoun is not None:
            return self._of_mobs(self.rng.choice(("remove", "recolour")), pronoun, clause, pronoun.forms["it"])
        if kind == "whole":
            return self._whole(clause)
        if kind == "swap":
            return self._swap(clause)
        said = self.whom(paintable=kind == "recolour")
        return None if said is None else self._of_mobs(kind, said, clause)

    def whom(self, paintable: bool = False) -> Said | None:
        """The mobs of a change."""
        roll = self.rng.random()
        said = (self.describer.single() if roll < 0.55 else self.describer.category() if roll < 0.8
                else self.describer.subset())
        if said is None or not said.mobs or (paintable and not self.paintable(said)):
            return None
        return said

    def paintable(self, said: Said) -> bool:
        """Whether a new colour would show on all of them."""
        mobs = [self.truth.mob(number) for number in (*said.mobs, *said.unsure)]
        return self.truth.hour != NIGHT and all(
            mob.kind in book("edits")["paintable"] and mob.pixels >= COLOUR_PIXELS for mob in mobs)

    def line(self, name: str, clause: bool) -> tuple[str, str, bool]:
        """A frame of a kind of change; with `clause` an imperative without its mark."""
        parts = book("edits")["frames"][name]
        if clause:
            parts = {part: [frame for frame in frames if frame.startswith("!")] for part, frames in parts.items()}
        line, label, new = self.drawer.numbered(f"edit/{name}", parts, self.rng)
        return (line[1:] if clause else line), label, new

    def _whole(self, clause: bool) -> tuple[str, str, bool, Wanted, list[Said]] | None:
        if self.truth.covered:  # nothing of the sky's would show
            return None
        kind = self.rng.choice(feasible(self.truth))
        line, label, new = self.line(kind, clause)
        return line, label, new, Wanted(EDIT, book("edits")["words"][kind], DENSE, change=whole_change(kind)), []

    def _of_mobs(self, kind: str, said: Said, clause: bool, pronoun: str = ""
                 ) -> tuple[str, str, bool, Wanted, list[Said]] | None:
        line, label, new = self.line(kind, clause)
        colour = ""
        if kind == "recolour":
            if not self.paintable(said):
                return None
            worn = {self.truth.mob(number).colour for number in said.mobs}
            colour = self.rng.choice([name for name in book("edits")["factors"] if name not in worn])
        phrase = book("edits")["words"][kind].format(t=said.phrase, c=colour)
        for slot, word in (("t", pronoun or said.text), ("c", colour)):
            line = line.replace(f"{{{slot}}}", word)
        change = removal(self.truth, said) if kind == "remove" else recolouring(self.truth, said, colour)
        wanted = Wanted(EDIT, phrase, said.about if said.about == PROMPT else DENSE, (*said.mobs, *said.unsure),
                        change=change)
        return agreed(line, said), label, new, wanted, [said]

    def _swap(self, clause: bool) -> tuple[str, str, bool, Wanted, list[Said]] | None:
        area = self.truth.size[0] * self.truth.size[1]
        kinds = [block.kind for block in self.truth.blocks
                 if block.kind in book("edits")["becomes"] and block.pixels >= SWAP_SHARE * area]
        if not kinds or self.truth.snow:
            return None
        said = self.describer.block_said(self.rng.choice(kinds))
        into = self.rng.choice(book("edits")["becomes"][said.blocks[0]])
        name = self.rng.choice(book("edits")["into_words"][into])
        line, label, new = self.line("swap", clause)
        phrase = book("edits")["words"]["swap"].format(b=said.phrase, a=name)
        line = agreed(line.replace("{b}", said.text).replace("{a}", name), said)
        wanted = Wanted(EDIT, phrase, DENSE, blocks=said.blocks, change=swap(self.truth, said.blocks[0], into))
        return line, label, new, wanted, [said]


def agreed(line: str, said: Said) -> str:
    """A line with the words that agree with an expression put in."""
    for slot, word in said.forms.items():
        line = line.replace(f"{{{slot}}}", word)
    return line
