"""Routing by a trained head, with tools that it was not trained with routed by their examples.

A tool that joins later (a plug-in) has no label in the head. It is chosen where the request is nearer to its
examples, by the small public text model, than to the examples of every tool the head knows, and near enough at all.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from veclink.router.core import Task, Written
from veclink.router.errors import CheckpointError
from veclink.router.targets import targets
from veclink.tools.errors import WeightsError
from veclink.tools.models import find_model
from veclink.tools.tool import ToolSpec

if TYPE_CHECKING:
    from torch import Tensor

    from veclink.router.head import RoutingHead

CHECKPOINTS = Path(__file__).parent / "checkpoints"
NEAR = 0.45  # cosine from which a request counts as near to a new tool's example
MARGIN = 0.03  # by which it must be nearer to it than to a known tool's
BATCH = 32


class HeadRouting:
    """The routing strategy of a trained head.

    Args:
        checkpoint: name of a shipped one ("photo-routing") or the path of a file.
        device: as for tools; the head runs in single precision.

    Raises:
        CheckpointError: no such checkpoint, at once; the other reasons of `load_head`, at the first `write`.
    """

    def __init__(self, checkpoint: str | Path = "photo-routing", device: str = "auto") -> None:
        path = Path(checkpoint)
        self.path = path if path.suffix else CHECKPOINTS / f"{checkpoint}.safetensors"
        if not self.path.exists():
            shipped = ", ".join(sorted(p.stem for p in CHECKPOINTS.glob("*.safetensors"))) or "none"
            raise CheckpointError(
                f"a routing checkpoint (shipped: {shipped})",
                str(checkpoint),
                "name one, or train one with veclink train",
            )
        self._device_name = device
        self._head: RoutingHead | None = None
        self._specs: dict[str, ToolSpec] = {}

    def attach(self, tools: Sequence[ToolSpec]) -> None:
        self._specs = {spec.name: spec for spec in tools}

    @property
    def head(self) -> RoutingHead:
        """The loaded head, its adapters merged."""
        if self._head is None:
            from veclink.router.head import load_head
            from veclink.tools.device import pick_device

            head = load_head(self.path)
            head.trunk.merge()
            self._head = head.to(pick_device(self._device_name)).eval()
        return self._head

    @property
    def models(self) -> dict[str, str]:
        """File name -> sha256 of the head and, once it is loaded, of the language model it sits on."""
        from veclink.tools.weights import remembered_sha256

        files = [self.path]
        if self._head is not None:
            files += sorted(Path(find_model(self._head.config.model)).glob("*.safetensors"))
        names = {f"{f.parent.name}/{f.name}" if f.name == "model.safetensors" else f.name: f for f in files}
        return {name: remembered_sha256(file) for name, file in names.items()}

    def prepare(self) -> None:
        """Load the head."""
        _ = self.head

    def write(self, tasks: Sequence[Task]) -> list[Written]:
        """One `Written` a task, from its text alone. Texts over 512 tokens are read up to there."""
        order = sorted(range(len(tasks)), key=lambda i: len(tasks[i].text))
        written: dict[int, Written] = {}
        for start in range(0, len(order), BATCH):
            part = order[start : start + BATCH]
            for i, one in zip(part, self._write([tasks[i].text for i in part]), strict=True):
                written[i] = one
        return [self._with_new(tasks[i].text, written[i]) for i in range(len(tasks))]

    def _write(self, texts: Sequence[str]) -> list[Written]:
        import torch

        head = self.head
        where = head.queries.device
        ids, mask, offsets = head.trunk.tokens(texts)
        with torch.inference_mode():
            applies, turn, tokens, states = head(ids.to(where), mask.to(where))
            chosen = [self._choose(a, t) for a, t in zip(applies.cpu(), turn.cpu(), strict=True)]
            pairs = [(b, label) for b, labels in enumerate(chosen) for label in labels if label in self._specs]
            tags: dict[tuple[int, str], Tensor] = {}
            if pairs:
                rows = torch.tensor([b for b, _ in pairs], device=where)
                columns = torch.tensor([head.config.labels.index(label) for _, label in pairs], device=where)
                logits = head.tag(tokens[rows], states[rows, columns], mask.to(where)[rows])
                for pair, row in zip(pairs, logits.float().cpu(), strict=True):
                    tags[pair] = row[len(row) - len(offsets[pair[0]]) :]
        return [self._one(text, b, chosen[b], tags, offsets[b]) for b, text in enumerate(texts)]

    def _choose(self, applies: Tensor, turn: Tensor) -> list[str]:
        """Labels in order; one whose tool is not attached cannot be chosen."""
        config = self.head.config
        missing = [i for i, label in enumerate(config.labels) if label not in self._specs and label not in config.alone]
        applies = applies.clone()
        applies[missing] = -float("inf")
        return self.head.choose(applies, turn)

    def _one(
        self,
        text: str,
        row: int,
        chosen: list[str],
        tags: dict[tuple[int, str], Tensor],
        offsets: list[tuple[int, int]],
    ) -> Written:
        from veclink.router.head import spans_of

        answer, reject = self.head.config.alone
        if chosen[0] in (answer, reject):
            return Written(rejected=chosen[0] == reject)
        tagged = {label: spans_of(tags[row, label], offsets, text) for label in chosen}
        calls = []
        for label, spans in tagged.items():
            phrases = tuple(dict.fromkeys(text[a:b] for a, b in spans))
            if self._specs[label].result != "image":  # a change is told in a clause, which is no list of things
                others = [span for other, found in tagged.items() if other != label for span in found]
                phrases = targets(spans, text, others, self._specs)
            calls.append((label, phrases))
        return Written(tuple(calls))

    def _with_new(self, text: str, written: Written) -> Written:
        """Add or put in the tool the head was not trained with, where the request is nearest to its examples."""
        labels = set(self.head.config.labels)
        new = {name: spec for name, spec in self._specs.items() if name not in labels}
        if not new:
            return written
        known = [e for name, spec in self._specs.items() if name in labels for e in spec.examples]
        best, likeness = max(((name, _likeness(text, spec.examples)) for name, spec in new.items()), key=lambda p: p[1])
        named = re.search(rf"\b{re.escape(best.replace('_', ' '))}\b", text, re.IGNORECASE) is not None
        if not named and (likeness < NEAR or likeness < _likeness(text, known) + MARGIN):
            return written
        call = (best, (text.strip(),))
        # a request that names the new tool beside others keeps them; one that is merely near to it is its own alone
        return Written((*written.calls, call) if named and len(written.calls) > 1 else (call,))


def _likeness(text: str, examples: Sequence[str]) -> float:
    """Largest cosine of the text and an example; by shared words where the text model cannot be had."""
    if not examples:
        return 0.0
    try:
        from veclink.tools.text import embed

        vectors = embed([text, *examples])
        return float((vectors[1:] @ vectors[0]).max())
    except WeightsError:
        words = set(re.findall(r"\w+", text.lower()))
        others = [set(re.findall(r"\w+", e.lower())) for e in examples]
        return max(len(words & o) / max(1, len(words | o)) for o in others)
