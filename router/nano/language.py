"""The language model: a Llama of a few layers, written out, with a cache that can be masked anywhere.

The names of its parameters are those of transformers' LlamaForCausalLM, so a pruned public model drops in. Source of
the layers: the Llama papers (RMS norm before each part, rotary positions, grouped keys, a gated MLP).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

Cache = list[tuple[Tensor, Tensor]]  # a layer's keys and values, (B, kv heads, T, size) each


@dataclass(frozen=True)
class LanguageConfig:
    """Shape of the language model.

    Attributes:
        vocabulary: number of token ids, control ids included.
        hidden, layers, heads, kv_heads, inner: as in Llama; hidden / heads is even.
        theta: base of the rotary positions. eps: of the norms.
    """

    vocabulary: int = 16384
    hidden: int = 576
    layers: int = 8
    heads: int = 9
    kv_heads: int = 3
    inner: int = 1536
    theta: float = 100_000.0
    eps: float = 1e-5


class Norm(nn.Module):
    """RMS norm with a learned scale."""

    def __init__(self, size: int, eps: float) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(size))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return functional.rms_norm(x, (x.shape[-1],), self.weight.to(x.dtype), self.eps)


class Attention(nn.Module):
    """Grouped-query attention with rotary positions."""

    def __init__(self, c: LanguageConfig) -> None:
        super().__init__()
        self.size = c.hidden // c.heads
        self.q_proj = nn.Linear(c.hidden, c.hidden, bias=False)
        self.k_proj = nn.Linear(c.hidden, c.kv_heads * self.size, bias=False)
        self.v_proj = nn.Linear(c.hidden, c.kv_heads * self.size, bias=False)
        self.o_proj = nn.Linear(c.hidden, c.hidden, bias=False)

    def forward(self, x: Tensor, turn: tuple[Tensor, Tensor], mask: Tensor | None, past: tuple[Tensor, Tensor] | None
                ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """(B, T, H) to the same, and the keys and values with the new ones appended; `mask` None means causal."""
        q, k, v = (part(x).unflatten(-1, (-1, self.size)).transpose(1, 2)
                   for part in (self.q_proj, self.k_proj, self.v_proj))
        q, k = _turned(q, turn), _turned(k, turn)
        if past is not None:
            k, v = torch.cat([past[0], k], 2), torch.cat([past[1], v], 2)
        groups = q.shape[1] // k.shape[1]
        out = functional.scaled_dot_product_attention(
            q, k.repeat_interleave(groups, 1), v.repeat_interleave(groups, 1), attn_mask=mask, is_causal=mask is None)
        return self.o_proj(out.transpose(1, 2).flatten(2)), (k, v)


class Mlp(nn.Module):
    def __init__(self, c: LanguageConfig) -> None:
        super().__init__()
        self.gate_proj = nn.Linear(c.hidden, c.inner, bias=False)
        self.up_proj = nn.Linear(c.hidden, c.inner, bias=False)
        self.down_proj = nn.Linear(c.inner, c.hidden, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.down_proj(functional.silu(self.gate_proj(x)) * self.up_proj(x))


class Layer(nn.Module):
    def __init__(self, c: LanguageConfig) -> None:
        super().__init__()
        self.input_layernorm, self.post_attention_layernorm = Norm(c.hidden, c.eps), Norm(c.hidden, c.eps)
        self.self_attn, self.mlp = Attention(c), Mlp(c)

    def forward(self, x: Tensor, turn: tuple[Tensor, Tensor], mask: Tensor | None, past: tuple[Tensor, Tensor] | None
                ) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        seen, kept = self.self_attn(self.input_layernorm(x), turn, mask, past)
        x = x + seen
        return x + self.mlp(self.post_attention_layernorm(x)), kept


class Language(nn.Module):
    """Embeddings, layers and the final norm; its output table is the embeddings' (tied).

    Args:
        config: its shape.
    """

    def __init__(self, config: LanguageConfig) -> None:
        super().__init__()
        self.config = config
        self.embed_tokens = nn.Embedding(config.vocabulary, config.hidden)
        self.layers = nn.ModuleList(Layer(config) for _ in range(config.layers))
        self.norm = Norm(config.hidden, config.eps)
        for module in self.modules():
            if isinstance(module, nn.Linear | nn.Embedding):
                nn.init.normal_(module.weight, std=0.02)

    def forward(self, x: Tensor, positions: Tensor, mask: Tensor | None = None, past: Cache | None = None,
                middle: Callable[[Tensor], Tensor] | None = None) -> tuple[Tensor, Cache]:
        """States after the final norm.

        Args:
            x: (B, T, H) embeddings.
            positions: (B, T) int64.
            mask: (B, 1, T, P + T) bool, what each may look at, P being the length of `past`; None means causal, which
                needs an empty past or a single new token.
            past: what an earlier call returned.
            middle: what the states (B, T, H) go through between the first half of the layers and the second.

        Returns:
            (B, T, H) and the cache with these appended.
        """
        turn = self._turn(positions, x.dtype)
        if mask is None and past:
            mask = torch.ones(1, 1, 1, past[0][0].shape[2] + 1, dtype=torch.bool, device=x.device)
        cache: Cache = []
        for i, layer in enumerate(self.layers):
            if middle is not None and i == len(self.layers) // 2:
                x = middle(x)
            x, kept = layer(x, turn, mask, past[i] if past else None)
            cache.append(kept)
        return self.norm(x), cache

    def logits(self, states: Tensor) -> Tensor:
        """(..., H) to (..., V), in the states' format."""
        return functional.linear(states, self.embed_tokens.weight.to(states.dtype))

    def _turn(self, positions: Tensor, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """Cosines and sines (B, 1, T, size) of the rotary positions."""
        size = self.config.hidden // self.config.heads
        steps = torch.arange(0, size, 2, device=positions.device, dtype=torch.float32) / size
        angles = positions[:, None, :, None].float() * self.config.theta ** -steps
        angles = torch.cat([angles, angles], -1)
        return angles.cos().to(dtype), angles.sin().to(dtype)


def _turned(x: Tensor, turn: tuple[Tensor, Tensor]) -> Tensor:
    """Rotary positions on (B, heads, T, size)."""
    half = x.shape[-1] // 2
    return x * turn[0] + torch.cat([-x[..., half:], x[..., :half]], -1) * turn[1]
