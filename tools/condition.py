"""A condition: what a tool's decoder is fed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from veclink.tools.errors import ContractError
from veclink.tools.regions import Region

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Condition:
    """What one decode is fed, in the space of the tool's own text features or prompt tokens.

    Attributes:
        vectors: (N, D) floating point, the tool's declared shape; finite.
        phrase: the words the condition stands for; used to label results, never to find them.
        dense: (h, w) floating point, logits over the whole picture, from its top left: how surely each part of it is
            meant. Of any size, fitted by the tool; None where no link says so.
        regions: places in the picture that the task or an earlier result points at, in its pixel coordinates.
        options: values that override the tool's defaults, checked by `Tool.option`.
    """

    vectors: Tensor
    phrase: str = ""
    regions: tuple[Region, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    dense: Tensor | None = None

    def __post_init__(self) -> None:
        if self.vectors.ndim != 2 or not self.vectors.is_floating_point():
            raise ContractError(
                "condition vectors of shape (N, D) in floating point",
                f"shape {tuple(self.vectors.shape)}, {self.vectors.dtype}",
                "return one (N, D) tensor a phrase from bridge()",
            )
        if self.dense is not None and (self.dense.ndim != 2 or not self.dense.is_floating_point()):
            raise ContractError(
                "a dense part of shape (h, w) in floating point",
                f"shape {tuple(self.dense.shape)}, {self.dense.dtype}",
                "give logits over the picture, or None",
            )
