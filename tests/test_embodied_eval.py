"""`veclink eval embodied`: cases, figures, resuming, the command."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from veclink.agent.cli import main
from veclink.agent.measure import embodied
from veclink.agent.measure.embodied import Case, cases_of, mean, measure, run_case, summed_up
from veclink.envs.errors import UnknownName

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
