"""Memory: what is kept comes back, merged, by likeness, after a restart and after a kill."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from veclink.agent.embodied.actions import Action, Failure, State
from veclink.agent.embodied.goals import Goal
from veclink.agent.embodied.memory import ENOUGH, Memory, alike, common
from veclink.agent.embodied.planner import Planner
from veclink.agent.embodied.recall import Advice, recalled
from veclink.agent.embodied.tree import decompose
from veclink.envs.errors import InputError

HERE: dict[str, Any] = {"world": "voxel", "protocol": "voxels"}


def plan(*blocks: str) -> list[Action]:
    return [Action("mine", {"block": block, "item": "dirt", "count": 1}, {"gain": {"dirt": 1}}) for block in blocks]


def test_remembered_after_a_restart(tmp_path) -> None:
    path = tmp_path / "deep" / "memory.sqlite"
    whole = Planner(Goal("stone_pickaxe")).next(State())
    with Memory(path) as memory:
        memory.remember("stone_pickaxe", whole, success=True, cost=900, conditions={"biome": "plains"}, seed=3, **HERE)
        memory.remember("stone_pickaxe", whole, success=False, cost=4000, **HERE)
    with Memory(path) as memory:
        (found,) = memory.recall("stone_pickaxe", conditions={"biome": "plains"}, **HERE)
        assert list(found.plan) == whole and (found.cost, found.failures, found.likeness) == (900.0, 1, 1.0)
        assert memory.recall("stone_pickaxe", world="voxel", protocol="pixels") == []
        assert memory.summary()[0] == {
            "kind": "have", "object": "stone_pickaxe", **HERE, "successes": 1, "failures": 1, "cost": 900.0,
        }  # fmt: skip
    memory.close()


def test_merged_after_several_successes() -> None:
    with Memory(":memory:") as memory:
        for i, blocks in enumerate((("dirt", "sand", "log"), ("sand", "clay", "log"), ("dirt", "sand", "web", "log"))):
            conditions = {"biome": "plains", "time": i}
            memory.remember("chest", plan(*blocks), success=True, cost=100.0 + i, conditions=conditions, **HERE)
            assert any(each.merged for each in memory.recall("chest", **HERE)) == (i + 1 >= ENOUGH)
        best = memory.recall("chest", conditions={"biome": "plains"}, **HERE)[0]
        assert best.merged and best.successes == 3 and best.cost == 101.0
        assert [action.args["block"] for action in best.plan] == ["sand", "log"]
        assert best.conditions == {"biome": "plains"}


def test_like_goals_come_after_the_same() -> None:
    with Memory(":memory:") as memory:
        for name in ("iron_pickaxe", "iron_sword", "cooked_beef"):
            memory.remember(name, plan("dirt"), success=True, cost=10, **HERE)
        assert [each.object for each in memory.recall("iron_pickaxe", **HERE)] == ["iron_pickaxe"]
        memory.remember("stone_pickaxe", plan("sand"), success=True, cost=10, conditions={"biome": "desert"}, **HERE)
        memory.remember("dye:4", plan("sand"), success=True, cost=10, **HERE)
        assert memory.recall("dye:3", **HERE)[0].object == "dye:4"
    assert (
        alike("log", "log")
        == 1
        > alike("planks:1", "planks")
        > alike("iron_axe", "iron_hoe")
        > alike("log", "web")
        == 0
    )


def test_costs_teach_the_tree() -> None:
    with Memory(":memory:") as memory:
        usual = decompose(Goal("wool")).roots[0].way
        assert usual is not None
        memory.learn(usual.key, 50_000, 2, **HERE)
        assert memory.costs(**HERE) == {}  # too little to go by
        memory.learn(usual.key, 10_000, 1, **HERE)
        assert memory.costs(**HERE) == {usual.key: 20_000.0}
        other = decompose(Goal("wool"), learnt=memory.costs(**HERE)).roots[0].way
        assert other is not None and other.key != usual.key


def test_bad_rows_and_files(tmp_path) -> None:
    path = tmp_path / "memory.sqlite"
    with Memory(path) as memory:
        memory.remember("log", plan("log"), success=True, cost=5, **HERE)
        memory.base.execute("UPDATE experience SET plan = ?", ('[{"name": "format_disk", "args": {}}]',))
        assert memory.recall("log", **HERE) == []
        with pytest.raises(InputError):
            memory.remember("log", plan("log") * 500, success=True, cost=5, **HERE)
        with pytest.raises(InputError):
            memory.learn("x", -1, **HERE)
        memory.base.execute("PRAGMA user_version = 9")
    with pytest.raises(InputError, match="version"):
        Memory(path)
    (tmp_path / "text").write_text("no database " * 500)
    with pytest.raises(InputError, match="memory file"):
        Memory(tmp_path / "text")


WRITER = """
import sys
from veclink.agent.embodied.actions import Action
from veclink.agent.embodied.memory import Memory
memory = Memory(sys.argv[1])
print("ready", flush=True)
for i in range(10**6):
    memory.remember("log", [Action("sleep")] * 50, world="w", protocol="voxels", success=True, cost=i)
