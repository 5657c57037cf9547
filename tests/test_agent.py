"""The agent as a person uses it: runs, links, batches, plans, threads, folders; then real weights on real photos."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from conftest import need_model, need_weights
from PIL import Image as Pillow
from tiny_models import built

from veclink.agent import Agent, Region, Run, Task
from veclink.agent.errors import FolderError
from veclink.agent.folder import RunFolder
from veclink.agent.steps import AnswerStep, CheckStep, DecodeStep, OpenStep, ReadStep
from veclink.agent.testing import FakeCore, FakeSpot, blocks, picture_file
from veclink.envs.errors import InputError
from veclink.router.core import Reading, Route, Written
from veclink.router.errors import CheckpointError, TaskError
from veclink.router.hub import HubCore
from veclink.tools.condition import Condition
from veclink.tools.errors import ImageError, RegionError
from veclink.tools.regions import Region as PlainRegion
from veclink.tools.results import Boxes, Keypoints, Result

KEYS = {"task", "answer", "profile", "device", "seed", "models", "routes", "results", "errors", "seconds"}


class Linked(FakeCore):
    """Gives a link of ones with every route, and a link set whose gate is a half and whose projector is the mean."""

    class LinkSet:
        def gate(self, tool: str) -> float:
            return 0.5

        def condition(self, tool: str, bridge: torch.Tensor, link: torch.Tensor) -> torch.Tensor:
            return bridge + 0.5 * link.mean()

    linkset = LinkSet()

    def read(self, tasks: Sequence[Task]) -> list[Reading]:
        plain = super().read(tasks)
        return [
            Reading(r.answer, tuple(Route(x.tool, x.phrase, x.image, torch.ones(4, 8), x.uses) for x in r.routes))
            for r in plain
        ]


class Script(FakeCore):
    """Reads tasks of the form "tool: phrase; tool: phrase", for tools with real weights."""

    def read(self, tasks: Sequence[Task]) -> list[Reading]:
        return [Reading("", tuple(self._routes(task.text))) for task in tasks]

    def _routes(self, text: str) -> list[Route]:
        pairs = [part.split(":") for part in text.split(";")]
        return [Route(tool.strip(), phrase.strip()) for tool, phrase in pairs]


def raise_(error: BaseException) -> Any:
    raise error


# -- one run ---------------------------------------------------------------------------------------------------------


def test_a_run_is_the_designs_document(fake_agent: Agent) -> None:
    run = fake_agent.run("spot red; shape green", [blocks("red", "green")])
    document = run.to_dict()
    assert set(document) >= KEYS and json.loads(json.dumps(document, allow_nan=False)) == document
    assert document["task"] == "spot red; shape green"
    assert document["answer"] == run.answer == "Found 1 red. Outlined 1 green."
    assert document["models"] == {"fake-core": "0" * 64}
    assert document["routes"] == [
        {"tool": "spot", "phrase": "red", "image": 0, "condition": "bridge", "gate": 0.0, "uses": []},
        {"tool": "shape", "phrase": "green", "image": 0, "condition": "bridge", "gate": 0.0, "uses": []},
    ]
    spot, shape = document["results"]
    assert (spot["tool"], spot["image"], spot["kind"], spot["file"]) == ("spot", 0, "boxes", None)
    assert spot["items"] == [{"label": "red", "phrase": "red", "score": 0.9, "box": [4, 8, 28, 32]}]
    assert set(shape["items"][0]) == {"label", "phrase", "score", "box", "mask"}
    assert Result.from_dict(shape) == run.results[1].result


def test_the_steps_of_a_run_are_typed_and_add_up(fake_agent: Agent) -> None:
    run = fake_agent.run("spot red; shape green", [blocks("red", "green")])
    assert [type(step) for step in run.steps] == [OpenStep, ReadStep, DecodeStep, DecodeStep, CheckStep, AnswerStep]
    assert [step.dict()["step"] for step in run.steps] == ["open", "read", "decode", "decode", "check", "answer"]
    assert json.dumps([step.dict() for step in run.steps])
    assert {"open", "core", "load:spot", "bridge:spot", "decode:spot", "decode:shape", "link", "check", "answer",
            "rest", "total"} <= set(run.seconds)  # fmt: skip
    parts = sum(seconds for name, seconds in run.seconds.items() if name != "total")
    assert all(seconds >= 0 for seconds in run.seconds.values()) and parts == pytest.approx(run.seconds["total"])
    with pytest.raises(AttributeError):
        run.steps[0].seconds = 3.0  # pyright: ignore[reportAttributeAccessIssue] - what is tested


def test_loading_is_timed_apart_from_decoding(fake_agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(FakeSpot, "setup", lambda self: time.sleep(0.2))
    first = fake_agent.run("spot red", [blocks("red")]).seconds
    again = fake_agent.run("spot red", [blocks("red")]).seconds
    assert first["load:spot"] >= 0.2 > first["decode:spot"] and again["load:spot"] < 0.1


def test_links_enter_through_the_gate(fake_agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    fed: list[Condition] = []
    original = FakeSpot.decode

    def decode(self: FakeSpot, images: Sequence[np.ndarray], conditions: Sequence[Condition]) -> list[Result]:
        fed.extend(conditions)
        return original(self, images, conditions)

    monkeypatch.setattr(FakeSpot, "decode", decode)
    fake_agent._core = Linked()
    run = fake_agent.run("spot red", [blocks("red")])
    assert fed[0].vectors.tolist() == [[1.5, 0.5, 0.5]] and fed[0].phrase == "red"
    assert [(route.condition, route.gate) for route in run.routes] == [("link", 0.5)]


def test_a_linked_core_changes_what_a_tool_finds(fake_agent: Agent) -> None:
    """A real core, a small random one, with the gate of one tool opened by hand; the other tool keeps its bridge."""

    class Both:
        """Routes every task to both tools."""

        def attach(self, tools: Sequence[Any]) -> None:
            pass

        def write(self, tasks: Sequence[Task]) -> list[Written]:
            return [Written((("spot", ("red",)), ("shape", ("red",)))) for _ in tasks]

    core = HubCore.from_parts(*built("llama"), routing=Both(), device="cpu")
    fake_agent._core, fake_agent._attached = core, False
    picture = [blocks("red", "green", "blue")]
    closed = fake_agent.run("spot red", picture)
    assert [(r.condition, r.gate) for r in closed.routes] == [("bridge", 0.0), ("bridge", 0.0)]
    assert closed.results[0].result.items()[0]["box"] == [4, 8, 28, 32]

    link = core.linkset.of("spot")
    assert link.projector is not None
    with torch.no_grad():  # a projector that gives blue minus red whatever the core's hidden states are
        link.projector.outer.weight.zero_()
        link.projector.offset.copy_(torch.tensor([[-1.0, 0.0, 1.0]]) / 0.8)
        link.gate.value.fill_(0.8)
    linked = fake_agent.run("spot red", picture)
    assert [(r.tool, r.condition, r.gate) for r in linked.routes] == [("spot", "link", 0.8), ("shape", "bridge", 0.0)]
    assert linked.results[0].result.items()[0]["box"] == [68, 8, 92, 32]  # the blue square
    assert linked.results[1].result == closed.results[1].result
    assert linked.to_dict()["routes"][0]["condition"] == "link" and len(linked.models) >= 1


def test_a_seed_gives_the_same_run_and_another_seed_another(
    fake_tools: tuple[str, ...], fake_agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a tool that draws from torch's own generator."""

    def decode(self: FakeSpot, images: Sequence[np.ndarray], conditions: Sequence[Condition]) -> list[Result]:
        size = (images[0].shape[1], images[0].shape[0])
        return [Boxes(np.array([[0.0, 0, *torch.rand(2).tolist()]]), np.array([0.5]), "x", "red", size)]

    monkeypatch.setattr(FakeSpot, "decode", decode)
    drawn = []
    for seed in (1, 1, 2):
        agent = Agent(fake_agent.profile, device="cpu", seed=seed, core=FakeCore())
        drawn.append([agent.run("spot red", [blocks("red")]).results[0].result.items() for _ in range(2)])
    assert drawn[0][0] == drawn[0][1] and drawn[0] == drawn[1] != drawn[2]


