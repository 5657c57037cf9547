"""Tests of the cutout tool: python -m pytest"""

from __future__ import annotations

import numpy as np
import torch
from veclink_cutout import Cutout

from veclink.tools import Condition, Region, check_tool


def disc() -> tuple[np.ndarray, np.ndarray]:
    """(picture, where the disc is): a red disc on grass."""
    rows, columns = np.mgrid[:90, :120]
    inside = (rows - 30) ** 2 + (columns - 80) ** 2 < 20**2
    noise = np.random.default_rng(0).integers(0, 12, (90, 120, 3))
    return (np.where(inside[..., None], (200, 40, 40), (60, 150, 60)) + noise).astype(np.uint8), inside


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    return float((a & b).sum() / (a | b).sum())


def test_follows_the_contract() -> None:
    assert "batch" in check_tool(Cutout())


def test_a_rough_place_becomes_the_shape_that_is_there() -> None:
    picture, inside = disc()
    dense = torch.full((9, 12), -1.0)
    dense[1:5, 6:10] = 1.0  # squares of ten pixels
    (mask,) = Cutout().decode([picture], [Condition(torch.zeros(1, 1), "the disc", dense=dense)])[0].masks
    rough = np.kron(dense.numpy() > 0, np.ones((10, 10), bool))
    assert overlap(mask, inside) > 0.95 > 0.8 > overlap(rough, inside)


def test_where_nothing_is_meant_nothing_is_cut_out() -> None:
    picture, _ = disc()
    nothing = Condition(torch.zeros(1, 1), "the disc", dense=torch.full((9, 12), -5.0))
    assert len(Cutout().decode([picture], [nothing])[0]) == 0


def test_regions_bound_it() -> None:
    picture, inside = disc()
    (mask,) = Cutout().decode([picture], [Condition(torch.zeros(1, 1), "this", (Region.box(55, 5, 105, 55),))])[0].masks
    assert overlap(mask, inside) > 0.9 and not mask[60:].any()
