"""Going on after a kill: a run in a process of its own is killed with SIGKILL while a tool is at work, then resumed."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from veclink.agent import Agent
from veclink.agent.errors import FolderError
from veclink.agent.folder import CHECKPOINT, RunFolder
from veclink.agent.testing import COLOURS, FakeBroken, FakeCore, FakePaint, FakeSpot, blocks, picture_file
from veclink.envs.errors import InputError
from veclink.router.core import Reading, Route, Task
from veclink.tools.condition import Condition
from veclink.tools.results import Image, Result
from veclink.tools.tool import Tool

PROGRAM = """
import sys, time
from pathlib import Path
import veclink.agent.testing as t
from veclink.agent import Agent
from veclink.agent.profiles import Profile
from veclink.router.core import Reading, Route
from veclink.tools import registry

way, out = sys.argv[1:]

def note(word):
    with open("calls", "a") as file:
        file.write(word + chr(10))

class Core(t.FakeCore):
    def read(self, tasks):
        note("read")
        return [Reading("", (Route("spot", "red"), Route("shape", "red"), Route("paint", "blue", uses=(1,)),
                             Route("broken", "last", uses=(2,))))]

def noted(kind):
    decode, encode = kind.decode, kind.encode
    def new_decode(self, images, conditions):
        note("decode " + self.name)
        if way == "hang" and self.name == "broken":
            Path("stuck").touch()
            time.sleep(3600)
        return decode(self, images, conditions)
    def new_encode(self, images):
        note("encode " + self.name)
        return encode(self, images)
    return new_decode, new_encode

spot, paint, broken = noted(t.FakeSpot), noted(t.FakePaint), noted(t.FakeBroken)
t.FakeSpot.decode, t.FakeSpot.encode = spot
t.FakePaint.decode, t.FakeBroken.decode = paint[0], broken[0]
for kind in t.FAKES:
    registry.register(kind.name, kind)
profile = Profile("fakes", "", {"model": "fake"}, {kind.name: {} for kind in t.FAKES}, plugins=False)
if way == "resume":
    Agent.resume(out, core=Core())
else:
    Agent(profile, device="cpu", seed=5, options={"spot": {"tolerance": 33}}, core=Core()).run("x", ["a.png"], out=out)
"""


class Scripted(FakeCore):
    """Gives the routes it was made with, for every task."""

    def __init__(self, *routes: Route) -> None:
        super().__init__()
        self.routes = routes

    def read(self, tasks: Sequence[Task]) -> list[Reading]:
        self.reads += 1
        return [Reading("", self.routes) for _ in tasks]


@pytest.fixture
def decodes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the tools of every decode that is called."""
    calls: list[str] = []

    def counted(kind: type[Tool]) -> Any:
        original = kind.decode

        def decode(self: Tool, images: Sequence[np.ndarray], conditions: Sequence[Condition]) -> list[Result]:
            calls.append(self.name)
            return original(self, images, conditions)

        return decode

    for kind in (FakeSpot, FakePaint, FakeBroken):  # the shapes are found by FakeSpot's
        monkeypatch.setattr(kind, "decode", counted(kind))
    return calls


def start(folder: Path, way: str, out: str = "out") -> subprocess.Popen[str]:
    """The program above in a process of its own, at work in `folder`."""
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, way, out], cwd=folder, stderr=subprocess.PIPE, text=True,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
    )  # fmt: skip


def finished(folder: Path, way: str, out: str = "out") -> None:
    with start(folder, way, out) as running:
        _, error = running.communicate(timeout=120)
    assert running.returncode == 0, error


def calls(folder: Path) -> list[str]:
    """What the core and the tools did in `folder` since this was last asked."""
    lines = (folder / "calls").read_text().split("\n")[:-1]
    (folder / "calls").unlink()
    return lines


