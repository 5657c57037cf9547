"""Features that know their place: nothing changes at first, then left is not right, at every size."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from veclink.tools.place import Place, add_places
from veclink.tools.yolo import Yolo


@pytest.mark.parametrize("shape", [(1, 1), (5, 8), (20, 12)])
def test_an_untrained_place_changes_nothing(shape: tuple[int, int]) -> None:
    features = torch.randn(2, 4, *shape)
    assert torch.equal(Place(4)(features), features)


def test_a_trained_one_tells_the_sides_apart_whatever_the_size() -> None:
    place = Place(1)
    with torch.no_grad():
        place.weight[0, 1] = 1.0  # the second number is how far to the right
    for size in (3, 9):
        told = place(torch.zeros(1, 1, 4, size))[0, 0]
        assert torch.equal(told, torch.linspace(-1, 1, size).expand(4, size))


def test_every_two_cells_differ() -> None:
    place = Place(14)
    with torch.no_grad():
        place.weight.copy_(torch.eye(14)[..., None, None])
    told = place(torch.zeros(1, 14, 20, 32)).flatten(2)[0].T
    assert len(torch.unique((told * 1e4).round(), dim=0)) == 20 * 32


def test_gradients_reach_it_though_it_begins_at_zero() -> None:
    layers = nn.ModuleList([nn.Conv2d(3, 4, 3, 2, 1), nn.BatchNorm2d(4), nn.Conv2d(4, 8, 3, 2, 1)])
    add_places(layers, {2})
    assert layers.training and layers[1].num_batches_tracked == 0, "only looked at"
    assert not hasattr(layers[0], "place")
    (nn.Sequential(*layers)(torch.randn(1, 3, 16, 16)) ** 2).sum().backward()
    (weight,) = layers[2].get_submodule("place").parameters()
    assert weight.grad is not None and bool(weight.grad.any())


def test_the_projects_own_networks_have_places_where_the_neck_reads() -> None:
    yolo = Yolo.load("yolo11n-world.yaml", torch.device("cpu"), torch.float32)
    assert [name for name, _ in yolo.model.named_parameters() if "place" in name] == [
        f"model.{layer}.place.weight" for layer in (4, 6, 10)]
    assert not any("place" in name for name, _ in
                   Yolo.load("yolo11n.yaml", torch.device("cpu"), torch.float32).model.named_parameters())
