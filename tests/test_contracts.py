"""The public checker over every registered tool, and the checker itself against tools that break the contract.

With what weights: where UNTRAINED names one, small untrained models that the tools offer for tests (random numbers: the
code path is the real one, the results mean nothing) and, where they are on this machine, the public weights of PUBLIC.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest
import torch
from conftest import need_weights

from veclink.tools import Boxes, Condition, Result, Text, Tool, check_tool, registry
from veclink.tools.errors import ContractError

UNTRAINED = {
    "detect": ("yolo11n.yaml",),  # open-vocabulary weights need a text model: test_detect.py gives them a small one
    "pose": ("yolo11n-pose.yaml",),
    "segment": ("sam_tiny_random", "yolo11n-seg.yaml"),
    "edit": ("instruct-pix2pix-tiny-random",),
}
PUBLIC = {"detect": ("yolo11n.pt",), "pose": ("yolo11n-pose.pt",), "segment": ("yolo11n-seg.pt",)}
pytestmark = pytest.mark.usefixtures("one_thread")
FAST: dict[str, dict[str, Any]] = {"edit": {"steps": 2, "max_side": 64}}


def test_every_tool_of_this_project_is_registered() -> None:
    assert set(registry.names()) >= set(UNTRAINED)


@pytest.mark.parametrize("name", registry.names())
def test_every_registered_tool_declares_itself(name: str) -> None:
    tool = registry.make(name)
    assert tool.name == name and tool.token == f"<|{name}|>"
    assert set(tool.limits) <= set(tool.defaults)
    for option, (low, high) in tool.limits.items():
        assert low <= tool.defaults[option] <= high, option


@pytest.mark.parametrize(("name", "weights"), [(name, each) for name in UNTRAINED for each in UNTRAINED[name]])
def test_contract_on_small_untrained_models(name: str, weights: str) -> None:
    torch.manual_seed(0)
    assert "batch" in check_tool(registry.make(name, weights=weights, device="cpu", **FAST.get(name, {})))


@pytest.mark.weights
@pytest.mark.parametrize(("name", "weights"), [(name, each) for name in PUBLIC for each in PUBLIC[name]])
def test_contract_on_public_weights(name: str, weights: str) -> None:
    need_weights(weights)
    assert "batch" in check_tool(registry.make(name, weights=weights, device="cpu"))


@pytest.mark.parametrize("name", [name for name in registry.names() if name not in UNTRAINED])
def test_contract_of_tools_that_other_packages_bring(name: str) -> None:
    assert "batch" in check_tool(registry.make(name, device="cpu"))


# -- the checker itself ----------------------------------------------------------------------------------------------


class Good(Tool):
    """Finds the brightest pixel; follows the contract."""

    name = "brightest"
    description = "Finds the brightest place of a picture, whatever it is."
    examples = ("find the brightest spot", "where is the light", "mark the lamp")
    result = "boxes"
    condition = (1, 2)

    def bridge(self, phrases: Sequence[str]) -> list[torch.Tensor]:
        return [torch.ones(1, 2) for _ in phrases]

    def decode(self, images: Sequence[np.ndarray], conditions: Sequence[Condition]) -> list[Result]:
        self.check_conditions(images, conditions)
        return [self._box(image, condition) for image, condition in zip(images, conditions, strict=True)]

    def _box(self, image: np.ndarray, condition: Condition) -> Result:
        height, width = image.shape[:2]
        y, x = np.unravel_index(int(image.sum(2).argmax()), (height, width))
        box = np.array([[x, y, x + 1, y + 1]], float)
        return Boxes(box, np.ones(1), "spot", condition.phrase, (width, height))


def test_a_good_tool_passes() -> None:
    assert check_tool(Good()) == [
        "declaration", "condition shape", "bridge", "batch", "vectors that no bridge made", "regions",
        "wrong conditions refused",
    ]


def broken(**changes: Any) -> type[Tool]:
    return type("Broken", (Good,), changes)


def _noisy(self: Tool, phrases: Sequence[str]) -> list[torch.Tensor]:
    return [torch.rand(1, 2) for _ in phrases]


def _wide(self: Tool, phrases: Sequence[str]) -> list[torch.Tensor]:
    return [torch.ones(1, 3) for _ in phrases]


def _few(self: Good, images: Sequence[np.ndarray], conditions: Sequence[Condition]) -> list[Result]:
    return Good.decode(self, images, conditions)[:1]


def _kind(self: Good, images: Sequence[np.ndarray], conditions: Sequence[Condition]) -> list[Result]:
    return [Text("here") for _ in images]


def _touching(self: Good, images: Sequence[np.ndarray], conditions: Sequence[Condition]) -> list[Result]:
    """Pictures of a batch touch each other: what is found depends on how many there are."""
    results = Good.decode(self, images, conditions)
    return [Boxes(r.xyxy if len(images) == 1 else r.xyxy * 0, r.scores, "spot", "", r.size)  # type: ignore[attr-defined]
            for r in results]


def _gullible(self: Good, images: Sequence[np.ndarray], conditions: Sequence[Condition]) -> list[Result]:
    return [self._box(image, condition) for image, condition in zip(images, conditions, strict=True)]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "Bright"}, "a lower-case name"),
        ({"result": "sound"}, "result among"),
        ({"description": "Finds."}, "a description of a sentence"),
        ({"examples": ("one",)}, "at least three examples"),
        ({"queries": 0}, "queries >= 1"),
        ({"condition": (1,)}, r"condition = \(N, D\)"),
        ({"bridge": _noisy}, "the same condition for the same words"),
        ({"bridge": _wide}, "bridge of shape"),
        ({"decode": _few}, "3 results"),
        ({"decode": _kind}, "a boxes result"),
        ({"decode": _touching}, "the batch equal to one by one"),
        ({"decode": _gullible}, "a condition of a wrong shape"),
    ],
    ids=lambda value: value if isinstance(value, str) else next(iter(value)),
)
def test_what_breaks_the_contract_is_named(change: dict[str, Any | Callable], message: str) -> None:
    with pytest.raises(ContractError, match=message):
        check_tool(broken(**change)())
