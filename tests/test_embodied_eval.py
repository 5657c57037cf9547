"""`veclink eval embodied`: cases, figures, resuming, the command."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from test_vector import alive

from veclink.agent.cli import main
from veclink.agent.measure import embodied, embodied_cases
from veclink.agent.measure.embodied import mean, measure, run_case, summed_up
from veclink.agent.measure.embodied_cases import Case, cannot, cases_of, place_suffix
from veclink.agent.measure.embodied_items import measure_items
from veclink.agent.measure.embodied_memory import difference, measure_memory
from veclink.envs import registry
from veclink.envs.errors import InputError, UnknownName
from veclink.envs.voxel.world import VoxelWorld

LOG = ({"object": "log", "count": 1, "kind": "have", "before": "", "within": None},)


def row(seed: int, success: bool, **won: int) -> dict[str, Any]:
    return {"case": "diamond", "seed": seed, "success": success, "reason": "done" if success else "limit",
            "steps": max(won.values(), default=12_000), "deaths": seed % 2, "seconds": 10.0, "won": won,
            "failures": {"timeout": 1}, "planning_ms": {"mean": 2.0, "most": 9.0}, "protocol": {"llm_queries": 0}}


def test_cases() -> None:
    assert [case.seed for case in cases_of("diamond", 3, 5)] == [5, 6, 7]
    names = {case.name for case in cases_of("techtree", 1)}
    assert {"wooden_pickaxe", "iron_chestplate", "diamond_sword"} <= names
    assert len(cases_of("items", 1)) > 200
    with pytest.raises(UnknownName, match="diamond"):
        cases_of("diamonds", 1)


def test_a_larger_sample_holds_the_smaller_one() -> None:
    few, more = ({case.name for case in cases_of("items", 1, tasks=number)} for number in (10, 40))
    assert len(few) == 10 and len(more) == 40 and few < more
    worlds = [case.seed for case in cases_of("items", 1, tasks=40)]
    assert len(set(worlds)) > 30, "each goal has seeds of its own"
    twice = cases_of("items", 2, 7, tasks=3)
    assert [b.seed - a.seed for a, b in zip(twice[::2], twice[1::2], strict=True)] == [1, 1, 1]


def test_goals_by_their_names() -> None:
    assert [case.name for case in cases_of("items", 2, tasks=["carrot", "bow"])] == ["bow", "bow", "carrot", "carrot"]
    with pytest.raises(UnknownName, match="carrot"):
        cases_of("items", 1, tasks=["carot"])
    command = ["eval", "embodied", "--suite", "items", "--tasks"]
    assert "did you mean 'carrot'" in CliRunner().invoke(main, [*command, "bow, carot"]).output
    assert "1 or more" in CliRunner().invoke(main, [*command, "0"]).output


def test_a_sample_of_minedojo(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = minedojo(tmp_path)
    monkeypatch.setenv("VECLINK_MINEDOJO", str(folder))
    cases = {case.name: case for case in cases_of("minedojo", 1)}
    assert {case.category for case in cases.values()} == {"harvest", "combat", "survival", "techtree",
                                                             "playthrough"}
    assert cases["harvest_1_log"].goals[0]["object"] == "log" and not cases["harvest_1_log"].lacks
    assert cases["survive_2"].steps == 52_800
    assert "bedrock" in cases["harvest_1_bedrock"].lacks
    assert [case.name for case in cases_of("minedojo-techtree", 1)] == ["techtree_sword"]
    assert [case.name for case in cases_of("minedojo", 1, tasks=["combat_cow"])] == ["combat_cow"]
    small = cases_of("minedojo", 1, tasks=5)
    assert len({case.category for case in small}) == 5, "each category has one at least"
    monkeypatch.setattr("veclink.agent.measure.embodied_cases.MORE_THAN_DAYS", 0.001)  # a short survival
    document = measure("minedojo", 1, steps=20, processes=1, tasks=7)
    assert document["given"]["cases"] == 5 and document["given"]["floor"] == 0.7
    assert "bedrock" in document["not_given"]["harvest_1_bedrock"]
    assert document["by_category"]["harvest"]["asked"] == 2 and document["by_category"]["harvest"]["cases"] == 1
    long = run_case(cases["survive_100"], 20, "voxels", str(tmp_path))
    assert not long["success"] and "more than" in long["detail"], "what no episode can hold is not run"


def minedojo(folder: Path) -> Path:
    """MineDojo's task files with few and small tasks."""
    specs = {
        "harvest_1_log": {"__cls__": "harvest", "target_names": "log", "target_quantities": 1},
        "harvest_1_bedrock": {"__cls__": "harvest", "target_names": "bedrock", "target_quantities": 1},
        "combat_cow": {"__cls__": "combat", "target_names": "cow", "initial_mobs": "cow"},
        "techtree_sword": {"__cls__": "techtree", "tech_item": "wooden_sword"},
        "survive_2": {"__cls__": "survival", "target_days": 2},
        "survive_100": {"__cls__": "survival", "target_days": 100}, "playthrough": {"__cls__": "playthrough"},
    }
    words = {name: {"category": row["__cls__"], "prompt": name, "guidance": ""} for name, row in specs.items()}
    for name, content in (("tasks_specs", specs), ("programmatic_tasks", words), ("creative_tasks", {}),
                          ("playthrough_task", {"playthrough": words.pop("playthrough")})):
        (folder / f"{name}.yaml").write_text(json.dumps(content), "utf8")  # JSON is YAML
    return folder


