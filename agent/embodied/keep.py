"""What an episode leaves on disk: its manifest, a line for each action, and checkpoints to resume a killed one from.

A checkpoint is one row of an SQLite file: the loop's state, the agent's and the world's, written in one transaction, so
that a kill at any moment leaves the row before it whole.
"""

from __future__ import annotations

import io
import json
import os
import sqlite3
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from veclink.agent.embodied.result import plain
from veclink.envs.errors import InputError

MANIFEST, LINES, POINTS, PICTURE = "manifest.json", "steps.jsonl", "checkpoint.sqlite", "timeline.png"
VERSION = 1
KEPT = 2  # checkpoints


class Folder:
    """The folder of one episode.

    Args:
        path: made if it is not there.

    Raises:
        InputError: it cannot be written to.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            self._lines = (self.path / LINES).open("a", encoding="utf-8")
        except OSError as error:
            raise InputError("a folder to write an episode to", f"{self.path} ({error.strerror})",
                             "choose another") from error

    def line(self, row: Mapping[str, Any]) -> None:
        """One action's line; on disk at once."""
        self._lines.write(json.dumps(row, default=plain, separators=(",", ":")) + "\n")
        self._lines.flush()

    def cut_back(self, number: int) -> None:
        """Forget the lines of actions after the first `number`: they are done again."""
        self._lines.close()
        path = self.path / LINES
        kept = []
        for line in path.read_text("utf-8").splitlines():
            try:
                if json.loads(line)["number"] <= number:
                    kept.append(line)
            except (ValueError, KeyError, TypeError):
                continue  # the last line of a killed episode
        replace(path, "".join(f"{line}\n" for line in kept))
        self._lines = path.open("a", encoding="utf-8")

    def clear(self) -> None:
        """A new episode begins here: what an older one left is gone."""
        self.cut_back(0)
        for name in (POINTS, f"{POINTS}-wal", f"{POINTS}-shm", MANIFEST, PICTURE):
            (self.path / name).unlink(missing_ok=True)

    def manifest(self, document: Mapping[str, Any]) -> None:
        """Write what the episode is and, at its end, what came of it."""
        replace(self.path / MANIFEST, json.dumps(document, default=plain, indent=1) + "\n")

    def read_manifest(self) -> dict[str, Any]:
        """What `manifest` wrote; empty where nothing was written."""
        try:
            document = json.loads((self.path / MANIFEST).read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return document if isinstance(document, dict) else {}

    def save(self, loop: Mapping[str, Any], agent: Mapping[str, Any], world: Any) -> None:
        """Keep a checkpoint.

        Args:
            loop: as JSON can hold it. agent: "json" and arrays. world: with `save(path)`.
        """
        with tempfile.TemporaryDirectory(dir=self.path) as place:
            file = Path(place) / "world"
            world.save(file)
            data = file.read_bytes()
        arrays = io.BytesIO()
        np.savez_compressed(arrays, **{key: value for key, value in agent.items() if key != "json"})
        base = self._base()
        try:
            with base:
                base.execute("INSERT INTO point (loop, agent, arrays, world) VALUES (?, ?, ?, ?)",
                             (json.dumps(loop, default=plain), json.dumps(agent["json"], default=plain),
                              arrays.getvalue(), data))
                base.execute("DELETE FROM point WHERE id <= (SELECT MAX(id) FROM point) - ?", (KEPT,))
        finally:
            base.close()

    def load(self, world: Any) -> tuple[dict[str, Any], dict[str, Any], Any] | None:
        """The last checkpoint: the loop's state, the agent's, and (observation, info) of the world, which is restored.

        None where nothing was kept.
        """
        if not (self.path / POINTS).is_file():
            return None
        base = self._base()
        try:
            row = base.execute("SELECT loop, agent, arrays, world FROM point ORDER BY id DESC LIMIT 1").fetchone()
        finally:
            base.close()
        if row is None:
            return None
        loop, agent = json.loads(row[0]), {"json": json.loads(row[1])}
        with np.load(io.BytesIO(row[2]), allow_pickle=False) as arrays:
            agent |= {key: arrays[key] for key in arrays.files}
        with tempfile.TemporaryDirectory(dir=self.path) as place:
            file = Path(place) / "world"
            file.write_bytes(row[3])
            seen = world.load(file)
        return loop, agent, seen

    def close(self) -> None:
        """Twice does no harm."""
        self._lines.close()

    def _base(self) -> sqlite3.Connection:
        try:
            base = sqlite3.connect(self.path / POINTS, timeout=10.0)
            if base.execute("PRAGMA user_version").fetchone()[0] not in (0, VERSION):
                raise InputError(f"a checkpoint of version {VERSION}", "another", "begin the episode anew")
            base.execute("CREATE TABLE IF NOT EXISTS point (id INTEGER PRIMARY KEY, loop TEXT NOT NULL,"
                         " agent TEXT NOT NULL, arrays BLOB NOT NULL, world BLOB NOT NULL)")
            base.execute(f"PRAGMA user_version = {VERSION}")
        except sqlite3.DatabaseError as error:
            raise InputError("a file of checkpoints", f"{self.path / POINTS} ({error})",
                             "move it away and begin anew") from error
        return base


def replace(path: Path, text: str) -> None:
    """Write a file as a whole or not at all.

    Raises:
        InputError: the place cannot be written to.
    """
    try:
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(name, path)
    except OSError as error:
        raise InputError(f"a place to write {path.name}", f"{path.parent} ({error.strerror})",
                         "choose another") from error
