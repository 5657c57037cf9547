"""`veclink eval`: how well something works, as a table, one JSON document and a plot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from veclink.agent.commands.common import console, json_option, parsed, print_json, stdout_kept_clean
from veclink.agent.commands.eval_look import command as look
from veclink.agent.commands.eval_nano import command as nano
from veclink.agent.commands.report import Progress, percent, points, say, write
from veclink.envs.errors import InputError

profile_option = click.option("-p", "--profile", default="photo", show_default=True,
                              help="A profile's name or a YAML file.")
device_option = click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:N or mps.")
EPISODES = {"diamond": 40, "memory": 10, "items": 3}  # of `eval embodied`
STEPS = {"items": 72_000, "minedojo": 24_000, "minedojo-techtree": 24_000}  # what comes out at night needs a night
out_option = click.option("--out", type=click.Path(path_type=Path, file_okay=False), metavar="DIR",
                          help="Write the JSON document and a plot here.")


@click.group("eval")
def command() -> None:
    """Measure how well something works."""


command.add_command(nano)
command.add_command(look)


@command.command("routing")
@click.argument("file", required=False, type=click.Path(path_type=Path, dir_okay=False))
@profile_option
@device_option
@out_option
@json_option
def routing(file: Path | None, profile: str, device: str, out: Path | None, as_json: bool) -> None:
    """Count how often the core chooses exactly the right tools.

    FILE holds lines of {"text": ..., "tools": [...]}, the tools in the order needed, ["answer"] where words are
    enough, ["reject"] where no tool can do it.  [default: the test file that is shipped]

    Beside it stands a bag of words that was trained on the shipped corpus. Intervals are Wilson's, 95 %.
    """
    with stdout_kept_clean():
        document = _routing(file, profile, device)
        written = write(out, "routing", document, "plot_routing", document, document["bag_of_words"])
    if as_json:
        print_json(document)
    else:
        _show_routing(document)
    say(written)


def _routing(file: Path | None, profile: str, device: str) -> dict[str, Any]:
    from veclink.agent.agent import Agent
    from veclink.router.evaluation.routing import DATA, bag_of_words_figures, evaluate_routing

    path = file or DATA / "test.jsonl"
    if not path.is_file():
        raise InputError("a file of requests", f"no file {path}", "give a JSONL file, or none for the shipped one")
    agent = Agent(profile, device)
    strategy = getattr(agent.core, "routing", None)
    if strategy is None:
        raise InputError("a core with a routing strategy", type(agent.core).__name__, "choose another profile")
    progress = Progress("requests")
    _, figures = evaluate_routing(strategy, path, progress.at)
    progress.end()
    return {
        "suite": "routing",
        "file": path.name,
        "profile": agent.profile.name,
        "device": agent.device,
        **figures,
        "bag_of_words": bag_of_words_figures(path),
    }


def _show_routing(document: Mapping[str, Any]) -> None:
    from rich.table import Table

    screen, bag = console(), document["bag_of_words"]
    table = Table("requests", "number", "exact set", "exact order", "bag of words, exact set", box=None,
                  header_style="bold")
    table.add_row("all", str(document["cases"]), percent(document["exact_set"]), percent(document["exact_order"]),
                  percent(bag["exact_set"]))
    for count, part in document["by_tools"].items():
        table.add_row(f"{count} label{'' if count == '1' else 's'}", str(part["exact_set"]["cases"]),
                      percent(part["exact_set"]), percent(part["exact_order"]), percent(bag["by_tools"].get(count)))
    screen.print(table)
    labels = Table("label", "number", "recall", "precision", box=None, header_style="bold")
    for label, part in document["by_label"].items():
        labels.add_row(label, str(part["recall"]["cases"]), percent(part["recall"]), percent(part["precision"]))
    screen.print(labels)
    if "phrases_exact" in document:
        screen.print(f"phrases exactly right where the tools are: {percent(document['phrases_exact'])}")
    for name, count in document["confusions"].items():
        screen.print(f"{count:4d}  {name}")


@command.command("coco")
@click.argument("folder", type=click.Path(path_type=Path))
@profile_option
@click.option("--split", default="val", show_default=True, help="Reads annotations/instances_SPLIT*.json.")
@click.option("--limit", type=click.IntRange(min=1), metavar="NUMBER", help="Only so many pictures: a small version.")
@click.option("--each", type=click.IntRange(min=1), default=10, show_default=True, metavar="NUMBER",
              help="Categories that one request names.")
@device_option
@out_option
@json_option
def coco(folder: Path, profile: str, split: str, limit: int | None, each: int, device: str, out: Path | None,
         as_json: bool) -> None:
    """Average precision of boxes, masks and keypoints found by requests in plain words.

    FOLDER is in COCO's layout: annotations/instances_val2017.json, person_keypoints_val2017.json, pictures in
    val2017/. The requests name all its categories in lists; beside them stands ultralytics' own call of the same
    weights on the same pictures. AP is pycocotools', in points; intervals are 95 % bootstraps over pictures.
    """
    with stdout_kept_clean():
        from veclink.agent.measure.coco import coco_agent, measure, open_folder

        held = open_folder(folder, split, limit)
        agent = coco_agent(profile, device)
        progress = Progress("pictures")
        document = {"suite": "coco", "folder": held.path.resolve().name}
        document |= measure(agent, held, None, lambda kind, done, of: progress.at(done, of, kind), each)
        progress.end()
        written = write(out, "coco", document, "plot_coco", document)
    if as_json:
        print_json(document)
    else:
        _show_coco(document)
    say(written)


def _show_coco(document: Mapping[str, Any]) -> None:
    from rich.table import Table

    screen = console()
    kinds = document["kinds"]
    table = Table("", *kinds, box=None, header_style="bold")
    table.add_row("weights", *(figures["weights"] for figures in kinds.values()))
    for name, label in (("ap", "AP by request"), ("direct_ap", "AP called directly"), ("difference", "difference"),
                        ("difference_routed", "difference, routed categories"), ("ap50", "AP50 by request"),
                        ("direct_ap50", "AP50 called directly")):
        table.add_row(label, *(points(figures.get(name)) for figures in kinds.values()))
    table.add_row("categories routed", *("{categories_routed} of {categories}".format(**f) for f in kinds.values()))
    for name, label in (("requests_exact", "requests routed exactly"), ("agreement", "sure things in common")):
        table.add_row(label, *(percent(figures[name]) for figures in kinds.values()))
    screen.print(table)
    screen.print(f"{document['pictures']} pictures; the difference may be {document['floor']} points", soft_wrap=True)
    for kind, figures in document["kinds"].items():
        if "reason" in figures:
            screen.print(f"{kind}: no direct call: {figures['reason']}", soft_wrap=True)


@command.command("embodied")
@click.option("--suite", type=click.Choice(["diamond", "techtree", "items", "minedojo", "minedojo-techtree", "memory"]),
              default="diamond", show_default=True, help="Which goals.")
@click.option("--protocol", type=click.Choice(["voxels", "pixels"]), default="voxels", show_default=True,
              help="What the agent may see.")
@click.option("--episodes", type=click.IntRange(min=1), metavar="NUMBER",
              help="Episodes a goal, each with a seed of its own.  [default: 40 for diamond; 10 for memory; at most 3 "
                   "for items, until one succeeds; 1 for the others]")
@click.option("--tasks", callback=lambda _, __, text: _tasks(text), metavar="NUMBER|NAME,NAME",
              help="Only so many of the suite's goals, drawn with a fixed seed, or only those with these names (bow,"
                   "carrot).  [default: 200 of minedojo; all]")
@click.option("--steps", type=click.IntRange(min=1), metavar="NUMBER",
              help="Most steps of an episode.  [default: 12000; 24000, a day, for MineDojo's tasks; 72000 "
                   "for items]")
@click.option("--first-seed", type=click.IntRange(min=0), default=0, show_default=True, metavar="NUMBER",
              help="Seeds count on from here.")
@click.option("--world", default=None, help="Where: a name of the registry of worlds.  [default: voxel]")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE",
              help="An option of the world, e.g. warp=10. May be repeated.")
@click.option("--processes", type=click.IntRange(min=1), metavar="NUMBER",
              help="Episodes at once.  [default: as many as there are cores]")
@click.option("--memory", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE",
              help="A memory that the episodes share.  [default: none]")
@out_option
@json_option
def embodied(suite: str, protocol: str, episodes: int | None, tasks: int | Sequence[str] | None, steps: int | None,
             first_seed: int, world: str | None, settings: tuple[str, ...], processes: int | None,
             memory: Path | None, out: Path | None, as_json: bool) -> None:
    """How often the embodied agent reaches its goals, and how far it comes.

    \b
    diamond            get a diamond
    techtree           every tool and piece of armour
    items              everything that the overworld can give, until it was won once, if only on the way
    minedojo           a sample of MineDojo's tasks over all its categories
    minedojo-techtree  all of its tech tree
    memory             the same episodes without a memory, and with one that earlier episodes have filled

    With --out every episode is kept in a folder of its own; the same command again goes on where it was stopped, also
    within an episode. Shares have Wilson's 95 % intervals, means bootstrapped ones.
    """
    with stdout_kept_clean():
        from veclink.agent.measure.embodied import measure
        from veclink.agent.measure.embodied_items import measure_items
        from veclink.agent.measure.embodied_memory import measure_memory

        progress = Progress("episodes")
        number = episodes or EPISODES.get(suite, 1)
        if suite == "memory" and memory is not None:
            raise InputError("--memory with another suite", "--suite memory, which makes its own", "leave it out")
        shared: dict[str, Any] = {"steps": steps or STEPS.get(suite, 12_000), "protocol": protocol, "out": out,
                                  "first_seed": first_seed, "processes": processes, "tasks": tasks,
                                  "place": {**({"world": world} if world else {}), **parsed(settings)},
                                  "progress": progress.at}
        kept = str(memory) if memory else None
        if suite == "memory":
            document = measure_memory(number, **shared)
        elif suite == "items":
            document = measure_items(number, memory=kept, **shared)
        else:
            document = measure(suite, number, memory=kept, **shared)
        progress.end()
        written = write(out, f"embodied-{suite}-{protocol}", document, "plot_embodied", document)
    if as_json:
        print_json(document)
    else:
        _show_embodied(document)
    say(written)


def _tasks(text: str | None) -> int | list[str] | None:
    """What `--tasks` says: a number, or names."""
    if text is None:
        return None
    if not text.isdigit():
        return [name.strip() for name in text.split(",")]
    if int(text) == 0:
        raise click.BadParameter("give a number of 1 or more, or names")
    return int(text)


def _show_embodied(document: Mapping[str, Any]) -> None:
    from rich.table import Table

    from veclink.agent.measure.embodied import SHOWN_AS

    screen = console()
    table = Table("", "episodes", "share", "steps, mean", "floor", box=None, header_style="bold")
    table.add_row("goal reached", str(document["success"]["cases"]), percent(document["success"]),
                  points(document["steps_to_success"]), "")
    by_category = document.get("by_category", {})
    parts = {**document.get("milestones", {}), **({} if by_category else document.get("by_goal", {})), **by_category}
    if by_category:
        parts = {"of those the world can give": document["given"], **parts}
    for name, part in parts.items():
        floor = f"{part['floor']:.0%}" if "floor" in part else ""
        table.add_row(SHOWN_AS.get(name, name), str(part["cases"]), percent(part), points(part.get("steps")), floor)
    if "rounds" in document:
        without = document["rounds"]["without"]
        table.add_row("without memory", str(without["success"]["cases"]), percent(without["success"]),
                      points(without["steps_to_success"]), "")
    if "on_the_way" in document:
        table.add_row("won", str(document["goals_with_a_success"]["cases"]),
                      percent(document["goals_with_a_success"]), "", "")
        table.add_row("of these on the way", str(len(document["on_the_way"])), "", "", "")
    screen.print(table)
    if "difference" in document:
        change = document["difference"]
        screen.print(f"steps with memory less those without: {points(change['steps'])}, of "
                     f"{points(change['steps_without'])}; reached only with it {change['only_with']}, only without "
                     f"{change['only_without']}; it was filled by {document['taught_by']} episodes", soft_wrap=True)
    for name, title in (("not_won", "not won"), ("cannot", "not to be won in the overworld"),
                        ("not_given", "not given by the world")):
        if document.get(name):
            screen.print(f"{title}: {', '.join(document[name])}", soft_wrap=True)
    wall, planning = document["wall_seconds"], document["planning_ms"]
    screen.print(f"protocol {document['protocol']}, at most {document['steps']:,} steps, "
                 f"{document['llm_queries']} LLM queries; an episode takes {wall['value'] or 0:.1f} s "
                 f"(longest {wall['most']:.1f} s), a plan at most {planning['most']:.1f} ms", soft_wrap=True)
