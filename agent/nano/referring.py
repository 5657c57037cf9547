"""Expressions that are true of a scene: of one thing alone, of a set, of none.

An attribute of a mob holds, does not hold, or is unclear (None): two mobs equally far to the left, a colour in the
dark. An expression is used only where nothing about it is unclear.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

from veclink.agent.nano.book import Drawer, book, expand
from veclink.agent.nano.lesson import ATTRIBUTE, CATEGORY, PROMPT, SPATIAL
from veclink.agent.nano.truth import NIGHT, MobTruth, SceneTruth

COLOUR_PIXELS, TURN_PIXELS = 60, 80  # fewer show neither colour nor facing
ATTRIBUTES = {"colour", "in_water", "facing_left", "facing_right", "facing_towards", "facing_away"}
RELATIONS = ("behind", "before", "beside", "left_of", "right_of")
ORDERS = ("leftmost", "rightmost", "second_left", "second_right", "nearest", "farthest", "biggest", "smallest")
COMMON = {"grass", "tallgrass", "leaves", "log", "dirt"}  # in view almost everywhere, so asked for less often
SIDES = ("left", "right", "middle")
MARGINS = {"nearest": 0.15, "farthest": 0.15, "biggest": 0.3, "smallest": 0.3}  # share by which the first must lead
MANY = {"is": "are", "it": "them", "its": "their", "does": "do", "stands": "stand", "has": "have", "faces": "face",
        "covers": "cover", "were": "were", "them": "them"}
ONE = {**{word: word for word in MANY}, "were": "was", "them": "them"}
ALL = ("the {n}", "the {n}", "the {n}", "all the {n}", "all {n}", "every {one}", "each {one}")
THIS = {"train": ["this", "this one", "that one", "this thing", "the one I marked", "the marked one", "what I marked",
                  "the thing [here|in my mark]"],
        "validation": ["the one at the mark"], "test": ["the thing under my mark", "my marked one"]}
LIKE_THIS = {"train": ["everything like this", "all of this kind", "all things like this one", "each one of this kind"],
             "validation": ["all that are like this"], "test": ["everything of the same sort as this"]}


@dataclass(frozen=True)
class Said:
    """An expression and what it means in a scene.

    Attributes:
        text: with its article: "the brown cow on the left".
        one, many: its noun with all that is said of it, no article, for one and for many.
        plural: whether `text` is.
        mobs: ids of the mobs meant, all of them clearly seen. unsure: ids meant of mobs that are hardly visible.
        blocks: kinds of blocks meant.
        about: see lesson.py. words: nouns and attributes in use. new: whether training never sees one of them.
        tail: what `text` ends in that says nothing: " in the picture".
    """

    text: str
    one: str
    many: str
    plural: bool
    mobs: tuple[int, ...] = ()
    unsure: tuple[int, ...] = ()
    blocks: tuple[str, ...] = ()
    about: str = CATEGORY
    words: tuple[str, ...] = ()
    new: bool = False
    tail: str = ""

    @property
    def phrase(self) -> str:
        """`text` without its tail."""
        return self.text.removesuffix(self.tail) if self.tail else self.text

    @property
    def forms(self) -> dict[str, str]:
        """What agrees with it."""
        return MANY if self.plural else ONE


@dataclass(frozen=True)
class Noun:
    """A noun for one and many, and whom of the scene it covers, hardly visible ones too."""

    one: str
    many: str
    pool: tuple[MobTruth, ...]
    words: tuple[str, ...]
    about: str = CATEGORY
    new: bool = False


def article(noun: str) -> str:
    """The noun with "a" or "an"."""
    return f"an {noun}" if noun[0].lower() in "aeiou" and not noun.startswith(("ewe", "one")) else f"a {noun}"


def plain(kind: str) -> tuple[str, str]:
    """A kind's everyday name, for one and many."""
    one, many = book("mobs")[kind]["train"][0].split("/")
    return one, many


