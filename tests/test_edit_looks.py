"""An editor that is told where: which parts of a picture it looks at closer, and what it leaves alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from veclink.router.dense import hint, where_loss
from veclink.tools import Condition, Image, Region
from veclink.tools.closer import Look
from veclink.tools.diffusion import SMALL, TINY
from veclink.tools.edit import Edit
from veclink.tools.edit_looks import MOST, NEAR, View, joined, looks_at, told

torch.set_num_threads(1)
SIZE = (192, 128)
ROWS, COLUMNS = 16, 24  # squares of 8 pixels


def meant(*parts: tuple[int, int, int, int]) -> torch.Tensor:
    """Logits that are sure of parts (first row, end, first column, end) and of nothing else."""
    logits = torch.full((ROWS, COLUMNS), -6.0)
    for y0, y1, x0, x1 in parts:
        logits[y0:y1, x0:x1] = 6.0
    return logits


def picture(seed: int = 0) -> np.ndarray:
    coarse = np.random.default_rng(seed).integers(0, 256, (SIZE[1] // 16, SIZE[0] // 16, 3))
    return np.kron(coarse, np.ones((16, 16, 1))).astype(np.uint8)


@pytest.fixture(scope="module")
def small() -> Edit:
    """An untrained editor that heeds what it is told of where."""
    tool = Edit(SMALL, "cpu")
    tool.ready()
    torch.nn.init.normal_(tool.pipeline.unet.where.weight, std=0.5, generator=torch.Generator().manual_seed(0))
    last = tool.pipeline.composer.layers[-1]
    torch.nn.init.normal_(last.weight, std=0.3, generator=torch.Generator().manual_seed(0))
    return tool


def edited(tool: Edit, image: np.ndarray, dense: torch.Tensor | None, **options: object) -> np.ndarray:
    result = tool.decode([image], [Condition(tool.bridge(["remove it"])[0], "remove it", (), options, dense)])[0]
    assert isinstance(result, Image)
    return result.pixels


def test_each_small_part_is_looked_at_by_itself() -> None:
    looks = looks_at(meant((2, 3, 2, 3), (12, 14, 18, 20)), SIZE)
    boxes = [(16, 16, 24, 24), (144, 96, 160, 112)]
    for look, (x0, y0, x1, y1) in zip(sorted(looks, key=lambda one: one.x0), boxes, strict=True):
        assert look.x0 < x0 and look.y0 < y0 and look.x1 > x1 and look.y1 > y1
        assert x1 - x0 < look.x1 - look.x0 < 6 * (x1 - x0), "closer than the whole picture"


@pytest.mark.parametrize("dense", [None, meant(), meant((0, 16, 0, 24)), meant((2, 12, 2, 20), (14, 15, 22, 23))])
def test_where_nothing_or_much_is_meant_the_whole_picture_is_seen(dense: torch.Tensor | None) -> None:
    assert looks_at(dense, SIZE) == []


def test_there_are_not_too_many_looks() -> None:
    parts = [(row, row + 1, column, column + 1) for row in (1, 8, 14) for column in range(1, 24, 5)]
    assert len(parts) > MOST == len(looks_at(meant(*parts), SIZE))


def test_what_it_is_told_fits_what_it_sees() -> None:
    dense = meant((6, 9, 8, 11))
    (look,) = looks_at(dense, SIZE)
    where = told(View(0, look.part(picture()), (NEAR, NEAR), dense, look), 8)
    assert where.shape == (2, 16, 16) and bool((where[1] == 1).all())
    assert float(where[0, 8, 8]) > 0.9 and float(where[0, [0, 0, -1, -1], [0, -1, 0, -1]].max()) < 0.1
    whole = told(View(0, picture(), SIZE, dense), 8)
    assert torch.allclose(whole[0], dense.sigmoid(), atol=1e-4) and not told(View(0, picture(), SIZE), 8).any()


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 12), st.integers(1, 12), st.integers(1, 8)), max_size=4),
       st.integers(0, 99))
def test_parts_are_put_back_where_they_were(places: list[tuple[int, int, int, int]], seed: int) -> None:
    rng = np.random.default_rng(seed)
    image = rng.integers(0, 256, (20, 32, 3), dtype=np.uint8)
    looks = [Look(x, y, min(32, x + w), min(20, y + h), (32, 20)) for x, y, w, h in places]
    parts = [rng.integers(0, 256, (look.y1 - look.y0, look.x1 - look.x0, 3), dtype=np.uint8) for look in looks]
    out = joined(image, list(zip(looks, parts, strict=True)))
    layers = np.stack([image.astype(int)] * (1 + len(looks)))
    for layer, look, part in zip(layers[1:], looks, parts, strict=True):
        layer[look.y0 : look.y1, look.x0 : look.x1] = part
    moved = np.abs(layers - image).max(-1)
    assert np.array_equal(np.abs(out.astype(int) - image).max(-1), moved.max(0)), "the edit that changes most"
    assert (out[None] == layers).all(-1).any(0).all(), "every pixel is one of theirs"
    assert np.array_equal(joined(image, [(look, look.part(image)) for look in looks]), image)


def test_only_what_is_looked_at_changes(small: Edit) -> None:
    dense, image = meant((4, 6, 4, 6), (10, 12, 18, 20)), picture()
    looks, new = looks_at(dense, SIZE), edited(small, image, dense)
    inside = np.zeros(image.shape[:2], bool)
    for look in looks:
        inside[look.y0 : look.y1, look.x0 : look.x1] = True
    moved = (new != image).any(-1)
    assert len(looks) == 2 and moved[inside].mean() > 0.5 and not moved[~inside].any()
    assert np.array_equal(new, edited(small, image, dense))
    assert (edited(small, image, None) != image).any(-1).mean() > 0.5, "not told where, it may change all"


@pytest.mark.parametrize("region", [Region.box(60, 40, 90, 64), Region.point(100, 50), Region.box(2, 2, 4, 4)])
def test_what_is_pointed_at_is_looked_at(small: Edit, region: Region) -> None:
    """Whatever a link says."""
    asked = Condition(small.bridge(["remove it"])[0], "remove it", (region,), {}, meant((14, 16, 22, 24)))
    (view,) = small._views(0, picture(), asked)
    (x0, y0, x1, y1), look = region.bounds(), view.look
    assert look is not None and look.x0 <= x0 and look.y0 <= y0 and look.x1 >= x1 and look.y1 >= y1
    where = told(view, 8)[0]
    assert float(where.max()) > 0.7 and float(where[[0, 0, -1, -1], [0, -1, 0, -1]].min()) < 0.1
    whole = Condition(asked.vectors, "make it night", (region,), {"keep": "regions"}, None)
    assert [one.look for one in small._views(0, picture(), whole)] == [None], "what is round it is changed"
    with_link = replace(asked, options={"keep": "nothing"})
    assert small._views(0, picture(), with_link)[0].look != look


def test_where_reaches_the_denoiser(small: Edit) -> None:
    image, left, right = picture(), meant((0, 16, 0, 12)), meant((0, 16, 12, 24))
    for options in ({}, {"guidance": 2.0, "steps": 2}):
        one, two = (edited(small, image, dense, **options) for dense in (left, right))
        assert (one != two).any()


def test_a_batch_is_as_each_alone(small: Edit) -> None:
    images = [picture(0), picture(1), picture(2)]
    dense = [meant((4, 6, 4, 6)), None, meant((4, 7, 14, 16), (10, 12, 2, 4))]
    vectors = small.bridge(["remove it"])[0]
    together = small.decode(images, [Condition(vectors, "remove it", dense=one) for one in dense])
    for image, told_where, result in zip(images, dense, together, strict=True):
        assert isinstance(result, Image)
        assert np.abs(result.pixels.astype(int) - edited(small, image, told_where)).mean() < 1


def test_gradients_reach_where() -> None:
    tool = Edit(SMALL, "cpu")
    tool.ready()
    assert tool.dense and not Edit(TINY, "cpu").dense and not Edit().dense, "the public weights have no use for it"
    tool.networks()["unet"].requires_grad_(True)
    target = picture()
    target[40:60, 40:60] = 0
    for dense in (meant((4, 8, 4, 8)), meant((0, 16, 0, 24))):
        tool.pipeline.unet.where.weight.data.normal_(std=0.1)
        asked = dense.requires_grad_()
        torch.manual_seed(0)
        tool.loss([picture()], [Condition(tool.bridge(["remove it"])[0], dense=asked)], [Image(target)]).backward()
        assert asked.grad is not None and bool((asked.grad != 0).any())
    assert tool.pipeline.unet.where.weight.grad.abs().sum() > 0


def test_an_edit_is_where_the_picture_changes() -> None:
    target = picture()
    target[32:64, 48:96] ^= 128
    right = meant((4, 8, 6, 12))
    one, other = (float(where_loss(dense, Image(target), picture())) for dense in (right, -right))
    assert one < 0.1 < other
    torch.manual_seed(0)
    hinted = hint(Image(target), picture(), (ROWS, COLUMNS))
    assert hinted.shape == (ROWS, COLUMNS) and float(((hinted > 0) == (right > 0)).float().mean()) > 0.97
    assert not torch.equal(hinted, hint(Image(target), picture(), (ROWS, COLUMNS))), "roughly"
