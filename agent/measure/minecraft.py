"""How fast the Minecraft world starts and steps, and hours of random actions in it.

`measure`: start to the first observation; what a step costs beside the game's own tick (bridge, observation and all of
Python, with voxels and inventory); how much faster the game goes at warp 10 than at warp 1; and, where the viewer is
installed, steps a second with a picture each.

`endure`: after every minute of the game the client's inventory is compared with the server's, slot by slot, and the
memory of both node processes is read. The embedded server keeps no world on disk, so that a run begins anew each time.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from veclink.agent.measure.audit import CHUNK, GIVEN, KEPT, drawn, summed
from veclink.agent.measure.figures import spread
from veclink.agent.measure.world_child import WARM, actions
from veclink.envs.contract import Slot, noop
from veclink.envs.minecraft.pictures import PicturesMissing, check

CEILINGS = {"start": 5.0, "step_beside_the_tick": 2.0}  # seconds, milliseconds
FLOORS = {"warp_10_over_1": 8.0, "with_pictures": 20.0}
FAST = 10.0  # warp
TICKS = 20.0  # a second at warp 1
MINUTE = 1200  # ticks
WARM_UP = 60  # minutes of the game until memory is judged
GROWTH = 0.10  # of memory that counts as flat
ENDURED_AT = 100.0  # warp
PICTURE = (160, 256)  # pixels, height and width
TURN_EVERY = 3  # steps, of which one turns the view
VIEW = {"xmin": -10, "xmax": 10, "ymin": -10, "ymax": 10, "zmin": -10, "zmax": 10}
Progress = Callable[[str, int, int], None]


def _made(warp: float, seed: int, **options: Any) -> Any:
    from veclink.envs.registry import make

    asked = {"image_size": (16, 16), "use_voxel": True, **options}
    return make("open-ended", world="minecraft", seed=seed, warp=warp, **asked)


# -- speed -------------------------------------------------------------------------------------------------------------


def measure(rounds: int = 5, seconds: float = 3.0, seed: int = 0, quick: bool = False,
            progress: Progress = lambda part, done, of: None) -> dict[str, Any]:
    """All figures; each is {"value" (median), "low", "high", "cases"} over the rounds, with its floor or ceiling.

    Args:
        rounds, seconds: how often and how long each figure is taken. seed: of the worlds and the actions.
        quick: a flat world. progress: called with what is measured, the rounds done and their number.

    Returns:
        "creation_seconds", "step_milliseconds", "ratios" and "steps_per_second" by name; "cores" and "load";
        "pictures": whether there is a viewer, without which "with_pictures" is left out.
    """
    options: dict[str, Any] = {"voxel_size": VIEW, "respawns": True}
    if quick:
        options |= {"generate_world_type": "flat", "view": 2}
    found: dict[str, list[Any]] = {"start": [], "warp_1": [], f"warp_{FAST:g}": []}
    for done in range(rounds):
        for warp in (1.0, FAST):
            began, used = time.perf_counter(), time.process_time()
            world = _made(warp, seed + done, **options)
            try:
                world.reset()
                wall = time.perf_counter() - began
                found["start"].append((wall, time.process_time() - used + sum(_used(world))))
                found[f"warp_{warp:g}"].append(_stepped(world, seconds, seed + done))
            finally:
                world.close()
        progress("worlds", done + 1, rounds)
    seen = _pictured(rounds, seconds, seed, progress) if pictures_here() else []
    slow, fast = found["warp_1"], found[f"warp_{FAST:g}"]
    starts = spread([wall for wall, _ in found["start"]])
    starts["cpu_seconds"] = round(statistics.median(cpu for _, cpu in found["start"]), 3)
    beside = spread([row["beside"] for row in fast])
    beside["cpu_milliseconds"] = round(statistics.median(row["cpu_beside"] for row in fast), 3)
    ratios = spread([one["speed"] / other["speed"] for one, other in zip(fast, slow, strict=True)])
    alone = min(FAST * TICKS, statistics.median(row["per_cpu_second"] for row in fast))
    ratios["if_cores_were_free"] = round(alone / statistics.median(row["speed"] for row in slow), 3)
    load = [round(figure, 2) for figure in os.getloadavg()] if hasattr(os, "getloadavg") else []
    return {"suite": "world minecraft", "quick": quick, "rounds": rounds, "seconds_a_round": seconds, "seed": seed,
            "cores": os.cpu_count(), "load": load,
            "creation_seconds": {"start": _bounded("start", starts)},
            "step_milliseconds": {"step_beside_the_tick": _bounded("step_beside_the_tick", beside)},
            "ratios": {"warp_10_over_1": _bounded("warp_10_over_1", ratios)},
            "pictures": bool(seen),
            "steps_per_second": {**{name: _speed(found[name]) for name in ("warp_1", f"warp_{FAST:g}")},
                                 **({"with_pictures": _bounded("with_pictures", spread(seen))} if seen else {})}}


def pictures_here() -> bool:
    """Whether the viewer is installed."""
    try:
        check()
    except PicturesMissing:
        return False
    return True


def _pictured(rounds: int, seconds: float, seed: int, progress: Progress) -> list[float]:
    """Steps a second with a picture of the asked size each, the view turning; one figure a round."""
    found = []
    turned = noop()
    turned[Slot.YAW] += 1
    for done in range(rounds):
        world = _made(FAST, seed + done, pictures=True, image_size=PICTURE, use_voxel=False)
        try:
            world.reset()
            world.shots.rgb(must=True, drawn=True)  # all blocks near have come
            for _ in range(2 * TURN_EVERY):
                world.step(turned)
            began, steps = time.perf_counter(), 0
            while time.perf_counter() - began < seconds:
                world.step(noop() if steps % TURN_EVERY else turned)
                steps += 1
            found.append(steps / (time.perf_counter() - began))
        finally:
            world.close()
        progress("pictures", done + 1, rounds)
    return found


def _speed(rows: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    figure = spread([row["speed"] for row in rows])
    return figure | {"per_cpu_second": round(statistics.median(row["per_cpu_second"] for row in rows), 2)}


def _stepped(world: Any, seconds: float, seed: int) -> dict[str, float]:
    """Ticks a second of wall time and of the processes' time; milliseconds of a step beside its ticks, of both."""
    todo = actions(seed, CHUNK)
    for action in todo[:WARM]:
        world.step(action)
    costs: list[float] = []
    ticks, before, in_ticks = world.ticks, (time.process_time(), *_used(world)), 0.0
    began = time.perf_counter()
    for action in todo[WARM:]:
        at = time.perf_counter()
        world.step(action)
        now = time.perf_counter()
        costs.append(1000 * (now - at - world.spent[0]))
        in_ticks += world.spent[1]
        if now - began > seconds:
            break
    wall = time.perf_counter() - began
    here, server, bot = (new - old for new, old in zip((time.process_time(), *_used(world)), before, strict=True))
    ticks = world.ticks - ticks
    return {"speed": ticks / wall, "per_cpu_second": ticks / max(1e-6, here + server + bot),
            "beside": statistics.median(costs), "cpu_beside": 1000 * max(0.0, here + bot - in_ticks) / len(costs)}


