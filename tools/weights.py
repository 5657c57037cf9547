"""Finding weights by name and opening them without running anybody's code.

Order of search: an existing path the user gave, the folder `VECLINK_WEIGHTS`, the library's own download by name.
Files:

- `.safetensors` hold numbers alone and are opened as they are.
- `.pt` and `.pth` are pickles. They are opened by torch's restricted unpickler, which builds tensors, plain
containers and
  the layer classes of `torch.nn` and `ultralytics.nn` and refuses everything else, so a stranger's file cannot run
  code.
"""

from __future__ import annotations

import hashlib
import importlib
import inspect
import json
import os
import pkgutil
import tempfile
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

from veclink.tools.errors import WeightsError

VARIABLE = "VECLINK_WEIGHTS"
SHIPPED = Path(__file__).parent / "data"  # weights that come with veclink: "nano/..."


def weights_folder() -> Path | None:
    """The folder named by VECLINK_WEIGHTS, or None."""
    value = os.environ.get(VARIABLE)
    return Path(value).expanduser() if value else None


def cache_folder() -> Path:
    """Where veclink keeps what it fetched or converted: $VECLINK_CACHE, else ~/.cache/veclink."""
    folder = Path(os.environ.get("VECLINK_CACHE") or Path.home() / ".cache" / "veclink")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def locate(name: str) -> Path | None:
    """The file or folder of these weights on this machine, or None. Nothing is downloaded."""
    places = [Path(name).expanduser()]
    if (folder := weights_folder()) is not None:
        places.append(folder / name)
        places.append(folder / Path(name).name)
    places.append(SHIPPED / name)
    places.append(cache_folder() / "weights" / Path(name).name)
    return next((place for place in places if place.exists()), None)


def find_weights(name: str, download: Callable[[str, Path], Path | None] | None = None) -> Path:
    """The file or folder of these weights, fetched by `download(name, folder)` where it is not here.

    Args:
        name: a file name ("yolo11n.pt"), a path, or a hub id.
        download: the library's own way to fetch it by name; returns the file, or None, or raises.

    Raises:
        WeightsError: neither here nor to be fetched.
    """
    if (found := locate(name)) is not None:
        return found
    reason = "no way to fetch it by name"
    if download is not None:
        folder = cache_folder() / "weights"
        folder.mkdir(parents=True, exist_ok=True)
        try:
            fetched = download(name, folder)
            if fetched is not None and Path(fetched).exists():
                return Path(fetched)
            reason = "the download gave no file"
        except Exception as error:  # any library's network error means the same here
            reason = f"the download failed ({type(error).__name__}: {str(error)[:120]})"
    folder_text = str(weights_folder() or "not set")
    raise WeightsError(
        f"the weights {name}",
        f"nothing of that name ({VARIABLE} is {folder_text}; {reason})",
        f"connect once to the internet, or put the file into a folder and set {VARIABLE} to it",
    )


def sha256(path: Path) -> str:
    """Hex digest of a file, or of all files of a folder in the order of their names."""
    digest = hashlib.sha256()
    for file in sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]:
        with open(file, "rb") as stream:
            while block := stream.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()


def remembered_sha256(file: Path) -> str:
    """`sha256` of one file, remembered under its path, size and time because large files take seconds."""
    stat = file.stat()
    key = f"{file.resolve()}|{stat.st_size}|{stat.st_mtime_ns}"
    memory = cache_folder() / "hashes.json"
    try:
        known = json.loads(memory.read_text("utf8"))
    except (OSError, ValueError):
        known = {}
    if not isinstance(known, dict) or not isinstance(known.get(key), str):
        known = {**(known if isinstance(known, dict) else {}), key: sha256(file)}
        handle, scratch = tempfile.mkstemp(dir=memory.parent)
        with os.fdopen(handle, "w", encoding="utf8") as stream:
            json.dump(known, stream)
        os.replace(scratch, memory)
    return known[key]


def load_pickle(path: Path) -> Any:
    """Open a `.pt` or `.pth` file with the restricted unpickler, on the CPU.

    Raises:
        WeightsError: it holds something other than tensors, plain containers and known layers.
    """
    import torch

    allowed: list[Any] = [*_layers(), (_method_of_layer, "builtins.getattr")]
    try:
        with torch.serialization.safe_globals(allowed):
            return torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:
        lines = [line.strip() for line in str(error).splitlines() if "GLOBAL" in line or "nsupported" in line]
        raise WeightsError(
            "weights made of tensors and known layers",
            f"{path.name}: {(lines or [str(error)])[0][:200]}",
            "use the file its makers publish, or convert it to safetensors",
        ) from error


def _method_of_layer(owner: Any, name: str) -> Any:
    """Stands for getattr in pickles: ultralytics' fused layers store one bound method and nothing else is given out."""
    import torch

    if isinstance(owner, torch.nn.Module) and name in ("forward", "forward_fuse", "forward_split"):
        return getattr(owner, name)
    raise WeightsError("a layer's forward method", f"an access to {name!r}", "do not use this file")


@cache
def _layers() -> tuple[type, ...]:
    """The layer classes of torch.nn and ultralytics.nn."""
    import torch
    import ultralytics.nn.modules
    import ultralytics.nn.tasks

    modules = [ultralytics.nn.tasks]
    for package in (torch.nn.modules, ultralytics.nn.modules):
        modules += [
            importlib.import_module(f"{package.__name__}.{m.name}") for m in pkgutil.iter_modules(package.__path__)
        ]
    found: set[type] = set()
    for module in modules:
        for value in vars(module).values():
            layer = inspect.isclass(value) and issubclass(value, torch.nn.Module)
            if layer and value.__module__.startswith(("torch.nn.", "ultralytics.nn.")):
                found.add(value)
    return tuple(sorted(found, key=lambda c: f"{c.__module__}.{c.__qualname__}"))
