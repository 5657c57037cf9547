"""Worlds on disk: a tree of arrays and plain values in one safetensors file, replaced as a whole or not at all.

Arrays are stored as they are (records as bytes with their layout), everything else as JSON in the file's metadata.
Nothing of a file is run: no pickle. A save that is killed leaves the file that was there.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save_file

from veclink.envs.errors import InputError

FORMAT = "veclink voxel world 1"
ARRAY = "__array__"
LARGEST = 1 << 30  # bytes; a world of a thousand changed chunks takes about 10 MB


def save(path: str | Path, state: dict[str, Any]) -> Path:
    """Write a state to a file.

    Args:
        path: the file; its folder is made.
        state: nested dicts (text keys) and lists of arrays, bytes, numbers, text, booleans and None.

    Raises:
        InputError: the place cannot be written.
    """
    path = Path(path)
    arrays: dict[str, np.ndarray] = {}
    tree = _taken_apart(state, "", arrays)
    metadata = {"format": FORMAT, "tree": json.dumps(tree)}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        os.close(handle)
        try:
            save_file(arrays, name, metadata)
            with open(name, "rb") as file:
                os.fsync(file.fileno())
            os.replace(name, path)
        finally:
            Path(name).unlink(missing_ok=True)
    except OSError as error:
        raise InputError("a place where a world can be saved", f"{path} ({error.strerror})",
                         "choose another place") from error
    return path


def load(path: str | Path) -> dict[str, Any]:
    """The state in a file.

    Raises:
        InputError: no such file, or none that `save` wrote.
    """
    path = Path(path)
    if not path.is_file():
        raise InputError("a saved world", f"no file {path}", "give the path that a save returned")
    if path.stat().st_size > LARGEST:
        raise InputError("a saved world of at most 1 GiB", f"{path.stat().st_size:,} bytes", "give another file")
    try:
        with safe_open(path, "numpy") as file:  # type: ignore[no-untyped-call]
            metadata = file.metadata() or {}
            arrays = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118  # it is no dict
        if metadata.get("format") != FORMAT:
            raise ValueError(f"format {metadata.get('format')!r}")
        return _put_together(json.loads(metadata["tree"]), arrays)
    except (SafetensorError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"a world saved as {FORMAT!r}", f"{path.name}: {error}", "save the world again") from error


def _taken_apart(value: Any, name: str, arrays: dict[str, np.ndarray]) -> Any:
    if isinstance(value, bytes):
        arrays[name] = np.frombuffer(value, np.uint8)
        return {ARRAY: name, "bytes": True}
    if isinstance(value, np.ndarray):
        if value.dtype.names:
            arrays[name] = np.frombuffer(np.ascontiguousarray(value).tobytes(), np.uint8)
            layout = [[field, value.dtype[field].str] for field in value.dtype.names]
            return {ARRAY: name, "records": layout, "shape": list(value.shape)}
        arrays[name] = np.ascontiguousarray(value)
        return {ARRAY: name}
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, dict):
        return {key: _taken_apart(inner, f"{name}/{key}", arrays) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_taken_apart(inner, f"{name}/{number}", arrays) for number, inner in enumerate(value)]
    return value


def _put_together(tree: Any, arrays: dict[str, np.ndarray]) -> Any:
    if isinstance(tree, list):
        return [_put_together(inner, arrays) for inner in tree]
    if not isinstance(tree, dict):
        return tree
    if ARRAY not in tree:
        return {key: _put_together(inner, arrays) for key, inner in tree.items()}
    array = arrays[tree[ARRAY]]
    if tree.get("bytes"):
        return array.tobytes()
    if "records" in tree:
        layout = np.dtype([(str(field), str(kind)) for field, kind in tree["records"]])
        return np.frombuffer(array.tobytes(), layout).reshape(tree["shape"]).copy()
    return np.array(array)
