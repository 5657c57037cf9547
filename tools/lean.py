"""A package's modules without the package's own first lines, where these import more than the modules need."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from types import ModuleType


@contextmanager
def without_first_lines(package: str) -> Iterator[None]:
    """Inside, modules of a top-level package are imported as if its `__init__` were empty.

    Afterwards the package is as if nobody had imported it: who does so gets it whole, with the same modules.
    """
    spec = find_spec(package) if package not in sys.modules else None
    if spec is None or spec.submodule_search_locations is None:  # imported already, or nothing to import
        yield
        return
    bare = ModuleType(package)
    bare.__path__ = list(spec.submodule_search_locations)
    sys.modules[package] = bare
    try:
        yield
    finally:
        del sys.modules[package]
