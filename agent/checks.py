"""Holding what was found against what was asked: remarks, never inventions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from veclink.agent.answers import count_of
from veclink.agent.steps import RouteRecord
from veclink.tools.errors import ContractError
from veclink.tools.phrases import parse
from veclink.tools.results import Result
from veclink.tools.tool import Tool


def valid(tool: Tool, result: object, size: tuple[int, int]) -> Result:
    """The result where it is what the tool declares, for a picture of this (width, height).

    Raises:
        ContractError: another kind, or made for another picture size.
    """
    if not isinstance(result, Result) or result.kind != tool.result:
        raise ContractError(
            f"a {tool.result} result",
            f"{type(result).__name__} {getattr(result, 'kind', '')}".strip(),
            "mend the tool's decode()",
        )
    if result.kind != "text" and result.kind != "image" and result.size != size:
        raise ContractError(f"a result for {size[0]} x {size[1]} pixels", f"{result.size}", "mend the tool's decode()")
    return result


def remarks(routes: Sequence[RouteRecord], results: Mapping[int, Result]) -> list[str]:
    """A sentence for every route whose result has another number of things than its phrase asks for."""
    notes = []
    for index, route in enumerate(routes):
        result = results.get(index)
        if result is None or result.kind not in ("boxes", "masks", "keypoints"):
            continue
        phrase = parse(route.phrase)
        if phrase.count and 0 < len(result) != phrase.count:
            where = f" in picture {route.image + 1}" if route.image else ""
            found = count_of(len(result), phrase.head or "thing")
            notes.append(f"{route.phrase!r} asks for {phrase.count}, {found} found{where}")
    return notes
