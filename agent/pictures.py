"""Opening pictures at the door: whatever comes in, (H, W, 3) uint8 RGB upright pixels go on, or a clear error.

The size is read from the header before anything is decoded, so that a decompression bomb costs nothing.
"""

from __future__ import annotations

import io
import os
import sys
import time
import warnings
from dataclasses import dataclass
from http.client import HTTPException
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from veclink.envs.errors import UnknownName
from veclink.tools.errors import ImageError

if TYPE_CHECKING:
    from PIL import Image

MAX_PIXELS = 100_000_000
MAX_BYTES = 200_000_000
MIN_SIDE = 16
ORIENTATION = 0x0112  # the EXIF field that says how a picture is to be turned
URL_SECONDS = 30
OWN = ("desert", "meadow", "night", "village")  # scenes of the built-in world, drawn by docs/examples.py
PHOTOS = {"street": "bus.jpg", "two-men": "zidane.jpg"}  # that come with the package ultralytics
EXAMPLES = (*OWN, *PHOTOS)


@dataclass(frozen=True, eq=False)
class Picture:
    """One opened picture.

    Attributes:
        pixels: (H, W, 3) uint8 RGB, after EXIF rotation.
        name: where it came from.
        notes: what was changed on the way in, a sentence each.
    """

    pixels: np.ndarray
    name: str
    notes: tuple[str, ...] = ()


def open_picture(source: Any, name: str | None = None) -> Picture:
    """Open a path, "example:NAME", http(s) address, PIL image or array.

    Args:
        source: an array must be (H, W, 3) RGB, (H, W, 4) RGBA or (H, W) grey, uint8.
        name: how messages call it.

    Raises:
        ImageError: it is missing, not a picture, damaged, under 16 pixels a side or over 100 megapixels.
        UnknownName: no such example.
    """
    from PIL import Image

    if isinstance(source, Picture):
        return source
    if isinstance(source, np.ndarray):
        return _from_array(source, name or "array")
    if isinstance(source, Image.Image):
        return _from_pillow(source, name or "picture")
    text = str(source)
    if text.startswith("example:"):
        return _from_file(_example(text.removeprefix("example:")), text)
    if text.lower().startswith(("http://", "https://")):
        return _from_stream(io.BytesIO(_download(text)), name or text)
    return _from_file(Path(os.path.expanduser(text)), name or text)


def _from_array(array: np.ndarray, name: str) -> Picture:
    from PIL import Image

    shape_good = array.ndim == 2 or (array.ndim == 3 and array.shape[2] in (3, 4))
    if array.dtype != np.uint8 or not shape_good:
        raise ImageError("an array (H, W, 3) uint8 RGB", f"{array.dtype} {array.shape} in {name}", "convert it first")
    _check_size(array.shape[1], array.shape[0], name)
    if array.ndim == 3 and array.shape[2] == 3:
        return Picture(np.ascontiguousarray(array), name)
    return _from_pillow(Image.fromarray(array), name)


def _from_file(path: Path, name: str) -> Picture:
    try:
        if path.is_dir():
            raise ImageError("a picture file", f"the folder {name}", "name a file in it")
        if not path.is_file():  # a pipe or a device might never end
            found = "no ordinary file" if path.exists() else "no file"
            raise ImageError("a picture file", f"{found} {name[:300]}", "check the path")
        if path.stat().st_size > MAX_BYTES:
            raise ImageError(
                f"a file of at most {MAX_BYTES // 10**6} MB", f"{path.stat().st_size // 10**6} MB", "save it smaller"
            )
        with open(path, "rb") as stream:
            return _from_stream(stream, name)
    except (OSError, ValueError) as error:  # no permission; a name that no file can have
        reason = getattr(error, "strerror", None) or str(error)
        raise ImageError("a readable picture file", f"{name[:300]}: {reason}", "check the path") from error


def _from_stream(stream: Any, name: str) -> Picture:
    from PIL import Image, UnidentifiedImageError

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit is checked below
        try:
            picture = _pillows_own_open()(stream)
        except UnidentifiedImageError as error:
            raise ImageError(
                "a picture (JPEG, PNG, WebP, GIF, TIFF, BMP, ...)", f"{name}, which is none", "give a picture file"
            ) from error
        except Image.DecompressionBombError as error:
            raise ImageError(
                f"a picture of at most {MAX_PIXELS // 10**6} megapixels", f"{name}: {error}", "scale it down first"
            ) from error
        except Exception as error:  # damaged bytes make Pillow's many readers fail in many ways
            raise _damaged(name, error) from error
        return _from_pillow(picture, name)


