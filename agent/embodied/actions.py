"""The structured actions that plans are made of, the state they are planned from, and what can go wrong with one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from veclink.agent.embodied.goals import LARGEST, NIGHT_FALLS
from veclink.agent.embodied.items import Item, Stock, item_ids
from veclink.envs.errors import InputError, UnknownName
from veclink.envs.facts import BLOCKS, CRAFT_NAMES, ITEMS, MOBS, SMELT

DAWN = 23_460  # time of day at which a sleeper wakes and hostile mobs stop coming
WORLD_HEIGHT = 127
LONGEST_LIMIT, PATIENT_LIMIT = 24_000, 60_000  # ticks for one action, and for one that may wait for a field
# Action -> its arguments -> what they hold. "?" at the end: may be left out.
ACTIONS: dict[str, dict[str, str]] = {
    "equip": {"item": "item"},
    "explore": {"find": "thing", "how": "how", "biomes?": "words", "y?": "y", "far?": "far", "turn?": "degrees",
                "exact?": "flag", "lands?": "words"},
    "approach": {"what": "thing", "at?": "place", "exact?": "flag"},
    "mine": {"block": "block", "item": "item", "count": "count", "exact?": "flag", "lands?": "words"},
    "attack": {"mob": "mob", "count": "count", "item?": "item", "lands?": "words"},
    "dig_down": {"y": "y"},
    "go_up": {"y?": "y"},
    "build": {"what": "structure", "wait?": "far"},
    "cross": {"to": "realm"},
    "place": {"item": "item"},
    "craft": {"item": "item", "count": "count", "index": "index"},
    "smelt": {"item": "item", "count": "count", "index": "index", "fuel?": "item"},
    "eat": {"item": "item", "count?": "count"},
    "sleep": {},
    "flee": {"from": "mob"},
    "fish": {"item": "item", "count": "count"},
    "farm": {"what": "thing", "item": "item", "count": "count", "seed?": "item", "bone_meal?": "flag",
             "lands?": "words"},
    "shear": {"mob": "mob", "item": "item", "count": "count", "lands?": "words"},
    "milk": {"mob": "mob", "item": "item", "count": "count", "lands?": "words"},
    "fill": {"what": "liquid", "item": "item", "count": "count", "with?": "item"},
    "use": {"item": "item", "on?": "thing"},
    "drop": {"item": "item", "count": "count"},
}
CHOICES = {
    "how": ("walk", "tunnel", "cave", "shore", "dark"),
    "realm": ("overworld", "nether"),
    "structure": ("shelter", "bridge", "pillar", "steps"),
    "liquid": ("water", "lava"),
}
ALIKE = (("log", "log2"), ("leaves", "leaves2"))  # items that serve as well as one another, unless exactly one is asked
DUELS = ("spider", "cave_spider", "zombie", "husk", "zombie_villager")  # alone, struck with a sword to the last
FEARED = ("creeper",)  # mobs that one gets away from whatever the life, and strikes from afar where one must
ARCHERS = ("skeleton", "stray")  # who runs from these is shot in the back
SHUNNED = ("witch",)  # one gets away from them too: armour is no help against what they throw
NUMBERS = {
    "count": (1, LARGEST),
    "y": (0, WORLD_HEIGHT),
    "far": (0, 100_000),
    "degrees": (-360, 360),
    "index": (0, 243),
}
REASONS = (
    "missing tool", "missing material", "not near", "night", "full inventory", "died", "timeout", "unreachable",
    "danger", "no station", "no change", "game",
)  # fmt: skip


@dataclass(frozen=True)
class Action:
    """One structured action.

    Attributes:
        name: of ACTIONS. args: as ACTIONS says; items and mobs by their names ("dye:4").
        expect: what is true afterwards: "gain" {item: number}, "killed" {mob: number}, "near",
            "equipped", "y", "food" (more of it), "day" (it is day), "safe" (no threats), "realm" (one is there).
        way: key of the way it serves, for memory and failures, or "".
        limit: ticks it may take.
    """

    name: str
    args: Mapping[str, Any] = field(default_factory=dict)
    expect: Mapping[str, Any] = field(default_factory=dict)
    way: str = ""
    limit: int = 1200

    def words(self) -> str:
        """In short: "mine 3 log"."""
        count = f"{self.args['count']} " if "count" in self.args else ""
        rest = [str(self.args[key]) for key in ("item", "mob", "find", "what", "from", "y") if key in self.args][:1]
        return f"{self.name} {count}{' '.join(rest)}".replace("_", " ").strip()

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Action:
        """Checked: names against the facts, numbers against their ranges.

        Raises:
            UnknownName, InputError.
        """
        if not isinstance(document, Mapping) or not isinstance(document.get("name"), str):
            raise InputError("an action as an object with a name", repr(document)[:80], "give name and args")
        name = document["name"]
        if name not in ACTIONS:
            raise UnknownName.of("action", name[:40], ACTIONS)
        args = document.get("args", {})
        if not isinstance(args, Mapping):
            raise InputError(f"args of {name} as an object", repr(args)[:80], f"give {ACTIONS[name]}")
        if name in ("craft", "smelt") and "index" not in args:
            args = {**args, "index": craft_index(name, args.get("item"))}
        limit = document.get("limit", 1200)
        most = PATIENT_LIMIT if name == "farm" else LONGEST_LIMIT
        if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= most:
            raise InputError(f"a limit of 1 to {most} ticks", repr(limit)[:40], "leave it out")
        expect, way = document.get("expect", {}), document.get("way", "")
        if not isinstance(expect, Mapping) or len(expect) > 8 or not isinstance(way, str) or len(way) > 200:
            raise InputError("expect as a small object and way as a string", repr(expect)[:80], "leave them out")
        return cls(name, _checked(name, args), dict(expect), way, limit)


def alike_names(item: str) -> tuple[str, ...]:
    """The item's name and those of items that serve as well."""
    return next((names for names in ALIKE if item in names), (item,))


