"""One agent, several worlds: the very same run by a parameter that names the world, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from veclink.agent.embodied.episode import make_world, run_episode
from veclink.agent.embodied.goals import Goal
from veclink.envs.errors import VeclinkError
from veclink.envs.minecraft import node

WORLDS = {"voxel": {}, "minecraft": {"warp": 20, "view": 2}}  # how fast and how far, which the agent does not see


@pytest.fixture(scope="module", params=WORLDS)
def world(request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "minecraft":
        try:
            node.find_node()
            node.modules()
        except VeclinkError as error:
            pytest.skip(str(error))
    made = make_world("open-ended", 4, world=request.param, generate_world_type="flat", allow_mob_spawn=False,
                      start_time=6000, initial_inventory=[{"name": "log", "quantity": 4, "slot": 9}],
                      **WORLDS[request.param])
    yield made
    made.close()


def test_from_logs_to_a_pickaxe_and_into_the_ground(world: Any) -> None:
    result = run_episode(world, (Goal("wooden_pickaxe"), Goal("dirt", 3)), steps=800, seed=4)
    assert result.success, result
    assert result.inventory["dirt"] >= 3 and result.inventory["wooden_pickaxe"] == 1
    assert result.steps < 400
