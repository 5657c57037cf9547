"""What flies: arrows, fireballs, snowballs, eggs, ender pearls, a witch's potions.

One compiled call moves all of them; what they hit is carried out here. Arrows stick in blocks and can be picked up.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from veclink.envs.errors import UnknownName
from veclink.envs.facts import BLOCKS, ITEMS, MOBS
from veclink.envs.voxel.chance import Chance
from veclink.envs.voxel.entities import SHOT, SHOT_SLOTS, THE_PLAYER
from veclink.envs.voxel.kinds import KINDS, MISSILES
from veclink.envs.voxel.mobs import first_hit
from veclink.envs.voxel.physics import PARTS, at, box_of

# Of each missile, in the order of MISSILES: gravity, drag, and drag in water; blocks a tick squared, shares kept.
GRAVITY = np.array([0, 0.05, 0.03, 0.03, 0.03, 0, 0, 0.05, 0, 0.06, 0])
DRAG = np.array([1, 0.99, 0.99, 0.99, 0.99, 0.95, 0.95, 0.99, 1.0, 0.99, 1])
WET_DRAG = np.array([1, 0.6, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 0.8, 1])
THRUST = 0.1  # fireballs gain this every tick along their way
SPEED = {"arrow": 1.6, "snowball": 1.5, "egg": 1.5, "ender_pearl": 1.5, "fireball": 0.1, "small_fireball": 0.1,
         "potion": 0.75, "bullet": 0.3, "spit": 1.5}
SPREAD = {"arrow": 6.0, "potion": 8.0, "spit": 10.0, "snowball": 12.0}  # 1.11's inaccuracy on normal difficulty
SPREAD_UNIT = 0.0075
ARC = {"arrow": 0.2, "snowball": 0.2, "potion": 0.2, "spit": 0.2}  # aimed so much higher a block of distance
DAMAGE = {"arrow": 2.0, "fireball": 6.0, "small_fireball": 5.0, "potion": 6.0, "bullet": 4.0, "spit": 1.0,
          "snowball": 0.0, "egg": 0.0, "ender_pearl": 0.0}
FIERY = frozenset({"fireball", "small_fireball"})
BLAST = 1.0  # power of a ghast's fireball
PEARL_HURTS = 5.0
CHICK, FOUR = 1 / 8, 1 / 32
LASTS, STUCK_LASTS = 1200, 1200  # ticks
STRIDE = 0.1  # blocks between two looks for a wall
MARGIN = 0.3  # by which bodies are grown when something flies at them
UNSEEN = 5  # ticks for which the one who shot cannot be hit
REACH = 1.0  # blocks within which an arrow that sticks is picked up
NOTHING, BLOCK, A_MOB, PERSON, PICKED, OVER = range(6)
WATER = 1
LIQUIDS = np.array(BLOCKS.liquid)
FIRE = BLOCKS.id("fire")


@njit(cache=True)
def fly(blocks, meta, bounds, shots, mobs, kinds, who, found):
    """Move every shot by one tick.

    Args:
        blocks, meta, bounds: the grid's.
        shots: SHOT records, moved.
        mobs, kinds: MOB records and the table of kinds.
        who: (8,) float64 of the player: x, y, z of the feet, width, height, whether it can be hit.
        found: (n, 6) float64: what became of each slot: what, the mob's slot or the block's face, x, y, z; written.
    """
    eye, way = np.empty(3), np.empty(3)
    for i in range(shots.shape[0]):
        s = shots[i]
        found[i, 0] = NOTHING
        if not s.alive:
            continue
        s.age += 1
        if s.y < -16 or s.y > 256 or s.age > LASTS or not (
                bounds[0] <= s.x < bounds[1] and bounds[2] <= s.z < bounds[3]):
            if s.y < -16 or s.y > 256 or s.age > LASTS:
                found[i, 0] = OVER
            continue
        if s.stuck:
            _stuck(blocks, meta, bounds, s, who, found, i)
            continue
        speed = math.sqrt(s.vx * s.vx + s.vy * s.vy + s.vz * s.vz)
        if speed > 1e-6:
            eye[0], eye[1], eye[2] = s.x, s.y, s.z
            way[0], way[1], way[2] = s.vx / speed, s.vy / speed, s.vz / speed
            _collide(blocks, meta, bounds, s, mobs, kinds, who, found, i, eye, way, speed)
            if found[i, 0] != NOTHING:
                continue
        s.x += s.vx
        s.y += s.vy
        s.z += s.vz
        _slow(blocks, bounds, s, way, speed)


@njit(cache=True)
def _stuck(blocks, meta, bounds, s, who, found, i):
    """An arrow in a block: it falls when the block is gone, and is picked up by whoever stands near."""
    speed = math.sqrt(s.vx * s.vx + s.vy * s.vy + s.vz * s.vz) + 1e-9
    ahead = 0.1 / speed  # the block it sticks in lies before its point
    if not in_wall(blocks, meta, bounds, s.x + s.vx * ahead, s.y + s.vy * ahead, s.z + s.vz * ahead):
        s.stuck = False
        s.vx, s.vy, s.vz = 0.0, 0.0, 0.0
    elif who[5] != 0 and abs(s.x - who[0]) < REACH + 0.3 and abs(s.z - who[2]) < REACH + 0.3 and (
            -0.5 < s.y - who[1] < who[4] + 0.5):
        found[i, 0] = PICKED


@njit(cache=True)
def in_wall(blocks, meta, bounds, x, y, z):
    """Whether a point lies in a block's collision box."""
    i, j, k = np.int64(math.floor(x)), np.int64(math.floor(y)), np.int64(math.floor(z))
    block = at(blocks, bounds, i, j, k)
    for part in range(PARTS[block]):
        x0, y0, z0, x1, y1, z1 = box_of(blocks, meta, bounds, i, j, k, block, part)
        if y1 > y0 and x0 <= x - i <= x1 and y0 <= y - j <= y1 and z0 <= z - k <= z1:
            return True
    return False