"""


def test_survives_a_kill_in_the_middle_of_a_write(tmp_path) -> None:
    path = tmp_path / "memory.sqlite"
    process = subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, env=dict(os.environ))
    assert process.stdout is not None and process.stdout.readline() == b"ready\n"
    while not _rows(path):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait(10)
    with Memory(path) as memory:
        assert memory.base.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        rows, successes = _rows(path), memory.summary()[0]["successes"]
        assert rows == successes > 0
        memory.remember("log", [Action("sleep")], world="w", protocol="voxels", success=True, cost=1)
        assert _rows(path) == rows + 1
    process.stdout.close()


def _rows(path: Path) -> int:
    try:
        with sqlite3.connect(path, timeout=5) as base:
            return int(base.execute("SELECT COUNT(*) FROM experience").fetchone()[0])
    except sqlite3.OperationalError:  # not made yet
        return 0


def test_common_keeps_the_order_and_the_larger_count() -> None:
    few, many = ({"name": "mine", "args": {"block": "log", "item": "log", "count": n}} for n in (2, 5))
    sleep = {"name": "sleep", "args": {}}
    assert common([few, sleep], [sleep, many, sleep]) == [many, sleep]
    assert common([], [sleep]) == []


def won_at(y: int, cost: float, memory: Memory) -> None:
    way = "mine:gold_ore@pickaxe>gold_ore"
    args = {"block": "gold_ore", "item": "gold_ore", "count": 3}
    done = [Action("dig_down", {"y": y}, {"y": y}, way), Action("mine", args, {"gain": {"gold_ore": 3}}, way)]
    memory.remember("gold_ore", done, success=True, cost=cost, count=3, **HERE)


def test_a_recalled_plan_is_followed_until_it_fails() -> None:
    state = State(inventory={"iron_pickaxe": 1}, wear={"iron_pickaxe": [250]}, position=(0.0, 66.0, 0.0))
    with Memory(":memory:") as memory:
        assert recalled(memory, **HERE) == {}
        won_at(9, 500.0, memory)
        plans = recalled(memory, **HERE)
        planner = Planner(Goal("gold_ore", 2), recalled=plans)
        assert [a.args for a in planner.next(state) if a.name == "dig_down"] == [{"y": 9}]
        assert list(planner.advice.taken) == ["mine:gold_ore@pickaxe>gold_ore"]
        assert Planner(Goal("gold_ore", 2)).next(state)[0].args["y"] != 9
        failed = [Failure("explore", "not near", "mine:gold_ore@pickaxe>gold_ore", "gold_ore")]
        assert all(a.args["y"] != 9 for a in planner.next(state, failed) if a.name == "dig_down")
        for y, cost in ((14, 300.0), (22, 900.0)):
            won_at(y, cost, memory)
        (dug, _) = recalled(memory, **HERE)["mine:gold_ore@pickaxe>gold_ore"]
        assert dug["args"]["y"] == 14, "several successes are merged at the middle of their heights"


def test_a_plan_serves_any_variant_of_its_item() -> None:
    plan = [{"name": "dig_down", "args": {"y": 40}, "way": "mine:stone@pickaxe>stone:1"}]
    advice = Advice({"mine:stone@pickaxe>stone:1": plan})
    assert advice.number("mine:stone@pickaxe>stone:3", ("dig_down",), "y") == 40
    assert advice.number("mine:dirt>dirt", ("dig_down",), "y") is None and sum(advice.taken.values()) == 1
