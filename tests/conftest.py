"""Shared by all tests: no network, where public weights may lie, and what skips a test, with the reason."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest_plugins = ["veclink.agent.testing"]

os.environ.setdefault("YOLO_OFFLINE", "true")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_OFFLINE", "1")

SHARED_WEIGHTS = Path(__file__).resolve().parents[2] / "shared" / "weights"
if "VECLINK_WEIGHTS" not in os.environ and SHARED_WEIGHTS.is_dir():
    os.environ["VECLINK_WEIGHTS"] = str(SHARED_WEIGHTS)


def need_weights(*names: str) -> None:
    """Skip the test, with the reason, unless all these weights are on this machine."""
    from veclink.tools.weights import locate

    missing = [name for name in names if locate(name) is None]
    if missing:
        pytest.skip(f"needs the public weights {', '.join(missing)}: put them into the folder VECLINK_WEIGHTS")


def need_model(name: str) -> None:
    """Skip the test unless this carried model was fetched before."""
    from veclink.tools.models import is_here

    if not is_here(name):
        pytest.skip(f"needs the model {name}: any veclink run with the photo profile fetches it")


@pytest.fixture
def one_thread() -> Iterator[None]:
    """Tiny networks only lose by threads; and sums are taken in the same order in every process."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True)
def _gpu_or_skip(request: pytest.FixtureRequest) -> None:
    if request.node.get_closest_marker("gpu"):
        import torch

        if not torch.cuda.is_available():
            pytest.skip("needs a CUDA device")