@njit(cache=True)
def met_wall(blocks, meta, bounds, eye, way, reach):
    """How far along a ray the first collision box lies, -1 for none; grass and flowers stop nothing."""
    steps = np.int64(reach / STRIDE) + 1
    for step in range(1, steps + 1):
        far = min(step * STRIDE, reach)
        if in_wall(blocks, meta, bounds, eye[0] + way[0] * far, eye[1] + way[1] * far, eye[2] + way[2] * far):
            near = max(0.0, (step - 1) * STRIDE)
            for _ in range(5):  # halve the stride down to 3 mm
                half = (near + far) / 2
                if in_wall(blocks, meta, bounds, eye[0] + way[0] * half, eye[1] + way[1] * half,
                           eye[2] + way[2] * half):
                    far = half
                else:
                    near = half
            return near
    return -1.0


@njit(cache=True)
def _collide(blocks, meta, bounds, s, mobs, kinds, who, found, i, eye, way, speed):
    """What a shot meets on this tick's way, the nearest first."""
    near = speed
    wall = met_wall(blocks, meta, bounds, eye, way, speed)
    if wall >= 0:
        near = wall
        found[i, 0] = BLOCK
    slot, far = first_hit(mobs, kinds, eye[0], eye[1], eye[2], way[0], way[1], way[2], near, MARGIN)
    if slot >= 0 and not (mobs[slot].id == s.owner and s.age < UNSEEN * 4):
        near = far
        found[i, 0], found[i, 1] = A_MOB, slot
    if who[5] != 0 and not (s.owner == THE_PLAYER and s.age < UNSEEN):
        from_x, from_y, from_z = eye[0] - who[0], eye[1] - who[1], eye[2] - who[2]
        first, last = 0.0, near
        half = who[3] * 0.5 + MARGIN
        for axis in range(3):
            start = (from_x, from_y, from_z)[axis]
            low = (-half, -MARGIN, -half)[axis]
            high = (half, who[4] + MARGIN, half)[axis]
            if abs(way[axis]) < 1e-9:
                if start < low or start > high:
                    last = -1.0
                continue
            a, b = (low - start) / way[axis], (high - start) / way[axis]
            first, last = max(first, min(a, b)), min(last, max(a, b))
        if first <= last:
            near = first
            found[i, 0] = PERSON
    if found[i, 0] != NOTHING:
        back = max(0.0, near - 0.01)
        found[i, 2], found[i, 3], found[i, 4] = eye[0] + way[0] * back, eye[1] + way[1] * back, eye[2] + way[2] * back


