"""What runs in a process of `VectorWorld`: its worlds, stepped when the parent says so."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import threading
from collections.abc import Callable, Sequence
from multiprocessing import connection, parent_process
from typing import Any

from veclink.envs.contract import World
from veclink.envs.shared import Layout, Writer

STEP, RESET, CLOSE = "step", "reset", "close"


class Place:
    """One world, its row of the shared memory, and what is due."""

    def __init__(self, number: int, seed: int, make: Callable[[int, int], World], writer: Writer) -> None:
        self.number, self.seed, self.make, self.writer = number, seed, make, writer
        self.world = make(number, seed)
        self.begun: tuple[Any, Any] | None = None  # the next episode's first observation, not yet asked for
        self.ended = False

    def reset(self, seed: int | None) -> None:
        """Begin an episode; its observation is kept until it is asked for."""
        self.begun, self.ended = self.world.reset(seed=seed), False

    def renew(self) -> None:
        """A new world in the place of one that failed."""
        with contextlib.suppress(Exception):
            self.world.close()
        self.seed += 1_000_003  # another one: the same would fail at the same place
        self.world = self.make(self.number, self.seed)


class Worker:
    """The worlds of one process."""

    def __init__(self, numbers: Sequence[int], views: dict[str, Any], layout: Layout, seeds: Sequence[int],
                 make: Callable[[int, int], World], keys: Sequence[str]) -> None:
        self.views, self.keys = views, keys
        self.places = [Place(number, seed, make, Writer(layout, views, number))
                       for number, seed in zip(numbers, seeds, strict=True)]

    def reset(self, seeds: Sequence[int] | None) -> list[dict[str, Any]]:
        """Begin all episodes."""
        told = []
        for index, place in enumerate(self.places):
            place.reset(None if seeds is None else seeds[index])
            told.append(self._first(place))
        return told

    def step(self) -> list[dict[str, Any]]:
        """One step of all, with the actions that lie in the shared memory."""
        return [self._first(place) if place.begun is not None else self._step(place) for place in self.places]

    def reset_ended(self) -> None:
        """Begin the next episode of every world whose last one ended; done after the answer."""
        for place in self.places:
            if place.ended:
                try:
                    place.reset(None)
                except Exception:
                    place.renew()
                    place.reset(place.seed)
                self.views["busy"][place.number] = False

    def close(self) -> None:
        """Close all worlds."""
        for place in self.places:
            with contextlib.suppress(Exception):
                place.world.close()

    def _step(self, place: Place) -> dict[str, Any]:
        number, error = place.number, ""
        try:
            observation, reward, over, cut, info = place.world.step(self.views["actions"][number].copy())
        except Exception as fault:  # one world's fault must not stop the others; the parent tells of it
            place.renew()
            (observation, info), reward, over, cut = place.world.reset(seed=place.seed), 0.0, False, True
            error = f"{type(fault).__name__}: {fault}"
        place.writer.write(observation)
        views = self.views
        views["reward"][number], views["terminated"][number], views["truncated"][number] = reward, over, cut
        views["success"][number] = bool(getattr(place.world, "is_successful", False))
        views["reset"][number] = bool(error)
        place.ended = (over or cut) and not error
        views["busy"][number] = place.ended
        return self._told(info) | ({"error": error} if error else {})

    def _first(self, place: Place) -> dict[str, Any]:
        assert place.begun is not None
        observation, info = place.begun
        place.begun = None
        place.writer.write(observation)
        views, number = self.views, place.number
        views["reward"][number] = 0.0
        for flag in ("terminated", "truncated", "success", "busy"):
            views[flag][number] = False
        views["reset"][number] = True
        return self._told(info)

    def _told(self, info: dict[str, Any]) -> dict[str, Any]:
        return {key: info[key] for key in self.keys if key in info}


def work(pipe: connection.Connection, numbers: Sequence[int], buffer: Any, layout: Layout, seeds: Sequence[int],
         make: Callable[[int, int], World], keys: Sequence[str]) -> None:
    """The process's main function: make the worlds, reset them, then answer commands until the parent is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's to handle
    end_with_parent()
    try:
        worker = Worker(numbers, layout.views(buffer), layout, seeds, make, keys)
        told = worker.reset(seeds)
    except Exception as error:
        pipe.send_bytes(pickle.dumps([{"fatal": f"{type(error).__name__}: {error}"} for _ in numbers]))
        return
    try:
        while True:
            pipe.send_bytes(pickle.dumps(told) if any(told) else b"")
            worker.reset_ended()
            command, *rest = pickle.loads(pipe.recv_bytes())
            if command == CLOSE:
                break
            told = worker.step() if command == STEP else worker.reset(*rest)
    except (EOFError, OSError):  # the parent is gone, or has given this process up
        pass
    finally:
        worker.close()


def end_with_parent() -> None:
    """A thread that ends the process when its parent dies, however that dies."""
    parent = parent_process()
    if parent is None:
        return

    def watch() -> None:
        connection.wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True, name="parent").start()
