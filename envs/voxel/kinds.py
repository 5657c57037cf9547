"""What each kind of mob is and how it behaves, as one table that compiled code can read.

Figures of the body come from `veclink.envs.facts.MOBS`, behaviour from facts/behaviour.json.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from veclink.envs.errors import UnknownName
from veclink.envs.facts import MOBS
from veclink.envs.facts.tables import table as facts_table

MOVES = ("walk", "hop", "bound", "swim", "fly", "hover", "still")
WALK, HOP, BOUND, SWIM, FLY, HOVER, STILL = range(7)
MOODS = ("calm", "neutral", "hostile", "shady")
CALM, NEUTRAL, HOSTILE, SHADY = range(4)
TRAITS = ("burns", "undead", "fireproof", "gills", "unharmed_by_falls", "floats", "climbs", "blinks", "fuse", "splits",
          "gang", "leaps", "hates_water", "airless")
(BURNS, UNDEAD, FIREPROOF, GILLS, UNHARMED, FLOATS, CLIMBS, BLINKS, FUSE, SPLITS, GANG, LEAPS, HATES_WATER,
 AIRLESS) = (1 << bit for bit in range(14))
GROUPS = ("player", "monster", "golem", "villager", "sheep", "rabbit", "chicken", "cat", "wolf", "bones", "squid",
          "llama", "creeper", "endermite", "undead", "pigman")
THE_PLAYERS = 1  # the group bit of the player
# What is shot, in the order of SHOT's `kind`; a beam is no thing that flies: it hits what is seen.
MISSILES = ("none", "arrow", "snowball", "egg", "ender_pearl", "fireball", "small_fireball", "potion", "bullet", "spit",
            "beam")
BEAM = MISSILES.index("beam")

LURES = 12  # most foods a kind comes for

KIND = np.dtype([
    ("health", "f8"), ("damage", "f8"), ("speed", "f8"), ("width", "f8"), ("height", "f8"), ("step", "f8"),
    ("sees", "f8"), ("reach", "f8"), ("panic", "f8"), ("chase", "f8"), ("tempt", "f8"), ("knock", "f8"),
    ("traits", "i4"), ("is", "i4"), ("hunts", "i4"), ("shuns", "i4"), ("moves", "i4"), ("mood", "i4"),
    ("missile", "i4"), ("every", "i4"), ("burst", "i4"), ("armour", "i4"), ("wool", "i4"),
    ("lure", "i4", (LURES,)),  # ids of the items that make it come, -1 where there is none
], align=True)
DEFAULTS: dict[str, Any] = {"moves": "walk", "mood": "calm", "panic": 0.0, "chase": 1.0, "tempt": 1.0, "sees": 16,
                            "step": 0.6, "shoots": "none", "every": 20, "reach": 0.0, "burst": 1, "armour": 0,
                            "knock": 1.0, "baby": 0.0, "is": [], "hunts": [], "shuns": [], "traits": [], "venom": None}


_RAW: dict[str, dict[str, Any]] = facts_table("behaviour")["kinds"]
BEHAVIOUR = {name: {**DEFAULTS, **_RAW.get(name, {})} for name in MOBS.names}


def _bits(words: list[str], known: tuple[str, ...], what: str) -> int:
    for word in words:
        if word not in known:
            raise UnknownName.of(what, word, known)
    return sum(1 << known.index(word) for word in set(words))


def _table() -> np.ndarray:
    table = np.zeros(len(MOBS.names), KIND)
    for kind, name in enumerate(MOBS.names):
        row, known = table[kind], BEHAVIOUR[name]
        for field in ("health", "damage", "speed", "width", "height"):
            row[field] = getattr(MOBS, field)[kind]
        for field in ("step", "sees", "reach", "panic", "chase", "tempt", "knock", "every", "burst", "armour"):
            row[field] = known[field]
        row["speed"] = known.get("speed", row["speed"])
        row["traits"] = _bits(known["traits"], TRAITS, "trait") | BURNS * MOBS.burns[kind] | UNDEAD * MOBS.undead[kind]
        for field in ("is", "hunts", "shuns"):
            row[field] = _bits(known[field], GROUPS, "group of mobs")
        row["moves"], row["mood"] = MOVES.index(known["moves"]), MOODS.index(known["mood"])
        row["missile"] = MISSILES.index(known["shoots"])
        row["wool"] = name == "sheep"
        row["lure"] = -1
        food = lures(name)[:LURES]
        row["lure"][: len(food)] = food
    return table


def lures(name: str) -> list[int]:
    """Ids of the items that make a kind follow whoever holds them."""
    return list(MOBS.foods[MOBS.id(name)])


KINDS = _table()
KINDS.flags.writeable = False
HOSTILE_KINDS = frozenset(name for name, known in BEHAVIOUR.items() if known["mood"] in ("hostile", "shady"))