def plain_block(kind: str) -> tuple[str, bool]:
    """A block's everyday name and whether it is plural."""
    name = book("blocks")[kind]["train"][0]
    return name.rstrip("+"), name.endswith("+")


# -- attributes --------------------------------------------------------------------------------------------------------


def holds(name: str, mob: MobTruth, pool: Sequence[MobTruth], truth: SceneTruth, word: str = "") -> bool | None:
    """Whether an attribute of book("attributes") is true of a mob among those of its noun; None where unclear.

    Args:
        word: the colour, for "colour".
    """
    if name == "colour":
        return None if mob.pixels < COLOUR_PIXELS or truth.hour == NIGHT else mob.colour == word
    if name.startswith("facing_"):
        return None if mob.pixels < TURN_PIXELS or not mob.facing else mob.facing == name.removeprefix("facing_")
    if name in ("in_water", "by_tree"):
        return getattr(mob, name)
    if name in SIDES:
        return _side(name, mob.middle[0] / truth.size[0])
    return _first(name, mob, pool, truth)


def _side(name: str, x: float) -> bool | None:
    """Whether 0..1 across the picture is its left, right or middle part."""
    if name == "middle":
        return True if abs(x - 0.5) < 0.12 else False if abs(x - 0.5) > 0.24 else None
    x = x if name == "left" else 1 - x
    return True if x < 0.42 else False if x > 0.55 else None


_KEYS: dict[str, Callable[[MobTruth], float]] = {
    "leftmost": lambda mob: mob.middle[0], "second_left": lambda mob: mob.middle[0],
    "rightmost": lambda mob: -mob.middle[0], "second_right": lambda mob: -mob.middle[0],
    "nearest": lambda mob: mob.distance, "farthest": lambda mob: -mob.distance,
    "biggest": lambda mob: -mob.area, "smallest": lambda mob: mob.area,
}


def _first(name: str, mob: MobTruth, pool: Sequence[MobTruth], truth: SceneTruth) -> bool | None:
    """Whether a mob comes first (or second) in an order of its pool, by a margin that anybody would see."""
    place = 1 if name.startswith("second") else 0
    if len(pool) < 2 + place:
        return None
    key = _KEYS[name]
    order = sorted(pool, key=key)
    marks = [abs(key(one)) for one in order]
    for low, high in pairwise(marks[: place + 2]):
        gap = abs(high - low)
        if name in MARGINS:
            if gap < MARGINS[name] * max(low, high):
                return None
        elif gap < 0.035 * truth.size[0]:
            return None
    return order[place] is mob


def related(name: str, mob: MobTruth, other: MobTruth) -> bool | None:
    """Whether a mob stands in a relation of RELATIONS to another; None where unclear."""
    overlap = min(mob.box[2], other.box[2]) - max(mob.box[0], other.box[0])
    narrow = min(mob.box[2] - mob.box[0], other.box[2] - other.box[0])
    if name in ("behind", "before"):
        gap = (mob.distance - other.distance) * (1 if name == "behind" else -1)
        if overlap >= 0.4 * narrow:
            return True if gap > 1.2 else False if gap < -0.8 else None
        return False if overlap < -0.5 * narrow else None
    if name == "beside":
        gap = sum((a - b) ** 2 for a, b in zip(mob.place, other.place, strict=True)) ** 0.5
        return True if gap < 2.2 else False if gap > 3.8 else None
    sign = -1 if name == "left_of" else 1
    gap = (mob.middle[0] - other.middle[0]) * sign
    return True if gap > 6 and overlap < 0.3 * narrow else False if gap < -6 else None


# -- the describer -----------------------------------------------------------------------------------------------------


