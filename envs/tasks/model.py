"""What a task is: one frozen record with MineDojo's own names, checked when it is made."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from veclink.envs.errors import InputError, UnknownName
from veclink.envs.facts import ITEMS, MOBS

CATEGORIES = ("open-ended", "harvest", "combat", "techtree", "survival", "playthrough", "creative")
WORLDS = ("default", "specified_biome", "flat", "nether")
WEATHERS = ("normal", "clear", "rain", "thunder")
SLOTS = {"mainhand": 0, "feet": 36, "legs": 37, "chest": 38, "head": 39, "offhand": 40}  # beside 0..35
DAY = 24_000  # ticks
Spot = tuple[float, float, float]


@dataclass(frozen=True)
class Stack:
    """Items that the player has at the start.

    Attributes:
        slot: 0 main hand, 1..8 hotbar, 9..35 the rest, 36 feet, 37 legs, 38 chest, 39 head, 40 off hand.
        name: MineDojo's item name. variant: 0..120. quantity: 1 to the item's stack size.
    """

    slot: int
    name: str
    variant: int = 0
    quantity: int = 1

    def __post_init__(self) -> None:
        most = int(ITEMS.stack[ITEMS.id(self.name)])
        if not 0 <= self.slot <= 40:
            raise InputError("a slot of 0 to 40", repr(self.slot), "0 is the main hand, 36 to 40 are worn")
        if not 1 <= self.quantity <= max(most, 64):
            raise InputError(f"1 to {max(most, 64)} {self.name}", str(self.quantity), "use several slots")

    @classmethod
    def of(cls, slot: int | str, row: Mapping[str, Any] | str) -> Stack:
        """From MineDojo's YAML: a slot's name or number and {"name", "variant", "quantity"}."""
        fields_ = {"name": row} if isinstance(row, str) else dict(row)
        place = str(slot)
        if place not in SLOTS and not place.isdigit():
            raise UnknownName.of("slot", place, [*SLOTS, *map(str, range(41))])
        return cls(SLOTS[place] if place in SLOTS else int(place), str(fields_["name"]),
                   int(fields_.get("variant") or 0), int(fields_.get("quantity") or 1))


@dataclass(frozen=True)
class TaskSpec:
    """A task: what is asked for, what it is paid, and how the world begins. Names are those of MineDojo's `make`.

    Attributes:
        id, category, prompt, guidance: what it is called, one of CATEGORIES, and the words for the player.
        targets: items to have (harvest, playthrough), mobs to kill (combat) or items to use once (techtree), each
            with its quantity; counted from the start of the episode. {} for the other categories.
        reward_weights: paid for each more of a target. use_reward_weights: paid for each use (techtree).
        target_days, per_day_reward, success_reward: of survival.
        initial_inventory: what the player has at the start.
        initial_mobs: mobs put down at the start, at whole or broken offsets from the player drawn between
            initial_mob_spawn_range_low and initial_mob_spawn_range_high (x, y, z).
        spawn_rate: {mob or block: chance a step} of putting one more down, between spawn_range_low and
            spawn_range_high, where `may_spawn` allows it.
        generate_world_type: one of WORLDS. specified_biome: the only biome, None for a mixture.
        start_position: {"x", "y", "z", "yaw", "pitch"} or None. start_health: half hearts, 1..20. start_food: 0..20.
        start_time: ticks of the day, 0..23999, None as the world has it. allow_time_passage: whether time goes on.
        initial_weather: one of WEATHERS or None. allow_mob_spawn: whether mobs come by themselves.
        break_speed_multiplier: of breaking blocks, more than 0.
        use_voxel, voxel_size, use_lidar, lidar_rays: more of the observation; see `contract.observation_space`.
        limit: most steps of an episode, None without end. collection, source: of MineDojo's creative tasks.
    """

    id: str
    category: str = "open-ended"
    prompt: str = ""
    guidance: str = ""
    targets: Mapping[str, int] = field(default_factory=dict)
    reward_weights: Mapping[str, float] = field(default_factory=dict)
    use_reward_weights: Mapping[str, float] = field(default_factory=dict)
    target_days: int | None = None
    per_day_reward: float = 1.0
    success_reward: float | None = None
    initial_inventory: tuple[Stack, ...] = ()
    initial_mobs: tuple[str, ...] = ()
    initial_mob_spawn_range_low: Spot = (-7.0, 1.0, -7.0)
    initial_mob_spawn_range_high: Spot = (7.0, 1.0, 7.0)
    spawn_rate: Mapping[str, float] = field(default_factory=dict)
    spawn_range_low: Spot = (-10.0, 1.0, -10.0)
    spawn_range_high: Spot = (10.0, 1.0, 10.0)
    generate_world_type: str = "default"
    specified_biome: str | None = None
    start_position: Mapping[str, float] | None = None
    start_health: float = 20.0
    start_food: int = 20
    start_time: int | None = None
    allow_time_passage: bool = True
    initial_weather: str | None = None
    allow_mob_spawn: bool = True
    break_speed_multiplier: float = 1.0
    use_voxel: bool = False
    voxel_size: Mapping[str, int] | None = None
    use_lidar: bool = False
    lidar_rays: tuple[tuple[float, float, float], ...] | None = None
    limit: int | None = None
    collection: str = ""
    source: str = ""

    def __post_init__(self) -> None:
        for kind, value, known in (("kind of task", self.category, CATEGORIES),
                                   ("kind of world", self.generate_world_type, WORLDS)):
            if value not in known:
                raise UnknownName.of(kind, str(value), known)
        if self.initial_weather is not None and self.initial_weather not in WEATHERS:
            raise UnknownName.of("weather", str(self.initial_weather), WEATHERS)
        for mob in self.initial_mobs:
            MOBS.id(mob)
        self._check_targets()
        _within("start_health", self.start_health, 1, 20)
        _within("start_food", self.start_food, 0, 20)
        _within("break_speed_multiplier", self.break_speed_multiplier, 1e-6, 1e6)
        if self.start_time is not None:
            _within("start_time", self.start_time, 0, DAY - 1)
        for name, rate in self.spawn_rate.items():
            _within(f"the rate of spawning {name}", rate, 0, 1)

    def _check_targets(self) -> None:
        for name, quantity in self.targets.items():
            if self.category == "combat":
                MOBS.id(name)
            elif self.category in ("harvest", "techtree", "playthrough"):
                ITEMS.id(name)
            if isinstance(quantity, bool) or not isinstance(quantity, int) or quantity < 1:
                raise InputError(f"a whole number of {name}, 1 or more", repr(quantity), "ask for at least one")
        if self.category in ("harvest", "combat", "techtree", "playthrough") and not self.targets:
            raise InputError(f"targets of the {self.category} task {self.id!r}", "none",
                             "give targets={name: quantity}")
        if self.category == "survival" and (self.target_days is None or self.target_days < 1):
            raise InputError("target_days of a survival task, 1 or more", repr(self.target_days), "give target_days")

    def changed(self, **changes: Any) -> TaskSpec:
        """The same task with other fields.

        Raises:
            UnknownName: a field that a task does not have, with the nearest one.
            InputError: a value that it cannot have.
        """
        known = [each.name for each in fields(self)]
        for name in changes:
            if name not in known:
                raise UnknownName.of("setting of a task", name, known)
        if "initial_inventory" in changes:
            changes["initial_inventory"] = _stacks(changes["initial_inventory"])
        return replace(self, **changes)


def _stacks(given: Any) -> tuple[Stack, ...]:
    """Stacks as they are, or mappings: {slot: {"name", "variant", "quantity"}}, or a list of such with a "slot"."""
    if isinstance(given, Mapping):
        return tuple(Stack.of(slot, row) for slot, row in given.items())
    found = []
    for number, row in enumerate(given):
        if isinstance(row, Mapping):
            row = Stack.of(row.get("slot", number), row)
        elif not isinstance(row, Stack):
            raise InputError("stacks, or mappings with name, quantity and slot", repr(row), "see Stack")
        found.append(row)
    return tuple(found)


def _within(what: str, value: float, low: float, high: float) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise InputError(f"{what} between {low:g} and {high:g}", repr(value), "choose a value in between")
