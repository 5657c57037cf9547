"""An episode: a player in a world, step by step, with a run folder, a video, and an end that is clean however it comes.

The folder holds `steps.jsonl`, a line a step (the first line is the moment after the reset), `manifest.json`, and
`last.png` where there are pictures.
"""

from __future__ import annotations

import contextlib
import inspect
import io
import json
import platform
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import FrameType
from typing import IO, Any

import numpy as np

from veclink.agent.folder import MANIFEST, RunFolder
from veclink.agent.play.players import Player, in_words
from veclink.agent.play.screen import Status, drawn
from veclink.agent.play.video import Video
from veclink.envs.contract import World
from veclink.envs.errors import InputError
from veclink.envs.tasks import Judge, TaskSpec, is_task, spec

STEPS_FILE, LAST = "steps.jsonl", "last.png"
PACKAGES = ("veclink", "numpy", "numba", "gymnasium", "av")
FLUSH_EVERY = 50  # steps
GOAL = "creative:"  # how a goal in words is named as a task


@dataclass
class Play:
    """What came of an episode.

    Attributes:
        goal: in words. task, category: of the task. world, player, protocol: names. seed: of the world and the player.
        image_size: (height, width), None where no pictures were drawn.
        limit: most steps, None without.
        settings: what was set otherwise in the world.
        ended: "success", "death", "limit" (the task's own), "steps", "player" (it had no more to do), "interrupted",
            "error", or "" while it goes on.
        steps, ticks, reward, success: at the end; success as the task has it, or, where the task is a goal in words,
            as the player sees it. progress: {target: [reached, asked]}.
        inventory: {item: how many} at the end. cause: of a death. error: the message.
        seconds: of all steps together. video: its file. more: what the player says of itself.
    """

    goal: str
    task: str
    category: str
    world: str
    player: str
    protocol: str
    seed: int
    image_size: tuple[int, int] | None
    limit: int | None
    settings: dict[str, Any] = field(default_factory=dict)
    ended: str = ""
    steps: int = 0
    ticks: int = 0
    reward: float = 0.0
    success: bool = False
    progress: dict[str, list[float]] = field(default_factory=dict)
    inventory: dict[str, int] = field(default_factory=dict)
    cause: str = ""
    error: str = ""
    seconds: float = 0.0
    video: str | None = None
    more: dict[str, Any] = field(default_factory=dict)
    started: str = ""

    def to_dict(self) -> dict[str, Any]:
        """The manifest: plain values."""
        rate = round(self.steps / self.seconds, 1) if self.seconds else 0.0
        return {"kind": "play", **plain(vars(self)), "steps_per_second": rate, "versions": versions()}


def versions() -> dict[str, str]:
    """Of Python and the packages that an episode depends on."""
    found = {"python": platform.python_version()}
    for name in PACKAGES:
        with contextlib.suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


def plain(value: Any) -> Any:
    """The value as JSON can hold it."""
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, np.generic):
        return plain(value.item())
    if isinstance(value, float):
        return round(value, 4) if np.isfinite(value) else None
    return value if isinstance(value, str | int | bool | None) else str(value)


def task_of(text: str) -> TaskSpec:
    """The task that a text means: a task's name, else a goal in words.

    Raises:
        UnknownName: it looks like a name (no spaces, with - or _) and no task has it.
        InputError: it is empty or too long.
    """
    words = text.strip()
    if is_task(words) or (words and not any(c.isspace() for c in words) and any(c in words for c in "-_:")):
        return spec(words)
    return spec(f"{GOAL}{words}")


class Recorder:
    """Writes what happens: steps, video and, at the end, the manifest.

    Args:
        folder: of the run, None for none. video: its file, None for none.
    """

    def __init__(self, folder: Path | None, video: Path | None) -> None:
        self.video = Video(video) if video is not None else None
        try:
            self.folder = RunFolder(folder).prepare() if folder is not None else None
            self.lines: IO[str] | None = None
            if self.folder is not None:
                self.lines = open(self.folder.path / STEPS_FILE, "w", encoding="utf8")  # noqa: SIM115  (kept open)
        except BaseException:
            if self.video is not None:
                self.video.close()
            raise
        self.carried: dict[str, int] | None = None
        self.last: np.ndarray | None = None

    def manifest(self, play: Play) -> None:
        """Write it as it is now."""
        if self.folder is not None:
            self.folder.write_json(MANIFEST, play.to_dict())

    def step(self, status: Status, rgb: np.ndarray, row: Mapping[str, Any]) -> None:
        """One moment; a row names what is carried only where that changed."""
        if self.lines is not None:
            place = [round(value, 3) for value in status.place]
            line = {"step": status.step, **row, "position": place, "life": status.life, "food": status.food}
            if status.note:
                line["note"] = status.note
            carried = status.carried()
            if carried != self.carried:
                line["inventory"] = self.carried = carried
            self.lines.write(json.dumps(plain(line)) + "\n")
            if status.step % FLUSH_EVERY == 0:
                self.lines.flush()
        if self.video is not None:
            self.last = drawn(rgb, status)
            self.video.add(self.last)

    def close(self, play: Play, status: Status | None, rgb: np.ndarray | None) -> None:
        """Finish all files."""
        if self.lines is not None:
            self.lines.close()
        if self.video is not None:
            made = self.video.close()
            play.video = str(made) if made else None
        if self.folder is not None and status is not None and rgb is not None:
            from PIL import Image

            buffer = io.BytesIO()
            Image.fromarray(drawn(rgb, status)).save(buffer, "PNG")
            self.folder.write(LAST, buffer.getvalue())
        self.manifest(play)