def craft_index(name: str, item: Any) -> int:
    """MineDojo's index for crafting ("craft") or smelting ("smelt") an item.

    Raises:
        InputError: it is made in another way.
    """
    wanted = item.partition(":")[0] if isinstance(item, str) else ""
    for index in SMELT if name == "smelt" else range(SMELT.start):
        if CRAFT_NAMES[index] == wanted:
            return index
    raise InputError(f"an item that one can {name}", repr(item)[:60], "get it in another way")


def expected(name: str, args: Mapping[str, Any]) -> dict[str, Any]:
    """What an action is for, where nobody said it."""
    if name in ("mine", "craft", "smelt", "fish", "farm", "shear", "milk", "fill"):
        return {"gain": {args["item"]: args["count"]}}
    if name == "attack":
        return {"killed": {args["mob"]: args["count"]}}
    keys = {"equip": ("equipped", "item"), "explore": ("near", "find"), "approach": ("near", "what")}
    keys |= {"cross": ("realm", "to"), "place": ("near", "item"), "dig_down": ("y", "y"), "go_up": ("y", "y")}
    if name in keys and keys[name][1] in args:
        return {keys[name][0]: args[keys[name][1]]}
    return {"eat": {"food": "more"}, "sleep": {"day": True}, "flee": {"safe": True}}.get(name, {})


def _checked(name: str, args: Mapping[str, Any]) -> dict[str, Any]:
    wanted = {key.rstrip("?"): (kind, key.endswith("?")) for key, kind in ACTIONS[name].items()}
    for key in args:
        if key not in wanted:
            raise UnknownName.of(f"argument of {name}", str(key)[:40], wanted)
    for key, (_, optional) in wanted.items():
        if key not in args and not optional:
            raise InputError(f"{name} with {key!r}", f"{sorted(args)}", f"give {ACTIONS[name]}")
    return {key: _value(name, key, wanted[key][0], value) for key, value in args.items()}


