"""The embodied agent as a player. It drives its world itself, so it plays in a thread, in a stand-in for the world
whose steps are handed over one at a time; only one of the two threads ever runs."""

from __future__ import annotations

import queue
import threading
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from veclink.agent.embodied.body import VOXELS
from veclink.agent.embodied.episode import STEPS, Episode, EpisodeOver, goals_from, reachable
from veclink.agent.embodied.goals import is_judged
from veclink.agent.embodied.memory import Memory
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
    """Understands a goal in words or of a task, plans and acts (veclink.agent.embodied).

    Args:
        llm: chat model that plans, a name or folder of Hugging Face, or a name at `llm_url`; None: a search.
        llm_url: of an OpenAI-compatible endpoint. llm_queries: most queries, None: LLMPlanner's own cap.
        memory: file of what earlier episodes learnt; None: without. protocol: "voxels" or "pixels".

    Attributes:
        episode: what runs, once it has begun. result: once it is over. actions: rows of the structured actions.
    """

    protocol = "voxels"
    wants: Mapping[str, Any] = {"use_voxel": True, "voxel_size": VOXELS, "respawns": True}
    steps = STEPS

    def __init__(self, llm: str | None = None, llm_url: str | None = None, llm_queries: int | None = None,
                 memory: str | Path | None = None, protocol: str = "voxels") -> None:
        if protocol == "pixels":
            self.wants = {"respawns": True}
        self.protocol = protocol
        self.llm, self.llm_url, self.llm_queries = llm, llm_url, llm_queries
        self.memory = Memory(memory) if memory is not None else None
        self.actions: list[dict[str, Any]] = []
        self.episode: Episode | None = None
        self.result: EpisodeResult | None = None
        self._thread: threading.Thread | None = None
        self._world: StandIn | None = None
        self._failed: BaseException | None = None

    def check(self, goal: str) -> None:
        """Raises InputError where it does not understand the goal."""
        goals_from(goal)

    def begin(self, world: World, goal: str, seed: int) -> None:
        """Make the agent; it starts to think with the first `act`."""
        self._world = StandIn(world)
        task = str(getattr(world, "task_id", ""))
        judged = is_judged(task)
        goals = goals_from(task if judged else goal)
        planner = self._planner(goals, reachable(world, self.protocol))
        self.episode = Episode(self._world, goals, steps=10**9, seed=seed,  # whoever asks for steps limits them
                               planner=planner, memory=self.memory, judged=judged, protocol=self.protocol,
                               on_action=self.actions.append)
        self._thread = threading.Thread(target=self._play, daemon=True, name="veclink-agent")

    def _planner(self, goals: Any, places: Sequence[str]) -> Any:
        """The language model's, if one was asked for."""
        if self.llm is None:
            return None
        from veclink.agent.embodied.llm import EndpointChat, LLMPlanner, TransformersChat

        chat = EndpointChat(self.llm_url, self.llm) if self.llm_url else TransformersChat(self.llm)
        if self.llm_queries is None:
            return LLMPlanner(goals, chat, places)
        return LLMPlanner(goals, chat, places, cap=self.llm_queries)

    def act(self, observation: Mapping[str, Any], info: Mapping[str, Any]) -> np.ndarray:
        """What the agent does next."""
        assert self._world is not None and self.episode is not None and self._thread is not None
        self._world.seen.put((observation, info))
        if not self._thread.is_alive():
            self._thread.start()
        chosen = self._world.actions.get()
        self.note = self.episode.action
        if self._failed is not None:
            raise self._failed
        if chosen is None:
            self.finished, self.success = True, bool(self.result and self.result.success)
            return noop()
        return chosen

    def extra(self) -> dict[str, Any]:
        """The agent's own account."""
        self._end()
        return {"agent": self.result.to_dict()} if self.result else {}

    def close(self) -> None:
        """End the agent."""
        self._end()
        if self.memory is not None:
            self.memory.close()

    def _play(self) -> None:
        assert self._world is not None and self.episode is not None
        try:
            self.result = self.episode.run()
        except BaseException as error:  # raised again where it can be seen
            self._failed = error
        finally:
            self._world.actions.put(None)

    def _end(self) -> None:
        if self._thread is None or self._world is None or not self._thread.is_alive():
            return
        self._world.seen.put(None)
        self._thread.join(PATIENCE)
