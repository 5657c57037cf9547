"""Train the routing head of a profile: read requests, adapt the trunk, save what was learned.

Reads top to bottom: recipe, data, head, resume, loop, checkpoints, evaluation, the shipped file. A run that was killed continues from
its last checkpoint and makes the same steps as one that was not.
"""

from __future__ import annotations

import json
import math
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.utils import clip_grad_norm_

from veclink.router.errors import RecipeError
from veclink.router.head import BEGIN, INSIDE, HeadConfig, RoutingHead, save_head
from veclink.router.training.requests import Request, batches, read_requests
from veclink.tools.device import pick_device

Report = Callable[[dict[str, Any]], None]


@dataclass(frozen=True)
class RoutingRecipe:
    """Everything a run depends on; `recipes/*.yaml` hold it.

    Attributes:
        model, labels, alone, layers, rank, width: of the head (`HeadConfig`).
        train: JSONL files of labelled requests, relative to the recipe.
        output: the checkpoint to write.
        epochs, batch, rate, warmup, decay: of AdamW with a cosine schedule.
        order_weight, phrase_weight: of the losses beside the labels' own.
        validation: share of the requests kept out to watch the training.
        seed: of everything random.
        save_every: steps between checkpoints.
    """

    model: str
    labels: tuple[str, ...]
    alone: tuple[str, str]
    train: tuple[Path, ...]
    output: Path
    layers: int = 20
    rank: int = 8
    width: int = 192
    epochs: int = 5
    batch: int = 16
    rate: float = 1e-3
    warmup: int = 100
    decay: float = 0.01
    order_weight: float = 0.3
    phrase_weight: float = 0.5
    validation: float = 0.05
    seed: int = 0
    save_every: int = 200

    def head(self) -> HeadConfig:
        return HeadConfig(self.model, self.labels, self.alone, self.layers, self.rank, self.width)


def train_routing(
    recipe: RoutingRecipe,
    folder: Path,
    device: str = "auto",
    steps: int | None = None,
    report: Report = lambda row: None,
) -> dict[str, Any]:
    """Run the recipe; `folder` takes its log and checkpoints and is where a killed run resumes.

    Args:
        device: as `pick_device`.
        steps: stop the schedule after so many steps, for a small version of the run.
        report: called with each row of the log.

    Returns:
        Figures of the finished run.
    """
    target = pick_device(device)
    torch.manual_seed(recipe.seed)
    requests = [r for path in recipe.train for r in read_requests(path, recipe.labels)]
    random.Random(recipe.seed).shuffle(requests)
    kept_out = max(1, round(len(requests) * recipe.validation))
    validation, training = requests[:kept_out], requests[kept_out:]
    if not training:
        raise RecipeError("requests to train on", f"{len(requests)} in all", "add requests or lower validation")
    head = RoutingHead(recipe.head()).to(target)
    learned = head.learned()
    optimizer = torch.optim.AdamW(learned.values(), lr=recipe.rate, weight_decay=recipe.decay)
    total = steps or recipe.epochs * math.ceil(len(training) / recipe.batch)
    folder.mkdir(parents=True, exist_ok=True)
    done, spent = _resume(folder, learned, optimizer, target)
    step, began = 0, time.monotonic()
    for epoch in range(10_000):
        for batch in batches(training, recipe.batch, recipe.seed, epoch):
            if step >= total:
                break
            step += 1
            if step <= done:  # made before the kill
                continue
            rate = recipe.rate * min(1.0, step / recipe.warmup) * 0.5 * (1 + math.cos(math.pi * (step - 1) / total))
            for group in optimizer.param_groups:
                group["lr"] = rate
            torch.manual_seed(recipe.seed * 1_000_003 + step)  # dropout is the same after a resume
            head.train()
            with torch.autocast(target.type, torch.bfloat16):
                losses = _losses(head, batch, recipe)
            optimizer.zero_grad()
            sum(losses.values(), torch.zeros((), device=target)).backward()
            clip_grad_norm_(list(learned.values()), 1.0)
            optimizer.step()
            if step % 25 == 0 or step == total:
                row = {
                    "step": step,
                    "of": total,
                    "rate": rate,
                    "seconds": round(spent + time.monotonic() - began, 1),
                    **{k: round(v.item(), 4) for k, v in losses.items()},
                }
                _log(folder, row)
                report(row)
            if step % recipe.save_every == 0 or step == total:
                _checkpoint(folder, learned, optimizer, step, spent + time.monotonic() - began)
        if step >= total:
            break
    figures = {
        "steps": total,
        "seconds": round(spent + time.monotonic() - began, 1),
        "requests": len(training),
        "device": str(target),
        "seed": recipe.seed,
        "validation_exact": exact_sets(head, validation),
    }
    save_head(head, recipe.output, {"recipe": json.dumps(_plain(recipe)), **{k: str(v) for k, v in figures.items()}})
    _log(folder, figures)
    return figures


