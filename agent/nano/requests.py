"""Requests for the tools: one, several in order, by words or by regions, and what is said in a later turn."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace

from veclink.agent.nano.answers import asked, countable, number_sentence, things
from veclink.agent.nano.book import Drawer, book
from veclink.agent.nano.edits import Editor, agreed, removal
from veclink.agent.nano.lesson import DETECT, EDIT, POSE, PROMPT, SEGMENT, Lesson, Wanted
from veclink.agent.nano.marks import mark_block, mark_mob
from veclink.agent.nano.referring import Describer, Said
from veclink.agent.nano.truth import MobTruth
from veclink.tools.regions import Region

COUNT = "count"
PARTS = {
    "feet": ("foot",), "knees": ("knee",), "legs": ("knee", "foot"), "limbs": ("knee", "foot", "elbow", "hand"),
    "arms": ("shoulder", "elbow", "hand"), "hands": ("hand",), "elbows": ("elbow",), "shoulders": ("shoulder",),
}
ARMED = {"arms", "hands", "elbows", "shoulders"}  # parts of humanoids alone


class Requester:
    """Draws requests for one scene.

    Args:
        describer: of the scene. drawer: of words. rng: all chance. roles: those that have a tool.
    """

    def __init__(self, describer: Describer, drawer: Drawer, rng: random.Random, roles: Sequence[str]) -> None:
        self.describer, self.drawer, self.rng, self.roles = describer, drawer, rng, tuple(roles)
        self.truth, self.editor = describer.truth, Editor(describer, drawer, rng)

    # -- one tool ------------------------------------------------------------------------------------------------------

    def one(self, role: str) -> Lesson | None:
        """A request for one tool."""
        if self.rng.random() < 0.18 and (lesson := self.pointed(role)) is not None:
            return lesson
        if role == EDIT:
            drawn = self.editor.draw()
            if drawn is None:
                return None
            line, label, new, wanted, said = drawn
            return asked(line, label, new, self.drawer, self.rng, said, kind=EDIT, routes=(wanted,))
        if role == POSE and self.rng.random() < 0.2:
            return self.parts()
        said = self.target(role)
        return None if said is None else self._framed(role, said)

    def nothing(self) -> Lesson | None:
        """A request for boxes round what has none: mobs that are not there, and blocks."""
        said = self.describer.absent() if self.rng.random() < 0.6 else self.describer.block()
        return None if said is None else self._framed(DETECT, said)

    def everyone(self) -> Lesson | None:
        """A request for how all bodies in view stand, by the wider word that means most of them."""
        bodies = [mob for mob in self.describer.clear if len(mob.joints)]
        nouns = [self.describer.group_noun(group) for group in book("nouns")["groups"]]
        pools = [[mob for mob in bodies if mob in noun.pool] for noun in nouns]
        most = max(range(len(nouns)), key=lambda i: len(pools[i]))
        return self._framed(POSE, self.describer.said(nouns[most], pools[most])) if pools[most] else None

    def _framed(self, role: str, said: Said, region: Region | None = None) -> Lesson:
        line, label, new = self.drawer.numbered(role, book("tools")[role], self.rng)
        line = agreed(line, said).replace("{t}", said.text)
        regions = () if region is None else (region,)
        return asked(line, label, new, self.drawer, self.rng, [said], kind=role, routes=(self.wanted(role, said),),
                     regions=regions)

    def wanted(self, role: str, said: Said, points: tuple[str, ...] = ()) -> Wanted:
        """The route of a tool that finds things."""
        return Wanted(role, said.phrase, said.about, (*said.mobs, *said.unsure), said.blocks, points)

    def target(self, role: str) -> Said | None:
        """Words for what a tool shall find; mobs for boxes and poses, mobs and blocks for masks."""
        roll = self.rng.random()
        if role == SEGMENT and (roll > 0.65 or not self.describer.clear):
            return self.describer.block()
        if role != POSE and roll < 0.07:
            return self.describer.absent()
        roll = self.rng.random()
        if roll < 0.36:
            said = self.describer.category()
        elif roll < 0.78:
            said = self.describer.single()
        elif roll < 0.93:
            said = self.describer.subset()
        else:
            said = self.describer.exception()
        if said is None or not said.mobs or (role == POSE and not self.posable(said)):
            return None
        return said

    def posable(self, said: Said) -> bool:
        """Whether all of them have joints, and enough pixels to see any."""
        mobs = [self.truth.mob(number) for number in said.mobs]
        return bool(mobs) and not said.unsure and all(len(mob.joints) and mob.pixels >= 40 for mob in mobs)

    def parts(self) -> Lesson | None:
        """Parts of a body."""
        said = self.target(POSE)
        if said is None:
            return None
        plans = {self.truth.mob(number).plan for number in said.mobs}
        part = self.rng.choice([name for name in PARTS if plans == {"humanoid"} or name not in ARMED])
        line, label, new = self.drawer.numbered("parts", book("tools")["parts"], self.rng)
        line = agreed(line.replace("{p}", part), said).replace("{t}", said.text)
        points = joints_named(PARTS[part])
        wanted = replace(self.wanted(POSE, said, points), phrase=f"the {part} of {said.phrase}")
        return asked(line, label, new, self.drawer, self.rng, [said], kind=POSE, routes=(wanted,))

    # -- regions -------------------------------------------------------------------------------------------------------

    def pointed(self, role: str) -> Lesson | None:
        """A request about what a region points at."""
        mobs = [mob for mob in self.describer.clear if role != POSE or len(mob.joints)]
        if role == SEGMENT and (not mobs or self.rng.random() < 0.3):
            return self._patch()
        if not mobs:
            return None
        mob = self.rng.choice(mobs)
        region = mark_mob(mob, self.truth.mobs, self.rng)
        said = self.describer.pointed(mob)
        if region is None or (role == POSE and not self.posable(said)):
            return None
        if role == EDIT:
            return self._edit_of(mob, region)
        return self._framed(role, said, region)

    def _patch(self) -> Lesson | None:
        """The patch of blocks that a region points at."""
        blocks = [block for block in self.truth.blocks if block.pixels >= 150]
        if not blocks:
            return None
        region, patch = mark_block(self.rng.choice(blocks), self.rng)
        if region is None:
            return None
        words, new = self.describer.this()
        said = Said(words, words, words, False, about=PROMPT, words=(words,), new=new)
        lesson = self._framed(SEGMENT, said, region)
        return replace(lesson, routes=(replace(lesson.routes[0], area=patch),))

    def _edit_of(self, mob: MobTruth, region: Region) -> Lesson | None:
        words, new_words = self.describer.this()
        said = Said(words, words, words, False, (mob.id,), about=PROMPT, words=(words,), new=new_words)
        drawn = self.editor.draw(pronoun=replace(said, text=words))
        if drawn is None:
            return None
        line, label, new, wanted, _ = drawn
        for pronoun in (" it ", " it,", " it?", " it.", " it:"):
            line = f"{line} ".replace(pronoun, f" {words}{pronoun[3:]}").rstrip()
        line = words + line[2:] if line.startswith("it ") else line
        line = line.removesuffix(" it") + f" {words}" if line.endswith(" it") else line
        return asked(line, label, new, self.drawer, self.rng, [said], kind=EDIT, routes=(wanted,), regions=(region,))

    # -- several tools -------------------------------------------------------------------------------------------------

    def several(self) -> Lesson | None:
        """Two or three tools in one request, in order; a change of the picture comes last."""
        line, label, new = self.drawer.numbered("several", book("tools")["several"], self.rng)
        count, bare = 3 if "{3}" in line else 2, line.startswith("{")
        kinds = self._kinds(count)
        together = self.rng.random() < 0.65
        said = self._common(kinds) if together else None
        if kinds is None or (together and said is None):
            return None
        order = sorted(range(count), key=lambda i: line.index(f"{{{i + 1}}}"))  # as they stand in the text
        clauses, told, answer, value, fresh = [""] * count, [], "", "", new
        routes: list[Wanted | None] = [None] * count
        for place, i in enumerate(order):
            drawn = self._clause(kinds[i], said, place)
            if drawn is None:
                return None
            clauses[i], routes[i], whom, new_frame = drawn
            told += whom
            fresh = fresh or new_frame
            if kinds[i] == COUNT:
                answer, value = number_sentence(len(whom[0].mobs), whom[0]), str(len(whom[0].mobs))
        for i, clause in enumerate(clauses):
            line = line.replace(f"{{{i + 1}}}", clause)
        opener = self.rng.choice(("", "", "", "please ", "could you ", "can you please ", "I'd like you to "))
        if opener and bare:
            line = opener + line.rstrip(".?") + ("?" if opener.startswith(("could", "can")) else "")
        kept = tuple(route for route in routes if route is not None)
        return asked(line, label, fresh, self.drawer, self.rng, told, kind="several", routes=kept, answer=answer,
                     value=value)

    def _kinds(self, count: int) -> list[str] | None:
        """What the clauses ask for, in the order of doing."""
        kinds = [role for role in (DETECT, SEGMENT, POSE) if role in self.roles]
        self.rng.shuffle(kinds)
        if self.rng.random() < 0.3:
            kinds.insert(self.rng.randrange(min(count, len(kinds) + 1)), COUNT)
        kinds = kinds[:count]
        if EDIT in self.roles and (len(kinds) < count or self.rng.random() < 0.45):
            kinds = [*kinds[: count - 1], EDIT]
        return kinds if len(kinds) == count and set(kinds) != {COUNT} else None

    def _common(self, kinds: Sequence[str] | None) -> Said | None:
        """What all clauses are about."""
        if kinds is None:
            return None
        said = self.target(POSE if POSE in kinds else DETECT)
        if said is None or not said.mobs or (COUNT in kinds and countable(said) is None):
            return None
        return said

    def _clause(self, kind: str, common: Said | None, place: int
                ) -> tuple[str, Wanted | None, list[Said], bool] | None:
        """(words, route, expressions, whether the frame is new) of one clause, the `place`th in the text."""
        pronoun = common is not None and place > 0
        if kind == EDIT:
            chained = common if common is not None and self.rng.random() < 0.6 else None
            if chained is not None and not pronoun:
                return None
            drawn = self.editor.draw(pronoun=chained, clause=True)
            return None if drawn is None else (drawn[0], drawn[3], drawn[4] or ([common] if common else []), drawn[2])
        said = common or (countable(things(self.describer, self.rng)) if kind == COUNT else self.target(kind))
        if said is None or (kind == COUNT and not said.mobs):
            return None
        parts = book("tools")["clauses"][kind]
        line, _, new = self.drawer.numbered(kind, parts, self.rng)
        if kind == COUNT and not pronoun and "{" not in line:
            line = "count {t}"
        if kind == COUNT and pronoun and "{n}" in line:
            line = "tell me how many there are"
        line = agreed(line, said).replace("{t}", said.forms["it"] if pronoun else said.text).replace("{n}", said.many)
        if pronoun:
            line = line.replace("them are", "they are").replace("how them", "how they")
        return line, None if kind == COUNT else self.wanted(kind, said), [said], new

    # -- later turns ---------------------------------------------------------------------------------------------------

    def dialogue(self) -> list[Lesson] | None:
        """Two or three turns about the same things."""
        first = self.rng.choice([role for role in (DETECT, SEGMENT, POSE) if role in self.roles] or [DETECT])
        said = self.target(first)
        if said is None or not said.mobs or first not in self.roles:
            return None
        turns = [self._framed(first, said)]
        later = [role for role in (*self.roles, COUNT) if role != first and self._fits(role, said)]
        self.rng.shuffle(later)
        chosen = later[: self.rng.choice((1, 1, 2))]
        for role in sorted(chosen, key=lambda role: role == EDIT):  # a change of the picture comes last
            turns.append(replace(self._later(role, said), before=(said.phrase,)))
        return turns if len(turns) > 1 else None

    def _fits(self, role: str, said: Said) -> bool:
        if role == COUNT:
            return countable(said) is not None and said.plural
        return bool(said.mobs) and (role != POSE or self.posable(said))

    def _later(self, role: str, said: Said) -> Lesson:
        line, label, new = self.drawer.numbered(f"follow/{role}", book("tools")["follow"][role], self.rng)
        line = agreed(line, said).replace("where are them", "where are they").replace("them are", "they are")
        line = line.replace("how them", "how they").replace("are them", "are they")
        if role == COUNT:
            return asked(line, label, new, self.drawer, self.rng, [said], kind=COUNT, value=str(len(said.mobs)),
                         answer=number_sentence(len(said.mobs), said))
        if role == EDIT:
            wanted = Wanted(EDIT, f"remove {said.phrase}", said.about, (*said.mobs, *said.unsure),
                            change=removal(self.truth, said))
        else:
            wanted = self.wanted(role, said)
        return asked(line, label, new, self.drawer, self.rng, [said], kind=role, routes=(wanted,))


def joints_named(ends: Sequence[str]) -> tuple[str, ...]:
    """Names of all joints that end so, of any body."""
    from veclink.agent.nano.targets import POINTS

    return tuple(name for name in POINTS if name.rsplit("_", 1)[-1] in ends)
