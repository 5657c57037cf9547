"""Train nano, whatever the stage: data, stage, resume, loop, checkpoints, what was learned.

Reads top to bottom. A run that was killed at any moment goes on from its last checkpoint and, on the CPU, ends with the
same numbers as one that was not: data comes from its position, randomness from the step.
"""

from __future__ import annotations

import json
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import count, islice
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_

from veclink.router.errors import RecipeError
from veclink.router.nano.recipe import NanoRecipe
from veclink.router.nano.samples import Source
from veclink.router.nano.stages import CoreStage, EyeStage, Lesson, LinkStage, Stage
from veclink.router.nano.vision import VisionConfig
from veclink.router.nano.words import Words
from veclink.tools.device import pick_device
from veclink.tools.tool import Tool

Report = Callable[[dict[str, Any]], None]
LOG_EVERY = 10  # steps


def train_nano(recipe: NanoRecipe, folder: Path, device: str = "auto", steps: int | None = None,
               report: Report = lambda row: None, tools: Mapping[str, Tool] | None = None,
               source: Source | None = None) -> dict[str, Any]:
    """Run the recipe; `folder` takes its log and checkpoints and is where a killed run goes on.

    Args:
        device: as `pick_device`.
        steps: make the schedule so many steps long, for a small version of the run.
        report: called with each row of the log.
        tools: by name, for stage links.
        source: of the samples; None means the recipe's own.

    Returns:
        Figures of the finished run.
    """
    target = pick_device(device)
    if recipe.threads:
        torch.set_num_threads(recipe.threads)
    torch.manual_seed(recipe.seed)
    source = source or recipe.samples()
    alone = {"eye": EyeStage, "core": CoreStage}.get(recipe.stage)
    stage: Stage = LinkStage(recipe, tools or {}, target) if alone is None else alone(recipe, source, target)
    groups = stage.groups()
    if not groups:
        raise RecipeError("something to train", f"nothing in stage {recipe.stage}", "name tools that can be trained")
    optimizer = torch.optim.AdamW(groups, lr=recipe.rate, betas=(0.9, 0.98), weight_decay=recipe.decay)
    total = steps or recipe.steps
    folder.mkdir(parents=True, exist_ok=True)
    done, spent = _resume(folder, stage.modules(), optimizer, target)
    if not done:
        stage.begin(source)
    began = time.monotonic() - spent
    lessons = _lessons(source, done, recipe, stage.words, stage.model.config.vision)
    means: dict[str, list[float]] = {}
    for step, lesson in zip(range(done + 1, total + 1), lessons, strict=False):
        for name, value in _step(stage, lesson.to(target), optimizer, recipe, step, total).items():
            means.setdefault(name, []).append(value)
        seconds = time.monotonic() - began
        if step % LOG_EVERY == 0 or step == total:
            row = {"step": step, "of": total, "seconds": round(seconds, 1)}
            row |= {name: round(sum(values) / len(values), 4) for name, values in means.items()}
            means = {}
            _log(folder, row)
            report(row)
        if step % recipe.save_every == 0 or step == total:
            _checkpoint(folder, stage.modules(), optimizer, step, seconds)
    figures = {"steps": total, "seconds": round(time.monotonic() - began, 1), "samples": total * recipe.batch,
               "device": str(target), "seed": recipe.seed, "stage": recipe.stage}
    stage.save(recipe.output, {"recipe": _plain(recipe), **figures})
    _log(folder, figures)
    return figures


def _lessons(source: Source, done: int, recipe: NanoRecipe, words: Words, vision: VisionConfig) -> Iterator[Lesson]:
    """Batches from the first one that was not trained on; the same ones whether workers make them or not."""
    if not recipe.workers:
        samples = source(done * recipe.batch)
        while part := list(islice(samples, recipe.batch)):
            yield Lesson(part, words, vision)
        raise RecipeError("samples without end", f"the end after {done} steps or more", "mend the recipe's source")
    from torch.utils.data import DataLoader, IterableDataset, get_worker_info

    class Shares(IterableDataset):
        """Worker w of n makes the batches w, w + n, ...; the loader takes them in turn."""

        def __iter__(self) -> Iterator[Lesson]:
            worker = get_worker_info()
            assert worker is not None
            torch.set_num_threads(1)
            for number in count(done + worker.id, worker.num_workers):
                part = list(islice(source(number * recipe.batch), recipe.batch))
                yield Lesson(part, words, vision)

    yield from DataLoader(Shares(), batch_size=None, num_workers=recipe.workers, prefetch_factor=4)


