"""Digging by sight and by counting: strike what is at the crosshair, stairs down and up, tunnels.

Walls stand on the axes, and a world begins with the view on one, so stairs and tunnels keep to yaws of 90 degrees.
Whether a block broke is told by the picture at the crosshair; how deep one is by what was dug.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from veclink.agent.embodied.body import SkillFailed
from veclink.agent.embodied.eyes import Sight, Sights, alike
from veclink.agent.embodied.pixels.body import GROUND, PixelBody
from veclink.agent.embodied.skills.dig import equip, spared
from veclink.agent.embodied.terms import dig_ticks
from veclink.envs.facts import BLOCKS, ITEMS

PAUSE = 6  # ticks between two blocks
SLACK = 8  # ticks over what the hardest likely block takes
FIRST_LOOK, EVERY = 9, 3  # ticks until the first look at a block that is dug, and between two
SETTLED, PUSHED = 4, 7  # ticks until the body stands still, and until one that walks on stands at the next wall
STONE, ORE, LOG, DIRT = (BLOCKS.id(name) for name in ("stone", "iron_ore", "log", "dirt"))
DOWN, UP, LEVEL = (0.0, 45.0, 60.0), (-75.0, 0.0, -45.0), (0.0, 45.0)  # pitches of the blocks that each step takes away
STUCK = 6  # steps in a row that led nowhere
BEDROCK = 3  # height at which the floor no longer breaks
FIRST_FALL, LONGEST_FALL, GRAVITY = 4, 60, 0.07  # ticks; blocks per tick and tick, with the drag of the air
STEP_TICKS, LANDING = 7, 3  # of walking one block, and of falling one
TOUGHEST = 110  # ticks that any block takes that one should go through: wood, ore
SIDEWAYS = 3  # steps to each side by which a body slips into the gap that it dug
DEEPEST = 25  # height by its own count below which a floor that does not break is bedrock
BLIND = 25  # height, by its own count, from where on lava may lie open: no shaft goes on, no step is taken unlooked
SOFT_FALL = 3  # blocks
LAVA_NEAR = 4.0  # blocks
SIDES, WAY = 3, 16  # directions in a row; the way has so small a share of a picture's width on each side of its middle
EMPTY = 3  # levels of a shaft in a row that gave nothing
REACH = 4.6  # blocks from the eye that may be in reach
SPECK = 40  # pixels under which nothing is struck in a tunnel: a block within reach has more
OWN_TIME = 0.8  # share of the time that a block takes: what breaks sooner is another
LAST = 40  # strokes of a tool that are kept for what no humbler one digs; some are struck in vain
EDGE = 2  # ticks of walking by which a body at a hole's edge comes to be over it
Look = Callable[[], bool]


def tool_for(body: PixelBody, block: int) -> str:
    """Take the tool for a block into the hand; its name, "" for the hand."""
    kind = {1: "_pickaxe", 2: "_axe", 3: "_shovel"}.get(int(BLOCKS.tool[block]), "")
    kept = [tool for tool in spared(body, block, LAST) if kind and tool.endswith(kind)]
    best = body.best(kind) if kind else ""
    name = max(kept, key=lambda tool: (float(ITEMS.speed[ITEMS.id(tool)]), tool), default=best)
    if name and body.held != name:
        equip(body, name)
    return name


def ticks_for(body: PixelBody, block: int) -> int:
    """Ticks to dig a block with what is held."""
    held = ITEMS.id(body.held) if body.held in ITEMS and body.held != "air" else None
    return int(min(600.0, dig_ticks(block, held)))


def strike(body: PixelBody, yaw: float, pitch: float, most: int, least: int = FIRST_LOOK, push: bool = False) -> bool:
    """Dig what is at the crosshair of a view until the picture there changes; whether it did.

    Args:
        most: ticks to try for. least: ticks before which it cannot break. push: walk on meanwhile.
    """
    before, settled = None, PUSHED if push else max(SETTLED, least // 2)
    body.turn(yaw, pitch, function="attack", forward=int(push))
    for tick in range(2, most + 1):
        body.act(function="attack", forward=int(push))
        if tick == settled:
            before = body.picture  # the body may have been moving until now
        elif before is not None and (tick == most or (tick >= least and tick % EVERY == 0)) and not body.still(before):
            return True
    return False


def strike_sight(body: PixelBody, sights: Sights, block: str) -> Sight | None:
    """Dig the first block of a kind in a look that can be aimed at; None where none is in reach."""
    yaw, number = body.yaw, BLOCKS.id(block)
    near = [sight for sight in sights.of(alike(block)[0], block) if sight.distance <= REACH]
    for sight in sorted(near, key=large) if body.underground else near:
        if body.underground and sight.pixels < SPECK:
            continue
        views = sights.views(sight)
        if not views:
            continue
        turn, pitch = views[0]
        if body.underground and is_rock(body, number, yaw + turn, float(pitch)):
            return sight
        tool_for(body, number)
        ticks = ticks_for(body, number)
        least = FIRST_LOOK if body.underground else int(OWN_TIME * ticks)  # rock is left as soon as it breaks
        broke = strike(body, yaw + turn, float(pitch), ticks + PAUSE + SLACK, least)
        return sight if broke else None
    return None


def is_rock(body: PixelBody, block: int, yaw: float, pitch: float) -> bool:
    """Whether what is taken for ore breaks under a pickaxe that is not good enough for it: the better one, which would
    break it too, lasts the longer."""
    humble = max((name for name in body.items if name.endswith("_pickaxe")
                  and ITEMS.tier[ITEMS.id(name)] < BLOCKS.level[block]),
                 key=lambda name: (float(ITEMS.speed[ITEMS.id(name)]), name), default="")
    if not humble or not body.best("_pickaxe", int(BLOCKS.level[block])):
        return False
    if body.held != humble:
        equip(body, humble)
    return strike(body, yaw, pitch, ticks_for(body, STONE) + PAUSE)


def large(sight: Sight) -> float:
    """For sorting: what shows most first."""
    return -sight.pixels * sight.certainty


def aligned(yaw: float) -> float:
    """The nearest of the four directions of walls."""
    return (round(yaw / 90) * 90 + 180) % 360 - 180


def most_ticks(body: PixelBody) -> int:
    """Ticks that any block of rock takes with the pickaxe in the hand."""
    return ticks_for(body, ORE if body.best("_pickaxe", 1) else STONE) + PAUSE + SLACK


def stone_in(body: PixelBody) -> int:
    """Things that digging has given: every block that was dug and walked over counts."""
    return sum(body.items.values())


def dig_step(body: PixelBody, yaw: float, pitches: tuple[float, ...], jump: bool = False, patient: bool = False
             ) -> bool:
    """Take the blocks of one step away and take the step; whether the body moved.

    What was dug is picked up where one walks on, so that a gain tells of a step, as does a picture that changes while
    one walks straight on.

    Args:
        patient: give each block the time that the toughest takes: something stood in the way before.

    Raises:
        SkillFailed: "no tool" without a pickaxe.
    """
    if not tool_for(body, STONE):
        raise SkillFailed("no tool", "pickaxe")
    most = TOUGHEST if patient else most_ticks(body)
    had, level = stone_in(body), pitches is LEVEL
    deep = body.height < BLIND
    for pitch in pitches:
        strike(body, yaw, pitch, most, push=level and not deep)
    if deep and danger(body, yaw):
        return False  # it was laid bare just now
    body.turn(yaw, 30.0, forward=1)
    before = body.picture
    for _ in range(2 if level and not deep else STEP_TICKS):
        body.act(forward=1, jump=jump)
    moved = not body.still(before, whole=True)
    if body.afloat:
        return False  # the picture bobs
    if not moved and stone_in(body) == had:
        for side in (1, -1):
            for _ in range(SIDEWAYS):
                body.act(forward=1, strafe=side, jump=jump)
    for _ in range(0 if level else LANDING):
        body.act()
    return moved or stone_in(body) > had


def sink(body: PixelBody, blocks: int = 2) -> int:
    """Straight down from the open, into a shaft in which the body stands in the middle of walls; how many blocks."""
    yaw, sunk = aligned(body.yaw), 0
    for _ in range(blocks):
        if not tool_for(body, STONE):
            raise SkillFailed("no tool", "pickaxe")
        if not strike(body, yaw, 90.0, max(most_ticks(body), ticks_for(body, DIRT) + PAUSE + SLACK)):
            break
        for _ in range(5):
            body.act()
        sunk += 1
    body.depth = body.depth + sunk
    return sunk


def shaft(body: PixelBody, height: int, limit: int, look: Look | None = None) -> None:
    """Straight down to a height, by its own count: a block a level, where stairs take three.

    Args:
        look: asked after each level; True ends the shaft.

    Raises:
        SkillFailed: "no tool", "no way", "time".
    """
    end, stuck, empty, yaw = body.steps + limit, 0, 0, aligned(body.yaw)
    while body.height > height:
        if body.steps >= end:
            raise SkillFailed("time", f"on the way to {height}")
        if not tool_for(body, STONE):
            raise SkillFailed("no tool", "pickaxe")
        if body.afloat:
            raise SkillFailed("no way", "down through water")
        body.turn(yaw, 90.0)
        if body.look("lava").of("lava"):
            raise SkillFailed("danger", "lava below")
        had, life = stone_in(body), body.life
        with counted_fall(body):
            struck = strike(body, yaw, 90.0, TOUGHEST if stuck else max(most_ticks(body),
                                                                        ticks_for(body, DIRT) + PAUSE))
            fallen = land(body)
        # a longer fall hurts, and is counted by that: without, it is the picture that moves, as in water
        fallen = min(fallen, SOFT_FALL) if body.life >= life else 1
        if struck or stone_in(body) > had or fallen > 1:
            body.depth, stuck = body.depth + max(1, fallen), 0
            empty = empty + 1 if stone_in(body) == had and fallen <= 1 else 0
            if empty > EMPTY:  # it digs beside itself, or into what moves: it went nowhere
                body.depth, empty = body.depth - empty, 0
                fall_in(body, yaw)
                stuck += 1
        else:
            stuck += 1
            fall_in(body, yaw)
        if stuck >= 3:
            if body.height < DEEPEST:  # bedrock
                body.depth, body.counted["settled"] = GROUND - BEDROCK, 1.0
                return
            raise SkillFailed("no way", f"to {height}")
        if look is not None and look():
            return


@contextmanager
def counted_fall(body: PixelBody) -> Iterator[None]:
    """Where a fall hurts, count it by the life that it took, a half heart for each block after the third, even if it
    ends in an alarm."""
    life, deaths = body.life, body.deaths
    try:
        yield
    finally:
        if body.life < life and body.deaths == deaths:
            body.depth = body.depth + round(life - body.life) + SOFT_FALL - 1


def fall_in(body: PixelBody, yaw: float) -> None:
    """Over a hole at whose edge the body may stand: from side to side, here, farther on and farther back, until it
    drops; what was dug there is counted already."""
    body.turn(yaw, 90.0)
    for ahead in (0, EDGE, -2 * EDGE, EDGE):
        for _ in range(abs(ahead)):
            body.act(forward=1 if ahead > 0 else -1)
        for side in (1, -1, -1, 1):
            for _ in range(EDGE + 1):
                body.act(strafe=side)
    land(body)
    body.turn(yaw, 90.0)


def land(body: PixelBody) -> int:
    """Wait until the picture stands still; blocks fallen, by the time that it took."""
    for _ in range(FIRST_FALL):
        body.act()
    ticks = FIRST_FALL
    while ticks < LONGEST_FALL:
        before = body.picture
        body.act()
        body.act()
        if body.still(before, whole=True):
            break
        ticks += 2
    return 1 if ticks <= FIRST_FALL + 2 else round(GRAVITY / 2 * ticks * ticks)


def stairs(body: PixelBody, height: int, limit: int, look: Look | None = None) -> None:
    """Down or up to a height, by its own count.

    Args:
        look: asked after each step; True ends the stairs.

    Raises:
        SkillFailed: "no tool", "no way", "time".
    """
    end, stuck = body.steps + limit, 0
    yaw = aligned(body.yaw)
    down = height < body.height
    if down and body.depth <= 0:
        sink(body)
    while body.height > height if down else body.height < height:
        if body.steps >= end:
            raise SkillFailed("time", f"on the way to {height}")
        if danger(body, yaw, not down and stuck >= SIDES):
            yaw = aligned(yaw + 90)
            stuck += 1
        elif dig_step(body, yaw, DOWN if down else UP, not down, stuck > 0):
            body.depth = body.depth + (1 if down else -1)
            stuck = 0
        else:
            stuck += 1
            yaw = aligned(yaw + 90) if stuck % 2 == 0 else yaw
        if stuck >= STUCK:
            if down and body.height < DEEPEST:  # bedrock
                body.depth, body.counted["settled"] = GROUND - BEDROCK, 1.0
                return
            raise SkillFailed("no way", f"to {height}")
        if look is not None and look():
            return
    if not down and body.depth < 0:
        body.depth = 0


def tunnel(body: PixelBody, blocks: int, limit: int, look: Look | None = None) -> int:
    """A level tunnel ahead; how many blocks it got.

    Args:
        look: asked after each block; True ends it.

    Raises:
        SkillFailed: "no tool", "no way".
    """
    end, stuck, dug = body.steps + limit, 0, 0
    yaw = aligned(body.yaw)
    while dug < blocks and body.steps < end:
        if danger(body, yaw, stuck >= SIDES):
            yaw = aligned(yaw + 90)
            stuck += 1
        elif dig_step(body, yaw, LEVEL, False, stuck > 0):
            dug, stuck = dug + 1, 0
        else:
            stuck += 1
            yaw = aligned(yaw + 90) if stuck % 2 == 0 else yaw
        if stuck > STUCK:
            raise SkillFailed("no way", "on in this tunnel")
        if look is not None and look():
            return dug
    return dug


def danger(body: PixelBody, yaw: float, aside: bool = False) -> bool:
    """Whether lava is seen close ahead; `aside`: not beside the way, for one who has it on all sides."""
    body.turn(yaw, 30.0)
    near = [sight for sight in body.look("lava").of("lava") if sight.distance < LAVA_NEAR]
    if not aside:
        return bool(near)
    width = body.picture.shape[1]
    way = slice(width // 2 - width // WAY, width // 2 + width // WAY)
    return any(sight.mask is None or sight.mask[:, way].any() for sight in near)
