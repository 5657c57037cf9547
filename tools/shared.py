"""What several tools see of one picture through the same network, made once.

A detector's file serves the pose estimator and the segmenter too, each with its own copy. What one of them made of a
picture serves the others for as long as any of them remembers it.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from threading import Lock
from typing import TypeVar
from weakref import WeakValueDictionary

import numpy as np
from torch import nn

from veclink.tools.tool import digest

T = TypeVar("T")

_known: WeakValueDictionary[Hashable, object] = WeakValueDictionary()
_lock = Lock()


def once(network: tuple[Hashable, ...], images: Sequence[np.ndarray], encode: Callable[[list[np.ndarray]], list[T]]
         ) -> list[T]:
    """`encode` of each picture, or what another tool still holds of it.

    Args:
        network: what tells equal networks in equal use from others. images: (H, W, 3) uint8.
        encode: gives one object a picture, which nobody changes.
    """
    keys = [(*network, digest(image)) for image in images]
    with _lock:
        found: dict[Hashable, object] = {key: _known[key] for key in keys if key in _known}
    missing = {key: image for key, image in zip(keys, images, strict=True) if key not in found}
    found |= dict(zip(missing, encode(list(missing.values())), strict=True)) if missing else {}
    with _lock:
        _known.update({key: found[key] for key in missing})
    return [found[key] for key in keys]  # type: ignore[misc]  # what encode made


def changes(network: nn.Module) -> int:
    """A number that grows whenever a number of the network is written."""
    return sum(tensor._version for tensor in (*network.parameters(), *network.buffers()))
