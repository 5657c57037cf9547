"""The agent: a core and its tools behind three calls, run, run_batch and plan."""

from __future__ import annotations

import hashlib
import logging
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from veclink.agent.answers import answer_of, rejection
from veclink.agent.checks import merge
from veclink.agent.errors import FolderError
from veclink.agent.folder import CHECKPOINT, MANIFEST, RunFolder, plan_of
from veclink.agent.pictures import Picture, open_picture
from veclink.agent.profiles import DEFAULT, Profile, load_profile
from veclink.agent.steps import AnswerStep, CheckStep, DecodeStep, OpenStep, ReadStep, RouteRecord, Run, Step
from veclink.envs.errors import InputError, UnknownName, VeclinkError
from veclink.router.core import Core, Task
from veclink.tools import registry
from veclink.tools.device import pick_device
from veclink.tools.regions import Region
from veclink.tools.tool import Tool

if TYPE_CHECKING:
    from torch import Tensor

    from veclink.agent.state import Context, State

log = logging.getLogger("veclink.agent")
THREAD = "run"  # the one thread of a run folder's checkpoints
MAX_STEPS = 10_000  # of the graph; a chain of edits takes two each


class Agent:
    """A person's way in. Nothing heavy loads before the first task.

    Args:
        profile: a shipped profile's name, a YAML file, or a Profile.
        device: "auto", "cpu", "cuda", "cuda:N" or "mps".
        seed: of everything random; a tool with an option `seed` gets it.
        tools: use these tools of the profile alone.
        out: a folder for the results of every run that names no other; the next run's take their place.
        time_limit: seconds a decode may take, where shorter than the tool's own limit.
        options: tool name -> option -> value.
        core: a ready core in the place of the profile's.

    Raises:
        InputError: an unknown profile, tool, option or device.
    """

    def __init__(
        self,
        profile: str | Path | Profile = DEFAULT,
        device: str = "auto",
        seed: int = 0,
        tools: Sequence[str] | None = None,
        out: str | Path | None = None,
        time_limit: float | None = None,
        options: Mapping[str, Mapping[str, Any]] | None = None,
        core: Core | None = None,
    ) -> None:
        self.profile = profile if isinstance(profile, Profile) else load_profile(profile)
        self.device, self.seed, self.time_limit = str(pick_device(device)), seed, time_limit
        self.out = out
        if time_limit is not None and not time_limit > 0:
            raise InputError("a time limit above 0 seconds", repr(time_limit), "leave it out for the tools' own limits")
        self._makers = self._tool_makers(tools, options or {})
        self.tools: dict[str, Tool] = {name: make() for name, make in self._makers.items()}
        self._core = core
        self._attached = False
        self._turns: dict[str, tuple[str, ...]] = {}

    def _tool_makers(
        self, chosen: Sequence[str] | None, options: Mapping[str, Mapping[str, Any]]
    ) -> dict[str, Callable[[], Tool]]:
        """What makes each tool; one that nobody named and that cannot be imported is left out with a warning."""
        arguments = self.profile.all_tools()
        for name in [*(chosen or ()), *options]:
            if name not in arguments:
                raise UnknownName.of("tool", name, arguments, "veclink tools list shows them")
        makers: dict[str, Callable[[], Tool]] = {}
        for name in arguments if chosen is None else dict.fromkeys(chosen):
            try:
                kind = registry.load(name)
            except VeclinkError as error:
                if name in self.profile.tools or name in (chosen or ()):
                    raise
                log.warning("left out: %s", error)
                continue
            seeded = {"seed": self.seed} if "seed" in kind.defaults else {}
            makers[name] = partial(kind, device=self.device, **{**seeded, **arguments[name], **options.get(name, {})})
        return makers

    @property
    def core(self) -> Core:
        """The core, its tools attached."""
        if self._core is None:
            from veclink.router.cores import make_core

            self._core = make_core(**self.profile.core, device=self.device)
        if not self._attached:
            self._core.attach([tool.spec() for tool in self.tools.values()])
            if prepare := getattr(self._core, "prepare", None):
                prepare()
            self._attached = True
        return self._core

    # -- what a person calls ---------------------------------------------------------------------------------------

    def run(
        self,
        text: str,
        images: Sequence[Any] = (),
        regions: Sequence[Region] = (),
        *,
        thread: str | None = None,
        out: str | Path | None = None,
    ) -> Run:
        """Do one task.

        Args:
            text: plain words.
            images: paths, "example:street", web addresses, PIL images or (H, W, 3) uint8 RGB arrays.
            regions: places in the pictures, in their pixels.
            thread: a conversation's name; "them" may then mean what the turn before was about.
            out: a folder for the results; a run that was killed can be resumed from it.

        Raises:
            InputError: the task, a picture, a region or the folder cannot be used; nothing was written.
        """
        opened, pictures = _open(images)
        before = self._turns.get(thread, ()) if thread is not None else ()
        task = Task(text, tuple(p.pixels for p in pictures), tuple(regions), before)
        folder = None
        if (out := out or self.out) is not None:
            folder = RunFolder(out).prepare()
            folder.forget_checkpoint()
        try:
            run = self._go([task], [pictures], opened, folder)[0]
        except BaseException:  # an interrupt too
            if folder is not None:
                folder.give_up()
            raise
        about = tuple(dict.fromkeys(r.phrase for r in run.routes if self.tools[r.tool].result != "image"))
        if thread is not None and about:  # an edit's words are about no thing that "them" could mean
            self._turns[thread] = about
        return run

    def run_batch(self, tasks: Sequence[Task | tuple[Any, ...]]) -> list[Run]:
        """Do many tasks in one mixed batch: the core reads them once, each tool decodes once a wave.

        Args:
            tasks: `Task`s, or (text, images) or (text, images, regions).

        Raises:
            InputError: one of them cannot be used; none is done.
        """
        began = time.perf_counter()
        ready, pictures = [], []
        for task in tasks:
            if not isinstance(task, Task):
                text, images, *regions = task
                _, opened = _open(images)
                task = Task(text, tuple(p.pixels for p in opened), tuple(regions[0]) if regions else ())
            else:
                _, opened = _open(task.images)
            ready.append(task)
            pictures.append(opened)
        return self._go(ready, pictures, time.perf_counter() - began, None) if ready else []

    def plan(self, text: str, images: Sequence[Any] = (), regions: Sequence[Region] = ()) -> Run:
        """Only the routes: which tools would do what; no decoder loads."""
        opened, pictures = _open(images)
        task = Task(text, tuple(p.pixels for p in pictures), tuple(regions))
        began = time.perf_counter()
        core = self.core
        loaded = time.perf_counter()
        reading = core.read([task])[0]
        seconds = {"open": opened, "load:core": loaded - began, "core": time.perf_counter() - loaded}
        routes = tuple(
            RouteRecord(r.tool, r.phrase, r.image, "bridge" if r.link is None else "link", 0.0, r.uses)
            for r in reading.routes
        )
        steps = (
            _open_step(opened, pictures),
            ReadStep(seconds["core"], tuple(vars(r) for r in routes), reading.rejected),
        )
        return Run(
            task,
            self._words(reading.answer, reading.rejected),
            self.profile.name,
            self.device,
            self.seed,
            routes,
            steps=steps,
            seconds={**seconds, "total": sum(seconds.values())},
            models=dict(core.models),
            names=tuple(p.name for p in pictures),
        )

    @classmethod
    def resume(cls, folder: str | Path, **arguments: Any) -> Run:
        """Go on with a run that was killed; what was decoded before the kill is not decoded again.

        Raises:
            FolderError: not a run folder, finished already, or its pictures have changed.
        """
        out = RunFolder(folder)
        asked = out.read_json("task.json")
        if (out.path / MANIFEST).exists():
            raise FolderError("an unfinished run", f"{folder}, which is finished", "start a new run")
        try:
            regions = tuple(Region.from_dict(region) for region in asked["regions"])
            settings = {key: asked[key] for key in ("device", "seed", "tools", "time_limit", "options")}
            profile, before = Profile(**asked["profile"]), tuple(asked["before"])
            files = [(entry["name"], entry["file"], entry["inside"], entry["digest"]) for entry in asked["pictures"]]
        except (KeyError, TypeError, ValueError) as error:
            raise FolderError("a run folder", f"{folder} with another task.json", "start a new run") from error
        pictures = []
        for name, file, inside, digest in files:
            picture = open_picture(out.path / file if inside else file, name)
            if _digest(picture) != digest:
                raise FolderError(
                    f"the picture {name} as it was", "another content", "put the old file back, or start a new run"
                )
            pictures.append(picture)
        task = Task(asked["task"], tuple(p.pixels for p in pictures), regions, before)
        agent = cls(**{"profile": profile, **settings, **arguments})
        out.files.update(["task.json", *(file for _, file, inside, _ in files if inside)])
        return agent._go([task], [pictures], 0.0, out.prepare(), again=True)[0]

    # -- how it is done --------------------------------------------------------------------------------------------

    def _go(
        self,
        tasks: list[Task],
        pictures: list[list[Picture]],
        opened: float,
        folder: RunFolder | None,
        again: bool = False,
    ) -> list[Run]:
        """Run the graph over a batch and gather what it found, a run a task."""
        import torch

        from veclink.agent.graph import checkpointed_graph, plain_graph, recall
        from veclink.agent.state import Context, empty

        torch.manual_seed(self.seed)
        began = time.perf_counter()
        core = self.core
        context = Context(
            tasks,
            core,
            self.tools,
            self._condition,
            self.time_limit,
            folder,
            self._planner(tasks, pictures, folder, again),
        )
        loaded = time.perf_counter() - began
        if folder is None:
            state = plain_graph().invoke(empty(), {"recursion_limit": MAX_STEPS}, context=context)
        else:
            from langgraph.checkpoint.sqlite import SqliteSaver

            with SqliteSaver.from_conn_string(str(folder.path / CHECKPOINT)) as saver:
                graph = checkpointed_graph(saver)
                config: Any = {"configurable": {"thread_id": THREAD}, "recursion_limit": MAX_STEPS}
                start = None if again and saver.get_tuple(config) else empty()
                state = graph.invoke(start, config, context=context, durability="sync")
            recall(state["outcomes"], context)  # all of them, where the kill came after the last step
        for name in context.stuck:  # what still runs may hold the old one's lock for ever
            self.tools[name] = self._makers[name]()
        share = opened / len(tasks)
        runs = [self._gather(i, state, context, pictures[i], share) for i in range(len(tasks))]
        total = time.perf_counter() - began
        answering = sum(step.seconds for run in runs for step in run.steps if isinstance(step, AnswerStep))
        for run in runs:
            run.seconds = _seconds(state, opened, loaded, answering, total, len(runs))
            if folder is not None:
                log.info("drawing and writing")
                start = time.perf_counter()
                folder.save(run)
                run.seconds["draw"] = time.perf_counter() - start
                run.seconds["total"] += run.seconds["draw"]
                folder.save_manifest(run)
        return runs

    def _planner(
        self, tasks: list[Task], pictures: list[list[Picture]], folder: RunFolder | None, again: bool
    ) -> Any:
        """Called with the routes before any decoder loads: refuses a task without pictures, writes task and plan."""

        def planned(state: State) -> None:
            for route in state["routes"]:
                if not tasks[route["task"]].images:
                    raise InputError("a picture for this task", "none", "give one, e.g. a file or example:street")
            if folder is not None:
                if not again:
                    self._write_task(folder, tasks[0], pictures[0])
                records = tuple(
                    RouteRecord(r["tool"], r["phrase"], r["image"], uses=tuple(r["uses"])) for r in state["routes"]
                )
                run = Run(
                    tasks[0],
                    state["readings"][0]["answer"],
                    self.profile.name,
                    self.device,
                    self.seed,
                    records,
                    names=tuple(p.name for p in pictures[0]),
                )
                folder.write_json("plan.json", plan_of(run))

        return planned

    def _condition(self, tool: str, bridge: Tensor, link: Tensor | None) -> tuple[Tensor, float]:
        """What the decoder is fed, and the gate it came through."""
        links = getattr(self._core, "linkset", None) if link is not None else None
        if links is None:
            return bridge, 0.0
        import torch

        with torch.no_grad():
            return links.condition(tool, bridge, link), links.gate(tool)

    def _gather(self, number: int, state: State, context: Context, pictures: list[Picture], opened: float) -> Run:
        """One task's run out of the batch's state."""
        began = time.perf_counter()
        reading = state["readings"][number]
        mine = [i for i, route in enumerate(state["routes"]) if route["task"] == number]
        place = {i: k for k, i in enumerate(mine)}
        outcomes = {i: state["outcomes"][str(i)] for i in mine}
        records = tuple(
            RouteRecord(
                r["tool"],
                r["phrase"],
                r["image"],
                outcomes[i]["condition"],
                round(outcomes[i]["gate"], 4),
                tuple(place[u] for u in r["uses"]),
            )
            for i, r in ((i, state["routes"][i]) for i in mine)
        )
        results = {place[i]: context.results[i] for i in mine if i in context.results}
        found = merge([(records[k], result) for k, result in results.items()])
        errors = tuple(
            dict.fromkeys((records[place[i]].tool, outcomes[i]["error"]) for i in mine if outcomes[i]["error"])
        )
        steps: list[Step] = [
            _open_step(opened, pictures),
            ReadStep(reading["seconds"], tuple(vars(r) for r in records), reading["rejected"]),
        ]
        for entry in state["decodes"].values():
            indices = tuple(place[i] for i in entry["routes"] if i in place)
            if indices:
                error = next((outcomes[i]["error"] for i in entry["routes"] if i in place and outcomes[i]["error"]), "")
                spent = (entry["load"], entry["bridge"], entry["link"])
                steps.append(DecodeStep(entry["seconds"], entry["tool"], indices, *spent, error))
        steps.append(CheckStep(state["checked"] / len(context.tasks), tuple(state["notes"][number])))
        counts = {k: len(result) for k, result in results.items()}
        failed = {place[i] for i in mine if outcomes[i]["error"]}
        answer = answer_of(records, found, counts, failed) or self._words(reading["answer"], reading["rejected"])
        steps.append(AnswerStep(time.perf_counter() - began, answer))
        used = {record.tool for record in records}
        models = dict(context.core.models)
        for name in used:
            models.update(self.tools[name].models)
        return Run(
            context.tasks[number],
            answer,
            self.profile.name,
            self.device,
            self.seed,
            records,
            tuple(found),
            errors,
            tuple(steps),
            {},
            models,
            tuple(p.name for p in pictures),
        )

    def _words(self, answer: str, rejected: bool) -> str:
        return rejection([tool.spec() for tool in self.tools.values()]) if rejected else answer

    def _write_task(self, folder: RunFolder, task: Task, pictures: Sequence[Picture]) -> None:
        """All that a resume needs, in the place of what an earlier run left in this folder."""
        folder.clear(keep=[picture.name for picture in pictures])
        entries = []
        for number, picture in enumerate(pictures):
            file = picture.name
            here = os.path.isfile(file)  # unlike Path's own, false for a name that no file can have
            inside = not here and not file.startswith("example:")
            if inside:
                file = folder.write_picture(f"input-{number}.png", picture.pixels).name
            elif here:
                file = os.path.abspath(file)
            entries.append({"name": picture.name, "file": file, "inside": inside, "digest": _digest(picture)})
        options = {name: dict(tool.options) for name, tool in self.tools.items() if tool.options}
        folder.write_json(
            "task.json",
            {
                "task": task.text,
                "pictures": entries,
                "regions": [r.to_dict() for r in task.regions],
                "before": list(task.before),
                "profile": asdict(self.profile),
                "device": self.device,
                "seed": self.seed,
                "tools": list(self.tools),
                "time_limit": self.time_limit,
                "options": options,
            },
        )


