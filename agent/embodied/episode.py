"""An episode of the embodied agent: from a goal in words, through any world behind the contract, to its result.

    from veclink.agent.embodied.episode import make_world, run_episode
    result = run_episode(make_world(seed=7), "get me a diamond", steps=12_000, run_dir="runs/diamond-7")
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from veclink.agent.embodied.actions import Action
from veclink.agent.embodied.body import RADIUS, VOXELS, Body, EpisodeOver, SkillFailed
from veclink.agent.embodied.deeds import Doer
from veclink.agent.embodied.eyes import CoreEyes, Eyes
from veclink.agent.embodied.goals import REALMS, Goal, checked, goals, goals_of_task, is_judged
from veclink.agent.embodied.guard import Guard
from veclink.agent.embodied.keep import PICTURE, Folder
from veclink.agent.embodied.loop import Crew, Loop, begin, graph, unpacked
from veclink.agent.embodied.memory import Memory
from veclink.agent.embodied.pixels.body import PixelBody
from veclink.agent.embodied.pixels.doer import PixelDoer
from veclink.agent.embodied.pixels.guard import PixelGuard
from veclink.agent.embodied.pixels.plan import PixelPlanner
from veclink.agent.embodied.planner import Planner, reached
from veclink.agent.embodied.recall import recalled
from veclink.agent.embodied.result import EpisodeResult
from veclink.agent.embodied.watch import timeline
from veclink.envs.errors import InputError

STEPS = 12_000
PICTURE_SIZE = (160, 256)
KEEP_EVERY = 1000  # steps between checkpoints
PROTOCOLS = {
    "voxels": f"position, inventory, life, time of day, blocks within {RADIUS} blocks, mobs and drops within {RADIUS}"
    " blocks; breaking speed normal",
    "pixels": "frames of at least 160 x 256 pixels, inventory with equipment, life, food, oxygen and whether it died;"
    " turns, depth and time by counting its own actions",
}


class Episode:
    """One episode, to be run once.

    Args:
        world: behind the contract, made with voxels of radius 10 (`make_world`).
        goal: in words, one goal, or several in order.
        steps: most world steps.
        memory: of earlier episodes, or None.
        planner: with `next(state, failures)` (`LLMPlanner`); None: the deterministic one.
        on_step: called after each world step with this episode.
        on_action: called after each structured action with its row of steps.jsonl.
        run_dir: folder for steps.jsonl, manifest.json, checkpoints and the picture, or None.
        seed: of the world; None: the world's own.
        resume: go on from the folder's last checkpoint, if there is one; with more steps than before, too.
        keep_every: steps between checkpoints; 0: none.
        learns: whether the memory is written to, or only read.
        judged: whether the world alone says if the goal is reached (a task), or the agent too.
        eyes: of the protocol `pixels`; None: the core's own.
    """

    def __init__(
        self,
        world: Any,
        goal: str | Goal | Sequence[Goal],
        *,
        steps: int = STEPS,
        memory: Memory | None = None,
        planner: Any = None,
        on_step: Callable[[Episode], None] | None = None,
        on_action: Callable[[dict[str, Any]], None] | None = None,
        run_dir: str | Path | None = None,
        seed: int | None = None,
        protocol: str = "voxels",
        resume: bool = False,
        keep_every: int = KEEP_EVERY,
        judged: bool = False,
        learns: bool = True,
        eyes: Eyes | None = None,
    ) -> None:
        if protocol not in PROTOCOLS:
            raise InputError(f"a protocol of {', '.join(PROTOCOLS)}", repr(protocol), "choose one of these")
        if isinstance(steps, bool) or not isinstance(steps, int) or steps < 1:
            raise InputError("at least one step", repr(steps), "give for example steps=12000")
        self.goals = goals_from(goal)
        self.world, self.steps, self.seed, self.protocol = world, steps, seed, protocol
        self.on_step, self.resume, self.judged = on_step, resume, judged
        self.folder = Folder(run_dir) if run_dir is not None else None
        self.eyes = (eyes or CoreEyes()) if protocol == "pixels" else None
        self.body: Body
        if self.eyes is not None:
            self.body = PixelBody(world, steps, self._stepped, self.eyes)
        else:
            self.body = Body(world, steps, self._stepped)
        seen_by = f"{protocol} by {self.eyes.name}" if self.eyes else protocol  # never mixed up in the memory
        where: dict[str, Any] = {"world": _name(world), "protocol": seen_by}
        learnt, plans = (memory.costs(**where), recalled(memory, **where)) if memory else (None, None)
        self.planner = planner or Planner(self.goals, reachable(world, protocol), learnt, plans)
        if self.eyes:
            self.planner = PixelPlanner(self.planner)
        doer = PixelDoer(self.body) if isinstance(self.body, PixelBody) else Doer(self.body)
        self.crew = Crew(self.goals, self.planner, doer, memory=memory, folder=self.folder,
                         guard=PixelGuard() if self.eyes else Guard(), keep_every=keep_every, world_name=_name(world),
                         protocol=seen_by, seed=seed, told=on_action, learns=learns)
        self.body.guard = self.crew.guard
        self.won = self.crew.won
        self.stopped = False
        self._names: Any = None

    @property
    def action(self) -> str:
        """What is done now, in words."""
        return self.crew.current.words() if self.crew.current else ""

    def stop(self) -> None:
        """End after the present step."""
        self.stopped = True

    def run(self) -> EpisodeResult:
        """The whole episode."""
        began = time.perf_counter()
        loop = self._begun()
        if self.folder:
            self.folder.manifest(self._manifest(None))
        try:
            end: Any = graph().invoke(loop, context=self.crew, config={"recursion_limit": 60 * self.steps})
        except EpisodeOver as over:
            end = {**loop, "over": str(over)}
        result = self._result(end, time.perf_counter() - began)
        if self.crew.memory and self.crew.learns:
            self._remember(result)
        if self.folder:
            self.folder.manifest(self._manifest(result))
            timeline(result.to_dict(), self.folder.path / PICTURE)
            self.folder.close()
        return result

    def _begun(self) -> Loop:
        """The world and the loop's state: from the last checkpoint, or anew."""
        if self.resume and self.folder:
            self._same_as_before()
            found = self.folder.load(self.world)
            if found:
                loop, agent, seen = found
                unpacked(self.crew, agent, seen)
                self.folder.cut_back(loop["actions"])
                return Loop(**loop)
        if self.folder:
            self.folder.clear()
        self.body.begin(self.seed)
        self._note()
        return begin()

    def _same_as_before(self) -> None:
        assert self.folder is not None
        before = self.folder.read_manifest()
        asked = [goal.to_dict() for goal in self.goals]
        if before and (before.get("goals") != json.loads(json.dumps(asked)) or before.get("steps", 0) > self.steps
                       or before.get("seed") != self.seed
                       or before.get("protocol", {}).get("name", self.protocol) != self.protocol):
            raise InputError("the goals, seed and protocol of the episode in the folder, and no fewer steps", "others",
                             "give the same ones, or another folder")

    def _stepped(self, body: Body) -> None:
        self._note()
        if self.on_step:
            self.on_step(self)
        if self.stopped:
            raise EpisodeOver("stopped")

    def _note(self) -> None:
        """When each item was first carried."""
        names = self.body.observation["inventory"]["name"]
        if names is not self._names:
            self._names = names
            for item in self.body.items:
                self.won.setdefault(item, self.body.steps)

    def _result(self, end: dict[str, Any], seconds: float) -> EpisodeResult:
        crew, body = self.crew, self.body
        success = bool(getattr(self.world, "is_successful", False))
        success = success or (not self.judged and reached(self.goals, crew.state()))
        planning = crew.planning or [0.0]
        times = {"mean": 1000 * sum(planning) / len(planning), "most": 1000 * max(planning)}
        queries = self._queries()
        return EpisodeResult(
            goals=[goal.words() for goal in self.goals], success=success, reason="done" if success else end["over"],
            steps=body.steps, deaths=body.deaths, actions=end["actions"], replans=end["replans"],
            planning_ms={key: round(value, 2) for key, value in times.items()}, won=dict(self.won),
            inventory=dict(body.items), failures=dict(crew.reasons), protocol=self._protocol(queries),
            seconds=round(seconds, 3), ticks=int(getattr(self.world, "ticks", 0)),
            folder=str(self.folder.path) if self.folder else "", planner=queries, detail=end.get("detail", ""),
        )

    def _queries(self) -> dict[str, Any]:
        """What the planner says of itself."""
        told = getattr(self.planner, "result", None)
        if told:
            return told()
        advice = getattr(self.planner, "advice", None)
        followed = {"recalled": len(advice.taken)} if advice and advice.plans else {}
        return {"planner": "search", "queries": 0, **followed}

    def _protocol(self, queries: dict[str, Any]) -> dict[str, Any]:
        return {"name": self.protocol, "reads": PROTOCOLS[self.protocol], "step_limit": self.steps, "episodes": 1,
                "seeds": [self.seed], "world": _name(self.world), "llm_queries": queries.get("queries", 0),
                "respawns": bool(getattr(self.world, "respawns", False)),
                **({"eyes": self.eyes.name} if self.eyes else {})}

    def _manifest(self, result: EpisodeResult | None) -> dict[str, Any]:
        queries = self._queries()
        return {"goals": [goal.to_dict() for goal in self.goals], "steps": self.steps, "seed": self.seed,
                "world": _name(self.world), "task": getattr(self.world, "task_id", ""),
                "protocol": self._protocol(queries), "planner": queries, "version": _version(),
                "result": result.to_dict() if result else None}

    def _remember(self, result: EpisodeResult) -> None:
        """The whole goal's success or failure, for the memory's own record."""
        memory = self.crew.memory
        assert memory is not None
        goal = self.goals[-1]
        plan = [Action.from_dict(each) for each in self.crew.done] if result.success else []
        memory.remember(goal.object, plan, world=_name(self.world), protocol=self.crew.protocol, success=result.success,
                        cost=float(result.steps), kind=goal.kind, count=goal.count, seed=self.seed)


