"""The embedded Minecraft server's rules, each proved by node with the scripts of tests/js: most with a real mineflayer
client, at ten times the speed of the clock. Skipped without Node or the npm packages."""

from __future__ import annotations

import functools
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from veclink.envs.errors import VeclinkError
from veclink.envs.minecraft import node

SCRIPTS = Path(__file__).parent / "js"
WARP = 10
TIMEOUT = 480  # seconds for one script; on a quiet machine it takes a twentieth of that
CHECKS = {
    "minecraft_ground.js": [
        "the terrain is a function of the seed",
        "ores lie at their depths, lava low, bedrock at 0",
        "every biome can be asked for, with its ground and trees",
        "spawns are dry, free and near wood",
        "light after changes is the light computed anew",
        "sand falls, water spreads and dries, lava and water make stone",
        "leaves wither after the tree is felled; a sapling grows again",
        "drops come with their chances",
        "all recipes of the version are known, every fuel burns, every smelting result is an item",
        "a column takes less than 15 ms",
        "a taken port, a bad config and an unknown version end with one clear line",
        "clients that send nonsense are ended and the server lives",
        "turn by turn the world goes on by the words of its client alone",
        "a player who comes back is as he was",
    ],
    "minecraft_hands.js": [
        "logs to planks to sticks to a table, in the 2x2 grid",
        "a pickaxe in the 3x3 grid of a placed table",
        "planks of several woods make a table; a wrong pattern makes nothing",
        "shift-click on the result crafts all there is",
        "number keys, drags and double clicks move true stacks",
        "stone: nothing by hand, cobblestone and wear with a pickaxe, in the right time",
        "iron ore needs a stone pickaxe; a worn-out tool breaks",
        "ores and metal break in a pickaxe's time, not in a hand's",
        "a dig that is too fast is refused",
        "what is out of reach cannot be dug",
        "a furnace smelts with fuel, glows and gives experience",
        "a chest keeps what is put in and spills it when broken",
        "thrown items lie a while and are picked up again",
        "torches need a wall or ground; a door has two halves that open together",
        "a hoe makes fields, seeds grow with bone meal, ripe wheat gives wheat",
        "a bucket takes up a source and pours it out; poured water flows",
        "from bare hands to an iron pickaxe",
    ],
    "minecraft_body.js": [
        "eating takes time, fills and uses up",
        "a full stomach heals, an empty one starves to half a heart",
        "running and jumping make hungry",
        "a fall hurts by its height; water breaks it",
        "lava burns, and fire goes on until water",
        "under water the air goes, then life",
        "armour softens blows and wears",
        "what is put on by the use key is worn",
        "a bed skips the night and is where one wakes",
        "death drops all that was carried, and one wakes at the bed",
        "ores give experience, and a level shows",
        "weather and time reach the client",
        "the light that the client has is the server's",
    ],
    "minecraft_mobs.js": [
        "an animal runs when it is hit, dies and gives its loot and experience",
        "a zombie comes and hits; by day it burns",
        "a skeleton shoots arrows",
        "a creeper hisses and blows up",
        "a spider is calm by day and bites by night",
        "an enderman is angry when looked in the face",
        "a slime splits",
        "two fed cows have a calf",
        "a sheep is shorn, a cow milked",
        "an arrow of the player hits",
        "monsters spawn in the dark and not near, none in peace",
    ],
}


@functools.cache
def results(script: str) -> dict[str, dict[str, Any]]:
    """What each check of a script gave, by its name."""
    try:
        program, modules = node.find_node().program, node.modules()
    except VeclinkError as error:
        pytest.skip(f"no Node or no npm packages: {error}")
    env = {**os.environ, "NODE_PATH": str(modules), "WARP": str(WARP),
           "NODE_COMPILE_CACHE": str(node.compiled_folder())}
    command = [str(program), "-r", str(node.JS / "clock.js"), str(SCRIPTS / script)]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    found = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
    assert found, done.stderr[-2000:]
    return {line["name"]: line for line in found}


@pytest.mark.parametrize(("script", "name"), [(script, name) for script, names in CHECKS.items() for name in names])
def test_rule(script: str, name: str) -> None:
    found = results(script)
    assert name in found, f"{script} ended before it: {list(found)}"
    assert found[name]["ok"], found[name]["error"]


@pytest.mark.parametrize("script", CHECKS)
def test_no_check_is_left_out(script: str) -> None:
    assert list(results(script)) == CHECKS[script]
