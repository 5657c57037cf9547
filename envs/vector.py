"""Many worlds at once: one process a core, several worlds in each, observations in shared memory.

Workers are spawned, so a script that makes a `VectorWorld` needs `if __name__ == "__main__":` round its body.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pickle
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from multiprocessing import connection
from multiprocessing.context import SpawnContext, SpawnProcess
from typing import Any

import numpy as np

from veclink.envs.contract import ACTION_SIZES, IMAGE_SIZE, ActionError, World, checked_image_size
from veclink.envs.errors import InputError, VeclinkError
from veclink.envs.shared import Layout, nested
from veclink.envs.tasks import TaskSpec, spec
from veclink.envs.worker import CLOSE, RESET, STEP, work

MOST = 4096  # worlds
RESTARTS = 5  # of one worker without a step in between, before it is given up
FLAGS = ("terminated", "truncated", "success", "reset", "busy")
Factory = Callable[[int, int], World]


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class WorkersLost(VeclinkError):
    """Worlds cannot be made or kept alive in their processes."""


class Make:
    """Makes world `number` with a seed, in a worker: what `VectorWorld` does unless it is given something else."""

    def __init__(self, task: TaskSpec, image_size: tuple[int, int], world: str, options: Mapping[str, Any]) -> None:
        self.task, self.image_size, self.world, self.options = task, image_size, world, dict(options)

    def __call__(self, number: int, seed: int) -> World:
        from veclink.envs.registry import load

        maker: Any = load(self.world)
        return maker(self.task, self.image_size, seed, **self.options)


class Worker:
    """One process and what the parent knows of it.

    Attributes:
        numbers: of its worlds. waiting: an answer is due. restarts: since its last answer.
    """

    def __init__(self, numbers: range) -> None:
        self.numbers = numbers
        self.process: SpawnProcess | None = None
        self.pipe: connection.Connection | None = None
        self.waiting, self.restarts, self.born = False, 0, 0

    def start(self, context: SpawnContext, arguments: tuple[Any, ...]) -> None:
        """Begin the process; its first answer comes when its worlds are made and reset."""
        self.stop(0.0)
        self.pipe, theirs = context.Pipe()
        self.process = context.Process(target=work, args=(theirs, self.numbers, *arguments), daemon=True,
                                       name=f"veclink-worlds-{self.numbers.start}")
        self.process.start()
        theirs.close()
        self.waiting = True

    def send(self, *message: Any) -> None:
        """A command; a worker that is gone is found out when its answer is awaited."""
        self.waiting = True
        with contextlib.suppress(OSError):
            assert self.pipe is not None
            self.pipe.send_bytes(pickle.dumps(message))

    def stop(self, patience: float) -> None:
        """End the process: asked first where there is patience (seconds), then killed."""
        process, pipe = self.process, self.pipe
        if process is not None and process.is_alive() and patience:
            self.send(CLOSE)
            process.join(patience)
        if process is not None and process.is_alive():
            process.kill()
            process.join(5)
        if pipe is not None:
            pipe.close()
        self.process = self.pipe = None


def _stop_all(workers: list[Worker]) -> None:
    for worker in workers:
        worker.stop(0.0)


class VectorWorld:
    """n worlds with one task, stepped together.

    An episode that ends is followed by a new one as in gymnasium's NEXT_STEP mode: the worker resets the world at
    once, beside everything else; the next `step` ignores that world's action, pays 0, brings the first observation
    and says so in infos["reset"]. A worker that dies or hangs is replaced; its worlds are made anew, their step
    is truncated, brings the new episode's first observation and says so in infos["restarted"].

    Args:
        n: worlds, 1 to 4096.
        task_id: a task's name or a TaskSpec. image_size: (height, width). world: a name of the registry.
        seed: world i begins with seed + i; None: drawn.
        workers: processes; None: one for each core that this process may use, at most n.
        info_keys: keys of the worlds' info to bring along at every step, as lists (at a cost).
        wait: False: a world that is still being reset is left out of the step (infos["waiting"]: observation as
            before, reward 0), together with the others of its worker; True: it is waited for.
        copy: whether observations are copies; else they are views that the next step overwrites.
        timeout: seconds for a step or a reset, ten times as many for starting, before a worker counts as hanging.
        factory: (number, seed) -> World instead of the registry's; must be picklable.
        options: the world's own.

    Attributes:
        n, single_observation_space, single_action_space: as their names say.

    Raises:
        InputError: a number of worlds or workers that cannot be.
        WorkersLost: a worker cannot be started.
    """

    def __init__(
        self, n: int, task_id: str | TaskSpec = "open-ended", image_size: Any = IMAGE_SIZE, seed: int | None = None,
        workers: int | None = None, *, world: str = "voxel", info_keys: Sequence[str] = (), wait: bool = True,
        copy: bool = True, timeout: float = 60.0, factory: Factory | None = None, **options: Any,
    ) -> None:  # fmt: skip
        for what, number in (("worlds", n), ("workers", 1 if workers is None else workers)):
            if isinstance(number, bool) or not isinstance(number, int) or not 1 <= number <= MOST:
                raise InputError(f"1 to {MOST} {what}", repr(number), "choose a number in between")
        self.n, self.wait, self.copy, self.timeout = n, wait, copy, timeout
        self.seed = int(np.random.SeedSequence().generate_state(1)[0]) >> 1 if seed is None else seed
        self._keys = tuple(info_keys)
        self._factory = factory or Make(spec(task_id), checked_image_size(image_size), world, options)
        self._context = multiprocessing.get_context("spawn")
        self._layout = self._prototype()
        self._buffer = self._context.RawArray("b", self._layout.size)
        self._views = self._layout.views(self._buffer)
        count = min(n, workers or cores())
        edges = [n * i // count for i in range(count + 1)]
        self._workers = [Worker(range(edges[i], edges[i + 1])) for i in range(count)]
        self._finalizer = weakref.finalize(self, _stop_all, self._workers)
        self._infos: list[dict[str, Any]] = [{} for _ in range(n)]
        self._restarted = np.zeros(n, np.bool_)
        for worker in self._workers:
            self._start(worker)
        self._gather(self._workers, 10 * timeout)
        self._restarted[:] = False
        self._fresh = True  # the workers have begun the first episodes already

    def _prototype(self) -> Layout:
        """Make one world here to learn its spaces and the shape of what it sees."""
        world = self._factory(0, self.seed)
        try:
            observation, _ = world.reset(seed=self.seed)
            self.single_observation_space, self.single_action_space = world.observation_space, world.action_space
        finally:
            world.close()
        more = {"actions": ((len(ACTION_SIZES),), np.dtype(np.int64)), "reward": ((), np.dtype(np.float64)),
                **{flag: ((), np.dtype(np.bool_)) for flag in FLAGS}}
        return Layout(self.n, observation, more)

    @property
    def pids(self) -> list[int | None]:
        """The workers' process ids."""
        return [worker.process.pid if worker.process else None for worker in self._workers]

    def reset(self, *, seed: int | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
        """Begin n episodes: (observations, infos). With a seed, world i gets seed + i."""
        self._open()
        self._restarted[:] = False
        if (seed is not None and seed != self.seed) or not self._fresh:
            self.seed = self.seed if seed is None else seed
            for worker in self._workers:
                worker.send(RESET, None if seed is None else [seed + i for i in worker.numbers])
            self._gather(self._workers, self.timeout)
        self._fresh = True
        return self._observed(), self._told(np.zeros(self.n, np.bool_))

    def step(self, actions: Any) -> tuple[dict[str, Any], np.ndarray, np.ndarray, np.ndarray, dict[str, Any]]:
        """One step of all.

        Args:
            actions: (n, 8) whole numbers.

        Returns:
            observations (the worlds' dictionary, each value (n, ...)), rewards (n,) float64, terminated (n,) and
            truncated (n,) bool, infos: "success", "reset", "restarted", "waiting" (n,) bool, "error" (n texts, where
            a world raised one and was made anew) and the chosen keys.

        Raises:
            ActionError: actions that are not in the action space.
        """
        self._open()
        self._views["actions"][:] = self._checked(actions)
        self._restarted[:] = self._fresh = False
        waiting = np.zeros(self.n, np.bool_)
        called = []
        for worker in self._workers:
            if not self.wait and self._views["busy"][worker.numbers.start : worker.numbers.stop].any():
                waiting[worker.numbers.start : worker.numbers.stop] = True
            else:
                worker.send(STEP)
                called.append(worker)
        self._gather(called, self.timeout)
        views = self._views
        ended = (views["terminated"] & ~waiting, (views["truncated"] | self._restarted) & ~waiting)
        rewards = np.where(waiting | self._restarted, 0.0, views["reward"])
        return self._observed(), rewards, *ended, self._told(waiting)

    def close(self) -> None:
        """End all workers; a second call does nothing."""
        for worker in self._workers:
            worker.stop(2.0)
        self._finalizer.detach()

    def __enter__(self) -> VectorWorld:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _open(self) -> None:
        if not self._finalizer.alive:
            raise InputError("worlds that are open", "closed ones", "make a new VectorWorld")

    def _checked(self, actions: Any) -> np.ndarray:
        array = np.asarray(actions)
        if array.shape != (self.n, len(ACTION_SIZES)) or array.dtype.kind not in "iu":
            raise ActionError(f"({self.n}, {len(ACTION_SIZES)}) whole numbers", f"{array.shape} of {array.dtype}",
                              "give one action a world")
        if (array < 0).any() or (array >= np.array(ACTION_SIZES)).any():
            world = int(np.flatnonzero(((array < 0) | (array >= np.array(ACTION_SIZES))).any(1))[0])
            raise ActionError("actions of the action space", f"{array[world].tolist()} for world {world}",
                              "keep to the action space")
        return array

    def _start(self, worker: Worker) -> None:
        # Another life of a world has a seed of its own, the same in every run.
        seeds = [self.seed + i + self.n * worker.born for i in worker.numbers]
        worker.born += 1
        worker.start(self._context, (self._buffer, self._layout, seeds, self._factory, self._keys))

    def _gather(self, workers: Sequence[Worker], timeout: float) -> None:
        """Wait for the answers; whoever is gone or silent for too long is replaced, and waited for in turn."""
        until = time.monotonic() + timeout
        while pending := [worker for worker in workers if worker.waiting]:
            pipes = {worker.pipe: worker for worker in pending if worker.pipe is not None}
            ready = connection.wait(list(pipes), max(0.0, until - time.monotonic()))
            lost = [] if ready else pending
            for pipe in ready:
                worker = pipes[pipe]  # pyright: ignore[reportArgumentType]
                try:
                    self._take(worker)
                except (EOFError, OSError):
                    lost.append(worker)
            if lost:
                for worker in lost:
                    self._replace(worker)
                until = time.monotonic() + 10 * self.timeout  # a new process imports and makes its worlds first

    def _take(self, worker: Worker) -> None:
        assert worker.pipe is not None
        told = worker.pipe.recv_bytes()
        worker.waiting, worker.restarts = False, 0
        infos = pickle.loads(told) if told else [{} for _ in worker.numbers]
        for number, info in zip(worker.numbers, infos, strict=True):
            self._infos[number] = info
            if "fatal" in info:
                self.close()
                raise WorkersLost("a world that can be made", info["fatal"], "mend its arguments")

    def _replace(self, worker: Worker) -> None:
        worker.restarts += 1
        code = worker.process.exitcode if worker.process else None
        if worker.restarts > RESTARTS:
            self.close()
            raise WorkersLost(f"a worker for the worlds {worker.numbers.start} to {worker.numbers.stop - 1}",
                              f"{RESTARTS} that died or hung, the last with exit code {code}",
                              "make one such world alone to see why")
        self._restarted[worker.numbers.start : worker.numbers.stop] = True
        self._start(worker)

    def _observed(self) -> dict[str, Any]:
        found = {path: self._views[path].copy() if self.copy else self._views[path] for path in self._layout.paths}
        return nested(found)

    def _told(self, waiting: np.ndarray) -> dict[str, Any]:
        return {"success": self._views["success"].copy(), "reset": self._views["reset"].copy() | self._restarted,
                "restarted": self._restarted.copy(), "waiting": waiting,
                "error": [info.get("error", "") for info in self._infos],
                **{key: [info.get(key) for info in self._infos] for key in self._keys}}
