"""What a request loads, and what it does not: modules without numbers, packages without their first lines."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from veclink.router.dense import DenseLink
from veclink.router.links import LinkQueries
from veclink.tools.blank import blank
from veclink.tools.lean import without_first_lines
from veclink.tools.sam import TINY, SamNet

HEAVY = ("torch._dynamo", "torchvision", "transformers", "diffusers", "segment_anything")
REQUEST = f"""
import sys
from veclink.agent import Agent
assert Agent("nano", device="cpu").run("outline the cows", ["example:meadow"]).results
print([name for name in {HEAVY!r} if name in sys.modules])
"""


def test_modules_without_numbers_are_loaded_into() -> None:
    state = torch.get_rng_state()
    with blank():
        modules = [nn.Embedding(3, 4), nn.Linear(4, 4), LinkQueries(2, 4), DenseLink(2, 4, (6, 3))]
    assert torch.equal(torch.get_rng_state(), state), "nothing was drawn"
    assert all(p.is_meta for module in modules for p in module.parameters())
    filled = nn.Linear(4, 4)
    modules[1].load_state_dict(filled.state_dict(), assign=True)
    assert torch.equal(modules[1].weight, filled.weight) and not nn.Linear(2, 2).weight.is_meta  # type: ignore[arg-type]  # a tensor


def test_a_packages_modules_come_without_its_first_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "heavy_package").mkdir()
    (tmp_path / "heavy_package" / "__init__.py").write_text("raise RuntimeError('heavy')")
    (tmp_path / "heavy_package" / "part.py").write_text("from heavy_package.other import VALUE")
    (tmp_path / "heavy_package" / "other.py").write_text("VALUE = 7")
    monkeypatch.syspath_prepend(tmp_path)
    with without_first_lines("heavy_package"):
        from heavy_package.part import VALUE  # type: ignore[import-not-found]  # made above
    assert VALUE == 7 and "heavy_package" not in sys.modules
    with pytest.raises(RuntimeError, match="heavy"):
        import heavy_package  # type: ignore[import-not-found]  # noqa: F401
    with pytest.raises(ModuleNotFoundError), without_first_lines("no_such_package"):
        import no_such_package.part  # type: ignore[import-not-found]  # noqa: F401
    with without_first_lines("json"):  # imported long ago: it stays
        import json
    assert sys.modules["json"] is json


@pytest.fixture(scope="module")
def tiny() -> SamNet:
    return SamNet.load(TINY, torch.device("cpu"), torch.float32)


@settings(deadline=None)
@given(st.integers(1, 3000), st.integers(1, 3000))
def test_pictures_are_scaled_as_segment_anything_does(tiny: SamNet, height: int, width: int) -> None:
    from segment_anything.utils.transforms import ResizeLongestSide

    if min(height, width) * tiny.side < max(height, width):  # its own short side of a sliver is 0
        return
    scaled = tiny._scaled(np.zeros((height, width, 3), np.uint8), tiny.side)
    assert scaled.shape[:2] == ResizeLongestSide.get_preprocess_shape(height, width, tiny.side)


def test_a_request_loads_no_compiler_and_no_library_that_it_does_not_use() -> None:
    done = subprocess.run([sys.executable, "-c", REQUEST], capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.strip().splitlines()[-1] == "[]"
