"""Mending tagged phrases."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from veclink.router.targets import targets


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
        ("mark the dogs, then cut them out", ["the dogs"], ("the dogs",)),
        ("show the right elbows of the two people on the left", ["the right elbows of the two people on the left"],
         ("the right elbows of the two people on the left",)),
        ("find the cars and paint the sky", ["the cars"], ("the cars",)),
        ("box the ca", ["a"], ("ca",)),
    ],
)  # fmt: skip
def test_lists_are_carried_on(text: str, tagged: list[str], wanted: tuple[str, ...]) -> None:
    assert targets(tagged, text) == wanted


def test_a_list_does_not_run_into_another_tools_target() -> None:
    text = "box the man, the hat and the dog"
    assert targets(["the man"], text, taken=["the hat"]) == ("the man", "the dog")


def test_a_tools_own_name_begins_no_thing() -> None:
    assert targets(["the cars"], "find the cars and zap people", verbs=["zap"]) == ("the cars",)


@settings(deadline=None)
@given(st.text(min_size=1, max_size=60), st.data())
def test_targets_are_parts_of_the_text(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    for target in targets([text[start:end]], text):
        assert target in text and target.strip()
