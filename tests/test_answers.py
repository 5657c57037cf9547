"""Answers in words: counts, plurals, what was not found, what failed; and that no thing is counted twice."""

from __future__ import annotations

import numpy as np
import pytest

from veclink.agent import Agent
from veclink.agent.answers import answer_of, count_of, join, plural
from veclink.agent.checks import remarks, together
from veclink.agent.steps import Found, RouteRecord
from veclink.agent.testing import FakeSpot, blocks
from veclink.tools.results import Boxes, Image, Keypoints, Masks, Result, Text

SIZE = (40, 40)
NAMES = ("left elbow", "right elbow")


def boxes(*corners: list[float], scores: list[float], labels: list[str] | str = "person", phrase: str = "x") -> Boxes:
    return Boxes(np.array(corners), np.array(scores), labels, phrase, SIZE)


def body(score: float, points: dict[str, tuple[float, float]], names: tuple[str, ...] = NAMES) -> Keypoints:
    """One body in the same box; (x, score) of each point, y is 5."""
    xy = np.array([[[points[name][0], 5.0] for name in names]])
    seen = np.array([[points[name][1] for name in names]])
    return Keypoints(xy, seen, np.array([[1.0, 1, 20, 20]]), np.array([score]), "person", "people", SIZE, names)


# -- words -----------------------------------------------------------------------------------------------------------


def test_what_is_named_by_its_phrase() -> None:
    assert count_of(1, "the grass") == "the grass" and count_of(2, "the pond") == "2 ponds"


@pytest.mark.parametrize(
    ("number", "noun", "words"),
    [(1, "bus", "1 bus"), (2, "bus", "2 buses"), (4, "person", "4 people"), (3, "city", "3 cities"),
     (2, "boy", "2 boys"), (2, "wine glass", "2 wine glasses"), (5, "sheep", "5 sheep"), (2, "knife", "2 knives"),
     (2, "traffic light", "2 traffic lights"), (2, "people", "2 people"), (0, "dog", "0 dogs"), (2, "box", "2 boxes")],
)  # fmt: skip
def test_numbers_of_things(number: int, noun: str, words: str) -> None:
    assert count_of(number, noun) == words
    assert plural(noun) == count_of(2, noun).removeprefix("2 ")