def _open(images: Sequence[Any]) -> tuple[float, list[Picture]]:
    """Seconds spent, and the opened pictures."""
    if isinstance(images, str | Path):
        images = [images]
    began = time.perf_counter()
    pictures = [
        open_picture(image, None if isinstance(image, str | Path) else f"picture {i}") for i, image in enumerate(images)
    ]
    return time.perf_counter() - began, pictures


def _open_step(seconds: float, pictures: Sequence[Picture]) -> OpenStep:
    sizes = tuple((p.name, p.pixels.shape[1], p.pixels.shape[0]) for p in pictures)
    return OpenStep(seconds, sizes, tuple(note for p in pictures for note in p.notes))


def _digest(picture: Picture) -> str:
    return hashlib.sha256(picture.pixels.tobytes()).hexdigest()


def _seconds(
    state: State, opened: float, loaded: float, answering: float, total: float, runs: int
) -> dict[str, float]:
    """Wall time by step, shared evenly over the runs of a batch; "rest" is what is none of them."""
    seconds = {"open": opened, "load:core": loaded, "core": sum(r["seconds"] for r in state["readings"]), "link": 0.0}
    for entry in state["decodes"].values():
        seconds["link"] += entry["link"]
        for key, value in (("load", entry["load"]), ("bridge", entry["bridge"]), ("decode", entry["seconds"])):
            seconds[f"{key}:{entry['tool']}"] = seconds.get(f"{key}:{entry['tool']}", 0.0) + value
    seconds |= {"check": state["checked"], "answer": answering}
    seconds["rest"] = max(0.0, total + opened - sum(seconds.values()))
    seconds["total"] = total + opened
    return {name: value / runs for name, value in seconds.items()}
