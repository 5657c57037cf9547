"""The graph of a run: waves, chains, failures, and what a checkpoint holds."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from veclink.agent.agent import Agent
from veclink.agent.folder import CHECKPOINT, RunFolder
from veclink.agent.steps import DecodeStep
from veclink.agent.testing import COLOURS, FakeBroken, FakeCore, FakePaint, FakeShape, FakeSpot, blocks
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


def test_where_the_link_points_reaches_the_tool_but_not_on_an_edited_picture(
    fake_agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Condition] = []
    decode = FakeSpot.decode
    monkeypatch.setattr(FakeSpot, "decode", lambda self, images, conditions: seen.extend(conditions)
                        or decode(self, images, conditions))
    where = torch.ones(2, 3)
    agent = scripted(fake_agent, Route("shape", "red", dense=where), Route("paint", "blue"),
                     Route("spot", "blue", uses=(1,), dense=where), Route("spot", "red"))  # fmt: skip
    agent.run("x", [blocks("red", "green")])
    given = {(condition.phrase): condition.dense for condition in seen}
    assert given["red"] is None and given["blue"] is None, "the core has not seen what was painted"
    assert [one.dense for one in seen if one.phrase == "red"].count(where) == 1


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
    picture = rng.integers(0, 256, (1000, 1000, 3), dtype=np.uint8)  # 3 MB that no packing makes smaller
    picture[..., 0] //= 4  # no stray reds: run lengths of thousands of specks would be the result's own size
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
    assert int.from_bytes(kept["size"], "big") < 200_000  # several copies of the state
    assert picture[0, :8].tobytes().hex().encode() not in kept["dump"].lower()
    assert b"step-1.png" in kept["files"]
    assert not list((tmp_path / "out").glob("step-*")) and not list((tmp_path / "out").glob(f"{CHECKPOINT}*"))


def test_without_a_folder_nothing_is_checkpointed(fake_agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    import langgraph.checkpoint.sqlite as sqlite

    monkeypatch.setattr(sqlite, "SqliteSaver", None)
    assert fake_agent.run("spot red", [blocks("red")]).results