class Describer:
    """Finds words for what a scene shows.

    Args:
        truth: the scene. drawer: of words. rng: all chance.
    """

    def __init__(self, truth: SceneTruth, drawer: Drawer, rng: random.Random) -> None:
        self.truth, self.drawer, self.rng = truth, drawer, rng
        self.clear = [mob for mob in truth.mobs if mob.clear and mob.kind in book("mobs")]

    # -- nouns ---------------------------------------------------------------------------------------------------------

    def kind_noun(self, kind: str) -> Noun:
        """A name of a kind."""
        entry, new = self.drawer.one(book("mobs")[kind], self.rng)
        one, many = entry.split("/")
        return Noun(one, many, tuple(mob for mob in self.truth.mobs if mob.kind == kind), (entry,), CATEGORY, new)

    def young_noun(self, kind: str) -> Noun | None:
        """A name for the young of a kind, None where there is none."""
        if kind not in book("nouns")["young"]:
            return None
        entry, new = self.drawer.one(book("nouns")["young"][kind], self.rng)
        one, many = entry.split("/")
        pool = tuple(mob for mob in self.truth.mobs if mob.kind == kind and mob.baby)
        return Noun(one, many, pool, (entry,), ATTRIBUTE, new)

    def grown_noun(self, kind: str) -> Noun:
        """A kind without its young."""
        noun = self.kind_noun(kind)
        pattern, new = self.drawer.one(book("nouns")["grown"], self.rng)
        pool = tuple(mob for mob in noun.pool if not mob.baby)
        return Noun(pattern.format(n=noun.one), pattern.format(n=noun.many), pool, (*noun.words, pattern), ATTRIBUTE,
                    noun.new or new)

    def group_noun(self, group: str) -> Noun:
        """A wider word; mobs of kinds outside the books make it unclear and are left to the caller."""
        entry = book("nouns")["groups"][group]
        words, new = self.drawer.one(entry, self.rng)
        one, many = words.split("/")
        return Noun(one, many, tuple(mob for mob in self.truth.mobs if mob.kind in entry["kinds"]), (words,), CATEGORY,
                    new)

    def noun_for(self, mob: MobTruth) -> Noun:
        """A noun that covers a mob."""
        roll = self.rng.random()
        if roll < 0.15:
            groups = [name for name, entry in book("nouns")["groups"].items() if mob.kind in entry["kinds"]]
            return self.group_noun(self.rng.choice(groups))
        if roll < 0.55 and any(one.kind == mob.kind and one.baby != mob.baby for one in self.truth.mobs):
            young = self.young_noun(mob.kind) if mob.baby else self.grown_noun(mob.kind)
            if young is not None:
                return young
        return self.kind_noun(mob.kind)

    # -- expressions ---------------------------------------------------------------------------------------------------

    def said(self, noun: Noun, pool: Sequence[MobTruth], plural: bool | None = None) -> Said:
        """The whole pool of a noun, with an article."""
        clear, unsure = [mob for mob in pool if mob.clear], [mob for mob in pool if not mob.clear]
        plural = len(pool) != 1 if plural is None else plural
        tail = expand(self.drawer.one(book("nouns")["tails"], self.rng)[0], self.rng) if plural else ""
        text = f"the {noun.one}"
        if plural:
            chosen = self.rng.choice(ALL)
            plural = "{one}" not in chosen
            text = chosen.format(n=noun.many, one=noun.one)
            if len(clear) == len(pool) == 2 and self.rng.random() < 0.2:
                text, plural = self.rng.choice([f"both {noun.many}", f"the two {noun.many}"]), True
        return Said(text + tail, noun.one, noun.many, plural, tuple(mob.id for mob in clear),
                    tuple(mob.id for mob in unsure), (), noun.about, noun.words, noun.new, tail)

    def category(self) -> Said | None:
        """All of a kind, or of a wider word, that is in view."""
        if not self.clear:
            return None
        mob = self.rng.choice(self.clear)
        noun = self.noun_for(mob)
        return self.said(noun, noun.pool) if any(one.clear for one in noun.pool) else None

    def absent(self) -> Said | None:
        """A kind of which there is none."""
        here = {mob.kind for mob in self.truth.mobs}
        kinds = [kind for kind in book("mobs") if kind not in here]
        if not kinds:
            return None
        noun = self.kind_noun(self.rng.choice(kinds))
        return self.said(noun, (), plural=self.rng.random() < 0.7)

    def single(self, mob: MobTruth | None = None, noun: Noun | None = None) -> Said | None:
        """An expression that is true of one mob alone; None where none was found."""
        if mob is None:
            if not self.clear:
                return None
            mob = self.rng.choice(self.clear)
        noun = noun or self.noun_for(mob)
        if mob not in noun.pool:
            return None
        alone = len(noun.pool) == 1
        if alone and self.rng.random() < 0.6:
            return self.said(noun, noun.pool)
        coloured = self._coloured(noun, mob)
        if coloured is not None and self.rng.random() < 0.5:
            noun = coloured
            if len(noun.pool) == 1:
                return self.said(noun, noun.pool)
        return self._set_apart(mob, noun) or (self.said(noun, noun.pool) if alone else None)

    def _coloured(self, noun: Noun, mob: MobTruth) -> Noun | None:
        """The noun narrowed to a mob's colour; None where a colour is unclear."""
        if not mob.colour or any(one.kind != mob.kind for one in noun.pool):  # others have colours nobody noted
            return None
        answers = [holds("colour", one, noun.pool, self.truth, mob.colour) for one in noun.pool]
        if None in answers:
            return None
        pattern, new = self.drawer.one(book("attributes")["colour"], self.rng)
        pool = tuple(one for one, answer in zip(noun.pool, answers, strict=True) if answer)
        return Noun(pattern.format(c=mob.colour, n=noun.one, **ONE), pattern.format(c=mob.colour, n=noun.many, **MANY),
                    pool, (*noun.words, pattern), ATTRIBUTE, noun.new or new)

    def _set_apart(self, mob: MobTruth, noun: Noun) -> Said | None:
        """The mob by an attribute, an order or a relation that holds of it alone among the noun's."""
        names = [*ORDERS, *SIDES, "in_water", "by_tree", *(f"facing_{way}" for way in ("left", "right", "towards",
                 "away"))]
        true = [(name, None) for name in names if self._only(noun.pool, mob, lambda one, name=name: holds(
            name, one, noun.pool, self.truth))]
        for other in self.clear:
            if other is not mob and other not in noun.pool and self._sole(other):
                true += [(name, other) for name in RELATIONS
                         if self._only(noun.pool, mob, lambda one, name=name, other=other: related(name, one, other))]
        if not true:
            return None
        weights = [0.6 if name in (*ORDERS[:2], *SIDES) else 1.6 if other else 1.0 for name, other in true]
        name, other = self.rng.choices(true, weights)[0]
        pattern, new = self.drawer.one(book("attributes")[name], self.rng)
        pattern = expand(pattern, self.rng)
        whom = "" if other is None else f"the {plain(other.kind)[0]}"
        about = ATTRIBUTE if name in ATTRIBUTES else SPATIAL
        one = pattern.format(n=noun.one, o=whom, **ONE)
        return Said(f"the {one}", one, pattern.format(n=noun.many, o=whom, **MANY), False, (mob.id,), (), (),
                    about, (*noun.words, name, pattern), noun.new or new)

    @staticmethod
    def _only(pool: Sequence[MobTruth], mob: MobTruth, test: Callable[[MobTruth], bool | None]) -> bool:
        """Whether the test holds of the mob and clearly not of any other."""
        return test(mob) is True and all(test(one) is False for one in pool if one is not mob)

    def _sole(self, mob: MobTruth) -> bool:
        return sum(one.kind == mob.kind for one in self.truth.mobs) == 1

    def subset(self) -> Said | None:
        """Those of a kind with an attribute: "the brown cows", "the sheep on the left"; perhaps only one."""
        if not self.clear:
            return None
        mob = self.rng.choice(self.clear)
        noun = self.noun_for(mob)
        if mob not in noun.pool:
            return None
        if self.rng.random() < 0.5 and (coloured := self._coloured(noun, mob)) is not None:
            return self.said(coloured, coloured.pool, plural=len(coloured.pool) > 1)
        names = ["left", "right", "in_water", "by_tree", "facing_left", "facing_right", "facing_towards", "facing_away"]
        self.rng.shuffle(names)
        for name in names:
            answers = [holds(name, one, noun.pool, self.truth) for one in noun.pool]
            if None not in answers and holds(name, mob, noun.pool, self.truth):
                pattern, new = self.drawer.one(book("attributes")[name], self.rng)
                pattern = expand(pattern, self.rng)
                pool = tuple(one for one, answer in zip(noun.pool, answers, strict=True) if answer)
                narrowed = Noun(pattern.format(n=noun.one, **ONE), pattern.format(n=noun.many, **MANY), pool,
                                (*noun.words, name, pattern), ATTRIBUTE if name in ATTRIBUTES else SPATIAL,
                                noun.new or new)
                clear, unsure = [m.id for m in pool if m.clear], [m.id for m in pool if not m.clear]
                plural = len(pool) > 1
                text = f"the {narrowed.many if plural else narrowed.one}"
                return Said(text, narrowed.one, narrowed.many, plural, tuple(clear), tuple(unsure), (), narrowed.about,
                            narrowed.words, narrowed.new)
        return None

    def exception(self) -> Said | None:
        """All of a wider word but one kind: "all animals except the cows"."""
        if len({mob.kind for mob in self.clear}) < 2:
            return None
        mob = self.rng.choice(self.clear)
        groups = [name for name, entry in book("nouns")["groups"].items() if mob.kind in entry["kinds"]]
        wide, out = self.group_noun(self.rng.choice(groups)), self.kind_noun(mob.kind)
        pool = [one for one in wide.pool if one.kind != mob.kind]
        if not any(one.clear for one in pool):
            return None
        without = f"the {out.many if len(out.pool) > 1 else out.one}"
        words = self.rng.choice(["except", "but not", "other than", "apart from", "but"])
        text = f"{self.rng.choice(['all', 'all the', 'the'])} {wide.many} {words} {without}"
        many = f"{wide.many} {words} {without}"
        return Said(text, f"{wide.one} {words} {without}", many, True, tuple(m.id for m in pool if m.clear),
                    tuple(m.id for m in pool if not m.clear), (), ATTRIBUTE, (*wide.words, *out.words, words),
                    wide.new or out.new)

    def block(self, least: int = 0) -> Said | None:
        """A kind of block in view, of at least this many pixels."""
        seen = [block for block in self.truth.blocks if block.clear and block.pixels >= least]
        weights = [1 if block.kind in COMMON else 3 for block in seen]
        return self.block_said(self.rng.choices(seen, weights)[0].kind) if seen else None

    def block_said(self, kind: str) -> Said:
        """A kind of block with its article."""
        name, new = self.drawer.one({part: book("blocks")[kind].get(part) for part in ("train", "validation", "test")},
                                    self.rng)
        plural, name = name.endswith("+"), name.rstrip("+")
        text = f"the {name}" if self.rng.random() < 0.75 or not plural else f"all the {name}"
        return Said(text, name, name, plural, (), (), (kind,), CATEGORY, (name,), new)

    def this(self) -> tuple[str, bool]:
        """Words that point at a region, and whether they are new."""
        words, new = self.drawer.one(THIS, self.rng)
        return expand(words, self.rng), new

    def pointed(self, mob: MobTruth) -> Said:
        """The mob that a region points at; with a small chance all of its kind."""
        if self.rng.random() < 0.2:
            words, new = self.drawer.one(LIKE_THIS, self.rng)
            pool = [one for one in self.truth.mobs if one.kind == mob.kind]
            return Said(words, words, words, False, tuple(m.id for m in pool if m.clear),
                        tuple(m.id for m in pool if not m.clear), (), PROMPT, (words,), new)
        words, new = self.this()
        return Said(words, words, words, False, (mob.id,), (), (), PROMPT, (words,), new)
