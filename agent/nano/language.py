"""The embedded core's language: lessons that are true of a scene, drawn by chance, the same for the same draw."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from veclink.agent.nano import answers
from veclink.agent.nano.book import Drawer
from veclink.agent.nano.lesson import DETECT, EDIT, POSE, ROLES, SEGMENT, Lesson
from veclink.agent.nano.referring import Describer
from veclink.agent.nano.requests import Requester
from veclink.agent.nano.truth import SceneTruth

TRIES = 12  # draws for one lesson; a scene may have nothing to say of a kind
SEVERAL = "several"
NOTHING, EVERYONE = "nothing", "everyone"  # for the training of what finds boxes, and bodies
WEIGHTS = {DETECT: 22, SEGMENT: 17, POSE: 14, EDIT: 13, SEVERAL: 18, "refused": 3, "count": 7, "yesno": 6, "state": 4,
           "nearer": 9, "describe": 3, "what": 5, "attribute": 9, "reject": 4, "talk": 1.5}
Maker = Callable[[Describer, Drawer, random.Random], Lesson | None]
QUESTIONS: dict[str, Maker] = {
    "refused": answers.refused, "count": answers.count, "yesno": answers.yesno, "state": answers.state,
    "nearer": answers.nearer, "describe": answers.describe, "what": answers.what, "attribute": answers.attribute,
    "reject": answers.reject, "talk": answers.talk,
}


class Language:
    """Draws lessons.

    Args:
        split: "train", "validation" or "test": whose words and frames.
        roles: what there are tools for; other requests for tools are not made.
        fresh: outside training, the chance that a word or a frame is one that training never sees.
        weights: kind of lesson -> how often; those of WEIGHTS where None.
    """

    def __init__(self, split: str = "train", roles: Sequence[str] = ROLES, fresh: float = 0.5,
                 weights: dict[str, float] | None = None) -> None:
        self.drawer, self.roles = Drawer(split, fresh), tuple(role for role in ROLES if role in roles)
        chosen = WEIGHTS if weights is None else weights
        self.weights = {kind: weight for kind, weight in chosen.items() if kind not in ROLES or kind in self.roles}
        if len(self.roles) < 2:
            self.weights.pop(SEVERAL, None)

    def lesson(self, truth: SceneTruth, rng: random.Random, kind: str | None = None) -> Lesson:
        """One lesson about a scene; of this kind, where the scene has anything to say of it, else of another."""
        for attempt in range(TRIES):
            chosen = kind if kind is not None and attempt < TRIES - 2 else self._kind(rng)
            lesson = self._try(chosen, truth, rng)
            if lesson is not None:
                return lesson
        return answers.reject(Describer(truth, self.drawer, rng), self.drawer, rng)

    def try_lesson(self, truth: SceneTruth, rng: random.Random, kind: str) -> Lesson | None:
        """A lesson of this kind and no other; None where TRIES draws gave none."""
        for _ in range(TRIES):
            if (lesson := self._try(kind, truth, rng)) is not None:
                return lesson
        return None

    def lessons(self, truth: SceneTruth, rng: random.Random, count: int) -> list[Lesson]:
        """Several lessons about a scene, each for itself, with different texts."""
        found: dict[str, Lesson] = {}
        for _ in range(3 * count):
            lesson = self.lesson(truth, rng)
            found.setdefault(lesson.text, lesson)
            if len(found) == count:
                break
        return list(found.values())

    def dialogue(self, truth: SceneTruth, rng: random.Random) -> list[Lesson]:
        """Turns that follow from one another; one alone where the scene has nothing to go on about."""
        for _ in range(TRIES):
            requester = Requester(Describer(truth, self.drawer, rng), self.drawer, rng, self.roles)
            if (turns := requester.dialogue()) is not None:
                return turns
        return [self.lesson(truth, rng)]

    def _kind(self, rng: random.Random) -> str:
        return rng.choices(list(self.weights), list(self.weights.values()))[0]

    def _try(self, kind: str, truth: SceneTruth, rng: random.Random) -> Lesson | None:
        describer = Describer(truth, self.drawer, rng)
        if kind in QUESTIONS:
            return QUESTIONS[kind](describer, self.drawer, rng)
        requester = Requester(describer, self.drawer, rng, self.roles)
        makers = {SEVERAL: requester.several, NOTHING: requester.nothing, EVERYONE: requester.everyone}
        return makers[kind]() if kind in makers else requester.one(kind)
