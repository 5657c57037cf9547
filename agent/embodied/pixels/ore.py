"""Under ground, by sight: rock by going down, ore by looking at the walls that one's own tunnel lays bare."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import replace

from veclink.agent.embodied.body import SkillFailed
from veclink.agent.embodied.eyes import EYE, Sight, Sights
from veclink.agent.embodied.pixels import dig, walk
from veclink.agent.embodied.pixels.body import PACE, PixelBody
from veclink.envs.facts import BLOCKS

CLOSE, ARM = 2.2, 4.0  # blocks to walk up to, and from where it will do if it can be aimed at
ARM_TRIES = 12  # blocks struck in one view
SIGHTS_ROUND = ((0, 0.0), (90, 0.0), (-90, 0.0), (180, 0.0), (0, 60.0), (0, -60.0))  # (turn, pitch) in a tunnel
HEIGHTS = {"coal_ore": 45, "iron_ore": 25, "gold_ore": 20, "lapis_ore": 15, "redstone_ore": 12, "diamond_ore": 12}
QUARRY = 40  # height down to which rock is got by going down, which is the way to everything else
EVERY, EVERY_LEVEL = 2, 3  # blocks of a tunnel, and of a shaft, between two looks back
CAVE, PURSUIT, REST = 14.0, 160, 240  # blocks; steps on the way to it; steps until the next such walk
ITEM_OF = {"iron_ore": "iron_ore", "coal_ore": "coal", "gold_ore": "gold_ore", "redstone_ore": "redstone",
           "diamond_ore": "diamond", "lapis_ore": "dye", "emerald_ore": "emerald"}
FEEL = ((90, 0.0), (90, 45.0), (-90, 0.0), (-90, 45.0), (0, -75.0), (0, 0.0), (0, 45.0))  # (turn, pitch)
LONG = 40  # blocks of a tunnel
STEEP = 70.0  # pitch of one who digs a shaft
WORTH = ("redstone_ore",)  # taken in passing, by one who looks for an ore: the eye sees many an ore that is none
LEVELS = {"coal_ore": 0, "iron_ore": 1, "gold_ore": 2, "redstone_ore": 2, "diamond_ore": 2}  # tier of the pickaxe
ENOUGH = {"redstone_ore": ("redstone", 1)}  # more is not taken in passing
AGAIN = 80  # steps from one look all round to the next
VAIN = 2  # blocks struck in one view that gave nothing: what is seen there is no ore, or out of reach
DOUBT = 120  # steps after that for which nothing is believed that is no surer: rock of one kind lies together
BARREN, LEGS_OFF = 240, 6  # steps of digging that gave nothing after which one leaves, and for so many legs
SUNK, FALLING = -20.0, 12  # degrees below which ore lies in the floor; ticks that a thing falls
OBLIQUE = 10.0  # degrees between a view and the nearest axis from where it looks along a wall
VEIN = 8  # blocks struck round one that was won
HALF, ROOM = 0.5, 0.38  # blocks from the eye to the walls of a tunnel, and to its ceiling
Done = Callable[[], bool]


def quarry(body: PixelBody, done: Done, limit: int) -> None:
    """Rock of any kind: stairs down where one stands in the open, then a tunnel.

    Raises:
        SkillFailed: "no tool", "no way", "time".
    """
    end, had, last = body.steps + limit, dig.stone_in(body), body.steps
    while not done():
        if body.steps >= end:
            raise SkillFailed("time", "stone")
        if dig.stone_in(body) > had:
            had, last = dig.stone_in(body), body.steps
        if body.afloat or body.steps - last > BARREN:
            leave(body)
            last = body.steps
        if body.height > QUARRY:
            down(body, body.height - 4, end - body.steps, Watch(body, (), done))
        else:
            dig.tunnel(body, 8, end - body.steps, done)


def leave(body: PixelBody) -> None:
    """Away from where digging gives nothing, as in water: to where there is land, and the count of the depth anew."""
    body.depth = 0
    if body.afloat:
        walk.ashore(body)
    body.turn(body.yaw + 105, walk.LEVEL)
    for _ in range(LEGS_OFF):
        if not walk.stride(body, walk.LEG):
            body.turn(body.yaw + 75, walk.LEVEL)


def prospect(body: PixelBody, block: str, done: Done, limit: int) -> None:
    """Tunnel and look for an ore; every few blocks all round.

    Raises:
        SkillFailed: "no tool", "no way", "time".
    """
    end = body.steps + limit
    watch = Watch(body, (block,), done)
    watch.round()
    height = HEIGHTS.get(block, 30)
    if body.height > height + 10 and not done():
        down(body, height, end - body.steps, watch)
    if body.height < height - 4 and not done():  # bedrock told the depth
        dig.stairs(body, height, end - body.steps, watch)
    while not done():
        if body.steps >= end:
            raise SkillFailed("time", block)
        dig.tunnel(body, LONG, end - body.steps, watch)


def down(body: PixelBody, height: int, limit: int, watch: Watch) -> None:
    """Down to a height: by a shaft, by stairs where lava may lie open or something that does not break is below.

    Raises:
        SkillFailed: "no tool", "no way", "time".
    """
    end = body.steps + limit
    while body.height > height and not watch.done():
        try:
            if body.height > dig.BLIND:
                dig.shaft(body, max(height, dig.BLIND), end - body.steps, watch)
            if not watch.done():
                dig.stairs(body, height, end - body.steps, watch)
            return
        except SkillFailed as failure:
            if failure.reason not in ("danger", "no way"):
                raise
        dig.tunnel(body, 4, end - body.steps, watch)
        dig.stairs(body, max(height, body.height - 3), end - body.steps, watch)


class Watch:
    """Looks for ore while one digs, and takes what is worth it; its call says whether to stop digging.

    Args:
        wanted: blocks that one is after; where there are none, nothing is looked for. done: whether there is enough.
    """

    def __init__(self, body: PixelBody, wanted: Sequence[str], done: Done) -> None:
        self.body, self.done = body, done
        self.wanted, self.after = tuple(dict.fromkeys((*wanted, *(WORTH if wanted else ())))), len(wanted)
        self.steps, self.missed, self.rest, self.rounded = 0, False, 0, -AGAIN
        self.sure, self.doubts = 0.0, 0  # certainty that proved to be too little, and until which step that counts
        self.unseen = [name for name in self.wanted if not body.sight.knows(name)]
        self.had = self._felt()

    def _felt(self) -> int:
        """Things carried that come from the ores that are looked for."""
        return sum(self.body.items[ITEM_OF[name]] for name in self.wanted if name in ITEM_OF)

    def feel(self) -> None:
        """An ore that was not seen was dug by chance: ores lie together, so dig round about."""
        body, yaw = self.body, dig.aligned(self.body.yaw)
        for turn, pitch in FEEL:
            if self.done():
                break
            dig.strike(body, yaw + turn, pitch, dig.most_ticks(body))
        self.had = self._felt()
        body.turn(yaw, 30.0)

    def __call__(self) -> bool:
        """After each step of digging: ahead and back, and all round where something could not be aimed at."""
        self.steps += 1
        yaw = self.body.yaw
        if self._felt() > self.had:
            self.feel()
        if len(self.unseen) == len(self.wanted):
            return self.done()  # nothing to look for
        if self.body.pitch > STEEP:
            if self.steps % EVERY_LEVEL == 0:  # up the shaft, past all four walls
                self.take(yaw, -90.0)
        elif self.missed and self.body.steps - self.rounded > AGAIN:
            self.round()
            self.rounded = self.body.steps
        else:  # back along the walls that were laid bare, and at what is ahead
            if self.steps % EVERY == 0:
                self.take(yaw + 180, 0.0)
                self.body.turn(yaw, 30.0)
            self.take(yaw, 30.0)
        return self.done()

    def round(self) -> None:
        """All round, up and down."""
        yaw, self.missed = self.body.yaw, False
        for turn, pitch in SIGHTS_ROUND:
            self.take(yaw + turn, pitch)
            if self.done():
                break
        self.body.turn(yaw, 15.0)

    def take(self, yaw: float, pitch: float) -> None:
        """Dig what is worth it in one view, with what lies behind it, and come back."""
        body, vain = self.body, 0
        for _ in range(ARM_TRIES):
            body.turn(yaw, pitch)
            names = [name for name in self.wanted if worth_taking(body, name)]
            sights, began, taken = self._believed(self._placed(body.look(*names))), body.steps, False
            for name in names:
                won = self._win(sights, name)
                if won is not None:
                    vain = 0 if won else vain + 1
                    if won:
                        self.vein()
                    self.had = self._felt()
                    taken = vain < VAIN
                    break
            if not taken and body.steps - began > dig.FIRST_LOOK and self._felt() <= self.had:
                vain = VAIN
            if vain >= VAIN:
                self._doubt(sights)
            if not taken and not vain and any(sight.distance <= dig.REACH for sight in sights):
                self.missed = True  # it could not be aimed at from here
            if not taken and not vain:
                taken = self.pursue(sights, yaw)
            if not taken:
                return  # all of a vein is taken, even where there is enough

    def vein(self) -> None:
        """Where one ore was won: the others of its vein, which show in the hole that it left."""
        body, yaw, tries = self.body, self.body.yaw, 0
        rest = list(SIGHTS_ROUND)
        while rest and tries < VEIN:
            turn, pitch = rest.pop(0)
            body.turn(yaw + turn, pitch)
            names = [name for name in self.wanted if worth_taking(body, name)]
            sights = self._placed(body.look(*names))
            won = next((one for one in (self._win(sights, name) for name in names) if one is not None), None)
            tries += won is not None
            if won:
                rest = list(SIGHTS_ROUND)

    def _win(self, sights: Sights, name: str) -> bool | None:
        """Dig the first ore of a name that can be aimed at and get what it gave; whether it was carried, None where
        there was none to dig. Rock breaks sooner than ore: then there is nothing to get."""
        body, had, began = self.body, self._felt(), self.body.steps
        struck = dig.strike_sight(body, sights, name)
        if struck is None:
            return None
        if body.steps - began < dig.OWN_TIME * dig.ticks_for(body, BLOCKS.id(name)):
            return False
        walked = fetch(body, struck)
        if self._felt() == had:
            reach_in(body, struck, walked)
        return self._felt() > had

    def _placed(self, sights: Sights) -> Sights:
        """With how far things are at most where they show in the walls of a tunnel of one's own width and height.

        A wall that one looks along is seen so foreshortened that its blocks look small, and far by their size.
        """
        axis = self.body.yaw - dig.aligned(self.body.yaw)
        return replace(sights, found=tuple(sorted(
            (replace(sight, distance=min(sight.distance, along_walls(axis + sight.bearing, sight.elevation)))
             for sight in sights), key=lambda sight: sight.distance)))

    def _doubt(self, sights: Sights) -> None:
        """What was struck in reach is no ore: for a while only what is surer is believed."""
        near = [sight.certainty for sight in sights if sight.distance <= dig.REACH]
        before = self.sure if self.body.steps < self.doubts else 0.0
        self.sure, self.doubts = max([before, *near]), self.body.steps + DOUBT

    def _believed(self, sights: Sights) -> Sights:
        """Without what is doubted now."""
        if self.body.steps >= self.doubts:
            return sights
        return replace(sights, found=tuple(sight for sight in sights if sight.certainty > self.sure))

    def pursue(self, sights: Sights, yaw: float) -> bool:
        """Go to what one is after where it is seen farther off, in a cave; whether it was reached."""
        body = self.body
        far = [sight for sight in sights.of(*self.wanted[: self.after]) if dig.REACH < sight.distance <= CAVE]
        if not far or body.steps < self.rest:
            return False
        self.rest = body.steps + REST
        try:
            walk.go(body, far[0].name, CLOSE, PURSUIT, (yaw, far[0]), ARM)
        except SkillFailed as failure:
            if failure.reason == "died":
                raise
            return False
        return dig.strike_sight(body, body.look(far[0].name), far[0].name) is not None


def along_walls(bearing: float, elevation: float) -> float:
    """Blocks from the eye to the wall, floor or ceiling of a tunnel that a direction meets.

    Args:
        bearing: degrees aside of one of the tunnel's four directions. elevation: degrees above the horizon.
    """
    aside, rise = abs(math.sin(math.radians(bearing))), math.sin(math.radians(elevation))
    level = math.cos(math.radians(elevation))
    height = ROOM if rise > 0 else EYE
    return min(HALF / max(aside * level, 1e-3), height / max(abs(rise), 1e-3))


def fetch(body: PixelBody, sight: Sight) -> float:
    """What an ore gave: step towards where it was until it is carried; blocks walked.

    From a ceiling it falls a while, into a floor one follows it and jumps out again.
    """
    had, yaw, sunk = dig.stone_in(body), body.yaw, sight.elevation < SUNK
    body.turn(yaw, 15.0)
    ahead = sight.distance * math.cos(math.radians(sight.elevation)) - (0.0 if sunk else 1.0)
    out = 0
    for tick in range(max(0, int(ahead / PACE)) + 3 + (FALLING if sunk or sight.elevation > -SUNK else 0)):
        if dig.stone_in(body) > had:
            break
        walks = tick < int(ahead / PACE) + 3
        body.act(forward=int(walks), jump=walks and tick > 10 and not sunk)
        out += walks
    for _ in range(out if sunk else 0):
        body.act(forward=-1, jump=True)
    return 0.0 if sunk else out * PACE


def reach_in(body: PixelBody, sight: Sight, walked: float) -> None:
    """What an ore gave lies deeper in the wall than one reaches: make room beside it, step in, pick it up.

    The direction is still the one in which the ore was struck.

    Args:
        walked: blocks that one came nearer since.
    """
    had, axis = dig.stone_in(body), dig.aligned(body.yaw)
    aside = (body.yaw - axis + 180) % 360 - 180
    if abs(aside) >= OBLIQUE:
        flat = sight.distance * math.cos(math.radians(sight.elevation))
        body.turn(axis, 15.0)
        for _ in range(max(0, int((flat * math.cos(math.radians(aside)) - walked) / PACE))):
            body.act(forward=1)
        axis += math.copysign(90, aside)
    for pitch in (0.0, 45.0):
        dig.strike(body, axis, pitch, dig.most_ticks(body))
    body.turn(axis, 30.0)
    for tick in range(dig.STEP_TICKS + FALLING):
        if dig.stone_in(body) > had + 2:  # the two blocks that made room, and it
            break
        body.act(forward=int(tick < dig.STEP_TICKS))
    for _ in range(dig.STEP_TICKS):
        body.act(forward=-1)


def worth_taking(body: PixelBody, block: str) -> bool:
    """Whether the pickaxe is good enough, and more of it of use."""
    level = LEVELS.get(block, int(BLOCKS.level[BLOCKS.id(block)]))
    if level >= 0 and not body.best("_pickaxe", level):
        return False
    item, most = ENOUGH.get(block, ("", 0))
    return not item or body.items[item] < most
