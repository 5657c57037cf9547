"""Where the time of a run goes, as ratios of times measured side by side in one process.

Models are loaded and warm; before every measured call the tools forget the pictures they encoded, so that nothing is
counted that an earlier call paid for. Nothing is drawn and nothing is written.

- `split`: the shares of core, link (bridges and projectors), decoders and the rest (opening the picture, the graph,
  checks, the answer) in a request that needs three tools.
- `three_tools`: that request over the core and the same decoders called directly, one after the other.
- `batch`: throughput of many tasks in one mixed batch over that of the same tasks one by one, each by itself.
- `batch_remembering`: the same where one by one may remember the last pictures.
- `batch_distinct`: the same where every task has a picture of its own.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from veclink.agent.agent import Agent
from veclink.agent.measure.figures import spread
from veclink.agent.pictures import open_picture
from veclink.agent.steps import Run
from veclink.envs.errors import InputError
from veclink.router.core import Task
from veclink.tools.condition import Condition

PICTURE = "example:street"
THREE = "find every person and the bus, outline the bus and show how the people are standing"
PHOTOS = ("example:street", "example:two-men")
EACH = 4  # tasks a picture of the mixed batch
MIXED = (  # EACH requests for a picture, as one user or several might send them: one to three tools each
    "find every person",
    "show me how the people are standing",
    "outline every person",
    "find every person, outline them and show me how they are standing",
    "where are the bags?",
    "cut out the person on the left",
    "box every person and show me how they stand",
    "find the people and outline the people",
)
CEILINGS = {"rest": 0.05, "three_tools": 1.1}
FLOORS = {"batch": 2.0}
PARTS = ("core", "link", "decoders", "rest")


def measure(
    agent: Agent,
    repeat: int = 5,
    batch: int = 32,
    picture: Any = PICTURE,
    three: str = THREE,
    mixed: Sequence[str] = MIXED,
    photos: Sequence[Any] = PHOTOS,
    progress: Callable[[str, int, int], None] = lambda part, done, of: None,
) -> dict[str, Any]:
    """All figures; each is {"value" (median), "low", "high" (smallest, largest), "cases"} over `repeat` rounds.

    Args:
        batch: tasks of the mixed batch.
        picture, three: the request with three tools and its picture.
        mixed, photos: requests and pictures of the mixed batch; the pictures are varied by flips and crops.
        progress: called with what is measured, the rounds done and their number.

    Raises:
        InputError: the request for three tools does not use three, or one of them fails.
    """
    first = agent.run(three, [picture])  # warm, and what the rounds will do
    tools = sorted({route.tool for route in first.routes})
    if len(tools) != 3 or first.errors:
        reason = first.errors[0][1] if first.errors else f"{len(tools)}: {', '.join(tools) or 'none'}"
        raise InputError(f"three tools for {three!r}", reason, "choose a profile that has them")
    splits, ratios = [], []
    for done in range(1, repeat + 1):
        split, ratio = _three_tools(agent, picture, three, turned=done % 2 == 0)
        splits.append(split)
        ratios.append(ratio)
        progress("three tools", done, repeat)
    together = {name: [] for name in ("batch", "batch_remembering", "batch_distinct")}
    few, many = _pictures(photos, -(-batch // EACH)), _pictures(photos, batch)
    shared = [(mixed[i % len(mixed)], [few[i // EACH]]) for i in range(batch)]
    distinct = [(text, [many[i]]) for i, (text, _) in enumerate(shared)]
    agent.run_batch(shared)
    for done in range(1, repeat + 1):
        in_batch = _timed(agent, lambda: agent.run_batch(shared))
        together["batch"].append(_one_by_one(agent, shared) / in_batch)
        together["batch_remembering"].append(_one_by_one(agent, shared, forgetting=False) / in_batch)
        in_batch = _timed(agent, lambda: agent.run_batch(distinct))
        together["batch_distinct"].append(_one_by_one(agent, distinct) / in_batch)
        progress(f"{batch} tasks", done, repeat)
    return _document(agent, tools, splits, {"three_tools": ratios, **together}, batch, len(few))


def _document(agent: Agent, tools: Sequence[str], splits: Sequence[dict[str, float]],
              ratios: dict[str, list[float]], batch: int, pictures: int) -> dict[str, Any]:
    import torch

    on_cpu = agent.device == "cpu"
    named: dict[str, dict[str, Any]] = {}
    for name, values in ratios.items():
        named[name] = spread(values)
        if name in CEILINGS:
            named[name]["ceiling"] = CEILINGS[name]
        if name in FLOORS and on_cpu:
            named[name]["floor"] = FLOORS[name]
    shares = {part: spread([split[part] / sum(split[p] for p in PARTS) for split in splits]) for part in PARTS}
    shares["rest"]["ceiling"] = CEILINGS["rest"]
    return {
        "suite": "run",
        "profile": agent.profile.name,
        "device": agent.device,
        "threads": torch.get_num_threads(),
        "processors": os.cpu_count(),
        "tools": list(tools),
        "tasks": batch,
        "pictures": pictures,
        "split": shares,
        "seconds": {part: spread([split[part] for split in splits]) for part in PARTS},
        "rest_of": {part: spread([split[part] for split in splits]) for part in splits[0] if part not in PARTS},
        "ratios": named,
    }


def split_of(run: Run, wall: float) -> dict[str, float]:
    """Seconds of core, link, decoders and the rest of a call that took `wall` seconds, and what the rest is made of."""
    seconds = run.seconds

    def over(*prefixes: str) -> float:
        return sum(value for name, value in seconds.items() if name.startswith(prefixes))

    core, link, decoders = seconds["core"], over("bridge:") + seconds["link"], over("decode:")
    named = {name: seconds[name] for name in ("open", "check", "answer")}
    rest = max(0.0, wall - core - link - decoders)
    return {"core": core, "link": link, "decoders": decoders, "rest": rest, **named,
            "graph": max(0.0, rest - sum(named.values()))}


def _three_tools(agent: Agent, picture: Any, text: str, turned: bool) -> tuple[dict[str, float], float]:
    """One round: the split of a run, and its time over that of core and decoders called directly."""
    pixels = open_picture(picture).pixels if isinstance(picture, str) else picture
    runs: list[Run] = []
    ours = direct = 0.0
    for through_agent in (not turned, turned):  # who goes first changes from round to round
        if through_agent:
            ours = _timed(agent, lambda: runs.append(agent.run(text, [picture])))
        else:
            direct = _timed(agent, lambda: _directly(agent, text, pixels))
    return split_of(runs[0], ours), ours / direct


def _directly(agent: Agent, text: str, pixels: np.ndarray) -> None:
    """The core, then its tools one after the other, without anything between them."""
    reading = agent.core.read([Task(text, (pixels,))])[0]
    for name in dict.fromkeys(route.tool for route in reading.routes):
        tool, phrases = agent.tools[name], [route.phrase for route in reading.routes if route.tool == name]
        conditions = [Condition(row, words) for row, words in zip(tool.bridge(phrases), phrases, strict=True)]
        tool.decode([pixels] * len(phrases), conditions)


def _one_by_one(agent: Agent, tasks: Sequence[tuple[str, list[np.ndarray]]], forgetting: bool = True) -> float:
    """Seconds for the tasks one after the other; forgetting, each is as if another user had sent it."""
    seconds = 0.0
    for number, (text, images) in enumerate(tasks):
        seconds += _timed(agent, lambda text=text, images=images: agent.run(text, images), forgetting or not number)
    return seconds


def _timed(agent: Agent, work: Callable[[], Any], forgetting: bool = True) -> float:
    """Seconds that `work` takes, on a GPU until it is done."""
    import torch

    if forgetting:
        for tool in agent.tools.values():
            tool.forget()
    began = time.perf_counter()
    work()
    if agent.device.startswith("cuda"):
        torch.cuda.synchronize()
    return time.perf_counter() - began


def _pictures(photos: Sequence[Any], count: int) -> list[np.ndarray]:
    """So many different pictures: the photos, their mirror images, and crops of both from ever other places."""
    opened = [open_picture(photo).pixels if isinstance(photo, str) else photo for photo in photos]
    made: list[np.ndarray] = []
    for number in range(count):
        pixels = opened[number % len(opened)]
        turn = number // len(opened)
        pixels = pixels[:, ::-1] if turn % 2 else pixels
        height, width = pixels.shape[:2]
        cut = turn // 2  # none, then a little more of the left and top each time
        top, left = (cut * max(1, side // (4 * count)) for side in (height, width))
        made.append(np.ascontiguousarray(pixels[top : height - top, left : width - left]))
    return made
