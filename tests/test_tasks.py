"""Tasks: MineDojo's YAML in its layout, our own offline, reward and success by category, and what can be done."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from veclink.agent.cli import main
from veclink.envs.errors import InputError, UnknownName
from veclink.envs.tasks import Judge, Stack, TaskSpec, files, ids, is_task, may_spawn, spec
from veclink.envs.tasks.closure import World
from veclink.envs.tasks.coverage import absent_mobs, counts, coverage, items, judged, world_of

REAL = os.environ.get(files.VARIABLE)
PAGE = Path(__file__).parents[1] / "docs" / "tasks.md"
SPECS: dict[str, Any] = {
    "harvest_{quantity}_{natural_core}": {
        "__cls__": "harvest", "prompt": "get {quantity} {natural_core}", "target_names": "{natural_core}",
        "target_quantities": "{quantity}", "reward_weights": 2},
    "milk_in_{cow_biomes}": {
        "__cls__": "harvest", "prompt": "", "target_names": "milk_bucket", "target_quantities": 1,
        "initial_inventory": {"mainhand": {"name": "bucket", "quantity": 1}, 3: {"name": "wool", "variant": 4}},
        "initial_mobs": ["cow", "cow"], "initial_mob_spawn_range_low": [-5, 1, -5],
        "initial_mob_spawn_range_high": [5, 1, 5], "specified_biome": "{cow_biomes}", "use_voxel": True,
        "voxel_size": {"xmin": -1, "ymin": -1, "zmin": -1, "xmax": 1, "ymax": 1, "zmax": 1}},
    "fight": {"__cls__": "combat", "prompt": "", "target_names": ["zombie", "cow"], "target_quantities": [2, 1],
              "always_night": True, "allow_mob_spawn": False, "initial_mobs": "zombie"},
    "hunt": {"__cls__": "combat", "prompt": "", "target_names": "cow", "target_quantities": 1},
    "wood": {"__cls__": "techtree", "prompt": "", "tech": "wooden"},
    "survival": {"__cls__": "survival", "prompt": "", "target_days": 3},
    "playthrough": {"__cls__": "playthrough", "prompt": ""},
}


@pytest.fixture
def theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder with MineDojo's layout and few tasks, named by the variable."""
    folder = tmp_path / "minedojo" / "tasks" / "description_files"
    folder.mkdir(parents=True)
    names = [f"harvest_{n}_{item}" for n in (1, 8) for item in
             ("apple", "beef", "bone", "chicken", "log", "reeds", "web", "wheat")]
    names += [f"milk_in_{biome}" for biome in ("plains", "extreme_hills", "forest")]
    names += ["fight", "hunt", "wood", "survival"]
    kinds = {"harvest": "harvest", "milk": "harvest", "fight": "combat", "hunt": "combat", "wood": "techtree",
             "survival": "survival"}
    words = {name: {"category": kinds[name.split("_")[0]], "prompt": f"do {name}", "guidance": "1. go\n"}
             for name in names}
    contents = {"tasks_specs": SPECS, "programmatic_tasks": words,
                "playthrough_task": {"playthrough": {"category": "playthrough", "prompt": "win", "guidance": ""}},
                "creative_tasks": {"creative:0": {"category": "creative", "prompt": "build a house", "guidance": None,
                                                  "collection": "", "source": "manual"}}}
    for name, content in contents.items():
        (folder / f"{name}.yaml").write_text(yaml.safe_dump(content, sort_keys=False), "utf8")
    monkeypatch.setenv(files.VARIABLE, str(tmp_path))
    yield tmp_path


