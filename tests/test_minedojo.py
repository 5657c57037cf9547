"""The adapter against a stand-in for the package: arguments, contract, missing parts, children that end."""

from __future__ import annotations

import subprocess
import sys
import time
import types
from typing import Any

import numpy as np
import pytest

from veclink.envs import minedojo as adapter
from veclink.envs.contract import ActionError, noop
from veclink.envs.errors import MissingExtra
from veclink.envs.tasks import spec


class Game:
    """What `minedojo.make` gives, as far as the adapter uses it: gym's old API and a process of its own."""

    def __init__(self) -> None:
        self.child: Any = None
        self.is_successful, self.prev_info = False, {"inventory": [], "stat": {}, "life": 20}
        self.steps, self.closed = 0, False

    @property
    def unwrapped(self) -> Game:
        return self

    def seen(self) -> dict[str, Any]:
        return {"rgb": np.zeros((3, 32, 48), np.uint8), "life_stats": {"life": np.array([20.0], np.float32)},
                "nearby_tools": {"table": False}}

    def reset(self) -> dict[str, Any]:
        if self.child is None:  # it starts another one in a group of its own, as the game's launcher does
            code = "import subprocess, time; p = subprocess.Popen(['sleep', '60']); time.sleep(60)"
            self.child = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
            time.sleep(0.3)
        return self.seen()

    def step(self, action: np.ndarray) -> tuple[dict[str, Any], int, bool, dict[str, Any]]:
        assert action.shape == (8,)
        self.steps += 1
        self.is_successful = self.steps == 3
        return self.seen(), 1, self.is_successful, dict(self.prev_info)

    def close(self) -> None:
        self.closed = True


@pytest.fixture
def package(monkeypatch: pytest.MonkeyPatch) -> Any:
    fake, sim, tasks = (types.ModuleType(name) for name in ("minedojo", "minedojo.sim", "minedojo.tasks"))
    calls: list[tuple[str, dict[str, Any]]] = []

    def make(task_id: str, **given: Any) -> Game:
        if given.get("seed") == 13:
            raise AssertionError("unlucky")
        calls.append((task_id, given))
        return Game()

    fake.make, fake.calls = make, calls  # type: ignore[attr-defined]
    sim.InventoryItem = lambda **fields: fields  # type: ignore[attr-defined]
    tasks.ALL_TASK_IDS = ["harvest_milk", "creative:3"]  # type: ignore[attr-defined]
    for module in (fake, sim, tasks):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return fake


def test_an_episode_goes_through_and_children_end(package: Any) -> None:
    world = adapter.MineDojoWorld(spec("get-milk"), (32, 48), 5, check=False)
    seen, info = world.reset()
    assert seen["rgb"].shape == (3, 32, 48) and seen["nearby_tools"]["table"].dtype == bool
    assert info["is_alive"] and info["stat"]["kill_entity"] == {}
    child = world._game.child
    below = adapter.descendants()
    assert len(world._family.found) == 2, "the launcher and what it started"
    ends = [world.step(noop())[1:4] for _ in range(3)]
    assert ends == [(1.0, False, False), (1.0, False, False), (1.0, True, False)] and world.is_successful
    with pytest.raises(ActionError):
        world.step([0] * 7)
    world.close()
    world.close()
    assert world._game.closed and child.wait(5) != 0
    time.sleep(0.1)
    assert not set(below) & set(world._family.found) and not any(
        pid in adapter.descendants() for pid in below if pid == child.pid)


def test_arguments_are_minedojos_own(package: Any) -> None:
    adapter.MineDojoWorld(spec("get-milk"), 64, 5)
    task_id, given = package.calls[-1]
    assert task_id == "harvest" and given["image_size"] == (64, 64) and given["world_seed"] == "5"
    assert given["target_names"] == ["milk_bucket"] and given["initial_mobs"] == ["cow"]
    assert given["initial_inventory"] == [{"slot": 0, "name": "bucket", "variant": 0, "quantity": 1}]
    adapter.MineDojoWorld(spec("kill-zombie"), 64, 5)
    assert package.calls[-1][1]["always_night"] and not package.calls[-1][1]["allow_mob_spawn"]
    adapter.MineDojoWorld(spec("make-iron-pickaxe"), 64, 5)
    assert package.calls[-1][0] == "techtree" and package.calls[-1][1]["tech_item"] == "iron_pickaxe"
    adapter.MineDojoWorld(spec("creative:build a house"), 64, 5)
    assert package.calls[-1][0] == "open-ended"
    with pytest.raises(adapter.MineDojoError, match="unlucky"):
        adapter.MineDojoWorld(spec("survive"), 64, 13)


def test_what_is_missing_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "minedojo"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "path", [str(tmp_path)])
    with pytest.raises(MissingExtra, match=r"veclink\[minedojo\]"):
        adapter.MineDojoWorld(spec("survive"))
    (tmp_path / "minedojo.py").write_text("import gym_that_is_not_here\n")
    with pytest.raises(MissingExtra, match="gym_that_is_not_here"):
        adapter.load()
    (tmp_path / "minedojo.py").write_text("raise RuntimeError('numpy')\n")
    with pytest.raises(adapter.MineDojoError, match="numpy"):
        adapter.load()


def test_java_is_looked_for(monkeypatch: pytest.MonkeyPatch, tmp_path: Any, package: Any) -> None:
    program = tmp_path / "bin" / "java"
    program.parent.mkdir()
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    monkeypatch.delenv("DISPLAY", raising=False)
    monkeypatch.delenv("MINEDOJO_HEADLESS", raising=False)
    assert adapter.java_version() == ""
    with pytest.raises(adapter.MineDojoError, match="no Java"):
        adapter.MineDojoWorld(spec("survive")).reset()
    for line, major in (('openjdk version "17.0.15" 2025-04-15', "17"), ('java version "1.8.0_402"', "8")):
        program.write_text(f"#!/bin/sh\necho '{line}' >&2\n")
        program.chmod(0o755)
        assert adapter.java_version() == major
    with pytest.raises(adapter.MineDojoError, match="MINEDOJO_HEADLESS"):
        adapter.check_java()
    monkeypatch.setenv("MINEDOJO_HEADLESS", "1")
    adapter.check_java()
