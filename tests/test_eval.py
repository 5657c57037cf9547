"""`veclink eval`: the arithmetic on fakes, small real measurements where weights are at hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from conftest import need_model, need_weights
from PIL import Image

from veclink.agent.agent import Agent
from veclink.agent.cli import main
from veclink.agent.commands.report import percent, points
from veclink.agent.measure import coco, plots
from veclink.agent.testing import blocks
from veclink.envs.errors import InputError
from veclink.router.core import Written
from veclink.router.evaluation.routing import bag_of_words_figures, share
from veclink.tools.results import Boxes, Keypoints, Masks, Result
from veclink.tools.rle import encode_mask

COCO_MINI = Path(__file__).resolve().parents[2] / "shared" / "data" / "coco_mini"
COLOURS = ("red", "green")
PICTURES = (("red", "green"), ("green", "blue", "red"))


@pytest.fixture
def synthetic(tmp_path: Path) -> Path:
    """A COCO folder of two pictures with squares in red and green, 24 pixels a side, boxes and masks annotated."""
    (tmp_path / "annotations").mkdir()
    (tmp_path / "val2017").mkdir()
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, colours in enumerate(PICTURES, 1):
        pixels = blocks(*colours)
        name = f"{number}.png"
        Image.fromarray(pixels).save(tmp_path / "val2017" / name)
        images.append({"id": number, "file_name": name, "height": pixels.shape[0], "width": pixels.shape[1]})
        for place, colour in enumerate(colours):
            if colour not in COLOURS:
                continue
            mask = np.zeros(pixels.shape[:2], bool)
            mask[8:32, 32 * place + 4 : 32 * place + 28] = True
            annotations.append({
                "id": len(annotations) + 1, "image_id": number, "category_id": COLOURS.index(colour) + 1,
                "bbox": [32 * place + 4, 8, 24, 24], "area": 576, "iscrowd": 0, "segmentation": encode_mask(mask),
            })
    categories = [{"id": i + 1, "name": name} for i, name in enumerate(COLOURS)]
    document = {"images": images, "annotations": annotations, "categories": categories}
    (tmp_path / "annotations" / "instances_val2017.json").write_text(json.dumps(document))
    return tmp_path


def _perfect(kind: str, weights: str, device: Any) -> Any:
    """A direct call that finds every red and green pixel exactly."""

    def call(pixels: np.ndarray) -> Result:
        found = []
        for name, colour in (("red", (255, 0, 0)), ("green", (0, 255, 0))):
            mask = (pixels == colour).all(-1)
            if mask.any():
                rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
                found.append((name, mask, [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]))
        names, scores, size = [n for n, _, _ in found], np.full(len(found), 0.9), (pixels.shape[1], pixels.shape[0])
        if kind == "boxes":
            return Boxes(np.array([b for _, _, b in found], float), scores, names, "", size)
        return Masks(np.array([m for _, m, _ in found]), scores, names, "", size)

    return call


def _blind(kind: str, weights: str, device: Any) -> Any:
    """A direct call that finds nothing."""

    def call(pixels: np.ndarray) -> Result:
        return Boxes(np.zeros((0, 4)), np.zeros(0), [], [], (pixels.shape[1], pixels.shape[0]))

    return call


# -- coco on fakes -----------------------------------------------------------------------------------------------------


def test_perfect_boxes_and_masks_have_ap_100_and_no_difference(fake_agent: Agent, synthetic: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    document = coco.measure(fake_agent, coco.open_folder(synthetic), _perfect, lambda *row: seen.append(row))
    assert set(document["kinds"]) == {"boxes", "masks"} and document["pictures"] == 2
    for figures in document["kinds"].values():
        for name in ("ap", "ap50", "direct_ap", "direct_ap50"):
            assert figures[name] == {"value": 100.0, "low": 100.0, "high": 100.0, "cases": 2}
        assert figures["difference"]["value"] == 0.0
        assert figures["requests_exact"]["value"] == 1.0 and figures["requests_exact"]["cases"] == 2
    assert ("boxes", 2, 2) in seen and ("masks", 2, 2) in seen
    json.dumps(document, allow_nan=False)


def test_what_is_found_nowhere_has_ap_0_and_the_difference_says_so(fake_agent: Agent, synthetic: Path) -> None:
    document = coco.measure(fake_agent, coco.open_folder(synthetic), _blind)
    boxes = document["kinds"]["boxes"]
    assert boxes["direct_ap"]["value"] == 0.0 and boxes["difference"]["value"] == 100.0


def test_what_the_core_does_not_route_counts_as_not_found(
    fake_agent: Agent, synthetic: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coco, "requests_of", lambda kind, names, each: [("send music", tuple(names))])
    figures = coco.measure(fake_agent, coco.open_folder(synthetic), _perfect)["kinds"]["boxes"]
    assert figures["ap"]["value"] == 0.0 and figures["difference"]["value"] == -100.0
    assert figures["requests_exact"]["value"] == 0.0 and figures["categories_routed"] == 0
    assert figures["difference_routed"]["value"] is None


def test_half_the_categories_found_is_half_the_precision(synthetic: Path) -> None:
    file = synthetic / "annotations" / "instances_val2017.json"
    truth = json.loads(file.read_text())["annotations"]
    rows = [{**{k: a[k] for k in ("image_id", "category_id", "bbox")}, "score": 0.5} for a in truth
            if a["category_id"] == 1]
    assert coco.Scored(file, rows, "boxes", [1, 2]).precision() == pytest.approx((50.0, 50.0, 50.0), abs=0.1)
    assert coco.Scored(file, rows, "boxes", [1, 2], {1}).precision()[2] == pytest.approx(100.0)


def test_a_draw_counts_a_picture_as_often_as_it_is_drawn(synthetic: Path) -> None:
    file = synthetic / "annotations" / "instances_val2017.json"
    truth = json.loads(file.read_text())["annotations"]
    rows = [{**{k: a[k] for k in ("image_id", "category_id", "bbox")}, "score": 0.5} for a in truth
            if a["image_id"] == 1]
    scored = coco.Scored(file, rows, "boxes", [1, 2])
    assert scored.precision(np.array([0, 0]))[0] == pytest.approx(100.0)
    assert scored.precision(np.array([1, 1]))[0] == 0.0
    assert 40 < scored.precision()[0] < 60


def test_limit_takes_the_first_pictures(synthetic: Path) -> None:
    held = coco.open_folder(synthetic, limit=1)
    assert [number for number, _ in held.pictures] == [1]


@pytest.mark.parametrize(
    "spoil, word",
    [
        (lambda f: (f / "annotations" / "instances_val2017.json").unlink(), "annotations"),
        (lambda f: (f / "annotations" / "instances_val2017.json").write_text("{"), "JSON"),
        (lambda f: (f / "val2017" / "2.png").unlink(), "2.png"),
    ],
)
def test_what_is_no_coco_folder_is_refused(synthetic: Path, spoil: Any, word: str) -> None:
    spoil(synthetic)
    with pytest.raises(InputError, match=word):
        coco.open_folder(synthetic)


def test_requests_name_every_category_once_in_lists_of_ten() -> None:
    names = [f"thing {i}" for i in range(23)]
    requests = coco.requests_of("boxes", names)
    assert [len(part) for _, part in requests] == [10, 10, 3]
    assert [name for _, part in requests for name in part] == names
    assert requests[2][0] == "Find every thing 20, thing 21 and thing 22."
    assert [part for _, part in coco.requests_of("boxes", names[:3], 2)] == [("thing 0", "thing 1"), ("thing 2",)]
    assert coco.requests_of("masks", ["cat"])[0][0] == "Outline every cat."
    assert coco.requests_of("keypoints", ["person"]) == [("Show me the pose of every person.", ("person",))]


def test_keypoints_stand_in_the_order_of_the_annotations() -> None:
    result = Keypoints(np.array([[[3.0, 4.0], [1.0, 2.0]]]), np.array([[0.9, 0.8]]), np.array([[0, 0, 9, 9]]),
                       np.array([0.7]), "person", "", (10, 10), ("left eye", "nose"))
    rows = coco.rows_of(result, {"person": 1}, ("nose", "left eye", "right eye"))
    assert rows[0]["keypoints"] == [1.0, 2.0, 0.8, 3.0, 4.0, 0.9, 0.0, 0.0, 0.0]
    assert rows[0]["score"] == pytest.approx(0.7) and coco.rows_of(result, {"dog": 2}, ()) == []


def test_agreement_wants_category_score_and_place() -> None:
    row = {"category_id": 1, "score": 0.8, "bbox": [0.0, 0.0, 10.0, 10.0]}
    assert coco.agreeing([row], [row]) == [True]
    for other in ({"category_id": 2}, {"score": 0.7}, {"bbox": [5.0, 0.0, 10.0, 10.0]}):
        assert coco.agreeing([{**row, **other}], [row]) == [False]
    assert coco.agreeing([], [row, {**row, "score": 0.1}]) == [False]  # what is not sure does not count


def test_only_the_best_of_a_picture_count() -> None:
    count = coco.KEPT["boxes"] + 50
    scores = np.linspace(0.1, 0.9, count)
    boxes = np.array([[0.0, 0.0, 1 + i / 100, 5.0] for i in range(count)])
    many = Boxes(boxes, scores, "red", "", (9, 9))
    side = coco._Side()
    side.add(1, [many], {"red": 1}, "boxes", ())
    assert len(side.rows) == coco.KEPT["boxes"]
    assert min(row["score"] for row in side.rows) == pytest.approx(sorted(scores)[50])


def test_weights_of_another_library_have_no_direct_call(fake_agent: Agent, synthetic: Path) -> None:
    figures = coco.measure(fake_agent, coco.open_folder(synthetic))["kinds"]["boxes"]
    assert "ultralytics" in figures["reason"] and "direct_ap" not in figures and figures["ap"]["value"] == 100.0


def test_the_command_writes_a_table_a_document_and_a_plot(
    fake_agent: Agent, synthetic: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(coco, "coco_agent", lambda profile, device: fake_agent)
    monkeypatch.setattr(coco, "ultralytics_direct", _perfect)
    out = tmp_path / "figures"
    done = CliRunner().invoke(main, ["eval", "coco", str(synthetic), "--out", str(out)])
    assert done.exit_code == 0, done.output
    assert "100.00" in done.stdout and "boxes" in done.stdout
    assert json.loads((out / "coco.json").read_text())["kinds"]["masks"]["ap"]["value"] == 100.0
    with Image.open(out / "coco.png") as plot:
        assert plot.size[0] > 400
    done = CliRunner().invoke(main, ["eval", "coco", str(synthetic), "--json"])
    assert json.loads(done.stdout)["suite"] == "coco"


# -- routing -----------------------------------------------------------------------------------------------------------


class _ByWord:
    """Routes by one word a label."""

    WORDS = (("find", "spot"), ("cut", "shape"))

    def write(self, tasks: Any) -> list[Written]:
        chosen = [[tool for word, tool in self.WORDS if word in task.text] for task in tasks]
        return [Written(tuple((tool, ()) for tool in tools)) for tools in chosen]


def test_routing_figures_table_document_and_plot(
    fake_agent: Agent, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = [
        {"text": "find it", "tools": ["spot"]},
        {"text": "cut it", "tools": ["shape"]},
        {"text": "find it and cut it", "tools": ["spot", "shape"]},
        {"text": "find no words", "tools": ["answer"]},
    ]
    file = tmp_path / "requests.jsonl"
    file.write_text("\n".join(json.dumps(line) for line in lines))
    (tmp_path / "train-1.jsonl").write_text(file.read_text() + "\n" + json.dumps(lines[0]))
    monkeypatch.setattr("veclink.router.evaluation.routing.DATA", tmp_path)  # the shipped corpus takes seconds
    monkeypatch.setattr(fake_agent.core, "routing", _ByWord(), raising=False)
    monkeypatch.setattr("veclink.agent.agent.Agent", lambda profile, device: fake_agent)
    done = CliRunner().invoke(main, ["eval", "routing", str(file), "--out", str(tmp_path / "o"), "--json"])
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document["cases"] == 4 and document["exact_set"]["value"] == 0.75
    assert document["by_tools"]["2"]["exact_order"]["value"] == 1.0
    assert document["confusions"] == {"answer -> spot": 1}
    assert document["bag_of_words"]["by_tools"]["1"]["cases"] == 3
    assert json.loads((tmp_path / "o" / "routing.json").read_text()) == document
    assert (tmp_path / "o" / "routing.png").stat().st_size > 5000
    done = CliRunner().invoke(main, ["eval", "routing", str(file)])
    assert "75.0 %" in done.stdout and "answer -> spot" in done.stdout


def test_a_missing_file_is_bad_input() -> None:
    done = CliRunner().invoke(main, ["eval", "routing", "nowhere.jsonl"])
    assert done.exit_code == 2 and "nowhere.jsonl" in done.stderr


def test_wilson_intervals() -> None:
    assert share([True] * 95 + [False] * 5) == {"value": 0.95, "low": 0.8882, "high": 0.9785, "cases": 100}
    assert share([True] * 10)["low"] == pytest.approx(0.7225, abs=1e-3)  # not 1, as a plain interval would say
    assert share([])["value"] is None


def test_the_bag_of_words_learns_what_words_tell(tmp_path: Path) -> None:
    train, test = tmp_path / "train.jsonl", tmp_path / "test.jsonl"
    rows = [{"text": f"find the {w}", "tools": ["spot"]} for w in "abcdefgh"]
    rows += [{"text": f"cut the {w}", "tools": ["shape"]} for w in "abcdefgh"]
    train.write_text("\n".join(map(json.dumps, rows)))
    test.write_text(json.dumps({"text": "find the z", "tools": ["spot"]}))
    figures = bag_of_words_figures(test, [train])
    assert figures["exact_set"]["value"] == 1.0 and figures["trained_on"] == 16
    assert figures["by_tools"]["1"]["cases"] == 1


def test_figures_as_words() -> None:
    assert percent({"value": 0.952, "low": 0.93, "high": 0.967, "cases": 9}) == "95.2 % (93.0 to 96.7)"
    assert percent(None) == percent({"value": None, "low": 0, "high": 1, "cases": 0}) == "-"
    assert points({"value": 39.125, "low": 35.0, "high": 42.1, "cases": 9}) == "39.12 (35.00 to 42.10)"


def test_a_folder_that_cannot_be_written_is_bad_input(tmp_path: Path) -> None:
    from veclink.agent.commands.report import write

    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="write"):
        write(tmp_path / "file", "x", {}, "plot_coco")
    assert plots.OURS  # the module is importable without a display


# -- real weights ------------------------------------------------------------------------------------------------------


def test_four_real_pictures_by_request_and_directly() -> None:
    need_weights("yolo11n.pt", "yolo11n-seg.pt", "yolo11n-pose.pt")
    need_model("smollm2-135m")
    if not COCO_MINI.is_dir():
        pytest.skip("needs COCO pictures: put some in COCO's layout into shared/data/coco_mini beside the repository")
    agent = coco.coco_agent("photo", "cpu")
    document = coco.measure(agent, coco.open_folder(COCO_MINI, limit=4))
    for kind in ("boxes", "masks", "keypoints"):
        figures = document["kinds"][kind]
        assert figures["agreement"]["value"] > 0.6 and figures["agreement"]["cases"] >= 1, kind
    assert document["kinds"]["boxes"]["direct_ap"]["value"] > 10
