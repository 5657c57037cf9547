"""Reading links: a tool's queries come after its routing token and the core's last hidden states are taken there.

Two passes: the prompts and what was written are read once into a cache; then all queries of all routes are read in one
batch against it, each route seeing what was written up to its own routing token and no other route's queries. Models
whose layers do not look at everything before them read each route in full instead. Both differentiate with respect to
the queries.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from veclink.router.families import Backbone, Prompt

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Asked:
    """One set of queries to read.

    Attributes:
        row: the prompt it belongs to.
        end: how many of the row's written ids it sees, its routing token the last of them.
        queries: (N, H).
    """

    row: int
    end: int
    queries: Tensor


def read_links(backbone: Backbone, prompts: Sequence[Prompt], tails: Sequence[Sequence[int]], asked: Sequence[Asked]
               ) -> list[Tensor]:
    """The hidden states after the final norm at each set of queries: (N, H) float32 each, in the order asked."""
    if not asked:
        return []
    return (two_passes if backbone.cachable else one_pass)(backbone, prompts, tails, asked)


def one_pass(backbone: Backbone, prompts: Sequence[Prompt], tails: Sequence[Sequence[int]], asked: Sequence[Asked]
             ) -> list[Tensor]:
    """Each route read in full, prompt and all."""
    rows = [prompts[one.row] for one in asked]
    ends = [[*tails[one.row][:one.end], *[backbone.pad] * len(one.queries)] for one in asked]
    inputs = backbone.batch(rows, ends)
    vectors, mask = _block(asked)
    with _grad(backbone, vectors), _placed(backbone, vectors, mask):
        states = backbone.base(**inputs, use_cache=False).last_hidden_state
    return _taken(states, asked)


def two_passes(backbone: Backbone, prompts: Sequence[Prompt], tails: Sequence[Sequence[int]], asked: Sequence[Asked]
               ) -> list[Tensor]:
    """One pass over prompts and written ids, one over all queries with the cache of the first."""
    import torch

    used = sorted({one.row for one in asked})
    place = {row: index for index, row in enumerate(used)}
    inputs = backbone.batch([prompts[row] for row in used], [tails[row] for row in used])
    with _grad(backbone):
        trained = torch.is_grad_enabled()
        first = inputs if trained else backbone.resumed(inputs, [prompts[row] for row in used])
        cache = backbone.base(**first, use_cache=True).past_key_values
    device, width = backbone.device, inputs["input_ids"].shape[1]
    rows = torch.tensor([place[one.row] for one in asked], device=device)
    last = torch.tensor([width - len(tails[one.row]) + one.end - 1 for one in asked], device=device)
    cache.batch_select_indices(rows)
    vectors, mask = _block(asked)
    seen = first["attention_mask"][rows] * (torch.arange(width, device=device) <= last[:, None])
    # queries stand at the right end of the block; a shorter set has blanks before it, which nothing attends to
    steps = (mask.to(device).long().cumsum(1) - 1).clamp(min=0)
    at = inputs["position_ids"][..., rows, last]
    ids = torch.full(mask.shape, backbone.pad, device=device)
    more = {"input_ids": ids, "attention_mask": torch.cat([seen, mask.to(device).long()], 1),
            "position_ids": at[..., None] + 1 + steps}
    with _grad(backbone, vectors), _placed(backbone, vectors, mask):
        states = backbone.base(**more, past_key_values=cache, use_cache=True).last_hidden_state
    return _taken(states, asked)


def _block(asked: Sequence[Asked]) -> tuple[Tensor, Tensor]:
    """(R, N, H) vectors and (R, N) bool which of them are queries; shorter sets stand at the right end."""
    import torch
    from torch.nn.functional import pad

    widest = max(len(one.queries) for one in asked)
    vectors = torch.stack([pad(one.queries, (0, 0, widest - len(one.queries), 0)) for one in asked])
    columns = torch.arange(widest, device=vectors.device)
    lengths = torch.tensor([len(one.queries) for one in asked], device=vectors.device)
    return vectors, columns >= widest - lengths[:, None]


def _taken(states: Tensor, asked: Sequence[Asked]) -> list[Tensor]:
    return [states[index, -len(one.queries):].float() for index, one in enumerate(asked)]


@contextmanager
def _placed(backbone: Backbone, vectors: Tensor, mask: Tensor) -> Iterator[None]:
    """While it lasts, the embeddings of a batch's last columns are these vectors where the mask says so.

    A hook on the embedding layer works for every family: those that find their pictures by ids still get ids.
    """
    import torch

    def put(_module: Any, _arguments: Any, output: Tensor) -> Tensor:
        count = vectors.shape[1]
        if output.shape[:2] != (len(vectors), output.shape[1]) or output.shape[1] < count:
            return output
        new = torch.where(mask.to(output.device)[..., None], vectors.to(output), output[:, -count:])
        return torch.cat([output[:, :-count], new], 1)

    handle = backbone.model.get_input_embeddings().register_forward_hook(put)
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def _grad(backbone: Backbone, vectors: Tensor | None = None) -> Iterator[None]:
    """Gradients where they are enabled and something needs them: the queries, or a part of the core."""
    import torch

    wanted = torch.is_grad_enabled() and (
        (vectors is not None and vectors.requires_grad) or any(p.requires_grad for p in backbone.model.parameters()))
    with torch.set_grad_enabled(wanted):
        yield