HANGING = """
import veclink.agent.testing as t
from veclink.agent import Agent
from veclink.agent.profiles import Profile
from veclink.tools import registry

for kind in t.FAKES:
    registry.register(kind.name, kind)
profile = Profile("fakes", "", {"model": "fake"}, {kind.name: {} for kind in t.FAKES}, plugins=False)
agent = Agent(profile, device="cpu", core=t.FakeCore(), time_limit=0.5)
run = agent.run("break by hang; spot red", [t.blocks("red")])
print(run.answer, flush=True)
"""


def test_a_tool_that_hangs_does_not_keep_the_process_alive() -> None:
    with subprocess.Popen([sys.executable, "-c", HANGING], stdout=subprocess.PIPE, text=True) as running:
        try:
            assert running.stdout is not None
            answer = running.stdout.readline()  # imports before it take as long as the machine is busy
            assert running.wait(timeout=10) == 0
        finally:
            running.kill()
    assert answer == "broken failed. Found 1 red.\n"


def test_regions_reach_the_tools_of_their_picture(fake_agent: Agent) -> None:
    pictures = [blocks("red", "red"), blocks("red", "red")]
    run = fake_agent.run("spot red", pictures, [Region.box(30, 0, 64, 64, image=1)])
    assert Region is PlainRegion
    assert [f.result.items()[0]["box"] for f in run.results] == [[4, 8, 60, 32], [36, 8, 60, 32]]


