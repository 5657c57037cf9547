"""One tool's part of a run: build conditions, decode in a batch under a time limit, check what comes back."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from veclink.agent.checks import valid
from veclink.agent.state import Context
from veclink.envs.errors import VeclinkError
from veclink.tools.condition import Condition
from veclink.tools.errors import ContractError, ToolError, ToolTimeout
from veclink.tools.regions import Region
from veclink.tools.results import Boxes, Image, Keypoints, Masks, Result
from veclink.tools.tool import Tool

log = logging.getLogger("veclink.agent")
T = TypeVar("T")


@dataclass
class Deed:
    """What became of one route: a result, an error, or a reason why there was nothing to do."""

    result: Result | None = None
    error: str = ""
    skipped: str = ""
    condition: str = "bridge"
    gate: float = 0.0


@dataclass
class Wave:
    """What one tool did in one wave; seconds of decoding, loading, bridging and bringing in links."""

    deeds: list[Deed]
    seconds: float = 0.0
    load: float = 0.0
    bridge: float = 0.0
    link: float = 0.0


def decode_wave(
    tool: Tool,
    indices: Sequence[int],
    routes: Sequence[Mapping[str, Any]],
    outcomes: Mapping[str, Any],
    context: Context,
) -> Wave:
    """Decode the routes of one tool in one call; a failure stays with its own route.

    Args:
        indices: of the routes in the run. routes: themselves.
        outcomes: of the earlier routes they use.
    """
    wave = Wave([Deed() for _ in indices])
    turn = context.lock if tool.device.type == "cpu" else nullcontext()
    with turn:
        try:
            if tool.name in context.stuck:  # it may hold its own lock for ever
                raise ToolTimeout(f"{tool.name} to be free", "it still runs past its time limit", "see that error")
            began = time.perf_counter()
            log.info("loading %s", tool.name)
            tool.ready()
            wave.load = time.perf_counter() - began
            began = time.perf_counter()
            phrases = [route["phrase"] for route in routes]
            bridges = _limited(tool, context, lambda: tool.bridge(phrases))
            wave.bridge = time.perf_counter() - began
            began = time.perf_counter()
            jobs = _jobs(tool, indices, routes, bridges, outcomes, wave.deeds, context)
            wave.link = time.perf_counter() - began
            log.info("%s: decoding %d", tool.name, len(jobs))
            began = time.perf_counter()
            _run(tool, jobs, wave.deeds, context)
            wave.seconds = time.perf_counter() - began
        except Exception as error:  # a tool may fail in any way; it must not take the others with it
            for deed in wave.deeds:
                if deed.result is None and not deed.skipped and not deed.error:
                    deed.error = _message(tool, error)
    return wave


@dataclass
class _Job:
    place: int  # in the wave
    pixels: np.ndarray
    condition: Condition


def _jobs(
    tool: Tool,
    indices: Sequence[int],
    routes: Sequence[Mapping[str, Any]],
    bridges: Sequence[Any],
    outcomes: Mapping[str, Any],
    deeds: list[Deed],
    context: Context,
) -> list[_Job]:
    """Picture and condition of every route that has something to work on."""
    jobs = []
    for place, (index, route, bridge) in enumerate(zip(indices, routes, bridges, strict=True)):
        deed = deeds[place]
        failed = [u for u in route["uses"] if outcomes[str(u)]["error"]]
        earlier = [context.results[u] for u in route["uses"] if u in context.results]
        if failed:
            deed.error = str(
                ToolError(f"the result of step {failed[0] + 1} to work on", "its failure", "see that error")
            )
            continue
        places = [r for r in earlier if isinstance(r, Boxes | Masks | Keypoints)]
        if places and not any(len(r) for r in places):
            deed.skipped = f"nothing to do for {route['phrase']!r}: what it works on was not found"
            continue
        task = context.tasks[route["task"]]
        pixels = next((r.pixels for r in reversed(earlier) if isinstance(r, Image)), task.images[route["image"]])
        regions = [r for r in task.regions if r.image == route["image"]] + _regions(places, route["image"])
        vectors, deed.gate = context.condition(tool.name, bridge, context.links.get(index))
        deed.condition = "link" if deed.gate else "bridge"
        edited = pixels is not task.images[route["image"]]  # the core has not seen what an earlier tool drew
        dense = None if edited else context.dense.get(index)
        jobs.append(_Job(place, pixels, Condition(vectors, route["phrase"], tuple(regions), dense=dense)))
    return jobs


def _regions(results: Sequence[Result], image: int) -> list[Region]:
    """What earlier tools found, as places to work on: masks as they are, boxes and bodies as boxes."""
    regions = []
    for result in results:
        if isinstance(result, Masks):
            regions += [Region.of_mask(mask, image) for mask in result.masks if mask.any()]
        elif isinstance(result, Boxes | Keypoints):
            boxes = result.xyxy if isinstance(result, Boxes) else result.boxes
            regions += [Region.box(*(float(v) for v in b), image=image) for b in boxes if b[2] > b[0] and b[3] > b[1]]
    return regions


def _run(tool: Tool, jobs: Sequence[_Job], deeds: list[Deed], context: Context) -> None:
    """All jobs in one decode; where that fails, one by one, so that a bad one does not spoil the others."""
    if not jobs:
        return
    pictures, conditions = [job.pixels for job in jobs], [job.condition for job in jobs]
    try:
        results = _limited(tool, context, lambda: tool.decode(pictures, conditions))
        if not isinstance(results, list) or len(results) != len(jobs):
            got = f"{len(results)}" if isinstance(results, list) else type(results).__name__
            raise ContractError(f"a list of {len(jobs)} results", got, "mend the tool's decode()")
        for job, result in zip(jobs, results, strict=True):
            deeds[job.place].result = valid(tool, result, (job.pixels.shape[1], job.pixels.shape[0]))
    except Exception as error:  # as above
        for job in jobs:
            deeds[job.place].result = None
        if len(jobs) == 1 or isinstance(error, ToolTimeout):
            for job in jobs:
                deeds[job.place].error = _message(tool, error)
            return
        for job in jobs:
            if tool.name in context.stuck:
                deeds[job.place].error = _message(tool, error)
            else:
                _run(tool, [job], deeds, context)


def _limited(tool: Tool, context: Context, work: Callable[[], T]) -> T:
    """What `work` gives, within the tool's time limit or the run's shorter one; a tool that is late is marked stuck."""
    seconds = min(context.time_limit or tool.time_limit, tool.time_limit)
    try:
        return within(seconds, tool.name, work)
    except ToolTimeout:
        context.stuck.add(tool.name)
        raise


def within(seconds: float, name: str, work: Callable[[], T]) -> T:
    """Call `work` in a thread that cannot keep the process alive; give up on it after so many seconds.

    Raises:
        ToolTimeout: it is still running; what it does later is dropped.
    """
    box: dict[str, Any] = {}

    def call() -> None:
        try:
            box["result"] = work()
        except BaseException as error:
            box["error"] = error

    thread = threading.Thread(target=call, daemon=True, name=f"decode {name}")
    thread.start()
    thread.join(seconds)
    if thread.is_alive():
        raise ToolTimeout(
            f"{name} to finish within {seconds:g} s", "still running", "raise the time limit or give it less to do"
        )
    if "error" in box:
        raise box["error"]
    return box["result"]


def _message(tool: Tool, error: BaseException) -> str:
    """One line for the run's errors."""
    log.debug("%s failed", tool.name, exc_info=error)
    if isinstance(error, VeclinkError):
        return str(error)
    text = " ".join(str(error).split())[:300]
    return str(
        ToolError(
            f"a result of {tool.name}",
            f"{type(error).__name__}: {text}",
            "report it to the tool's maker, or leave the tool out",
        )
    )
