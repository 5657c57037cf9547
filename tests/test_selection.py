"""Selections as numbers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from veclink.tools.condition import Condition
from veclink.tools.phrases import parse
from veclink.tools.regions import Region
from veclink.tools.selection import NAMES, SIZE, chosen, inside, select, to_vector, vector

# five things in a picture of 100 x 100: places (x, y), sides
PLACES = [(10, 50, 8), (30, 20, 30), (50, 50, 4), (70, 80, 10), (90, 50, 16)]
BOXES = np.array([[x - s / 2, y - s / 2, x + s / 2, y + s / 2] for x, y, s in PLACES], float)
SCORES = np.array([0.5, 0.9, 0.6, 0.8, 0.7])
PICTURE = (100, 100)
NUMBERS = st.floats(-400, 400) | st.sampled_from([float("nan"), float("inf"), -float("inf")])


@pytest.mark.parametrize(("text", "kept"), [
    ("the dogs", [0, 1, 2, 3, 4]), ("dogs on the left", [0, 1, 2]), ("the two dogs on the left", [0, 1]),
    ("the leftmost dog", [0]), ("the rightmost dog", [4]), ("the dog on the right", [4]), ("the largest dog", [1]),
    ("the smallest dog", [2]), ("the second dog from the left", [1]), ("the second largest dog", [4]), ("the top dog",
    [1]),
    ("dogs at the bottom", [0, 2, 3, 4]), ("the lowest dog", [3]), ("two dogs", [1, 3]),
    ("everyone except the leftmost", [1, 2, 3, 4]),
    ("the man in the middle", [2]), ("men in the middle", [2]), ("the three biggest dogs", [1, 3, 4]), ("9 dogs", [0,
    1, 2, 3, 4]),
    ("dogs in the top left corner", [1, 0, 2]),
])
def test_words_to_numbers_to_boxes(text: str, kept: list[int]) -> None:
    assert select(BOXES, SCORES, to_vector(parse(text)), PICTURE).tolist() == sorted(kept)


def test_zeros_keep_everything_and_a_little_noise_changes_nothing() -> None:
    rng = np.random.default_rng(0)
    assert select(BOXES, SCORES, np.zeros(SIZE), PICTURE).tolist() == [0, 1, 2, 3, 4]
    two = vector(x=-1, count=2)
    for _ in range(50):
        noise = rng.uniform(-0.4, 0.4, SIZE)
        assert select(BOXES, SCORES, noise, PICTURE).tolist() == [0, 1, 2, 3, 4]
        assert select(BOXES, SCORES, two + noise, PICTURE).tolist() == [0, 1]


@pytest.mark.parametrize(("text", "scores", "kept"), [
    ("the leftmost dog", [0.02, 0.9, 0.6, 0.8, 0.7], [1]),  # next to nothing is not the leftmost
    ("the leftmost dog", [0.26, 0.9, 0.6, 0.8, 0.7], [0]),  # what the usual confidence finds counts
    ("the leftmost dog", [0.03, 0.05, 0.01, 0.02, 0.01], [0]),  # of nothing sure, half of the best
    ("the second dog from the left", [0.02, 0.9, 0.01, 0.03, 0.01], [3]),  # one sure dog has no second; the next best
    ("the two leftmost dogs", [0.02, 0.9, 0.01, 0.03, 0.01], [1, 3]),
    ("everyone except the leftmost", [0.02, 0.9, 0.6, 0.8, 0.7], [2, 3, 4]),
    ("dogs on the left", [0.02, 0.9, 0.6, 0.8, 0.7], [0, 1, 2]),  # no order
])
def test_orders_are_of_what_is_there_for_sure(text: str, scores: list[float], kept: list[int]) -> None:
    assert select(BOXES, np.array(scores), to_vector(parse(text)), PICTURE).tolist() == kept


def test_nothing_found_and_numbers_that_are_none() -> None:
    assert select(np.zeros((0, 4)), np.zeros(0), vector(x=1, count=2), PICTURE).tolist() == []
    assert select(BOXES, SCORES, np.full(SIZE, np.nan), PICTURE).tolist() == [0, 1, 2, 3, 4]


@settings(deadline=None, max_examples=100)
@given(st.lists(NUMBERS, min_size=SIZE, max_size=SIZE),
       st.integers(0, 6), st.integers(0, 999))
def test_any_vector_gives_distinct_indices_in_order(values: list[float], n: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    corner = rng.uniform(0, 60, (n, 2))
    boxes = np.concatenate([corner, corner + rng.uniform(0, 40, (n, 2))], 1)
    kept = select(boxes, rng.uniform(size=n), values, PICTURE).tolist()
    assert kept == sorted(set(kept)) and set(kept) <= set(range(n))
    count = values[NAMES.index("count")]
    if np.isfinite(count) and round(count) > 0:
        assert len(kept) <= round(count)


def test_regions_point_at_boxes() -> None:
    mask = np.zeros((100, 100), bool)
    mask[15:25, 25:35] = True
    cases = [(Region.box(60, 70, 80, 90), [3]), (Region.point(30, 20), [1]), (Region.scribble([(25, 20), (35, 22),
    (99, 99)]), [1]),
             (Region.of_mask(mask), [1]), (Region.box(9, 49, 11, 51), [0]), (Region.point(1, 1), [])]
    for region, expected in cases:
        assert np.flatnonzero(inside(BOXES, [region], PICTURE)).tolist() == expected
    assert inside(BOXES, [], PICTURE).all()
    assert np.flatnonzero(inside(BOXES, [Region.point(30, 20), Region.point(90, 50)], PICTURE)).tolist() == [1, 4]


def test_regions_come_before_the_selection() -> None:
    import torch

    row = torch.from_numpy(np.concatenate([np.ones(3, np.float32), vector(x=-1, count=1)]))[None]
    right = Condition(row, regions=(Region.box(60, 0, 100, 100),))
    assert chosen(BOXES, SCORES, right, 3, PICTURE).tolist() == [3]
