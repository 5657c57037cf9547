"""From a body to the state that is planned from, and from a skill's outcome to a failure that the planner knows.

Everything comes from the observation, `info` and the map of what was seen; nothing is asked of the world itself.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np

from veclink.agent.embodied.actions import DAWN, Action, Failure, State
from veclink.agent.embodied.aim import first_hit
from veclink.agent.embodied.body import Body, SkillFailed
from veclink.agent.embodied.goals import DAY, NIGHT_FALLS
from veclink.agent.embodied.knowledge import biome_names, realm_of
from veclink.agent.embodied.terms import name_of
from veclink.envs.facts import BLOCKS, ITEMS, MOBS

SIGHT = 24.0  # blocks within which a known block counts as near
FAR, CLOSE = 48, 12  # blocks within which known blocks are told to the planner, rare ones and common ones
SLOTS = ("mainhand", "offhand", "feet", "legs", "chest", "head")
DARK = 0.45  # brightness of the sun below which it is night, where the world has no clock
MIDNIGHT, NOON = 18_000, 6_000
LATELY = 2 * DAY  # ticks after a death in which one is more careful
ROOFED = 3  # blocks of roof that make a place underground
COMMON = frozenset({"air", "stone", "dirt", "grass", "bedrock", "sandstone", "leaves", "leaves2"})
EYES_OPEN = {"skeleton": 6.0, "stray": 6.0, "creeper": 6.5, "witch": 8.0, "blaze": 10.0}  # blocks; others FIGHT
FIGHT = 5.0
BOTHERED = ("zombie_pigman", "enderman")  # hostile only to who attacks them
REASON_OF = {
    "not found": "not near", "no way": "unreachable", "no tool": "missing tool", "no view": "unreachable",
    "full": "full inventory", "night": "night", "time": "timeout", "died": "died", "lost": "unreachable",
    "hurt": "danger", "danger": "danger", "no material": "missing material", "no station": "no station",
}  # fmt: skip


@dataclass
class Past:
    """What a body has lived through that no single observation tells.

    Attributes:
        fell_at: where it died and its things may still lie; fell_step: when.
        graves: every place where it died; died_step: when it did last, -1 for never.
        slept: nights slept through. days: survived. eaten: food -> pieces.
    """

    fell_at: tuple[float, float, float] | None = None
    fell_step: int = 0
    graves: list[list[float]] = field(default_factory=list)
    died_step: int = -1
    slept: int = 0
    first_day: int = -1
    days: int = 0
    eaten: dict[str, int] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {"fell_at": self.fell_at, "fell_step": self.fell_step, "graves": self.graves,
                "died_step": self.died_step, "slept": self.slept, "days": self.days,
                "first_day": self.first_day, "eaten": dict(self.eaten)}

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Past:
        """What `to_dict` gave."""
        fell = document["fell_at"]
        at = (float(fell[0]), float(fell[1]), float(fell[2])) if fell else None
        return cls(at, document["fell_step"], document["graves"], document.get("died_step", -1), document["slept"],
                   document["first_day"], document["days"], dict(document["eaten"]))


def state_of(body: Body, past: Past | None = None) -> State:
    """What is known now, for the planner."""
    past = past or Past()
    known = seen_blocks(body)
    inventory, wear = carried(body)
    info = body.info
    stat = info.get("stat", {})
    return State(
        inventory=inventory, wear=wear, equipment=worn(body), life=body.life, food=body.food, time=clock(body),
        biome=biome(body), position=tuple(float(v) for v in body.pos),  # type: ignore[arg-type]
        underground=underground(body), near=nearby(body, known), known=known,
        threats=tuple(mob["name"] for mob in threats(body)),
        free=int(np.count_nonzero(body.observation["inventory"]["name"] == "air")),
        kills=dict(stat.get("kill_entity", {})), days=past.days, slept=past.slept, eaten=dict(past.eaten),
        used=dict(stat.get("use_item", {}).get("minecraft", {})), fell_at=past.fell_at,
        died_lately=past.died_step >= 0 and body.steps - past.died_step < LATELY,
    )


def carried(body: Body) -> tuple[dict[str, int], dict[str, list[int]]]:
    """Items with their variants ("planks:2" -> 5), and the uses left in tools that wear."""
    bag = body.observation["inventory"]
    items: Counter[str] = Counter()
    wear: dict[str, list[int]] = {}
    for name, count, variant, left in zip(bag["name"].tolist(), bag["quantity"].tolist(), bag["variant"].tolist(),
                                          bag["cur_durability"].tolist(), strict=True):
        if count <= 0 or name == "air":
            continue
        plain = name.replace(" ", "_")
        number = ITEMS.id(plain)
        items[f"{plain}:{variant}" if variant and ITEMS.variants[number] else plain] += int(count)
        if ITEMS.durability[number] and left > 0:
            wear.setdefault(plain, []).append(int(left))
    return dict(items), wear


def worn(body: Body) -> dict[str, str]:
    """Slot -> item."""
    names = body.observation["equipment"]["name"].tolist()
    return {slot: name.replace(" ", "_") for slot, name in zip(SLOTS, names, strict=True) if name != "air"}


def clock(body: Body) -> int:
    """Time of day: the world's, or noon or midnight by the sun."""
    time = body.info.get("time")
    return int(time) % 24_000 if time is not None else MIDNIGHT if body.dark else NOON


