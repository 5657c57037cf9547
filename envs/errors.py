"""The root of the one error tree, and the kinds every package shares.

It lives in the package that imports no other, so that all of them can raise from the same root.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class VeclinkError(Exception):
    """Anything veclink reports on purpose.

    A message has three parts: what was expected, what was got, what to do next.
    """

    exit_code = 1

    def __init__(self, expected: str, got: str, do: str) -> None:
        self.expected, self.got, self.do = expected, got, do
        super().__init__(f"expected {expected}, got {got}; {do}")

    def __reduce__(self) -> tuple[type, tuple[str, str, str]]:
        return type(self), (self.expected, self.got, self.do)


class InputError(VeclinkError):
    """What the user gave cannot be used; nothing was written. The command line ends with exit code 2."""

    exit_code = 2


class UnknownName(InputError):
    """A name that no registry, profile or option list holds; the message suggests the nearest one."""

    @classmethod
    def of(cls, kind: str, name: str, known: Iterable[str], do: str = "") -> UnknownName:
        """Build the error for `name`, a `kind` ("tool", "profile", ...) that is not among `known`."""
        names = sorted(known)
        near = difflib.get_close_matches(name, names, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else do or "choose one of those"
        return cls(f"a {kind} among {', '.join(names) or 'none'}", repr(name), hint)


class MissingExtra(VeclinkError):
    """An optional package is not installed; the message gives the line that installs it."""

    @classmethod
    def of(cls, package: str, extra: str) -> MissingExtra:
        return cls(f"the package {package}", "no such package", f"install it: pip install 'veclink[{extra}]'")
