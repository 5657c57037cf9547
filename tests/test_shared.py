"""What tools see of a picture through the same network is made once."""

from __future__ import annotations

import gc
from pathlib import Path

import numpy as np
import pytest
import torch

from veclink.tools.condition import Condition
from veclink.tools.detect import Detect
from veclink.tools.pose import SMALL, Pose
from veclink.tools.segment import Segment
from veclink.tools.shared import once
from veclink.tools.tool import Tool

torch.set_num_threads(1)


def picture(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.kron(rng.integers(0, 256, (10, 15, 3)), np.ones((8, 8, 1))).astype(np.uint8)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A detector, poses on it, and a segmenter."""
    folder = tmp_path_factory.mktemp("shared")
    Detect("yolo11n-world.yaml", "cpu", text_encoder="table", resolution=96).ready().save(folder / "detect.safetensors")
    branch = Pose(SMALL, "cpu", trunk=str(folder / "detect.safetensors")).ready()
    branch.save(folder / "pose.safetensors")
    Segment("sam_small_random", "cpu", grounder=None, words="table").ready().save(folder / "segment.safetensors")
    return folder


def made(files: Path) -> list[Tool]:
    detector = str(files / "detect.safetensors")
    return [Detect(detector, "cpu").ready(), Pose(str(files / "pose.safetensors"), "cpu").ready(),
            Segment(str(files / "segment.safetensors"), "cpu", grounder=detector).ready()]


def counted(tools: list[Tool]) -> list[int]:
    """Grows by one for each pass of a network of theirs through its first layer."""
    passes: list[int] = []
    for yolo in (getattr(tool, "yolo", None) or tool.pointer.yolo for tool in tools):  # type: ignore[attr-defined]
        yolo.model.model[0].register_forward_pre_hook(lambda _, given: passes.append(len(given[0])))
    return passes


def ask(tool: Tool, image: np.ndarray) -> object:
    return tool.decode([image], [Condition(tool.bridge(["the cow"])[0], "the cow")])[0].to_dict()


def test_three_tools_one_pass(files: Path) -> None:
    tools = made(files)
    alone = [ask(tool, picture()) for tool in made(files)]
    gc.collect()  # of those nobody remembers anything
    passes = counted(tools)
    assert [ask(tool, picture()) for tool in tools] == alone and passes == [1]
    ask(tools[0], picture(1))
    assert passes == [1, 1]
    for tool in tools[:2]:
        tool.forget()
    ask(tools[0], picture())
    assert passes == [1, 1], "the segmenter still remembers it"


def test_a_network_that_learned_shares_no_more(files: Path) -> None:
    tools = made(files)
    passes = counted(tools)
    ask(tools[1], picture(2))
    before = ask(tools[0], picture(2))
    assert passes == [1]
    with torch.no_grad():
        tools[0].networks()["network"].model[0].conv.weight.mul_(1.5)  # type: ignore[union-attr, operator]
    tools[0].forget()
    ask(tools[0], picture(2))
    assert passes == [1, 1] and before is not None


def test_other_resolutions_are_other_pictures(files: Path) -> None:
    one, other = (Detect(str(files / "detect.safetensors"), "cpu", resolution=side).ready() for side in (96, 128))
    passes = counted([one, other])
    for tool in (one, other):
        ask(tool, picture(3))
    assert passes == [1, 1]


class Made:
    """What an encoder gives."""


def test_once() -> None:
    asked: list[int] = []

    def encode(images: list[np.ndarray]) -> list[Made]:
        asked.append(len(images))
        return [Made() for _ in images]

    images = [picture(0), picture(1), picture(0)]
    first = once(("a",), images, encode)
    assert asked == [2] and first[0] is first[2] and first[0] is not first[1]
    assert once(("a",), images[1:], encode) == first[1:] and asked == [2]
    assert once(("b",), images[:1], encode)[0] is not first[0] and asked == [2, 1]
    del first
    gc.collect()
    once(("a",), images, encode)
    assert asked == [2, 1, 2]
