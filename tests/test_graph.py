"""The graph of a run: waves, chains, failures, what a checkpoint holds, and going on after a kill."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from veclink.agent.agent import Agent
from veclink.agent.errors import FolderError
from veclink.agent.folder import CHECKPOINT, RunFolder
from veclink.agent.steps import DecodeStep
from veclink.agent.testing import COLOURS, FakeBroken, FakeCore, FakePaint, FakeShape, FakeSpot, blocks, picture_file
from veclink.router.core import Reading, Route, Task
from veclink.tools.condition import Condition
from veclink.tools.errors import ContractError
from veclink.tools.results import Boxes, Image, Masks, Result
from veclink.tools.tool import Tool

RED, BLUE = COLOURS["red"], COLOURS["blue"]


class Scripted(FakeCore):
    """Gives the routes it was made with, for every task."""

    def __init__(self, *routes: Route) -> None:
        super().__init__()
        self.routes = routes

    def read(self, tasks: Sequence[Task]) -> list[Reading]:
        self.reads += 1
        return [Reading("", self.routes) for _ in tasks]


def scripted(agent: Agent, *routes: Route) -> Agent:
    """The agent with a core that gives these routes."""
    agent._core, agent._attached = Scripted(*routes), False
    return agent


@pytest.fixture
def decodes(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """(tool, pairs) of every decode that is called."""
    calls: list[tuple[str, int]] = []

    def counted(kind: type[Tool]) -> Any:
        original = kind.decode

        def decode(self: Tool, images: Sequence[np.ndarray], conditions: Sequence[Condition]) -> list[Result]:
            calls.append((self.name, len(images)))
            return original(self, images, conditions)

        return decode

    for kind in (FakeSpot, FakePaint, FakeBroken):  # the shapes are found by FakeSpot's
        monkeypatch.setattr(kind, "decode", counted(kind))
    return calls


def box_of(result: Result) -> list[float]:
    return result.items()[0]["box"]


# -- waves and chains ------------------------------------------------------------------------------------------------


def test_a_tool_decodes_all_its_phrases_and_pictures_in_one_call(fake_agent: Agent, decodes: list[Any]) -> None:
    run = fake_agent.run("spot red and green; shape blue", [blocks("red", "green"), blocks("blue", "red", "green")])
    assert sorted(decodes) == [("shape", 2), ("spot", 4)]
    assert [(f.tool, f.image, len(f.result)) for f in run.results] == [
        ("spot", 0, 2), ("spot", 1, 2), ("shape", 0, 0), ("shape", 1, 1)]  # fmt: skip
    assert box_of(run.results[1].result) == [36, 8, 60, 32]


def test_boxes_become_the_regions_of_the_next_tool(fake_agent: Agent) -> None:
    """The second tool takes pale red too, and keeps to the box in which the first found red."""
    picture = blocks("red", "red")
    picture[8:32, 36:60] = (210, 40, 40)
    fake_agent.tools["spot"].options["tolerance"] = 10
    agent = scripted(fake_agent, Route("spot", "red"), Route("shape", "red", uses=(0,)))
    inside = agent.run("x", [picture]).results[1].result
    anywhere = scripted(fake_agent, Route("shape", "red")).run("x", [picture]).results[0].result
    assert isinstance(inside, Masks) and isinstance(anywhere, Masks)
    assert (inside.masks[0].sum(), anywhere.masks[0].sum()) == (24 * 24, 2 * 24 * 24)


def test_masks_become_the_regions_of_an_edit_and_the_edit_the_picture_of_what_follows(fake_agent: Agent) -> None:
    agent = scripted(fake_agent, Route("shape", "red"), Route("paint", "paint it blue", uses=(0,)),
                     Route("spot", "blue", uses=(1,)), Route("spot", "red", uses=(1,)))  # fmt: skip
    run = agent.run("x", [blocks("red", "green")])
    shape, paint, spot = (found.result for found in run.results)
    assert isinstance(shape, Masks) and isinstance(paint, Image) and isinstance(spot, Boxes)
    assert (paint.pixels[shape.masks[0]] == BLUE).all()
    assert np.array_equal(paint.pixels[~shape.masks[0]], blocks("red", "green")[~shape.masks[0]])
    assert [item["phrase"] for item in spot.items()] == ["blue"]  # the red square is blue now
    assert box_of(spot) == [4, 8, 28, 32]
    assert [step.tool for step in run.steps if isinstance(step, DecodeStep)] == ["shape", "paint", "spot"]


def test_edits_of_one_picture_are_made_on_top_of_each_other(fake_agent: Agent) -> None:
    agent = scripted(fake_agent, Route("spot", "red"), Route("spot", "green"), Route("paint", "blue", uses=(0,)),
                     Route("paint", "yellow", uses=(1,)), Route("paint", "red", image=1))  # fmt: skip
    run = agent.run("x", [blocks("red", "green"), blocks("green")])
    assert run.routes[3].uses == (1, 2) and run.routes[4].uses == ()
    edits = [found.result for found in run.results if found.tool == "paint"]
    assert len(edits) == 2 and isinstance(edits[0], Image)
    assert tuple(edits[0].pixels[20, 16]) == BLUE and tuple(edits[0].pixels[20, 48]) == COLOURS["yellow"]


def test_a_long_chain_is_no_trouble(fake_agent: Agent) -> None:
    agent = scripted(fake_agent, *(Route("paint", ("red", "green", "blue")[i % 3]) for i in range(40)))
    run = agent.run("x", [blocks("green")])
    assert not run.errors and len([step for step in run.steps if isinstance(step, DecodeStep)]) == 40
    assert isinstance(run.results[0].result, Image) and tuple(run.results[0].result.pixels[0, 0]) == RED


@pytest.mark.parametrize(("device", "together"), [("cpu", 1), ("meta", 2)])
def test_decoders_take_turns_on_a_cpu_and_only_there(
    fake_agent: Agent, monkeypatch: pytest.MonkeyPatch, device: str, together: int
) -> None:
    """Two tools of one wave are sent at once; where there are no CPU cores to fight for they decode at once, too."""
    busy: list[int] = []
    most: list[int] = []
    original = FakeSpot.decode

    def decode(self: FakeSpot, images: Sequence[np.ndarray], conditions: Sequence[Condition]) -> list[Result]:
        busy.append(1)
        time.sleep(0.3)
        most.append(len(busy))
        time.sleep(0.1)
        busy.pop()
        return original(self, images, conditions)

    monkeypatch.setattr(FakeSpot, "decode", decode)
    monkeypatch.setattr(FakeSpot, "device", torch.device(device))
    run = fake_agent.run("spot red; shape red", [blocks("red")])
    assert len(run.results) == 2 and max(most) == together


def test_a_core_that_gives_impossible_routes_is_told_so(fake_agent: Agent) -> None:
    for route in (Route("nosuch", "red"), Route("spot", "red", image=1), Route("spot", "red", uses=(0,))):
        with pytest.raises(ContractError, match="read"):
            scripted(fake_agent, route).run("x", [blocks("red")])


# -- failures --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("way", "word"),
    [("raise", "broken on purpose"), ("kind", "boxes result"), ("size", "64 pixels"), ("few", "list of 1 results")],
)
def test_a_broken_tool_is_an_error_of_its_own(fake_agent: Agent, way: str, word: str) -> None:
    run = fake_agent.run(f"break by {way}; spot red; shape red", [blocks("red")])
    (error,) = run.errors
    assert error[0] == "broken" and word in error[1] and "\n" not in error[1]
    assert [found.tool for found in run.results] == ["spot", "shape"]
    assert run.answer.startswith("broken failed. Found 1 red.")
    assert [step.error for step in run.steps if isinstance(step, DecodeStep) and step.error] == [error[1]]


def test_a_tool_that_hangs_is_left_behind_and_replaced(fake_agent: Agent) -> None:
    fake_agent.time_limit = 0.3
    old = fake_agent.tools["broken"]
    start = time.monotonic()
    run = fake_agent.run("break by hang; spot red", [blocks("red")])
    assert time.monotonic() - start < 5
    assert [tool for tool, _ in run.errors] == ["broken"] and "0.3 s" in run.errors[0][1]
    assert [found.tool for found in run.results] == ["spot"]
    assert fake_agent.tools["broken"] is not old
    assert not fake_agent.run("break nothing", [blocks("red")]).errors


def test_a_tool_that_hangs_with_its_lock_held_blocks_no_later_step(
    fake_agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second wave of the same tool is an error at once, and the next run has a fresh tool."""
    with monkeypatch.context() as patch:
        patch.setattr(FakeSpot, "encode", lambda self, images: time.sleep(3600))  # `encoded` holds the tool's lock
        fake_agent.time_limit = 0.3
        agent = scripted(fake_agent, Route("spot", "red"), Route("paint", "blue"), Route("spot", "blue", uses=(1,)))
        start = time.monotonic()
        run = agent.run("x", [blocks("red")])
        assert time.monotonic() - start < 5
    assert [tool for tool, _ in run.errors] == ["spot", "spot"] and [f.tool for f in run.results] == ["paint"]
    assert not agent.run("x", [blocks("red")]).errors


