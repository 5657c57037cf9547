"""The run folder: what a run leaves on disk, written file by file in one step each, so that nothing is ever half there.

`task.json` (what was asked, enough to resume) and `plan.json` (the routes), once the core has read the task and before
any decoder loads; one file a result,
annotated pictures, `manifest.json` (models, timings, device, seed). `checkpoint.sqlite` is there while a run is
unfinished.
"""

from __future__ import annotations

import errno
import json
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from veclink.agent.errors import FolderError

if TYPE_CHECKING:
    from veclink.agent.steps import Found, Run

PACKAGES = (
    "veclink",
    "torch",
    "transformers",
    "ultralytics",
    "diffusers",
    "segment-anything",
    "langgraph",
    "supervision",
)
CHECKPOINT = "checkpoint.sqlite"
CHECKPOINTS = (CHECKPOINT, f"{CHECKPOINT}-wal", f"{CHECKPOINT}-shm")
MANIFEST = "manifest.json"


class RunFolder:
    """One run's folder.

    Raises:
        FolderError: it cannot be written to, is not a folder, or the disk is full.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        self.files: set[str] = set()  # written here and still here
        self.made: list[Path] = []  # folders that were not there before, the deepest first

    def prepare(self) -> RunFolder:
        """Make it and try it out, before anything heavy is done."""
        try:
            self.made = [folder for folder in (self.path, *self.path.parents) if not folder.exists()]
            self.path.mkdir(parents=True, exist_ok=True)
            self.write("probe.tmp", b"x")
            self._remove("probe.tmp")
        except OSError as error:
            self._remove_made()
            raise self._error(error) from error
        except FolderError:
            self._remove_made()
            raise
        return self

    def give_up(self) -> None:
        """Leave nothing of a run that ended before its plan was written; one that got further can be resumed."""
        if "plan.json" not in self.files:
            self._remove(*CHECKPOINTS, *self.files)
            self._remove_made()

    def _remove_made(self) -> None:
        for folder in self.made:
            with suppress(OSError):  # not made after all, or somebody else has put something there
                folder.rmdir()

    def write(self, name: str, data: bytes) -> Path:
        """Write a file under a temporary name and move it into place."""
        target = self.path / name
        spare = target.with_name(f".{target.name}.{os.getpid()}")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            spare.write_bytes(data)
            spare.replace(target)
        except OSError as error:
            spare.unlink(missing_ok=True)
            raise self._error(error) from error
        self.files.add(name)
        return target

    def clear(self, keep: Sequence[str] = ()) -> None:
        """Take away what an earlier run wrote here, by its manifest or, where it was killed, by its steps' names.

        Args:
            keep: paths of files that stay; a picture of the new run may be a result of the old one.
        """
        if not (self.path / "task.json").exists():
            return
        old = {"plan.json", MANIFEST}
        old |= {file.name for file in self.path.glob("*.png") if re.fullmatch(r"(step|input)-\d+\.png", file.name)}
        with suppress(FolderError, KeyError, TypeError):  # no manifest, or not ours
            old |= {Path(str(name)).name for name in self.read_json(MANIFEST)["files"]}
        kept = {os.path.realpath(os.path.expanduser(path)) for path in keep}
        self._remove(*(name for name in old if os.path.realpath(self.path / name) not in kept))

    def forget_checkpoint(self) -> None:
        """Take away the checkpoint of an earlier run that was killed, so that a new one does not go on from it."""
        if (self.path / "task.json").exists():
            self._remove(*CHECKPOINTS)

    def _remove(self, *names: str) -> None:
        for name in names:
            (self.path / name).unlink(missing_ok=True)
            self.files.discard(name)

    def write_json(self, name: str, document: Any) -> Path:
        return self.write(name, (json.dumps(document, indent=1, ensure_ascii=False) + "\n").encode())

    def read_json(self, name: str) -> Any:
        """A JSON file of this folder.

        Raises:
            FolderError: it is not there or damaged.
        """
        try:
            return json.loads((self.path / name).read_text("utf8"))
        except (OSError, ValueError) as error:
            raise FolderError(
                f"a run folder with {name}", f"{self.path} ({type(error).__name__})", "give a folder that a run made"
            ) from error

    def write_picture(self, name: str, pixels: np.ndarray, mask: np.ndarray | None = None) -> Path:
        """Pixels (H, W, 3) uint8 RGB as PNG or JPEG by the name's ending; with a mask (H, W) bool a cut-out on
        nothing."""
        import io

        from PIL import Image

        picture = Image.fromarray(pixels)
        if mask is not None:
            picture.putalpha(Image.fromarray((mask * 255).astype(np.uint8)))
        buffer = io.BytesIO()
        picture.save(
            buffer,
            "JPEG" if name.endswith(".jpg") else "PNG",
            **({"quality": 92} if name.endswith(".jpg") else {"compress_level": 3}),
        )
        return self.write(name, buffer.getvalue())

    def save(self, run: Run) -> None:
        """Everything of a finished run; remembers in the run where its results lie."""
        run.folder = self.path
        self.write_json("plan.json", plan_of(run))
        for found in run.results:
            found.file = self._result(found, run)
        for image in range(len(run.task.images)):
            if any(f.image == image for f in run.results):
                self.write_picture(f"annotated-{image}.jpg", np.asarray(run.draw(image)))
        self.save_manifest(run)
        steps = [file.name for file in self.path.glob("step-*.png")]
        self._remove(*CHECKPOINTS, *steps)

    def save_manifest(self, run: Run) -> None:
        """What made the results: models, timings, device, seed, versions."""
        document = run.to_dict()
        keep = ("task", "answer", "profile", "device", "seed", "models", "pictures", "errors", "notes", "seconds")
        manifest = {
            **{key: document[key] for key in keep},
            "steps": [step.dict() for step in run.steps],
            "files": sorted(self.files | {MANIFEST}),
            "packages": packages(),
        }
        self.write_json(MANIFEST, manifest)

    def _result(self, found: Found, run: Run) -> str:
        """One result as a file; its name."""
        from veclink.tools.results import Image, Masks

        stem = f"{re.sub(r'[^a-z0-9_]', '', found.tool)}-{found.image}"
        if isinstance(found.result, Image):
            return self.write_picture(f"{stem}.png", found.result.pixels).name
        if isinstance(found.result, Masks) and len(found.result):
            self.write_picture(f"{stem}-cutout.png", run.pixels(found.image), np.asarray(found.result.masks.any(0)))
        return self.write_json(
            f"{stem}.json", {"tool": found.tool, "image": found.image, **found.result.to_dict()}
        ).name

    def _error(self, error: OSError) -> FolderError:
        reason = "the disk is full" if error.errno == errno.ENOSPC else error.strerror or str(error)
        return FolderError(
            "a folder that can be written to", f"{self.path} ({reason})", "name another with --out, or make room"
        )


def plan_of(run: Run) -> dict[str, Any]:
    """What was decided, before anything heavy loads."""
    document = run.to_dict()
    return {key: document[key] for key in ("task", "profile", "device", "seed", "pictures", "routes", "answer")}


def packages() -> dict[str, str]:
    """Versions of the packages a result depends on."""
    found: dict[str, str] = {}
    for name in PACKAGES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
