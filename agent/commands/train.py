"""`veclink train`: run a training recipe; resumable at any time by the same line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from veclink.agent.commands.common import json_option, print_json, stdout_kept_clean


@click.command("train")
@click.argument("recipe", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              help="Log and checkpoints; the same DIR goes on with a killed run.  [default: runs/train-RECIPE]")
@click.option("--output", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="Write the trained checkpoint here, not where the recipe says.")
@click.option("--steps", type=click.IntRange(min=1), metavar="NUMBER",
              help="Stop after so many steps: a small version of the run.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps.")
@json_option
def command(recipe: Path, folder: Path | None, output: Path | None, steps: int | None, device: str,
            as_json: bool) -> None:
    """Train what RECIPE, a YAML file, describes.

    \b
      veclink train router/recipes/photo-routing.yaml

    Progress goes to stderr, each row also into DIR/log.jsonl, and a plot of the losses into DIR/losses.png.
    """
    from dataclasses import replace

    with stdout_kept_clean():
        from veclink.router.training.plot import plot_log
        from veclink.router.training.routing import read_recipe, train_routing

        plan = read_recipe(recipe)
        if output is not None:
            plan = replace(plan, output=output.resolve())
        place = folder or Path("runs") / f"train-{recipe.stem}"
        figures = train_routing(plan, place, device, steps, _show)
        plot_log(place / "log.jsonl", place / "losses.png")
    if as_json:
        print_json({**figures, "output": str(plan.output), "folder": str(place)})
    else:
        made = "trained {steps} steps in {seconds:.0f} s on {device}, seed {seed}"
        click.echo(made.format(**figures))
        click.echo(f"written to {plan.output}; log, checkpoint and losses.png in {place}")


def _show(row: dict[str, Any]) -> None:
    losses = " ".join(f"{k} {v:.3f}" for k, v in row.items() if k not in ("step", "of", "seconds"))
    left = row["seconds"] / row["step"] * (row["of"] - row["step"])
    click.echo(f"step {row['step']}/{row['of']}  {losses}  {row['seconds']:.0f} s, {left:.0f} s left", err=True)
