"""Tests of the palette tool: python -m pytest"""

from __future__ import annotations

import numpy as np
import pytest
import torch
from veclink_palette import Palette

from veclink.tools import Condition, Region, check_tool


def flag() -> np.ndarray:
    """Half blue, a quarter white, a quarter red."""
    pixels = np.zeros((80, 100, 3), np.uint8)
    pixels[:, :50], pixels[:, 50:75], pixels[:, 75:] = (45, 95, 200), (245, 245, 245), (205, 35, 40)
    return pixels


def say(phrase: str, *regions: Region) -> str:
    tool = Palette()
    return tool.decode([flag()], [Condition(tool.bridge([phrase])[0], phrase, regions)])[0].items()[0]["text"]


def test_follows_the_contract() -> None:
    assert "batch" in check_tool(Palette())


@pytest.mark.parametrize(
    ("phrase", "expected"),
    [
        ("the palette", "blue 50 %, white 25 %, red 25 %"),
        ("the two main colours", "blue 50 %, white 25 %"),
        ("how much of it is red", "red 25 %"),
        ("is there any green", "none of these colours"),
    ],
)
def test_names_the_colours(phrase: str, expected: str) -> None:
    assert say(phrase) == expected


def test_a_region_limits_it() -> None:
    assert say("the palette", Region.box(75, 0, 100, 80)) == "red 100 %"


def test_the_vectors_steer_and_the_words_do_not() -> None:
    vectors = torch.zeros(1, 12)
    vectors[0, 0], vectors[0, 2] = 1.0, 1.0
    assert Palette().decode([flag()], [Condition(vectors, "red")])[0].items()[0]["text"] == "white 25 %"
