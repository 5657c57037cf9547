"""Holding what was found against what was asked: valid results, each thing once, and remarks, never inventions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import supervision as sv

from veclink.agent.answers import count_of
from veclink.agent.steps import Found, RouteRecord
from veclink.tools.errors import ContractError
from veclink.tools.phrases import parse
from veclink.tools.results import Boxes, Image, Keypoints, Masks, Result
from veclink.tools.tool import Tool

SAME = 0.95  # overlap (IoU) from which two boxes of one label are round one thing
SEEN, HARDLY = 16, 0.002  # levels from which on a pixel has visibly changed, and the share of pixels that is hardly any


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


def remarks(routes: Sequence[RouteRecord], results: Mapping[int, Result], images: Sequence[np.ndarray] = ()
            ) -> list[str]:
    """A sentence for every route whose result has another number of things than its phrase asks for, and for every
    change of a picture that one would look for in vain.

    Args:
        images: (H, W, 3) uint8, the task's pictures.
    """
    notes = []
    for index, route in enumerate(routes):
        result = results.get(index)
        if isinstance(result, Image) and route.image < len(images) and unchanged(images[route.image], result.pixels):
            notes.append(f"{route.phrase!r} hardly changed the picture")
        if result is None or result.kind not in ("boxes", "masks", "keypoints"):
            continue
        phrase = parse(route.phrase)
        if phrase.count and 0 < len(result) != phrase.count:
            where = f" in picture {route.image + 1}" if route.image else ""
            found = count_of(len(result), phrase.head or "thing")
            notes.append(f"{route.phrase!r} asks for {phrase.count}, {found} found{where}")
    return notes


def unchanged(before: np.ndarray, after: np.ndarray) -> bool:
    """Whether two pictures of one size look the same."""
    if before.shape != after.shape:
        return False
    differs = np.abs(before.astype(np.int16) - after).max(2) >= SEEN
    return bool(differs.mean() < HARDLY)


def merge(found: Sequence[tuple[RouteRecord, Result]]) -> list[Found]:
    """The results of routes, one a tool and picture, in the order of the routes."""
    groups: dict[tuple[str, int], list[Result]] = {}
    for route, result in found:
        groups.setdefault((route.tool, route.image), []).append(result)
    return [Found(tool, image, together(results)) for (tool, image), results in groups.items()]


def together(results: Sequence[Result]) -> Result:
    """One result of several of one kind on one picture, without twins.

    Twins are two things of one label, from two of the results, whose boxes overlap by more than `SAME`: the one of the
    higher score stays, with its own phrase. A body takes over the points that its twin saw better.
    """
    filled = [result for result in results if len(result)] or list(results[:1])
    if len(filled) == 1:
        return filled[0]
    whole = type(filled[0]).merge(filled)
    if not isinstance(whole, Boxes | Masks | Keypoints):
        return whole
    owners = np.repeat(np.arange(len(filled)), [len(result) for result in filled])
    twin_of = _twins(whole, owners)
    if not twin_of:
        return whole
    if isinstance(whole, Keypoints):
        whole = _filled_in(whole, twin_of)
    return whole[[i for i in range(len(whole)) if i not in twin_of]]


def _twins(whole: Boxes | Masks | Keypoints, owners: np.ndarray) -> dict[int, int]:
    """Of each item to drop, the item that stays for it.

    Args:
        owners: (n,) which result each item is from; two things of one result are never twins, its tool told them apart.
    """
    boxes, scores = (whole.boxes, whole.box_scores) if isinstance(whole, Keypoints) else (whole.xyxy, whole.scores)
    labels = np.array(whole.labels)
    alike = sv.box_iou_batch(boxes, boxes) > SAME
    alike &= (labels[:, None] == labels) & (owners[:, None] != owners)
    twin_of: dict[int, int] = {}
    kept: list[int] = []
    for i in np.argsort(-scores, kind="stable"):
        other = next((k for k in kept if alike[i, k]), None)
        if other is None:
            kept.append(int(i))
        else:
            twin_of[int(i)] = other
    return twin_of


def _filled_in(bodies: Keypoints, twin_of: dict[int, int]) -> Keypoints:
    """Each body that stays with the better of its own and its twins' points: one phrase may ask for elbows alone."""
    points, scores = bodies.xy.copy(), bodies.scores.copy()
    for twin, kept in twin_of.items():
        better = scores[twin] > scores[kept]
        points[kept][better], scores[kept][better] = points[twin][better], scores[twin][better]
    return Keypoints(
        points,
        scores,
        bodies.boxes,
        bodies.box_scores,
        bodies.labels,
        bodies.phrases,
        bodies.size,
        bodies.names,
        bodies.edges,
    )
