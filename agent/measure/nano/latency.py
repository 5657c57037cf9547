"""How long a request takes with the embedded default: from a cold start, and warm; and how much memory it needs.

The cold starts are processes of their own, from their beginning to their end; what they held at most is the system's
own figure for each of them. A warm request finds everything loaded, and a picture that no tool has seen.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from veclink.agent.agent import Agent
from veclink.agent.measure.bench import PARTS, split_of
from veclink.agent.measure.figures import spread
from veclink.agent.nano.referring import plain
from veclink.agent.nano.scenes import Scenes
from veclink.envs.errors import InputError

CEILINGS = {"cold_seconds": 8.0, "warm_seconds": 1.5, "peak_megabytes": 1500.0}  # on two cores of a CPU
THREE = "find the {things}, outline them and show me how they are standing"
SIZE = (160, 256)
LONGEST = 600.0  # seconds for one cold start
# Starts a command, waits, and writes down its code, seconds and peak memory. A process of its own, because Linux
# counts the memory of whoever starts a process to that process's peak; this one is small.
WATCH = """
import json, os, subprocess, sys, time
began = time.perf_counter()
child = subprocess.Popen(sys.argv[2:])
held = None
if hasattr(os, "wait4"):
    _, status, usage = os.wait4(child.pid, 0)
    code = child.returncode = os.waitstatus_to_exitcode(status)
    held = usage.ru_maxrss / (1024 if sys.platform.startswith("linux") else 1024**2)
else:
    code = child.wait()
told = {"code": code, "seconds": time.perf_counter() - began, "megabytes": held}
open(sys.argv[1], "w").write(json.dumps(told))
"""


def request(seed: int = 0) -> tuple[str, np.ndarray]:
    """A request for three tools and its picture: a scene of the test split with several of a kind by day."""
    for shot in Scenes("test", seed, sizes=(SIZE,)).shots():
        kinds = [mob.kind for mob in shot.truth.mobs if mob.clear and len(mob.joints) and mob.pixels > 100]
        several = sorted(kind for kind in set(kinds) if kinds.count(kind) > 1)
        if several and shot.truth.hour == "day":
            return THREE.format(things=plain(several[0])[1]), shot.frame.rgb
    raise AssertionError("the scenes have no end")


def measure(profile: str | Path = "nano", repeat: int = 5, batch: int = 64, device: str = "auto",
            progress: Callable[[str, int, int], None] = lambda part, done, of: None,
            command: Sequence[str] = (sys.executable, "-m", "veclink.agent.cli"),
            asked: tuple[str, np.ndarray] | None = None) -> dict[str, Any]:
    """All figures; each is {"value" (median), "low", "high" (smallest, largest), "cases"}.

    Args:
        repeat: rounds of each. batch: requests of the batch whose throughput is taken.
        command: what starts veclink. asked: request and picture; None for `request`.

    Raises:
        InputError: a run cannot be used at all, e.g. because there is no trained core.
    """
    text, picture = asked or request()
    cold, held, first = _cold(command, text, picture, profile, device, repeat, progress)
    agent = Agent(profile, device)
    run = agent.run(text, [picture])  # loads everything
    walls, splits = [], []
    for done in range(1, repeat + 1):
        _forget(agent)
        began = time.perf_counter()
        run = agent.run(text, [picture])
        _finish(agent)
        walls.append(time.perf_counter() - began)
        splits.append(split_of(run, walls[-1]))
        progress("warm", done, repeat)
    rates = []
    tasks = [(text, [shifted(picture, i)]) for i in range(batch)]
    for done in range(1, repeat + 1):
        _forget(agent)
        began = time.perf_counter()
        agent.run_batch(tasks)
        _finish(agent)
        rates.append(batch / (time.perf_counter() - began))
        progress(f"{batch} requests", done, repeat)
    import torch

    return {
        "suite": "nano-speed", "profile": agent.profile.name, "device": agent.device, "models": dict(run.models),
        "threads": torch.get_num_threads(), "processors": os.cpu_count(), "load": [round(x, 2) for x in os.getloadavg()]
        if hasattr(os, "getloadavg") else None, "request": text, "batch": batch,
        "tools": sorted({route.tool for route in run.routes}), "errors": [list(error) for error in run.errors],
        "cold_errors": first, "cold_seconds": _bounded("cold_seconds", spread(cold)),
        "warm_seconds": _bounded("warm_seconds", spread(walls)),
        "peak_megabytes": _bounded("peak_megabytes", spread(held)) if held else None,
        "requests_per_second": spread(rates),
        "split": {part: spread([one[part] / sum(one[p] for p in PARTS) for one in splits]) for part in PARTS}}


def _cold(command: Sequence[str], text: str, picture: np.ndarray, profile: str | Path, device: str, repeat: int,
          progress: Callable[[str, int, int], None]) -> tuple[list[float], list[float], list[Any]]:
    """Seconds and peak megabytes of each cold start, and the errors of the tools in the first."""
    from PIL import Image

    seconds, megabytes, errors = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder) / "scene.png"
        Image.fromarray(picture).save(place)
        line = [*command, "run", text, str(place), "-p", str(profile), "--device", device, "--no-save", "--json"]
        for done in range(1, repeat + 1):
            document, told = _child(line, Path(folder))
            seconds.append(told["seconds"])
            megabytes += [] if told["megabytes"] is None else [told["megabytes"]]
            errors = errors or list(document.get("errors", ()))
            progress("cold starts", done, repeat)
    return seconds, megabytes, errors


def _child(line: Sequence[str], folder: Path) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    """Run a command to its end; its JSON document, and what WATCH told of it.

    Raises:
        InputError: it takes too long, cannot be used, or gives no document.
    """
    told = folder / "told.json"
    watch = subprocess.Popen([sys.executable, "-I", "-S", "-c", WATCH, str(told), *line], stdout=subprocess.PIPE,
                             stderr=subprocess.PIPE, start_new_session=True)
    try:
        said, problem = watch.communicate(timeout=LONGEST)
    except subprocess.TimeoutExpired as error:
        with contextlib.suppress(OSError, AttributeError):
            os.killpg(watch.pid, signal.SIGKILL)  # the one that it watches too
        watch.kill()
        watch.communicate()
        raise InputError(f"a result within {LONGEST:g} s", "none", "look at veclink run by hand") from error
    reason = (problem.decode("utf8", "replace").strip().splitlines() or ["no message"])[-1][:300]
    try:
        figures = json.loads(told.read_text("utf8"))
        if figures["code"] not in (0, 1):  # 1: a tool failed, the others gave their results
            raise InputError("a run of the request", reason, "mend that first")
        return json.loads(said), figures
    except (ValueError, OSError) as error:
        raise InputError("a document of veclink run --json", reason, "mend that first") from error


def shifted(picture: np.ndarray, number: int) -> np.ndarray:
    """The picture moved by so many columns: another picture to every tool."""
    return np.ascontiguousarray(np.roll(picture, number, 1))


def _forget(agent: Agent) -> None:
    for tool in agent.tools.values():
        tool.forget()


def _finish(agent: Agent) -> None:
    """Wait for a GPU."""
    if agent.device.startswith("cuda"):
        import torch

        torch.cuda.synchronize()


def _bounded(name: str, figure: dict[str, Any]) -> dict[str, Any]:
    return {**figure, "ceiling": CEILINGS[name]}
