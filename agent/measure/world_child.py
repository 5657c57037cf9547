"""What `veclink bench world` runs in processes of their own, on the cores that they are told to keep to."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import time
from collections.abc import Callable, Mapping, Sequence
from multiprocessing import connection
from typing import Any

import numpy as np

from veclink.envs.contract import ACTION_SIZES, CAMERA_NOOP, Function, Slot, noop
from veclink.envs.errors import VeclinkError

TURNS = 0.2  # share of the steps that turn by 15 or 30 degrees
RESET_EVERY = 2_000  # steps of a world before another seed
WARM = 40  # steps before anything is timed
PATIENCE = 600.0  # seconds for an answer


class ChildLost(VeclinkError):
    """A process that measured has ended without an answer."""


def actions(seed: int, number: int) -> np.ndarray:
    """(number, 8) int64 of somebody about: walks, looks round, hits, and at times does anything else.

    Half the steps walk on, a fifth turn by 15 or 30 degrees, 30 % attack, 5 % use, 5 % draw slots 5 to 7 from all that
    there is (most of those run two extra ticks).
    """
    rng = np.random.default_rng(seed)
    made = np.tile(noop(), (number, 1))
    made[:, Slot.MOVE] = rng.random(number) < 0.5
    made[:, Slot.BODY] = np.where(rng.random(number) < 0.2, rng.integers(1, 4, number), 0)
    for slot in (Slot.PITCH, Slot.YAW):
        turned = rng.random(number) < TURNS / 2
        made[:, slot] = np.where(turned, CAMERA_NOOP + rng.choice([-2, -1, 1, 2], number), CAMERA_NOOP)
    draw = rng.random(number)
    made[draw < 0.35, Slot.FUNCTION] = Function.USE
    made[draw < 0.3, Slot.FUNCTION] = Function.ATTACK
    anything = draw > 0.95
    for slot in (Slot.FUNCTION, Slot.CRAFT, Slot.ITEM):
        made[anything, slot] = rng.integers(0, ACTION_SIZES[slot], int(anything.sum()))
    return made


def kept_to(cores: Sequence[int] | None) -> None:
    """Keep this process to some cores, where the system can; and libraries to one thread each."""
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
        os.environ[name] = "1"
    if cores is not None and hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores)


class Stepper:
    """Steps one world for some seconds at a time, on and on.

    Args:
        image_size, seed: of the world. options: its others.
    """

    def __init__(self, image_size: tuple[int, int], seed: int, options: Mapping[str, Any]) -> None:
        from veclink.envs.registry import make

        self.image_size, self.seed, self.options = image_size, seed, dict(options)
        self.acts, self.at = actions(seed, RESET_EVERY), 0
        self.world = make("open-ended", image_size=image_size, seed=seed, **self.options)
        self.world.reset()
        self.run(steps=WARM)

    def run(self, seconds: float = float("inf"), steps: int = 1 << 62) -> dict[str, float]:
        """{"steps", "ticks", "seconds", "cpu"}: what was done until the time or the number was reached."""
        done, ticks, lost, lost_cpu = 0, -self.world.ticks, 0.0, 0.0
        began, began_cpu = time.perf_counter(), time.process_time()
        while done < steps and time.perf_counter() - began - lost < seconds:
            *_, over, cut, _ = self.world.step(self.acts[self.at % RESET_EVERY])
            self.at, done = self.at + 1, done + 1
            if over or cut or self.at % RESET_EVERY == 0:  # beginning anew is measured by itself, not here
                paused, paused_cpu = time.perf_counter(), time.process_time()
                ticks += self.world.ticks
                self.world.reset()
                lost += time.perf_counter() - paused
                lost_cpu += time.process_time() - paused_cpu
        return {"steps": done, "ticks": ticks + self.world.ticks, "seconds": time.perf_counter() - began - lost,
                "cpu": time.process_time() - began_cpu - lost_cpu}


class Crafter:
    """The same for crafter, a two-dimensional world by others, with random actions at 64x64."""

    def __init__(self, seed: int = 0) -> None:
        import crafter  # pyright: ignore[reportMissingImports]  (optional)

        self.world, self.rng = crafter.Env(size=(64, 64), seed=seed), np.random.default_rng(seed)
        self.world.reset()
        self.run(steps=WARM)

    def run(self, seconds: float = float("inf"), steps: int = 1 << 62) -> dict[str, float]:
        """As `Stepper.run`."""
        done, lost = 0, 0.0
        began, began_cpu = time.perf_counter(), time.process_time()
        while done < steps and time.perf_counter() - began - lost < seconds:
            over = self.world.step(int(self.rng.integers(self.world.action_space.n)))[2]
            done += 1
            if over:
                paused = time.perf_counter()
                self.world.reset()
                lost += time.perf_counter() - paused
        return {"steps": done, "ticks": done, "seconds": time.perf_counter() - began - lost,
                "cpu": time.process_time() - began_cpu - lost}


class Several:
    """Steps a `VectorWorld` in this process and its workers, which keep to the same cores."""

    def __init__(self, n: int, workers: int, image_size: tuple[int, int], seed: int) -> None:
        from veclink.envs.vector import VectorWorld

        self.n, self.at = n, 0
        self.acts = np.stack([actions(seed + i, RESET_EVERY) for i in range(n)], 1)
        self.world = VectorWorld(n, image_size=image_size, seed=seed, workers=workers, respawns=True)
        self.world.reset()
        self.run(steps=WARM)

    def run(self, seconds: float = float("inf"), steps: int = 1 << 62) -> dict[str, float]:
        """As `Stepper.run`; steps of all worlds together."""
        done = 0
        began, began_cpu = time.perf_counter(), self._cpu()
        while done < steps and time.perf_counter() - began < seconds:
            self.world.step(self.acts[self.at % RESET_EVERY])
            self.at, done = self.at + 1, done + 1
        return {"steps": done * self.n, "seconds": time.perf_counter() - began, "cpu": self._cpu() - began_cpu}

    def _cpu(self) -> float:
        """Processor's seconds of this process and its workers so far; of the workers 0 where the system hides them."""
        total = time.process_time()
        for pid in self.world.pids:
            with contextlib.suppress(OSError), open(f"/proc/{pid}/stat", encoding="ascii") as file:
                fields = file.read().rpartition(")")[2].split()
                total += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return total


