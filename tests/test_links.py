"""Queries, projectors and gates."""

from __future__ import annotations

import pytest
import torch

from veclink.envs.errors import UnknownName
from veclink.router.errors import ModelError
from veclink.router.links import LinkSet, Projector, _stretches
from veclink.tools.tool import ToolSpec

H = 16


def spec(name: str = "find", queries: int = 4, condition: tuple[int, int] | None = (2, 8)) -> ToolSpec:
    return ToolSpec(name, f"<|{name}|>", "Says where things are.", ("a", "b", "c"), "boxes", queries, condition)


def test_a_fresh_tool_is_fed_exactly_its_bridge() -> None:
    links = LinkSet(H, [spec()])
    bridge, link = torch.randn(2, 8), torch.randn(4, H)
    with torch.no_grad():
        assert links.condition("find", bridge, link) is bridge
        assert links.condition("find", bridge, torch.full((4, H), torch.nan)) is bridge  # the projector is not even run
    assert torch.equal(links.condition("find", bridge, link), bridge)  # nor does it add anything while it is trained
    assert links.condition("find", bridge, None) is bridge
    assert links.linked == () and links.gate("find") == 0


def test_an_open_gate_adds_the_projected_link() -> None:
    links = LinkSet(H, [spec(), spec("cut", 3, (7, 5))])
    with torch.no_grad():
        links.of("cut").gate.value.fill_(-0.5)
        bridge, link = torch.randn(7, 5), torch.randn(3, H)
        projector = links.of("cut").projector
        assert projector is not None
        assert torch.allclose(links.condition("cut", bridge, link), bridge - 0.5 * projector(link))
        half = links.condition("cut", bridge.half(), link)
        assert half.dtype == torch.float16
        several = links.condition("cut", torch.stack([bridge, bridge]), torch.stack([link, 2 * link]))
        assert several.shape == (2, 7, 5) and torch.allclose(
            several[0], links.condition("cut", bridge, link), atol=1e-6
        )
    assert links.linked == ("cut",)
    with pytest.raises(ModelError, match="bridge"):
        links.condition("cut", torch.zeros(5, 7), link)


def test_training_opens_a_gate_and_then_moves_everything() -> None:
    torch.manual_seed(0)
    links = LinkSet(H, [spec()])
    target = torch.randn(2, 8)
    world = torch.randn(H, H) * 0.3  # stands for the core
    step = torch.optim.Adam(links.parameters(), lr=0.02)
    losses = []
    for _ in range(150):
        condition = links.condition("find", torch.zeros(2, 8), torch.tanh(links.queries("find") @ world))
        loss = (condition - target).square().mean()
        step.zero_grad()
        loss.backward()
        step.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.02 * losses[0] and links.linked == ("find",)
    assert all(p.grad is not None and float(p.grad.abs().sum()) > 0 for p in links.parameters())


@pytest.mark.parametrize(("rows", "queries"), [(1, 4), (4, 4), (77, 4), (2, 3), (3, 2), (5, 1)])
def test_rows_start_as_the_queries_at_their_place(rows: int, queries: int) -> None:
    mix = _stretches(rows, queries)
    assert mix.shape == (rows, queries) and torch.allclose(mix.sum(1), torch.ones(rows))
    assert (mix.sum(0) > 0).all() if rows >= queries or rows == 1 else True
    if rows == queries:
        assert torch.equal(mix, torch.eye(rows))
    out = Projector(queries, H, (rows, 6))(torch.randn(2, queries, H))
    assert out.shape == (2, rows, 6) and torch.isfinite(out).all()


def test_a_projector_starts_at_the_scale_of_text_features() -> None:
    torch.manual_seed(0)
    out = Projector(4, 64, (4, 32))(torch.randn(4, 64) * 50)  # the norm takes the core's scale away
    assert 0.05 < float(out.detach().std()) < 2


def test_adding_tools() -> None:
    links = LinkSet(H, [spec(condition=None)])
    queries = links.queries("find")
    assert links.of("find").projector is None and links.gate("find") == 0
    links.add(spec())  # the tool was set up meanwhile
    assert links.queries("find") is queries and links.of("find").projector is not None
    part = links.of("find")
    links.add(spec())
    links.add(spec(condition=None))
    assert links.of("find") is part
    with pytest.raises(ModelError, match="queries"):
        links.add(spec(queries=5))
    with pytest.raises(ModelError, match="condition"):
        links.add(spec(condition=(3, 8)))
    with pytest.raises(UnknownName, match="find"):
        links.of("fnd")
    for name in ("train", "type", "keys", "parameters"):  # names that modules use themselves
        links.add(spec(name))
        assert links.of(name).spec.name == name
    assert isinstance(links.train(), LinkSet) and len(list(links.parameters())) > 7
