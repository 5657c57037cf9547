"""The trainable parts of a link: the queries that ask the core, the projector that answers a tool, the gate between.

condition = bridge + gate * projector(link), with the gate 0 at the start: a fresh tool is fed exactly its bridge. Where
tool and core allow, a dense part says where what is meant is, through the same gate.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import nn

from veclink.envs.errors import UnknownName
from veclink.router.dense import DenseLink, Seen
from veclink.router.errors import ModelError
from veclink.tools.tool import ToolSpec

if TYPE_CHECKING:
    from torch import Tensor


class LinkQueries(nn.Module):
    """N learned embeddings.

    Args:
        count: N.
        hidden: H, the width of the core.
        spread: standard deviation at the start; that of the core's own embeddings lets queries look like tokens to it.
    """

    def __init__(self, count: int, hidden: int, spread: float = 0.02) -> None:
        super().__init__()
        self.vectors = nn.Parameter(nn.init.normal_(torch.empty(count, hidden), std=spread))

    def forward(self) -> Tensor:
        """(N, H) float32."""
        return self.vectors


class Projector(nn.Module):
    """Maps a link (..., N, H) to a correction of a condition (..., rows, D).

    Each of the N vectors is normalised and mapped by two layers; then the N are mixed into the rows, at the start each
    row from the stretch of queries at its place; a learned offset a row, 0 at the start, lets rows differ where there
    are more rows than queries.
    """

    def __init__(self, queries: int, hidden: int, condition: tuple[int, int], width: int | None = None) -> None:
        super().__init__()
        rows, depth = condition
        width = width or hidden
        self.norm = nn.LayerNorm(hidden)
        self.inner = nn.Linear(hidden, width)
        self.outer = nn.Linear(width, depth, bias=False)
        self.mix = nn.Parameter(_stretches(rows, queries))
        self.offset = nn.Parameter(torch.zeros(rows, depth))

    def forward(self, link: Tensor) -> Tensor:
        """(..., N, H) to (..., rows, D), in the projector's number format."""
        inner = nn.functional.gelu(self.inner(self.norm(link.to(self.mix.dtype))))
        return self.mix @ self.outer(inner) + self.offset


class Gate(nn.Module):
    """One number, 0 at the start."""

    def __init__(self) -> None:
        super().__init__()
        self.value = nn.Parameter(torch.zeros(()))

    def forward(self, correction: Tensor) -> Tensor:
        return self.value * correction


class ToolLink(nn.Module):
    """Queries, projector, dense part and gate of one tool.

    Args:
        spec: of the tool; where its condition is not known yet there is no projector, and the gate stays 0.
        hidden: H of the core.
        spread: of the queries at the start.
        seen: what the core's eye says of each part of a picture, see `DenseLink`; None for a core that says nothing, or
            a tool that has no use for it: then there is no dense part.
    """

    def __init__(self, spec: ToolSpec, hidden: int, spread: float = 0.02, seen: Seen | None = None) -> None:
        super().__init__()
        self.spec = spec
        self.queries = LinkQueries(spec.queries, hidden, spread)
        self.projector = Projector(spec.queries, hidden, spec.condition) if spec.condition else None
        self.dense = DenseLink(spec.queries, hidden, seen) if spec.dense and spec.condition and seen else None
        self.gate = Gate()

    @property
    def weight(self) -> float:
        """The gate's value; 0 where there is no projector."""
        return float(self.gate.value.detach()) if self.projector is not None else 0.0


