"""veclink play: players, episodes and what they leave, videos, fetching MineDojo's tasks, docs/worlds.md."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from click.testing import CliRunner, Result
from fake_world import FakeWorld
from PIL import Image

from veclink.agent.cli import main
from veclink.agent.play import players
from veclink.agent.play.episode import Episode, Play, Recorder, make_world, task_of
from veclink.agent.play.icons import icon
from veclink.agent.play.screen import Status, drawn, fitted, font
from veclink.agent.play.video import Video
from veclink.envs.contract import ACTION_SPACE, Function, Slot, action, noop
from veclink.envs.errors import InputError, UnknownName
from veclink.envs.facts import CRAFT_NAMES, ITEMS
from veclink.envs.registry import make
from veclink.envs.tasks import files, spec

PAGE = Path(__file__).resolve().parents[1] / "docs" / "worlds.md"


def play_of(player: players.Player, limit: int | None, size: tuple[int, int] | None = None,
            task: str = "open-ended") -> Play:
    return Play("a goal", task, spec(task).category, "voxel", "test", player.protocol, 0, size, limit)


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["play", *arguments])


# -- players -----------------------------------------------------------------------------------------------------------


def test_players_by_name() -> None:
    assert {"agent", "scripted", "random", "noop"} <= set(players.names())
    with pytest.raises(UnknownName, match="did you mean 'scripted'"):
        players.make("scriptde")
    with pytest.raises(InputError, match=r"package\.module:Class"):
        players.register("mine", "mine")
    players.register("broken", "no_such_module:Player")
    players.register("nobody", "veclink.envs.contract:World")
    try:
        with pytest.raises(players.PlayerError, match="no_such_module"):
            players.make("broken")
        with pytest.raises(players.PlayerError, match="derive it from"):
            players.make("nobody")
    finally:
        players.unregister("broken")
        players.unregister("nobody")


def test_the_agent_is_not_imported_before_it_plays() -> None:
    code = ("import sys\nfrom veclink.agent.play import players\nplayers.make('random')\n"
            "print([name for name in sys.modules if name.startswith(('veclink.agent.embodied', 'langgraph'))])")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_actions_in_words() -> None:
    assert players.in_words(noop()) == "-"
    assert players.in_words(action(forward=1, left=1, jump=1, pitch=15, yaw=-30, function="attack")) == (
        "forward, left, jump, look down 15, turn left 30, attack")
    assert players.in_words(action(function="craft", craft="crafting_table")) == "craft crafting table"
    assert players.in_words(action(function="place", slot=4)) == "place slot 4"


def test_the_random_player_keeps_to_the_masks_and_to_its_seed() -> None:
    masks = {"action_type": np.array([1, 1, 1, 1, 1, 0, 1, 1], bool), "place": np.arange(36) == 5,
             "equip": np.zeros(36, bool), "craft_smelt": np.arange(len(CRAFT_NAMES)) == 9, "destroy": np.ones(36, bool)}
    runs = []
    for _ in range(2):
        player = players.RandomPlayer()
        player.begin(FakeWorld(spec("open-ended")), "", seed=4)
        runs.append([player.act({"masks": masks}, {}) for _ in range(3000)])
    assert np.array_equal(runs[0], runs[1])
    functions = {Function(int(act[Slot.FUNCTION])) for act in runs[0]}
    assert functions == {Function.NOOP, Function.USE, Function.ATTACK, Function.CRAFT, Function.PLACE}
    for act in runs[0]:
        assert ACTION_SPACE.contains(act)
        assert act[Slot.FUNCTION] != Function.CRAFT or act[Slot.CRAFT] == 9
        assert act[Slot.FUNCTION] != Function.PLACE or act[Slot.ITEM] == 5


def test_the_scripted_player_really_gets_logs() -> None:
    player = players.make("scripted")
    world = make_world(spec("get-log").changed(targets={"log": 3}), "voxel", 1, None, player, {})
    play = Episode(world, player, play_of(player, 1500, task="get-log"), Recorder(None, None)).run()
    assert play.ended == "success" and play.success and play.reward == 3
    assert play.inventory["log"] >= 3 and play.progress == {"log": [3.0, 3.0]}


@pytest.mark.parametrize("biome", ["desert", "ocean"])
def test_the_scripted_player_gets_about_where_there_are_no_trees(biome: str) -> None:
    player = players.make("scripted")
    world = make_world(spec("open-ended").changed(specified_biome=biome), "voxel", 1, None, player, {})
    places: list[tuple[float, float, float]] = []
    play = play_of(player, 700)
    Episode(world, player, play, Recorder(None, None), lambda status, *_: places.append(status.place)).run()
    assert play.ended == "steps"  # it did not drown
    assert max(abs(places[-1][axis] - places[0][axis]) for axis in (0, 2)) > 10


def test_the_agent_plays_a_goal_in_words(tmp_path: Path) -> None:
    result = invoke("get me a log", "--set", "specified_biome=forest", "--seed", "2", "--steps", "1500",
                    "--out", str(tmp_path / "run"), "--json")
    assert result.exit_code == 0, result.output
    document = json.loads(result.stdout)
    assert (document["player"], document["ended"], document["success"]) == ("agent", "success", True)
    assert any("log" in name for name in document["inventory"]) and document["more"]["agent"]["success"]
    assert 5 < document["steps"] < 1500
    assert invoke("make me a sandwich", "--out", str(tmp_path / "other")).exit_code == 2
    assert not (tmp_path / "other").exists()


# -- episodes ----------------------------------------------------------------------------------------------------------


def test_a_run_leaves_what_it_did_and_can_be_done_again(tmp_path: Path) -> None:
    out = tmp_path / "run"
    result = invoke("open-ended", "--player", "random", "--seed", "5", "--steps", "40", "--out", str(out), "--json",
                    "--set", "start_time=14000", "--set", "specified_biome=plains")
    assert result.exit_code == 0, result.output
    document, manifest = json.loads(result.stdout), json.loads((out / "manifest.json").read_text("utf8"))
    assert document == manifest
    assert manifest["ended"] == "steps" and manifest["steps"] == 40 and manifest["ticks"] >= 40
    assert (manifest["seed"], manifest["protocol"], manifest["world"]) == (5, "nothing", "voxel")
    assert manifest["settings"] == {"start_time": 14000, "specified_biome": "plains"}
    assert {"python", "veclink", "numpy"} <= set(manifest["versions"]) and manifest["image_size"] is None
    rows = [json.loads(line) for line in (out / "steps.jsonl").read_text("utf8").splitlines()]
    assert [row["step"] for row in rows] == list(range(41))
    world = make("open-ended", seed=5, image_size=16, pictures=False, start_time=14000, specified_biome="plains")
    world.reset(seed=5)
    for row in rows[1:]:
        observation, *_ = world.step(row["action"])
        assert np.allclose(observation["location_stats"]["pos"], row["position"], atol=1e-3)
    world.close()


def test_for_people(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = invoke("--player", "noop", "--steps", "3")
    assert result.exit_code == 0
    assert "do as you like: out of steps" in result.stdout and "carries nothing" in result.stdout
    (folder,) = (tmp_path / "runs").glob("*-play-open-ended")
    assert (tmp_path / "runs" / "latest").resolve() == folder
    assert f"written to {folder.relative_to(tmp_path)}" in result.stderr


class Interrupted(players.Player):
    """Presses Ctrl-C in its fifth step."""

    count = 0

    def act(self, observation: Any, info: Any) -> np.ndarray:
        self.count += 1
        if self.count == 5:
            signal.raise_signal(signal.SIGINT)
        return action(function="attack")


def test_ctrl_c_ends_with_what_there_is(tmp_path: Path) -> None:
    player, before = Interrupted(), signal.getsignal(signal.SIGINT)
    world = FakeWorld(spec("open-ended"), (32, 48), length=100)
    recorder = Recorder(tmp_path / "run", tmp_path / "run" / "film.mp4")
    play = Episode(world, player, play_of(player, 100, (32, 48)), recorder).run()
    assert (play.ended, play.steps) == ("interrupted", 5)
    assert signal.getsignal(signal.SIGINT) is before
    assert len(pictures(tmp_path / "run" / "film.mp4")) == 6
    assert json.loads((tmp_path / "run" / "manifest.json").read_text("utf8"))["inventory"] == {"log": 5}
    assert len((tmp_path / "run" / "steps.jsonl").read_text("utf8").splitlines()) == 6


class Failing(players.Player):
    """Fails in its third step."""

    count = 0

    def act(self, observation: Any, info: Any) -> np.ndarray:
        self.count += 1
        if self.count == 3:
            raise RuntimeError("it failed")
        return noop()


def test_a_failure_is_in_the_manifest(tmp_path: Path) -> None:
    player = Failing()
    episode = Episode(FakeWorld(spec("open-ended")), player, play_of(player, 100), Recorder(tmp_path, None))
    with pytest.raises(RuntimeError, match="it failed"):
        episode.run()
    manifest = json.loads((tmp_path / "manifest.json").read_text("utf8"))
    assert (manifest["ended"], manifest["error"], manifest["steps"]) == ("error", "RuntimeError: it failed", 2)


def test_the_ends_of_a_task(tmp_path: Path) -> None:
    class Attacks(players.Player):
        def act(self, observation: Any, info: Any) -> np.ndarray:
            return action(function="attack")

    for task, length, ended in (("get-log", 10, "success"), ("get-diamond", 4, "limit")):
        player = Attacks()
        world = FakeWorld(spec(task), length=length)
        play = Episode(world, player, play_of(player, 50, task=task), Recorder(None, None)).run()
        assert play.ended == ended and play.success is (ended == "success")


@pytest.mark.parametrize(("arguments", "words"), [
    (["get-lgo"], "did you mean 'get-log'"),
    (["--world", "voxle"], "did you mean 'voxel'"),
    (["--player", "radnom"], "did you mean 'random'"),
    (["--image-size", "5x5"], "16 to 4096"),
    (["--image-size", "wide"], "160x256"),
    (["--video", "film.txt"], ".mp4"),
    (["--keyboard", "--player", "noop"], "leave one out"),
    (["--no-save", "--out", "there"], "leave one out"),
    (["--set", "nonsense"], "NAME=VALUE"),
    (["--set", "start_tiem=3"], "start_tiem"),
    (["--set", "start_time=99999"], "start_time between"),
    (["--seed", "-1"], "seed"),
])
def test_what_cannot_be_used_is_one_line_and_leaves_nothing(arguments: list[str], words: str, tmp_path: Path,
                                                            monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    result = invoke(*arguments, *([] if "--player" in arguments or "--keyboard" in arguments else ["--player", "noop"]))
    assert result.exit_code == 2 and words in result.stderr and result.stderr.count("\n") == 1, result.stderr
    assert not list(tmp_path.iterdir())


def test_what_a_text_means() -> None:
    assert task_of(" get-log ").id == "get-log"
    assert task_of("build a tower").category == "creative" and task_of("build a tower").prompt == "build a tower"
    assert task_of("diamond").prompt == "diamond"
    with pytest.raises(InputError, match="characters"):
        task_of(" ")


# -- pictures and videos -----------------------------------------------------------------------------------------------


def pictures(file: Path) -> list[np.ndarray]:
    with av.open(str(file)) as video:
        return [frame.to_ndarray(format="rgb24") for frame in video.decode(video=0)]


def test_a_video_with_goal_action_and_inventory(tmp_path: Path) -> None:
    film = tmp_path / "films" / "log.mp4"
    result = invoke("get-log", "--player", "noop", "--steps", "4", "--image-size", "48x64", "--video", str(film),
                    "--out", str(tmp_path / "run"), "--set",
                    'initial_inventory={"mainhand": {"name": "log", "quantity": 7}}')
    assert result.exit_code == 0, result.output
    frames = pictures(film)
    assert len(frames) == 5 and frames[0].shape == (48 * 12 + 112, 64 * 12, 3)
    assert not list(film.parent.glob(".*"))
    last = np.array(Image.open(tmp_path / "run" / "last.png"))
    assert last.shape == frames[0].shape
    assert np.abs(frames[-1].astype(int) - last).mean() < 6
    status = Status(goal="chop a tree to get a log", steps=4, step=4, life=20, food=20,
                    slots=[("log", 0, 7, -1.0)] + [("air", 0, 0, -1.0)] * 35)
    blank = np.zeros((3, 48, 64), np.uint8)
    assert np.array_equal(drawn(blank, status)[48 * 12 :], last[48 * 12 :])


def test_the_panel_shows_each_part() -> None:
    rgb = np.random.default_rng(0).integers(0, 256, (3, 61, 99), np.uint8)
    base = drawn(rgb, Status(life=20, food=20))
    assert base.shape[0] % 2 == base.shape[1] % 2 == 0
    assert np.array_equal(base[: 61 * 8 : 8, : 99 * 8 : 8][4, 4], rgb[:, 4, 4])
    for change in ({"goal": "a goal"}, {"doing": "jump"}, {"note": "why"}, {"life": 13.0}, {"food": 3.0}, {"step": 9},
                   {"reward": 2.0}, {"success": True}, {"slots": [("stick", 0, 2, -1.0)]}):
        other = drawn(rgb, Status(**{"life": 20, "food": 20, **change}))
        assert other.shape == base.shape and (other[61 * 8 + 1 :] != base[61 * 8 + 1 :]).any(), change
    full = Status(slots=[("iron_pickaxe", 0, 1, 0.4)] * 36, goal="long " * 100, doing="words " * 50, note="more " * 50)
    assert drawn(rgb, full).shape == base.shape
    assert font(14).getlength(fitted("long " * 100, 200, font(14))) <= 200


def test_icons() -> None:
    assert icon("air").max() == 0
    items = [("planks", 0), ("planks", 2), ("stick", 0), ("iron_pickaxe", 0), ("torch", 0), ("grass", 0), ("stone", 1)]
    assert len({icon(name, variant).tobytes() for name, variant in items}) == len(items)
    assert icon("torch")[..., 3].astype(bool).mean() < 0.2 < icon("planks")[..., 3].astype(bool).mean()
    for name in ITEMS.names:
        picture = icon(name)
        assert picture.shape == (32, 32, 4) and (picture[..., 3].any() or name == "air"), name


def test_a_video_without_pictures_leaves_no_file(tmp_path: Path) -> None:
    video = Video(tmp_path / "film.mp4")
    assert video.close() is None and not list(tmp_path.iterdir())
    with pytest.raises(InputError, match="ending"):
        Video(tmp_path / "film.gif")
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="place"):
        Video(tmp_path / "file" / "film.mp4")


# -- MineDojo's tasks, fetched -----------------------------------------------------------------------------------------


@pytest.fixture
def shelf(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that is all that pip knows of, and empty caches."""
    (tmp_path / "shelf").mkdir()
    monkeypatch.setenv("VECLINK_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv(files.VARIABLE, raising=False)
    monkeypatch.setattr(files, "_installed", lambda: iter(()))
    alone = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(tmp_path / "shelf")}
    for name, value in alone.items():
        monkeypatch.setenv(name, value)
    (tmp_path / "cache").mkdir()
    return tmp_path / "shelf"


