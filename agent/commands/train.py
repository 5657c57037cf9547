"""`veclink train`: run a training recipe; resumable at any time by the same line."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from veclink.agent.commands.common import json_option, print_json, stdout_kept_clean
from veclink.envs.errors import InputError

OUTPUT = "output/"  # in a recipe's arguments of a tool


@click.command("train")
@click.argument("recipe", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--folder", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
              help="Log and checkpoints; the same DIR goes on with a killed run.  [default: runs/train-RECIPE]")
@click.option("--output", type=click.Path(path_type=Path), metavar="PATH",
              help="Write what was trained here (a file; a folder for nano), not where the recipe says.")
@click.option("--condition", type=click.Choice(["link", "text"]),
              help="For nano's tools: what conditions are made of, not what the recipe says; text is the control.")
@click.option("--queries", type=click.IntRange(1, 256), metavar="NUMBER",
              help="For nano's tools: link queries of each, not its own number.")
@click.option("--steps", type=click.IntRange(min=1), metavar="NUMBER",
              help="Stop after so many steps: a small version of the run.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps.")
@json_option
def command(recipe: Path, folder: Path | None, output: Path | None, condition: str | None,
            queries: int | None, steps: int | None, device: str, as_json: bool) -> None:
    """Train what RECIPE, a YAML file, describes.

    \b
      veclink train router/recipes/photo-routing.yaml
      veclink train router/recipes/nano-core.yaml

    Progress goes to stderr, each row also into DIR/log.jsonl, and a plot of the losses into DIR/losses.png.
    """
    from dataclasses import replace

    with stdout_kept_clean():
        from veclink.router.nano.recipe import is_nano
        from veclink.router.training.plot import plot_log

        place = folder or Path("runs") / f"train-{recipe.stem}{f'-{condition}' if condition else ''}"
        if is_nano(recipe):
            from veclink.router.nano.train import train_nano

            plan: Any = _nano(recipe, output, condition, queries)
            tools = {} if plan.stage in ("eye", "core") else _tools(plan.tools, plan.output, device)
            figures = train_nano(plan, place, device, steps, _show, tools)
        else:
            if condition is not None or queries is not None:
                raise InputError("a recipe of nano's tools", recipe.name, "leave --condition and --queries out")
            from veclink.router.training.routing import read_recipe, train_routing

            plan = read_recipe(recipe)
            plan = plan if output is None else replace(plan, output=output.resolve())
            figures = train_routing(plan, place, device, steps, _show)
        plot_log(place / "log.jsonl", place / "losses.png")
    if as_json:
        print_json({**figures, "output": str(plan.output), "folder": str(place)})
    else:
        made = "trained {steps} steps in {seconds:.0f} s on {device}, seed {seed}"
        click.echo(made.format(**figures))
        click.echo(f"written to {plan.output}; log, checkpoint and losses.png in {place}")


def _nano(path: Path, output: Path | None, condition: str | None, queries: int | None) -> Any:
    """The recipe in a file, changed as the options say.

    Raises:
        InputError: options that do not fit the recipe.
    """
    from dataclasses import replace

    from veclink.router.nano.recipe import read_recipe

    plan = read_recipe(path)
    if plan.stage in ("eye", "core") and (condition or queries):
        raise InputError("a recipe of nano's tools", f"{path.name}, stage {plan.stage}",
                         "leave --condition and --queries out")
    if condition == "text" and output is None:
        raise InputError("--output DIR with --condition text", "none", "the control must not replace what is shipped")
    tools = plan.tools if queries is None else {k: {**given, "queries": queries} for k, given in plan.tools.items()}
    return replace(plan, output=plan.output if output is None else output.resolve(), tools=tools,
                   condition=condition or plan.condition)


def _tools(named: Mapping[str, Mapping[str, Any]], output: Path, device: str) -> dict[str, Any]:
    """The tools of a recipe, made with its arguments; "output/" before a file's name is the run's output.

    Raises:
        UnknownName: no such tool or option.
    """
    from veclink.tools import registry

    def placed(value: Any) -> Any:
        inside = isinstance(value, str) and value.startswith(OUTPUT)
        return str(output / value.removeprefix(OUTPUT)) if inside else value

    return {name: registry.load(name)(device=device, **{key: placed(value) for key, value in arguments.items()})
            for name, arguments in named.items()}


def _show(row: dict[str, Any]) -> None:
    losses = " ".join(f"{k} {v:.3f}" for k, v in row.items() if k not in ("step", "of", "seconds"))
    left = row["seconds"] / row["step"] * (row["of"] - row["step"])
    click.echo(f"step {row['step']}/{row['of']}  {losses}  {row['seconds']:.0f} s, {left:.0f} s left", err=True)
