"""Modules with shapes and no numbers yet, to be loaded into."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode


class _Unset(TorchFunctionMode):
    """What would draw a module's first numbers leaves it as it is."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(func, "__module__", "") == "torch.nn.init":
            return args[0] if args else (kwargs or {})["tensor"]
        return func(*args, **(kwargs or {}))


@contextmanager
def blank() -> Iterator[None]:
    """Modules made inside have parameters on the meta device that nobody filled, for `load_state_dict(assign=True)`.

    What `torch.nn.init` would do to them is left out. torch does anything on that device, drawing numbers too, by way
    of its compiler, whose import alone takes two seconds.
    """
    with torch.device("meta"), _Unset():
        yield
