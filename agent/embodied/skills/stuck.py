"""Getting free: where nothing works, make room and walk a little, another way each time."""

from __future__ import annotations

from veclink.agent.embodied.body import Body, unless_dead
from veclink.agent.embodied.path import FREE, WATER
from veclink.agent.embodied.skills.dig import clear
from veclink.agent.embodied.terms import kinds

SIDES = ((0, 0.0, 1), (-1, 90.0, 0), (0, 180.0, -1), (1, -90.0, 0))  # dx, yaw, dz
PUSH = 12  # steps walked to one side


def get_free(body: Body, turn: int) -> None:
    """Up to a hundred steps of digging and walking; never fails but by death.

    Args:
        turn: chooses the side to begin with.
    """
    for number in range(2):
        dx, yaw, dz = SIDES[(turn + number) % 4]
        x, y, z = body.cell
        before = body.cell
        with unless_dead():
            clear(body, [(x, y + 1, z), (x + dx, y + 1, z + dz), (x + dx, y, z + dz)])
        wet = kinds()[body.block(x, y, z)] == WATER
        for step in range(PUSH):
            blocked = kinds()[body.block(x + dx, y, z + dz)] != FREE
            body.act(forward=1, jump=wet or (blocked and step % 2 == 0), view=(yaw, 0.0))
        if body.cell != before:
            return