def test_words_are_enough_for_some_tasks_and_too_much_for_others(fake_agent: Agent) -> None:
    assert fake_agent.run("good morning").answer == "You said: good morning"
    run = fake_agent.run("play some music", [blocks("red")])
    assert run.answer.startswith("None of my tools can do this.") and run.routes == run.results == ()
    assert "Finds where a colour is" in run.answer and fake_agent.plan("play some music").answer == run.answer


def test_counts_are_held_against_the_request_and_nothing_is_invented(fake_agent: Agent) -> None:
    run = fake_agent.run("spot two red squares and yellow", [blocks("red")])
    assert run.answer == "Found 1 red. No yellow was found."
    assert len(run.notes) == 1 and "asks for 2, 1 " in run.notes[0] and len(run.results[0].result) == 1


@pytest.mark.parametrize(
    ("text", "images", "regions", "error"),
    [
        ("", [blocks("red")], [], TaskError),
        ("spot red " * 20_000, [blocks("red")], [], TaskError),
        ("spot red", [], [], InputError),
        ("spot red", ["nowhere.png"], [], ImageError),
        ("spot red", [np.zeros((1, 1, 3), np.uint8)], [], ImageError),
        ("spot red", [blocks("red")], [Region.box(0, 0, 99, 9)], RegionError),
        ("spot red", [blocks("red")], [Region.point(5, 5, image=1)], TaskError),
    ],
)
def test_bad_input_is_refused_and_nothing_is_written(
    fake_agent: Agent, text: str, images: list[Any], regions: list[Region], error: type[InputError], tmp_path: Path
) -> None:
    with pytest.raises(error) as caught:
        fake_agent.run(text, images, regions, out=tmp_path / "out")
    assert caught.value.exit_code == 2 and list(tmp_path.iterdir()) == []
    assert not any(tool._ready for tool in fake_agent.tools.values())


@pytest.mark.parametrize("late", ["no picture", "no core", "core fails", "interrupt", "disk full at the plan"])
def test_what_turns_out_late_leaves_a_folder_as_it_was(
    fake_agent: Agent, fake_core: FakeCore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, late: str
) -> None:
    """A folder of the user's keeps what is in it, the last run's results too; one made for this run is gone."""
    users = tmp_path / "users"
    fake_agent.run("spot red", [blocks("red")], out=users)
    (users / "notes.txt").write_text("mine")
    before = {file.name: file.read_bytes() for file in users.iterdir()}
    problem: BaseException = KeyboardInterrupt() if late == "interrupt" else CheckpointError("a", "b", "c")
    if late == "no core":
        fake_agent._attached = False
        monkeypatch.setattr(fake_core, "attach", lambda *a: raise_(problem))
    elif late in ("core fails", "interrupt"):
        monkeypatch.setattr(fake_core, "read", lambda tasks: raise_(problem))
    elif late == "disk full at the plan":
        problem = FolderError("a", "the disk is full", "c")
        monkeypatch.setattr(RunFolder, "write_picture", lambda *a: raise_(problem))
    pictures = [] if late == "no picture" else [blocks("green")]
    for out in (tmp_path / "new" / "deep", users):
        with pytest.raises(InputError if late == "no picture" else type(problem)):
            fake_agent.run("spot red", pictures, out=out)
    assert {file.name for file in tmp_path.iterdir()} == {"users"}
    after = {file.name: file.read_bytes() for file in users.iterdir()}
    if late == "disk full at the plan":  # the old results have made room for the new ones by then
        assert after == {"notes.txt": b"mine"}
    else:
        assert after == before


# -- batches and plans -----------------------------------------------------------------------------------------------


