"""Tasks by name: this project's own, MineDojo's where its files are at hand, and creative ones in free words."""

from __future__ import annotations

import difflib
from functools import cache
from importlib.resources import files as resources
from typing import Any

import yaml

from veclink.envs.errors import InputError, UnknownName
from veclink.envs.tasks import files
from veclink.envs.tasks.model import TaskSpec
from veclink.envs.tasks.templates import expanded, spec_of

CREATIVE = "creative:"
OPEN = "open-ended"
META = ("harvest", "combat", "techtree", "survival")  # MineDojo's task classes, to be filled in by the caller
MEAN_BY = {"harvest": "target_names, target_quantities", "combat": "target_names, target_quantities",
           "techtree": "tech_item", "survival": "target_days"}
LONGEST = 2_000  # characters of a creative task


def ids(category: str | None = None) -> list[str]:
    """Names of all tasks at hand, ours first; MineDojo's are there where its files are.

    Args:
        category: only those of one kind ("harvest", "combat", "techtree", "survival", "playthrough", "creative",
            "open-ended").
    """
    found = [(OPEN, OPEN), *((name, row["__cls__"]) for name, row in _ours().items())]
    theirs = files.read()
    if theirs is not None:
        found += [(name, row["category"]) for name, row in theirs["programmatic_tasks"].items()]
        found += [("playthrough", "playthrough"), *((name, "creative") for name in theirs["creative_tasks"])]
    kinds = {kind for _, kind in found}
    if category is not None and category not in kinds:
        raise UnknownName.of("kind of task", category, kinds | {*META, "creative"})
    return list(dict.fromkeys(name for name, kind in found if category in (None, kind)))


def spec(task_id: str | TaskSpec, **changes: Any) -> TaskSpec:
    """The task of that name.

    Args:
        task_id: a name of `ids()`, "creative:" and a wish in words (or the number of one of MineDojo's), or one of
            MineDojo's classes "harvest", "combat", "techtree", "survival" with its arguments.
        changes: fields of the task to be set otherwise; for a class, MineDojo's arguments too.

    Raises:
        UnknownName: no such task, with the nearest name.
        InputError: a field that cannot have its value.
    """
    if isinstance(task_id, TaskSpec):
        return task_id.changed(**changes) if changes else task_id
    if not isinstance(task_id, str):
        raise InputError("the name of a task", repr(task_id), "veclink envs tasks lists them")
    name = task_id if task_id.startswith(CREATIVE) else task_id.strip().lower()
    if changes and name in META:
        return _of_class(name, changes)
    found = _found(name)
    if found is None:
        raise _unknown(task_id)
    return found.changed(**changes) if changes else found


def is_task(name: str) -> bool:
    """Whether `spec(name)` finds a task."""
    return _found(name.strip().lower()) is not None


def is_ours(name: str) -> bool:
    """Whether a task is this project's own: it needs no files of MineDojo."""
    return name == OPEN or name in _ours()


@cache
def _ours() -> dict[str, dict[str, Any]]:
    return yaml.safe_load((resources("veclink.envs.tasks") / "ours.yaml").read_text("utf8"))


def _found(name: str) -> TaskSpec | None:
    if name == OPEN:
        return TaskSpec(OPEN, prompt="do as you like")
    if name in _ours():
        row = _ours()[name]
        return spec_of(name, row, row["prompt"], row.get("guidance", ""))
    if name.startswith(CREATIVE):
        return _creative(name)
    theirs = files.read()
    if theirs is None:
        return None
    words = theirs["programmatic_tasks"].get(name) or theirs["playthrough_task"].get(name)
    fields = _templates().get(name)
    return spec_of(name, fields, words["prompt"], words["guidance"]) if words and fields else None


def _templates() -> dict[str, dict[str, Any]]:
    found = files.place()
    return _filled_in(str(found), files.read() is not None)


@cache
def _filled_in(place: str, here: bool) -> dict[str, dict[str, Any]]:
    theirs = files.read()
    return expanded(theirs["tasks_specs"]) if theirs is not None else {}


def _creative(name: str) -> TaskSpec:
    text = name.removeprefix(CREATIVE).strip()
    if text.isdigit():
        theirs = files.read()
        if theirs is None:
            raise InputError("MineDojo's creative tasks, which have numbers", "no task files of MineDojo",
                             "veclink doctor --fetch minedojo (1.1 MB), or creative: and a wish in words")
        row = theirs["creative_tasks"].get(f"{CREATIVE}{int(text)}")
        if row is None:
            most = len(theirs["creative_tasks"]) - 1
            raise InputError(f"creative:0 to creative:{most}", name, "choose one of those")
        return TaskSpec(name, "creative", row["prompt"], row["guidance"] or "", collection=row["collection"] or "",
                        source=row["source"] or "")
    if not text or len(text) > LONGEST:
        raise InputError(f"creative: and 1 to {LONGEST} characters", f"{len(text)} characters", "say what is wanted")
    return TaskSpec(name, "creative", text)


def _of_class(kind: str, changes: dict[str, Any]) -> TaskSpec:
    """One of MineDojo's classes with its arguments, or with ours."""
    theirs = ("target_names", "target_quantities", "reward_weights", "tech", "tech_item", "target_days",
              "obtain_items_reward_weights", "use_items_reward_weights", "start_at_night", "always_night")
    fields = {key: changes[key] for key in theirs if key in changes}
    rest = {key: value for key, value in changes.items() if key not in theirs}
    if "targets" in rest and "target_names" not in fields and "tech_item" not in fields:
        targets = rest.pop("targets")
        fields |= {"target_names": list(targets), "target_quantities": dict(targets)}
        if kind == "techtree":
            raise InputError("tech_item or tech for a techtree task", "targets", "name one item to make and use")
    needed = {"techtree": {"tech", "tech_item"}, "survival": {"target_days"}}.get(kind, {"target_names"})
    if not needed & set(fields):
        raise InputError(f"{MEAN_BY[kind]} for the task class {kind!r}", "none", "give them, or name a task")
    made = spec_of(kind, {"__cls__": kind, **fields}, f"{kind} task")
    prompt = {"harvest": "obtain", "combat": "kill", "techtree": "make and use", "survival": "survive"}[kind]
    wanted = ", ".join(f"{n} {name.replace('_', ' ')}" for name, n in made.targets.items())
    rest.setdefault("prompt", f"{prompt} {wanted or f'{made.target_days} days'}")
    return made.changed(**rest)


def _unknown(task_id: str) -> UnknownName:
    """The error for a name that no task has; it names the nearest, or how to get MineDojo's."""
    name = task_id.strip().lower()
    if name in META:
        return UnknownName("a task", repr(task_id), f"give {MEAN_BY[name]} with the class {name!r}, or name a task")
    known = ids()
    near = difflib.get_close_matches(name, [each for each in known if not each.startswith(CREATIVE)], n=1, cutoff=0.5)
    hint = f"did you mean {near[0]!r}?" if near else "veclink envs tasks lists them"
    if files.read() is None:
        hint += " MineDojo's tasks come with: veclink doctor --fetch minedojo (1.1 MB)"
    return UnknownName(f"a task ({len(known):,} are known)", repr(task_id), hint)