@pytest.fixture(scope="module")
def killed_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a.png and, in out/, a run that was killed while its last tool was at work."""
    folder = tmp_path_factory.mktemp("killed")
    picture_file(folder, "a.png", "red", "green")
    with start(folder, "hang") as running:
        deadline = time.monotonic() + 120
        while not (folder / "stuck").exists() and running.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        stuck = (folder / "stuck").exists()
        os.kill(running.pid, signal.SIGKILL)
        _, error = running.communicate(timeout=30)
    assert stuck, error
    return folder


@pytest.fixture
def killed(killed_once: Path, tmp_path: Path) -> Path:
    """A copy of that run's folder, with its picture beside it, for one test."""
    folder = tmp_path / "copy"
    shutil.copytree(killed_once, folder)
    asked = json.loads((folder / "out" / "task.json").read_text())
    assert asked["pictures"][0]["file"] == str(killed_once / "a.png")
    asked["pictures"][0]["file"] = str(folder / "a.png")
    (folder / "out" / "task.json").write_text(json.dumps(asked))
    return folder / "out"


def results_of(out: Path) -> dict[str, bytes]:
    """The result files of a finished run."""
    manifest = json.loads((out / "manifest.json").read_text())
    others = ("manifest.json", "task.json", "plan.json")
    return {name: (out / name).read_bytes() for name in manifest["files"] if name not in others}


# -- in another process ----------------------------------------------------------------------------------------------


def test_a_new_process_finishes_what_was_killed_and_does_nothing_twice(killed: Path) -> None:
    folder = killed.parent
    first = ["read", "decode spot", "encode spot", "decode shape", "encode shape", "decode paint", "decode broken"]
    before = calls(folder)
    assert sorted(before) == sorted(first) and before[-2:] == ["decode paint", "decode broken"]
    finished(folder, "resume")
    assert calls(folder) == ["decode broken"]
    finished(folder, "whole", "unbroken")
    assert sorted(calls(folder)) == sorted(first)
    ours, theirs = results_of(folder / "out"), results_of(folder / "unbroken")
    assert ours == theirs and {"spot-0.json", "shape-0.json", "paint-0.png", "broken-0.json"} <= set(ours)
    names = {file.name for file in (folder / "out").iterdir()}
    assert names == {file.name for file in (folder / "unbroken").iterdir()}
    plans = [json.loads((folder / out / "plan.json").read_text()) for out in ("out", "unbroken")]
    files = [json.loads((folder / out / "manifest.json").read_text())["files"] for out in ("out", "unbroken")]
    assert plans[0]["routes"] == plans[1]["routes"] and files[0] == files[1]


# -- in this process -------------------------------------------------------------------------------------------------


def test_a_killed_run_goes_on_where_it_was(killed: Path, fake_tools: tuple[str, ...], decodes: list[str]) -> None:
    assert json.loads((killed / "plan.json").read_text())["routes"][2]["uses"] == [1]
    assert not (killed / "manifest.json").exists()
    core = Scripted()
    run = Agent.resume(killed, core=core)
    assert decodes == ["broken"] and core.reads == 0
    assert [found.tool for found in run.results] == ["spot", "shape", "paint", "broken"] and not run.errors
    paint = run.results[2].result
    assert isinstance(paint, Image) and tuple(paint.pixels[20, 16]) == COLOURS["blue"]
    assert tuple(paint.pixels[0, 0]) == (127, 127, 127)
    assert (run.profile, run.seed) == ("fakes", 5)
    files = {file.name for file in killed.iterdir()}
    assert {"manifest.json", "paint-0.png", "spot-0.json"} <= files and CHECKPOINT not in files
    with pytest.raises(FolderError, match="finished"):
        Agent.resume(killed, core=core)


def test_a_resumed_run_has_the_options_it_had(killed: Path, fake_tools: tuple[str, ...]) -> None:
    kept: list[Agent] = []

    class Watched(Agent):
        def __init__(self, *arguments: Any, **named: Any) -> None:
            super().__init__(*arguments, **named)
            kept.append(self)

    Watched.resume(killed, core=Scripted())
    assert kept[0].tools["spot"].options["tolerance"] == 33 and kept[0].device == "cpu"