@njit(cache=True)
def _slow(blocks, bounds, s, way, speed):
    """Drag, gravity, a fireball's thrust."""
    cell = at(blocks, bounds, np.int64(math.floor(s.x)), np.int64(math.floor(s.y)), np.int64(math.floor(s.z)))
    drag = WET_DRAG[s.kind] if LIQUIDS[cell] == WATER else DRAG[s.kind]
    if DRAG[s.kind] == 0.95 and speed > 0:
        s.vx += way[0] * THRUST
        s.vy += way[1] * THRUST
        s.vz += way[2] * THRUST
    s.vx, s.vy, s.vz = s.vx * drag, s.vy * drag - GRAVITY[s.kind], s.vz * drag


class Shots:
    """Everything in the air, and arrows that stick.

    Attributes:
        records: (SHOT_SLOTS,) SHOT records.
        world: set by `tick`; before the first one nothing is scattered.
    """

    def __init__(self) -> None:
        self.records = np.zeros(SHOT_SLOTS, SHOT)
        self.world: Any = None
        self.next_id = 1
        self._found = np.zeros((SHOT_SLOTS, 6))
        self._who = np.zeros(8)

    # -- shooting ------------------------------------------------------------------------------------------------------

    def add(self, kind: str, x: float, y: float, z: float, vx: float, vy: float, vz: float, owner: int = THE_PLAYER,
            damage: float | None = None, item: int | None = None) -> int:
        """Let something fly.

        Args:
            kind: one of MISSILES, not "none" or "beam".
            x, y, z: where it begins.
            vx, vy, vz: blocks a tick.
            owner: a mob's id, or THE_PLAYER.
            damage: half hearts (arrows: for each block a tick of speed); None: the kind's.
            item: what is picked up again, by id; None: an arrow for the player's arrows, else nothing (0: air).

        Returns:
            its slot; the oldest makes room where all are taken.
        """
        if kind not in SPEED:
            raise UnknownName.of("thing to shoot", kind, SPEED)
        free = np.flatnonzero(~self.records["alive"])
        slot = int(free[0]) if len(free) else int(np.argmax(self.records["age"]))
        self.records[slot] = np.zeros((), SHOT)
        shot = self.records[slot]
        if item is None:
            item = ITEMS.id("arrow" if kind == "arrow" and owner == THE_PLAYER else "air")
        shot["alive"], shot["id"], shot["kind"], shot["owner"] = True, self.next_id, MISSILES.index(kind), owner
        self.next_id += 1
        shot["x"], shot["y"], shot["z"], shot["vx"], shot["vy"], shot["vz"] = x, y, z, vx, vy, vz
        shot["damage"], shot["item"] = DAMAGE[kind] if damage is None else damage, item
        return slot

    def throw(self, kind: str, eye: Any, yaw: float, pitch: float, speed: float | None = None, spread: float = 1.0,
              owner: int = THE_PLAYER, damage: float | None = None, item: int | None = None) -> int:
        """Let something fly along a look.

        Args:
            kind: one of MISSILES.
            eye: (3,) where the eye is; it begins a tenth of a block below.
            yaw, pitch: degrees.
            speed: blocks a tick; None: the kind's.
            spread: 1.11's inaccuracy.
            owner, damage, item: as for `add`.
        """
        turn, nod = math.radians(yaw), math.radians(pitch)
        flat = math.cos(nod)
        way = (-math.sin(turn) * flat, -math.sin(nod), math.cos(turn) * flat)
        vx, vy, vz = self._spread(way, spread, SPEED.get(kind, 1.0) if speed is None else speed)
        return self.add(kind, float(eye[0]), float(eye[1]) - 0.1, float(eye[2]), vx, vy, vz, owner, damage, item)

    def aim(self, slot: int, kind: str, to: tuple[float, float, float]) -> int:
        """A mob shoots at a place."""
        mobs = self.world.mobs
        mob = mobs.records[slot]
        x, z = float(mob["x"]), float(mob["z"])
        y = float(mob["y"]) + 0.85 * float(KINDS["height"][mob["kind"]])
        dx, dy, dz = to[0] - x, to[1] - y, to[2] - z
        dy += ARC.get(kind, 0.0) * math.hypot(dx, dz)
        length = math.sqrt(dx * dx + dy * dy + dz * dz) or 1.0
        vx, vy, vz = self._spread((dx / length, dy / length, dz / length), SPREAD.get(kind, 0.0), SPEED[kind])
        damage = DAMAGE[kind] + (self.world.chance.uniform() * 0.5 if kind == "arrow" else 0.0)
        if MOBS.names[mob["kind"]] == "snow_golem":
            damage = 0.0
        return self.add(kind, x, y - 0.1, z, vx, vy, vz, int(mob["id"]), damage, 0)

    def _spread(self, way: tuple[float, float, float], spread: float, speed: float) -> tuple[float, float, float]:
        if not spread or self.world is None:
            return way[0] * speed, way[1] * speed, way[2] * speed
        chance: Chance = self.world.chance
        # Twelve draws less six are near enough to a bell curve, and cost no more than its formula.
        parts = [part + (sum(chance.uniform() for _ in range(12)) - 6.0) * SPREAD_UNIT * spread for part in way]
        return parts[0] * speed, parts[1] * speed, parts[2] * speed

    def deflect(self, slot: int, yaw: float, pitch: float) -> bool:
        """The player hits a fireball back along the look; False for anything else."""
        shot = self.records[slot]
        if not shot["alive"] or MISSILES[shot["kind"]] not in FIERY:
            return False
        turn, nod = math.radians(yaw), math.radians(pitch)
        flat = math.cos(nod)
        shot["vx"], shot["vy"], shot["vz"] = -math.sin(turn) * flat, -math.sin(nod), math.cos(turn) * flat
        shot["owner"], shot["age"] = THE_PLAYER, 0
        return True

    def hit_by(self, eye: Any, way: Any, reach: float) -> tuple[int, float]:
        """The nearest fireball within half a block of a ray; -1 and `reach` where there is none."""
        best, found = reach, -1
        for slot in np.flatnonzero(self.records["alive"]):
            shot = self.records[slot]
            if MISSILES[shot["kind"]] not in FIERY:
                continue
            gap = np.array([shot["x"], shot["y"], shot["z"]]) - np.asarray(eye, np.float64)
            along = float(gap @ np.asarray(way, np.float64))
            if 0 < along < best and float(gap @ gap) - along * along < 0.5:
                best, found = along, int(slot)
        return found, best

    # -- one tick ------------------------------------------------------------------------------------------------------

    def tick(self, world: Any) -> None:
        """All shots fly one tick; then what they hit happens."""
        self.world = world
        if not self.records["alive"].any():
            return
        grid, player, who = world.grid, world.player, self._who
        who[:3] = player.pos
        who[3:6] = 0.6, player.height, player.alive
        fly(grid.blocks, grid.meta, grid.bounds, self.records, world.mobs.records, KINDS, who, self._found)
        for slot in np.flatnonzero(self.records["alive"] & (self._found[:, 0] != NOTHING)):
            self._carry_out(int(slot), *self._found[slot].tolist())

    def _carry_out(self, slot: int, what: float, number: float, x: float, y: float, z: float, _: float) -> None:
        shot = self.records[slot]
        kind = MISSILES[shot["kind"]]
        if what == OVER:
            shot["alive"] = False
            return
        if what == PICKED:
            self._pick_up(slot)
            return
        if what == BLOCK and kind == "arrow":
            shot["x"], shot["y"], shot["z"], shot["stuck"], shot["age"] = x, y, z, True, LASTS - STUCK_LASTS
            return
        shot["alive"] = False
        way = (float(shot["vx"]), float(shot["vy"]), float(shot["vz"]))
        behind = (x - way[0], y, z - way[2])  # whence the knock comes
        if what == A_MOB:
            self._hit_mob(shot, kind, int(number), behind)
        elif what == PERSON:
            self._hit_player(shot, kind, behind)
        self._burst(shot, kind, x, y, z, what == BLOCK)

    def _power(self, shot: Any, kind: str) -> float:
        if kind != "arrow":
            return float(shot["damage"])
        speed = math.sqrt(float(shot["vx"]) ** 2 + float(shot["vy"]) ** 2 + float(shot["vz"]) ** 2)
        return float(math.ceil(speed * float(shot["damage"])))

    def _hit_mob(self, shot: Any, kind: str, slot: int, behind: tuple[float, float, float]) -> None:
        mobs = self.world.mobs
        mine = int(shot["owner"]) == THE_PLAYER
        name = MOBS.names[mobs.records["kind"][slot]]
        power = 3.0 if kind == "snowball" and name == "blaze" else self._power(shot, kind)
        if kind == "fireball" and mine and name == "ghast":
            power = 1000.0  # its own fireball, hit back
        owner = np.flatnonzero(mobs.records["alive"] & (mobs.records["id"] == shot["owner"]))
        attacker = int(owner[0]) if len(owner) and int(shot["owner"]) > 0 else -1
        cause = {"arrow": "arrow", "potion": "magic", "small_fireball": "onFire"}.get(kind, "thrown")
        mobs.hurt(slot, power, cause, mine, behind, attacker)
        if kind == "small_fireball" and mobs.records["alive"][slot]:
            mobs.records["fire"][slot] = max(100, int(mobs.records["fire"][slot]))

    def _hit_player(self, shot: Any, kind: str, behind: tuple[float, float, float]) -> None:
        mobs, player = self.world.mobs, self.world.player
        power = self._power(shot, kind)
        if power <= 0:
            return
        cause = {"arrow": "arrow", "potion": "magic"}.get(kind, "mob")
        player.hurt(mobs.scaled(power), cause, behind)
        if kind == "small_fireball":
            player.fire = max(player.fire, 100)

    def _burst(self, shot: Any, kind: str, x: float, y: float, z: float, on_block: bool) -> None:
        """What becomes of the thing itself."""
        world, chance = self.world, self.world.chance
        if kind == "fireball":
            world.explode(x, y, z, BLAST)
        elif kind == "small_fireball" and on_block:
            place = (math.floor(x), math.floor(y), math.floor(z))
            if world.grid.get(*place) == 0:
                world.grid.set(*place, FIRE)
        elif kind == "egg" and chance.uniform() < CHICK:
            for _ in range(4 if chance.uniform() < FOUR else 1):
                world.mobs.add("chicken", x, y, z, baby=True)
        elif kind == "ender_pearl" and int(shot["owner"]) == THE_PLAYER and world.player.alive:
            world.player.pos[:] = x, y, z
            world.player.vel[:] = 0.0
            world.player.hurt(PEARL_HURTS, "fall", None)

    def _pick_up(self, slot: int) -> None:
        shot = self.records[slot]
        item = int(shot["item"])
        if ITEMS.names[item] == "air":
            return  # a mob's arrow: it stays until its time is over
        left = self.world.player.inventory.add(item, 0, 1, cause="picked up")
        shot["alive"] = bool(left)

    # -- saving --------------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """To be saved."""
        return {"records": self.records.copy(), "next_id": self.next_id}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state()`."""
        self.records[:] = state["records"]
        self.next_id = state["next_id"]
