"""`veclink doctor`: what is installed, which devices and weights are here, what a profile lacks, what mends it."""

from __future__ import annotations

import os
import platform
import re
import shutil
import textwrap
from importlib import metadata
from pathlib import Path
from typing import Any

import click

from veclink.agent.commands.common import clean, json_option, print_json, stdout_kept_clean
from veclink.envs.errors import UnknownName, VeclinkError

GIB = 1 << 30
TASKS = "minedojo"  # for --fetch: MineDojo's task files
GAME = "minecraft"  # for --fetch: the npm packages of the Minecraft world
GAME_PICTURES = "minecraft-pictures"  # for --fetch: those and what draws its pictures
EXTRA_NOTES = {"minedojo": "does not install plainly: docs/minedojo.md says how"}


@click.command("doctor")
@click.option("--fetch", metavar="PROFILE", help="First fetch the weights that this profile lacks; minedojo: the task "
                                                 "files of MineDojo (a wheel of 1.1 MB, which is not installed); "
                                                 "minecraft: the npm packages of the world of that name; "
                                                 "minecraft-pictures: those and what draws its pictures.")
@json_option
@click.pass_context
def command(ctx: click.Context, fetch: str | None, as_json: bool) -> None:
    """Say what is installed, what is missing, and how to mend it.

    Nothing is loaded and, without --fetch, nothing is downloaded. Exit code 1: a package is missing, or a fetch failed.
    """
    with stdout_kept_clean():
        failed = _fetch(fetch) if fetch else []
        report = examine()
    if as_json:
        print_json(report | {"failed": failed})
    else:
        click.echo("\n".join(_lines(report)))
    for line in failed:
        click.echo(f"error: {clean(line)}", err=True)
    ctx.exit(1 if failed or None in report["packages"].values() else 0)


def examine() -> dict[str, Any]:
    """The whole report, as plain data."""
    from veclink.agent.commands.inventory import needs, profiles
    from veclink.agent.profiles import DEFAULT
    from veclink.tools.models import CARRIED, is_here
    from veclink.tools.weights import VARIABLE, cache_folder, weights_folder

    weights, cache = weights_folder(), cache_folder()
    return {
        "veclink": metadata.version("veclink"), "license": metadata.metadata("veclink")["License-Expression"] or "",
        "python": platform.python_version(), "system": f"{platform.system()} {platform.machine()}",
        "packages": packages(), "extras": extras(), "devices": devices(),
        "profiles": [{"name": p.name, "default": p.name == DEFAULT, "description": p.description,
                      "needs": [n.dict() for n in needs(p)]} for p in profiles()],
        "models": {name: is_here(name) for name in CARRIED},
        "broken_tools": broken_tools(), "tasks": task_files(), "minecraft": game_packages(),
        "weights": {"variable": VARIABLE, "folder": str(weights) if weights else None,
                    "here": bool(weights and weights.is_dir())},
        "cache": {"folder": str(cache), "gib": round(_size(cache) / GIB, 2)},
        "free_gib": round(shutil.disk_usage(cache).free / GIB, 1),
    }


def packages() -> dict[str, str | None]:
    """Version of each package that veclink needs, None where it is missing."""
    return {name: _version(name) for name, extra in _requirements() if not extra}


def extras() -> dict[str, dict[str, Any]]:
    """For each extra the versions of its packages and the line that installs it."""
    found: dict[str, dict[str, Any]] = {}
    for name, extra in _requirements():
        if extra:
            mend = EXTRA_NOTES.get(extra, f"pip install 'veclink[{extra}]'")
            row = found.setdefault(extra, {"packages": {}, "mend": ""})
            row["packages"][name] = _version(name)
            row["mend"] = mend if None in row["packages"].values() else ""
    return found


def devices() -> list[dict[str, Any]]:
    """Where tools can run: name, what it is, memory in GiB; the one that "auto" takes has `auto` set."""
    import torch

    from veclink.tools.device import pick_device

    found: list[dict[str, Any]] = [{"name": "cpu", "what": f"{torch.get_num_threads()} threads", "gib": None}]
    for index in range(torch.cuda.device_count()):
        card = torch.cuda.get_device_properties(index)
        found.append({"name": f"cuda:{index}", "what": card.name, "gib": round(card.total_memory / GIB, 1)})
    if torch.backends.mps.is_available():
        found.append({"name": "mps", "what": "Apple GPU", "gib": None})
    return [device | {"auto": device["name"] == str(pick_device())} for device in found]


