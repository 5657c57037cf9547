"""A measured figure: the median of some rounds with the smallest and the largest."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any


def spread(values: Sequence[float]) -> dict[str, Any]:
    """Median, smallest and largest, and how many."""
    low, high = min(values), max(values)
    return {"value": round(statistics.median(values), 4), "low": round(low, 4), "high": round(high, 4),
            "cases": len(values)}
