"""The embodied agent as a player. It drives its world itself, so it plays in a thread, in a stand-in for the world
whose steps are handed over one at a time; only one of the two threads ever runs."""

from __future__ import annotations

import queue
import threading
from collections.abc import Mapping
from typing import Any

import numpy as np

from veclink.agent.embodied.body import VOXELS
from veclink.agent.embodied.episode import STEPS, Episode, EpisodeOver, goals_from
from veclink.agent.embodied.result import EpisodeResult
from veclink.agent.play.players import Player
from veclink.envs.contract import World, noop

PATIENCE = 10.0  # seconds for the thread to end
Seen = tuple[Mapping[str, Any], Mapping[str, Any]]


class StandIn:
    """The world as the agent sees it; everything but `reset` and `step` is the world's own."""

    def __init__(self, world: World) -> None:
        self.unwrapped = world
        self.actions: queue.Queue[np.ndarray | None] = queue.Queue()  # None: the agent has ended
        self.seen: queue.Queue[Seen | None] = queue.Queue()  # None: the episode is over

    def __getattr__(self, name: str) -> Any:
        return getattr(self.unwrapped, name)

    def _next(self) -> Seen:
        found = self.seen.get()
        if found is None:
            raise EpisodeOver("stopped")
        return found

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> Seen:
        """What the world showed after its reset."""
        return self._next()

    def step(self, action: Any) -> tuple[Mapping[str, Any], float, bool, bool, Mapping[str, Any]]:
        """Hand the action over and wait for what it brought. An end of the episode comes as EpisodeOver."""
        self.actions.put(np.asarray(action))
        observation, info = self._next()
        return observation, 0.0, False, False, info


class AgentPlayer(Player):
    """Understands a goal in words, plans and acts (veclink.agent.embodied)."""

    protocol = "voxels"
    wants: Mapping[str, Any] = {"use_voxel": True, "voxel_size": VOXELS, "respawns": True}
    steps = STEPS

    def __init__(self) -> None:
        self._thread: threading.Thread | None = None
        self._world: StandIn | None = None
        self._episode: Episode | None = None
        self._result: EpisodeResult | None = None
        self._failed: BaseException | None = None

    def check(self, goal: str) -> None:
        """Raises InputError where it does not understand the goal."""
        goals_from(goal)

    def begin(self, world: World, goal: str, seed: int) -> None:
        """Make the agent; it starts to think with the first `act`."""
        self._world = StandIn(world)
        self._episode = Episode(self._world, goal, steps=10**9, seed=seed)  # whoever asks for steps limits them
        self._thread = threading.Thread(target=self._play, daemon=True, name="veclink-agent")

    def act(self, observation: Mapping[str, Any], info: Mapping[str, Any]) -> np.ndarray:
        """What the agent does next."""
        assert self._world is not None and self._episode is not None and self._thread is not None
        self._world.seen.put((observation, info))
        if not self._thread.is_alive():
            self._thread.start()
        chosen = self._world.actions.get()
        self.note = self._episode.action
        if self._failed is not None:
            raise self._failed
        if chosen is None:
            self.finished, self.success = True, bool(self._result and self._result.success)
            return noop()
        return chosen

    def extra(self) -> dict[str, Any]:
        """The agent's own account."""
        self._end()
        return {"agent": self._result.to_dict()} if self._result else {}

    def close(self) -> None:
        """End the agent."""
        self._end()

    def _play(self) -> None:
        assert self._world is not None and self._episode is not None
        try:
            self._result = self._episode.run()
        except BaseException as error:  # raised again where it can be seen
            self._failed = error
        finally:
            self._world.actions.put(None)

    def _end(self) -> None:
        if self._thread is None or self._world is None or not self._thread.is_alive():
            return
        self._world.seen.put(None)
        self._thread.join(PATIENCE)
