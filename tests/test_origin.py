"""Networks that begin with a published one's numbers compute what it computes, and can be trained on."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from veclink.tools.errors import WeightsError
from veclink.tools.origin import TrunkMap, begin_with, trunk, trunk_of
from veclink.tools.small_sam import FINE, GRID, SIDE, WIDTH, TrunkEncoder
from veclink.tools.yolo import Yolo

PUBLISHED = "yolo11n.yaml"  # random numbers, the same each time, with their norms folded as in a published file


def pictures(count: int = 4) -> torch.Tensor:
    return torch.rand(count, 3, 64, 96, generator=torch.Generator().manual_seed(0))


def run(layers: torch.nn.ModuleList, x: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        for layer in layers.eval():
            x = layer(x)
    return x


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> torch.nn.ModuleList:
    """The trunk of what loads as PUBLISHED: random numbers as large as trained ones."""
    network = Yolo.load(PUBLISHED, torch.device("cpu"), torch.float32)
    torch.manual_seed(0)
    for module in network.model.modules():
        if isinstance(module, torch.nn.Conv2d) and module.bias is not None:
            torch.nn.init.normal_(module.weight, std=1.5 * module.weight[0].numel() ** -0.5)
            torch.nn.init.normal_(module.bias, std=0.1)
    monkeypatch.setattr(Yolo, "load", lambda *_: network)
    return trunk(network.model.model)


def test_a_trunk_computes_what_the_published_one_does_and_norms_what_it_sees(published: torch.nn.ModuleList) -> None:
    layers = trunk_of(PUBLISHED)
    seen = pictures()
    assert run(published, seen).std() > 0.01
    assert not torch.allclose(run(layers, seen), run(published, seen), atol=1e-3)
    begin_with(layers, PUBLISHED, seen)
    assert torch.allclose(run(layers, seen), run(published, seen), atol=1e-3)
    other = pictures(6)[4:]
    assert torch.allclose(run(layers, other), run(published, other), atol=1e-3), "on others too"

    inputs: list[torch.Tensor] = []
    norm: Any = layers[0].bn
    handle = norm.register_forward_pre_hook(lambda _, given: inputs.append(given[0]))
    run(layers, seen)
    handle.remove()
    spread = norm.running_var.clone()
    assert torch.allclose(inputs[0].var((0, 2, 3), unbiased=False), spread), "batches in training change little"


def test_a_trunk_of_another_shape_is_refused() -> None:
    with pytest.raises(WeightsError, match="other shapes"):
        begin_with(trunk_of("yolov8n.yaml"), PUBLISHED, pictures())
    with pytest.raises(WeightsError, match="configurations"):
        trunk_of("yolo11n-no-such.yaml")


@pytest.mark.parametrize("name", ["http://example.com/yolo11n.yaml", "../yolo11n.yaml", "/a/yolo11n.yaml", "a.pt", ""])
def test_what_a_file_calls_its_trunk_is_opened_only_where_it_is_a_plain_name(name: str) -> None:
    with pytest.raises(WeightsError, match="name of a configuration"):
        trunk_of(name)


def test_the_map_has_one_cell_for_sixteen_pixels_and_learns() -> None:
    network = TrunkMap(PUBLISHED, 32)
    found = network(pictures(2))
    assert found.shape == (2, 32, 4, 6)
    found.square().mean().backward()
    missing = [name for name, p in network.named_parameters() if p.grad is None]
    assert not missing
    with torch.device("meta"):
        assert TrunkMap(PUBLISHED, 32).outer.weight.shape == network.outer.weight.shape


def test_the_small_segment_anything_encodes_in_cells_of_sixteen_pixels_and_in_finer_ones() -> None:
    with torch.no_grad():
        features, *fine = TrunkEncoder().eval()(torch.rand(1, 3, SIDE, SIDE))
    assert features.shape == (1, WIDTH, GRID, GRID)
    for level, channels, stride in zip(fine, FINE, (2, 4, 8), strict=True):
        assert level.shape == (1, channels, SIDE // stride, SIDE // stride)