def creation(image_size: tuple[int, int], seeds: Sequence[int]) -> list[tuple[float, float]]:
    """(seconds, processor's seconds) to make a world and begin its first episode, for each seed.

    The first one loads the compiled code.
    """
    from veclink.envs.registry import make

    found = []
    for seed in seeds:
        began, began_cpu = time.perf_counter(), time.process_time()
        world = make("open-ended", image_size=image_size, seed=seed)
        world.reset()
        found.append((time.perf_counter() - began, time.process_time() - began_cpu))
        world.close()
    return found


def memory(image_size: tuple[int, int], worlds: int, steps: int) -> dict[str, float]:
    """Megabytes (10**6 bytes) that stay in memory: of a process with one world, and of each further world."""
    first = Stepper(image_size, 0, {})
    first.run(steps=steps)
    one = resident()
    others = [Stepper(image_size, 1 + number, {}) for number in range(worlds)]
    for other in others:
        other.run(steps=steps)
    return {"process": one / 1e6, "world": (resident() - one) / 1e6 / len(others)}


def resident() -> int:
    """Bytes of this process that are in memory."""
    with contextlib.suppress(OSError), open("/proc/self/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


JOBS: dict[str, Callable[..., Any]] = {
    "stepper": Stepper, "crafter": Crafter, "several": Several, "creation": creation, "memory": memory}


def serve(pipe: connection.Connection, cores: Sequence[int] | None) -> None:
    """A child's main function: do the jobs that are asked for; run again what they made as often as is asked."""
    kept_to(cores)
    made: dict[str, Any] = {}
    try:
        while (asked := pipe.recv()) is not None:
            name, job, arguments = asked
            try:
                if job:
                    result = JOBS[job](**arguments)
                    if hasattr(result, "run"):
                        made[name], result = result, "ready"
                else:
                    result = made[name].run(**arguments)
            except Exception as error:
                result = error if isinstance(error, VeclinkError) else ChildLost(
                    "a measurement", f"{type(error).__name__}: {error}", "make such a world by itself to see why")
            pipe.send(result)
    except (EOFError, OSError):  # the parent is gone
        pass
    finally:
        for each in made.values():
            getattr(each.world, "close", lambda: None)()  # crafter has none


class Child:
    """A process that measures.

    Args:
        cores: that it and its children keep to, None for any.
    """

    def __init__(self, cores: Sequence[int] | None = None) -> None:
        context = multiprocessing.get_context("spawn")
        self.pipe, theirs = context.Pipe()
        # No daemon: `several` has children of its own, and they end when it does.
        self.process = context.Process(target=serve, args=(theirs, cores), name="veclink-bench")
        self.process.start()
        theirs.close()

    def do(self, job: str, name: str = "", **arguments: Any) -> Any:
        """A job of JOBS: its result, or "ready" for one that can be `run` under its name."""
        return self._asked((name, job, arguments))

    def run(self, name: str = "", **arguments: Any) -> dict[str, float]:
        """`run` of what a job made."""
        return self._asked((name, "", arguments))

    def close(self) -> None:
        """End the process."""
        with contextlib.suppress(OSError):
            self.pipe.send(None)
        self.process.join(10)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self.pipe.close()

    def __enter__(self) -> Child:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _asked(self, message: tuple[str, str, dict[str, Any]]) -> Any:
        try:
            self.pipe.send(message)
            if not self.pipe.poll(PATIENCE):
                raise EOFError
            answer = self.pipe.recv()
        except (EOFError, OSError):
            self.process.kill()
            self.process.join()
            raise ChildLost("an answer from a process that measures", f"exit code {self.process.exitcode}",
                            "run it again") from None
        if isinstance(answer, Exception):
            raise answer
        return answer