def run_episode(world: Any, goal: str | Goal | Sequence[Goal], **options: Any) -> EpisodeResult:
    """Run one episode; the arguments are those of `Episode`."""
    return Episode(world, goal, **options).run()


def make_world(task: str = "open-ended", seed: int | None = None, protocol: str = "voxels", **options: Any) -> Any:
    """A world as a protocol wants it, respawning: voxels of radius 10 and no pictures unless asked for, or pictures of
    160 x 256 that are drawn when the agent looks, and no voxels."""
    from veclink.envs.registry import make

    if protocol == "pixels":
        given = {"world": "voxel", "image_size": PICTURE_SIZE, "pictures": False, "respawns": True, **options}
        return make(task, seed=seed, **given)
    given = {"world": "voxel", "image_size": 64, "pictures": False, "respawns": True, **options}
    return make(task, seed=seed, use_voxel=True, voxel_size=dict(VOXELS), **given)


def goals_from(goal: str | Goal | Sequence[Goal]) -> tuple[Goal, ...]:
    """Goals from words, from a task's name, from one goal or from several, each checked."""
    if isinstance(goal, str):
        from veclink.envs.tasks import spec

        return tuple(goals_of_task(spec(goal.strip().lower())) if is_judged(goal) else goals(goal))
    several = (goal,) if isinstance(goal, Goal) else tuple(goal)
    if not several:
        raise InputError("at least one goal", "none", "say what to get")
    return tuple(checked(each) for each in several)


def _name(world: Any) -> str:
    """The world's name for the memory and the manifest."""
    inner = getattr(world, "unwrapped", world)
    return getattr(inner, "world_name", "") or type(inner).__name__


def reachable(world: Any, protocol: str) -> tuple[str, ...]:
    """The realms to which the agent can go in a world; by sight it crosses no portal."""
    realms = getattr(getattr(world, "unwrapped", world), "realms", ()) if protocol == "voxels" else ()
    return tuple(realm for realm in REALMS if realm in realms) or REALMS[:1]


def _version() -> str:
    try:
        return version("veclink")
    except PackageNotFoundError:
        return "unknown"


__all__ = ["Episode", "EpisodeOver", "EpisodeResult", "SkillFailed", "make_world", "run_episode"]
