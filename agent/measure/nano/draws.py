"""Figures with bootstrap intervals: the same draws of pictures for all of them, so that differences are paired."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from veclink.agent.measure.nano.average import Matched, precision

DRAWS, SEED = 200, 0
Term: TypeAlias = tuple[int, float, float]  # picture, what it adds above the line, what below


@dataclass(frozen=True, eq=False)
class Figure:
    """A measured number: its value, its value in each draw, and how many cases it comes from; NaN without any."""

    value: float
    draws: np.ndarray
    cases: int

    def document(self) -> dict[str, Any]:
        """{"value", "low", "high" (the middle 95 % of the draws), "cases"}; None without cases."""
        held = self.draws[~np.isnan(self.draws)]
        low, high = np.percentile(held, [2.5, 97.5]) if held.size else (np.nan, np.nan)
        return {"value": _plain(self.value), "low": _plain(low), "high": _plain(high), "cases": self.cases}

    def minus(self, other: Figure) -> Figure:
        """The difference, draw by draw; both are of the same pictures."""
        return Figure(self.value - other.value, self.draws - other.draws, min(self.cases, other.cases))


class Pictures:
    """So many pictures, and the draws from them with replacement that all figures share."""

    def __init__(self, count: int) -> None:
        rng = np.random.default_rng(SEED)
        self.draws = rng.multinomial(count, np.full(count, 1 / count), DRAWS).astype(float)

    def ratio(self, terms: Iterable[Term]) -> Figure:
        """The sum above the line over that below: a mean where each case adds 1 below."""
        above, below, cases = np.zeros(self.draws.shape[1]), np.zeros(self.draws.shape[1]), 0
        for picture, top, bottom in terms:
            above[picture] += top
            below[picture] += bottom
            cases += 1
        sums, counts = self.draws @ above, self.draws @ below
        value = float(above.sum() / below.sum()) if below.sum() > 0 else float("nan")
        return Figure(value, np.where(counts > 0, sums / np.maximum(counts, 1e-12), np.nan), cases)

    def share(self, outcomes: Iterable[tuple[int, bool | float]]) -> Figure:
        """The mean over cases of (picture, outcome)."""
        return self.ratio((picture, float(outcome), 1.0) for picture, outcome in outcomes)

    def average(self, entries: Sequence[Matched], ious: slice = slice(0, 1)) -> Figure:
        """Average precision of one ranking; cases are the things that there are to find."""
        things = sum(entry.positives for entry in entries)
        if not things:
            return Figure(float("nan"), np.full(DRAWS, np.nan), 0)
        return Figure(float(precision(entries, None, ious)[0]), precision(entries, self.draws, ious), things)


def mean_of(figures: Iterable[Figure]) -> Figure:
    """The mean of several figures, in each draw of those that have a value there; cases are added up."""
    held = [figure for figure in figures if not np.isnan(figure.value)]
    if not held:
        return Figure(float("nan"), np.full(DRAWS, np.nan), 0)
    table = np.stack([figure.draws for figure in held])
    known = ~np.isnan(table)
    counts = known.sum(0)
    draws = np.where(counts > 0, np.where(known, table, 0).sum(0) / np.maximum(counts, 1), np.nan)
    return Figure(float(np.mean([figure.value for figure in held])), draws, sum(figure.cases for figure in held))


def documented(tree: Any) -> Any:
    """A tree of figures as plain JSON."""
    if isinstance(tree, Figure):
        return tree.document()
    if isinstance(tree, Mapping):
        return {str(key): documented(value) for key, value in tree.items()}
    return tree


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else round(float(value), 4)