def _used(world: Any) -> tuple[float, float]:
    """Seconds of processor time that the server and the bot have used; 0 where the system does not tell."""
    def used(pid: int) -> float:
        try:
            fields = Path(f"/proc/{pid}/stat").read_text("ascii").rpartition(") ")[2].split()
            return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        except (OSError, IndexError, ValueError):
            return 0.0

    return used(world.server.child.process.pid), used(world.bot.process.pid)


def _bounded(name: str, figure: dict[str, Any]) -> dict[str, Any]:
    if name in CEILINGS:
        return figure | {"ceiling": CEILINGS[name], "met": figure["value"] <= CEILINGS[name]}
    return figure | {"floor": FLOORS[name], "met": figure["value"] >= FLOORS[name]}


# -- endurance ---------------------------------------------------------------------------------------------------------


def endure(seeds: int = 1, steps: int = 24 * 60 * MINUTE, folder: Path | None = None,
           progress: Progress = lambda part, done, of: None) -> dict[str, Any]:
    """Play `steps` random actions in each of the worlds 0 to seeds - 1; 1,728,000 ticks are a day and a night of hours.

    Args:
        folder: not used; a world of this kind cannot be kept. progress: as of `audit`.

    Returns:
        As of `audit`; kinds of faults are "exception", "not finite", "inventory" (client and server differ) and
        "memory". Each row has "memory": {process: [first, last] megabytes once it was warm}, "compared" and "minutes".
    """
    del folder
    rows = {str(seed): Endurance(seed).played(steps, progress) for seed in range(seeds)}
    return summed("world minecraft audit", rows, steps)