def _step(stage: Stage, lesson: Lesson, optimizer: torch.optim.Optimizer, recipe: NanoRecipe, step: int, total: int
          ) -> dict[str, float]:
    """One step of AdamW under a warm-up and a cosine; the losses' values."""
    rate = recipe.rate * min(1.0, step / max(1, recipe.warmup)) * 0.5 * (1 + math.cos(math.pi * (step - 1) / total))
    for group in optimizer.param_groups:
        group["lr"] = rate * group["scale"]
    torch.manual_seed(recipe.seed * 1_000_003 + step)  # noise and drop-outs are the same after a resume
    with torch.autocast(stage.model.device.type, torch.bfloat16, enabled=recipe.precision == "bf16"):
        losses = stage.losses(lesson, step)
    whole = [value for value in losses.values() if value.requires_grad]
    optimizer.zero_grad(set_to_none=False)  # so that every parameter has a state from the first step on
    if whole:
        torch.stack([value.float() for value in whole]).sum().backward()
        if _clipped(optimizer.param_groups):  # a batch whose loss overflowed teaches nothing
            optimizer.step()
    return {name: float(value.detach()) for name, value in losses.items()}


def _clipped(groups: Sequence[Mapping[str, Any]]) -> bool:
    """Whether all gradients are finite; those of each part now have a norm of 1 at most.

    Each part by itself: a tool's large loss must not make another tool's steps small.
    """
    parts: dict[str, list[Tensor]] = {}
    for group in groups:
        parts.setdefault(group["part"], []).extend(group["params"])
    return all(bool(torch.isfinite(clip_grad_norm_(parameters, 1.0))) for parameters in parts.values())


def _checkpoint(folder: Path, modules: Mapping[str, nn.Module], optimizer: torch.optim.Optimizer, step: int,
                seconds: float) -> None:
    """All that a resume needs, moved into place in one step."""
    state = {"modules": {name: module.state_dict() for name, module in modules.items()},
             "optimizer": optimizer.state_dict(), "step": step, "seconds": seconds}
    scratch = folder / "checkpoint.tmp"
    with open(scratch, "wb") as file:
        torch.save(state, file)
        file.flush()
        os.fsync(file.fileno())
    scratch.replace(folder / "checkpoint.pt")


def _resume(folder: Path, modules: Mapping[str, nn.Module], optimizer: torch.optim.Optimizer, device: torch.device
            ) -> tuple[int, float]:
    """Restore this folder's last checkpoint; (steps made, seconds spent), zeros where there is none.

    Raises:
        RecipeError: the checkpoint is another recipe's.
    """
    file = folder / "checkpoint.pt"
    if not file.exists():
        (folder / "log.jsonl").unlink(missing_ok=True)
        return 0, 0.0
    state: dict[str, Any] = torch.load(file, map_location=device, weights_only=True)
    try:
        for name, module in modules.items():
            module.load_state_dict(state["modules"][name], strict=True)
        optimizer.load_state_dict(state["optimizer"])
    except (KeyError, RuntimeError, ValueError) as error:
        raise RecipeError("a checkpoint of this recipe", f"{file} ({str(error)[:120]})",
                          "give another folder, or remove it") from error
    step = int(state["step"])
    _forget(folder / "log.jsonl", step)
    return step, float(state["seconds"])


def _forget(log: Path, step: int) -> None:
    """Drop the log's rows of steps that will be made again, and a row that was cut off."""
    kept = []
    for line in log.read_text("utf8").splitlines() if log.exists() else ():
        try:
            row = json.loads(line)
        except ValueError:
            continue
        if row.get("step", step + 1) <= step:
            kept.append(line)
    log.write_text("".join(f"{line}\n" for line in kept), "utf8")


def _log(folder: Path, row: dict[str, Any]) -> None:
    with open(folder / "log.jsonl", "a", encoding="utf8") as file:
        file.write(json.dumps(row) + "\n")


def _plain(recipe: NanoRecipe) -> dict[str, Any]:
    return {key: value.name if isinstance(value, Path) else list(value) if isinstance(value, tuple)
            else {k: dict(v) if isinstance(v, Mapping) else v for k, v in value.items()} if isinstance(value, Mapping)
            else value for key, value in vars(recipe).items()}


