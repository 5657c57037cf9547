"""Many worlds at once: right rows, episodes that follow each other, workers that die, no orphans."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fake_world import Make

from veclink.envs.contract import ActionError, noop
from veclink.envs.errors import InputError
from veclink.envs.shared import Layout, Writer, flat, nested
from veclink.envs.vector import VectorWorld, WorkersLost

N = 5


@pytest.fixture(scope="module")
def worlds() -> Iterator[VectorWorld]:
    made = VectorWorld(N, seed=7, workers=2, factory=Make(length=4), info_keys=("pid",), timeout=5)
    yield made
    made.close()


def idle(n: int = N) -> np.ndarray:
    return np.tile(noop(), (n, 1))


def test_rows_belong_to_their_worlds_and_episodes_follow(worlds: VectorWorld) -> None:
    seen, infos = worlds.reset(seed=7)
    assert seen["rgb"].shape == (N, 3, 16, 16) and seen["rgb"].dtype == np.uint8
    assert seen["location_stats"]["pos"][:, 0].tolist() == [7, 8, 9, 10, 11]
    assert len(set(infos["pid"])) == 2, "two processes, several worlds in each"
    actions = idle()
    actions[2, 5] = 3  # attack: a log for world 2 only
    for step in range(1, 5):
        seen, _, over, cut, infos = worlds.step(actions)
        assert (seen["rgb"][:, 0, 0, 0] == step).all()
        assert seen["inventory"]["quantity"][:, 0].tolist() == [0, 0, step, 0, 0]
        assert seen["inventory"]["name"][2, 0] == "log" and seen["inventory"]["name"][1, 0] == "air"
        assert cut.all() == (step == 4) and not over.any() and not infos["restarted"].any()
    seen, rewards, over, cut, infos = worlds.step(actions)  # the next episode's first observation
    assert infos["reset"].all() and not (over | cut).any() and not rewards.any()
    assert (seen["rgb"][:, 0, 0, 0] == 0).all() and seen["inventory"]["name"][2, 0] == "air"
    assert (seen["location_stats"]["pos"][:, 0] == np.arange(N) + 1007).all(), "not the first episode again"


def test_a_dead_worker_is_replaced_and_told_of(worlds: VectorWorld) -> None:
    worlds.reset(seed=7)
    before = worlds.pids
    actions = idle()
    actions[0, 5], actions[0, 7] = 1, 13  # world 0 takes its process with it
    seen, rewards, over, cut, infos = worlds.step(actions)
    hit = infos["restarted"]
    assert hit.any() and not hit.all() and (cut == hit).all() and not over.any() and not rewards.any()
    assert infos["reset"].tolist() == hit.tolist() and (seen["rgb"][hit, 0, 0, 0] == 0).all()
    assert (seen["rgb"][~hit, 0, 0, 0] == 1).all(), "the others went on"
    assert worlds.pids[0] != before[0] and worlds.pids[1] == before[1]
    seen, *_, infos = worlds.step(idle())
    assert not infos["restarted"].any() and (seen["rgb"][hit, 0, 0, 0] == 1).all()


def test_a_killed_worker_is_replaced(worlds: VectorWorld) -> None:
    worlds.reset(seed=7)
    pid = worlds.pids[1]
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    _, _, _, cut, infos = worlds.step(idle())
    assert infos["restarted"].tolist() == cut.tolist() and cut.any() and not cut.all()


def test_an_exception_costs_one_world_its_episode(worlds: VectorWorld) -> None:
    worlds.reset(seed=7)
    pids = worlds.pids
    actions = idle()
    actions[3, 5], actions[3, 7] = 1, 14
    _, _, _, cut, infos = worlds.step(actions)
    assert cut.tolist() == [i == 3 for i in range(N)] and infos["reset"].tolist() == cut.tolist()
    assert "broken" in infos["error"][3] and not infos["error"][0] and worlds.pids == pids


def test_bad_actions_and_numbers(worlds: VectorWorld) -> None:
    worlds.reset(seed=7)
    with pytest.raises(ActionError, match="world 1"):
        worlds.step(idle() + np.eye(N, 8, k=-1, dtype=np.int64)[:, [1, 0, 2, 3, 4, 5, 6, 7]] * 99)
    with pytest.raises(ActionError):
        worlds.step(idle(N - 1))
    with pytest.raises(InputError):
        VectorWorld(0)


def test_waiting_for_none() -> None:
    with VectorWorld(2, seed=0, workers=2, factory=Make(length=2, slow_reset=1.0), wait=False) as worlds:
        worlds.reset()
        worlds.step(idle(2))
        assert worlds.step(idle(2))[3].all()
        began = time.perf_counter()
        seen, rewards, over, cut, infos = worlds.step(idle(2))
        assert time.perf_counter() - began < 0.5, "nobody waits for a reset"
        assert infos["waiting"].all() and not (over | cut | infos["reset"]).any() and not rewards.any()
        assert (seen["rgb"][:, 0, 0, 0] == 2).all(), "as before"
        time.sleep(1.2)
        assert worlds.step(idle(2))[4]["reset"].all()


class Broken:
    """A factory that works here and in no worker."""

    def __init__(self) -> None:
        self.home = os.getpid()

    def __call__(self, number: int, seed: int) -> object:
        if os.getpid() != self.home:
            raise ValueError("no such block")
        return Make()(number, seed)


def test_a_world_that_cannot_be_made_says_why() -> None:
    with pytest.raises(WorkersLost, match="no such block"):
        VectorWorld(1, seed=0, factory=Broken())  # type: ignore[arg-type]


ORPHANS = """
import sys, time
sys.path.insert(0, {tests!r})
from fake_world import Make
from veclink.envs.vector import VectorWorld
if __name__ == "__main__":
    worlds = VectorWorld(2, seed=0, workers=2, factory=Make())
    print(*worlds.pids, flush=True)
    time.sleep(60)
"""


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] not in "ZX"
    except OSError:
        return False


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="looks for processes in /proc")
def test_a_killed_parent_leaves_no_orphans(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    script.write_text(ORPHANS.format(tests=str(Path(__file__).parent)), "utf8")
    with subprocess.Popen([sys.executable, str(script)], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pids = [int(word) for word in parent.stdout.readline().split()]
        assert len(pids) == 2 and all(alive(pid) for pid in pids)
        parent.send_signal(signal.SIGKILL)
    until = time.monotonic() + 5
    while any(alive(pid) for pid in pids) and time.monotonic() < until:
        time.sleep(0.02)
    assert not any(alive(pid) for pid in pids)


def test_layout_gives_back_what_was_written() -> None:
    tree = {"a": np.arange(3, dtype=np.float32), "b": {"c": np.array(True), "d": np.array(["air", "stone brick"])}}
    assert nested(dict(flat(tree))) == tree
    layout = Layout(2, tree, {"reward": ((), np.dtype(np.float64))})
    views = layout.views(bytearray(layout.size))
    Writer(layout, views, 1).write(tree)
    assert views["a"].tolist() == [[0, 0, 0], [0, 1, 2]] and views["b/d"][1].tolist() == ["air", "stone brick"]
    assert not views["b/c"][0] and views["b/c"][1]
    with pytest.raises(ValueError, match="keys"):
        Writer(layout, views, 0).write({"a": tree["a"]})
    with pytest.raises(ValueError, match="letters"):
        Writer(layout, views, 0).write({"a": tree["a"], "b": {"c": tree["b"]["c"], "d": np.array(["x", "y" * 41])}})
