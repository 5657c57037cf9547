"""Link checkpoints: what was saved comes back, and whatever does not fit is refused whole."""

from __future__ import annotations

import json
import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from tiny_models import BUILDERS, picture

from veclink.router import checkpoint
from veclink.router.checkpoint import CoreId
from veclink.router.core import Task, Written
from veclink.router.errors import CheckpointError
from veclink.router.hub import HubCore
from veclink.router.links import LinkSet
from veclink.tools.tool import ToolSpec

FIND = ToolSpec("find", "<|find|>", "Says where things are.", ("a", "b", "c"), "boxes", 4, (2, 8))
CUT = ToolSpec("cut", "<|cut|>", "Cuts things out exactly.", ("a", "b", "c"), "masks", 3, (7, 5))
CORE = CoreId("tiny", "ab" * 32, 16)


@pytest.fixture
def saved(tmp_path: Path) -> tuple[Path, LinkSet]:
    torch.manual_seed(3)
    links = LinkSet(16, [FIND, CUT])
    with torch.no_grad():
        for parameter in links.parameters():
            parameter.add_(torch.randn_like(parameter))
    return checkpoint.save(tmp_path / "links.safetensors", links, CORE, {"seed": 3, "recipe": "made up"}), links


def test_round_trip(saved: tuple[Path, LinkSet]) -> None:
    path, links = saved
    loaded = checkpoint.load(path, CORE, [FIND, CUT])
    assert loaded.specs == links.specs and loaded.linked == ("find", "cut")
    for name in ("find", "cut"):
        one, two = links.of(name).state_dict(), loaded.of(name).state_dict()
        assert one.keys() == two.keys() and all(torch.equal(one[key], two[key]) for key in one)
    link, bridge = torch.randn(4, 16), torch.randn(2, 8)
    assert torch.equal(loaded.condition("find", bridge, link), links.condition("find", bridge, link))
    loaded.condition("find", bridge, link).sum().backward()  # it can be trained on
    assert loaded.of("find").gate.value.grad is not None
    header = checkpoint.read_header(path)
    assert header.core == CORE and header.notes == {"seed": 3, "recipe": "made up"} and header.tools["find"] == FIND
    assert [p.name for p in path.parent.iterdir()] == [path.name]  # no scratch file stays


def test_a_projector_that_adds_nothing_takes_no_room(saved: tuple[Path, LinkSet], tmp_path: Path) -> None:
    whole, links = saved
    projector = links.of("find").projector
    assert projector is not None
    with torch.no_grad():
        projector.outer.weight.zero_()
        projector.offset.zero_()
    path = checkpoint.save(tmp_path / "silent.safetensors", links, CORE)
    assert path.stat().st_size < whole.stat().st_size and checkpoint.read_header(path).silent == {"find"}
    loaded = checkpoint.load(path, CORE, [FIND, CUT])
    bridge, link = torch.randn(2, 8), torch.randn(4, 16)
    assert torch.equal(loaded.condition("find", bridge, link), bridge) and loaded.linked == ("find", "cut")
    assert torch.equal(loaded.queries("find"), links.queries("find"))
    again = loaded.of("find").projector
    assert again is not None
    loaded.condition("find", bridge, link).sum().backward()
    assert again.outer.weight.grad is not None and again.outer.weight.grad.any(), "it can be trained on"


def test_tools_that_the_checkpoint_does_not_hold_start_fresh(saved: tuple[Path, LinkSet]) -> None:
    path, _ = saved
    new = replace(FIND, name="new", token="<|new|>", condition=None)
    loaded = checkpoint.load(path, CORE, [FIND, CUT, new])
    assert loaded.gate("new") == 0 and loaded.gate("find") != 0
    with pytest.raises(CheckpointError, match="cut"):
        checkpoint.load(path, CORE, [FIND])
    assert checkpoint.load(path, CORE, [FIND], strict=False).linked == ("find",)
    assert checkpoint.load(path, CORE, [replace(FIND, condition=None), CUT]).specs["find"] == FIND


