"""Players: who decides what is done in a world, and the registry of them by name, imported when asked for.

Built in are "agent" (understands a goal in words), "scripted" (fells trees), "random" and "noop". Other distributions
add theirs through the entry-point group `veclink.players`; a running program adds one with `register`.
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any

import numpy as np

from veclink.envs.contract import CAMERA_NOOP, Function, Slot, World, camera_degrees, noop
from veclink.envs.errors import InputError, UnknownName, VeclinkError

GROUP = "veclink.players"
_BUILT_IN = {
    "agent": "veclink.agent.play.agent:AgentPlayer",
    "scripted": "veclink.agent.play.scripted:ScriptedPlayer",
    "random": "veclink.agent.play.players:RandomPlayer",
    "noop": "veclink.agent.play.players:Player",
}
LONGEST_HOLD = 20  # steps for which the random player goes on with what it does
HARMLESS = (Function.NOOP, Function.USE, Function.ATTACK, Function.CRAFT, Function.EQUIP, Function.PLACE)


class PlayerError(VeclinkError):
    """A player that cannot be imported, or is none."""


class Player:
    """Decides what to do, a step at a time; this one does nothing.

    Attributes:
        protocol: what it looks at, for the run's manifest: "pixels", "voxels", "nothing" or "person".
        wants: fields of the task that it needs (`use_voxel=True`, ...), set when its world is made; "respawns" too,
            which is left out where a world does not know it.
        steps: most steps where nobody says otherwise.
        note: what it is doing, in words, for the screen and the video; may change at every step.
        finished: True once it has no more to do; the episode ends.
        success: whether it has reached the goal by its own judgement, None where it does not judge.
        stopping: set when the episode is to be ended from outside; one that waits in `act` looks at it.
    """

    protocol: str = "nothing"
    wants: Mapping[str, Any] = {}
    note: str = ""
    steps: int = 1000
    finished: bool = False
    success: bool | None = None
    stopping: threading.Event | None = None

    def check(self, goal: str) -> None:
        """Raise InputError where it could do nothing with a goal; asked before a world is made."""

    def begin(self, world: World, goal: str, seed: int) -> None:
        """Get ready for an episode, after the world's reset and before the first `act`.

        Args:
            world: for those who save it along with themselves; what is in it is learnt from observations alone.
            goal: in words. seed: of the player's own chances.
        """

    def act(self, observation: Mapping[str, Any], info: Mapping[str, Any]) -> np.ndarray:
        """(8,) int64: the next action."""
        return noop()

    def row(self) -> dict[str, Any]:
        """What the line of the step just done should say besides (plain values)."""
        return {}

    def extra(self) -> dict[str, Any]:
        """What the run's manifest should say of it (plain values), asked for at the end."""
        return {}

    def close(self) -> None:
        """Give everything back; called once at the end, however it came."""


class RandomPlayer(Player):
    """Actions drawn at random from those that the masks allow; each goes on for up to 20 steps.

    Nothing is thrown away or destroyed, and the camera turns by 15 degrees at most.
    """

    def __init__(self) -> None:
        self.rng = np.random.default_rng(0)
        self.held, self.steps_left = noop(), 0

    def begin(self, world: World, goal: str, seed: int) -> None:
        """Draw from this seed."""
        self.rng, self.steps_left = np.random.default_rng(seed), 0

    def act(self, observation: Mapping[str, Any], info: Mapping[str, Any]) -> np.ndarray:
        """Go on with the last action, or draw another."""
        if self.steps_left <= 0:
            self.held, self.steps_left = self._drawn(observation["masks"]), int(self.rng.integers(1, LONGEST_HOLD + 1))
        self.steps_left -= 1
        chosen = self.held.copy()
        self.held[Slot.PITCH] = self.held[Slot.YAW] = CAMERA_NOOP  # one turn, then straight on
        if self.held[Slot.FUNCTION] in (Function.CRAFT, Function.EQUIP, Function.PLACE):
            self.held[Slot.FUNCTION] = Function.NOOP  # once is enough
        return chosen

    def _drawn(self, masks: Mapping[str, np.ndarray]) -> np.ndarray:
        rng, made = self.rng, noop()
        made[Slot.MOVE], made[Slot.STRAFE] = rng.choice(3, p=(0.3, 0.6, 0.1)), rng.choice(3, p=(0.8, 0.1, 0.1))
        made[Slot.BODY] = rng.choice(4, p=(0.5, 0.2, 0.05, 0.25))
        made[Slot.PITCH] = CAMERA_NOOP + rng.choice((-1, 0, 1), p=(0.1, 0.8, 0.1))
        made[Slot.YAW] = CAMERA_NOOP + rng.integers(-1, 2)
        allowed = [function for function in HARMLESS if masks["action_type"][function]]
        made[Slot.FUNCTION] = rng.choice(allowed)
        if made[Slot.FUNCTION] == Function.CRAFT:
            made[Slot.CRAFT] = rng.choice(np.flatnonzero(masks["craft_smelt"]))
        elif made[Slot.FUNCTION] in (Function.EQUIP, Function.PLACE):
            mask = masks[Function(made[Slot.FUNCTION]).name.lower()]
            made[Slot.ITEM] = rng.choice(np.flatnonzero(mask))
        return made


