"""Drawing: where lines and colours lie, at every size, and what must not change."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from counted import calls

from veclink.agent.draw import COLOURS, LIMBS, Sizes, draw
from veclink.tools.results import Boxes, Image, Keypoints, Masks, Result, Text

GREY = 90


def canvas(width: int = 200, height: int = 160) -> np.ndarray:
    return np.full((height, width, 3), GREY, np.uint8)


def boxes(*corners: Sequence[float], labels: Any = "cat", size: tuple[int, int] = (200, 160)) -> Boxes:
    return Boxes(np.array(corners, float), np.full(len(corners), 0.9), labels, "cats", size)


def masks(size: tuple[int, int] = (200, 160), label: str = "cat") -> Masks:
    mask = np.zeros((1, size[1], size[0]), bool)
    mask[0, size[1] // 4 : size[1] // 2, size[0] // 4 : size[0] // 2] = True
    return Masks(mask, np.array([0.8]), label, "cats", size)


def body(score: float = 0.9) -> Keypoints:
    points = np.array([[[50.0, 40.0], [150.0, 40.0], [100.0, 120.0]]])
    scores = np.array([[0.9, 0.9, score]])
    frame = np.array([[40.0, 30, 160, 130]])
    return Keypoints(points, scores, frame, np.array([0.9]), "person", "people", (200, 160), ("a", "b", "c"),
                     ((0, 1), (1, 2)))


def changed(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """(H, W) bool of the pixels that differ."""
    return (before != after).any(2)


def colour(index: int) -> tuple[int, int, int]:
    return COLOURS.by_idx(index).as_rgb()


def test_nothing_found_changes_nothing_and_the_input_stays_as_it_was() -> None:
    scene = canvas()
    keep = scene.copy()
    empty: list[Result] = [Boxes(np.zeros((0, 4)), np.zeros(0), [], [], (200, 160)), Text("nothing")]
    drawn = draw(scene, empty)
    assert np.array_equal(drawn, scene) and drawn is not scene
    draw(scene, [boxes((20, 40, 120, 140)), masks(), body()])
    assert np.array_equal(scene, keep)


def test_a_box_is_drawn_at_its_place_in_rgb() -> None:
    drawn = draw(canvas(), [boxes((20, 60, 120, 140))])
    for x, y in ((20, 100), (120, 100), (70, 60), (70, 140)):
        assert tuple(drawn[y, x]) == colour(0)
    assert tuple(drawn[100, 70]) == (GREY,) * 3 and tuple(drawn[10, 190]) == (GREY,) * 3


def test_colours_follow_labels_over_all_results() -> None:
    results: list[Result] = [boxes((20, 60, 60, 140), (80, 60, 120, 140), labels=["cat", "dog"]),
                             boxes((140, 60, 180, 140), labels="dog")]
    drawn = draw(canvas(), results)
    cat, dog, other = (tuple(drawn[130, x]) for x in (20, 80, 140))
    assert cat == colour(0) and dog == other == colour(1)


def test_a_mask_is_filled_inside_and_outlined() -> None:
    drawn = draw(canvas(), [masks()])
    inside = drawn[70, 90].astype(int)
    assert np.allclose(inside, 0.55 * GREY + 0.45 * np.array(colour(0)), atol=3)
    assert tuple(drawn[60, 50]) == colour(0)
    assert tuple(drawn[100, 150]) == (GREY,) * 3


def test_a_skeleton_joins_the_points_that_were_seen() -> None:
    drawn = draw(canvas(), [body()])
    assert tuple(drawn[40, 100]) == LIMBS.as_rgb() and tuple(drawn[80, 125]) == LIMBS.as_rgb()
    unseen = draw(canvas(), [body(score=0.1)])
    assert tuple(unseen[40, 100]) == LIMBS.as_rgb()
    assert tuple(unseen[80, 125]) == (GREY,) * 3 and tuple(unseen[120, 100]) == (GREY,) * 3


def test_an_edited_picture_takes_the_place_of_the_old_one_and_is_drawn_on() -> None:
    edited = np.full((160, 200, 3), 200, np.uint8)
    drawn = draw(canvas(), [boxes((20, 60, 120, 140)), Image(edited, "brighter")])
    assert tuple(drawn[100, 70]) == (200,) * 3 and tuple(drawn[100, 20]) == colour(0)
    larger = Image(np.full((320, 400, 3), 200, np.uint8), "larger")
    assert np.array_equal(draw(canvas(), [larger]), canvas())


def test_a_mask_has_no_second_label_where_a_box_names_the_same() -> None:
    """Above the box lies one label: that of the box."""
    with_mask = draw(canvas(), [boxes((50, 40, 100, 80)), masks()])
    alone = draw(canvas(), [boxes((50, 40, 100, 80))])
    assert np.array_equal(with_mask[:38], alone[:38])
    assert changed(canvas(), draw(canvas(), [masks()]))[:38].any()


@pytest.mark.parametrize("size", [(16, 16), (160, 120), (810, 1080), (4000, 3000), (3000, 20)])
def test_every_size_of_picture_is_drawn_on_legibly(size: tuple[int, int]) -> None:
    width, height = size
    scene = canvas(width, height)
    one = boxes((width * 0.2, height * 0.3, width * 0.8, height * 0.9), size=size)
    drawn = draw(scene, [one, masks(size)])
    assert drawn.shape == scene.shape and drawn.dtype == np.uint8
    assert changed(scene, drawn).any()


@pytest.mark.parametrize("size", [(160, 120), (4000, 3000)])
@pytest.mark.parametrize("kind", ["boxes", "masks", "keypoints"])
def test_what_is_drawn_lies_at_its_thing_and_nowhere_far_from_it(kind: str, size: tuple[int, int]) -> None:
    """Pixels change inside the box; a label may stand out, but by no more than a fifth of the picture."""
    width, height = size
    x1, y1, x2, y2 = width * 0.25, height * 0.4, width * 0.5, height * 0.7
    inner = np.array([[[x1, y1], [x2, y1], [x2, y2]]])
    mask = np.zeros((1, height, width), bool)
    mask[0, int(y1) : int(y2), int(x1) : int(x2)] = True
    results: dict[str, Result] = {
        "boxes": boxes((x1, y1, x2, y2), size=size),
        "masks": Masks(mask, np.array([0.8]), "cat", "cats", size),
        "keypoints": Keypoints(inner, np.ones((1, 3)), np.array([[x1, y1, x2, y2]]), np.ones(1), "cat", "cats", size,
                               ("a", "b", "c"), ((0, 1), (1, 2))),
    }  # fmt: skip
    scene = canvas(*size)
    marks = changed(scene, draw(scene, [results[kind]]))
    line = Sizes.of(scene).line
    inside = marks[int(y1) - line : int(y2) + line, int(x1) - line : int(x2) + line]
    assert inside.sum() > 2 * (x2 - x1)  # at least two lines from side to side
    ys, xs = np.nonzero(marks)
    assert xs.min() > x1 - 0.05 * width and xs.max() < x2 + 0.2 * width
    assert ys.min() > y1 - 0.2 * height and ys.max() < y2 + 0.05 * height


def test_lines_and_letters_grow_with_the_picture() -> None:
    small, middle, large = (Sizes.of(canvas(n, n)) for n in (160, 1000, 4000))
    assert (small.line, small.limb, small.joint) == (1, 1, 1) and not small.scores
    assert middle.line == 3 and middle.scores
    assert large.line > 3 * middle.line - 2 and large.letters == pytest.approx(4 * middle.letters)


def test_the_work_of_drawing_grows_with_the_crowd_alone() -> None:
    def work(number: int) -> int:
        corners = np.random.default_rng(0).uniform(0, 500, (number, 2))
        crowd = Boxes(np.concatenate([corners, corners + 50], 1), np.full(number, 0.5), "person", "people", (640, 640))
        return calls(lambda: draw(canvas(640, 640), [crowd]))

    work(1)  # the first drawing loads the letters
    assert work(300) < 4 * work(100)