@pytest.mark.parametrize(
    ("core", "word"),
    [
        (replace(CORE, hash="cd" * 32), "cdcdcd"),
        (replace(CORE, hidden=32), "H = 32"),
        (CoreId("other", "unknown", 16), "other"),
    ],
)
def test_another_core_is_refused(saved: tuple[Path, LinkSet], core: CoreId, word: str) -> None:
    with pytest.raises(CheckpointError, match=word):
        checkpoint.load(saved[0], core, [FIND, CUT])


def test_the_hash_decides_where_the_name_differs(saved: tuple[Path, LinkSet]) -> None:
    assert checkpoint.load(saved[0], replace(CORE, name="/elsewhere/tiny"), [FIND, CUT]).linked == ("find", "cut")
    assert checkpoint.load(saved[0], replace(CORE, hash="unknown"), [FIND, CUT]).linked == ("find", "cut")


@pytest.mark.parametrize("change", [{"queries": 5}, {"condition": (3, 8)}, {"token": "<|other|>"}, {"result": "masks"}])
def test_another_tool_is_refused(saved: tuple[Path, LinkSet], change: dict[str, Any]) -> None:
    with pytest.raises(CheckpointError, match=next(iter(change))):
        checkpoint.load(saved[0], CORE, [replace(FIND, **change), CUT])


def rewritten(
    path: Path,
    head: Callable[[dict[str, Any]], Any] | None = None,
    body: Callable[[dict[str, torch.Tensor]], Any] | None = None,
) -> Path:
    with safe_open(path, framework="pt") as file:
        data = json.loads(file.metadata()["veclink"])
        tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - not a dictionary
    if head:
        head(data)
    if body:
        body(tensors)
    save_file(tensors, path, metadata={"veclink": json.dumps(data)})
    return path


HEADS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "version": lambda d: d.update(version=99),
    "format": lambda d: d.update(format="weights"),
    "no core": lambda d: d.pop("core"),
    "no tools": lambda d: d.pop("tools"),
    "list": lambda d: d.update(tools=[1, 2]),
    "queries": lambda d: d["tools"]["find"].update(queries=10**9),
    "rows": lambda d: d["tools"]["find"].update(condition=[10**12, 8]),
    "negative": lambda d: d["tools"]["find"].update(condition=[-2, 8]),
    "float": lambda d: d["tools"]["find"].update(queries=4.0),
    "name": lambda d: d["tools"]["find"].update(name="cut"),
    "hidden": lambda d: d["core"].update(hidden=10**9),
    "condition": lambda d: d["tools"]["find"].update(condition=[]),
    "kind": lambda d: d["tools"]["find"].update(result="sound"),
    "words": lambda d: d["core"].update(hidden="wide"),
    "seen by nobody": lambda d: d.update(seen={"other": [12, 5]}),
    "more kinds than numbers": lambda d: d.update(seen={"find": [5, 12]}),
    "seen": lambda d: d.update(seen={"find": 12}),
    "silent": lambda d: d.update(silent=["other"]),
    "silent and vast": lambda d: (d.update(silent=["find"]), d["tools"]["find"].update(condition=[4096, 65_536])),
}
BODIES: dict[str, Callable[[dict[str, torch.Tensor]], Any]] = {
    "missing queries": lambda t: t.pop("find.queries.vectors"),
    "missing gate": lambda t: t.pop("cut.gate.value"),
    "nan": lambda t: t["find.gate.value"].fill_(torch.nan),
    "inf": lambda t: t["cut.projector.mix"][0].fill_(torch.inf),
    "shape": lambda t: t.update({"find.queries.vectors": torch.zeros(4, 17)}),
    "large": lambda t: t.update({"find.projector.offset": torch.zeros(2000, 80)}),
}


