"""The public checker of the tool contract.

`check_tool` runs a tool on small made-up pictures and raises ContractError at the first thing that is off.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np

from veclink.tools.condition import Condition
from veclink.tools.errors import ContractError
from veclink.tools.regions import Region
from veclink.tools.results import Result
from veclink.tools.tool import KINDS, Tool


def check_tool(tool: Tool, *, seed: int = 0) -> list[str]:
    """Run a tool through its contract; returns what was checked, a line each.

    Checked: the declaration; set-up; a bridge of the declared shape, finite and the same for the same words; decode
    in a batch of pictures of different sizes with one valid result of the declared kind each; the batch equal to one
    by one; regions and vectors that no bridge made are taken; a wrong condition shape is refused; results survive
    JSON.

    Raises:
        ContractError: with what was expected, what was got and where to look.
    """
    done = [_declaration(tool)]
    tool.ready()
    done += [_shape(tool), _bridge(tool)]
    rng = np.random.default_rng(seed)
    images = [rng.integers(0, 256, (h, w, 3), dtype=np.uint8) for h, w in ((96, 128), (128, 96), (64, 64))]
    phrases = list(tool.examples[:3])
    conditions = [Condition(v, p) for v, p in zip(tool.bridge(phrases), phrases, strict=True)]
    done += [_batch(tool, images, conditions), _vectors(tool, images[0], conditions[0], rng)]
    done += [_regions(tool, images[0], conditions[0]), _refuses(tool, images[0], conditions[0])]
    return done


def _need(condition: bool, expected: str, got: Any, do: str) -> None:
    if not condition:
        raise ContractError(expected, str(got)[:300], do)


def _declaration(tool: Tool) -> str:
    _need(
        bool(re.fullmatch(r"[a-z][a-z0-9_]*", getattr(tool, "name", ""))),
        "a lower-case name",
        getattr(tool, "name", None),
        "declare name",
    )
    _need(
        getattr(tool, "result", None) in KINDS,
        f"result among {', '.join(KINDS)}",
        getattr(tool, "result", None),
        "declare result",
    )
    _need(
        len(str(getattr(tool, "description", "")).split()) >= 4,
        "a description of a sentence",
        getattr(tool, "description", None),
        "say when the tool is needed and when not",
    )
    examples = getattr(tool, "examples", ())
    _need(
        len(examples) >= 3 and all(isinstance(e, str) and e.strip() for e in examples),
        "at least three examples",
        examples,
        "write requests that need the tool",
    )
    _need(
        tool.queries >= 1 and tool.time_limit > 0,
        "queries >= 1 and a positive time limit",
        (tool.queries, tool.time_limit),
        "mend the declaration",
    )
    return "declaration"


def _shape(tool: Tool) -> str:
    shape = getattr(tool, "condition", None)
    good = isinstance(shape, tuple) and len(shape) == 2 and all(isinstance(n, int) and n > 0 for n in shape)
    _need(good, "condition = (N, D) after setup", shape, "declare it, or set it in setup()")
    return "condition shape"


def _bridge(tool: Tool) -> str:
    import torch

    phrases = list(tool.examples[:2])
    once, again = tool.bridge(phrases), tool.bridge(phrases)
    _need(len(once) == 2, "one condition a phrase", len(once), "mend bridge()")
    for a, b in zip(once, again, strict=True):
        _need(
            tuple(a.shape) == tuple(tool.condition),
            f"bridge of shape {tool.condition}",
            tuple(a.shape),
            "mend bridge()",
        )
        _need(
            a.is_floating_point() and bool(torch.isfinite(a).all()), "finite floating point", a.dtype, "mend bridge()"
        )
        _need(
            torch.equal(a, b),
            "the same condition for the same words",
            "two different ones",
            "take randomness out of bridge()",
        )
    return "bridge"


def _valid(tool: Tool, result: Any, image: np.ndarray) -> None:
    _need(
        isinstance(result, Result) and result.kind == tool.result,
        f"a {tool.result} result",
        repr(result),
        "mend decode()",
    )
    if result.kind in ("boxes", "masks", "keypoints"):
        size = (image.shape[1], image.shape[0])
        _need(result.size == size, f"a result for {size[0]} x {size[1]} pixels", result.size, "pass the picture's size")
    _need(Result.from_dict(result.to_dict()) == result, "a result that survives JSON", result, "mend the result")


def _batch(tool: Tool, images: list[np.ndarray], conditions: list[Condition]) -> str:
    together = tool.decode(images, conditions)
    _need(len(together) == len(images), f"{len(images)} results", len(together), "return one a picture")
    for image, condition, result in zip(images, conditions, together, strict=True):
        _valid(tool, result, image)
        tool.forget()
        alone = tool.decode([image], [condition])[0]
        _need(
            _alike(alone, result),
            "the batch equal to one by one",
            f"{alone!r} alone, {result!r} in the batch",
            "keep pictures of a batch from touching each other",
        )
    return "batch"


def _alike(a: Result, b: Result, pixels: float = 2.0) -> bool:
    """Same kinds, labels and counts; boxes within `pixels`, edited pictures within 2 grey levels on average."""
    left, right = a.items(), b.items()
    if [i.get("label") for i in left] != [i.get("label") for i in right]:
        return False
    if a.kind == "image":
        one, two = (np.asarray(getattr(r, "pixels"), float) for r in (a, b))  # noqa: B009 - Result has no pixels
        return one.shape == two.shape and float(abs(one - two).mean()) <= 2
    return all(
        np.allclose(x.get("box", 0), y.get("box", 0), atol=pixels) and x.get("text") == y.get("text")
        for x, y in zip(left, right, strict=True)
    )


def _vectors(tool: Tool, image: np.ndarray, condition: Condition, rng: np.random.Generator) -> str:
    import torch

    noise = torch.from_numpy(rng.standard_normal(tool.condition).astype(np.float32)) * 0.1
    vectors = condition.vectors.float().cpu() + noise
    _valid(tool, tool.decode([image], [Condition(vectors, condition.phrase)])[0], image)
    return "vectors that no bridge made"


def _regions(tool: Tool, image: np.ndarray, condition: Condition) -> str:
    height, width = image.shape[:2]
    mask = np.zeros((height, width), bool)
    mask[8:40, 8:40] = True
    regions = [
        Region.box(4, 4, 60, 60),
        Region.point(20, 20),
        Region.scribble([(5, 5), (30, 30)]),
        Region.of_mask(mask),
    ]
    for region in regions:
        result = tool.decode([image], [Condition(condition.vectors, condition.phrase, (region,))])[0]
        _valid(tool, result, image)
    return "regions"


def _refuses(tool: Tool, image: np.ndarray, condition: Condition) -> str:
    n, d = tool.condition
    wrong = condition.vectors.new_zeros((n + 1, d + 1))
    try:
        tool.decode([image], [Condition(wrong, "wrong")])
    except ContractError:
        return "wrong conditions refused"
    raise ContractError(
        "ContractError for a condition of a wrong shape",
        "a result",
        "call self.check_conditions(images, conditions) first in decode()",
    )
