"""nano on disk: a folder of config.json, tokenizer.json and model.safetensors; checked whole before any of it is used.

Matrices are 6-bit numbers with a scale a row, four numbers in three bytes, all else half precision; both become single
precision (or whatever the device takes) when loaded. No pickles.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from importlib import import_module
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from veclink.router.errors import CheckpointError, ModelError
from veclink.router.nano.model import NanoConfig, NanoModel
from veclink.router.nano.words import Words, WordsConfig
from veclink.tools.blank import blank
from veclink.tools.weights import sha256

FORMAT, VERSION = "veclink-nano", 2
FILES = ("tokenizer.json", "model.safetensors")
SCALE = ".scale"
LARGEST_FILE = 1 << 29
SMALLEST = 512  # numbers of a matrix from which packing is worth it
TOP = 31  # the largest 6-bit number; the smallest is -31


def save_nano(folder: str | Path, model: NanoModel, words: Words, notes: Mapping[str, Any] | None = None,
              small: bool = True) -> Path:
    """Write a model; config.json, which makes the folder one, comes last.

    Args:
        notes: how it was made, for the model card.
        small: matrices in 6 bits; else half precision.

    Raises:
        CheckpointError: numbers that are not finite, or a folder that cannot be written.
    """
    from safetensors.torch import save

    folder = Path(folder)
    tensors: dict[str, Tensor] = {}
    for name, value in model.state_dict().items():
        value = value.detach().float().cpu()
        if not bool(torch.isfinite(value).all()):
            raise CheckpointError("finite numbers", f"{name} with some that are not", "train with a smaller step")
        if small and value.ndim == 2 and value.numel() > SMALLEST and value.shape[1] % 4 == 0:
            tensors[name], tensors[name + SCALE] = packed(value)
        else:
            tensors[name] = value.half().contiguous()
    files = {"tokenizer.json": words.json.encode(), "model.safetensors": save(tensors)}
    config = {"format": FORMAT, "version": VERSION, **asdict(model.config), "words": asdict(words.config),
              "files": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
              "notes": dict(notes or {})}
    files["config.json"] = json.dumps(config, indent=1).encode()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in files.items():
            write_whole(folder / name, data)
    except OSError as error:
        raise CheckpointError(f"a folder {folder} that can be written", str(error)[:200], "choose another") from error
    return folder


def load_nano(folder: str | Path, device: torch.device | None = None, dtype: torch.dtype = torch.float32
              ) -> tuple[NanoModel, Words, dict[str, str]]:
    """The model of a folder, its words, and the sha256 of its files.

    Raises:
        CheckpointError: no such folder, another format, changed or damaged files, shapes or ids that do not fit.
    """
    folder = Path(folder)
    config = _read_config(folder)
    hashes = {}
    for name in FILES:
        hashes[name] = sha256(folder / name) if (folder / name).is_file() else "no such file"
        if hashes[name] != config["files"].get(name):
            raise _wrong(folder, f"{name} of sha256 {str(config['files'].get(name))[:12]}", hashes[name][:12])
    try:
        shape = NanoConfig.of(config)
        numbers = config["words"]
        words = Words(WordsConfig(int(numbers["words"]), int(numbers["slots"]), dict(numbers["tools"])),
                      (folder / "tokenizer.json").read_text("utf8"))
        if words.config.vocabulary != shape.language.vocabulary:
            raise ModelError(f"{shape.language.vocabulary} token ids", str(words.config.vocabulary), "get it again")
        if shape.vision.trunk:  # classes there hold tensors that are made as they are imported, and not for this alone
            import_module("ultralytics.nn.tasks")
        with blank():
            model = NanoModel(shape)
        state = _tensors(folder / "model.safetensors", model)
        model.load_state_dict({name: value.to(dtype) for name, value in state.items()}, strict=True, assign=True)
    except (ModelError, KeyError, TypeError, ValueError, RuntimeError) as error:
        raise _wrong(folder, "parts that fit each other", str(error)[:200]) from error
    return model.to(device or "cpu").eval().requires_grad_(False), words, hashes


def packed(value: Tensor) -> tuple[Tensor, Tensor]:
    """A matrix (rows, columns) as (rows, columns * 3 / 4) uint8 and (rows, 1) single-precision scales.

    The largest number of each row is TOP steps of its scale; columns are a multiple of 4.
    """
    scale = (value.abs().amax(1, keepdim=True) / TOP).clamp(min=1e-12)
    codes = ((value / scale).round().clamp(-TOP, TOP) + TOP).to(torch.int32).unflatten(1, (-1, 4))
    word = codes[..., 0] | codes[..., 1] << 6 | codes[..., 2] << 12 | codes[..., 3] << 18
    parts = torch.stack([word & 255, word >> 8 & 255, word >> 16], -1)
    return parts.flatten(1).to(torch.uint8).contiguous(), scale.contiguous()


def unpacked(parts: Tensor, scale: Tensor) -> Tensor:
    """The matrix that `packed` was given, in single precision, each number within half a step."""
    three = parts.to(torch.int32).unflatten(1, (-1, 3))
    word = three[..., 0] | three[..., 1] << 8 | three[..., 2] << 16
    codes = torch.stack([word >> shift & 63 for shift in (0, 6, 12, 18)], -1).flatten(1)
    return (codes - TOP).float() * scale.float()


def write_whole(path: Path, data: bytes) -> None:
    """The file appears whole or not at all."""
    handle, scratch = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(scratch, 0o644)
        os.replace(scratch, path)
    except BaseException:
        Path(scratch).unlink(missing_ok=True)
        raise


def _read_config(folder: Path) -> dict[str, Any]:
    file = folder / "config.json"
    try:
        config = json.loads(file.read_text("utf8"))
        known = config["format"] == FORMAT and config["version"] == VERSION and isinstance(config["files"], dict)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise _wrong(folder, "config.json of a nano model", f"{type(error).__name__}: {error}") from error
    if not known:
        raise _wrong(folder, f"{FORMAT} version {VERSION}", f"{config['format']} version {config['version']}")
    return config


def _tensors(file: Path, model: NanoModel) -> dict[str, Tensor]:
    """The file's numbers in single precision; names and shapes are compared before anything is read."""
    from safetensors import SafetensorError, safe_open

    if file.stat().st_size > LARGEST_FILE:
        raise ValueError(f"{file.name} is larger than {LARGEST_FILE:,} bytes")
    expected = {name: tuple(value.shape) for name, value in model.state_dict().items()}
    state = {}
    try:
        with safe_open(file, framework="pt") as opened:
            keys = set(opened.keys())
            if {key for key in keys if not key.endswith(SCALE)} != set(expected):
                raise ValueError(f"other tensors than expected in {file.name}")
            for name, shape in expected.items():
                stored = opened.get_slice(name)
                small = stored.get_dtype() == "U8"
                if tuple(stored.get_shape()) != ((shape[0], shape[-1] * 3 // 4) if small else shape):
                    raise ValueError(f"{name} is not of shape {shape}")
                value = opened.get_tensor(name)
                if small:
                    scale = opened.get_tensor(name + SCALE)
                    if tuple(scale.shape) != (shape[0], 1):
                        raise ValueError(f"{name}{SCALE} is not of shape {(shape[0], 1)}")
                    value = unpacked(value, scale)
                state[name] = value.float()
    except SafetensorError as error:
        raise ValueError(str(error)) from error
    if any(not bool(torch.isfinite(value).all()) for value in state.values()):
        raise ValueError("numbers that are not finite")
    return state


def _wrong(folder: Path, expected: str, got: str) -> CheckpointError:
    return CheckpointError(f"{expected} in {folder}", got, "get the model's folder again, or train it")
