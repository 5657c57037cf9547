"""`veclink bench world`: small and short; that it measures and finds what it should, not how fast anything is."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from veclink.agent.cli import main
from veclink.agent.measure import audit as auditing
from veclink.agent.measure import world as measuring
from veclink.agent.measure.world_child import Child, ChildLost, actions
from veclink.envs.contract import ACTION_SIZES, Function, Slot
from veclink.envs.errors import InputError
from veclink.envs.facts import BLOCKS, ITEMS


def test_actions_are_of_the_action_space_and_mostly_one_tick() -> None:
    made = actions(3, 4000)
    assert made.shape == (4000, 8) and (made >= 0).all() and (made < np.array(ACTION_SIZES)).all()
    assert (made == actions(3, 4000)).all() and (made != actions(4, 4000)).any()
    assert 0.45 < made[:, Slot.MOVE].mean() < 0.55 and 0.28 < (made[:, Slot.FUNCTION] == Function.ATTACK).mean() < 0.36
    assert (np.isin(made[:, Slot.FUNCTION], [0, 1, 3])).mean() > 0.93
    wild = auditing.drawn(0, 2, 4000)
    assert (wild < np.array(ACTION_SIZES)).all() and set(wild[:, Slot.FUNCTION].tolist()) == set(range(8))


def test_a_child_keeps_to_its_core_and_tells_of_faults() -> None:
    core = sorted(os.sched_getaffinity(0))[-1:] if hasattr(os, "sched_getaffinity") else None
    small = {"image_size": (16, 16), "seed": 1}
    with Child(core) as child:
        assert child.do("stepper", "one", options={"pictures": False}, **small) == "ready"
        if core is not None:
            assert child.process.pid is not None and os.sched_getaffinity(child.process.pid) == set(core)
        run = child.run("one", steps=30)
        assert run["steps"] == 30 and 30 <= run["ticks"] <= 90 and run["seconds"] > 0 and run["cpu"] > 0
        assert child.run("one", seconds=0.05)["steps"] > 0
        with pytest.raises(InputError, match="did you mean 'start_time'"):
            child.do("stepper", "two", options={"start_tim": 3}, **small)
        with pytest.raises(ChildLost, match="KeyError"):
            child.run("two", steps=1)
        child.process.kill()
        with pytest.raises(ChildLost, match="exit code -9"):
            child.run("one", steps=1)
    assert not child.process.is_alive()


def figure(value: float, **more: float) -> dict[str, Any]:
    return {"value": value, "low": value, "high": value, "cases": 1, **more}


def test_floors_and_ceilings() -> None:
    bounded = measuring._bounded
    assert bounded("160x256", figure(151.0))["met"] and not bounded("160x256", figure(149.0))["met"]
    assert bounded("creation", figure(0.4))["met"] and not bounded("world", figure(201.0))["met"]
    assert "met" not in bounded("crafter_64x64", figure(1.0))
    runs = [{"steps": 100, "ticks": 150, "seconds": seconds, "cpu": 0.5} for seconds in (1.0, 2.0)]
    speed = measuring._speed("64x64", runs)
    assert speed["value"] == 75 and speed["per_cpu_second"] == 200 and speed["ticks_per_second"] == 112.5
    assert speed["floor"] == 600 and not speed["met"] and speed["steps"] == 200
    created = measuring._created([(0.2, 0.1), (0.4, 0.2)])
    assert created["value"] == pytest.approx(0.3) and created["cpu_seconds"] == pytest.approx(0.15)


def test_two_over_one_takes_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    class Fake:
        def __init__(self, cores: list[int]) -> None:
            self.cores = cores

        def do(self, job: str, **arguments: Any) -> None:
            asked.append((job, arguments["workers"], self.cores))

        def run(self, seconds: float) -> dict[str, float]:
            asked.append(len(self.cores))
            return {"steps": 90.0 if len(self.cores) == 2 else 50.0, "seconds": seconds, "cpu": 1.8 * len(self.cores)}

        def __enter__(self) -> Fake:
            return self

        def __exit__(self, *_: object) -> None: ...

    monkeypatch.setattr(measuring, "Child", Fake)
    found = measuring._two_over_one([4, 5, 6], 2, 1.0, 0, lambda *_: None)["two_over_one"]
    assert found["value"] == found["best"] == 1.8 and found["cases"] == 2 and found["met"]
    assert found["if_cores_were_free"] == 1.8
    assert asked == [("several", 1, [6]), ("several", 2, [5, 6]), 1, 2, 2, 1]
    assert measuring._two_over_one([4], 2, 1.0, 0, lambda *_: None) == {}


def test_the_whole_measurement_small(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["bench", "world", "--quick", "--rounds", "1", "--seconds", "0.1", "--json",
                                     "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document == json.loads((tmp_path / "world.json").read_text("utf8")) and document["quick"]
    speeds = document["steps_per_second"]
    assert {"160x256", "64x64", "without_pictures", "all_labels_160x256"} <= set(speeds)
    assert all(row["value"] > 0 and row["per_cpu_second"] > 0 and row["steps"] > 0 for row in speeds.values())
    assert speeds["without_pictures"]["floor"] == 5000 and document["creation_seconds"]["creation"]["ceiling"] == 0.5
    assert 0 < document["megabytes"]["world"]["value"] < document["megabytes"]["process_with_one_world"]["value"]
    assert ("crafter_64x64" in speeds) == document["crafter"]


def test_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    document = {"suite": "world", "quick": False, "rounds": 5, "seconds_a_round": 3.0, "seed": 0, "cores": 2,
                "pinned": True, "load": [1.5, 1.0, 1.0], "crafter": False,
                "steps_per_second": {"64x64": figure(700, floor=600, per_cpu_second=720.5)},
                "ratios": {"two_over_one": figure(1.2, floor=1.7)},
                "creation_seconds": {"creation": figure(0.3, ceiling=0.5, cpu_seconds=0.25)},
                "megabytes": {"world": figure(30, ceiling=200)}}
    monkeypatch.setattr(measuring, "measure", lambda *_: document)
    done = CliRunner().invoke(main, ["bench", "world"])
    assert done.exit_code == 0, done.output
    for words in ("64x64", "720.5", "at least 600: yes", "at least 1.7: no", "at most 0.5: yes",
                  "pip install crafter"):
        assert words in done.stdout


def test_the_audit_small() -> None:
    seen: list[tuple[str, int, int]] = []
    document = auditing.audit(1, 300, progress=lambda *row: seen.append(row))
    row = document["worlds"]["0"]
    assert row["steps"] == document["all_steps"] == 300 and row["ticks"] >= 300 and seen == [("seed 0", 300, 300)]
    assert document["passed"] == (not row["faults"]) and "exception" not in row["faults"]
    assert "not finite" not in row["faults"] and "in a block" not in row["faults"], row["examples"]


def test_an_audit_goes_on_as_if_it_had_never_stopped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auditing, "CHUNK", 40)
    auditing.audit(1, 60, tmp_path)
    assert (tmp_path / "audit-0.world").is_file()
    stopped = auditing.audit(1, 130, tmp_path)["worlds"]["0"]
    whole = auditing.audit(1, 130)["worlds"]["0"]
    assert {**stopped, "seconds": 0} == {**whole, "seconds": 0}
    again = auditing.audit(1, 130, tmp_path)["worlds"]["0"]
    assert again == stopped, "nothing is left to do"
    (tmp_path / "audit-0.json").write_text("{", "utf8")
    again_with = ["bench", "world", "--audit", "--seeds", "1", "--steps", "9", "--out", str(tmp_path)]
    done = CliRunner().invoke(main, again_with)
    assert done.exit_code == 2 and "remove the file" in done.stderr


class Broken:
    """Breaks a world in one way, some steps after its beginning."""

    def __init__(self, way: str) -> None:
        self.way = way

    def __call__(self, seed: auditing.Seed) -> None:
        world = seed.world
        step = world.step

        def broken(action: Any) -> Any:
            result = step(action)
            if world.steps == 60:
                if self.way == "exception":
                    raise RuntimeError("out of stone")
                if self.way == "items":
                    world.player.inventory.add(ITEMS.id("diamond"), 0, 3)
            if self.way == "not finite" and world.steps == 100:
                result[0]["location_stats"]["rainfall"] = np.full(1, np.nan, np.float32)
            return result

        world.step = broken


@pytest.mark.parametrize(("way", "words"), [("exception", "RuntimeError: out of stone"), ("items", "+3 diamond:0"),
                                            ("not finite", "location_stats/rainfall")])
def test_the_audit_finds_what_is_wrong(way: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    begin = auditing.Seed._begin

    def broken(self: auditing.Seed) -> None:
        begin(self)
        Broken(way)(self)

    monkeypatch.setattr(auditing.Seed, "_begin", broken)
    done = CliRunner().invoke(main, ["bench", "world", "--audit", "--seeds", "1", "--steps", "101", "--json"])
    assert done.exit_code == 1
    document = json.loads(done.stdout)
    assert not document["passed"] and document["faults"].get(way, 0) >= 1
    assert any(words in example for example in document["worlds"]["0"]["examples"])
    assert document["worlds"]["0"]["steps"] == (60 if way == "exception" else 101)


def test_a_body_in_a_block_is_found() -> None:
    seed = auditing.Seed(0, None)
    seed._begin()
    assert not seed._stuck()
    x, y, z = (int(np.floor(value)) for value in seed.world.player.pos)
    seed.world.grid.set(x, y, z, BLOCKS.id("stone"))
    assert seed._stuck() and "stone" in seed._where()
