"""Episodes of the embodied agent in the built-in world: goals reached, failures named, kills survived."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from veclink.agent.embodied.actions import REASONS, Action, State
from veclink.agent.embodied.body import Body, EpisodeOver, SkillFailed
from veclink.agent.embodied.caution import danger
from veclink.agent.embodied.episode import Episode, EpisodeResult, make_world, run_episode
from veclink.agent.embodied.guard import Alarm, Guard
from veclink.agent.embodied.keep import POINTS, Folder
from veclink.agent.embodied.loop import game, pressing
from veclink.agent.embodied.memory import Memory
from veclink.agent.embodied.player import Player
from veclink.agent.embodied.sense import REASON_OF, failure_of, state_of, threats
from veclink.agent.embodied.skills import fight
from veclink.agent.embodied.watch import LiveView
from veclink.envs.errors import InputError, UnknownName

SEED, GOAL = 1, "four planks"
SKILLS = Path(__file__).resolve().parents[1] / "agent" / "embodied"
KILLED = """
import os, signal, sys
from veclink.agent.embodied.episode import make_world, run_episode
def kill(episode):
    if episode.body.items["planks"]:
        os.kill(os.getpid(), signal.SIGKILL)
run_episode(make_world(seed=1), "four planks", seed=1, steps=1500, run_dir=sys.argv[1], keep_every=5, on_step=kill)
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> EpisodeResult:
    """One episode from beginning to end."""
    return run_episode(make_world(seed=SEED), GOAL, seed=SEED, steps=1500,
                       run_dir=tmp_path_factory.mktemp("whole") / "run", keep_every=5)


def test_a_goal_in_words_is_reached(whole: EpisodeResult) -> None:
    assert whole.success and whole.reason == "done" and whole.inventory["planks"] >= 4
    assert 0 < whole.won["log"] < whole.won["planks"] <= whole.steps < 1500
    assert whole.planning_ms["most"] < 500 and whole.replans >= 1


def test_the_folder_tells_what_happened(whole: EpisodeResult) -> None:
    folder = Path(whole.folder)
    rows = [json.loads(line) for line in (folder / "steps.jsonl").read_text().splitlines()]
    assert [row["number"] for row in rows] == list(range(1, whole.actions + 1))
    assert rows[-1]["step"] == whole.steps and sum(row["ticks"] for row in rows) == whole.steps
    manifest = json.loads((folder / "manifest.json").read_text())
    assert manifest["result"]["success"] and manifest["seed"] == SEED
    protocol = manifest["result"]["protocol"]
    assert protocol["name"] == "voxels" and protocol["step_limit"] == 1500
    assert protocol["seeds"] == [SEED] and protocol["llm_queries"] == 0 and "10 blocks" in protocol["reads"]
    assert (folder / "timeline.png").read_bytes()[:4] == b"\x89PNG"


