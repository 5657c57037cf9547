"""A shelter: a hole in the ground that is closed on every side, so that the night and what walks in it pass by."""

from __future__ import annotations

from veclink.agent.embodied.body import Body, SkillFailed, unless_dead
from veclink.agent.embodied.path import FREE, LEVEL, SOLID, WATER, Move, Step
from veclink.agent.embodied.skills.dig import building_block, clear, place
from veclink.agent.embodied.skills.gather import gather
from veclink.agent.embodied.skills.roam import Roamer
from veclink.agent.embodied.skills.walk import go_to, take
from veclink.agent.embodied.terms import BUILDING, EARTH, kinds

DEEP, DEEPEST = 3, 8  # blocks down: with three the hole can be closed above; on a slope more are needed
LOOSE = ("sand", "gravel")  # stands on a floor, but is no roof
SIDES = ((1, 0), (-1, 0), (0, 1), (0, -1))
Cell = tuple[int, int, int]


def burrow(body: Body) -> None:
    """Dig in and shut the hole.

    Raises:
        SkillFailed: "no way": it cannot be closed here; "no material": nor is there anything to close it with.
    """
    provide(body)
    top = body.cell[1]
    while top - body.cell[1] < DEEPEST and sink(body):
        if top - body.cell[1] >= DEEP and shut(body):
            return
    if top - body.cell[1] < DEEP:  # not straight down from here: wherever the ground lets one in
        go_to(body, (body.cell[0], top - DEEP, body.cell[2]), LEVEL, most_ticks=400)
    if not shut(body):
        if building_block(body, LOOSE) is None:
            raise SkillFailed("no material", "blocks to shut oneself in")
        raise SkillFailed("no way", "to shut oneself in here")


def shut(body: Body) -> bool:
    """Close the hole, or a niche beside it where that cannot be done; whether one of them is closed."""
    return closed(body) or niche(body)


def closed(body: Body) -> bool:
    """Close what is open round the body, as far as that can be done; whether nothing is."""
    for cell in openings(body):
        _fill(body, cell)
    return not openings(body)


def openings(body: Body) -> list[Cell]:
    """Cells beside the feet, beside the head and above it through which something could come."""
    x, y, z = body.cell
    around = [(x + i, y + up, z + k) for up in (0, 1) for i, k in SIDES]
    return [cell for cell in (*around, (x, y + 2, z)) if kinds()[body.block(*cell)] in (FREE, WATER)]


def sink(body: Body) -> bool:
    """One block straight down, where that is safe."""
    x, y, z = body.cell
    table = kinds()
    if table[body.block(x, y - 2, z)] != SOLID or table[body.block(x, y - 1, z)] != SOLID:
        return False
    if any(table[body.block(x + i, y - 1, z + k)] not in (SOLID, FREE) for i, k in SIDES):
        return False  # water or lava would come in
    with unless_dead():
        return take(body, (x, y, z), Step(x, y - 1, z, Move.DIG_DOWN))
    return False


def niche(body: Body) -> bool:
    """Dig into a side that has rock or earth all round, and close it behind: there sand will do."""
    x, y, z = body.cell
    table = kinds()
    for i, k in SIDES:
        inside = [(x + i, y + up, z + k) for up in (0, 1)]
        shell = [(x + i, y - 1, z + k), (x + i, y + 2, z + k),
                 *((a + p, b, c + q) for a, b, c in inside for p, q in SIDES if (p, q) != (-i, -k))]
        if any(table[body.block(*cell)] != SOLID for cell in (*inside, *shell)):
            continue
        with unless_dead():
            if clear(body, inside[::-1]) and take(body, (x, y, z), Step(x + i, y, z + k, Move.WALK)):
                _fill(body, (x, y, z), LOOSE)
                _fill(body, (x, y + 1, z), LOOSE)
                return not openings(body)
    return False


def provide(body: Body, number: int = EARTH) -> None:
    """Dig up earth to build with, where too little is carried; what is not found is done without."""
    if sum(body.items[name] for name in BUILDING) >= number:
        return
    wanted = body.items["dirt"] + number
    with unless_dead():
        gather(body, ("grass", "dirt"), lambda b: b.items["dirt"] >= wanted, Roamer(), None, 300, seeks=False)


def _fill(body: Body, cell: Cell, more: tuple[str, ...] = ()) -> None:
    block = building_block(body, more)
    if block is not None and kinds()[body.block(*cell)] in (FREE, WATER):
        with unless_dead():
            place(body, block, [cell])
