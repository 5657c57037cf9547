"""A node process driven over JSON lines: one request, one answer, time limits, and an end that leaves nothing behind.

The child ends by itself when its stdin closes, so that nothing is left of it even where Python was killed.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import threading
import time
import weakref
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from veclink.envs.errors import InputError, VeclinkError

SCHEMA = 1
READY = 60.0  # seconds for a child to say that it is ready
ANSWER = 60.0  # seconds for an answer
PATIENCE = 3.0  # seconds for a child to end by itself
LONGEST = 32 << 20  # bytes of a line from a child
LONGEST_REQUEST = 1 << 20  # bytes of a line to it
KEPT = 20  # lines of a child's own words, for people
SHOWN = 300  # characters of them in an error


class BridgeError(VeclinkError):
    """A child process failed: it did not start, gave no or no understandable answer, or refused a request.

    Attributes:
        kind: a word of the child's for what went wrong ("connect", "lost", "busy", ...), "" where it gave none.
    """

    kind: str = ""


class ChildDied(BridgeError):
    """A child process ended on its own."""


class ChildSilent(BridgeError):
    """A child process gave no answer in time."""


class Child:
    """A child process.

    Args:
        command: program and arguments. name: what it is, for messages. env: added to the environment.
        ready: seconds for its first line, which must have the schema and "ready".

    Attributes:
        hello: its first line, once `greet` was called.
    """

    def __init__(self, command: Sequence[str | Path], name: str, *, env: Mapping[str, str] | None = None,
                 ready: float = READY) -> None:
        self.name, self.hello = name, {}
        self._ready, self._next = ready, 0
        self._answers: dict[int, dict[str, Any]] = {}
        self._arrived: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._leaving: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._words: deque[str] = deque(maxlen=KEPT)
        try:
            self.process = subprocess.Popen([str(part) for part in command], stdin=subprocess.PIPE,
                                            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                            env={**os.environ, **(env or {})}, start_new_session=True)
        except OSError as error:
            raise BridgeError(f"a program that starts as {name}", f"{command[0]}: {error.strerror}",
                              "mend its installation") from error
        for work in (self._read, self._hear, self._write):
            threading.Thread(target=work, daemon=True, name=f"veclink-{name}").start()
        self._finalizer = weakref.finalize(self, _end, self.process, self._leaving)

    # -- talking -------------------------------------------------------------------------------------------------------

    def greet(self) -> dict[str, Any]:
        """Wait for the first line and check its schema.

        Raises:
            BridgeError: it says that it cannot start, or has another schema.
            ChildDied, ChildSilent: nothing came.
        """
        message = self._message(time.monotonic() + self._ready, "to start")
        if message.get("schema") != SCHEMA:
            self.close()
            raise BridgeError(f"schema {SCHEMA} of the {self.name}", repr(message.get("schema"))[:60],
                              "use files of one version of veclink")
        if not message.get("ready"):
            self.close()
            raise self._refusal(message, f"a {self.name} that starts")
        self.hello = message
        return message

    def post(self, do: str, *, limit: float | None = None, **given: Any) -> int:
        """Send a request; its number, to be given to `wait`.

        Raises:
            InputError: it is too long.
        """
        self._next += 1
        message: dict[str, Any] = {"id": self._next, "do": do, "with": given}
        if limit is not None:
            message["limit"] = limit
        line = json.dumps(message).encode() + b"\n"
        if len(line) > LONGEST_REQUEST:
            raise InputError(f"a request of at most {LONGEST_REQUEST:,} bytes", f"{len(line):,} bytes", "send less")
        self._leaving.put(line)
        return self._next

    def wait(self, number: int, timeout: float = ANSWER) -> Any:
        """The answer to a request.

        Raises:
            BridgeError: the child refused it. ChildDied, ChildSilent: there is none.
        """
        until = time.monotonic() + timeout
        while number not in self._answers:
            message = self._message(until, "to answer")
            identity = message.get("id")
            if isinstance(identity, int):
                self._answers[identity] = message
        answer = self._answers.pop(number)
        if "ok" in answer:
            return answer["ok"]
        raise self._refusal(answer, f"the {self.name} to do it")

    def ask(self, do: str, *, timeout: float = ANSWER, **given: Any) -> Any:
        """Send a request and wait for its answer; the child is told to give up a little earlier than we do."""
        return self.wait(self.post(do, limit=round(timeout * 0.9, 3), **given), timeout)

    def _refusal(self, message: Mapping[str, Any], expected: str) -> BridgeError:
        error = BridgeError(expected, str(message.get("error", "no reason given"))[:SHOWN], "see docs/minecraft.md")
        error.kind = str(message.get("kind", ""))
        return error

    def _message(self, until: float, what: str) -> dict[str, Any]:
        try:
            line = self._arrived.get(timeout=max(0.0, until - time.monotonic()))
        except queue.Empty:
            self.kill()
            raise ChildSilent(f"the {self.name} {what} in time", f"silence{self._said()}",
                              "make a new world; was the machine too busy?") from None
        if line is None:
            self._arrived.put(None)  # for whoever asks next
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(PATIENCE)
            code = self.process.poll()
            raise ChildDied(f"a running {self.name}", f"one that ended (exit code {code}){self._said()}",
                            "make a new world")
        try:
            message = json.loads(line)
        except ValueError:
            message = None
        if not isinstance(message, dict):
            self.kill()
            shown = line[:60].decode("utf8", "replace")
            raise BridgeError(f"a JSON object a line from the {self.name}", repr(shown), "make a new world")
        return message

    def _said(self) -> str:
        words = " | ".join(list(self._words)[-3:])
        return f"; it said: {words[-SHOWN:]}" if words else ""

    # -- threads: each ends with the pipe it serves --------------------------------------------------------------------

    def _read(self) -> None:
        stream = self.process.stdout
        assert stream is not None
        with contextlib.suppress(OSError, ValueError):
            while line := stream.readline(LONGEST):
                self._arrived.put(line)
                if not line.endswith(b"\n"):
                    break
            stream.close()
        self._arrived.put(None)

    def _hear(self) -> None:
        stream = self.process.stderr
        assert stream is not None
        with contextlib.suppress(OSError, ValueError):
            while line := stream.readline(1 << 16):
                text = line.decode("utf8", "replace").strip()
                self._words.append("".join(c for c in text if c.isprintable())[:SHOWN])
            stream.close()

    def _write(self) -> None:
        stream = self.process.stdin
        assert stream is not None
        with contextlib.suppress(OSError, ValueError):
            while (line := self._leaving.get()) is not None:
                stream.write(line)
                if self._leaving.empty():
                    stream.flush()
        with contextlib.suppress(OSError, ValueError):
            stream.close()

    # -- ending --------------------------------------------------------------------------------------------------------

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self.process.poll() is None

    def words(self) -> list[str]:
        """The last lines that it wrote to stderr."""
        return list(self._words)

    def kill(self) -> None:
        """End it at once."""
        with contextlib.suppress(OSError):
            self.process.kill()
        self.close()

    def close(self) -> None:
        """End it: its stdin is closed, then it is told to end, then killed. A second call does nothing."""
        self._finalizer()


def _end(process: subprocess.Popen[bytes], leaving: queue.SimpleQueue[bytes | None]) -> None:
    leaving.put(None)  # closes its stdin
    for tell in (None, process.terminate, process.kill):
        if tell is not None:
            with contextlib.suppress(OSError):
                tell()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(PATIENCE)
            break