class LinkSet(nn.Module):
    """The links of a core's tools.

    Args:
        hidden: H of the core.
        specs: of the tools.
        spread: of the queries at the start.
        seen: what the core's eye says of each part of a picture, see `DenseLink`; None for nothing.
    """

    def __init__(self, hidden: int, specs: Sequence[ToolSpec] = (), spread: float = 0.02, seen: Seen | None = None
                 ) -> None:
        super().__init__()
        self.hidden, self.spread, self.seen = hidden, spread, seen
        self.tools = nn.ModuleDict()
        self._names: dict[str, str] = {}  # tool -> key in `tools`
        for spec in specs:
            self.add(spec)

    def add(self, spec: ToolSpec) -> None:
        """Add a fresh link for a tool, or keep the one that is there and fits it.

        Raises:
            ModelError: the link that is there has other queries or another condition shape.
        """
        if spec.name not in self._names:
            self.put(spec.name, ToolLink(spec, self.hidden, self.spread, self.seen))
            return
        old = self.of(spec.name)
        if old.spec.queries != spec.queries or (old.projector and spec.condition not in (None, old.spec.condition)):
            raise ModelError(f"{spec.name} with {old.spec.queries} queries and condition {old.spec.condition}",
                             f"{spec.queries} and {spec.condition}", "use the tool that the link was made for")
        if old.projector is None and spec.condition is not None:
            fresh = ToolLink(spec, self.hidden, self.spread, self.seen)
            fresh.queries = old.queries
            self.put(spec.name, fresh)

    def put(self, tool: str, link: ToolLink) -> None:
        """Use this link for a tool."""
        device = next((p.device for p in self.parameters()), None)
        self.tools[_key(tool)] = link.to(device) if device is not None else link
        self._names[tool] = _key(tool)

    def of(self, tool: str) -> ToolLink:
        if tool not in self._names:
            raise UnknownName.of("tool", tool, self._names, "attach it first")
        link = self.tools[self._names[tool]]
        assert isinstance(link, ToolLink)
        return link

    @property
    def specs(self) -> dict[str, ToolSpec]:
        return {name: self.of(name).spec for name in self._names}

    @property
    def linked(self) -> tuple[str, ...]:
        """The tools whose gate is not 0: those for which a link makes a difference."""
        return tuple(name for name in self._names if self.of(name).weight != 0)

    def queries(self, tool: str) -> Tensor:
        """(N, H) float32, a parameter."""
        return self.of(tool).queries()

    def gate(self, tool: str) -> float:
        return self.of(tool).weight

    def condition(self, tool: str, bridge: Tensor, link: Tensor | None) -> Tensor:
        """bridge + gate * projector(link), in the bridge's format.

        Where the gate is 0 and gradients are off it is the bridge itself, and the projector is not run.

        Args:
            bridge: (..., N', D).
            link: (..., N, H), or None.

        Raises:
            ModelError: the bridge has another shape than the tool's condition.
        """
        part = self.of(tool)
        if link is None or part.projector is None or (part.weight == 0 and not torch.is_grad_enabled()):
            return bridge
        if tuple(bridge.shape[-2:]) != tuple(part.spec.condition or ()):
            raise ModelError(f"a bridge {part.spec.condition} for {tool}", f"{tuple(bridge.shape)}",
                             "use the tool's own bridge")
        correction = part.gate(part.projector(link.to(part.gate.value.device)))
        return bridge + correction.to(bridge)

    def dense(self, tool: str, link: Tensor | None, seen: Tensor | None) -> Tensor | None:
        """How surely each part of a picture is meant, (rows, columns) float32 logits, 0 for no opinion.

        None where nobody can say: no link, a closed gate while gradients are off, a tool or a core without dense parts.

        Args:
            link: (N, H), or None.
            seen: (rows, columns, D) what the core's eye says of each part, or None.
        """
        part = self.of(tool)
        if link is None or seen is None or part.dense is None or (part.weight == 0 and not torch.is_grad_enabled()):
            return None
        device = part.gate.value.device
        return part.gate(part.dense(link.to(device), seen.to(device)))


def _key(tool: str) -> str:
    """A module's name for a tool's link; a bare tool's name ("train", "type") could be that of one of its methods."""
    return f"link_{tool}"


def _stretches(rows: int, queries: int) -> Tensor:
    """(rows, queries): each row the mean of the stretch of queries that lies at its place, at least one."""
    mix = torch.zeros(rows, queries)
    for row in range(rows):
        low = row * queries // rows
        high = max(low + 1, -(-(row + 1) * queries // rows))
        mix[row, low:high] = 1 / (high - low)
    return mix