def test_a_bridge_that_hangs_is_left_behind_too(fake_agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeShape, "bridge", lambda self, phrases: time.sleep(3600))
    fake_agent.time_limit = 0.3
    run = fake_agent.run("shape red; spot red", [blocks("red")])
    assert [tool for tool, _ in run.errors] == ["shape"] and [f.tool for f in run.results] == ["spot"]


def test_one_bad_pair_does_not_spoil_the_others_of_its_batch(
    fake_agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = FakeSpot._find

    def find(self: FakeSpot, pixels: np.ndarray, condition: Condition) -> Any:
        if "green" in condition.phrase:
            raise MemoryError("no room for green")
        return original(self, pixels, condition)

    monkeypatch.setattr(FakeSpot, "_find", find)
    run = fake_agent.run("spot red and green and blue", [blocks("red", "green", "blue")])
    assert [item["phrase"] for item in run.results[0].result.items()] == ["red", "blue"]
    ((tool, message),) = run.errors
    assert tool == "spot" and "no room for green" in message


def test_what_works_on_a_failed_result_fails_with_it_and_says_why(fake_agent: Agent) -> None:
    agent = scripted(fake_agent, Route("broken", "raise"), Route("paint", "blue", uses=(0,)), Route("spot", "red"))
    run = agent.run("x", [blocks("red")])
    assert [tool for tool, _ in run.errors] == ["broken", "paint"] and "step 1" in run.errors[1][1]
    assert [found.tool for found in run.results] == ["spot"]


def test_nothing_is_done_to_what_was_not_found(fake_agent: Agent) -> None:
    """No yellow square: the picture is not painted all over, and the run says so."""
    agent = scripted(fake_agent, Route("spot", "yellow"), Route("paint", "blue", uses=(0,)))
    run = agent.run("x", [blocks("red")])
    assert [found.tool for found in run.results] == ["spot"] and not run.errors
    assert run.answer == "No yellow was found."
    assert run.notes == ("nothing to do for 'blue': what it works on was not found",)


def test_an_error_of_the_core_ends_the_run(fake_agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    def read(tasks: Sequence[Task]) -> list[Reading]:
        raise ContractError("a", "b", "c")

    monkeypatch.setattr(fake_agent.core, "read", read)
    with pytest.raises(ContractError):
        fake_agent.run("spot red", [blocks("red")])


# -- checkpoints -----------------------------------------------------------------------------------------------------


def test_a_checkpoint_holds_words_and_numbers_and_no_pixels(
    fake_agent: Agent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (800, 1000, 3), dtype=np.uint8)  # 2.4 MB that no packing makes smaller
    picture[100:200, 100:200] = RED
    kept: dict[str, bytes] = {}
    save = RunFolder.save

    def before_saving(self: RunFolder, run: Any) -> None:
        with sqlite3.connect(self.path / CHECKPOINT) as file:
            kept["dump"] = "\n".join(file.iterdump()).encode()
        kept["size"] = sum(f.stat().st_size for f in self.path.glob(f"{CHECKPOINT}*")).to_bytes(8, "big")
        kept["files"] = ",".join(sorted(f.name for f in self.path.iterdir())).encode()
        save(self, run)

    monkeypatch.setattr(RunFolder, "save", before_saving)
    agent = scripted(fake_agent, Route("shape", "red"), Route("paint", "blue", uses=(0,)))
    run = agent.run("x", [picture], out=tmp_path / "out")
    assert isinstance(run.results[1].result, Image)
    assert int.from_bytes(kept["size"], "big") < 600_000  # several copies of the state
    assert picture[0, :8].tobytes().hex().encode() not in kept["dump"].lower()
    assert b"step-1.png" in kept["files"]
    assert not list((tmp_path / "out").glob("step-*")) and not list((tmp_path / "out").glob(f"{CHECKPOINT}*"))


def test_without_a_folder_nothing_is_checkpointed(fake_agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    import langgraph.checkpoint.sqlite as sqlite

    monkeypatch.setattr(sqlite, "SqliteSaver", None)
    assert fake_agent.run("spot red", [blocks("red")]).results


KILLED = """
import sys, time
from pathlib import Path
import veclink.agent.testing as t
from veclink.agent import Agent
from veclink.agent.profiles import Profile
from veclink.router.core import Reading, Route
from veclink.tools import registry

class Core(t.FakeCore):
    def read(self, tasks):
        return [Reading("", (Route("spot", "red"), Route("shape", "red"), Route("paint", "blue", uses=(1,)),
                             Route("broken", "last", uses=(2,))))]

def hang(self, images, conditions):
    Path("stuck").touch()
    time.sleep(3600)

t.FakeBroken.decode = hang
for kind in t.FAKES:
    registry.register(kind.name, kind)
profile = Profile("fakes", "", {"model": "fake"}, {kind.name: {} for kind in t.FAKES}, plugins=False)
Agent(profile, device="cpu", seed=5, options={"spot": {"tolerance": 33}}, core=Core()).run("x", ["a.png"], out="out")
"""


@pytest.fixture
def killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a run that was killed while its last tool was at work."""
    monkeypatch.chdir(tmp_path)
    picture_file(tmp_path, "a.png", "red", "green")
    with subprocess.Popen([sys.executable, "-c", KILLED], stderr=subprocess.PIPE, text=True) as running:
        deadline = time.monotonic() + 60
        while not Path("stuck").exists() and running.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        stuck = Path("stuck").exists()
        os.kill(running.pid, signal.SIGKILL)
        _, error = running.communicate(timeout=30)
    assert stuck, error
    return tmp_path / "out"


def test_a_killed_run_goes_on_and_does_nothing_twice(
    killed: Path, fake_tools: tuple[str, ...], decodes: list[tuple[str, int]]
) -> None:
    assert json.loads((killed / "plan.json").read_text())["routes"][2]["uses"] == [1]
    assert not (killed / "manifest.json").exists()
    core = Scripted()
    run = Agent.resume(killed, core=core)
    assert decodes == [("broken", 1)] and core.reads == 0
    assert [found.tool for found in run.results] == ["spot", "shape", "paint", "broken"] and not run.errors
    paint = run.results[2].result
    assert isinstance(paint, Image) and tuple(paint.pixels[20, 16]) == BLUE and tuple(paint.pixels[0, 0]) == (127,) * 3
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
    with pytest.raises(Exception, match=r"a\.png"):
        Agent.resume(killed, core=Scripted())


def test_a_run_killed_before_its_first_step_starts_over(
    killed: Path, fake_tools: tuple[str, ...], decodes: list[tuple[str, int]]
) -> None:
    for file in killed.glob(f"{CHECKPOINT}*"):
        file.unlink()
    run = Agent.resume(killed, core=Scripted(Route("spot", "red")))
    assert decodes == [("spot", 1)] and len(run.results[0].result) == 1


def test_a_run_killed_while_it_was_written_is_written_again(
    fake_agent: Agent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, decodes: list[tuple[str, int]]
) -> None:
    class Killed(BaseException):
        """Stands for a kill in the middle of writing."""

    def killed(self: RunFolder, run: Any) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(RunFolder, "save", killed)
        with pytest.raises(Killed):
            fake_agent.run("spot red", [picture_file(tmp_path)], out=tmp_path / "out")
    run = Agent.resume(tmp_path / "out", core=FakeCore())
    assert decodes == [("spot", 1)] and len(run.results[0].result) == 1
    assert (tmp_path / "out" / "manifest.json").exists()


@pytest.mark.parametrize("content", [None, "{", "[]"])
def test_a_folder_that_no_run_made_cannot_be_resumed(content: str | None, tmp_path: Path) -> None:
    if content is not None:
        (tmp_path / "task.json").write_text(content)
    with pytest.raises(FolderError):
        Agent.resume(tmp_path)
