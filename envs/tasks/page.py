"""docs/tasks.md, made of the tables: how many tasks load, how many can be done, and why the others cannot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from veclink.envs.tasks.catalogue import ids
from veclink.envs.tasks.coverage import Row, absent_mobs, counts, items

HEAD = """# Tasks

<!-- Written by `veclink envs tasks --write docs/tasks.md`; do not edit. -->

A task says what is asked of the player, how the world begins, what is paid and when it is done:
`veclink.envs.make("harvest_milk", world="voxel")`. MineDojo's tasks are read from its own files: from an installed
`minedojo`, from the wheel or folder that the variable VECLINK_MINEDOJO names, or from the cache that
`veclink doctor --fetch minedojo` fills (1.1 MB; nothing of it is installed or run). This project's own tasks,
"open-ended" and "creative:" with a wish in words need nothing.

Whether a task can be done is decided from facts, not by playing: everything reachable from the blocks that the
generator puts down (seen in worlds of each biome) and the mobs that come there, by breaking, killing, crafting,
smelting, fishing, farming and the deeds listed in envs/tasks/ways.json, beginning with what the task gives.
`veclink envs tasks --ways` prints for every item how it can be had.
"""


def page(rows: Sequence[Row]) -> str:
    """The page for the rows of `coverage()`."""
    theirs, ours = ([row for row in rows if row.origin == origin] for origin in ("MineDojo", "veclink"))
    parts = [HEAD]
    if theirs:
        parts += ["## MineDojo's", table(theirs), _prompts(), _impossible(theirs)]
    parts += ["", "## This project's own", table(ours)]
    parts += [f"- `{row.id}`: {row.category}" + ("" if row.achievable else f"; {row.why}") for row in ours]
    had = items()
    lacking = {name: why for name, (here, why) in had.items() if not here}
    parts += ["", "## Items and mobs that the voxel world does not have",
              "",
              f"{len(had) - len(lacking)} of MineDojo's {len(had)} items can be had in the usual world (all biomes of "
              f"the overworld, and the Nether through a portal). The other {len(lacking)}:", "", _grouped(lacking),
              "", f"Mobs that come nowhere by themselves (tasks can put them down): {', '.join(absent_mobs())}."]
    return "\n".join(parts) + "\n"


def table(rows: Sequence[Row]) -> str:
    """Counts by category as a Markdown table."""
    lines = ["", "| kind | tasks | load | can be done |", "|---|---|---|---|"]
    lines += [f"| {kind} | {row['tasks']:,} | {row['load']:,} | {row['achievable']:,} |"
              for kind, row in counts(rows).items()]
    return "\n".join([*lines, ""])


def _prompts() -> str:
    number = len(ids("creative"))
    return (f"Besides, {number:,} creative tasks load as prompts (`creative:0` to `creative:{number - 1}`); nothing "
            "is paid for them and nobody judges them.\n")


def _impossible(rows: Sequence[Row]) -> str:
    missing = [row for row in rows if not row.achievable]
    lines = [f"### The {len(missing)} that cannot be done", ""]
    lines += [f"- `{row.id}`: {row.why}" for row in missing]
    return "\n".join([*lines, ""])


def _grouped(lacking: Mapping[str, str]) -> str:
    """One line a reason."""
    reasons: dict[str, list[str]] = {}
    for name, why in lacking.items():
        reasons.setdefault(why, []).append(name)
    return "\n".join(f"- {', '.join(names)}: {why}" for why, names in sorted(reasons.items()))