class Episode:
    """Plays a task to its end.

    Args:
        world: made, not yet reset. player: who plays.
        play: what the manifest says; filled in as it goes.
        recorder: where it is written.
        seen: called after every step with (Status, observation, info); for progress bars and pages.
    """

    def __init__(self, world: World, player: Player, play: Play, recorder: Recorder,
                 seen: Callable[[Status, Mapping[str, Any], Mapping[str, Any]], None] | None = None) -> None:
        self.world, self.player, self.play, self.recorder, self.seen = world, player, play, recorder, seen
        self.status: Status | None = None
        self.rgb: np.ndarray | None = None
        self.judge: Judge | None = None

    def run(self) -> Play:
        """Play. Ctrl-C ends it after the step that is being done; a second one at once.

        Raises:
            whatever the world or the player raise, after the files were finished.
        """
        play = self.play
        play.started = time.strftime("%Y-%m-%dT%H:%M:%S%z")
        try:
            self.recorder.manifest(play)
            with stopped_by_signals() as stop:
                self._steps(stop)
        except KeyboardInterrupt:
            play.ended = "interrupted"
        except BaseException as error:
            play.ended, play.error = "error", f"{type(error).__name__}: {error}"
            raise
        finally:
            self._finish()
        return play

    def _steps(self, stop: threading.Event) -> None:
        play, world, player = self.play, self.world, self.player
        player.stopping = stop
        observation, info = world.reset(seed=play.seed)
        player.begin(world, play.goal, play.seed)
        task = getattr(world, "task", None)
        self.judge = Judge(task) if isinstance(task, TaskSpec) else None
        if self.judge is not None:
            self.judge.begin(info)
        self._note(observation, info, "-", {})
        started = time.monotonic()
        while not play.ended:
            if stop.is_set():
                play.ended = "interrupted"
            elif play.limit is not None and play.steps >= play.limit:
                play.ended = "steps"
            else:
                action = player.act(observation, info)
                if player.finished:
                    play.success = play.success or bool(player.success)
                    play.ended = "success" if play.success else "player"
                    continue
                observation, reward, terminated, truncated, info = world.step(action)
                self._after(np.asarray(action), float(reward), bool(terminated), bool(truncated), observation, info)
            play.seconds = time.monotonic() - started

    def _after(self, action: np.ndarray, reward: float, terminated: bool, truncated: bool,
               observation: Mapping[str, Any], info: Mapping[str, Any]) -> None:
        play = self.play
        play.steps, play.ticks, play.reward = play.steps + 1, self.world.ticks, play.reward + reward
        play.success = bool(info.get("is_successful", False))
        if self.judge is not None:
            self.judge.step(info)
            play.progress = {name: list(pair) for name, pair in self.judge.progress().items()}
        if terminated or truncated:
            alive = bool(info.get("is_alive", True))
            play.ended = "success" if play.success else "limit" if alive else "death"
        if "died" in info:
            play.cause = str(info["died"])
        row: dict[str, Any] = {"action": action.tolist(), "words": in_words(action), **self.player.row()}
        if reward:
            row["reward"] = reward
        if info.get("events"):
            row["events"] = [[kind, what] for kind, what in info["events"]]
        self._note(observation, info, row["words"], row)

    def _note(self, observation: Mapping[str, Any], info: Mapping[str, Any], doing: str,
              row: Mapping[str, Any]) -> None:
        play = self.play
        self.status = Status.of(observation, info, goal=play.goal, doing=doing, note=self.player.note, step=play.steps,
                                steps=play.limit, reward=play.reward)
        self.rgb = observation["rgb"] if play.image_size is not None else None
        play.inventory = self.status.carried()
        self.recorder.step(self.status, observation["rgb"], row)
        if self.seen is not None:
            self.seen(self.status, observation, info)

    def _finish(self) -> None:
        """Close the player, the files and the world, each though another fails."""
        play = self.play
        with contextlib.ExitStack() as last:
            last.callback(self.world.close)
            last.callback(lambda: self.recorder.close(play, self.status, self.rgb))
            last.callback(self.player.close)
            play.more = plain(self.player.extra())


@contextlib.contextmanager
def stopped_by_signals() -> Iterator[threading.Event]:
    """An event that the first Ctrl-C (or SIGTERM) sets; the second interrupts. In other threads: never set."""
    stop = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return

    def first(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            raise KeyboardInterrupt
        stop.set()

    before = {number: signal.signal(number, first) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def make_world(task: TaskSpec, world: str, seed: int, image_size: tuple[int, int] | None, player: Player,
               settings: Mapping[str, Any]) -> World:
    """The world that a player needs.

    Args:
        image_size: None draws no pictures where the world can do without. settings: fields of the task and options
            of the world, before which the player's own wants step back.

    Raises:
        InputError: a setting that neither has.
    """
    from veclink.envs.registry import load, make

    options = {**player.wants, **settings}
    takes = inspect.signature(load(world)).parameters
    if "pictures" in takes:
        options.setdefault("pictures", image_size is not None)
    if "respawns" not in takes and "respawns" not in settings:
        options.pop("respawns", None)
    fields = {name: options.pop(name) for name in list(options) if name in TaskSpec.__dataclass_fields__}
    try:
        maker: Any = make  # it takes a TaskSpec too
        return maker(task.changed(**fields) if fields else task, image_size=image_size or (16, 16), seed=seed,
                     world=world, **options)
    except TypeError as error:
        raise InputError(f"settings that the world {world!r} has", str(error), "leave it out, or mend its name"
                         ) from error