def test_a_killed_episode_ends_the_same_way(whole: EpisodeResult, tmp_path: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    killed = subprocess.run([sys.executable, "-c", KILLED, str(tmp_path / "run")], env=environment, timeout=120,
                            capture_output=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr.decode()[-500:]
    assert (tmp_path / "run" / POINTS).is_file()
    assert json.loads((tmp_path / "run" / "manifest.json").read_text())["result"] is None
    again = run_episode(make_world(seed=SEED), GOAL, seed=SEED, steps=1500, run_dir=tmp_path / "run", keep_every=5,
                        resume=True)
    assert (again.steps, again.actions, again.won, again.inventory) == (
        whole.steps, whole.actions, whole.won, whole.inventory)
    lines = [(tmp_path / "run" / "steps.jsonl").read_text(), (Path(whole.folder) / "steps.jsonl").read_text()]
    assert lines[0] == lines[1]


def test_resuming_something_else_is_refused(whole: EpisodeResult) -> None:
    with pytest.raises(InputError, match="same ones"):
        run_episode(make_world(seed=SEED), "a torch", seed=SEED, steps=1500, run_dir=whole.folder, resume=True)


def test_more_steps_go_on_where_fewer_ended(whole: EpisodeResult, tmp_path: Path) -> None:
    short = run_episode(make_world(seed=SEED), GOAL, seed=SEED, steps=whole.steps // 2, run_dir=tmp_path, keep_every=2)
    assert not short.success and short.reason == "limit"
    longer = run_episode(make_world(seed=SEED), GOAL, seed=SEED, steps=1500, run_dir=tmp_path, keep_every=2,
                         resume=True)
    assert longer.success and longer.steps == whole.steps and longer.won == whole.won
    with pytest.raises(InputError, match="no fewer steps"):
        run_episode(make_world(seed=SEED), GOAL, seed=SEED, steps=100, run_dir=tmp_path, resume=True)


def test_the_player_does_the_same_step_by_step(whole: EpisodeResult) -> None:
    world, player = make_world(seed=SEED), Player(GOAL, steps=1500)
    action = player.begin(*world.reset(seed=SEED))
    steps = 0
    while action is not None:
        action = player.next(*world.step(action))
        steps += 1
    assert player.result is not None and player.result.success and steps == whole.steps


def test_a_player_can_be_stopped() -> None:
    world, player = make_world(seed=SEED), Player("a diamond", steps=500)
    action = player.begin(*world.reset(seed=SEED))
    for _ in range(5):
        assert action is not None
        action = player.next(*world.step(action))
    player.close()
    assert player.result is not None and player.result.reason == "stopped" and player.result.steps <= 6


def test_the_step_limit_ends_an_episode() -> None:
    result = run_episode(make_world(seed=SEED), "a diamond", seed=SEED, steps=25)
    assert (result.success, result.reason, result.steps) == (False, "limit", 25)


class Broken:
    """A world that dies in its third step."""

    def __init__(self) -> None:
        self.inner, self.steps = make_world(seed=SEED), 0

    def reset(self, **options: Any) -> Any:
        return self.inner.reset(**options)

    def step(self, action: np.ndarray) -> Any:
        self.steps += 1
        if self.steps == 3:
            raise RuntimeError("the world is gone")
        return self.inner.step(action)


def test_a_world_that_dies_ends_the_episode_with_a_reason() -> None:
    result = run_episode(Broken(), "a log", seed=SEED, steps=100)
    assert not result.success and "the world is gone" in result.reason


@pytest.mark.parametrize(
    ("goal", "error"), [("three flibbertigibbets", UnknownName), ("bedrock", InputError), ("", InputError)])
def test_bad_goals_are_refused(goal: str, error: type[Exception]) -> None:
    with pytest.raises(error):
        run_episode(make_world(seed=SEED), goal, steps=10)


def test_a_planner_that_repeats_itself_does_not_hang() -> None:
    class Stubborn:
        def next(self, state: Any, failures: Any) -> list[Action]:
            return [Action("craft", {"item": "chest", "count": 1, "index": 58}, {"gain": {"chest": 1}}, "x", 50)]

    result = run_episode(make_world(seed=SEED), "a chest", seed=SEED, steps=60, planner=Stubborn())
    assert result.reason == "limit" and result.failures


def test_every_reason_of_a_skill_is_one_that_the_planner_knows() -> None:
    sources = [*SKILLS.glob("*.py"), *(SKILLS / "skills").glob("*.py")]
    named = {word for path in sources for word in re.findall(r'SkillFailed\("([a-z ]+)"', path.read_text("utf8"))}
    assert {"not found", "died", "no tool"} <= named <= set(REASON_OF)
    assert set(REASON_OF.values()) <= set(REASONS)
    craft = Action("craft", {"item": "chest", "count": 1, "index": 58}, {}, "craft:planks>chest")
    assert failure_of(craft, SkillFailed("no material", "crafting_table")).reason == "no station"
    assert failure_of(craft, SkillFailed("no material", "for chest")).reason == "missing material"


def test_the_state_is_what_is_seen() -> None:
    body = Body(make_world(seed=SEED), 10)
    body.begin(SEED)
    state = state_of(body)
    assert state.position == tuple(float(v) for v in body.pos) and state.life == 20 and state.free == 36
    assert not state.underground and not state.night and state.biome
    x, y, z = (int(v) for v in state.known["grass"])
    assert body.block(x, y, z) == 83 or "grass" in state.near  # the nearest one is within sight
    assert len(set(state.known.values())) == len(state.known)


class Standing:
    """What a guard looks at."""

    def __init__(self, mobs: list[dict[str, Any]], **changes: Any) -> None:
        given = {"steps": 4, "hurt": False, "roams": False, "food": 20.0, "life": 20.0, "dark": False}
        self.__dict__.update(given, **changes)
        body = Body(make_world(seed=SEED), 10)
        body.begin(SEED)
        self.info, self.known, self.eyes, self.eye = {"mobs": mobs}, body.known, body.eyes, body.eye
        self.observation, self.cell, self.pos = body.observation, body.cell, body.pos
        self.block, self.mobs = body.block, lambda: mobs


def test_whom_the_planner_lets_fight_the_fight_goes_on_with() -> None:
    """Two views of who is alone made one strike, break off and strike again until one was dead."""
    x, y, z = Standing([]).eye
    near = {"name": "zombie", "id": 7, "position": (x + 1.0, y - 1.6, z), "distance": 1.0, "baby": False}
    for distance, alone in ((9.0, True), (2.0, False)):
        other = {**near, "id": 8, "distance": distance}
        body: Any = Standing([near, other], life=4.0, items={"stone_sword": 1})
        state = State(life=4.0, inventory={"stone_sword": 1}, threats=tuple(mob["name"] for mob in threats(body)))
        assert fight.to_the_last(body, near) == alone
        assert any(action.name == "attack" for action in danger(state)) == alone


def test_a_mob_that_attacks_interrupts_and_one_that_was_left_alone_does_not() -> None:
    x, y, z = Standing([]).eye
    zombie = {"name": "zombie", "id": 7, "position": (x + 1.0, y - 1.6, z), "distance": 1.0, "baby": False}
    body: Any = Standing([zombie])
    guard = Guard()
    guard(body)  # no action is going on
    guard.begin(body, "mine", False)
    with pytest.raises(Alarm, match="zombie"):
        guard(body)
    guard.leave_alone(body)
    guard(body)
    guard.begin(body, "attack", False)
    guard.quiet.clear()
    guard(body)  # fighting is its business
    body.roams = True
    with pytest.raises(Alarm, match="zombie"):  # looking for the next one is not
        guard(body)
    body.roams = False
    cow_hunt = Action("attack", {"mob": "cow", "count": 1}, {}, "", 400)
    assert game(cow_hunt) and not game(Action("attack", {"mob": "zombie", "count": 1}, {}, "", 400))
    guard.begin(body, "hunt", True)
    with pytest.raises(Alarm, match="zombie"):  # after an animal one is not blind to it
        guard(body)
    cow: Any = Standing([{**zombie, "name": "cow"}])
    guard.begin(cow, "mine", False)
    guard(cow)
    hungry: Any = Standing([])
    guard.begin(hungry, "mine", False)
    hungry.food = 4.0
    with pytest.raises(Alarm, match="hungry"):
        guard(hungry)


def test_memory_learns_from_an_episode(tmp_path: Path) -> None:
    with Memory(tmp_path / "memory.sqlite") as memory:
        run_episode(make_world(seed=SEED), GOAL, seed=SEED, steps=1500, memory=memory)
        known = {row["object"]: row for row in memory.summary()}
        assert known["log"]["successes"] >= 1 and known["planks"]["successes"] >= 1
        assert {row["protocol"] for row in known.values()} == {"voxels"}
        assert memory.costs(world="voxel", protocol="voxels", least=1)
        plans = memory.recall("log", world="voxel", protocol="voxels")
        assert any(action.name == "mine" for action in plans[0].plan)
        assert memory.recall("log", world="voxel", protocol="pixels") == []


def test_the_live_view_shows_goal_action_and_life(tmp_path: Path) -> None:
    console = Console(width=100, file=(tmp_path / "screen").open("w"), force_terminal=False)
    view = LiveView(console)
    episode = Episode(make_world(seed=SEED), GOAL, seed=SEED, steps=40, on_step=view)
    with view:
        episode.run()
    with console.capture() as seen:
        console.print(view.picture(episode))
    assert "4 planks" in seen.get() and "life" in seen.get() and "step 40/40" in seen.get()
    assert re.search(r"(approach|mine).*log", seen.get())


def test_a_folder_forgets_what_came_after_the_checkpoint(tmp_path: Path) -> None:
    folder = Folder(tmp_path)
    for number in (1, 2, 3):
        folder.line({"number": number})
    (tmp_path / "steps.jsonl").open("a").write('{"number": 4, "half')
    folder.cut_back(2)
    folder.line({"number": 3, "again": True})
    folder.close()
    rows = [json.loads(line) for line in (tmp_path / "steps.jsonl").read_text().splitlines()]
    assert rows == [{"number": 1}, {"number": 2}, {"number": 3, "again": True}]
    (tmp_path / POINTS).write_text("this is no database, but long enough to be looked at " * 10)
    with pytest.raises(InputError, match="checkpoints"):
        Folder(tmp_path).load(None)


def test_the_end_of_a_world_is_no_skill_failure() -> None:
    body = Body(make_world(seed=SEED), 1)
    body.begin(SEED)
    body.act()
    with pytest.raises(EpisodeOver, match="limit"):
        body.act()


def test_the_page_is_true(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    page = (Path(__file__).resolve().parents[1] / "docs" / "embodied.md").read_text("utf8")
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for block in re.findall(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL):
        exec(compile(block, "docs/embodied.md", "exec"), names)
    assert capsys.readouterr().out.split()[0] == "True" and capsys.readouterr().err == ""
    assert (tmp_path / "runs" / "planks-1" / "steps.jsonl").is_file()


def test_in_the_morning_the_bed_is_taken_along() -> None:
    """The day is no reason to plan anew before that: the bed stood where one had slept, for good."""
    guard = SimpleNamespace(dangers=lambda body: [])
    crew: Any = SimpleNamespace(guard=guard, body=None, before=State(time=14_000))
    for block, anew in (("bed", False), ("log", True)):
        assert pressing(crew, State(time=100), [{"name": "mine", "args": {"block": block}}]) is anew