class Endurance:
    """One seed's run.

    Attributes:
        row: what was found so far. sizes: megabytes of (server, bot) after each minute of the game.
    """

    def __init__(self, seed: int, **options: Any) -> None:
        self.seed = seed
        self.row: dict[str, Any] = {"steps": 0, "ticks": 0, "deaths": 0, "minutes": 0, "compared": 0, "seconds": 0.0,
                                    "ended": False, "faults": {}, "examples": [], "memory": {}}
        self.sizes: list[tuple[float, float]] = []
        given = [{"name": name, "quantity": count} for name, count in GIVEN]
        self.world = _made(ENDURED_AT, seed, respawns=True, initial_inventory=given, **options)

    def played(self, steps: int, progress: Progress) -> dict[str, Any]:
        """So many steps from the beginning."""
        row, began = self.row, time.perf_counter()
        try:
            self.world.reset()
            while row["steps"] < steps and not row["ended"]:
                todo = drawn(self.seed, row["steps"] // CHUNK, CHUNK)[: steps - row["steps"]]
                row["ended"] = not self._chunk(todo)
                row |= {"ticks": self.world.ticks, "deaths": self.world.stats.deaths,
                        "seconds": round(time.perf_counter() - began, 1)}
                progress(f"seed {self.seed}", row["steps"], steps)
            self._judge_memory()
        finally:
            self.world.close()
        return row

    def _chunk(self, acts: np.ndarray) -> bool:
        """Do the actions; False where the world raised an error."""
        for action in acts:
            self.row["steps"] += 1
            try:
                observation, reward, *_ = self.world.step(action)
                if self.world.ticks // MINUTE > self.row["minutes"]:
                    self.row["minutes"] = self.world.ticks // MINUTE
                    self._look()
            except Exception as error:  # whatever a world raises is what is looked for
                self._fault("exception", f"{type(error).__name__}: {error} at {action.tolist()}")
                return False
            spot = (self.world.player.pos, observation["life_stats"]["life"], reward)
            if not all(np.isfinite(value).all() for value in spot):
                self._fault("not finite", f"{[np.asarray(value).tolist() for value in spot]}")
        return True

    def _look(self) -> None:
        world = self.world
        wrong = differing(world.player.told, world.server.ask("inventory", player=world.player_name)["slots"])
        self.row["compared"] += 1
        if wrong:
            self._fault("inventory", f"minute {self.row['minutes']}: {wrong}")
        self.sizes.append((resident(world.server.child.process.pid), resident(world.bot.process.pid)))

    def _judge_memory(self) -> None:
        warm = self.sizes[WARM_UP:] or self.sizes[-1:]
        part = max(1, len(warm) // 4)
        for index, name in enumerate(("server", "bot")):
            ends = [statistics.median(size[index] for size in some) for some in (warm[:part], warm[-part:]) if some]
            if len(ends) != 2 or not ends[0]:
                continue
            self.row["memory"][name] = [round(size, 1) for size in ends]
            if len(self.sizes) > 2 * WARM_UP and ends[1] > (1 + GROWTH) * ends[0]:
                self._fault("memory", f"{name}: {ends[0]:.0f} to {ends[1]:.0f} MB")

    def _fault(self, kind: str, words: str) -> None:
        self.row["faults"][kind] = self.row["faults"].get(kind, 0) + 1
        if len(self.row["examples"]) < KEPT:
            self.row["examples"].append(f"step {self.row['steps']}: {kind}: {words}")


def differing(client: Sequence[Any], server: Sequence[Any]) -> list[str]:
    """Slots 1 to 45 of the player's window in which the two are not the same."""
    def plain(row: Any) -> tuple[str, int, int] | None:
        return (str(row[0]), int(row[1]), int(row[2])) if row else None

    pairs = [(slot, plain(client[slot]), plain(server[slot])) for slot in range(1, 46)]
    return [f"slot {slot}: client {mine}, server {theirs}" for slot, mine, theirs in pairs if mine != theirs]


def resident(pid: int) -> float:
    """Megabytes of a process that are in memory; 0 where the system does not tell."""
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text("ascii").split()[1])
    except (OSError, IndexError, ValueError):
        return 0.0
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