def test_a_killed_run_is_not_finished_with_another_picture(killed: Path, fake_tools: tuple[str, ...]) -> None:
    picture_file(killed.parent, "a.png", "red", "blue")
    with pytest.raises(FolderError, match=r"a\.png"):
        Agent.resume(killed, core=Scripted())
    (killed.parent / "a.png").unlink()
    with pytest.raises(InputError, match=r"a\.png"):
        Agent.resume(killed, core=Scripted())
    picture_file(killed.parent, "a.png", "red", "green")
    assert not Agent.resume(killed, core=Scripted()).errors  # the old picture is back; nothing was lost


def test_a_run_without_its_checkpoint_starts_over(
    killed: Path, fake_tools: tuple[str, ...], decodes: list[str]
) -> None:
    for file in killed.glob(f"{CHECKPOINT}*"):
        file.unlink()
    asked = (killed / "task.json").read_bytes()
    run = Agent.resume(killed, core=Scripted(Route("spot", "red")))
    assert decodes == ["spot"] and len(run.results[0].result) == 1
    assert (killed / "task.json").read_bytes() == asked  # "a.png" may be another file, seen from this folder


def test_a_new_run_into_a_killed_runs_folder_does_not_go_on_from_it(
    killed: Path, fake_agent: Agent, decodes: list[str]
) -> None:
    run = fake_agent.run("spot green", [killed.parent / "a.png"], out=killed)
    assert decodes == ["spot"] and [found.tool for found in run.results] == ["spot"]
    names = {file.name for file in killed.iterdir()}
    assert names == {"task.json", "plan.json", "manifest.json", "spot-0.json", "annotated-0.jpg"}


def test_a_refused_run_leaves_a_killed_runs_task_to_be_resumed(
    killed: Path, fake_agent: Agent, fake_tools: tuple[str, ...]
) -> None:
    with pytest.raises(InputError, match="a picture"):
        fake_agent.run("spot red", [], out=killed)
    run = Agent.resume(killed, core=Scripted(Route("spot", "red")))
    assert len(run.results[0].result) == 1


def test_a_run_killed_while_it_was_written_is_written_again(
    fake_agent: Agent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, decodes: list[str]
) -> None:
    class Killed(BaseException):
        """Stands for a kill in the middle of writing."""

    def save(self: RunFolder, run: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "save", save)
        with pytest.raises(Killed):
            fake_agent.run("spot red", [picture_file(tmp_path)], out=tmp_path / "out")
    run = Agent.resume(tmp_path / "out", core=FakeCore())
    assert decodes == ["spot"] and len(run.results[0].result) == 1
    assert (tmp_path / "out" / "manifest.json").exists()


def test_a_picture_that_is_no_file_is_kept_for_a_resume(
    fake_agent: Agent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def save(self: RunFolder, run: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "save", save)
        with pytest.raises(KeyboardInterrupt):
            fake_agent.run("paint it blue", [blocks("red", "green")], out=tmp_path / "out")
    run = Agent.resume(tmp_path / "out", core=FakeCore())
    assert np.array_equal(run.pixels(0), blocks("red", "green"))
    assert "input-0.png" in json.loads((tmp_path / "out" / "manifest.json").read_text())["files"]


@pytest.mark.parametrize("content", [None, "{", "[]", "{}"])
def test_a_folder_that_no_run_made_cannot_be_resumed(content: str | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "task.json").write_text(content)
    before = sorted(file.name for file in tmp_path.iterdir())
    with pytest.raises(FolderError):
        Agent.resume(tmp_path)
    with pytest.raises(FolderError):
        Agent.resume(tmp_path / "nowhere")
    assert sorted(file.name for file in tmp_path.iterdir()) == before
