"""Pictures at the door: every mode comes in as (H, W, 3) uint8 RGB, upright; what cannot be used is an ImageError."""

from __future__ import annotations

import io
import itertools
import os
import resource
import struct
import threading
import time
import zlib
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from veclink.agent import pictures
from veclink.agent.pictures import Picture, open_picture
from veclink.agent.testing import blocks
from veclink.envs.errors import UnknownName
from veclink.tools.errors import ImageError

PIXELS = blocks("red", "green", "blue", "yellow")  # (64, 128, 3), no two corners alike
MODES = {  # mode -> file ending that keeps it
    "1": "png", "L": "png", "P": "png", "RGB": "png", "RGBA": "png", "LA": "png", "I;16": "png", "I": "tiff",
    "F": "tiff", "CMYK": "jpg", "YCbCr": "jpg", "LAB": "tiff",
}  # fmt: skip


def of_mode(mode: str) -> Image.Image:
    """PIXELS in a mode; grey where the mode has no colours."""
    picture = Image.fromarray(PIXELS)
    if mode in ("I;16", "I"):
        deep = np.asarray(picture.convert("L")).astype(np.uint16 if mode == "I;16" else np.int32) * 257
        return Image.fromarray(deep)
    return picture.convert(mode)


def png_header(width: int, height: int) -> bytes:
    """A PNG that promises that size and holds next to nothing."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(bytes(1000))), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize("mode", MODES)
def test_every_mode_becomes_rgb(mode: str, tmp_path: Path) -> None:
    file = tmp_path / f"a.{MODES[mode]}"
    of_mode(mode).save(file, quality=98)  # only JPEG looks at it
    picture = open_picture(file)
    assert picture.pixels.shape == PIXELS.shape and picture.pixels.dtype == np.uint8
    colours = mode not in ("1", "L", "LA", "I;16", "I", "F")
    expected = PIXELS if colours else np.asarray(Image.fromarray(PIXELS).convert("L").convert("RGB"))
    centres = [(20, 32 * i + 16) for i in range(4)]
    slack = 255 if mode == "1" else 40 if mode in ("CMYK", "YCbCr", "LAB") else 2  # black and white; rounded on the way
    for y, x in centres:
        assert abs(picture.pixels[y, x].astype(int) - expected[y, x]).max() <= slack


def test_a_16_bit_picture_is_scaled_and_not_cut_off(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 64 * 64).reshape(64, 64).astype(np.uint16)
    Image.fromarray(ramp).save(tmp_path / "ramp.png")
    picture = open_picture(tmp_path / "ramp.png")
    assert abs(picture.pixels[..., 0].astype(float) - ramp / 257).max() <= 1
    assert "8 bits" in picture.notes[0]


def test_a_float_picture_with_holes_is_no_trouble() -> None:
    deep = np.full((20, 20), 0.5, np.float32)
    deep[0, 0] = np.nan
    assert open_picture(Image.fromarray(deep)).pixels[0, 0, 0] == 0


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_turns_a_picture_upright(orientation: int, tmp_path: Path) -> None:
    """Laid down the way that each of the eight values says, all come in as the same picture."""
    lay = {
        1: None, 2: Image.Transpose.FLIP_LEFT_RIGHT, 3: Image.Transpose.ROTATE_180, 4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE, 6: Image.Transpose.ROTATE_90, 7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }[orientation]  # fmt: skip
    upright = Image.fromarray(PIXELS)
    exif = Image.Exif()
    exif[0x0112] = orientation
    (upright if lay is None else upright.transpose(lay)).save(tmp_path / "a.png", exif=exif)
    picture = open_picture(tmp_path / "a.png")
    assert np.array_equal(picture.pixels, PIXELS)
    assert bool(picture.notes) == (orientation != 1)


def test_transparency_is_laid_on_white_and_said() -> None:
    layered = np.dstack([PIXELS, np.full(PIXELS.shape[:2], 255, np.uint8)])
    layered[:10, :10, 3] = 0
    picture = open_picture(Image.fromarray(layered), "logo.png")
    assert (picture.pixels[:10, :10] == 255).all()
    assert np.array_equal(picture.pixels[10:], PIXELS[10:])
    assert picture.notes == ("transparent parts of logo.png were laid on white",)


def test_an_animation_gives_its_first_frame_and_a_note(tmp_path: Path) -> None:
    frames = [Image.fromarray(blocks(colour)) for colour in ("red", "green", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    picture = open_picture(tmp_path / "a.gif")
    assert tuple(picture.pixels[20, 16]) == (255, 0, 0)
    assert "3 frames" in picture.notes[0]


@pytest.mark.parametrize("bad", [
    b"", b"a letter to my aunt " * 50, b"<svg></svg>", png_header(30_000, 30_000), png_header(1, 1),
    png_header(15, 400), png_header(10_001, 10_000), png_header(100, 100), b"\xff\xd8\xff\xe0\x00"])  # fmt: skip
def test_bad_files_are_refused(bad: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(bad)
    with pytest.raises(ImageError, match=r"a\.jpg"):
        open_picture(tmp_path / "a.jpg")


@pytest.mark.parametrize("ending", ["jpg", "png", "webp", "gif", "bmp", "tiff"])
@pytest.mark.parametrize("share", [0.3, 0.8])
def test_half_a_picture_is_an_error_and_not_grey(ending: str, share: float, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    file = tmp_path / f"a.{ending}"
    Image.fromarray(rng.integers(0, 256, (96, 96, 3), dtype=np.uint8)).save(file)
    data = file.read_bytes()
    file.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(ImageError):
        open_picture(file)


def test_a_bomb_is_refused_before_it_is_decoded(tmp_path: Path) -> None:
    (tmp_path / "bomb.png").write_bytes(png_header(30_000, 30_000))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(ImageError, match="megapixels"):
        open_picture(tmp_path / "bomb.png")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # kilobytes; decoded it takes 2.7 GB


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    ending=st.sampled_from(["jpg", "png", "webp", "gif", "bmp", "tiff"]),
    wounds=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=12),
    cut=st.floats(0.2, 1),
)
def test_damaged_bytes_give_a_picture_or_an_image_error(
    ending: str, wounds: list[tuple[float, int]], cut: float, tmp_path: Path
) -> None:
    buffer = io.BytesIO()
    exif = Image.Exif()
    exif[0x0112] = 6
    options = {"exif": exif} if ending in ("jpg", "png", "webp") else {}
    Image.fromarray(PIXELS).save(buffer, {"jpg": "JPEG"}.get(ending, ending.upper()), **options)
    data = bytearray(buffer.getvalue())
    for place, value in wounds:
        data[int(place * (len(data) - 1))] = value
    file = tmp_path / f"a.{ending}"
    file.write_bytes(data[: int(len(data) * cut)])
    try:
        pixels = open_picture(file).pixels
    except ImageError:
        return
    assert pixels.dtype == np.uint8 and pixels.ndim == 3 and pixels.shape[2] == 3 and min(pixels.shape[:2]) >= 16


@pytest.mark.parametrize("name", ["nowhere.jpg", "a\0b.jpg", "x" * 5000, "~nobody-here/a.jpg", ".", "/dev/null"])
def test_names_of_no_file(name: str) -> None:
    with pytest.raises(ImageError):
        open_picture(name)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.jpg")
    with pytest.raises(ImageError, match="no ordinary file"):
        open_picture(tmp_path / "pipe.jpg")


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    Image.fromarray(PIXELS).save(tmp_path / "a.png")
    (tmp_path / "a.png").chmod(0)
    with pytest.raises(ImageError, match="readable"):
        open_picture(tmp_path / "a.png")


def test_arrays_and_pillow_pictures() -> None:
    assert np.array_equal(open_picture(PIXELS).pixels, PIXELS)
    assert np.array_equal(open_picture(Image.fromarray(PIXELS)).pixels, PIXELS)
    assert open_picture(PIXELS[..., 0].copy()).pixels.shape == PIXELS.shape
    upside = PIXELS[::-1]  # not contiguous
    assert open_picture(upside).pixels.flags["C_CONTIGUOUS"]
    picture = Picture(PIXELS, "mine")
    assert open_picture(picture) is picture


@pytest.mark.parametrize("array", [
    PIXELS.astype(float), PIXELS[..., :2], np.zeros((0, 5, 3), np.uint8), PIXELS[None], np.zeros((8, 8, 3), np.uint8)
])  # fmt: skip
def test_arrays_of_another_make_are_refused(array: np.ndarray) -> None:
    with pytest.raises(ImageError):
        open_picture(array)


def test_the_examples_come_with_a_package() -> None:
    street, men = open_picture("example:street"), open_picture("example:two-men")
    assert street.pixels.shape == (1080, 810, 3) and men.pixels.shape == (720, 1280, 3)
    with pytest.raises(UnknownName, match="did you mean 'street'"):
        open_picture("example:stret")


# -- over the web: a server of our own on this machine ---------------------------------------------------------------


class _Site(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        buffer = io.BytesIO()
        Image.fromarray(PIXELS).save(buffer, "PNG")
        body = {"/a.png": buffer.getvalue(), "/page": b"<html></html>", "/big": bytes(5000)}.get(self.path)
        if self.path == "/away":
            self.send_response(302)
            self.send_header("Location", "file:///etc/hostname")
            self.end_headers()
            return
        self.send_response(200 if body is not None else 404)
        self.end_headers()
        self.wfile.write(body or b"")

    def log_message(self, format: str, *args: object) -> None:
        """Nothing on stderr."""


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    server = HTTPServer(("127.0.0.1", 0), _Site)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_picture_from_the_web(site: str) -> None:
    picture = open_picture(f"{site}/a.png")
    assert np.array_equal(picture.pixels, PIXELS) and picture.name == f"{site}/a.png"


@pytest.mark.parametrize("path", ["/nowhere", "/page", "/away"])
def test_what_the_web_gives_must_be_a_picture(site: str, path: str) -> None:
    with pytest.raises(ImageError):
        open_picture(site + path)


def test_a_download_is_limited_in_size_and_time(site: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(pictures, "MAX_BYTES", 1000)
        with pytest.raises(ImageError, match="at most"):
            open_picture(f"{site}/big")
    ticks = itertools.count(0, 100)
    monkeypatch.setattr(time, "monotonic", lambda: next(ticks))
    with pytest.raises(ImageError, match="not done after"):
        open_picture(f"{site}/big")


@pytest.mark.parametrize("address", ["ftp://host/a.png", "file:///etc/passwd", "http://", "http://127.0.0.1:1/a.png",
                                     "http://[/a.png"])
def test_addresses_that_lead_nowhere(address: str) -> None:
    with pytest.raises(ImageError):
        open_picture(address)