def task_files() -> dict[str, Any]:
    """Where MineDojo's task files are, and the line that mends it where they are not."""
    from veclink.envs.tasks import files

    mend = f"veclink doctor --fetch {TASKS} (a wheel of {files.MEGABYTES} MB, which is not installed)"
    try:
        found = files.place()
    except VeclinkError as error:
        return {"minedojo": None, "mend": str(error)}
    return {"minedojo": str(found) if found else None, "mend": "" if found else mend}


def game_packages() -> dict[str, Any]:
    """Node and the npm packages of the Minecraft world, and the line that mends what is missing."""
    from veclink.envs.minecraft import node

    found: dict[str, Any] = {"node": None, "packages": None, "mib": None, "mend": ""}
    try:
        found["node"] = node.find_node().version
        found["packages"] = str(node.modules())
        found["mib"] = round(node.read_stamp().get("bytes", 0) / (1 << 20)) or None
    except VeclinkError as error:
        found["mend"] = error.do
    return found


def broken_tools() -> dict[str, str]:
    """Tools of other packages that are registered and cannot be loaded, with the reason."""
    from veclink.tools import registry

    broken = {}
    for name in sorted({entry.name for entry in metadata.entry_points(group=registry.GROUP)}):
        try:
            registry.load(name)
        except VeclinkError as error:
            broken[name] = str(error)
    return broken


def _requirements() -> list[tuple[str, str]]:
    """(package, extra or "") of every requirement in veclink's own metadata."""
    found = []
    for line in metadata.requires("veclink") or ():
        name, extra = re.match(r"[\w.-]+", line), re.search(r"""extra\s*==\s*["']([\w-]+)["']""", line)
        if name:
            found.append((name[0], extra[1] if extra else ""))
    return found


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _size(folder: Path) -> int:
    """Bytes of all files under a folder; links are not followed."""
    total = 0
    for entry in os.scandir(folder):
        inside = entry.is_dir(follow_symlinks=False)
        total += _size(Path(entry.path)) if inside else entry.stat(follow_symlinks=False).st_size
    return total


def _fetch(profile: str) -> list[str]:
    """Fetch what a profile lacks; returns a line for each thing that could not be fetched."""
    from veclink.agent.commands.inventory import needs, profiles

    if profile in (TASKS, GAME, GAME_PICTURES):
        return _fetch_tasks() if profile == TASKS else _fetch_game(profile == GAME_PICTURES)
    known = {each.name: each for each in profiles()}
    if profile not in known:
        raise UnknownName.of("profile", profile, [*known, TASKS, GAME, GAME_PICTURES])
    failed = []
    for need in needs(known[profile]):
        if need.here:
            continue
        click.echo(f"fetching {need.weights} ...", err=True)
        try:
            _fetch_one(need.part, need.weights)
        except Exception as error:  # any library's network error means the same here
            failed.append(f"{need.weights}: {error}")
    return failed


def _fetch_tasks() -> list[str]:
    """Fetch MineDojo's task files, where they are not here yet."""
    from veclink.envs.tasks import files

    if files.place() is not None:
        return []
    click.echo(f"fetching the task files of {files.WHEEL} (a wheel of {files.MEGABYTES} MB) ...", err=True)
    try:
        files.fetch()
    except VeclinkError as error:
        return [str(error)]
    return []


def _fetch_game(drawn: bool) -> list[str]:
    """Install the npm packages of the Minecraft world, where they are not here or not whole."""
    from veclink.envs.minecraft import node, pictures

    try:
        node.modules()
        if drawn:
            pictures.check()
        return []
    except VeclinkError:
        click.echo("installing the npm packages of the Minecraft world ...", err=True)
    try:
        stamp = node.install(drawn)
    except VeclinkError as error:
        return [str(error)]
    size, before = (stamp[key] / (1 << 20) for key in ("bytes", "bytes_before"))
    click.echo(f"{size:.0f} MB in {node.cache_folder()} ({before - size:.0f} MB of unused versions left out), "
               f"{stamp['seconds']:.0f} s", err=True)
    return []


