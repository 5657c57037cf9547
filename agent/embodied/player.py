"""The agent as a player that is asked for one action at a time, for loops that step the world themselves.

    player = Player("get me a diamond", steps=12_000)
    action = player.begin(observation, info)
    while action is not None:
        action = player.next(*world.step(action))
    print(player.result)

The episode runs in a thread of its own in front of a stand-in for the world; only one of the two sides runs at a time.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np

from veclink.agent.embodied.episode import Episode
from veclink.agent.embodied.goals import Goal
from veclink.agent.embodied.result import EpisodeResult
from veclink.envs.errors import InputError

PATIENCE = 120.0  # seconds for one action; planning takes milliseconds, a language model may take a minute


class Player:
    """Plays for a goal, one action at a time.

    Args:
        goal, options: as for `Episode`; checkpoints need the world itself, so there are none here.

    Attributes:
        episode: what runs. result: once it is over, otherwise None.
    """

    def __init__(self, goal: str | Goal | Sequence[Goal], **options: Any) -> None:
        self._stand_in = _StandIn(str(options.pop("world_name", "voxel")))
        options["keep_every"] = 0
        self.episode = Episode(self._stand_in, goal, **options)
        self.result: EpisodeResult | None = None
        self._failed: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)

    def begin(self, observation: dict[str, Any], info: dict[str, Any]) -> np.ndarray | None:
        """The first action, or None where there is nothing to do."""
        if self._thread.ident is not None:
            raise InputError("begin() once", "a second call", "make a new Player for a new episode")
        self._stand_in.seen.put((observation, info))
        self._thread.start()
        return self._action()

    def next(self, observation: dict[str, Any], reward: float, ended: bool, cut: bool, info: dict[str, Any]
             ) -> np.ndarray | None:
        """The action after what the world gave back; None once the episode is over."""
        self._stand_in.is_successful = bool(info.get("is_successful", False))
        self._stand_in.seen.put((observation, reward, ended, cut, info))
        return self._action()

    def close(self) -> None:
        """End the episode; `result` says how far it came."""
        self.episode.stop()
        if self._thread.is_alive():
            self._stand_in.seen.put(None)
            self._thread.join(PATIENCE)

    def _action(self) -> np.ndarray | None:
        try:
            action = self._stand_in.wanted.get(timeout=PATIENCE)
        except queue.Empty:
            self.episode.stop()
            raise InputError(f"an action within {PATIENCE:g} seconds", "none", "use a faster planner") from None
        if action is None and self._failed is not None:
            raise self._failed
        return action

    def _run(self) -> None:
        try:
            self.result = self.episode.run()
        except BaseException as error:  # handed to the caller by `_action`
            self._failed = error
        finally:
            self._stand_in.wanted.put(None)


class _StandIn:
    """A world whose steps are done elsewhere."""

    respawns = True

    def __init__(self, name: str) -> None:
        self.world_name, self.is_successful = name, False
        self.seen: queue.Queue[Any] = queue.Queue()
        self.wanted: queue.Queue[np.ndarray | None] = queue.Queue()

    def reset(self, *, seed: int | None = None, options: Any = None) -> Any:
        """What the caller saw first."""
        return self.seen.get()

    def step(self, action: np.ndarray) -> Any:
        """Hand the action out and wait for what came of it."""
        from veclink.agent.embodied.body import EpisodeOver

        self.wanted.put(action)
        seen = self.seen.get()
        if seen is None:
            raise EpisodeOver("stopped")
        return seen