def test_a_mixed_batch_is_read_once_decoded_once_and_equal_to_one_by_one(
    fake_agent: Agent, fake_core: FakeCore, monkeypatch: pytest.MonkeyPatch
) -> None:
    tasks: list[Any] = [
        Task("spot red and blue", (blocks("red", "green", "blue"),)),
        ("shape green; spot red", [blocks("red"), blocks("green", "red")]),
        ("break by raise", [blocks("red")]),
        ("paint it blue", [blocks("red")], [Region.box(4, 8, 28, 32)]),
        ("good morning", []),
        ("spot it", [blocks("red")], [Region.box(1, 1, 9, 9)]),
    ]
    asked: list[Any] = [(task.text, task.images) if isinstance(task, Task) else task for task in tasks]
    single = [fake_agent.run(*words) for words in asked]
    calls: list[str] = []
    original = FakeSpot.decode
    monkeypatch.setattr(FakeSpot, "decode", lambda self, *a: calls.append(self.name) or original(self, *a))
    reads = fake_core.reads
    batch = fake_agent.run_batch(tasks)
    assert fake_core.reads == reads + 1 and sorted(calls) == ["shape", "spot"]
    for one, other in zip(single, batch, strict=True):
        left, right = one.to_dict(), other.to_dict()
        assert {k: v for k, v in left.items() if k != "seconds"} == {k: v for k, v in right.items() if k != "seconds"}
        for a, b in zip(one.results, other.results, strict=True):
            assert a.result == b.result
    assert fake_agent.run_batch([]) == []


def test_a_plan_loads_no_decoder(fake_agent: Agent) -> None:
    run = fake_agent.plan("spot red; shape green", [blocks("red")])
    assert [(route.tool, route.phrase) for route in run.routes] == [("spot", "red"), ("shape", "green")]
    assert run.results == () and not any(tool._ready for tool in fake_agent.tools.values())


# -- threads ---------------------------------------------------------------------------------------------------------


def test_turns_on_one_picture_reuse_what_was_encoded(fake_agent: Agent) -> None:
    picture = blocks("red", "green")
    for phrase in ("red", "green", "red"):
        fake_agent.run(f"spot {phrase}", [picture], thread="a")
    assert FakeSpot.encodings == 1
    fake_agent.run("spot red", [blocks("blue")], thread="a")
    assert FakeSpot.encodings == 2


def test_them_may_mean_what_the_turn_before_was_about(fake_agent: Agent) -> None:
    picture = blocks("red", "green")
    fake_agent.run("spot red and green", [picture], thread="a")
    fake_agent.run("paint it blue", [picture], thread="a")  # about no thing of its own
    run = fake_agent.run("now outline them", [picture], thread="a")
    assert [(route.tool, route.phrase) for route in run.routes] == [("shape", "red"), ("shape", "green")]
    other = fake_agent.run("now outline them", [picture], thread="b")
    assert [route.phrase for route in other.routes] == ["them"]
    assert len(run.results) == 1 and len(run.steps) == len(other.steps)  # no turn carries the one before along


# -- folders ---------------------------------------------------------------------------------------------------------