def exact_sets(head: RoutingHead, requests: Sequence[Request]) -> float:
    """Share of requests whose set of labels is exactly right."""
    head.eval()
    right = 0
    for start in range(0, len(requests), 32):
        part = requests[start : start + 32]
        ids, mask, _ = head.trunk.tokens([r.text for r in part])
        where = head.queries.device
        with torch.no_grad():
            applies, turn, _tags = head(ids.to(where), mask.to(where))
        right += sum(set(head.choose(a, t)) == set(r.tools) for a, t, r in zip(applies, turn, part, strict=True))
    return right / len(requests)


def _losses(head: RoutingHead, batch: Sequence[Request], recipe: RoutingRecipe) -> dict[str, Tensor]:
    """The labels' binary loss, the order of each pair of labels, and the tags of the labels that apply."""
    where = head.queries.device
    ids, mask, offsets = head.trunk.tokens([r.text for r in batch])
    applies, turn, tags = head(ids.to(where), mask.to(where))
    wanted = torch.tensor([[float(label in r.tools) for label in recipe.labels] for r in batch], device=where)
    losses = {"labels": functional.binary_cross_entropy_with_logits(applies, wanted)}
    index = {label: i for i, label in enumerate(recipe.labels)}
    pairs = [
        (b, index[first], index[later])
        for b, r in enumerate(batch)
        for k, first in enumerate(r.tools)
        for later in r.tools[k + 1 :]
    ]
    if pairs:
        b, first, later = (torch.tensor(column, device=where) for column in zip(*pairs, strict=True))
        losses["order"] = recipe.order_weight * functional.softplus(turn[b, first] - turn[b, later]).mean()
    rows, targets = [], []
    for b, request in enumerate(batch):
        for label, spans in zip(request.tools, request.spans, strict=True):
            if spans:
                row = _tag_row(offsets[b], spans)
                rows.append(tags[b, len(mask[b]) - len(row) :, index[label]])
                targets += row
    if rows:
        logits = torch.cat(rows).float()
        losses["phrases"] = recipe.phrase_weight * functional.cross_entropy(logits, torch.tensor(targets, device=where))
    return losses


def _tag_row(offsets: Sequence[tuple[int, int]], spans: Sequence[tuple[int, int]]) -> list[int]:
    """A tag a token: BEGIN for the first that touches a span, INSIDE for the rest of it, OUTSIDE elsewhere."""
    row, current = [], None
    for start, end in offsets:
        found = next((s for s in spans if start < s[1] and end > s[0]), None)
        row.append(0 if found is None else INSIDE if found == current else BEGIN)
        current = found
    return row


def _checkpoint(
    folder: Path, learned: dict[str, Any], optimizer: torch.optim.Optimizer, step: int, spent: float
) -> None:
    """All that a resume needs, moved into place in one step."""
    state = {
        "learned": {k: v.detach().cpu() for k, v in learned.items()},
        "optimizer": optimizer.state_dict(),
        "step": step,
        "seconds": spent,
    }
    torch.save(state, folder / "checkpoint.tmp")
    (folder / "checkpoint.tmp").replace(folder / "checkpoint.pt")


def _resume(
    folder: Path, learned: dict[str, Any], optimizer: torch.optim.Optimizer, device: torch.device
) -> tuple[int, float]:
    """Restore the last checkpoint of this folder; (steps made, seconds spent), zeros where there is none."""
    file = folder / "checkpoint.pt"
    if not file.exists():
        return 0, 0.0
    state = torch.load(file, map_location=device, weights_only=True)
    with torch.no_grad():
        for name, parameter in learned.items():
            parameter.copy_(state["learned"][name])
    optimizer.load_state_dict(state["optimizer"])
    return int(state["step"]), float(state["seconds"])


def _log(folder: Path, row: dict[str, Any]) -> None:
    with open(folder / "log.jsonl", "a", encoding="utf8") as file:
        file.write(json.dumps(row) + "\n")


def _plain(recipe: RoutingRecipe) -> dict[str, Any]:
    return {
        k: [p.name for p in v] if k == "train" else v.name if isinstance(v, Path) else v
        for k, v in vars(recipe).items()
    }
