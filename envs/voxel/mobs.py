"""All mobs near the player: their records, one compiled tick for all of them, and what follows from it in the world.

The compiled part (`minds`) moves records and tells events; this class carries them out: hits, shots, explosions,
deaths with loot and experience, eggs, meals, offspring. Mobs of chunks that are left are parked by chunk, so that
nothing is lost.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from veclink.envs.errors import InputError, UnknownName
from veclink.envs.facts import BLOCKS, ITEMS, MOBS
from veclink.envs.voxel import bodies, breeding, loot
from veclink.envs.voxel.bodies import CAUSES, PANIC, SIT, View, body_scale
from veclink.envs.voxel.entities import MOB, MOB_SLOTS, NOBODY, THE_PLAYER
from veclink.envs.voxel.kinds import (
    BEHAVIOUR,
    BLINKS,
    CALM,
    FIREPROOF,
    GANG,
    GROUPS,
    HOP,
    HOSTILE,
    KINDS,
    MISSILES,
    NEUTRAL,
    SHADY,
    SPLITS,
)
from veclink.envs.voxel.minds import tick_all
from veclink.envs.voxel.paths import CELLS, lean
from veclink.envs.voxel.steps import vanish

DIFFICULTIES = ("peaceful", "easy", "normal", "hard")
RED_TICKS = 10  # after a hit: the body is red and takes no other
GRUDGE = 400  # ticks that anger lasts
FRIGHT = 100  # ticks of panic
CALL = {"wolf": 16.0, "zombie_pigman": 35.0}  # how far an angry one is heard by its kind
BLUNT = frozenset({"mob", "arrow", "explosion", "thrown"})  # causes that armour helps against
HEAT = frozenset({"lava", "onFire"})
KNOCK = 0.4  # blocks a tick
# The colours of sheep that spawn, as wool variants, with their shares in 1.11.
FLEECES = ((15, 0.05), (7, 0.05), (8, 0.05), (12, 0.03), (6, 0.00164))
COATS = {"horse": 7, "llama": 4, "villager": 5, "rabbit": 6, "parrot": 5}  # kinds with so many looks, drawn evenly
SLIME_SIZES = (1, 2, 4)
EGG_TICKS = (6000, 11999)
ENDERMITE_TICKS = 2400


@lean
def first_hit(mobs, kinds, x, y, z, dx, dy, dz, reach, margin):
    """The slot of the first living mob that a ray from (x, y, z) along a unit vector meets, and how far; -1, reach."""
    found, nearest = -1, reach
    for i in range(mobs.shape[0]):
        m = mobs[i]
        if not m.alive:
            continue
        k = kinds[m.kind]
        scale = body_scale(m, k)
        half, tall = k.width * scale * 0.5 + margin, k.height * scale + margin
        if abs(m.x - x) > reach + half or abs(m.z - z) > reach + half:
            continue
        near, far = 0.0, nearest
        for axis in range(3):
            low = (m.x - half - x, m.y - margin - y, m.z - half - z)[axis]
            high = (m.x + half - x, m.y + tall - y, m.z + half - z)[axis]
            way = (dx, dy, dz)[axis]
            if abs(way) < 1e-9:
                if low > 0 or high < 0:
                    far = -1.0
                continue
            a, b = low / way, high / way
            near, far = max(near, min(a, b)), min(far, max(a, b))
        if near <= far and near < nearest:
            found, nearest = i, near
    return found, nearest


class Mobs:
    """The mobs of a world.

    Args:
        capacity: slots for living mobs in the loaded part.
        difficulty: "peaceful", "easy", "normal" or "hard": scales what mobs do to the player.

    Attributes:
        records: (capacity,) MOB records; free slots have `alive` False.
        parked: MOB records of chunks that are not loaded, by chunk.
        world: set by `tick`, or by whoever calls another method before the first tick.
        kills: how many mobs of each kind the player killed.
    """

    def __init__(self, capacity: int = MOB_SLOTS, difficulty: str = "normal") -> None:
        if difficulty not in DIFFICULTIES:
            raise UnknownName.of("difficulty", difficulty, DIFFICULTIES)
        if not 1 <= capacity <= 1024:
            raise InputError("a capacity of 1 to 1,024 mobs", str(capacity), "give a number in that range")
        self.records = np.zeros(capacity, MOB)
        self.parked: dict[tuple[int, int], np.ndarray] = {}
        self.difficulty = difficulty
        self.world: Any = None
        self.kills: dict[str, int] = {}
        self.ticks = 0
        self.next_id = 1
        self._slots = np.zeros(capacity, np.int64)
        self._now, self._events = np.zeros(bodies.NOW), np.zeros((bodies.EVENTS, 6))
        self._pos, self._vel, self._flags = np.zeros(3), np.zeros(3), np.zeros(8, np.uint8)
        self._seen = np.zeros((3, CELLS), np.int16)
        self._view: View | None = None

    # -- one tick ------------------------------------------------------------------------------------------------------

    def tick(self, world: Any) -> None:
        """All mobs live one tick; then what they did happens."""
        self.world = world
        view = self._look()
        self.ticks += 1
        self._now[bodies.TOLD] = 0
        tick_all(view, self._slots)
        for event in self._events[: int(self._now[bodies.TOLD])].tolist():
            self._carry_out(event)

    def _look(self) -> View:
        """The compiled code's view of the world as it is now."""
        world, grid, player, sky = self.world, self.world.grid, self.world.player, self.world.sky
        now, x, y, z = self._now, *player.pos
        now[:3] = x, y, z
        now[bodies.EYE] = player.eye[1] - y
        now[bodies.YAW], now[bodies.PITCH] = player.yaw, player.pitch
        now[bodies.PREY] = player.alive and self.difficulty != "peaceful"
        now[bodies.FOOD] = player.inventory.item[player.held] if player.inventory.count[player.held] else 0
        now[bodies.SNEAKS] = player.sneaking
        now[bodies.DARK], now[bodies.RAIN] = sky.darkness, sky.weather > 0
        now[bodies.TICK], now[bodies.LEVEL] = self.ticks, DIFFICULTIES.index(self.difficulty)
        view = self._view
        if view is None or view.blocks is not grid.blocks or view.chance is not world.chance.state:
            view = View(grid.blocks, grid.meta, grid.light, grid.bounds, self.records, KINDS, now,
                        self._events, world.chance.state, self._pos, self._vel, self._flags, self._seen)
            self._view = view
        return view

    def _carry_out(self, event: list[float]) -> None:
        code, slot = event[0], int(event[1])
        mob = self.records[slot]
        if not mob["alive"]:
            return
        world, a, b, c = self.world, *event[2:5]
        if code == bodies.HURT:
            self.hurt(slot, a, CAUSES[int(b)])
        elif code == bodies.HIT:
            self._strike(slot, int(a))
        elif code == bodies.SHOOT:
            world.shots.aim(slot, MISSILES[KINDS["missile"][mob["kind"]]], (a, b, c))
        elif code == bodies.BOOM:
            mob["alive"] = False
            world.explode(float(mob["x"]), float(mob["y"]), float(mob["z"]), a)
        elif code == bodies.EGG:
            self.drop(slot, ITEMS.id("egg"), 0, 1)
        elif code == bodies.EATEN:
            self._graze(slot, int(a), int(b), int(c))
        elif code == bodies.MATE:
            breeding.offspring(self, slot, int(a))
        elif code == bodies.GONE:
            mob["alive"] = False

    def _graze(self, slot: int, x: int, y: int, z: int) -> None:
        grid, mob = self.world.grid, self.records[slot]
        if grid.get(x, y, z) == BLOCKS.id("tallgrass"):
            grid.set(x, y, z, 0)
        elif grid.get(x, y - 1, z) == BLOCKS.id("grass"):
            grid.set(x, y - 1, z, BLOCKS.id("dirt"))
        else:
            return
        mob["shorn"] = False
        if mob["baby"]:
            mob["age"] = min(0, int(mob["age"]) + 1200)

    def _strike(self, slot: int, target: int) -> None:
        """A mob's blow lands on its target."""
        mob = self.records[slot]
        power = self.power(slot)
        if power <= 0:
            return
        place = (float(mob["x"]), float(mob["y"]), float(mob["z"]))
        if target == THE_PLAYER:
            player, venom = self.world.player, BEHAVIOUR[MOBS.names[mob["kind"]]]["venom"]
            if player.hurt(self.scaled(power), "mob", place) and venom:
                player.affect(*venom)
            return
        for other in np.flatnonzero(self.records["alive"] & (self.records["id"] == target)):
            self.hurt(int(other), power, "mob", source=place, attacker=slot)

    def power(self, slot: int) -> float:
        """Half hearts that a mob's blow takes on normal difficulty."""
        mob = self.records[slot]
        name = MOBS.names[mob["kind"]]
        if KINDS["moves"][mob["kind"]] != HOP:
            return float(KINDS["damage"][mob["kind"]])
        if name == "slime":
            return float(mob["size"]) if mob["size"] > 1 else 0.0
        return float(mob["size"]) + 2.0

    def scaled(self, amount: float) -> float:
        """What reaches the player of a mob's damage at this difficulty."""
        return {"peaceful": 0.0, "easy": min(amount / 2 + 1, amount), "normal": amount,
                "hard": amount * 1.5}[self.difficulty]

    # -- coming and going ----------------------------------------------------------------------------------------------

    def add(self, kind_name: str, x: float, y: float, z: float, **fields: Any) -> int:
        """Put a mob into the world.

        Args:
            kind_name: one of MOBS.names.
            x, y, z: of its feet.
            fields: fields of MOB other than the usual ones, as `variant=3, baby=True`.

        Returns:
            its slot, or -1 where all are taken.
        """
        kind = MOBS.id(kind_name)
        unknown = sorted(set(fields) - set(MOB.names or ()))
        if unknown:
            raise UnknownName.of("field of a mob", unknown[0], MOB.names or ())
        free = np.flatnonzero(~self.records["alive"])
        if not len(free):
            return -1
        slot = int(free[0])
        self.records[slot] = np.zeros((), MOB)
        mob = self.records[slot]
        known = KINDS[kind]
        mob["alive"], mob["kind"], mob["id"] = True, kind, self.next_id
        self.next_id += 1
        mob["x"], mob["y"], mob["z"] = x, y, z
        mob["home_x"], mob["home_z"] = x, z
        mob["goal_x"], mob["goal_y"], mob["goal_z"] = x, y, z
        mob["air"], mob["size"] = bodies.LUNGS, 1
        mob["persistent"] = known["mood"] in (CALM, NEUTRAL) and kind_name not in (
            "bat", "squid", "enderman", "zombie_pigman")
        self._looks(mob, kind_name)
        for field, value in fields.items():
            mob[field] = value
        if mob["baby"] and "age" not in fields and known["mood"] in (CALM, NEUTRAL):
            mob["age"] = -breeding.CHILDHOOD
        if "health" not in fields:
            mob["health"] = self.most(slot)
        return slot

    def _looks(self, mob: Any, name: str) -> None:
        """What chance gives a new mob: where it looks, its colour, its size."""
        if self.world is None:
            return
        chance = self.world.chance
        yaw = chance.uniform() * 360 - 180
        mob["yaw"], mob["head_yaw"] = yaw, yaw
        if name == "sheep":
            drawn = chance.uniform()
            for colour, share in FLEECES:
                if drawn < share:
                    mob["variant"] = colour
                    break
                drawn -= share
        elif name in COATS:
            mob["variant"] = chance.below(COATS[name])
        elif name == "chicken":
            mob["egg"] = chance.between(*EGG_TICKS)
        elif KINDS["moves"][mob["kind"]] == HOP:
            mob["size"] = SLIME_SIZES[chance.below(3)]

    def most(self, slot: int) -> float:
        """A mob's full health."""
        mob = self.records[slot]
        health = float(KINDS["health"][mob["kind"]])
        if KINDS["moves"][mob["kind"]] == HOP:
            return float(mob["size"]) ** 2
        return 20.0 if mob["tame"] and MOBS.names[mob["kind"]] == "wolf" else health

    def remove(self, slot: int) -> None:
        """Take a mob away without a trace."""
        self.records["alive"][slot] = False

    def park(self, cx: int, cz: int) -> None:
        """Put the mobs of a chunk aside before it is left."""
        here = self._within(cx, cz)
        if len(here):
            kept = self.parked.get((cx, cz))
            new = self.records[here].copy()
            self.parked[cx, cz] = new if kept is None else np.concatenate([kept, new])
            self.records["alive"][here] = False

    def unpark(self, cx: int, cz: int) -> None:
        """Take the mobs of a chunk up again after it was loaded; what finds no free slot stays parked."""
        waiting = self.parked.pop((cx, cz), None)
        if waiting is None:
            return
        free = np.flatnonzero(~self.records["alive"])[: len(waiting)]
        self.records[free] = waiting[: len(free)]
        if len(free) < len(waiting):
            self.parked[cx, cz] = waiting[len(free):].copy()

    def _within(self, cx: int, cz: int) -> np.ndarray:
        records = self.records
        return np.flatnonzero(records["alive"] & (np.floor(records["x"] / 16) == cx)
                              & (np.floor(records["z"] / 16) == cz))

    # -- what is done to mobs ------------------------------------------------------------------------------------------

    def hit_by(self, eye: Any, way: Any, reach: float, margin: float = 0.0) -> tuple[int, float]:
        """The first mob on a ray.

        Args:
            eye: (3,) where it begins.
            way: (3,) unit vector.
            reach: its length in blocks.
            margin: how much the bodies are grown.

        Returns:
            its slot and the distance; -1 and `reach` where there is none. Blocks are not looked at.
        """
        x, y, z = (float(part) for part in eye)
        dx, dy, dz = (float(part) for part in way)
        slot, near = first_hit(self.records, KINDS, x, y, z, dx, dy, dz, float(reach), float(margin))
        return int(slot), float(near)

    def hurt(self, slot: int, amount: float, cause: str, from_player: bool = False,
             source: tuple[float, float, float] | None = None, attacker: int = -1, knock: float = 1.0) -> bool:
        """Take health from a mob.

        Args:
            slot: which.
            amount: half hearts, before its armour.
            cause: one of bodies.CAUSES.
            from_player: whether the player did it (then it may turn on the player, and gives loot and experience).
            source: (3,) from where the blow came; the player's place where it is the player's.
            attacker: the slot of the mob that did it, -1 for none.
            knock: share of the usual knock.

        Returns:
            whether the hit counted; within half a second of another it does not.
        """
        mob = self.records[slot]
        if not mob["alive"] or (mob["hurt"] > 0 and cause != "outOfWorld") or amount < 0:
            return False
        known = KINDS[mob["kind"]]
        if cause in HEAT and known["traits"] & FIREPROOF:
            return False
        if cause == "arrow" and known["traits"] & BLINKS and vanish(
                self._look(), slot, float(mob["x"]), float(mob["y"]), float(mob["z"]), 32.0):
            return False
        if cause in BLUNT:
            amount *= 1 - 0.04 * float(known["armour"])
        mob["hurt"] = RED_TICKS
        mob["health"] = max(0.0, float(mob["health"]) - amount)
        if from_player and source is None and self.world is not None:
            source = tuple(float(part) for part in self.world.player.pos)  # type: ignore[assignment]
        if source is not None and knock > 0:
            self.knock(slot, source, KNOCK * knock)
        if mob["health"] <= 0:
            self.die(slot, from_player)
        else:
            self._react(slot, from_player, attacker)
        return True

    def knock(self, slot: int, source: tuple[float, float, float], strength: float) -> None:
        """Push a mob away from a place."""
        mob = self.records[slot]
        strength *= float(KINDS["knock"][mob["kind"]])
        dx, dz = float(mob["x"]) - source[0], float(mob["z"]) - source[2]
        away = math.hypot(dx, dz)
        if strength <= 0 or away < 1e-6:
            return
        mob["vx"], mob["vz"] = mob["vx"] / 2 + dx / away * strength, mob["vz"] / 2 + dz / away * strength
        if mob["on_ground"]:
            mob["vy"] = min(0.4, mob["vy"] / 2 + strength)
            mob["on_ground"] = False

    def _react(self, slot: int, from_player: bool, attacker: int) -> None:
        """What a mob that was hurt does about it."""
        mob = self.records[slot]
        known = KINDS[mob["kind"]]
        if mob["state"] == SIT:
            mob["state"] = 0
        mob["love"] = 0
        who = THE_PLAYER if from_player else int(self.records["id"][attacker]) if attacker >= 0 else NOBODY
        if known["mood"] == CALM or (mob["baby"] and known["mood"] == NEUTRAL):
            if known["panic"] > 0:
                mob["state"], mob["idle"], mob["state_left"] = PANIC, FRIGHT, 0
        elif who != NOBODY and not (from_player and (mob["tame"] or self.difficulty == "peaceful")):
            mob["target"], mob["angry"] = who, GRUDGE
            if known["traits"] & GANG:
                self._call(slot, who)
        if from_player:
            self.set_dogs_on(int(mob["id"]))

    def _call(self, slot: int, who: int) -> None:
        """Anger is shared among the gang."""
        records, mob = self.records, self.records[slot]
        far = CALL.get(MOBS.names[mob["kind"]], 16.0)
        near = np.hypot(records["x"] - mob["x"], records["z"] - mob["z"]) < far
        friends = records["alive"] & (records["kind"] == mob["kind"]) & near & ~records["tame"] & ~records["baby"]
        records["target"][friends], records["angry"][friends] = who, GRUDGE

    def set_dogs_on(self, number: int) -> None:
        """Tame wolves that are not sitting go for what their owner hit, by its id."""
        records = self.records
        dogs = records["alive"] & records["tame"] & (records["state"] != SIT) & (records["id"] != number)
        dogs &= (KINDS["is"][records["kind"]] & (1 << GROUPS.index("wolf"))) != 0
        victim = records["alive"] & (records["id"] == number)
        if victim.any() and not records["tame"][victim][0]:
            records["target"][dogs], records["angry"][dogs] = number, GRUDGE

    def die(self, slot: int, by_player: bool) -> None:
        """A mob's end: loot, experience, smaller slimes."""
        mob = self.records[slot]
        mob["alive"] = False
        name = MOBS.names[mob["kind"]]
        for item, variant, count in loot.roll(mob, self.world.chance, by_player):
            self.drop(slot, item, variant, count)
        if by_player:
            self.kills[name] = self.kills.get(name, 0) + 1
            if not mob["baby"]:
                self.world.player.gain_xp(loot.experience(mob, self.world.chance))
        self.world.events.append(("kill", {"mob": name, "id": int(mob["id"]), "by_player": by_player}))
        if KINDS["traits"][mob["kind"]] & SPLITS and mob["size"] > 1:
            old, place = int(mob["size"]), (float(mob["x"]), float(mob["y"]), float(mob["z"]))
            for number in range(self.world.chance.between(2, 4)):
                self.add(name, place[0] + (number % 2 - 0.5) * old / 4, place[1] + 0.5,
                         place[2] + (number // 2 - 0.5) * old / 4, size=old // 2)

    def drop(self, slot: int, item: int, variant: int, count: int) -> None:
        """Let items fall where a mob is."""
        mob = self.records[slot]
        if count > 0:
            self.world.drops.add(float(mob["x"]), float(mob["y"]) + 0.3, float(mob["z"]), item, variant, count,
                                 cause="mob")

    def interact(self, slot: int, player: Any) -> bool:
        """Use what the player holds on a mob: milk, shear, feed, tame, saddle, let sit; whether anything came of it."""
        return breeding.interact(self, slot, player)

    # -- saving --------------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """To be saved."""
        parked = {f"{cx} {cz}": records for (cx, cz), records in sorted(self.parked.items())}
        return {"records": self.records.copy(), "parked": parked, "kills": dict(self.kills), "ticks": self.ticks,
                "next_id": self.next_id, "difficulty": self.difficulty}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state()`."""
        self.records[:] = state["records"]
        self.parked = {(int(key.split()[0]), int(key.split()[1])): np.array(records)
                       for key, records in state["parked"].items()}
        self.kills = dict(state["kills"])
        self.ticks, self.next_id, self.difficulty = state["ticks"], state["next_id"], state["difficulty"]


def hostile(name: str) -> bool:
    """Whether a kind attacks people on sight, by day or by night."""
    return BEHAVIOUR[name]["mood"] in ("hostile", "shady")


assert HOSTILE < SHADY  # the compiled mind orders moods
