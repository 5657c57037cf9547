"""Which device and number format a decoder runs in."""

from __future__ import annotations

from typing import TYPE_CHECKING

from veclink.envs.errors import InputError

if TYPE_CHECKING:
    import torch


def pick_device(name: str = "auto") -> torch.device:
    """The torch device for "auto" (CUDA, else Apple's MPS, else CPU), "cpu", "cuda", "cuda:1" or "mps".

    Raises:
        InputError: no such device here.
    """
    import torch

    here = ["cpu"] + [f"cuda:{i}" for i in range(torch.cuda.device_count())]
    if torch.backends.mps.is_available():
        here.append("mps")
    if name == "auto":
        name = "cuda:0" if "cuda:0" in here else "mps" if "mps" in here else "cpu"
    if name == "cuda":
        name = "cuda:0"
    if name not in here:
        raise InputError(f"a device among auto, {', '.join(here)}", repr(name), "choose one of those")
    return torch.device(name)


def pick_dtype(device: torch.device) -> torch.dtype:
    """Half precision on CUDA, single precision elsewhere."""
    import torch

    return torch.float16 if device.type == "cuda" else torch.float32