def test_a_run_leaves_a_folder(fake_agent: Agent, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    run = fake_agent.run("spot red; shape red; paint them blue", [blocks("red", "green"), blocks("blue")], out=out)
    assert {file.name for file in out.iterdir()} == {
        "task.json", "plan.json", "manifest.json", "annotated-0.jpg", "annotated-1.jpg", "spot-0.json", "spot-1.json",
        "shape-0.json", "shape-1.json", "shape-0-cutout.png", "paint-0.png", "input-0.png", "input-1.png"}  # fmt: skip
    for found in run.results:
        assert found.file and (out / found.file).exists()
        if found.file.endswith(".json"):
            assert Result.from_dict(json.loads((out / found.file).read_text())) == found.result
    manifest = json.loads((out / "manifest.json").read_text())
    assert manifest["device"] == "cpu" and manifest["seed"] == 0 and manifest["seconds"]["draw"] > 0
    assert manifest["packages"]["torch"] == version("torch")
    assert set(manifest["files"]) == {file.name for file in out.iterdir()}
    assert [step["step"] for step in manifest["steps"]].count("decode") == 3
    with Pillow.open(out / "shape-0-cutout.png") as cutout:
        assert cutout.mode == "RGBA" and np.asarray(cutout)[..., 3].sum() == 255 * 24 * 24


def test_the_plan_is_written_before_a_decoder_loads(
    fake_agent: Agent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    def setup(self: FakeSpot) -> None:
        seen.append(json.loads((tmp_path / "out" / "plan.json").read_text())["routes"][0]["phrase"])

    monkeypatch.setattr(FakeSpot, "setup", setup)
    fake_agent.run("spot red", [blocks("red")], out=tmp_path / "out")
    assert seen == ["red"]


def test_a_second_run_into_a_folder_takes_the_place_of_the_first(fake_agent: Agent, tmp_path: Path) -> None:
    out = tmp_path / "out"
    fake_agent.out = out
    fake_agent.run("paint it blue; shape red", [blocks("red"), blocks("red")])
    (out / "notes.txt").write_text("mine")
    run = fake_agent.run("spot blue", [out / "paint-0.png"])
    assert len(run.results[0].result) == 1
    assert {file.name for file in out.iterdir()} == {
        "task.json", "plan.json", "manifest.json", "annotated-0.jpg", "spot-0.json", "paint-0.png", "notes.txt"
    }  # fmt: skip


def test_a_folder_is_tried_before_anything_is_done(
    fake_agent: Agent, fake_core: FakeCore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("precious")
    with pytest.raises(FolderError):
        fake_agent.run("spot red", [blocks("red")], out=tmp_path / "file")

    def full(self: Path, data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(FolderError, match="disk is full"):
        fake_agent.run("spot red", [blocks("red")], out=tmp_path / "out")
    assert fake_core.reads == 0 and {file.name for file in tmp_path.iterdir()} == {"file"}


def test_a_disk_that_fills_up_leaves_no_half_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = RunFolder(tmp_path)
    folder.write("a.json", b"old")

    def full(self: Path, data: bytes) -> int:
        with open(self, "wb") as file:
            file.write(data[:1])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(FolderError, match="disk is full"):
        folder.write("a.json", b"new")
    assert [(file.name, file.read_bytes()) for file in tmp_path.iterdir()] == [("a.json", b"old")]


def test_a_run_can_be_saved_and_drawn_later(fake_agent: Agent, tmp_path: Path) -> None:
    run = fake_agent.run("spot red", [picture_file(tmp_path)])
    assert run.save(tmp_path / "later") == run.folder == tmp_path / "later"
    assert (tmp_path / "later" / "spot-0.json").exists()
    drawn = np.asarray(run.draw(0))
    assert drawn.shape == (64, 96, 3) and (drawn != run.pixels(0)).any()
    assert isinstance(run, Run) and run.to_dict()["pictures"] == [str(tmp_path / "blocks.png")]


# -- real weights on real photographs --------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def photo_agent() -> Agent:
    need_weights("yolo11n.pt", "yolo11n-pose.pt", "yolo11n-seg.pt")
    return Agent("photo", device="cpu", core=Script())


def by_kind(agent: Agent, kind: str) -> str:
    """The name of the shipped tool that gives results of a kind."""
    return next(name for name, tool in agent.tools.items() if tool.result == kind)


@pytest.mark.weights
def test_three_tools_on_the_street_picture(photo_agent: Agent, tmp_path: Path) -> None:
    boxes, poses, masks = (by_kind(photo_agent, kind) for kind in ("boxes", "keypoints", "masks"))
    text = f"{boxes}: every person; {boxes}: the bus; {poses}: the people; {masks}: the bus"
    run = photo_agent.run(text, ["example:street"], out=tmp_path)
    assert not run.errors
    assert run.answer == "Found 4 people and 1 bus. 4 poses of 17 keypoints. Outlined 1 bus."
    assert set(run.models) >= {"yolo11n.pt", "yolo11n-pose.pt", "yolo11n-seg.pt"}
    assert {file.name for file in tmp_path.iterdir()} >= {"annotated-0.jpg", f"{masks}-0-cutout.png", "manifest.json"}
    keypoints = run.results[1].result
    assert isinstance(keypoints, Keypoints) and keypoints.xy.shape == (4, 17, 2)


@pytest.mark.weights
def test_two_men_and_no_dog(photo_agent: Agent) -> None:
    boxes = by_kind(photo_agent, "boxes")
    run = photo_agent.run(f"{boxes}: the two men; {boxes}: dogs", ["example:two-men"])
    assert run.answer == "Found 2 people. No dog was found." and run.notes == ()


@pytest.mark.weights
def test_the_photo_profile_from_words_to_answer() -> None:
    need_weights("yolo11n.pt", "yolo11n-pose.pt", "yolo11n-seg.pt")
    need_model("smollm2-135m")
    agent = Agent("photo", device="cpu")
    run = agent.run("find every person and the bus", ["example:street"])
    assert run.answer == "Found 4 people and 1 bus." and not run.errors
