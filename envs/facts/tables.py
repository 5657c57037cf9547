"""Reading the JSON tables: a file's content, a column as a read-only array, a name's number."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

import numpy as np

from veclink.envs.errors import UnknownName


def table(name: str) -> dict[str, Any]:
    """The content of `name`.json beside this module."""
    return json.loads((files("veclink.envs.facts") / f"{name}.json").read_text(encoding="utf-8"))


def frozen(values: list[Any], dtype: Any, length: int = 0, fill: Any = 0) -> np.ndarray:
    """A read-only array of `values`, padded with `fill` to `length`."""
    array = np.full(max(len(values), length), fill, dtype)
    array[: len(values)] = values
    array.flags.writeable = False
    return array


class Names:
    """Names with numbers.

    Attributes:
        names: the name of every number.
    """

    kind = "name"

    def __init__(self, names: list[str]) -> None:
        self.names = tuple(names)
        self._numbers = {name: number for number, name in enumerate(names)}

    def id(self, name: str) -> int:
        """The number of `name` ("minecraft:" in front and spaces for underscores are understood).

        Raises:
            UnknownName: with the nearest name.
        """
        number = self._numbers.get(name)
        if number is None:
            number = self._numbers.get(name.removeprefix("minecraft:").replace(" ", "_"))
        if number is None:
            raise UnknownName.of(self.kind, name, self.names)
        return number

    def __contains__(self, name: object) -> bool:
        return name in self._numbers

    def __len__(self) -> int:
        return len(self.names)
