"""Time of day, weather, and the light that comes of them; Minecraft 1.11's formulas."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

from veclink.envs.voxel.chance import Chance

DAY = 24_000  # ticks
CLEAR, RAIN, THUNDER = 0, 1, 2
WEATHERS = ("clear", "rain", "thunder")
DARKEST = 11  # levels that night takes off the sky's light
RAIN_LASTS = (12_000, 24_000)  # ticks, uniform
DRY_LASTS = (12_000, 180_000)
THUNDER_SHARE = 0.2  # of the rains; 1.11 runs a second clock for thunder, of which this is the outcome


def angle_at(time: int) -> float:
    """Where the sun stands on its circle at a time of day, 0..1: 0 overhead, 0.5 below."""
    share = (time / DAY - 0.25) % 1.0
    return share + (1 - (math.cos(share * math.pi) + 1) / 2 - share) / 3


@lru_cache(maxsize=16)  # asked for many times a tick
def light_at(time: int, weather: int, offset: float) -> float:
    """The sky's light, 0..1; `offset` is what night keeps of it."""
    light = min(1.0, max(0.0, math.cos(angle_at(time) * 2 * math.pi) * 2 + offset))
    if weather != CLEAR:
        light *= 1 - 5 / 16
    if weather == THUNDER:
        light *= 1 - 5 / 16
    return light


class Sky:
    """The clock and the weather.

    Args:
        time: of day, 0..23,999 ticks: 0 sunrise, 6,000 noon, 12,000 dusk, 18,000 midnight.
        weather: 0 clear, 1 rain, 2 thunder.
        passing: whether time and weather change by themselves.

    Attributes:
        day: days since the beginning.
        left: ticks until the weather changes.
    """

    def __init__(self, time: int = 0, weather: int = CLEAR, passing: bool = True) -> None:
        self.time, self.day, self.weather, self.passing = time % DAY, 0, weather, passing
        self.left = DRY_LASTS[0]

    def begin(self, chance: Chance) -> None:
        """Draw how long the first weather lasts."""
        self.left = chance.between(*(DRY_LASTS if self.weather == CLEAR else RAIN_LASTS))

    def tick(self, chance: Chance) -> None:
        """One tick."""
        if not self.passing:
            return
        self.time += 1
        if self.time >= DAY:
            self.time, self.day = 0, self.day + 1
        self.left -= 1
        if self.left <= 0:
            if self.weather == CLEAR:
                self.weather = THUNDER if chance.uniform() < THUNDER_SHARE else RAIN
            else:
                self.weather = CLEAR
            self.begin(chance)

    def morning(self) -> None:
        """Somebody slept: it is the next sunrise, and dry."""
        self.time, self.day, self.weather, self.left = 0, self.day + 1, CLEAR, DRY_LASTS[0]

    @property
    def angle(self) -> float:
        """Where the sun stands on its circle, 0..1: 0 overhead, 0.5 below."""
        return angle_at(self.time)

    @property
    def darkness(self) -> int:
        """Levels taken off the sky's light, 0 (noon) to 11 (midnight)."""
        return int((1 - self._light(0.5)) * DARKEST)

    @property
    def brightness(self) -> float:
        """MineDojo's `sun_brightness`, 0.2..1."""
        return self._light(0.2) * 0.8 + 0.2

    @property
    def dark(self) -> bool:
        """Whether one can sleep: at night, or in a thunderstorm."""
        return 12_541 <= self.time <= 23_458 or self.weather == THUNDER

    def _light(self, offset: float) -> float:
        return light_at(self.time, self.weather, offset)

    def state(self) -> dict[str, Any]:
        """To be saved."""
        return {name: getattr(self, name) for name in ("time", "day", "weather", "passing", "left")}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state()`."""
        for name in ("time", "day", "weather", "passing", "left"):
            setattr(self, name, state[name])
