"""The person as a player: what is pressed, clicked and moved on the page becomes actions, 20 ticks a second.

The game waits while no page is in touch. The mouse turns the built-in world's view smoothly, which an action could not
(its camera moves in steps of 15 degrees); the run's steps say so under "turned".
"""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from veclink.agent.play.players import Player
from veclink.envs.contract import ACTION_SIZES, CAMERA_NOOP, CAMERA_STEP, Function, Slot, World, noop
from veclink.envs.errors import InputError

TICK = 1 / 20  # seconds
SILENCE = 1.5  # seconds without a word from the page after which the game waits
KEYS = {"forward": (Slot.MOVE, 1), "back": (Slot.MOVE, 2), "left": (Slot.STRAFE, 1), "right": (Slot.STRAFE, 2),
        "jump": (Slot.BODY, 1), "sneak": (Slot.BODY, 2), "sprint": (Slot.BODY, 3)}
HANDS = {"attack": Function.ATTACK, "use": Function.USE}  # the first wins
DEEDS = {"craft": Function.CRAFT, "equip": Function.EQUIP, "place": Function.PLACE, "destroy": Function.DESTROY,
         "drop": Function.DROP}
MOST_DEEDS = 64  # that wait
MOST_TURN = 180.0  # degrees that wait
FIELDS = {"keys", "turn", "deeds", "quit"}


class KeyboardPlayer(Player):
    """A person at the page.

    Attributes:
        contact: when the page last said something (time.monotonic), -inf before.
    """

    protocol = "person"

    def __init__(self) -> None:
        self.contact = -math.inf
        self._lock = threading.Lock()
        self._held: frozenset[str] = frozenset()
        self._tapped: set[str] = set()
        self._turn = [0.0, 0.0]  # yaw, pitch in degrees
        self._deeds: deque[tuple[Function, int]] = deque()
        self._turner: Callable[[float, float], Any] | None = None
        self._turned: list[float] = []
        self._world: World | None = None
        self._due, self._ticks = 0.0, 0

    def begin(self, world: World, goal: str, seed: int) -> None:
        """Take the view of the built-in world in hand, where it is that."""
        self._world, self._turner = world, getattr(getattr(world, "player", None), "turn", None)
        self._due, self._ticks = time.monotonic(), world.ticks

    # -- from the page, in other threads -------------------------------------------------------------------------------

    def post(self, message: Any) -> None:
        """What the page says.

        Args:
            message: {"keys": names of KEYS and HANDS that are down, "turn": [yaw, pitch] in degrees since the last
                message, "deeds": [[name of DEEDS, number], ...], "quit": true}, each optional.

        Raises:
            InputError: something else.
        """
        if not isinstance(message, dict) or not set(message) <= FIELDS:
            raise InputError(f"a message with {', '.join(sorted(FIELDS))}", repr(message)[:80], "reload the page")
        keys, turn, deeds = message.get("keys"), message.get("turn", [0, 0]), message.get("deeds", [])
        known = {*KEYS, *HANDS}
        if keys is not None and not (isinstance(keys, list) and all(isinstance(k, str) and k in known for k in keys)):
            raise InputError(f"keys among {', '.join(sorted(known))}", repr(keys)[:80], "reload the page")
        if not (isinstance(turn, list) and len(turn) == 2 and all(_is_number(angle) for angle in turn)):
            raise InputError("turn as two numbers of degrees", repr(turn)[:80], "reload the page")
        if not isinstance(deeds, list) or len(deeds) > MOST_DEEDS:
            raise InputError(f"at most {MOST_DEEDS} deeds", repr(deeds)[:80], "reload the page")
        checked = [_deed(deed) for deed in deeds]
        with self._lock:
            self.contact = time.monotonic()
            if keys is not None:
                self._tapped |= set(keys) - self._held
                self._held = frozenset(keys)
            for axis in (0, 1):
                self._turn[axis] = max(-MOST_TURN, min(MOST_TURN, self._turn[axis] + float(turn[axis])))
            self._deeds.extend(checked[: MOST_DEEDS - len(self._deeds)])
            self.finished = self.finished or message.get("quit") is True

    @property
    def waits(self) -> bool:
        """Whether the game waits for the page."""
        return time.monotonic() - self.contact > SILENCE

    # -- in the game's own thread --------------------------------------------------------------------------------------

    def act(self, observation: Mapping[str, Any], info: Mapping[str, Any]) -> np.ndarray:
        """What is pressed now, once the next tick is due."""
        self._wait()
        with self._lock:
            pressed, self._tapped = self._held | self._tapped, set()
            deed = self._deeds.popleft() if self._deeds else None
            turn, self._turn = self._turn, [0.0, 0.0]
        made = noop()
        for name, (slot, value) in KEYS.items():
            if name in pressed and (made[slot] == 0 or slot == Slot.BODY):
                made[slot] = value
        self._turned = []
        if self._turner is not None:
            if any(turn):
                self._turner(turn[1], turn[0])
                self._turned = turn
        else:
            self._in_steps(made, turn)
        if deed is not None:
            made[Slot.FUNCTION] = deed[0]
            made[Slot.CRAFT if deed[0] == Function.CRAFT else Slot.ITEM] = deed[1]
        else:
            made[Slot.FUNCTION] = next((function for name, function in HANDS.items() if name in pressed), 0)
        return made

    def row(self) -> dict[str, Any]:
        """How far the mouse turned the view before this step: yaw and pitch in degrees."""
        return {"turned": self._turned} if self._turned else {}

    def _in_steps(self, made: np.ndarray, turn: list[float]) -> None:
        """Turn by whole camera steps; what is left waits for more."""
        for slot, angle, axis in ((Slot.YAW, turn[0], 0), (Slot.PITCH, turn[1], 1)):
            steps = int(angle / CAMERA_STEP)
            made[slot] = CAMERA_NOOP + steps
            with self._lock:
                self._turn[axis] += angle - steps * CAMERA_STEP

    def _wait(self) -> None:
        """Until the next tick is due, and the page is in touch."""
        ticks = self._world.ticks if self._world is not None else 0
        self._due += TICK * max(1, ticks - self._ticks)
        self._ticks = ticks
        while not (self.finished or (self.stopping is not None and self.stopping.is_set())):
            now = time.monotonic()
            if self.waits:
                with self._lock:
                    self._held, self._tapped, self._turn = frozenset(), set(), [0.0, 0.0]
                time.sleep(TICK)
                self._due = time.monotonic()
            elif now < self._due:
                time.sleep(min(TICK, self._due - now))
            else:
                break
        self._due = max(self._due, time.monotonic() - 2 * TICK)  # late: go on from here, do not hurry after


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _deed(given: Any) -> tuple[Function, int]:
    """A deed of the page, checked."""
    if isinstance(given, list) and len(given) == 2 and isinstance(given[0], str) and given[0] in DEEDS:
        function, number = DEEDS[given[0]], given[1]
        most = ACTION_SIZES[Slot.CRAFT if function == Function.CRAFT else Slot.ITEM]
        if isinstance(number, int) and not isinstance(number, bool) and 0 <= number < most:
            return function, number
    raise InputError(f"a deed [{', '.join(DEEDS)}; number]", repr(given)[:80], "reload the page")