def night(body: Body) -> bool:
    """Whether it is night, as `State` counts it: one can sleep. A rainy evening is dark before that."""
    return NIGHT_FALLS <= clock(body) < DAWN


def biome(body: Body) -> str:
    """The biome's name, "" where it is not known."""
    return biome_names().get(int(body.observation["location_stats"]["biome_id"]), "")


def realm(body: Body) -> str:
    """Where it is: "overworld", "nether" or "end"."""
    return realm_of(biome(body))


def underground(body: Body) -> bool:
    """Whether there is rock above the head."""
    if bool(body.observation["location_stats"]["can_see_sky"]):
        return False
    x, y, z = body.cell
    roof = sum(bool(BLOCKS.full[block]) and name_of(block) not in ("leaves", "leaves2", "log", "log2")
               for block in (body.block(x, y + up, z) for up in range(2, 12)) if block < len(BLOCKS.names))
    return roof >= ROOFED


@cache
def told() -> np.ndarray:
    """(256,) bool: blocks that are worth telling the planner of."""
    flags = np.zeros(256, bool)
    for number, name in enumerate(BLOCKS.names):
        flags[number] = name not in COMMON
    return flags


def seen_blocks(body: Body) -> dict[str, tuple[float, float, float]]:
    """Block name -> the nearest place where one is known."""
    found: dict[str, tuple[float, float, float]] = {}
    for number, x, y, z in body.known.nearest(told(), body.pos, FAR):
        found[BLOCKS.names[number]] = (float(x), float(y), float(z))
    for number, x, y, z in body.known.nearest(~told(), body.pos, CLOSE):
        found[BLOCKS.names[number]] = (float(x), float(y), float(z))
    found.pop("air", None)
    return found


def nearby(body: Body, known: Mapping[str, tuple[float, float, float]]) -> tuple[str, ...]:
    """Blocks within sight, mobs and drops within the senses; a table or furnace only where it can be used."""
    here = [float(v) for v in body.pos]
    names = {name for name, place in known.items() if math.dist([v + 0.5 for v in place], here) <= SIGHT}
    for kind, blocks in (("table", ("crafting_table",)), ("furnace", ("furnace", "lit_furnace"))):
        names -= set(blocks)
        if bool(body.observation["nearby_tools"][kind]):
            names.add(blocks[0])
    for one, other in (("log", "log2"), ("redstone_ore", "lit_redstone_ore"), ("leaves", "leaves2")):
        if other in names:
            names.add(one)
    names.update(mob["name"] for mob in body.mobs())
    if body.drops():
        names.add("drops")
    return tuple(sorted(names))


def threats(body: Body) -> list[dict[str, Any]]:
    """Hostile mobs that see the body and are close enough to matter, nearest first."""
    return [mob for mob in body.mobs() if hostile(mob["name"]) and _matters(body, mob)]


@cache
def hostile(name: str) -> bool:
    """Whether a mob attacks by itself."""
    return name in MOBS and bool(MOBS.hostile[MOBS.id(name)]) and name not in BOTHERED


def _matters(body: Body, mob: Mapping[str, Any]) -> bool:
    if mob["distance"] > EYES_OPEN.get(mob["name"], FIGHT):
        return False
    if mob["name"] in ("spider", "cave_spider") and not body.dark and body.life > 16 and mob["distance"] > 2.5:
        return False  # calm by day
    return sees(body, mob)


def sees(body: Body, mob: Mapping[str, Any]) -> bool:
    """Whether nothing known stands between the eye and a mob."""
    ex, ey, ez = body.eye
    x, y, z = mob["position"]
    height = float(MOBS.height[MOBS.id(mob["name"])])
    out = np.zeros(6, np.int64)
    for share in (0.8, 0.3):
        dx, dy, dz = x - ex, y + share * height - ey, z - ez
        length = math.sqrt(dx * dx + dy * dy + dz * dz)
        if length < 0.5:
            return True
        met = first_hit(body.known.blocks, body.known.owners, body.eyes.passes, ex, ey, ez, dx / length, dy / length,
                        dz / length, length, out)
        if met < 0:
            return True
    return False


def failure_of(action: Action, failed: SkillFailed) -> Failure:
    """A skill's outcome in the planner's words."""
    reason = REASON_OF.get(failed.reason, "no change")
    stations = {"craft": "crafting_table", "smelt": "furnace"}
    if reason == "missing material" and stations.get(action.name) == failed.detail:
        reason = "no station"
    return Failure(action.name, reason, action.way, thing_of(action))


def thing_of(action: Action) -> str:
    """What an action is about."""
    keys: Iterable[str] = ("block", "mob", "find", "what", "item")
    return str(next((action.args[key] for key in keys if key in action.args), ""))
