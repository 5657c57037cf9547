"""The routing head: which tools a request needs, in which order, and the words that each is about.

Learned queries, one a label, are appended to the request and run through the adapted trunk; each label's state says
whether the label applies and when its tool's turn comes. A small bidirectional layer over the tokens' states tags
every label's phrases (begin, inside, outside). Labels are names from the training data: this file knows none.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from veclink.router.errors import CheckpointError
from veclink.router.trunk import Trunk
from veclink.tools.models import find_model

FORMAT = "veclink-routing-1"
OUTSIDE, BEGIN, INSIDE = 0, 1, 2
NEVER = 0.97  # chance of being outside from which even the likeliest token is
EDGES = " \n\t.,;:!?\"()"  # no part of a phrase


@dataclass(frozen=True)
class HeadConfig:
    """Shape of a routing head.

    Attributes:
        model: name of the language model (see `veclink.tools.models`).
        labels: all labels; those in `alone` never stand beside another.
        alone: the labels for "words are enough" and "no tool can do it", in this order.
        layers, rank: of the trunk. width: of the tagging layer.
    """

    model: str
    labels: tuple[str, ...]
    alone: tuple[str, str]
    layers: int = 20
    rank: int = 8
    width: int = 256


class RoutingHead(nn.Module):
    """Trunk, queries and outputs; see the head of this file."""

    def __init__(self, config: HeadConfig) -> None:
        super().__init__()
        self.config = config
        self.trunk = Trunk(find_model(config.model), config.layers, config.rank)
        hidden, count, width = self.trunk.hidden, len(config.labels), config.width
        scale = float(self.trunk.body.embed_tokens.weight.std())
        self.queries = nn.Parameter(scale * torch.randn(count, hidden))
        self.applies = nn.Parameter(torch.randn(count, hidden) / hidden**0.5)
        self.applies_bias = nn.Parameter(torch.zeros(count))
        self.turn = nn.Parameter(torch.zeros(count, hidden))
        self.token_in, self.label_in = nn.Linear(hidden, width), nn.Linear(hidden, width)
        layer = nn.TransformerEncoderLayer(width, 4, 2 * width, 0.1, batch_first=True, norm_first=True)
        self.tagger = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.tags = nn.Linear(width, 3)

    def forward(self, ids: Tensor, mask: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """For B requests of T tokens and L labels.

        Returns:
            (B, L) logits that a label applies, (B, L) turns (lower comes first), and what `tag` needs: the states
            (B, T, H) of the tokens and (B, L, H) of the labels.
        """
        tokens, states = self.trunk(ids, mask, self.queries)
        states, tokens = states.float(), tokens.float()
        applies = (states * self.applies).sum(-1) + self.applies_bias
        return applies, (states * self.turn).sum(-1), tokens, states

    def tag(self, tokens: Tensor, label: Tensor, mask: Tensor) -> Tensor:
        """(n, T, 3) logits of outside, begin, inside for n pairs of a request and one of its labels.

        Args:
            tokens: (n, T, H) of the request. label: (n, H) of the label. mask: (n, T).
        """
        mixed = self.token_in(tokens) + self.label_in(label)[:, None]
        return self.tags(self.tagger(mixed, src_key_padding_mask=mask == 0))

    def learned(self) -> dict[str, nn.Parameter]:
        """Everything that training changes: the adapters and all outside the trunk."""
        outside = {n: p for n, p in self.named_parameters() if not n.startswith("trunk.")}
        return {**{f"trunk.{n}": p for n, p in self.trunk.adapters().items()}, **outside}

    def choose(self, applies: Tensor, turn: Tensor) -> list[str]:
        """The labels of one request in the order needed, from its (L,) logits and turns."""
        labels, alone = self.config.labels, self.config.alone
        best = int(applies.argmax())
        if labels[best] in alone:
            return [labels[best]]
        chosen = [i for i, label in enumerate(labels) if label not in alone and (applies[i] > 0 or i == best)]
        return [labels[i] for i in sorted(chosen, key=lambda i: float(turn[i]))]


def spans_of(scores: Tensor, offsets: Sequence[tuple[int, int]], text: str) -> list[tuple[int, int]]:
    """Where the phrases of one label stand in `text`: (start, end) characters, in their order.

    A label that applies is about something, so where no token is inside, the likeliest one is, if it is likely at all.

    Args:
        scores: (T, 3) logits of outside, begin, inside. offsets: (start, end) of each of the T tokens.
    """
    if not len(offsets):
        return []
    chances = scores.float().softmax(-1)
    tags = scores.argmax(-1).tolist()
    if not any(tags):
        best = int(chances[:, OUTSIDE].argmin())
        if chances[best, OUTSIDE] > NEVER:
            return []
        tags = [BEGIN if i == best else OUTSIDE for i in range(len(tags))]
    spans: list[list[int]] = []
    inside = False
    for tag, (start, end) in zip(tags, offsets, strict=True):
        if tag == BEGIN or (tag == INSIDE and not inside):
            spans.append([start, end])
        elif tag == INSIDE:
            spans[-1][1] = end
        inside = tag != OUTSIDE
    return [(a + len(text[a:b]) - len(text[a:b].lstrip(EDGES)), b - len(text[a:b]) + len(text[a:b].rstrip(EDGES)))
            for a, b in spans if text[a:b].strip(EDGES)]  # fmt: skip


def save_head(head: RoutingHead, path: Path, notes: dict[str, str]) -> None:
    """Write what was learned, in half precision, with the configuration and `notes` as metadata."""
    tensors = {name: p.detach().to("cpu", torch.float16).contiguous() for name, p in head.learned().items()}
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file(tensors, path, {"format": FORMAT, "config": json.dumps(asdict(head.config)), "notes": json.dumps(notes)})


def load_head(path: Path) -> RoutingHead:
    """The head in a checkpoint, its adapters not yet merged.

    Raises:
        CheckpointError: not a routing checkpoint, damaged, or made for another model.
    """
    do = "train it again or install veclink again"
    try:
        with safe_open(path, "pt") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict
    except (OSError, SafetensorError) as error:
        raise CheckpointError(f"a routing checkpoint at {path.name}", str(error)[:200], do) from error
    if metadata.get("format") != FORMAT:
        raise CheckpointError(f"a file of format {FORMAT}", str(metadata.get("format")), do)
    settings = json.loads(metadata["config"])
    config = HeadConfig(**{**settings, "labels": tuple(settings["labels"]), "alone": tuple(settings["alone"])})
    head = RoutingHead(config)
    learned = head.learned()
    wrong = sorted(set(learned) ^ set(tensors)) or [
        n for n, t in tensors.items() if t.shape != learned[n].shape or not torch.isfinite(t).all()
    ]
    if wrong:
        raise CheckpointError(
            f"the tensors of a head for {config.model}", f"{wrong[0]} missing, unknown or of another shape", do
        )
    with torch.no_grad():
        for name, parameter in learned.items():
            parameter.copy_(tensors[name].float())
    return head.eval()