def test_without_minedojos_files(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("veclink.envs.tasks.ids", lambda kind: [])
    with pytest.raises(InputError, match="fetch minedojo"):
        embodied_cases.cases_of("minedojo", 1)


def test_items_that_cannot_be_won_have_a_reason() -> None:
    reasons = cannot()
    assert "bedrock" in reasons["bedrock"] or "tool" in reasons["bedrock"]
    assert all(reasons.values()) and "diamond" not in reasons and "blaze_rod" in reasons


def test_one_success_is_enough_for_an_item(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("veclink.agent.measure.embodied_items.run_case", _lucky)
    document = measure_items(3, processes=1, tasks=2)
    assert [row["success"] for row in document["episodes_run"]] == [False, False, True, True]
    assert document["not_won"] == [] and document["goals_with_a_success"]["value"] == 1.0


def _lucky(case: Case, **_: Any) -> dict[str, Any]:
    first = next(each.seed for each in cases_of("items", 1, tasks=2) if each.name == case.name)
    return {**row(case.seed, case.seed > first), "case": case.name}


def test_what_is_won_on_the_way_is_not_asked_for_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def played(case: Case, **_: Any) -> dict[str, Any]:
        asked.append(case.name)
        won = {"diamond": 900, "torch": 80, "stick": 9} if case.name == "jukebox" else {"stick": 5, "bowl": 7}
        return {**row(case.seed, case.name == "bowl", **won), "case": case.name}

    monkeypatch.setattr("veclink.agent.measure.embodied_items.run_case", played)
    document = measure_items(1, processes=1, tasks=["stick", "bowl", "torch", "jukebox", "diamond"])
    assert asked == ["jukebox", "bowl"], "the dearest first; diamond, torch and stick are had by then"
    ways = {name: (way["case"], way["steps"]) for name, way in document["on_the_way"].items()}
    assert ways == {"diamond": ("jukebox", 900), "torch": ("jukebox", 80), "stick": ("bowl", 5)}
    assert document["not_won"] == ["jukebox"] and document["success"]["cases"] == 2
    assert document["goals_with_a_success"] == {**document["goals_with_a_success"], "value": 0.8, "cases": 5}


def test_finished_episodes_are_read_before_anything_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bowl = next(iter(cases_of("items", 1, tasks=["bowl"])))
    result = {**row(bowl.seed, True, jukebox=50, bowl=7), "success": True}
    folder = tmp_path / "episodes" / bowl.folder
    folder.mkdir(parents=True)
    (folder / "manifest.json").write_text(json.dumps({
        "goals": list(bowl.goals), "seed": bowl.seed, "steps": 100, "protocol": {"name": "voxels"}, "result": result}))
    monkeypatch.setattr("veclink.agent.embodied.episode.run_episode", lambda *_, **__: pytest.fail("run again"))
    document = measure_items(1, steps=100, processes=1, out=tmp_path, tasks=["bowl", "jukebox"])
    assert document["not_won"] == [] and list(document["on_the_way"]) == ["jukebox"]


def test_a_success_counts_under_a_larger_limit_too(tmp_path: Path) -> None:
    case = Case("log", "open-ended", LOG, 3)
    for name, success in (("won", True), ("lost", False)):
        document = {"goals": list(LOG), "seed": 3, "steps": 100, "protocol": {"name": "voxels"},
                    "result": {"success": success}}
        (tmp_path / name).write_text(json.dumps(document), "utf8")
    finished = {(name, steps): embodied._finished(tmp_path / name, case, steps, "voxels") is not None
                for name in ("won", "lost") for steps in (50, 100, 200)}
    assert [key for key, done in finished.items() if done] == [("won", 100), ("won", 200), ("lost", 100)]


def test_another_world_and_its_options(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="voxel"):
        measure("diamond", 1, place={"world": "voxels"})
    with pytest.raises(UnknownName, match="voxel"):
        measure_memory(1, place={"world": "voxels"})
    command = "eval embodied --episodes 1 --steps 20 --processes 1 --json --world voxel --set specified_biome=desert"
    result = CliRunner().invoke(main, [*command.split(), "--out", str(tmp_path)])
    document = json.loads(result.stdout)
    assert document["place"] == {"world": "voxel", "specified_biome": "desert"}
    (manifest,) = (json.loads(path.read_text("utf8")) for path in (tmp_path / "episodes").glob("*/manifest.json"))
    assert manifest["world"] == "voxel"


def test_no_world_takes_the_episodes_of_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = Case("log", "open-ended", LOG, 3)
    monkeypatch.setitem(registry._added, "the twin/2", VoxelWorld)
    places: list[dict[str, Any]] = [{}, {"start_time": 6000}, {"start_time": 9000}, {"world": "the twin/2"}]
    rows = [run_case(case, 20, "voxels", str(tmp_path), place=place) for place in places]
    folders = {path.parent.name: json.loads(path.read_text("utf8")) for path in tmp_path.glob("*/manifest.json")}
    assert len(folders) == len(places) and folders["log-3"]["world"] == "voxel"
    assert [name for name, told in folders.items() if told["world"] == "the twin/2"] == [
        f"log-3{place_suffix(places[3])}"]
    assert place_suffix(places[3]).startswith("-the-twin-2-")
    monkeypatch.setattr("veclink.agent.embodied.episode.run_episode", lambda *_, **__: pytest.fail("run again"))
    assert [run_case(case, 20, "voxels", str(tmp_path), place=place) for place in places] == rows
    same: tuple[dict[str, Any] | None, ...] = (None, {}, {"world": "voxel"})
    assert {place_suffix(place) for place in same} == {""}, "what was run before goes on"
    assert place_suffix({"warp": 2, "a": 1}) == place_suffix({"a": 1, "world": "voxel", "warp": 2})


def test_what_a_memory_changes() -> None:
    without = [row(0, True, diamond=4000), row(1, True, diamond=5000), row(2, False), row(3, True, diamond=900)]
    with_it = [row(0, True, diamond=3000), row(1, True, diamond=5500), row(2, True, diamond=800), row(3, False)]
    change = difference(without, with_it)
    assert change["steps"]["value"] == -250 and change["steps"]["cases"] == 2
    assert change["only_with"] == change["only_without"] == 1


def test_the_memory_suite(tmp_path: Path) -> None:
    document = measure_memory(1, steps=150, processes=1, tasks=1, out=tmp_path)
    assert document["taught_by"] == 1 and set(document["rounds"]) == {"without", "with"}
    assert document["rounds"]["with"]["success"]["cases"] == 1
    assert (tmp_path / "memory.sqlite").is_file() and len(list(tmp_path.glob("*/*/manifest.json"))) == 3


def test_figures() -> None:
    rows = [row(0, True, log=100, cobblestone=500, iron_pickaxe=2000, diamond=4000), row(1, False, log=200),
            row(2, True, planks=90, cobblestone=600, iron_pickaxe=2500, diamond=5000, iron_boots=4500)]
    document = summed_up("diamond", rows, episodes=3, steps=12_000, protocol="voxels")
    assert document["success"]["value"] == 0.6667 and document["success"]["cases"] == 3
    assert document["success"]["low"] < 0.6667 < document["success"]["high"]
    parts = document["milestones"]
    assert parts["log"]["value"] == 1.0 and parts["diamond"]["floor"] == 0.80 and parts["cobblestone"]["floor"] == 0.99
    assert parts["iron_armour"]["value"] == 0.3333 and parts["diamond"]["steps"]["value"] == 4500
    assert document["failures"] == {"timeout": 3} and document["deaths"]["value"] == 0.333
    assert mean([])["value"] is None and mean([2.0, 2.0]) == {"value": 2.0, "low": 2.0, "high": 2.0, "cases": 2}


def test_an_episode_that_is_finished_is_not_run_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = Case("log", "open-ended", LOG, 1)
    first = run_case(case, 400, "voxels", str(tmp_path))
    assert first["success"] and first["won"]["log"] <= first["steps"]
    monkeypatch.setattr("veclink.agent.embodied.episode.run_episode", lambda *_, **__: pytest.fail("run again"))
    assert run_case(case, 400, "voxels", str(tmp_path)) == first
    unknown = run_case(Case("nothing", "open-ended", (), 1), 400, "voxels", str(tmp_path))
    assert not unknown["success"] and unknown["detail"]


def test_several_processes_and_one_give_the_same(tmp_path: Path) -> None:
    alone = measure("diamond", 2, steps=60, first_seed=1, processes=1)
    both = measure("diamond", 2, steps=60, first_seed=1, processes=2, out=tmp_path)
    for document in (alone, both):
        assert document["success"]["cases"] == 2 and document["seeds"] == [1, 2]
    same = ("case", "seed", "success", "reason", "steps", "deaths", "won")
    assert [[r[key] for key in same] for r in alone["episodes_run"]] == [
        [r[key] for key in same] for r in both["episodes_run"]]


def test_a_process_that_dies_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embodied, "MOST_BREAKS", 1)
    told: list[str] = []
    rows = embodied.run_all([Case("diamond", "", LOG, 1)], _dies, 2, lambda done, of, part: told.append(part))
    assert rows[0]["detail"] == "its process died" and told == []


def _dies(case: Case) -> dict[str, Any]:
    import os

    os._exit(9)


PARENT = """
import os, time
from veclink.agent.measure.embodied import run_all
from veclink.agent.measure.embodied_cases import Case

def stays(case):
    print(os.getpid(), flush=True)
    time.sleep(60)

if __name__ == "__main__":
    run_all([Case("diamond", "", (), seed) for seed in (1, 2)], stays, 2, lambda *told: None)
"""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
def test_a_killed_evaluation_leaves_no_orphans(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(PARENT, "utf8")
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pids = [int(parent.stdout.readline()) for _ in range(2)]
        parent.send_signal(signal.SIGTERM)
    until = time.monotonic() + 20
    while any(alive(pid) for pid in pids) and time.monotonic() < until:
        time.sleep(0.05)
    assert not any(alive(pid) for pid in pids)


def test_the_command(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["eval", "embodied", "--episodes", "1", "--steps", "30", "--processes", "1",
                                     "--out", str(tmp_path), "--json"], catch_exceptions=False)
    document = json.loads(done.stdout)
    assert document["suite"] == "embodied diamond" and document["protocol"] == "voxels" and document["steps"] == 30
    assert document["success"]["cases"] == 1 and document["milestones"]["diamond"]["value"] == 0.0
    assert (tmp_path / "embodied-diamond-voxels.png").stat().st_size > 5000
    shown = CliRunner().invoke(main, ["eval", "embodied", "--episodes", "1", "--steps", "30", "--processes", "1",
                                      "--out", str(tmp_path)], catch_exceptions=False)
    assert "goal reached" in shown.output and "LLM queries" in shown.output
