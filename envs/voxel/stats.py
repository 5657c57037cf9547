"""Counts since the start of the episode, under the names that MineDojo's checks read in `info["stat"]`."""

from __future__ import annotations

from typing import Any

PAGES = ("kill_entity", "use_item", "mine_block", "craft_item", "pick_up")


class Stats:
    """What the player did.

    Attributes:
        pages: page -> name -> count; see PAGES.
        time_since_death: ticks since the start or the last death. deaths: how often it died.
    """

    def __init__(self) -> None:
        self.pages: dict[str, dict[str, int]] = {page: {} for page in PAGES}
        self.time_since_death = self.deaths = 0
        self._read = 0

    def tick(self, world: Any) -> None:
        """Take in the events of a tick."""
        self.time_since_death += 1
        events = world.events
        for kind, what in events[self._read :]:
            if kind == "kill" and what.get("by_player"):
                self._count("kill_entity", what["mob"])
            elif kind == "use":
                self._count("use_item", what["item"])
            elif kind == "mine":
                self._count("mine_block", what["block"])
            elif kind in ("crafted", "smelted"):
                self._count("craft_item", what["item"], what["count"])
            elif kind == "pick_up":
                self._count("pick_up", what["item"], what["count"])
            elif kind == "death":
                self.deaths, self.time_since_death = self.deaths + 1, 0
        self._read = len(events)

    def begin_step(self) -> None:
        """The list of events was emptied."""
        self._read = 0

    def info(self) -> dict[str, Any]:
        """MineDojo's `stat`: what can be used lies under "minecraft"."""
        pages = self.pages
        return {
            "kill_entity": pages["kill_entity"],
            **{page: {"minecraft": pages[page]} for page in PAGES[1:]},
            "time_since_death": self.time_since_death, "deaths": self.deaths,
        }

    def _count(self, page: str, name: str, count: int = 1) -> None:
        self.pages[page][name] = self.pages[page].get(name, 0) + int(count)

    def state(self) -> dict[str, Any]:
        """To be saved."""
        return {"pages": self.pages, "time_since_death": self.time_since_death, "deaths": self.deaths}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state()`."""
        self.pages = {page: dict(state["pages"][page]) for page in PAGES}
        self.time_since_death, self.deaths = state["time_since_death"], state["deaths"]
