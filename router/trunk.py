"""The lower layers of a small language model, adapted by low-rank updates: where the routing head takes its hidden
states.

Source of the adapters: LoRA, Hu et al. 2021, section 4.1 (W + scale * B A with B = 0 at the start).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from veclink.router.errors import ModelError
from veclink.tools.models import quiet

ADAPTED = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj")
SCALE = 2.0
MAX_TOKENS = 512


class LowRank(nn.Module):
    """A frozen linear layer plus a trainable update of rank r: W x + SCALE * B A x."""

    def __init__(self, linear: nn.Linear, rank: int) -> None:
        super().__init__()
        self.linear = linear
        self.a = nn.Parameter(torch.randn(rank, linear.in_features) / math.sqrt(linear.in_features))
        self.b = nn.Parameter(torch.zeros(linear.out_features, rank))

    def forward(self, x: Tensor) -> Tensor:
        return self.linear(x) + SCALE * functional.linear(functional.linear(x, self.a), self.b)

    def merged(self) -> nn.Linear:
        """The plain linear layer that computes the same: no cost at inference."""
        with torch.no_grad():
            self.linear.weight += SCALE * (self.b @ self.a).to(self.linear.weight.dtype)
        return self.linear


class Trunk(nn.Module):
    """The first `layers` layers of a causal language model of the Llama family, read up to and including its final
    norm.

    Args:
        model: folder of the language model in transformers' layout.
        layers: how many layers to keep.
        rank: of the adapters; 0 for none.
    """

    def __init__(self, model: Path | str, layers: int, rank: int) -> None:
        super().__init__()
        from transformers import AutoModelForCausalLM, AutoTokenizer

        quiet()
        self.tokenizer = AutoTokenizer.from_pretrained(model)
        whole = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32, use_safetensors=True)
        body = whole.model
        if not hasattr(body, "layers") or len(body.layers) < layers:
            raise ModelError(
                f"a Llama-like model of at least {layers} layers",
                type(whole).__name__,
                "use the model that the routing recipe names",
            )
        body.layers = body.layers[:layers]
        body.requires_grad_(False)
        self.body, self.hidden = body, int(body.config.hidden_size)
        if rank:
            for name in ADAPTED:
                for layer in body.layers:
                    owner = layer.self_attn if hasattr(layer.self_attn, name) else layer.mlp
                    setattr(owner, name, LowRank(getattr(owner, name), rank))

    def adapters(self) -> dict[str, nn.Parameter]:
        """name -> parameter of every low-rank update."""
        return {name: p for name, p in self.named_parameters() if name.endswith((".a", ".b"))}

    def merge(self) -> None:
        """Fold the updates into the layers, for inference."""
        for layer in self.body.layers:
            for owner in (layer.self_attn, layer.mlp):
                for name in ADAPTED:
                    if isinstance(getattr(owner, name, None), LowRank):
                        setattr(owner, name, getattr(owner, name).merged())

    def tokens(self, texts: Sequence[str]) -> tuple[Tensor, Tensor, list[list[tuple[int, int]]]]:
        """Ids (B, T) padded on the left, mask (B, T) of 0 and 1, and each token's (start, end) in its text.

        Special tokens written by a user are split into plain pieces, so that they have no power.
        """
        rows = self.tokenizer(
            list(texts),
            return_offsets_mapping=True,
            split_special_tokens=True,
            add_special_tokens=False,
            truncation=True,
            max_length=MAX_TOKENS,
        )
        width = max(1, *(len(ids) for ids in rows["input_ids"]))
        ids = torch.zeros(len(texts), width, dtype=torch.long)
        mask = torch.zeros(len(texts), width, dtype=torch.long)
        for i, row in enumerate(rows["input_ids"]):
            if row:
                ids[i, -len(row) :] = torch.tensor(row)
                mask[i, -len(row) :] = 1
        return ids, mask, [[(int(a), int(b)) for a, b in offsets] for offsets in rows["offset_mapping"]]

    def forward(self, ids: Tensor, mask: Tensor, queries: Tensor) -> tuple[Tensor, Tensor]:
        """States of the text's tokens (B, T, H) and of Q learned queries appended to it (B, Q, H).

        Args:
            ids, mask: as `tokens` gives them.
            queries: (Q, H).
        """
        batch, count = len(ids), len(queries)
        embedded = torch.cat([self.body.embed_tokens(ids), queries.expand(batch, -1, -1)], 1)
        seen = torch.cat([mask, mask.new_ones(batch, count)], 1)
        positions = (seen.cumsum(1) - 1).clamp(min=0)
        states = self.body(
            inputs_embeds=embedded, attention_mask=seen, position_ids=positions, use_cache=False
        ).last_hidden_state
        return states[:, :-count], states[:, -count:]