def wheel(shelf: Path, **contents: str) -> None:
    """A small minedojo wheel with task files."""
    given = {"programmatic_tasks": "{harvest_1_log: {category: harvest, prompt: get a log, guidance: chop}}",
             "tasks_specs": "{harvest_1_log: {__cls__: harvest, target_names: log, target_quantities: 1}}",
             "creative_tasks": "{}", "playthrough_task": "{}", **contents}
    with zipfile.ZipFile(shelf / "minedojo-0.1-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in given.items():
            archive.writestr(f"{files.INSIDE}/{name}.yaml", text)
        archive.writestr("minedojo/evil.py", "raise SystemExit")
        archive.writestr("minedojo-0.1.dist-info/METADATA", "Metadata-Version: 2.1\nName: minedojo\nVersion: 0.1\n")
        archive.writestr("minedojo-0.1.dist-info/WHEEL",
                         "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr("minedojo-0.1.dist-info/RECORD", "")


def doctor(*arguments: str) -> tuple[Result, dict[str, Any]]:
    result = CliRunner().invoke(main, ["doctor", "--json", *arguments])
    return result, json.loads(result.stdout)


def test_fetching_the_task_files(shelf: Path, tmp_path: Path) -> None:
    _, before = doctor()
    assert before["tasks"]["minedojo"] is None and "--fetch minedojo (a wheel of 1.1 MB" in before["tasks"]["mend"]
    wheel(shelf)
    result, after = doctor("--fetch", "minedojo")
    assert result.exit_code == 0 and after["failed"] == [] and after["tasks"] == {
        "minedojo": str(tmp_path / "cache" / "minedojo-0.1"), "mend": ""}
    assert sorted(file.name for file in (tmp_path / "cache" / "minedojo-0.1").iterdir()) == sorted(files.FILES)
    assert [each.name for each in (tmp_path / "cache").iterdir()] == ["minedojo-0.1"]
    assert spec("harvest_1_log").targets == {"log": 1}


def test_fetching_without_a_network_says_what_to_do(shelf: Path, tmp_path: Path) -> None:
    result, document = doctor("--fetch", "minedojo")
    assert result.exit_code == 1 and len(document["failed"]) == 1
    assert "pip could not fetch it" in document["failed"][0] and files.VARIABLE in document["failed"][0]
    assert not list((tmp_path / "cache").iterdir())


def test_a_wheel_that_is_too_large_or_none_is_refused(shelf: Path, tmp_path: Path) -> None:
    wheel(shelf, creative_tasks="x" * (files.LARGEST + 1))
    result, document = doctor("--fetch", "minedojo")
    assert result.exit_code == 1 and "at most 4,194,304 bytes" in document["failed"][0]
    assert not list((tmp_path / "cache").iterdir())


# -- docs/worlds.md ----------------------------------------------------------------------------------------------------


def snippets() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```", PAGE.read_text("utf8"), re.MULTILINE | re.DOTALL)


def test_the_snippets_of_the_page_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                      capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"__name__": "page"}
    parts = [part for part in snippets() if "__main__" not in part]
    assert len(parts) >= 9
    for number, part in enumerate(parts):
        exec(compile(part, f"worlds.md, snippet {number + 1}", "exec"), names)
    printed = capsys.readouterr().out
    for words in ("(3, 160, 256) uint8", "['planks']", "(120, 160) float32", "joints"):
        assert words in printed


def test_the_script_of_many_worlds_runs(tmp_path: Path) -> None:
    (script,) = [part for part in snippets() if "__main__" in part]
    (tmp_path / "many.py").write_text(script, "utf8")
    done = subprocess.run([sys.executable, "many.py"], cwd=tmp_path, capture_output=True, text=True, timeout=300,
                          check=False)
    assert done.stdout.strip() == "(4, 3, 64, 64) (4,)", done.stderr[-1000:]