def _value(action: str, key: str, kind: str, value: Any) -> Any:
    """One argument, if it is of its kind."""
    if kind in NUMBERS:
        low, high = NUMBERS[kind]
        if isinstance(value, int) and not isinstance(value, bool) and low <= value <= high:
            return value
        raise InputError(f"{key} of {action} as a whole number of {low} to {high}", repr(value)[:40], "give one")
    if kind in CHOICES:
        if value in CHOICES[kind]:
            return value
        raise UnknownName.of(f"{key} of {action}", str(value)[:40], CHOICES[kind])
    if kind == "place":
        if isinstance(value, list | tuple) and len(value) == 3 and all(isinstance(v, int | float) for v in value):
            return [float(v) for v in value]
        raise InputError(f"{key} of {action} as x, y, z", repr(value)[:40], "give three numbers")
    if kind == "words":
        if (
            isinstance(value, list | tuple)
            and len(value) <= 16
            and all(isinstance(v, str) and len(v) < 40 for v in value)
        ):
            return list(value)
        raise InputError(f"{key} of {action} as a list of up to 16 names", repr(value)[:40], "leave it out")
    if kind == "flag":
        return bool(value)
    return _name(action, key, kind, value)


def _name(action: str, key: str, kind: str, value: Any) -> str:
    """An item, block, mob, or any thing of these."""
    from veclink.agent.embodied.words import unknown

    known = {
        "item": lambda name: Item.of(name).name in item_ids(),
        "block": lambda name: name in BLOCKS,
        "mob": lambda name: name in MOBS,
        "thing": lambda name: name in BLOCKS or name in MOBS or name in ITEMS or name in ("drops", "village"),
    }[kind]
    try:
        good = isinstance(value, str) and len(value) < 60 and known(value)
    except ValueError:  # "dye:red"
        good = False
    if good:
        return value
    tables = {"item": ITEMS.names, "block": BLOCKS.names, "mob": MOBS.names}
    names = tables.get(kind, (*BLOCKS.names, *MOBS.names))
    raise unknown(kind, str(value), names)


@dataclass(frozen=True)
class Failure:
    """An action that did not do what was expected.

    Attributes:
        action: its name. reason: of REASONS. way: the way that it served, or "". object: the block, mob or item.
    """

    action: str
    reason: str
    way: str = ""
    object: str = ""

    def __post_init__(self) -> None:
        if self.reason not in REASONS:
            raise UnknownName.of("reason of a failure", self.reason, REASONS)

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)


@dataclass
class State:
    """What is known when planning.

    Attributes:
        inventory: "planks:2" -> 5. wear: tool -> uses left in each. equipment: slot ("mainhand", "feet", ...) -> item.
        life, food: 0 to 20. time: of day, 0 to 23,999. biome: or "". around: biomes known a short way off.
        position: (x, y, z), or None where only pixels are seen. underground: or None where it is not known.
        near: names of blocks and mobs in sight or reach. known: name -> (x, y, z) where one was seen.
        threats: hostile mobs near. free: empty slots.
        kills: mob -> number since the start. days: survived. slept: nights slept through. eaten, used: items.
        fell_at: where the player died with things still lying there, or None. died_lately: within two days.
    """

    inventory: Mapping[str, int] = field(default_factory=dict)
    wear: Mapping[str, list[int]] = field(default_factory=dict)
    equipment: Mapping[str, str] = field(default_factory=dict)
    life: float = 20.0
    food: float = 20.0
    time: int = 1000
    biome: str = ""
    around: tuple[str, ...] = ()
    position: tuple[float, float, float] | None = None
    underground: bool | None = None
    near: tuple[str, ...] = ()
    known: Mapping[str, tuple[float, float, float]] = field(default_factory=dict)
    threats: tuple[str, ...] = ()
    free: int = 36
    kills: Mapping[str, int] = field(default_factory=dict)
    days: int = 0
    slept: int = 0
    eaten: Mapping[str, int] = field(default_factory=dict)
    used: Mapping[str, int] = field(default_factory=dict)
    fell_at: tuple[float, float, float] | None = None
    died_lately: bool = False

    @property
    def night(self) -> bool:
        """Whether hostile mobs come out."""
        return NIGHT_FALLS <= self.time % 24_000 < DAWN

    @property
    def stock(self) -> Stock:
        """The inventory to plan with."""
        return Stock(self.inventory, self.wear)

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return asdict(self)
