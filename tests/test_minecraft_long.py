"""The Minecraft world under trouble and over time: chunks that never come, a kick, two worlds, random actions,
pictures, and what measures all that. Skipped without Node or the npm packages."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from veclink.agent.measure import minecraft as measuring
from veclink.envs.contract import action, noop
from veclink.envs.errors import VeclinkError
from veclink.envs.minecraft import node, pictures
from veclink.envs.minecraft.bridge import BridgeError
from veclink.envs.minecraft.processes import VERSION, Server, start_bot
from veclink.envs.registry import make
from veclink.envs.voxel.render.truth import camera_of

FLAT: dict[str, Any] = {"world": "minecraft", "generate_world_type": "flat", "view": 2, "image_size": 16, "warp": 20.0,
                        "allow_mob_spawn": False}


@pytest.fixture(autouse=True)
def packages(request: pytest.FixtureRequest) -> None:
    if "pure" in request.node.name:
        return
    try:
        node.find_node()
        node.modules()
    except VeclinkError as error:
        pytest.skip(str(error))


def test_pure_differences_are_named_by_slot() -> None:
    client: list[Any] = [0] * 46
    server: list[Any] = [None] * 46
    server[0] = ["oak_planks", 4, 0]  # a result that nobody has taken
    client[9], server[9] = ["dirt", 3, 0, 0], ["dirt", 3, 0]
    client[36], server[36] = ["iron_pickaxe", 1, 7, 0], ["iron_pickaxe", 1, 8]
    server[45] = ["shield", 1, 0]
    assert measuring.differing(client, server) == [
        "slot 36: client ('iron_pickaxe', 1, 7), server ('iron_pickaxe', 1, 8)",
        "slot 45: client None, server ('shield', 1, 0)"]


def test_pure_memory_that_grows_is_a_fault() -> None:
    run = measuring.Endurance.__new__(measuring.Endurance)
    run.row = {"steps": 1, "faults": {}, "examples": [], "memory": {}}
    run.sizes = [(100.0 + minute, 200.0) for minute in range(180)]
    run._judge_memory()
    assert run.row["faults"] == {"memory": 1} and "server: 174 to 264 MB" in run.row["examples"][0]
    assert run.row["memory"]["bot"] == [200.0, 200.0]


def test_a_chunk_that_never_comes_is_a_clear_error_in_time() -> None:
    mute = subprocess.Popen([str(node.find_node().program), str(Path(__file__).parent / "js" / "minecraft_mute.js")],
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                            env={"NODE_PATH": str(node.modules())})
    assert mute.stdin is not None and mute.stdout is not None
    bot = start_bot(1.0, None, VERSION)
    try:
        port = int(mute.stdout.readline())
        bot.greet()
        with pytest.raises(BridgeError, match="did not arrive") as caught:
            bot.ask("connect", host="127.0.0.1", port=port, version=VERSION, name="veclink", view=2, radius=8,
                    respawns=False, turns=False, patience=500)
        assert caught.value.kind == "chunks"
    finally:
        bot.close()
        mute.stdin.close()
        mute.wait(10)
    assert mute.returncode == 0


def test_who_is_kicked_comes_back() -> None:
    server = Server(seed=4, biome=None, kind="flat", mobs=False, difficulty=1, view=2, warp=1.0, turns=False)
    worlds: list[Any] = []
    try:
        server.greet()
        for _ in range(2):  # the second has the same name: the server ends the first's connection
            worlds.append(make(server=f"127.0.0.1:{server.port}", **{**FLAT, "warp": 1.0}))
            worlds[-1].reset()
        worlds[1].close()
        seen = []
        for _ in range(40):
            *_, info = worlds[0].step(noop())
            seen += [kind for kind, _ in info["events"]]
            if "reconnected" in seen:
                break
        assert "reconnected" in seen
        before = info["zpos"]
        for _ in range(10):
            *_, info = worlds[0].step(action(forward=1))
        assert info["zpos"] > before + 1
    finally:
        for world in worlds:
            world.close()
        server.close()


def test_a_second_world_beside_the_first() -> None:
    worlds: list[Any] = [make(seed=seed, **FLAT) for seed in (1, 2)]
    try:
        for world in worlds:
            world.reset()
        assert worlds[0].server.port != worlds[1].server.port
        worlds[0].server.ask("give", player="veclink", item="apple", count=1)
        infos = [world.step(noop())[-1] for world in worlds]
        assert [[row["name"] for row in info["inventory"]] for info in infos] == [["apple"], []]
        worlds[0].close()
        assert worlds[1].step(action(forward=1))[-1]["zpos"] > infos[1]["zpos"]
    finally:
        for world in worlds:
            world.close()


def test_random_actions_leave_client_and_server_with_the_same_inventory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "MINUTE", 20)
    run = measuring.Endurance(3, generate_world_type="flat", view=2)
    row = run.played(240, lambda part, done, of: None)
    assert row["faults"] == {}, row["examples"]
    assert row["steps"] == 240 and row["compared"] >= 12 and not run.world.bot.alive
    assert all(size > 50 for size in (*run.sizes[-1],)) or not Path("/proc").exists()


def test_the_measurement_small() -> None:
    document = measuring.measure(1, 0.3, 2, quick=True)
    start, beside = document["creation_seconds"]["start"], document["step_milliseconds"]["step_beside_the_tick"]
    assert start["cases"] == 2 and start["low"] > 0 and start["ceiling"] == 5 and start["cpu_seconds"] > 0
    assert beside["value"] > 0 and beside["ceiling"] == 2
    assert document["ratios"]["warp_10_over_1"]["floor"] == 8
    speeds = document["steps_per_second"]
    assert speeds["warp_1"]["value"] < 25
    assert document["pictures"] == ("with_pictures" in speeds) == measuring.pictures_here()
    if document["pictures"]:
        assert speeds["with_pictures"]["floor"] == 20 and 0 < speeds["with_pictures"]["value"] <= 210  # warp 10


def test_pictures_show_where_one_looks() -> None:
    try:
        pictures.check()
    except VeclinkError as error:
        pytest.skip(str(error))
    world: Any = make(seed=3, pictures=True, start_time=6000, **{**FLAT, "image_size": (80, 128)})
    try:
        try:
            observation, info = world.reset()
        except BridgeError as error:
            if "Chromium" in str(error) or "libraries" in str(error):
                pytest.skip(str(error))
            raise
        assert info["pictures"] and observation["rgb"].shape == (3, 80, 128)
        sky, ground = observation["rgb"][:, :20].mean((1, 2)), observation["rgb"][:, 60:].mean((1, 2))
        assert sky[2] > sky[0] and sky[2] > sky[1] - 30 and ground[1] > ground[2] + 20  # blue above, green below
        down, *_ = world.step(action(pitch=90))
        assert np.abs(down["rgb"][:, :20].mean((1, 2)) - sky).max() > 30
    finally:
        world.close()


def test_pictures_have_the_field_of_view_and_the_eyes_of_the_contract() -> None:
    """A lone block's edges against their projection; at 75 degrees, or from 1.6 blocks up, they would be off."""
    size, eyes = (320, 512), 1.62
    try:
        world: Any = make(seed=3, pictures=True, start_time=6000, **{**FLAT, "image_size": size})
    except VeclinkError as error:
        pytest.skip(str(error))

    def shown() -> np.ndarray:
        return world.shots.rgb(must=True, drawn=True).transpose(1, 2, 0).astype(int)

    def extent(x: int, y: int, z: int) -> np.ndarray:
        before = shown()
        world.server.ask("block", x=x, y=y, z=z, name="gold_block")
        world.step(noop())
        rows, columns = np.nonzero((np.abs(shown() - before) > 40).any(-1))
        return np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])

    def projected(x: int, y: int, z: int, fov: float, eye: float) -> np.ndarray:
        places = np.array([(x + i, y + j, z + k) for i in (0, 1) for j in (0, 1) for k in (0, 1)], float)
        feet = world.player.pos
        seen = camera_of((feet[0], feet[1] + eye, feet[2]), 0.0, 0.0, size, fov).project(places)
        return np.array([*seen[:, :2].min(0), *seen[:, :2].max(0)])

    try:
        try:
            world.reset()
        except BridgeError as error:
            if "Chromium" in str(error) or "libraries" in str(error):
                pytest.skip(str(error))
            raise
        assert world.player.eye[1] - world.player.pos[1] == pytest.approx(eyes)
        x, y, z = (int(v) for v in np.floor(world.player.pos))
        aside = x - 4, y + 3, z + 5
        far = extent(*aside)
        assert np.abs(far - projected(*aside, 70.0, eyes)).max() <= 2
        assert np.abs(far - projected(*aside, 75.0, eyes)).max() > 4
        world.server.ask("teleport", player=world.player_name, x=x + 0.5, y=float(y), z=z + 0.9, yaw=0.0, pitch=0.0)
        for _ in range(3):
            world.step(noop())
        near = extent(x, y + 1, z + 2)
        assert np.abs(near - projected(x, y + 1, z + 2, 70.0, eyes)).max() <= 2
        assert np.abs(near - projected(x, y + 1, z + 2, 70.0, 1.6)).max() > 2
        world.reset(seed=4)  # another server, another connection of the same bot
        assert shown()[-40:].mean((0, 1))[1] > shown()[-40:].mean((0, 1))[2] + 20  # grass
    finally:
        world.close()
