"""Observations of several worlds in one block of memory: where each key lies."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

TEXT = np.dtype("U40")  # of names; the longest of MineDojo's has 31 letters
ALIGN = 64  # bytes, a cache line


def flat(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """("life_stats/life", value) of every leaf of a nested dictionary."""
    for key, value in tree.items():
        if isinstance(value, Mapping):
            yield from flat(value, f"{prefix}{key}/")
        else:
            yield prefix + key, value


def nested(leaves: Mapping[str, Any]) -> dict[str, Any]:
    """The dictionary of which `flat` would give these leaves."""
    tree: dict[str, Any] = {}
    for path, value in leaves.items():
        *way, last = path.split("/")
        at = tree
        for step in way:
            at = at.setdefault(step, {})
        at[last] = value
    return tree


class Layout:
    """Offsets of arrays (n, ...) in a block of bytes.

    Args:
        n: worlds.
        observation: one world's, for shapes and dtypes; texts become U40.
        more: {name: (shape, dtype)} of what else each world has.

    Attributes:
        paths: of the observation's leaves. size: bytes.
    """

    def __init__(self, n: int, observation: Mapping[str, Any],
                 more: Mapping[str, tuple[tuple[int, ...], np.dtype[Any]]]) -> None:
        rows: list[tuple[str, tuple[int, ...], np.dtype[Any]]] = []
        for path, value in flat(observation):
            array = np.asarray(value)
            rows.append((path, (n, *array.shape), TEXT if array.dtype.kind == "U" else array.dtype))
        self.paths = [path for path, _, _ in rows]
        rows += [(name, (n, *shape), dtype) for name, (shape, dtype) in more.items()]
        self.rows: list[tuple[str, tuple[int, ...], np.dtype[Any], int]] = []
        at = 0
        for path, shape, dtype in rows:
            self.rows.append((path, shape, dtype, at))
            at += -(-int(np.prod(shape)) * dtype.itemsize // ALIGN) * ALIGN
        self.size = at

    def views(self, buffer: Any) -> dict[str, np.ndarray]:
        """The arrays in a block of memory."""
        return {path: np.ndarray(shape, dtype, buffer, at) for path, shape, dtype, at in self.rows}


class Writer:
    """Writes one world's observations into its row.

    Texts that are the very arrays of the step before are left as they are: worlds keep them while nothing changes.
    """

    def __init__(self, layout: Layout, views: Mapping[str, np.ndarray], row: int) -> None:
        self.targets = {path: views[path][row : row + 1] for path in layout.paths}
        self.texts: dict[str, Any] = {}

    def write(self, observation: Mapping[str, Any]) -> None:
        """One observation.

        Raises:
            ValueError: another shape than the first world's, a key more or less, or a longer text than fits.
        """
        count = 0
        for path, value in flat(observation):
            target = self.targets[path]
            count += 1
            if target.dtype == TEXT:
                if value is self.texts.get(path):
                    continue
                self.texts[path] = value
                if value.dtype.itemsize > TEXT.itemsize and np.char.str_len(value).max() > TEXT.itemsize // 4:
                    raise ValueError(f"a text of more than {TEXT.itemsize // 4} letters in {path}")
            target[0] = value
        if count != len(self.targets):
            raise ValueError(f"an observation of {count} keys instead of {len(self.targets)}")
