"""Goals: what the agent is asked for, from (object, count), from a MineDojo task, or from plain words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, Protocol, get_args

from veclink.agent.embodied.items import Item, item_ids
from veclink.envs.errors import InputError, UnknownName

Kind = Literal["have", "kill", "use", "wear", "eat", "survive", "sleep"]
LARGEST = 2304  # of one item: 36 slots of 64
DAY = 24_000  # ticks
REALMS = ("overworld", "nether")  # that can be gone to
LONGEST_TEXT = 2000  # characters of a request
NIGHT_FALLS = 12_542  # time of day at which beds can be used
CATEGORIES = {"harvest": "have", "combat": "kill", "techtree": "use", "playthrough": "have"}


class ImpossibleGoal(InputError):
    """What is asked for exists, but no way leads to it in this world."""


@dataclass(frozen=True)
class Goal:
    """One thing to reach.

    Attributes:
        object: an item ("torch", "dye:4"), a mob for kind "kill", "food" for "eat" of anything, "" for
            "survive" and "sleep".
        count: of items, mobs or meals; days for "survive".
        kind: have it in the inventory, kill so many, use it once, wear it, eat it, survive, or sleep.
        before: "night" or "day": by when, or "".
        within: ticks it may take, or None.
    """

    object: str
    count: int = 1
    kind: Kind = "have"
    before: str = ""
    within: int | None = None

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise UnknownName.of("kind of goal", str(self.kind), get_args(Kind))
        if isinstance(self.count, bool) or not isinstance(self.count, int) or not 1 <= self.count <= LARGEST:
            raise InputError(f"a count of 1 to {LARGEST}", repr(self.count), "ask for less at a time")

    @property
    def item(self) -> Item:
        """The object as an item."""
        return Item.of(self.object)

    def words(self) -> str:
        """In short: "have 3 torch before night"."""
        number = f"{self.count} " if self.count > 1 or self.kind == "survive" else ""
        thing = {"survive": "day" if self.count == 1 else "days"}.get(self.kind, self.object.replace("_", " "))
        until = f" before {self.before}" if self.before else ""
        return f"{self.kind} {number}{thing}".strip() + until

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Goal:
        """What `to_dict` gave; names are checked."""
        known = {"object", "count", "kind", "before", "within"}
        if unknown := sorted(set(document) - known):
            raise UnknownName.of("field of a goal", str(unknown[0]), known)
        return checked(cls(**document))


class Phraser(Protocol):
    """A core that splits a request into one phrase a goal, in order ("three torches", "a bed")."""

    def phrases(self, text: str) -> list[str]:
        """The phrases of a request."""
        ...


def checked(goal: Goal, places: Sequence[str] = REALMS) -> Goal:
    """The goal, if its object exists and something in these places leads to it.

    Raises:
        UnknownName: no such item or mob.
        ImpossibleGoal: no way to it.
    """
    from veclink.agent.embodied.knowledge import knowledge
    from veclink.agent.embodied.sources import found
    from veclink.agent.embodied.words import mob_names, unknown

    if goal.kind in ("survive", "sleep") or (goal.kind == "eat" and goal.object == "food"):
        return goal
    if goal.kind == "kill":
        if goal.object not in mob_names():
            raise unknown("mob", goal.object, mob_names())
        return goal
    item = goal.item
    if item.name not in item_ids():
        raise unknown("item", item.name, item_ids())
    if not knowledge(tuple(places)).can_have(item):
        where = " or ".join(places)
        why = found()["impossible"].get(item.name, f"nothing in the {where} leads to it")
        raise ImpossibleGoal("an item that can be won", f"{item} ({why})", "ask for something else")
    return goal


def goal_of(name: str, count: int = 1, kind: Kind = "have") -> Goal:
    """From an object and a count; the object may be spoken ("iron pickaxe").

    Raises:
        UnknownName, ImpossibleGoal, InputError.
    """
    from veclink.agent.embodied.words import item_of, mob_of

    if kind in ("survive", "sleep"):
        return Goal("", count, kind)
    return checked(Goal(mob_of(name) if kind == "kill" else str(item_of(name)), count, kind))


def goals(text: str, core: Phraser | None = None) -> list[Goal]:
    """From plain words: "I need three torches and a bed before night".

    Args:
        core: splits the text into phrases in the place of the rules here, if given.

    Raises:
        UnknownName: a thing that is neither item nor mob, with the nearest name.
        ImpossibleGoal: a thing that cannot be won.
        InputError: nothing is asked for, or too much text.
    """
    from veclink.agent.embodied.words import parse

    if not isinstance(text, str) or not text.strip() or len(text) > LONGEST_TEXT:
        got = f"{len(text)} characters" if isinstance(text, str) and text.strip() else repr(text)[:60]
        raise InputError(
            f"a goal in words, up to {LONGEST_TEXT} characters", got, "say what to get, as in 'get me a diamond'"
        )
    found: list[Any] = parse(text, core.phrases(text) if core else None)
    return [checked(goal) for goal in found]


def is_judged(text: str) -> bool:
    """Whether a text is the name of a task of which the world itself says when it is done."""
    from veclink.envs.tasks import is_task, spec

    return is_task(text) and spec(text.strip().lower()).category in (*CATEGORIES, "survival")


def goals_of_task(spec: Any) -> list[Goal]:
    """From a MineDojo task (`veclink.envs.tasks.spec(task_id)`) or a mapping with its fields.

    Args:
        spec: with `category` (harvest, combat, techtree, survival, playthrough) and `targets`: a mapping of name to
            quantity, or a sequence of (name, quantity) or of objects with `name` and `quantity`.
    """
    get = spec.get if isinstance(spec, Mapping) else lambda name, default=None: getattr(spec, name, default)
    category = str(get("category", "") or "").lower().replace("_", "").replace("-", "")
    if category == "survival":
        days = get("target_days") or get("days") or sum(n for _, n in _targets(get("targets"))) or 1
        return [Goal("", int(days), "survive")]
    if category not in CATEGORIES:
        return goals(str(get("prompt", "") or ""))
    kind = CATEGORIES[category]
    result = []
    for name, quantity in _targets(get("targets") or get("target_names")):
        target = name.replace(" ", "_")
        if kind == "have" and target not in item_ids() and target == "milk":
            target = "milk_bucket"
        result.append(Goal(target, max(1, int(quantity)), kind))  # pyright: ignore[reportArgumentType]  # from CATEGORIES
    if not result:
        raise InputError("a task with targets", f"none in {get('id') or category!r}", "give the goal in words")
    return result


def _targets(targets: Any) -> list[tuple[str, int]]:
    if targets is None:
        return []
    if isinstance(targets, str):
        return [(targets, 1)]
    if isinstance(targets, Mapping):
        return [(str(name), int(number)) for name, number in targets.items()]
    pairs = []
    for each in targets:
        if isinstance(each, str):
            pairs.append((each, 1))
        elif isinstance(each, Sequence):
            pairs.append((str(each[0]), int(each[1])))
        else:
            number = getattr(each, "quantity", None) or getattr(each, "count", 1)
            pairs.append((str(getattr(each, "name", "")), int(number)))
    return pairs


def with_deadline(goal: Goal, before: str, within: int | None) -> Goal:
    """The same goal by a time."""
    return replace(goal, before=before, within=within)