def test_lists_in_words() -> None:
    assert [join(parts) for parts in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == ["", "a", "a and b", "a, b and c"]


def of_kind(kind: str) -> Result:
    """A result of each kind; nothing in it where the kind is "none"."""
    pair = boxes([1.0, 1, 9, 9], [11, 1, 19, 9], scores=[0.9, 0.8], labels=["dog", "person"])
    results: dict[str, Result] = {
        "boxes": pair,
        "masks": Masks(np.ones((1, 40, 40), bool), np.array([0.9]), "bus", "the bus", SIZE),
        "keypoints": Keypoints(pair.xyxy.reshape(2, 2, 2), np.ones((2, 2)), pair.xyxy, np.ones(2), "person", "people",
                               SIZE, NAMES),
        "one point": Keypoints(np.ones((1, 1, 2)), np.ones((1, 1)), pair.xyxy[:1], np.ones(1), "person", "noses",
                               SIZE, ("nose",)),
        "text": Text("a street in the morning"),
        "image": Image(np.zeros((40, 40, 3), np.uint8), "make it snow"),
        "none": Boxes(np.zeros((0, 4)), np.zeros(0), [], [], SIZE),
    }  # fmt: skip
    return results[kind]


@pytest.mark.parametrize(
    ("kind", "phrases", "counts", "failed", "words"),
    [
        ("boxes", ["dogs"], [2], [], "Found 1 dog and 1 person."),
        ("boxes", ["dogs", "the unicorns"], [2, 0], [], "Found 1 dog and 1 person. No unicorn was found."),
        ("boxes", ["dogs", "cats"], [2, None], [1], "Found 1 dog and 1 person. x failed for 'cats'."),
        ("boxes", ["dogs", "dogs"], [2, 0], [], "Found 1 dog and 1 person."),  # none in the second of two pictures
        ("none", ["the unicorns"], [0], [], "No unicorn was found."),
        ("masks", ["the bus"], [1], [], "Outlined 1 bus."),
        ("keypoints", ["people"], [2], [], "2 poses of 2 keypoints."),
        ("one point", ["noses"], [1], [], "1 pose of 1 keypoint."),
        ("text", ["describe"], [1], [], "a street in the morning"),
        ("image", ["make it snow"], [1], [], "Edited: make it snow."),
        ("image", ["make it snow.", "and add a moon"], [1, 1], [], "Edited: make it snow and add a moon."),
        ("image", ["make it snow", "paint the cat"], [1, None], [], "Edited: make it snow."),  # no cat to paint
        (None, ["dogs"], [None], [0], "x failed."),
    ],
)
def test_answers_by_kind_of_result(
    kind: str | None, phrases: list[str], counts: list[int | None], failed: list[int], words: str
) -> None:
    routes = [RouteRecord("x", phrase, 0) for phrase in phrases]
    found = [Found("x", 0, of_kind(kind))] if kind else []
    decoded = {i: count for i, count in enumerate(counts) if count is not None}
    assert answer_of(routes, found, decoded, failed) == words


def test_a_long_list_is_cut_short() -> None:
    labels = [f"thing{'abcdefghijklmno'[i]}" for i in range(15)]
    many = boxes(*([[1.0, 1, 9, 9]] * 15), scores=[0.9] * 15, labels=labels)
    words = answer_of([RouteRecord("x", "things", 0)], [Found("x", 0, many)], {0: 15}, [])
    assert "1 thingl" in words and "1 thingm" not in words and words.endswith("and 3 other kinds.")


def test_a_painted_picture_is_answered_by_what_was_asked(fake_agent: Agent) -> None:
    run = fake_agent.run("make it red", [blocks("blue")])
    assert run.answer == "Edited: make it red." and run.results[0].result.kind == "image"


def test_what_failed_is_not_said_to_be_absent(fake_agent: Agent, monkeypatch: pytest.MonkeyPatch) -> None:
    """Green is in the picture; the tool broke on it, and the run must not say that there is none."""
    original = FakeSpot.decode

    def decode(self: FakeSpot, images: list[np.ndarray], conditions: list) -> list[Result]:
        if any("green" in condition.phrase for condition in conditions):
            raise RuntimeError("no green today")
        return original(self, images, conditions)

    monkeypatch.setattr(FakeSpot, "decode", decode)
    run = fake_agent.run("spot red and green and yellow", [blocks("red", "green")])
    assert run.answer == "Found 1 red. No yellow was found. spot failed for 'green'."
    assert [tool for tool, _ in run.errors] == ["spot"]


# -- twins: what two phrases found is one thing ----------------------------------------------------------------------


def test_two_phrases_for_one_thing_find_it_once(fake_agent: Agent) -> None:
    run = fake_agent.run("spot the red square and the red thing", [blocks("red", "blue")])
    assert [route.phrase for route in run.routes] == ["the red square", "the red thing"]
    assert [item["box"] for item in run.results[0].result.items()] == [[4, 8, 28, 32]]
    assert run.answer == "Found 1 red."  # and not that the other phrase found nothing


def test_of_twins_the_higher_score_stays_in_its_place() -> None:
    first = boxes([1, 1, 20, 20], [25, 25, 39, 39], scores=[0.6, 0.5], phrase="every person")
    second = boxes([1.1, 1, 20, 20], scores=[0.9], phrase="the people")
    whole = together([first, second])
    assert [(item["phrase"], item["score"]) for item in whole.items()] == [("every person", 0.5), ("the people", 0.9)]
    again = together([first, second, first])
    assert again == whole


@pytest.mark.parametrize(
    ("other", "label"), [([1.0, 1, 20, 20], "dog"), ([1.0, 1, 20, 21.5], "person"), ([20.0, 20, 39, 39], "person")]
)
def test_another_label_or_place_is_another_thing(other: list[float], label: str) -> None:
    pair = [boxes([1, 1, 20, 20], scores=[0.6]), boxes(other, scores=[0.9], labels=label)]
    assert len(together(pair)) == 2


def test_what_one_phrase_found_is_left_as_it_is() -> None:
    """The tool told these two apart itself."""
    double = boxes([1, 1, 20, 20], [1, 1, 20, 20], scores=[0.6, 0.5])
    assert together([double]) is double
    assert len(together([double, boxes([25, 25, 39, 39], scores=[0.6])])) == 3


def test_masks_are_told_apart_too() -> None:
    mask = np.zeros((1, 40, 40), bool)
    mask[0, 5:20, 5:20] = True
    one, two = (Masks(mask, np.array([score]), "bus", phrase, SIZE) for score, phrase in ((0.7, "a bus"), (0.9, "it")))
    whole = together([one, two])
    assert isinstance(whole, Masks) and len(whole) == 1 and whole.phrases == ["it"]
    assert np.array_equal(whole.masks, mask)


def test_a_body_keeps_the_better_of_both_its_twins_points() -> None:
    every = body(0.9, {"left elbow": (5, 0.8), "right elbow": (10, 0.2)})
    right = body(0.7, {"right elbow": (12, 0.6)}, ("right elbow",))
    whole = together([right, every])
    assert isinstance(whole, Keypoints) and len(whole) == 1 and whole.box_scores.tolist() == [0.9]
    points = {name: (x, s) for name, (x, _), s in zip(whole.names, whole.xy[0], whole.scores[0], strict=True)}
    assert points == {"left elbow": (5, 0.8), "right elbow": (12, 0.6)}


def test_nothing_and_texts_are_put_together_as_they_are() -> None:
    nothing = of_kind("none")
    assert together([nothing, nothing]) is nothing
    some = of_kind("boxes")
    assert together([nothing, some]) is some
    both = together([Text("a"), Text("a")])
    assert isinstance(both, Text) and both.texts == ["a", "a"]


def test_a_change_that_changes_nothing_is_said() -> None:
    given = np.full((40, 60, 3), 90, np.uint8)
    faint, changed = given + 3, given.copy()
    changed[5:15, 5:15] = 200
    routes = [RouteRecord("edit", "make it snow", 0)]
    assert remarks(routes, {0: Image(faint)}, [given]) == ["'make it snow' hardly changed the picture"]
    assert remarks(routes, {0: Image(changed)}, [given]) == []
    assert remarks(routes, {0: Image(changed[:20])}, [given]) == [], "of another size: it is another picture"
