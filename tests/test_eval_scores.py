"""The scores behind `veclink eval nano`: answers, masks, bodies, edits, average precision, intervals."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from kept_samples import Kept

from veclink.agent.measure.nano.average import IOUS, Matched, best_threshold, matched, precision, tally
from veclink.agent.measure.nano.cases import labels_wanted, name_in, names
from veclink.agent.measure.nano.draws import Pictures, mean_of
from veclink.agent.measure.nano.scores import (
    edit_score,
    joints_right,
    mask_score,
    number_in,
    overlaps,
    psnr,
    right,
    ssim_map,
)
from veclink.agent.nano.language import Language
from veclink.router.core import ANSWER, REJECT
from veclink.router.nano.samples import Turn
from veclink.tools.results import Keypoints, Masks

# -- scores ------------------------------------------------------------------------------------------------------------


def test_the_true_answers_are_right_and_others_wrong() -> None:
    """Every lesson's own answer says its value; an answer to another value does not."""
    part = Kept()
    language = Language("test", tuple(part.tools))
    for index in range(3):
        truth = part.stream.scenes.shot(index).truth
        for kind in ("count", "refused", "yesno", "state", "nearer", "what", "attribute"):
            rng = random.Random(f"{index} {kind}")
            for _ in range(12):
                lesson = language.try_lesson(truth, rng, kind)
                if lesson is not None:
                    assert right(kind, lesson.value, lesson.answer), (kind, lesson.value, lesson.answer)
                    wrong = {"yes": "No.", "no": "Yes."}.get(lesson.value, "There are 77 teapots.")
                    assert not right(kind, lesson.value, wrong)


@pytest.mark.parametrize(("answer", "number"), [("There are no cows.", 0), ("There is 1 cow.", 1), ("Six sheep", 6),
                                                ("I see four of them, not 5.", 4), ("Some.", None), ("", None)])
def test_numbers_in_words(answer: str, number: int | None) -> None:
    assert number_in(answer) == number


def test_answers_are_not_right_by_accident() -> None:
    assert not right("attribute", "brown", "It is dark brown.") and right("attribute", "brown", "It is brown.")
    assert not right("state", "night", "It is day or night.") and not right("state", "rain", "It is snowing.")
    assert not right("nearer", "the cow", "The cow on the left.") and right("nearer", "the cow", "A cow.")
    assert not right("count", "3", "There are 33 cows.") and not right("yesno", "no", "Not sure, nothing.")


def test_masks_are_held_together() -> None:
    masks = np.zeros((2, 10, 20), bool)
    masks[0, :5, :10], masks[1, 5:, :10] = True, True
    target = Masks(masks, np.ones(2), "cow", "cows", (20, 10))
    half = Masks(masks[:1], np.ones(1), "cow", "cows", (20, 10))
    whole = Masks(np.ones((1, 10, 20), bool), np.ones(1), "cow", "cows", (20, 10))
    nothing = np.zeros((0, 4))
    assert mask_score(half, target, nothing)["iou"] == 0.5
    assert mask_score(whole, target, nothing)["iou"] == 0.5
    assert mask_score(whole, target, np.array([[10.0, 0, 20, 10]]))["iou"] == 1.0
    assert mask_score(None, target, nothing) == {"iou": 0.0, "empty": True}
    none = Masks(masks[:0], np.ones(0), (), (), (20, 10))
    assert mask_score(none, none, nothing) == {"iou": 1.0, "empty": True}


def test_joints_count_by_distance_and_owner() -> None:
    xy = np.array([[[10.0, 10], [18, 18], [0, 0]], [[60, 10], [68, 18], [0, 0]]])
    scores = np.array([[1.0, 0.5, 0], [1, 1, 0]])
    boxes = np.array([[0.0, 0, 20, 20], [50, 0, 70, 20]])
    target = Keypoints(xy, scores, boxes, np.ones(2), "cow", "", (100, 50), ("a", "b", "c"))
    found = np.concatenate([xy, np.ones((2, 3, 1))], -1)[::-1].copy()  # in another order
    assert joints_right(boxes[::-1], found, target) == {"seen": [3, 3], "hidden": [1, 1]}
    found[0, 0, 0] += 2.5  # a tenth of 20 is 2
    assert joints_right(boxes[::-1], found, target)["seen"] == [2, 3]
    assert joints_right(boxes[1:], found[:1], target) == {"seen": [1, 3], "hidden": [0, 1]}
    assert joints_right(np.zeros((0, 4)), np.zeros((0, 3, 3)), target) == {"seen": [0, 3], "hidden": [0, 1]}


def test_edits_inside_and_outside() -> None:
    rng = np.random.default_rng(0)
    before = rng.integers(0, 200, (40, 40, 3), dtype=np.uint8)
    true = before.copy()
    true[10:20, 10:20] += 40
    assert psnr(before, true, np.ones((40, 40), bool)) == pytest.approx(10 * np.log10(255**2 / (1600 / 16)))
    unchanged = edit_score(before, before, true)
    assert unchanged["psnr_inside"] == pytest.approx(10 * np.log10(255**2 / 1600), abs=1e-3)
    assert unchanged["psnr_outside"] == 60.0
    assert edit_score(before, before, before)["psnr_inside"] is None  # nothing changed
    assert ssim_map(true, true).min() == pytest.approx(1) and ssim_map(255 - true, true).mean() < 0.1


