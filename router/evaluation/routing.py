"""How often a core chooses exactly the right tools: `veclink eval routing FILE`."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from veclink.router.core import ANSWER, REJECT, Task, Written
from veclink.router.routing import Routing
from veclink.router.training.requests import Request, read_requests

DATA = Path(__file__).parents[1] / "data" / "routing"
BATCH = 32


@dataclass(frozen=True)
class Case:
    """One request with what was wanted and what was chosen, both in order."""

    request: Request
    chosen: tuple[str, ...]
    phrases: tuple[tuple[str, ...], ...]

    @property
    def set_right(self) -> bool:
        return set(self.chosen) == set(self.request.tools)

    @property
    def order_right(self) -> bool:
        return self.chosen == self.request.tools


def evaluate_routing(
    routing: Routing, file: Path, progress: Callable[[int], None] = lambda n: None
) -> tuple[list[Case], dict[str, Any]]:
    """Route every line of `file` and count.

    Args:
        routing: with its tools attached.
        file: JSONL of {"text", "tools"} and, where phrases are to be measured, "phrases".
        progress: called with the number of requests done.

    Returns:
        The cases, and figures: exact match as a set and in order, each with its 95 % Wilson interval and count, per
        number of tools and per label; exact match of the phrases among the cases whose tools are right.
    """
    requests = read_requests(file)
    cases: list[Case] = []
    for start in range(0, len(requests), BATCH):
        part = requests[start : start + BATCH]
        for request, written in zip(part, routing.write([Task(r.text) for r in part]), strict=True):
            cases.append(Case(request, chosen_labels(written), tuple(phrases for _, phrases in written.calls)))
        progress(len(cases))
    return cases, figures_of(cases)


def chosen_labels(written: Written) -> tuple[str, ...]:
    """The labels a strategy's answer stands for, in order."""
    return (REJECT,) if written.rejected else tuple(name for name, _ in written.calls) or (ANSWER,)


def figures_of(cases: Sequence[Case]) -> dict[str, Any]:
    """Plain figures under plain names."""
    figures: dict[str, Any] = {
        "cases": len(cases),
        "exact_set": share([c.set_right for c in cases]),
        "exact_order": share([c.order_right for c in cases]),
        "by_tools": {},
        "by_label": {},
        "confusions": {},
    }
    for count in sorted({len(c.request.tools) for c in cases}):
        part = [c for c in cases if len(c.request.tools) == count]
        figures["by_tools"][str(count)] = {
            "exact_set": share([c.set_right for c in part]),
            "exact_order": share([c.order_right for c in part]),
        }
    for label in sorted({label for c in cases for label in c.request.tools}):
        hits = [label in c.chosen for c in cases if label in c.request.tools]
        claims = [label in c.request.tools for c in cases if label in c.chosen]
        figures["by_label"][label] = {"recall": share(hits), "precision": share(claims)}
    wrong = Counter((" + ".join(c.request.tools), " + ".join(c.chosen)) for c in cases if not c.set_right)
    figures["confusions"] = {f"{want} -> {got}": n for (want, got), n in wrong.most_common(15)}
    told = [c for c in cases if c.order_right and any(c.request.spans)]
    if told:
        figures["phrases_exact"] = share([_phrases_right(c) for c in told])
    return figures


def bag_of_words_figures(file: Path, training: Sequence[Path] | None = None) -> dict[str, Any]:
    """Exact sets of a bag-of-words router that was fitted on `training` (the shipped corpus) and tried on `file`, in
    all and per number of tools."""
    from veclink.router.evaluation.bag import BagOfWords

    paths = training or sorted(DATA.glob("train-*.jsonl"))
    corpus = [request for path in paths for request in read_requests(path)]
    labels = sorted({label for request in corpus for label in request.tools})
    requests = read_requests(file)
    chosen = BagOfWords(labels, (ANSWER, REJECT)).fit(corpus).choose([r.text for r in requests])
    right = [(len(r.tools), got == set(r.tools)) for got, r in zip(chosen, requests, strict=True)]
    return {
        "exact_set": share([hit for _, hit in right]),
        "by_tools": {str(n): share([hit for m, hit in right if m == n]) for n in sorted({n for n, _ in right})},
        "trained_on": len(corpus),
    }


def share(outcomes: Sequence[bool]) -> dict[str, Any]:
    """Value (None without cases), 95 % Wilson interval (Wilson 1927) and number of cases."""
    n, z = len(outcomes), 1.96
    if not n:
        return {"value": None, "low": 0.0, "high": 1.0, "cases": 0}
    p = sum(outcomes) / n
    centre, spread = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    scale = 1 + z * z / n
    return {
        "value": round(p, 4),
        "low": round(max(0.0, (centre - spread) / scale), 4),
        "high": round(min(1.0, (centre + spread) / scale), 4),
        "cases": n,
    }


def _phrases_right(case: Case) -> bool:
    wanted = [{_bare(case.request.text[a:b]) for a, b in spans} for spans in case.request.spans]
    return all({_bare(p) for p in got} == want for got, want in zip(case.phrases, wanted, strict=True) if want)


def _bare(phrase: str) -> str:
    return phrase.lower().strip(' \n\t.,;:!?"()')
