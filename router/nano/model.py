"""NanoModel: the eye, the region encoder and the language model as one network, and what is computed with it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from veclink.router.errors import ModelError
from veclink.router.nano.language import Cache, Language, LanguageConfig
from veclink.router.nano.layout import IGNORED, Batch
from veclink.router.nano.recipe import NAMES
from veclink.router.nano.tally import Fit, Tally, Things, by_row
from veclink.router.nano.vision import STRIDE, RegionEncoder, Vision, VisionConfig
from veclink.router.nano.words import PICTURE, REGION_ID

LARGEST = 48_000_000  # parameters


@dataclass(frozen=True)
class NanoConfig:
    """Shape of the whole network."""

    language: LanguageConfig = field(default_factory=LanguageConfig)
    vision: VisionConfig = field(default_factory=VisionConfig)

    @classmethod
    def of(cls, data: dict[str, Any]) -> NanoConfig:
        """From JSON.

        Raises:
            ModelError: unknown or missing numbers, or shapes that do not fit each other.
        """
        try:
            lists = {name: tuple(data["vision"].get(name, ())) for name in NAMES}
            vision = {**data["vision"], **lists}
            config = cls(LanguageConfig(**data["language"]), VisionConfig(**vision))
        except (KeyError, TypeError) as error:
            raise ModelError("a configuration with language and vision", str(error), "mend it") from error
        lang, eye = config.language, config.vision
        squares = 4 * eye.grid[0] * eye.grid[1] if eye.tags else 0
        if not (0 <= eye.things <= squares and 0 <= eye.counts <= len(eye.counted)):
            raise ModelError("tokens for as many things and kinds as there can be", f"{eye.things}, {eye.counts}",
                             "mend the configuration")
        if not 0 <= eye.tally <= 16 * bool(eye.tags):
            raise ModelError("0 to 16 heads that count, none for an eye without tags", str(eye.tally),
                             "mend the configuration")
        if (lang.hidden % (2 * lang.heads) or lang.heads % lang.kv_heads or eye.size % eye.heads or eye.stem % 8
                or eye.size % 8 or eye.height % 16 or eye.width % 16 or eye.summary[0] % eye.pool
                or eye.summary[1] % eye.pool or not 0 <= eye.rows <= eye.grid[0] or not 0 <= eye.columns <= eye.grid[1]
                or (eye.rows > 0) != (eye.columns > 0)):
            raise ModelError("widths that heads divide and a canvas of whole tokens", str(data)[:200], "mend it")
        return config


@dataclass(frozen=True, eq=False)
class Ask:
    """One set of link queries to read.

    Attributes:
        row: of the batch.
        at: column of its routing token.
        queries: (N, H).
    """

    row: int
    at: int
    queries: Tensor


class NanoModel(nn.Module):
    """The network.

    Args:
        config: its shape.

    Raises:
        ModelError: it would have more than 48M parameters.
    """

    def __init__(self, config: NanoConfig) -> None:
        super().__init__()
        self.config = config
        hidden = config.language.hidden
        self.language = Language(config.language)
        self.vision = Vision(config.vision, hidden)
        self.regions = RegionEncoder(config.vision, hidden)
        eye = config.vision
        self.tally = Tally(hidden, eye.size, len(eye.tags), eye.tally, eye.sums) if eye.tally else None
        count = sum(p.numel() for p in self.parameters())
        if count > LARGEST:
            raise ModelError(f"at most {LARGEST:,} parameters", f"{count:,}", "choose a smaller configuration")

    @property
    def device(self) -> torch.device:
        return self.language.norm.weight.device

    def on_canvas(self, height: int = 0, width: int = 0, sums: bool | None = None) -> NanoModel:
        """The same network with another canvas: the eye's places are stretched, words are told of the grid they know.

        Args:
            height, width: in pixels, multiples of 16; 0 for what they are.
            sums: as `VisionConfig` has it; None for what it is.

        Raises:
            ModelError: not multiples of 16.
        """
        old = self.config.vision
        size = (height or old.height, width or old.width)
        if min(size) < STRIDE or size[0] % STRIDE or size[1] % STRIDE:
            raise ModelError(f"a canvas of multiples of {STRIDE} pixels", "x".join(map(str, size)), "mend the recipe")
        rows, columns = old.summary
        eye = replace(old, height=size[0], width=size[1], rows=rows, columns=columns,
                      sums=old.sums if sums is None else sums)
        new, state = NanoModel(replace(self.config, vision=eye)), self.state_dict()
        for name, axis, count in (("vision.rows", 0, eye.grid[0]), ("vision.columns", 1, eye.grid[1])):
            line = state[name].squeeze(1 - axis).T[None]
            longer = functional.interpolate(line.float(), size=count, mode="linear", align_corners=False)[0].T
            state[name] = longer.unsqueeze(1 - axis).to(line.dtype)
        new.load_state_dict(state)
        return new.train(self.training)

    def embed(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor | None]:
        """(B, T, H) embeddings with pictures and regions in their places, the pictures' features and things."""
        x = self.language.embed_tokens(batch.ids.clamp(min=0))
        tokens, features, found = self.vision(batch.pictures.float() / 255)
        # in one format, so that training in bfloat16 may place them
        x = x.masked_scatter((batch.ids == PICTURE)[..., None], tokens.to(x.dtype))
        if len(batch.owners):
            regions = self.regions(features[batch.owners], batch.shares, batch.geometry)
            x = x.masked_scatter((batch.ids == REGION_ID)[..., None], regions.to(x.dtype))
        return x, features, found

    def forward(self, batch: Batch, fits: list[Fit] | None = None) -> tuple[Tensor, Cache, Tensor]:
        """States (B, T, H) after the final norm, the cache, and the pictures' features.

        Args:
            fits: gets what the tally finds to be meant.
        """
        x, features, found = self.embed(batch)
        mask = batch.mask()[:, None] if batch.several else None  # causal is enough: padding stands on the right
        things: Things | None = None
        if self.tally is not None and found is not None:
            things = by_row(self.tally.things(features[..., : self.config.vision.size], found),
                            (batch.ids == PICTURE).sum(1) // self.config.vision.tokens)
        states, cache = self.go_on(x, batch.positions, mask, None, things, fits)
        return states, cache, features

    def go_on(self, x: Tensor, positions: Tensor, mask: Tensor | None, past: Cache | None, things: Things | None = None,
              fits: list[Fit] | None = None) -> tuple[Tensor, Cache]:
        """As `Language.forward`, with the tally; what it counts is kept as the last part of the cache."""
        if self.tally is None:
            return self.language(x, positions, mask, past)
        held = past[-1] if past else things
        assert held is not None, "the first call says what there is to count"
        tally = self.tally

        def middle(x: Tensor) -> Tensor:
            added, fit = tally(x, held)
            if fits is not None:
                fits.append(fit)
            return added

        states, cache = self.language(x, positions, mask, past[:-1] if past else None, middle)
        return states, [*cache, held]

    def answer_loss(self, states: Tensor, batch: Batch, heavy: Tensor | None = None) -> Tensor:
        """Mean cross entropy of what is to be written.

        Args:
            heavy: (V,) weight of each id, e.g. more for routing tokens; None for equal weights.
        """
        place = batch.targets != IGNORED
        logits = self.language.logits(states[place]).float()
        return functional.cross_entropy(logits, batch.targets[place], weight=heavy)

    def links(self, batch: Batch, cache: Cache, asked: Sequence[Ask]) -> list[Tensor]:
        """The hidden states at each set of queries, (N, H) float32, in the order asked.

        The second of two passes: the queries come right after their routing token, see what it saw and themselves, and
        no other route's queries.
        """
        if not asked:
            return []
        seen = batch.mask()
        rows, at = (torch.tensor([getattr(one, name) for one in asked], device=batch.ids.device)
                    for name in ("row", "at"))
        return self.read_links(cache, seen[rows, at], batch.positions[rows, at], rows, [a.queries for a in asked])

    def read_links(self, cache: Cache, seen: Tensor, last: Tensor, rows: Tensor, queries: Sequence[Tensor]
                   ) -> list[Tensor]:
        """As `links`, from what each set sees.

        Args:
            cache: of all rows. seen: (R, P) bool, the columns of the cache that each set looks at.
            last: (R,) position of each routing token. rows: (R,) row of the cache.
        """
        widest = max(len(one) for one in queries)
        # a shorter set has blanks after it, at which no query looks
        block = torch.stack([functional.pad(one, (0, 0, 0, widest - len(one))) for one in queries])
        count, device = len(block), block.device
        steps = torch.arange(widest, device=device)
        own = (steps[:, None] >= steps[None]).expand(count, -1, -1)
        mask = torch.cat([seen[:, None].expand(-1, widest, -1), own], 2)
        past = [(k[rows], v[rows]) for k, v in cache]
        x = block.to(self.language.embed_tokens.weight.dtype)
        states, _ = self.go_on(x, last[:, None] + 1 + steps, mask[:, None], past)
        return [states[i, : len(one)].float() for i, one in enumerate(queries)]

    def low_rank(self, rank: int) -> dict[str, nn.Parameter]:
        """Freeze the language model and give its layers trainable low-rank updates; the updates by name."""
        from veclink.router.trunk import ADAPTED, LowRank

        self.language.requires_grad_(False)
        found = {}
        for number, layer in enumerate(self.language.layers):
            for owner in (layer.self_attn, layer.mlp):
                for name in ADAPTED:
                    if (linear := getattr(owner, name, None)) is not None:
                        updated = LowRank(linear, rank).to(self.device)
                        setattr(owner, name, updated)
                        found |= {f"{number}.{name}.a": updated.a, f"{number}.{name}.b": updated.b}
        return found

    def merge(self) -> None:
        """Fold low-rank updates into the layers."""
        from veclink.router.trunk import ADAPTED, LowRank

        for layer in self.language.layers:
            for owner in (layer.self_attn, layer.mlp):
                for name in ADAPTED:
                    if isinstance(getattr(owner, name, None), LowRank):
                        setattr(owner, name, getattr(owner, name).merged())