# -- average precision -------------------------------------------------------------------------------------------------


def cases(count: int, seed: int) -> list[dict[str, Any]]:
    """Requests with some things, some found well, some badly, some that are not there; four a picture."""
    rng = np.random.default_rng(seed)
    out = []
    for i in range(count):
        corner, side = rng.uniform(0, 80, (3, 2)), rng.uniform(5, 50, (3, 2))
        true = np.concatenate([corner, corner + side], 1)[: rng.integers(0, 4)]
        near = true + rng.normal(0, 3, true.shape)
        far = np.concatenate([corner[:1], corner[:1] + 30], 1)
        boxes = np.concatenate([near, far])
        boxes = np.concatenate([np.minimum(boxes[:, :2], boxes[:, 2:]), np.maximum(boxes[:, :2], boxes[:, 2:])], 1)
        found = [[*map(float, box), float(score)] for box, score in zip(boxes, rng.uniform(0, 1, len(boxes)),
                                                                       strict=True)]
        out.append({"picture": i // 4, "group": {}, "boxes": true[:2].tolist(), "ignored": true[2:].tolist(),
                    "found": found})
    return out


def test_precision_is_that_of_pycocotools(monkeypatch: pytest.MonkeyPatch) -> None:
    from pycocotools.cocoeval import COCOeval

    held: list[COCOeval] = []
    original = COCOeval.evaluate
    monkeypatch.setattr(COCOeval, "evaluate", lambda self: (held.append(self), original(self))[1])
    by_area = matched(cases(80, 3))
    evaluation = held[0]
    evaluation.accumulate()
    table = evaluation.eval["precision"]  # thresholds, recalls, categories, areas, most
    for place, entries in enumerate(by_area.values()):
        for k in (0, 5):
            expected = table[k, :, 0, place, 0].mean()
            assert precision(entries, None, slice(k, k + 1))[0] == pytest.approx(expected, abs=1e-9)
        assert precision(entries, None, slice(None))[0] == pytest.approx(table[:, :, 0, place, 0].mean(), abs=1e-9)
    assert len(by_area["all"]) == 80 and 0.2 < precision(by_area["all"])[0] < 0.95


def test_a_draw_counts_as_if_its_pictures_were_there_so_often() -> None:
    entries = matched(cases(40, 5))["all"]
    draws = np.random.default_rng(0).multinomial(10, [0.1] * 10, 3).astype(float)
    for row, value in zip(draws, precision(entries, draws), strict=True):
        repeated = [entry for entry in entries for _ in range(int(row[entry.picture]))]
        assert value == pytest.approx(precision(repeated)[0], abs=0.01)  # equal scores may stand in another order
    assert np.isnan(precision(entries, np.zeros((1, 10)))[0])


def test_the_best_threshold_parts_hits_from_misses() -> None:
    hits = np.zeros((len(IOUS), 4), bool)
    hits[:, :2] = True
    entry = Matched(0, {}, np.array([0.9, 0.6, 0.3, 0.2]), hits, np.zeros_like(hits), 2)
    assert best_threshold([entry]) == 0.6 and best_threshold([]) == 1.0
    nothing = Matched(0, {}, entry.scores, np.zeros_like(hits), np.zeros_like(hits), 0)
    assert 0.9 < best_threshold([nothing]) < 0.91
    both = [entry, Matched(1, {}, entry.scores + 0.05, hits[:, ::-1], np.zeros_like(hits), 2)]
    one = best_threshold(both)

    def f1(limits: Sequence[float]) -> float:
        hit, false, missed = np.sum([tally(e, limit) for e, limit in zip(both, limits, strict=True)], 0)
        return 2 * hit / (2 * hit + false + missed)

    assert f1([one, one]) < f1([best_threshold([e], f1([one, one])) for e in both])


def test_intervals_are_paired_and_seeded() -> None:
    rng = np.random.default_rng(1)
    outcomes = [(p, bool(rng.random() < 0.7)) for p in range(100) for _ in range(3)]
    pictures = Pictures(100)
    figure, again = pictures.share(outcomes), Pictures(100).share(outcomes)
    assert figure.document() == again.document()
    assert 0.02 < figure.document()["high"] - figure.document()["low"] < 0.2
    gap = figure.minus(pictures.share((p, not hit) for p, hit in outcomes))
    np.testing.assert_allclose(gap.draws, 2 * figure.draws - 1)
    empty = pictures.share([])
    assert empty.document() == {"value": None, "low": None, "high": None, "cases": 0}
    assert mean_of([figure, empty]).value == figure.value


def test_names_are_found_in_phrases() -> None:
    assert names()["heifer/heifers"].kind == "cow" and names()["heifer/heifers"].part == "test"
    found = name_in("the heifers on the left", ("heifer/heifers", "left"))
    assert found is not None and found.entry == "heifer/heifers"
    assert name_in("this", ("this",)) is None
    assert labels_wanted(Turn("play", rejected=True)) == (REJECT,) and labels_wanted(Turn("hi", "hello")) == (ANSWER,)


def test_overlaps() -> None:
    assert overlaps(np.array([[0, 0, 2, 2]]), np.array([[1, 1, 3, 3], [0, 0, 2, 2]])).tolist() == [[1 / 7, 1.0]]
