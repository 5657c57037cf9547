"""A small world behind the contract, for tests of what is built round worlds: a number that counts steps."""

from __future__ import annotations

import os
import time
from typing import Any

import numpy as np

from veclink.envs.contract import World, checked_action
from veclink.envs.tasks import Judge, TaskSpec, spec

HEALTH = 20.0


class FakeWorld(World):
    """The picture's first pixel is the step; attack gives a log; an episode lasts `length` steps."""

    def __init__(self, task: TaskSpec, image_size: Any = (16, 16), seed: int | None = 0, *, length: int = 10,
                 work: int = 0, slow_reset: float = 0.0) -> None:
        super().__init__(image_size=image_size)
        self.task_id, self.task_prompt, self.judge = task.id, task.prompt, Judge(task)
        self.length, self.work, self.slow_reset = length, work, slow_reset
        self.seed, self.step_number, self.logs, self.episodes = seed or 0, 0, 0, 0
        self.names = np.full(36, "air")

    def _seen(self) -> tuple[dict[str, Any], dict[str, Any]]:
        height, width = self.observation_space["rgb"].shape[1:]  # type: ignore[index]
        rgb = np.full((3, height, width), self.seed % 251, np.uint8)
        rgb[0, 0, 0] = self.step_number
        names = np.full(36, "air")
        if self.logs:
            names[0] = "log"
        quantity = np.zeros(36, np.float32)
        quantity[0] = self.logs
        info = {"inventory": [{"name": "log", "quantity": self.logs, "variant": 0, "index": 0}],
                "stat": {"kill_entity": {}, "use_item": {"minecraft": {}}}, "pid": os.getpid(), "is_alive": True,
                "xpos": 0.0, "ypos": 64.0, "zpos": 0.0, "light_level": 15, "time_since_death": self.step_number,
                "is_successful": self.is_successful}
        observation = {"rgb": rgb, "inventory": {"name": names, "quantity": quantity},
                       "life_stats": {"life": np.array([HEALTH], np.float32), "food": np.array([20], np.float32)},
                       "location_stats": {"pos": np.array([self.seed, 64, self.step_number], np.float32)}}
        return observation, info

    def reset(self, *, seed: int | None = None, options: Any = None) -> tuple[dict[str, Any], dict[str, Any]]:
        time.sleep(self.slow_reset if self.episodes else 0)
        self.episodes += 1
        self.seed = self.seed + 1000 if seed is None else seed
        self.step_number = self.logs = 0
        self.is_successful = False
        observation, info = self._seen()
        self.judge.begin(info)
        return observation, info

    def step(self, action: Any) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        action = checked_action(action)
        total = 0
        for number in range(self.work):
            total += number
        if action[5] == 1 and action[7] == 13:
            os._exit(9)  # a world that takes its process with it
        if action[5] == 1 and action[7] == 14:
            raise RuntimeError("broken")
        if action[5] == 1 and action[7] == 15:
            time.sleep(60)
        self.step_number += 1
        self.logs += int(action[5] == 3)
        _, info = self._seen()
        reward, self.is_successful = self.judge.step(info)
        observation, info = self._seen()
        return observation, reward, self.is_successful, self.step_number >= self.length, info


class Make:
    """(number, seed) -> FakeWorld, picklable."""

    def __init__(self, task_id: str = "get-diamond", **options: Any) -> None:
        self.task_id, self.options = task_id, options

    def __call__(self, number: int, seed: int) -> FakeWorld:
        return FakeWorld(spec(self.task_id), (16, 16), seed, **self.options)
