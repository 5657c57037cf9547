"""MineDojo's task templates: `{name}` in an id or a field stands for each of a list of words."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from veclink.envs.errors import VeclinkError
from veclink.envs.tasks.model import Stack, TaskSpec

NAME = re.compile(r"\{(\w+)\}")
TIMES = {"evening": 13_000, "midnight": 18_000}
TRIPLES = ("initial_mob_spawn_range_low", "initial_mob_spawn_range_high", "spawn_range_low", "spawn_range_high")
PLAIN = ("target_days", "per_day_reward", "success_reward", "specified_biome", "start_position", "start_health",
         "start_food", "initial_weather", "allow_mob_spawn", "break_speed_multiplier", "use_voxel", "voxel_size",
         "use_lidar")  # fields that are the same here and there
NIGHT = {"harvest": "midnight", "combat": "evening", "playthrough": "evening"}  # what start_at_night means


@cache
def tables() -> dict[str, Any]:
    """MineDojo's lists: variables, technologies, spawned_for, spawns_where."""
    return json.loads((files("veclink.envs.tasks") / "minedojo.json").read_text("utf8"))


def expanded(specs: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """{task id: fields} of all templates, filled in. Prompts are left as they are: MineDojo keeps them elsewhere."""
    found: dict[str, dict[str, Any]] = {}
    for template, fields in specs.items():
        fields = {key: value for key, value in fields.items() if key != "prompt"}
        names = sorted({*NAME.findall(template), *_names_in(fields)})
        known = tables()["variables"]
        unknown = [name for name in names if name not in known]
        if unknown:
            raise VeclinkError(f"a known list for {{{unknown[0]}}} in the task {template}", "none", "use MineDojo 0.1")
        for values in itertools.product(*(known[name] for name in names)):
            words = dict(zip(names, values, strict=True))
            found[template.format(**words)] = _filled(fields, words)
    return found


def _names_in(value: Any) -> Iterator[str]:
    if isinstance(value, Mapping):
        for inner in value.values():
            yield from _names_in(inner)
    elif isinstance(value, str):
        yield from NAME.findall(value)


def _filled(value: Any, words: Mapping[str, Any]) -> Any:
    if isinstance(value, Mapping):
        return {key: _filled(inner, words) for key, inner in value.items()}
    return value.format(**words) if isinstance(value, str) else value


def spec_of(task_id: str, fields: Mapping[str, Any], prompt: str = "", guidance: str = "") -> TaskSpec:
    """A task from the fields of MineDojo's YAML (or ours, which has the same fields and `limit`)."""
    category = str(fields["__cls__"]).lower()
    made: dict[str, Any] = {key: fields[key] for key in PLAIN if key in fields}
    made |= {key: tuple(float(v) for v in fields[key]) for key in TRIPLES if key in fields}
    made |= _aims(category, fields)
    mobs = fields.get("initial_mobs") or ()
    made["initial_mobs"] = (mobs,) if isinstance(mobs, str) else tuple(mobs)
    stacks = fields.get("initial_inventory") or {}
    made["initial_inventory"] = tuple(Stack.of(slot, row) for slot, row in stacks.items())
    if fields.get("lidar_rays"):
        made["lidar_rays"] = tuple((float(p), float(y), float(d)) for p, y, d in fields["lidar_rays"])
    if fields.get("start_at_night", category == "combat"):  # MineDojo's combat begins in the evening unless told not to
        made["start_time"] = TIMES[NIGHT.get(category, "evening")]
    if fields.get("always_night"):
        made["start_time"], made["allow_time_passage"] = TIMES["midnight"], False
    if made.get("specified_biome") is not None:
        made["generate_world_type"] = "specified_biome"
    return TaskSpec(id=task_id, category=category, prompt=prompt, guidance=guidance, limit=fields.get("limit"), **made)


def _aims(category: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """Targets and what is paid for them."""
    if category == "techtree":
        items = [fields["tech_item"]] if "tech_item" in fields else tables()["technologies"][fields["tech"]]
        return {"targets": dict.fromkeys(items, 1),
                "reward_weights": _each(fields.get("obtain_items_reward_weights", 1.0), items),
                "use_reward_weights": _each(fields.get("use_items_reward_weights", 10.0), items)}
    if category == "playthrough":
        return {"targets": {"dragon_egg": 1}, "reward_weights": {"dragon_egg": 10.0}}
    if "target_names" not in fields:
        return {}
    names = fields["target_names"]
    names = [names] if isinstance(names, str) else list(names)
    quantities = fields.get("target_quantities", 1)
    quantities = _each(quantities, names) if not isinstance(quantities, list) else dict(
        zip(names, quantities, strict=True))
    return {"targets": {name: int(number) for name, number in quantities.items()},
            "reward_weights": _each(fields.get("reward_weights", 1.0), names)}


def _each(value: Any, names: list[str]) -> dict[str, float]:
    return dict(value) if isinstance(value, Mapping) else {name: float(value) for name in names}