def _pillows_own_open() -> Any:
    """Image.open as Pillow made it: ultralytics, once imported, replaces it by one that runs pip for bad files."""
    from PIL import Image

    return getattr(sys.modules.get("ultralytics.utils.patches"), "_image_open", Image.open)


def _from_pillow(picture: Image.Image, name: str) -> Picture:
    from PIL import ImageOps

    _check_size(*picture.size, name)
    notes = []
    try:
        if getattr(picture, "is_animated", False):
            notes.append(f"{name} has {getattr(picture, 'n_frames', 'several')} frames: the first was used")
        picture.load()
        upright = ImageOps.exif_transpose(picture)
        if upright.size != picture.size or picture.getexif().get(ORIENTATION, 1) != 1:
            notes.append(f"{name} was turned upright as its EXIF data say; coordinates are of the upright picture")
        pixels, more = _rgb(upright, name)
    except Exception as error:  # as above
        raise _damaged(name, error) from error
    return Picture(np.ascontiguousarray(pixels), name, (*notes, *more))


def _damaged(name: str, error: Exception) -> ImageError:
    reason = str(error) or type(error).__name__
    return ImageError("an undamaged picture", f"{name}: {reason[:200]}", "fetch or save the file again")


def _rgb(picture: Image.Image, name: str) -> tuple[np.ndarray, list[str]]:
    """(H, W, 3) uint8 of any mode, and what was done to get there."""
    from PIL import Image

    if picture.mode in ("I", "F") or picture.mode.startswith("I;16"):
        deep = np.nan_to_num(np.asarray(picture, dtype=np.float64))
        top = 65535.0 if picture.mode != "F" and deep.max() > 255 else 255.0 if deep.max() > 1 else 1.0
        grey = (np.clip(deep / top, 0, 1) * 255).round().astype(np.uint8)
        return np.repeat(grey[..., None], 3, axis=2), [f"{name} was scaled from {picture.mode} to 8 bits"]
    if picture.mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in picture.info:
        layered = picture.convert("RGBA")
        canvas = Image.new("RGBA", layered.size, (255, 255, 255, 255))
        notes = []
        if np.asarray(layered)[..., 3].min() < 255:
            notes.append(f"transparent parts of {name} were laid on white")
        return np.asarray(Image.alpha_composite(canvas, layered).convert("RGB")), notes
    return np.asarray(picture.convert("RGB")), []


def _check_size(width: int, height: int, name: str) -> None:
    if width * height > MAX_PIXELS:
        raise ImageError(
            f"a picture of at most {MAX_PIXELS // 10**6} megapixels",
            f"{name} of {width:,} x {height:,} pixels",
            "scale it down first",
        )
    if min(width, height) < MIN_SIDE:
        raise ImageError(
            f"a picture of at least {MIN_SIDE} x {MIN_SIDE} pixels",
            f"{name} of {width} x {height}",
            "give a larger one",
        )


def _example(name: str) -> Path:
    if name not in EXAMPLES:
        raise UnknownName.of("example picture", name, EXAMPLES)
    if name in OWN:
        return Path(__file__).parent / "examples" / f"{name}.png"
    spec = find_spec("ultralytics")  # found, not imported: the import takes seconds
    folder = Path(next(iter(spec.submodule_search_locations or ["."]))) if spec else Path()
    return folder / "assets" / PHOTOS[name]


def _download(address: str) -> bytes:
    """The content behind an http(s) address, limited in size and in time altogether."""
    from urllib.request import Request, urlopen

    ends = time.monotonic() + URL_SECONDS
    content = bytearray()
    try:
        with urlopen(Request(address, headers={"User-Agent": "veclink"}), timeout=URL_SECONDS) as answer:
            while block := answer.read1(1 << 16):
                content += block
                if len(content) > MAX_BYTES:
                    raise ImageError(f"at most {MAX_BYTES // 10**6} MB", f"more at {address}", "download and shrink it")
                if time.monotonic() > ends:
                    raise TimeoutError(f"not done after {URL_SECONDS} s")
    except (OSError, HTTPException, ValueError) as error:  # no such host, 404, a broken line, a wrong address
        raise ImageError(
            "a picture that can be downloaded", f"{address}: {error}", "check the address and the connection"
        ) from error
    return bytes(content)
