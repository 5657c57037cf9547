"""Train the routing head of a profile: read requests, adapt the trunk, save what was learned.

Reads top to bottom: recipe, data, head, resume, loop, checkpoints, evaluation, the shipped file. A run that was
killed continues from its last checkpoint and makes the same steps as one that was not.
"""

from __future__ import annotations

import json
import math
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import MISSING, dataclass, fields
from itertools import count
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.utils import clip_grad_norm_

from veclink.router.errors import RecipeError
from veclink.router.head import BEGIN, INSIDE, HeadConfig, RoutingHead, load_head, save_head
from veclink.router.training.requests import Request, Span, batches, read_requests
from veclink.tools.device import pick_device

Report = Callable[[dict[str, Any]], None]
LOG_EVERY = 25  # steps


@dataclass(frozen=True)
class RoutingRecipe:
    """Everything a run depends on; `recipes/*.yaml` hold it.

    Attributes:
        model, labels, alone, layers, rank, width: of the head (`HeadConfig`).
        train: JSONL files of labelled requests, relative to the recipe.
        output: the checkpoint to write.
        start: a checkpoint of the same shape to go on from, or None to begin afresh.
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
    start: Path | None = None
    layers: int = 20
    rank: int = 8
    width: int = 256
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


def read_recipe(path: Path) -> RoutingRecipe:
    """The recipe in a YAML file; its paths are relative to the file and may be patterns.

    Raises:
        RecipeError: not a routing recipe, an unknown or missing key, no training file.
    """
    import yaml

    try:
        data = yaml.safe_load(path.read_text("utf8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = str(error).splitlines()[0]
        raise RecipeError("a recipe in YAML", f"{path} ({reason})", "give a readable file") from error
    if not isinstance(data, dict) or data.pop("kind", None) != "routing":
        raise RecipeError("a recipe with kind: routing", str(path), "see router/recipes for one")
    known = {f.name: f for f in fields(RoutingRecipe)}
    needed = {name for name, f in known.items() if f.default is MISSING}
    if wrong := sorted((set(data) - set(known)) | (needed - set(data))):
        raise RecipeError(f"the keys {', '.join(known)}", f"{wrong[0]} unknown or missing", "mend the recipe")
    files = sorted(file for pattern in data["train"] for file in path.parent.glob(str(pattern)))
    if not files:
        raise RecipeError("training files", f"none at {data['train']}", "mend the recipe's train")
    paths: dict[str, Any] = {"train": tuple(files), "output": (path.parent / data["output"]).resolve()}
    if data.get("start"):
        paths["start"] = (path.parent / data["start"]).resolve()
    return RoutingRecipe(**{**data, **paths, "labels": tuple(data["labels"]), "alone": tuple(data["alone"])})


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
    training, validation = _split(recipe)
    head = (load_head(recipe.start) if recipe.start else RoutingHead(recipe.head())).to(target)
    learned = head.learned()
    optimizer = torch.optim.AdamW(learned.values(), lr=recipe.rate, weight_decay=recipe.decay)
    total = steps or recipe.epochs * math.ceil(len(training) / recipe.batch)
    folder.mkdir(parents=True, exist_ok=True)
    done, spent = _resume(folder, learned, optimizer, target)
    began = time.monotonic() - spent
    for step, batch in enumerate(_endless(training, recipe), 1):
        if step > total:
            break
        if step <= done:  # made before the kill
            continue
        losses = _step(head, batch, optimizer, recipe, step, total)
        seconds = time.monotonic() - began
        if step % LOG_EVERY == 0 or step == total:
            row = {"step": step, "of": total, "seconds": round(seconds, 1)}
            row |= {name: round(value, 4) for name, value in losses.items()}
            _log(folder, row)
            report(row)
        if step % recipe.save_every == 0 or step == total:
            _checkpoint(folder, learned, optimizer, step, seconds)
    figures = {
        "steps": total,
        "seconds": round(time.monotonic() - began, 1),
        "requests": len(training),
        "device": str(target),
        "seed": recipe.seed,
        "validation_exact_set": round(exact_sets(head, validation), 4),
        "validation_cases": len(validation),
    }
    save_head(head, recipe.output, {"recipe": json.dumps(_plain(recipe)), **{k: str(v) for k, v in figures.items()}})
    _log(folder, figures)
    return figures


def _split(recipe: RoutingRecipe) -> tuple[list[Request], list[Request]]:
    """Training and validation requests, shuffled by the seed."""
    requests = [r for path in recipe.train for r in read_requests(path, recipe.labels)]
    random.Random(recipe.seed).shuffle(requests)
    kept_out = max(1, round(len(requests) * recipe.validation))
    if len(requests) <= kept_out:
        raise RecipeError("requests to train on", f"{len(requests)} in all", "add requests or lower validation")
    return requests[kept_out:], requests[:kept_out]


def _endless(training: Sequence[Request], recipe: RoutingRecipe) -> Iterator[list[Request]]:
    """Batches, epoch after epoch."""
    for epoch in count():
        yield from batches(training, recipe.batch, recipe.seed, epoch)


def _step(
    head: RoutingHead,
    batch: Sequence[Request],
    optimizer: torch.optim.Optimizer,
    recipe: RoutingRecipe,
    step: int,
    total: int,
) -> dict[str, float]:
    """One step of AdamW under a warm-up and a cosine; the losses' values."""
    rate = recipe.rate * min(1.0, step / recipe.warmup) * 0.5 * (1 + math.cos(math.pi * (step - 1) / total))
    for group in optimizer.param_groups:
        group["lr"] = rate
    torch.manual_seed(recipe.seed * 1_000_003 + step)  # dropout is the same after a resume
    head.train()
    with torch.autocast(head.queries.device.type, torch.bfloat16):
        losses = _losses(head, batch, recipe)
    optimizer.zero_grad()
    torch.stack(list(losses.values())).sum().backward()
    clip_grad_norm_(list(head.learned().values()), 1.0)
    optimizer.step()
    return {name: value.item() for name, value in losses.items()}