@pytest.fixture
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No files of MineDojo anywhere."""
    monkeypatch.delenv(files.VARIABLE, raising=False)
    monkeypatch.setenv("VECLINK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(files, "_installed", lambda: ())


# -- reading -----------------------------------------------------------------------------------------------------------


def test_templates_are_filled_in_as_minedojo_does(theirs: Path) -> None:
    assert len(ids("harvest")) - 6 == 16 + 3  # beside our own six
    eight = spec("harvest_8_log")
    assert (eight.category, dict(eight.targets), dict(eight.reward_weights)) == ("harvest", {"log": 8}, {"log": 2.0})
    assert (eight.prompt, eight.guidance, eight.start_time) == ("do harvest_8_log", "1. go\n", None)
    assert eight.generate_world_type == "default" and eight.specified_biome is None
    milk = spec("milk_in_extreme_hills")
    assert milk.specified_biome == "extreme_hills" and milk.generate_world_type == "specified_biome"
    assert milk.initial_inventory == (Stack(0, "bucket"), Stack(3, "wool", 4)) and milk.initial_mobs == ("cow", "cow")
    assert milk.initial_mob_spawn_range_low == (-5, 1, -5) and milk.use_voxel
    assert milk.voxel_size is not None and milk.voxel_size["xmin"] == -1


def test_night_and_quantities(theirs: Path) -> None:
    fight, hunt = spec("fight"), spec("hunt")
    assert dict(fight.targets) == {"zombie": 2, "cow": 1} and not fight.allow_mob_spawn
    assert (fight.start_time, fight.allow_time_passage) == (18_000, False)
    assert (hunt.start_time, hunt.allow_time_passage) == (13_000, True)  # MineDojo's combat begins in the evening
    assert spec("survival").target_days == 3 and set(spec("wood").targets) == {
        "wooden_axe", "wooden_hoe", "wooden_pickaxe", "wooden_shovel", "wooden_sword"}
    assert dict(spec("playthrough").targets) == {"dragon_egg": 1}


def test_creative_tasks_are_prompts(theirs: Path) -> None:
    assert spec("creative:0").prompt == "build a house" and spec("creative:0").guidance == ""
    assert spec("creative:a boat on a lake").prompt == "a boat on a lake"
    with pytest.raises(InputError, match="creative:0 to creative:0"):
        spec("creative:5")
    with pytest.raises(InputError):
        spec("creative:")


def test_a_wheel_is_read_and_taken_out(theirs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    wheel = tmp_path / "minedojo-0.1-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        for file in (theirs / files.INSIDE).iterdir():
            archive.write(file, f"{files.INSIDE}/{file.name}")
        archive.writestr("minedojo/sim/big.bin", b"0" * 1000)
    made = tmp_path / "made"
    files.take_out(wheel, made)
    assert sorted(file.name for file in made.iterdir()) == sorted(files.FILES)
    monkeypatch.setenv(files.VARIABLE, str(wheel))
    assert spec("harvest_1_log").targets == {"log": 1}
    with zipfile.ZipFile(wheel, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(f"{files.INSIDE}/{files.FILES[0]}", b" " * (files.LARGEST + 1))
    with pytest.raises(files.TaskFilesError, match="at most"):
        files.take_out(wheel, made)


def test_broken_files_say_so(theirs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (theirs / files.INSIDE / "tasks_specs.yaml").write_text("a: [1", "utf8")
    (theirs / files.INSIDE / "programmatic_tasks.yaml").touch()  # read anew
    os.utime(theirs / files.INSIDE / "programmatic_tasks.yaml", (1, 1))
    with pytest.raises(files.TaskFilesError, match="YAML"):
        ids()
    monkeypatch.setenv(files.VARIABLE, str(theirs / "nowhere"))
    with pytest.raises(InputError, match="VECLINK_MINEDOJO"):
        files.place()


# -- without MineDojo --------------------------------------------------------------------------------------------------


def test_our_own_tasks_need_nothing(offline: None) -> None:
    assert files.read() is None and len(ids()) >= 16
    for name in ids():
        task = spec(name)
        assert task.id == name and task.prompt and is_task(name)
    assert spec("get-milk").initial_inventory == (Stack(0, "bucket"),)
    assert all(row.achievable and row.origin == "veclink" for row in coverage())
    with pytest.raises(UnknownName, match=r"did you mean 'get-diamond'.*doctor --fetch minedojo"):
        spec("get-diamnd")
    with pytest.raises(InputError, match="fetch minedojo"):
        spec("creative:7")


def test_classes_with_arguments(offline: None) -> None:
    weights = {"log": 1, "stick": 0.5}
    task = spec("harvest", target_names=["log", "stick"], target_quantities=[2, 4], reward_weights=weights)
    assert dict(task.targets) == {"log": 2, "stick": 4} and task.reward_weights["stick"] == 0.5
    assert spec("combat", targets={"cow": 2}).targets == {"cow": 2}
    assert spec("techtree", tech_item="iron_axe").use_reward_weights == {"iron_axe": 10.0}
    with pytest.raises(UnknownName, match="target_names"):
        spec("harvest")
    with pytest.raises(UnknownName, match="start_time"):
        spec("open-ended", start_tim=3)


@pytest.mark.parametrize("changes", [
    {"start_health": 0}, {"start_time": 24_000}, {"initial_inventory": {"mainhand": {"name": "log", "quantity": 65}}},
    {"initial_inventory": {"tail": {"name": "log"}}}, {"initial_mobs": ("unicorn",)}, {"initial_weather": "hail"},
    {"category": "harvest"}, {"category": "harvest", "targets": {"log": 0}}, {"category": "survival"},
    {"spawn_rate": {"cow": 2.0}}, {"generate_world_type": "moon"}])
def test_what_a_task_cannot_be(offline: None, changes: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        spec("open-ended", **changes)


def test_where_more_may_be_put_down() -> None:
    deep, high = {"ypos": 12.0, "light_level": 3}, {"ypos": 70.0, "light_level": 15}
    assert may_spawn("diamond_ore", deep) and not may_spawn("diamond_ore", high)
    assert may_spawn("zombie", deep) and not may_spawn("zombie", high)
    assert may_spawn("cow", high) and not may_spawn("cow", deep) and may_spawn("unheard_of", high)


# -- reward and success ------------------------------------------------------------------------------------------------


def info(inventory: dict[str, int] | None = None, kills: dict[str, int] | None = None,
         uses: dict[str, int] | None = None, alive: int = 0) -> dict[str, Any]:
    """What judges look at; the items lie in two slots each where there are several."""
    stacks = [{"name": name, "quantity": part, "variant": 0, "index": 0}
              for name, n in (inventory or {}).items() for part in (n // 2, n - n // 2)]
    return {"inventory": stacks, "stat": {"kill_entity": kills or {}, "use_item": {"minecraft": uses or {}},
                                          "time_since_death": alive}}


def played(task: TaskSpec, *infos: dict[str, Any]) -> list[tuple[float, bool]]:
    judge = Judge(task)
    judge.begin(infos[0])
    found = [judge.step(each) for each in infos[1:]]
    assert judge.is_successful == found[-1][1]
    return found


def test_harvest_counts_from_the_start_and_takes_back() -> None:
    task = spec("harvest", target_names=["log", "stick"], target_quantities={"log": 2, "stick": 1},
                reward_weights={"log": 1.0, "stick": 0.5})
    steps = played(task, info({"log": 3}), info({"log": 4}), info({"log": 3, "stick": 2}), info({"log": 5, "stick": 1}))
    assert steps == [(1.0, False), (0.0, False), (1.5, True)]


def test_combat_pays_for_each_kill() -> None:
    task = spec("combat", targets={"cow": 2, "zombie": 1}, reward_weights={"cow": 3.0, "zombie": 1.0})
    steps = played(task, info(kills={"cow": 5}), info(kills={"cow": 6}), info(kills={"cow": 7}),
                   info(kills={"cow": 7, "zombie": 1}))
    assert steps == [(3.0, False), (3.0, False), (1.0, True)]


def test_techtree_wants_it_made_and_used() -> None:
    task = spec("make-wooden-pickaxe")
    steps = played(task, info(), info({"wooden_pickaxe": 1}), info({"wooden_pickaxe": 1}, uses={"wooden_pickaxe": 1}),
                   info({"wooden_pickaxe": 1}, uses={"wooden_pickaxe": 3}))
    assert steps == [(1.0, False), (10.0, True), (20.0, True)]
    all_five = spec("techtree", tech="wooden")
    some = dict.fromkeys(list(all_five.targets)[:4], 1)
    assert played(all_five, info(), info(uses=some), info(uses=dict.fromkeys(all_five.targets, 1)))[0][1] is False


def test_survival_pays_by_the_day_and_at_the_end() -> None:
    task = spec("survival", target_days=2)
    steps = played(task, info(), info(alive=23_999), info(alive=24_000), info(alive=0), info(alive=48_000))
    assert steps == [(0.0, False), (1.0, False), (-1.0, False), (4.0, True)]


def test_playthrough_and_open_ended(theirs: Path) -> None:
    steps = played(spec("playthrough"), info(), info({"log": 9}), info({"dragon_egg": 1}))
    assert steps == [(0.0, False), (10.0, True)]
    for name in ("open-ended", "creative:0"):
        assert played(spec(name), info(), info({"log": 9}, {"cow": 2}, {"log": 1}, 90_000)) == [(0.0, False)]


def test_names_as_observations_spell_them_and_a_judge_that_goes_on() -> None:
    task = spec("harvest", targets={"milk_bucket": 1})
    judge = Judge(task)
    judge.begin(info())
    judge.step(info({"log": 1}))
    other = Judge(task)
    other.restore(judge.state())
    assert other.step(info({"milk bucket": 1})) == judge.step(info({"milk bucket": 1})) == (1.0, True)
    assert other.progress() == {"milk_bucket": (1.0, 1.0)}


# -- what can be done --------------------------------------------------------------------------------------------------


def test_the_closure_grows_step_by_step() -> None:
    nothing = World(None, "flat", natural=False)
    assert nothing.has("dirt") and not nothing.has("log") and "nothing in this world" in nothing.why_not("sapling")
    given = World(None, "flat", [(item_id("log"), 0), (item_id("cobblestone"), 0)], natural=False)
    assert given.has("stone_pickaxe") and given.has("furnace") and given.has("stone") and not given.has("iron_ingot")
    assert given.how[item_id("stone")].startswith("smelted of")
    assert World("plains").has("iron_ingot") and not World("plains").has("chorus_fruit")


def item_id(name: str) -> int:
    from veclink.envs.facts import ITEMS

    return ITEMS.id(name)


def test_items_and_mobs_of_the_usual_world() -> None:
    had = items()
    for name in ("log", "diamond_pickaxe", "milk_bucket", "blaze_rod", "cooked_fish", "ender_eye", "cake", "name_tag"):
        assert had[name][0], (name, had[name])
    for name, why in (("dragon_egg", "the End"), ("diamond_ore", "silk touch"), ("beacon", "nether_star"),
                      ("bedrock", "no tool"), ("sponge", "elder_guardian")):
        assert not had[name][0] and why in had[name][1], (name, had[name])
    assert "cow" not in absent_mobs() and {"wither", "ender_dragon"} <= set(absent_mobs())


def test_what_decides_a_task() -> None:
    assert judged(spec("combat", targets={"wither": 1})).why == "wither does not come here"
    assert judged(spec("combat", targets={"wither": 1}, initial_mobs=("wither",))).achievable
    assert judged(spec("combat", targets={"wither": 1}, spawn_rate={"wither": 0.1})).achievable
    barren = spec("harvest", targets={"snowball": 1}, specified_biome="desert", generate_world_type="specified_biome")
    assert not judged(barren).achievable
    assert judged(barren.changed(initial_inventory={0: {"name": "snow"}})).achievable
    assert "no use" in judged(spec("techtree", tech_item="clock")).why
    assert world_of(spec("get-milk")).has("milk_bucket")
    with pytest.raises(UnknownName):
        coverage("minedojo")


def test_the_table_of_a_few(theirs: Path) -> None:
    rows = {row.id: row for row in coverage() if row.origin == "MineDojo"}
    assert len(rows) == 16 + 3 + 2 + 1 + 1 + 1 and all(row.loads for row in rows.values())
    lacking = {name for name, row in rows.items() if not row.achievable}
    assert lacking == {"harvest_1_web", "harvest_8_web", "fight", "playthrough"}
    assert rows["fight"].why == "cow does not come here"  # one that brings zombies only and lets nothing else come
    assert counts(rows.values())["all"] == {"tasks": 24, "load": 24, "achievable": 20}


def test_the_command(theirs: Path, tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["envs", "tasks", "--kind", "harvest", "--write", str(tmp_path / "page.md")])
    assert done.exit_code == 0, done.output
    assert "harvest_1_web: web: it comes from mineshafts" in done.stdout and "harvest_1_log" not in done.stdout
    page = (tmp_path / "page.md").read_text("utf8")
    assert "| all | 24 | 24 | 20 |" in page and "- `playthrough`: dragon_egg" in page
    done = CliRunner().invoke(main, ["envs", "list"])
    assert done.exit_code == 0 and "voxel: veclink.envs.voxel.world:VoxelWorld" in done.stdout
    assert str(theirs) in done.stdout
    done = CliRunner().invoke(main, ["envs", "tasks", "--ways"])
    assert "yes milk_bucket: by bucket at cow" in done.stdout and "no  web: " in done.stdout


def test_no_page_without_the_files(offline: None, tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["envs", "tasks", "--write", str(tmp_path / "page.md")])
    assert done.exit_code == 2 and "doctor --fetch minedojo" in done.stderr and not (tmp_path / "page.md").exists()


# -- MineDojo's real files ---------------------------------------------------------------------------------------------

real = pytest.mark.skipif(REAL is None, reason=f"needs MineDojo's task files: {files.VARIABLE}")


@real
def test_all_of_minedojos_tasks_load_and_are_judged() -> None:
    content = files.read()
    assert content is not None and len(content["programmatic_tasks"]) == 1572
    rows = [row for row in coverage() if row.origin == "MineDojo"]
    assert len(rows) == 1573 and all(row.loads for row in rows)
    table = counts(rows)
    assert [table[kind]["tasks"] for kind in ("harvest", "combat", "techtree", "survival")] == [895, 462, 213, 2]
    assert all(row.achievable or row.why for row in rows) and table["all"]["achievable"] > 1450
    assert len(ids("creative")) == 1558 and spec("creative:1557").prompt


@real
def test_the_page_is_what_the_command_writes() -> None:
    from veclink.envs.tasks.page import page

    assert PAGE.read_text("utf8") == page(coverage()), "veclink envs tasks --write docs/tasks.md"