def _fetch_one(part: str, weights: str) -> None:
    """By the way that the part itself would take at its first use."""
    from veclink.tools import registry
    from veclink.tools.models import find_model

    if part != "core":
        registry.make(part, weights=weights, device="cpu").ready()
        return
    found = find_model(weights)
    if isinstance(found, str):
        from huggingface_hub import snapshot_download

        snapshot_download(found, allow_patterns=["*.safetensors", "*.json", "*.txt", "*.jinja", "*.model"])


def _lines(report: dict[str, Any]) -> list[str]:
    """The report for people."""
    lines = [f"veclink {report['veclink']} ({report['license'] or 'AGPL-3.0-or-later'}), Python {report['python']}, "
             f"{report['system']}", "", "devices"]
    for device in report["devices"]:
        memory = f", {device['gib']} GiB" if device["gib"] else ""
        lines.append(f"  {device['name']:<8}{device['what']}{memory}{'  <- auto' if device['auto'] else ''}")
    lines += ["", "packages", *_columns([f"{n} {v or 'MISSING'}" for n, v in report["packages"].items()])]
    if missing := [name for name, version in report["packages"].items() if version is None]:
        lines.append(f"  mend: pip install {' '.join(missing)}")
    for profile in report["profiles"]:
        lacks = [need for need in profile["needs"] if not need["here"]]
        state = f"lacks {len(lacks)} of {len(profile['needs'])}" if lacks else "ready"
        name = f"{profile['name']} (the default)" if profile["default"] else profile["name"]
        lines += ["", f"profile {name}: {state}", *textwrap.wrap(profile["description"], 96, initial_indent="  ",
                                                                 subsequent_indent="  ")]
        for need in profile["needs"]:
            lines.append(f"  {'ok' if need['here'] else '--':<4}{need['part']:<9}{need['weights']}")
            lines += [f"{'':<15}mend: {need['mend']}"] if need["mend"] else []
    lines += ["", "small models that are fetched when they are first needed"]
    lines += [f"  {'ok' if here else '--':<4}{name}" for name, here in report["models"].items()]
    lines += ["", "extras"]
    lines += [f"  {'--' if row['mend'] else 'ok':<4}{name}{': ' + row['mend'] if row['mend'] else ''}"
              for name, row in report["extras"].items()]
    tasks = report["tasks"]
    here = "ok" if tasks["minedojo"] else "--"
    lines += ["", "task files of MineDojo", f"  {here:<4}{tasks['minedojo'] or 'not here'}"]
    lines += [f"      mend: {tasks['mend']}"] if tasks["mend"] else []
    game = report["minecraft"]
    size = f" ({game['mib']} MB)" if game["mib"] else ""
    lines += ["", "Node and npm packages of the Minecraft world",
              f"  {'ok' if game['node'] else '--':<4}Node {game['node'] or 'not here'}",
              f"  {'ok' if game['packages'] else '--':<4}{game['packages'] or 'no packages'}{size}"]
    lines += [f"      mend: {game['mend']}"] if game["mend"] else []
    if report["broken_tools"]:
        lines += ["", "tools that cannot be loaded", *(f"  {clean(why)}" for why in report["broken_tools"].values())]
    weights, cache = report["weights"], report["cache"]
    state = weights["folder"] if weights["here"] else f"{weights['folder']} (no such folder)"
    return [*lines, "", "folders", f"  {weights['variable']}: {state if weights['folder'] else 'not set'}",
            f"  cache: {cache['folder']}, {cache['gib']} GiB", f"  free disk: {report['free_gib']} GiB"]


def _columns(words: list[str], width: int = 26, number: int = 3) -> list[str]:
    """The words in columns."""
    rows = [words[i : i + number] for i in range(0, len(words), number)]
    return ["  " + "".join(f"{word:<{width}}" for word in row).rstrip() for row in rows]
