"""Mending tagged phrases."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from veclink.router.targets import targets


def places(text: str, *phrases: str) -> list[tuple[int, int]]:
    """Where phrases stand in a text, each after the one before where it can."""
    found, at = [], 0
    for phrase in phrases:
        start = text.find(phrase, at) if text.find(phrase, at) >= 0 else text.find(phrase)
        found.append((start, start + len(phrase)))
        at = start + len(phrase)
    return found


@pytest.mark.parametrize(
    ("text", "tagged", "wanted"),
    [
        ("find every person and the bus", ["every person"], ("every person", "the bus")),
        ("find every person and make it snow", ["every person"], ("every person",)),
        ("outline every dog, cat, horse and sheep.", ["every dog"], ("every dog", "cat", "horse", "sheep")),
        ("outline every dog, cat, horse and sheep.", ["every dog", "cat, horse and sheep"],
         ("every dog", "cat", "horse", "sheep")),
        ("find the cups and the spoons in the first photo", ["the cups"], ("the cups", "the spoons")),
        ("where are the cat and the two dogs", ["cat", "the", "dogs"], ("cat", "dogs")),
        ("show me the pose of every person", ["the pose of", "every person"], ("the pose of every person",)),
        ("mark all potholes on this street", ["all potholes on"], ("all potholes",)),
        ("mark the dogs, then cut them out", ["the dogs"], ("the dogs",)),
        ("show the right elbows of the two people on the left", ["the right elbows of the two people on the left"],
         ("the right elbows of the two people on the left",)),
        ("find the cars and paint the sky", ["the cars"], ("the cars",)),
        ("box the ca", ["a"], ("ca",)),
    ],
)  # fmt: skip
def test_lists_are_carried_on(text: str, tagged: list[str], wanted: tuple[str, ...]) -> None:
    assert targets(places(text, *tagged), text) == wanted


def test_a_list_does_not_run_into_another_tools_target() -> None:
    text = "box the man, the hat and the dog"
    assert targets(places(text, "the man"), text, places(text, "the hat")) == ("the man", "the dog")
    text = "find every person and the bus, outline the bus"
    assert targets([(5, 17)], text, [(39, 46)]) == ("every person", "the bus")


def test_a_tools_own_name_begins_no_thing() -> None:
    assert targets([(5, 13)], "find the cars and zap people", verbs=["zap"]) == ("the cars",)


@settings(deadline=None)
@given(st.text(min_size=1, max_size=60), st.data())
def test_targets_are_parts_of_the_text(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    for target in targets([(start, end)], text):
        assert target in text and target.strip()
