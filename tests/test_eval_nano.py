"""`veclink eval nano`: an oracle gets all, a guesser about nothing, a stopped run goes on, arms differ as told."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from kept_samples import Kept
from PIL import Image as Pillow
from tiny_nano import tiny_model, tiny_words

from veclink.agent.cli import main
from veclink.agent.measure.nano import latency
from veclink.agent.measure.nano.cases import HELD_OUT, MAIN, Asked, Block
from veclink.agent.measure.nano.draws import DRAWS
from veclink.agent.measure.nano.measure import RECORDS, measure
from veclink.agent.measure.nano.subject import ARMS, BRIDGE, LINK, LOW, ROUTED, SHUFFLED, TEXT, Found, NanoSubject
from veclink.agent.nano.targets import POINTS
from veclink.envs.errors import InputError, UnknownName
from veclink.router.core import Reading, Route
from veclink.router.nano.core import NanoCore
from veclink.router.nano.files import save_nano
from veclink.router.nano.samples import Call, Sample, Turn
from veclink.router.nano.words import Words
from veclink.tools.condition import Condition
from veclink.tools.regions import Region
from veclink.tools.results import Boxes, Image, Keypoints, Masks, Result
from veclink.tools.tool import Tool

pytestmark = pytest.mark.usefixtures("one_thread")
COUNTS = {False: 6, True: 2}  # pictures with known and with held-out textures


class Oracle:
    """Knows the truth."""

    device = "cpu"
    threshold: Mapping[str, float] = {"detect": 0.25, "pose": 0.25}
    fill: Mapping[str, str] = {}

    def __init__(self, missing: Mapping[str, Mapping[str, str]] | None = None, blocks: int = 99) -> None:
        self.models, self.missing, self.blocks = {"oracle": "0"}, dict(missing or {}), blocks

    def read(self, block: Block) -> list[list[Reading]]:
        self.blocks -= 1
        if self.blocks < 0:
            raise KeyboardInterrupt
        return [[Reading(turn.words, tuple(Route(call.tool, call.phrase) for call in turn.calls), turn.rejected)
                 for turn in sample.turns] for sample in block.samples]

    def decode(self, arm: str, block: Block, asked: Sequence[Asked], readings: Sequence[Sequence[Reading]]
               ) -> list[Found]:
        return [one.call.target for one in asked]


class Guesser(Oracle):
    """Has never seen the picture: everything by chance."""

    def read(self, block: Block) -> list[list[Reading]]:
        rng = random.Random(block.first)
        labels = [(), ("reject",), *((tool,) for tool in block.roles)]
        return [[Reading(rng.choice(["Yes.", "No.", "There are 2 cows.", "It is night.", "A cow."]), tuple(
            Route(tool, "it") for tool in chosen if tool != "reject"), chosen == ("reject",))
            for chosen in (rng.choice(labels) for _ in sample.turns)] for sample in block.samples]

    def decode(self, arm: str, block: Block, asked: Sequence[Asked], readings: Sequence[Sequence[Reading]]
               ) -> list[Found]:
        rng = np.random.default_rng(block.first)
        return [self._guess(one, rng) for one in asked]

    @staticmethod
    def _guess(one: Asked, rng: np.random.Generator) -> Found:
        height, width = one.picture.shape[:2]
        corners = rng.uniform(0, 1, (4, 2, 2)) * [width, height]
        boxes, scores = np.concatenate([corners.min(1), corners.max(1)], 1), rng.uniform(0, 1, 4)
        if one.role == "boxes":
            return Boxes(boxes, scores, "thing", "", (width, height))
        if one.role == "keypoints":
            points = rng.uniform(0, 1, (4, len(POINTS), 2)) * [width, height]
            return Keypoints(points, np.ones((4, len(POINTS))), boxes, scores, "thing", "", (width, height), POINTS)
        if one.role == "masks":
            return Masks(rng.uniform(0, 1, (1, height, width)) < 0.5, np.ones(1), "thing", "", (width, height))
        return None


@pytest.fixture(scope="module")
def perfect() -> dict[str, Any]:
    return measure(Oracle(), COUNTS[False], COUNTS[True], make=Kept)


def test_an_oracle_gets_everything(perfect: dict[str, Any]) -> None:
    assert set(perfect["parts"]) == {MAIN, HELD_OUT} and perfect["draws"] == DRAWS
    part = perfect["parts"][MAIN]
    assert part["pictures"] == COUNTS[False] and part["turns"] >= 6 * COUNTS[False]
    ones = [row["exact"] for row in part["routing"].values()] + [part["answers"]["counting"],
                                                                 part["answers"]["questions"]]
    for arm in ARMS:
        ones += [part["boxes"][arm][key] for key in ("ap50", "ap", "ap50_one_ranking", "f1", "referring")]
        ones += [part["masks"][arm]["miou"], part["keypoints"][arm]["pck"]]
        ones += [part["keypoints"][arm][key] for key in ("pck_hidden", "oks_ap")]
        edits = part["image"][arm]
        assert edits["psnr_inside"]["value"] == edits["psnr_outside"]["value"] == 60.0
        assert edits["gain_inside"]["value"] > 20 and edits["ssim_inside"]["value"] == 1.0
        assert edits["unchanged_psnr_inside"]["value"] < 35
    for figure in ones:
        if figure["cases"]:
            assert figure["value"] == figure["low"] == figure["high"] == pytest.approx(1.0), figure
    assert sum(figure["cases"] > 0 for figure in ones) > len(ones) * 0.8
    gaps = part["boxes"]["differences"]["link_minus_text"]
    assert gaps["ap50"]["value"] == 0 and set(part["boxes"]["differences"]) == {
        f"link_minus_{arm}" for arm in (TEXT, BRIDGE, SHUFFLED)}
    measured = [row for row in perfect["floors"] if row["value"] is not None]
    assert len(measured) >= 10 and all(row["met"] for row in measured)


def test_a_guesser_gets_about_what_chance_gives() -> None:
    document = measure(Guesser(), COUNTS[False], COUNTS[True], arms=[LINK], make=Kept)
    part = document["parts"][MAIN]
    assert 0 < part["routing"]["all"]["exact"]["value"] < 0.45  # one label of six, two tools of one
    assert part["routing"]["several"]["exact"]["value"] == 0
    assert part["boxes"][LINK]["ap50"]["value"] < 0.1 and part["keypoints"][LINK]["pck"]["value"] < 0.25
    assert part["masks"][LINK]["miou"]["value"] < 0.4
    assert part["answers"]["questions"]["value"] < 0.7
    edits = part["image"][LINK]
    assert edits["gain_inside"]["value"] == 0 and edits["psnr_inside"] == edits["unchanged_psnr_inside"]
    assert not all(row["met"] for row in document["floors"] if row["value"] is not None)


def test_what_is_not_trained_is_said(perfect: dict[str, Any]) -> None:
    missing: dict[str, dict[str, str]] = {arm: {"pose": "no file pose.safetensors"} for arm in ARMS}
    missing |= {
        TEXT: dict.fromkeys(("detect", "segment", "pose", "edit"), "no folder")}
    document = measure(Oracle(missing), COUNTS[False], 0, make=Kept)
    part = document["parts"][MAIN]
    assert set(document["parts"]) == {MAIN}
    for arm in ARMS:
        assert part["keypoints"][arm] == {"not_trained": "no folder" if arm == TEXT else "no file pose.safetensors"}
    assert part["boxes"][TEXT] == {"not_trained": "no folder"}
    assert part["boxes"][LINK] == perfect["parts"][MAIN]["boxes"][LINK]
    assert "link_minus_text" not in part["boxes"]["differences"]
    rows = {row["what"]: row for row in document["floors"]}
    assert rows["pose PCK@0.1"]["why"] == "not trained: no file pose.safetensors"
    assert rows["pose PCK@0.1"]["met"] is None
    assert rows["masks mIoU, held-out textures"]["why"] == "not measured"


def test_a_stopped_run_goes_on(perfect: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("veclink.agent.measure.nano.measure.BLOCK", 2)
    with pytest.raises(KeyboardInterrupt):
        measure(Oracle(blocks=2), COUNTS[False], COUNTS[True], out=tmp_path, make=Kept)
    file = tmp_path / RECORDS
    assert len(file.read_text().splitlines()) == 1 + 4
    with open(file, "a") as stream:
        stream.write('{"part": "cut o')
    with pytest.raises(InputError, match="--resume"):
        measure(Oracle(), COUNTS[False], COUNTS[True], out=tmp_path, make=Kept)
    with pytest.raises(InputError, match="arms"):
        measure(Oracle(), COUNTS[False], COUNTS[True], arms=[LINK], out=tmp_path, resume=True, make=Kept)
    oracle = Oracle(blocks=2)  # two blocks are left to ask
    document = measure(oracle, COUNTS[False], COUNTS[True], out=tmp_path, resume=True, make=Kept)
    assert oracle.blocks == 0 and document == perfect
    again = measure(Oracle(blocks=0), COUNTS[False], COUNTS[True], out=tmp_path, resume=True, make=Kept)
    assert again == perfect  # from the records alone


def test_wrong_choices_are_refused() -> None:
    with pytest.raises(UnknownName):
        measure(Oracle(), 1, split="train", make=Kept)
    with pytest.raises(UnknownName):
        measure(Oracle(), 1, arms=["magic"], make=Kept)
    with pytest.raises(InputError):
        measure(Oracle(), 1, resume=True, make=Kept)


# -- the embedded core -------------------------------------------------------------------------------------------------


class Look(Tool):
    """Its box is as wide as the first number of its condition says."""

    name, description, examples, result = "detect", "Looks.", ("a", "b", "c"), "boxes"
    condition = (1, 12)
    defaults = {"confidence": 0.25}  # noqa: RUF012 - read only

    def setup(self) -> None:
        self.seen: list[Condition] = []
        self.models = {"look": "0"}

    def bridge(self, phrases: Sequence[str]) -> list[torch.Tensor]:
        return [torch.full(self.condition, len(phrase) / 10) for phrase in phrases]

    def decode(self, images: Sequence[np.ndarray], conditions: Sequence[Condition]) -> list[Result]:
        self.seen += conditions
        if any("break" in condition.phrase for condition in conditions):
            raise RuntimeError("broken")
        return [Boxes(np.array([[0.0, 0, 9, 9]]), np.ones(1), "x", c.phrase, (96, 64)) for c in conditions]


def tiny_block() -> Block:
    """Two pictures with calls of a tool that is there and one that is not."""
    def sample(seed: int) -> Sample:
        shown = np.random.default_rng(seed).integers(0, 256, (64, 96, 3), dtype=np.uint8)
        box = Boxes(np.array([[0.0, 0, 9, 9]]), np.ones(1), "cow", "cows", (96, 64))
        image = Image(255 - shown, "night")
        turns = (Turn("box the cows", calls=(Call("detect", "the cows", box, kind="category"),)),
                 Turn("this one", calls=(Call("detect", "break it" if seed else "this", box, kind="visual prompt"),),
                      regions=(Region.box(0, 0, 9, 9),)),
                 Turn("make it night", calls=(Call("edit", "night", image, kind="dense edit"),)),
                 Turn("how many cows", "There is 1 cow."))
        notes = [{"value": "", "words": (), "ignored": [np.zeros((0, 4))], "edits": [kind], "new_frame": False,
                  "new_words": False} for kind in ("", "", "night")]
        return Sample(shown, turns, None, "", {"turns": [*notes, {**notes[0], "value": "1"}]})
    return Block(0, [sample(0), sample(1)], {"detect": "boxes", "edit": "image"})


@pytest.fixture
def core() -> NanoCore:
    plain = tiny_words()
    words = Words(replace(plain.config, tools={"detect": 0, "edit": 1}), plain.json)
    made = NanoCore.from_parts(tiny_model(words), words, device="cpu", max_new_tokens=4)
    tool = Look().ready()
    made.attach([tool.spec()], ("detect",))
    made.linkset.of("detect").gate.value.data.fill_(0.7)
    return made


def test_the_arms_are_fed_as_told(core: NanoCore) -> None:
    block, tool, control = tiny_block(), Look().ready(), Look().ready()
    assert isinstance(tool, Look) and isinstance(control, Look)
    without = {"edit": "no weights"}
    subject = NanoSubject(core, {"detect": tool}, {"detect": control}, dict.fromkeys(ARMS, without))
    readings = subject.read(block)
    assert [len(part) for part in readings] == [4, 4]
    asked = [one for one in block.asked if one.call.tool == "detect"]
    fed: dict[str, list[torch.Tensor]] = {}
    for arm in (LINK, BRIDGE, SHUFFLED):
        tool.seen = []
        found = subject.decode(arm, block, asked[:3], readings)
        assert all(isinstance(result, Boxes) for result in found)
        fed[arm] = [condition.vectors for condition in tool.seen]
        assert tool.seen[0].options == {"confidence": LOW} and tool.seen[1].options == {}
    bridges = [tool.bridge([one.call.phrase])[0] for one in asked[:3]]
    corrections = [vectors - bridge for vectors, bridge in zip(fed[LINK], bridges, strict=True)]
    for i, bridge in enumerate(bridges):
        torch.testing.assert_close(fed[BRIDGE][i], bridge)
        assert corrections[i].abs().max() > 1e-4
        others = [gap for j, gap in enumerate(corrections) if asked[j].sample != asked[i].sample]
        foreign = fed[SHUFFLED][i] - bridge  # what another picture's link adds, on this phrase's bridge
        assert (foreign - corrections[i]).abs().max() > 1e-5
        assert i == 2 or min(float((foreign - gap).abs().max()) for gap in others) < 1e-5
    subject.decode(TEXT, block, asked[:1], readings)
    torch.testing.assert_close(control.seen[0].vectors, control.bridge(["the cows"])[0])
    broken = subject.decode(LINK, block, asked, readings)
    assert broken[3] == "RuntimeError: broken" and isinstance(broken[2], Boxes)


def test_a_tool_that_was_not_taught_can_be_measured(core: NanoCore) -> None:
    class Gaze(Look):
        name = "gaze"

    tool = Gaze().ready()
    assert isinstance(tool, Gaze)
    core.attach([Look().ready().spec(), tool.spec()], ("gaze",))
    core.linkset.of("gaze").gate.value.data.fill_(0.7)
    subject = NanoSubject(core, {"gaze": tool}, fill={"boxes": "gaze"})
    samples = [replace(one, turns=tuple(replace(turn, calls=tuple(
        replace(call, tool="gaze") for call in turn.calls if call.tool == "detect")) for turn in one.turns[:2]))
        for one in tiny_block().samples]
    block = Block(0, samples, {"gaze": "boxes"})
    found = subject.decode(LINK, block, block.asked[:1], subject.read(block))
    assert isinstance(found[0], Boxes)
    assert (tool.seen[0].vectors - tool.bridge([block.asked[0].call.phrase])[0]).abs().max() > 1e-4
    document = measure(Filled(), COUNTS[False], 0, make=Kept)
    assert document["fill"] == {"masks": "gaze"} and "not_trained" in document["parts"][MAIN]["masks"][LINK]


class Filled(Oracle):
    """Another tool gives the masks, and has no weights."""

    fill: Mapping[str, str] = {"masks": "gaze"}

    def __init__(self) -> None:
        super().__init__({arm: {"gaze": "no weights"} for arm in ARMS})


def test_routed_calls_are_the_cores_own(core: NanoCore) -> None:
    block, tool = tiny_block(), Look().ready()
    assert isinstance(tool, Look)
    subject = NanoSubject(core, {"detect": tool})
    asked = [one for one in block.asked if one.call.tool == "detect"]
    link = torch.randn(4, core.hidden)
    own = Reading("", (Route("detect", "oxen", 0, link), Route("detect", "pigs")))
    readings = [[own, own, own, own], [Reading("no")] * 4]
    found = subject.decode(ROUTED, block, asked[:3], readings)
    assert found[2] is None and isinstance(found[0], Boxes) and found[0].phrases == ["oxen", "pigs"]
    torch.testing.assert_close(tool.seen[0].vectors,
                               core.linkset.condition("detect", tool.bridge(["oxen"])[0], link).detach())
    torch.testing.assert_close(tool.seen[1].vectors, tool.bridge(["pigs"])[0])
    assert tool.seen[2].regions == asked[1].words.regions


def test_a_tool_without_a_link_is_not_trained(core: NanoCore) -> None:
    core.linkset.of("detect").gate.value.data.fill_(0.0)
    core.attach([Look().ready().spec()])
    subject = NanoSubject(core, {"detect": Look().ready()})
    assert set(subject.missing[LINK]) == set(subject.missing[SHUFFLED]) == {"detect"}
    assert not subject.missing[BRIDGE]


# -- the commands ------------------------------------------------------------------------------------------------------


def test_the_command_writes_tables_a_document_and_plots(
        perfect: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = {arm: {"edit": "no file edit.safetensors"} for arm in ARMS}
    monkeypatch.setattr("veclink.agent.measure.nano.subject.subject_of", lambda *given: Oracle(missing))
    monkeypatch.setattr(measure, "__kwdefaults__", None)
    monkeypatch.setattr(measure, "__defaults__", (*(measure.__defaults__ or ())[:-1], Kept))
    out = tmp_path / "o"
    line = ["eval", "nano", "--samples", "6", "--held-out", "2", "--out", str(out)]
    done = CliRunner().invoke(main, line)
    assert done.exit_code == 0, done.output
    for words in ("routing, single", "keypoints", "ap50", "referring",
                  "not trained (no file edit.safetensors): link, text, bridge, shuffled, routed"):
        assert words in done.stdout, words
    document = json.loads((out / "nano.json").read_text())
    assert document["parts"][MAIN]["masks"] == perfect["parts"][MAIN]["masks"] and document["models"]
    for name in ("arms", "core", "edits", "phrases"):
        with Pillow.open(out / f"nano-{name}.png") as plot:
            assert plot.size[0] > 400 and len(set(plot.convert("L").tobytes())) > 20
    done = CliRunner().invoke(main, line)
    assert done.exit_code == 2 and "--resume" in done.stderr
    done = CliRunner().invoke(main, [*line, "--resume", "--json"])
    assert json.loads(done.stdout)["parts"] == document["parts"]


@pytest.mark.parametrize("wrong", ["cutout", "outlines=cutout", "masks="])
def test_which_tool_gives_what_has_to_be_said(wrong: str) -> None:
    done = CliRunner().invoke(main, ["eval", "nano", "--tool", wrong, "--samples", "1"])
    assert done.exit_code == 2 and "KIND=NAME" in done.stderr


def test_without_a_trained_core_the_input_is_bad(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["eval", "nano", "--core", str(tmp_path), "--samples", "1"])
    assert done.exit_code == 2 and "a trained nano core" in done.stderr


def test_a_folder_without_decoders_lacks_them_all(tmp_path: Path) -> None:
    from veclink.agent.measure.nano.subject import subject_of

    plain = tiny_words()
    words = Words(replace(plain.config, tools={"detect": 0, "segment": 1, "pose": 2, "edit": 3}), plain.json)
    save_nano(tmp_path / "core", tiny_model(words), words)
    subject = subject_of("nano", tmp_path, None, "cpu")
    assert subject.missing[LINK] == {name: f"no file {name}.safetensors" for name in ("detect", "pose", "segment",
                                                                                      "edit")}
    assert "--text-links" in subject.missing[TEXT]["detect"]
    part = measure(subject, 1, 0, make=Kept)["parts"][MAIN]
    assert part["boxes"][LINK]["not_trained"] and part["routing"]["all"]["exact"]["cases"] > 0


def test_speed_of_cold_and_warm_requests(monkeypatch: pytest.MonkeyPatch) -> None:
    class Fast:
        """Takes no time."""

        device, tools = "cpu", {}
        profile = type("P", (), {"name": "fake"})

        def __init__(self, profile: str, device: str) -> None:
            pass

        def run(self, text: str, images: Sequence[Any]) -> Any:
            seconds = {"core": 0.1, "link": 0.0, "decode:x": 0.1, "open": 0, "check": 0, "answer": 0}
            return type("R", (), {"seconds": seconds, "models": {"m": "0"}, "errors": (),
                                  "routes": (Route("detect", "x"), Route("pose", "x"))})

        def run_batch(self, tasks: Sequence[Any]) -> None:
            assert len({images[0].tobytes() for _, images in tasks}) == len(tasks)

    monkeypatch.setattr(latency, "Agent", Fast)
    picture = np.random.default_rng(0).integers(0, 256, (32, 48, 3), dtype=np.uint8)
    speak = [sys.executable, "-c", "import sys; x = bytearray(40_000_000); assert sys.argv[1] == 'run'; print('{}')"]
    document = latency.measure("fake", 2, 4, "cpu", command=speak, asked=("box it", picture))
    assert document["cold_seconds"]["cases"] == 2 and document["cold_seconds"]["ceiling"] == 8.0
    assert document["peak_megabytes"] is None or 40 < document["peak_megabytes"]["value"] < 400
    assert document["tools"] == ["detect", "pose"] and document["split"]["core"]["value"] == pytest.approx(0.5, abs=0.1)
    fail = [sys.executable, "-c", "import sys; print('no core here', file=sys.stderr); sys.exit(2)"]
    with pytest.raises(InputError, match="no core here"):
        latency.measure("fake", 1, 1, "cpu", command=fail, asked=("box it", picture))