_added: dict[str, str | type[Player]] = {}


def register(name: str, target: str | type[Player]) -> None:
    """Add a player under `name`: its class, or "package.module:Class"."""
    if isinstance(target, str) and target.count(":") != 1:
        raise InputError('"package.module:Class"', repr(target), "name the module and the class")
    _added[name] = target


def unregister(name: str) -> None:
    """Take back what `register` added."""
    _added.pop(name, None)


def names() -> list[str]:
    """Names of all players, sorted."""
    return sorted(_targets())


def make(name: str, **options: Any) -> Player:
    """The player of that name.

    Args:
        name: one of `names()`. options: its class's own.

    Raises:
        UnknownName: with the nearest name.
        PlayerError: its module cannot be imported, or what is there is not a Player.
    """
    targets = _targets()
    if name not in targets:
        raise UnknownName.of("player", name, targets)
    target = targets[name]
    if isinstance(target, str):
        module, _, attribute = target.partition(":")
        try:
            target = getattr(importlib.import_module(module), attribute)
        except VeclinkError:
            raise
        except Exception as error:  # a stranger's module may fail in any way
            raise PlayerError(f"the player {name} at {target}", f"{type(error).__name__}: {error}",
                              "mend or uninstall what brings it, or choose another with --player") from error
    if not (isinstance(target, type) and issubclass(target, Player)):
        raise PlayerError(f"a Player class for {name!r}", repr(target),
                          "derive it from veclink.agent.play.players.Player")
    return target(**options)


def _targets() -> dict[str, str | type[Player]]:
    found: dict[str, str | type[Player]] = dict(_BUILT_IN)
    for entry in entry_points(group=GROUP):
        found.setdefault(entry.name, entry.value)
    return {**found, **_added}


def in_words(act: np.ndarray) -> str:
    """An action as people say it: "forward, jump, turn right 30, attack"; "-" for nothing."""
    from veclink.envs.facts import CRAFT_NAMES

    move, strafe, body, pitch, yaw, function, craft, slot = (int(part) for part in act)
    words = [("", "forward", "back")[move], ("", "left", "right")[strafe], ("", "jump", "sneak", "sprint")[body]]
    for degrees, way in ((camera_degrees(pitch), ("look up", "look down")),
                         (camera_degrees(yaw), ("turn left", "turn right"))):
        words.append(f"{way[degrees > 0]} {abs(degrees):.0f}" if degrees else "")
    name = Function(function).name.lower()
    if function == Function.CRAFT:
        name = f"craft {CRAFT_NAMES[craft].replace('_', ' ')}"
    elif function in (Function.EQUIP, Function.PLACE, Function.DESTROY):
        name = f"{name} slot {slot}"
    words.append("" if function == Function.NOOP else name)
    return ", ".join(word for word in words if word) or "-"


__all__ = ["Player", "PlayerError", "RandomPlayer", "in_words", "make", "names", "register", "unregister"]