@pytest.mark.parametrize("what", HEADS)
def test_a_wrong_description_is_refused(saved: tuple[Path, LinkSet], what: str) -> None:
    with pytest.raises(CheckpointError):
        checkpoint.load(rewritten(saved[0], head=HEADS[what]), CORE, [FIND, CUT])


@pytest.mark.parametrize("what", BODIES)
def test_wrong_numbers_are_refused(saved: tuple[Path, LinkSet], what: str) -> None:
    with pytest.raises(CheckpointError, match=r"find|cut"):
        checkpoint.load(rewritten(saved[0], body=BODIES[what]), CORE, [FIND, CUT])


def test_a_damaged_file_is_refused(saved: tuple[Path, LinkSet], tmp_path: Path) -> None:
    whole = saved[0].read_bytes()
    damaged = tmp_path / "damaged.safetensors"
    for data in (
        b"",
        b"\x80\x04pickle",
        whole[:20],
        whole[:-5],
        struct.pack("<Q", 1 << 60) + whole[8:],
        whole[:9] + b"\xff" + whole[10:],
    ):
        damaged.write_bytes(data)
        with pytest.raises(CheckpointError):
            checkpoint.load(damaged, CORE, [FIND, CUT])
    save_file({"a": torch.zeros(1)}, damaged)
    with pytest.raises(CheckpointError, match="metadata"):
        checkpoint.load(damaged, CORE, [FIND, CUT])
    with pytest.raises(CheckpointError, match="no file"):
        checkpoint.load(tmp_path / "none.safetensors", CORE, [FIND, CUT])
    with pytest.raises(CheckpointError):
        checkpoint.load(tmp_path, CORE, [FIND, CUT])


def test_a_save_that_fails_leaves_the_old_file(saved: tuple[Path, LinkSet], tmp_path: Path) -> None:
    path, links = saved
    before = path.read_bytes()
    with torch.no_grad():
        links.of("find").gate.value.fill_(torch.nan)
    with pytest.raises(CheckpointError, match="finite"):
        checkpoint.save(path, links, CORE)
    assert path.read_bytes() == before
    (tmp_path / "file").write_text("not a folder")
    with torch.no_grad():
        links.of("find").gate.value.fill_(1)
    with pytest.raises(CheckpointError, match="folder"):
        checkpoint.save(tmp_path / "file" / "links.safetensors", links, CORE)
    with pytest.raises(CheckpointError, match="none"):
        checkpoint.save(path, LinkSet(16), CORE)
    assert path.read_bytes() == before


class One:
    """Routes every task to find."""

    def attach(self, tools: Any) -> None: ...

    def write(self, tasks: Any) -> list[Written]:
        return [Written((("find", ("the dog",)),)) for _ in tasks]


def test_a_core_with_a_checkpoint(tmp_path: Path) -> None:
    task = Task("find the dog", (picture(1),))
    model = BUILDERS["qwen2.5-vl"]
    core = HubCore.from_parts(*model(), routing=One())
    core.attach([FIND, CUT], linked=["find"])
    with torch.no_grad():
        core.linkset.of("find").gate.value.fill_(0.3)
    path = core.save_links(tmp_path / "links.safetensors", {"seed": 0})
    expected = core.read([task])[0].routes[0].link

    again = HubCore.from_parts(*model(), routing=One(), links=path)
    again.attach([FIND])  # one tool less than the file holds
    assert again.linked == ("find",)
    link = again.read([task])[0].routes[0].link
    assert link is not None and expected is not None and torch.allclose(link, expected, atol=1e-5)
    again.attach([FIND, CUT])
    assert torch.equal(again.linkset.queries("cut"), core.linkset.queries("cut"))

    other = HubCore.from_parts(*BUILDERS["llama"](), routing=One(), links=path)
    other.attach([FIND])
    with pytest.raises(CheckpointError, match="train them for this one"):
        other.ready()
    with pytest.raises(CheckpointError):
        other.read([task])  # it does not work half