def exact_sets(head: RoutingHead, requests: Sequence[Request]) -> float:
    """Share of requests whose set of labels is exactly right."""
    head.eval()
    right = 0
    for start in range(0, len(requests), 32):
        part = requests[start : start + 32]
        ids, mask, _ = head.trunk.tokens([r.text for r in part])
        where = head.queries.device
        with torch.no_grad():
            applies, turn, _, _ = head(ids.to(where), mask.to(where))
        right += sum(set(head.choose(a, t)) == set(r.tools) for a, t, r in zip(applies, turn, part, strict=True))
    return right / len(requests)


def _losses(head: RoutingHead, batch: Sequence[Request], recipe: RoutingRecipe) -> dict[str, Tensor]:
    """The labels' binary loss, the order of each pair of labels, and the tags of the labels that apply."""
    where = head.queries.device
    ids, mask, offsets = head.trunk.tokens([r.text for r in batch])
    mask = mask.to(where)
    applies, turn, tokens, states = head(ids.to(where), mask)
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
    labelled = [(b, zip(r.tools, r.spans, strict=True)) for b, r in enumerate(batch)]
    asked = [(b, index[label], spans) for b, pairs in labelled for label, spans in pairs if spans]
    if asked:
        losses["phrases"] = recipe.phrase_weight * _phrase_loss(head, asked, tokens, states, mask, offsets)
    return losses


def _phrase_loss(
    head: RoutingHead,
    asked: Sequence[tuple[int, int, Sequence[Span]]],
    tokens: Tensor,
    states: Tensor,
    mask: Tensor,
    offsets: Sequence[Sequence[Span]],
) -> Tensor:
    """Cross entropy of the tags of (request, label, its phrases)."""
    rows = torch.tensor([b for b, _, _ in asked], device=mask.device)
    labels = torch.tensor([label for _, label, _ in asked], device=mask.device)
    logits = head.tag(tokens[rows], states[rows, labels], mask[rows]).float()
    targets = _target_tags(asked, offsets, logits.shape[1])
    return functional.cross_entropy(logits.flatten(0, 1), targets.flatten().to(mask.device), ignore_index=-100)


def _target_tags(
    asked: Sequence[tuple[int, int, Sequence[Span]]], offsets: Sequence[Sequence[Span]], width: int
) -> Tensor:
    """(n, width) tags of (request, label, its phrases), -100 where there is padding."""
    targets = torch.full((len(asked), width), -100)
    for n, (b, _, spans) in enumerate(asked):
        row = _tag_row(offsets[b], spans)
        targets[n, width - len(row) :] = torch.tensor(row)
    return targets


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
