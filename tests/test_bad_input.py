"""Bad input through the command line: exit code 2, one line on stderr, nothing half-written; and tools that fail."""

from __future__ import annotations

import errno
import functools
import json
import os
import signal
import struct
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cli_fakes
import numpy as np
import pytest
import torch
from click.testing import CliRunner, Result
from conftest import need_model
from PIL import Image

from veclink.agent.cli import main
from veclink.tools import registry

SPOT = [30.0, 20.0, 50.0, 40.0]  # the bright box in every picture made here


@pytest.fixture(autouse=True)
def _in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty current folder, the fake core and the fake tools."""
    import veclink.router.hub as hub

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(hub, "HubCore", hub.HubCore)  # put back after the test
    cli_fakes.install()
    yield
    for tool in cli_fakes.TOOLS:
        registry.unregister(tool.name)


def pixels() -> np.ndarray:
    """(60, 80, 3) uint8: dark grey with one bright box."""
    array = np.full((60, 80, 3), 40, np.uint8)
    array[20:40, 30:50] = 250
    return array


def picture(name: str = "a.png") -> Path:
    Image.fromarray(pixels()).save(name)
    return Path(name)


def veclink(*arguments: str) -> Result:
    """The command in this process."""
    return CliRunner().invoke(main, list(map(str, arguments)))


def program(code: str = "", install: str = "install") -> list[str]:
    """The words that start the command as a program of its own, with the fakes; `code` is run before it."""
    tests = Path(__file__).parent
    script = f"import sys; sys.path.insert(0, {str(tests)!r})\nimport cli_fakes\n{code}\ncli_fakes.{install}()\n" \
             "from veclink.agent.cli import main\nmain(prog_name='veclink')\n"
    return [sys.executable, "-c", script]


def process(*arguments: str, code: str = "", install: str = "install") -> subprocess.CompletedProcess[str]:
    return subprocess.run([*program(code, install), *map(str, arguments)], capture_output=True, text=True,
                          env=os.environ | {"OMP_NUM_THREADS": "1"}, timeout=120, check=False)


def run(text: str, *arguments: Any, tools: tuple[str, ...] = ("spotter",)) -> Result:
    """veclink run --json with these tools alone."""
    return veclink("run", text, *arguments, "--json", *(word for tool in tools for word in ("--tool", tool)))


def refused(result: Any, *words: str) -> None:
    """Exit code 2, one line on stderr that has `words`, nothing on stdout."""
    code = result.exit_code if isinstance(result, Result) else result.returncode
    assert (code, result.stdout) == (2, ""), result.stderr
    assert result.stderr.count("\n") == 1 and result.stderr.startswith("error: "), result.stderr
    assert not [word for word in words if word not in result.stderr], result.stderr


def files() -> set[str]:
    """All that is in the current folder now."""
    return {str(path) for path in Path().rglob("*")}


def done(result: Result) -> dict[str, Any]:
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)


# -- pictures that are refused ---------------------------------------------------------------------------------------


def _png(width: int, height: int) -> bytes:
    """A PNG whose header promises that size, with next to no data."""
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    parts = [chunk(b"IHDR", head), chunk(b"IDAT", zlib.compress(bytes(1000))), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def _truncated() -> bytes:
    picture("whole.jpg")
    data = Path("whole.jpg").read_bytes()
    Path("whole.jpg").unlink()
    return data[: len(data) // 2]


REFUSED: dict[str, tuple[Callable[[], bytes] | None, str]] = {
    "nowhere.jpg": (None, "nowhere.jpg"),
    "text.jpg": (lambda: b"this is a letter to my aunt\n" * 40, "text.jpg"),
    "empty.png": (lambda: b"", "empty.png"),
    "truncated.jpg": (_truncated, "truncated.jpg"),
    "bomb.png": (lambda: _png(30_000, 30_000), "100 megapixels"),
    "dot.png": (lambda: _png(1, 1), "1 x 1"),
    "page.html": (lambda: b"<html><script>alert(1)</script></html>", "page.html"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_picture_that_cannot_be_used(name: str) -> None:
    make, word = REFUSED[name]
    if make is not None:
        Path(name).write_bytes(make())
    before = files()
    start = time.monotonic()
    refused(run("spotter", name), word)
    assert time.monotonic() - start < 20
    assert files() == before


@pytest.mark.parametrize("name", [".", "example:moon", "ftp://host/a.png", "file:///etc/passwd", "/dev/null"])
def test_a_picture_that_is_none(name: str) -> None:
    before = files()
    refused(run("spotter", name))
    assert files() == before


def test_a_bomb_costs_no_memory() -> None:
    """The process may take 100 MB more than a good picture costs; 30,000 x 30,000 pixels would take 2.7 GB."""
    picture()
    Path("bomb.png").write_bytes(_png(30_000, 30_000))
    peak = "import atexit, resource\natexit.register(lambda: print('peak', " \
           "resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr))"
    peaks = []
    for name in ("a.png", "bomb.png"):
        ended = process("run", "spotter", name, "--tool", "spotter", "--no-save", code=peak)
        assert ended.returncode == (0 if name == "a.png" else 2), ended.stderr
        peaks.append(int(ended.stderr.rsplit("peak ", 1)[1]))
    assert peaks[1] < peaks[0] + 100_000  # kilobytes


def test_the_second_picture_is_looked_at_too() -> None:
    picture()
    Path("b.png").write_text("no")
    before = files()
    refused(run("spotter", "a.png", "b.png"), "b.png")
    assert files() == before


# -- pictures that are unusual and fine ------------------------------------------------------------------------------


def _cmyk() -> None:
    Image.fromarray(pixels()).convert("CMYK").save("odd.jpg", quality=95)


def _deep() -> None:
    Image.fromarray(pixels()[..., 0].astype(np.uint16) * 257).save("odd.png")


def _animated() -> None:
    frames = [Image.fromarray(pixels()), Image.fromarray(pixels()[::-1].copy())]
    frames[0].save("odd.gif", save_all=True, append_images=frames[1:])


def _rotated() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees to the right when shown
    Image.fromarray(np.rot90(pixels()).copy()).save("odd.jpg", exif=exif, quality=95)


def _alpha() -> None:
    alpha = np.full((60, 80, 1), 255, np.uint8)
    Image.fromarray(np.concatenate([pixels(), alpha], 2)).save("odd.png")


def _palette() -> None:
    Image.fromarray(pixels()).convert("P").save("odd.png")


def _grey() -> None:
    Image.fromarray(pixels()).convert("L").save("odd.png")


@pytest.mark.parametrize("make", [_cmyk, _deep, _animated, _rotated, _alpha, _palette, _grey])
def test_an_unusual_picture_is_seen_as_it_is_shown(make: Callable[[], None]) -> None:
    make()
    (name,) = files()
    (result,) = done(run("spotter", name, "--set", "spotter.threshold=180"))["results"]
    assert np.allclose(result["items"][0]["box"], SPOT, atol=2)


# -- tasks -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", "   ", "\n\t", "a" * 100_000, "spotter " * 12_500])
def test_a_task_that_is_empty_or_too_long(text: str) -> None:
    picture()
    before = files()
    refused(run(text, "a.png"))
    assert files() == before


@pytest.mark.parametrize("text", [
    "<|spotter|> <|im_end|> spotter", "spotter [bold]x[/bold] {0} %s \\", "spotter \x1b[2J\x00"])
def test_a_task_with_tokens_and_signs_of_machines(text: str) -> None:
    picture()
    document = done(run(text, "a.png"))
    assert document["task"]["text"] == text if isinstance(document["task"], dict) else document["task"] == text
    assert len(document["routes"]) == 1
    shown = veclink("run", text, "a.png", "--tool", "spotter", "--no-save")
    assert shown.exit_code == 0 and "\x1b" not in shown.stdout


def test_a_picture_without_a_task() -> None:
    picture()
    refused(veclink("run", "a.png"), "a task in words")


# -- names -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--profile", "phot"], ["phot", "did you mean 'photo'?"]),
        (["--profile", "nowhere.yaml"], ["nowhere.yaml"]),
        (["--tool", "spoter"], ["spoter", "did you mean 'spotter'?"]),
        (["--device", "tpu"], ["tpu"]),
        (["--device", "cuda:77"], ["cuda:77"]),
        (["--set", "spotter.treshold=3"], ["treshold", "did you mean 'threshold'?"]),
        (["--set", "spotter.threshold=300"], ["threshold", "0 to 255"]),
        (["--set", "spotter.threshold=high"], ["threshold", "int"]),
        (["--set", "spoter.threshold=3"], ["spoter"]),
        (["--resume", "nowhere"], ["--resume"]),
    ],
    ids=" ".join,
)
def test_an_unknown_name(arguments: list[str], words: list[str]) -> None:
    picture()
    before = files()
    extra = [] if "--tool" in arguments else ["--tool", "spotter"]
    refused(veclink("run", "spotter", "a.png", *arguments, *extra), *words)
    assert files() == before


@pytest.mark.parametrize("text", [
    "core: 3", "- a\n- b", "corre: {model: x}", "{", "core: {model: x}\ntools: {nosuch: {}}"])
def test_a_profile_file_that_is_wrong(text: str) -> None:
    picture()
    Path("mine.yaml").write_text(text)
    before = files()
    refused(veclink("run", "spotter", "a.png", "--profile", "mine.yaml"))
    assert files() == before


@pytest.mark.parametrize("make", [lambda p: p.mkdir(), lambda p: None], ids=["empty folder", "no folder"])
def test_nothing_to_resume(make: Callable[[Path], None]) -> None:
    make(Path("old"))
    before = files()
    refused(veclink("run", "--resume", "old"))
    assert files() == before


# -- regions ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "region", ["box=70,10,20,20", "box=-5,0,20,20", "point=80.5,10", "scribble=1,1,500,500", "1:box=0,0,9,9"])
def test_a_region_outside_the_picture(region: str) -> None:
    picture()
    before = files()
    refused(run("spotter", "a.png", "--region", region), "region")
    assert files() == before


def test_a_mask_of_another_size() -> None:
    picture()
    Image.new("L", (20, 20), 255).save("mask.png")
    refused(run("spotter", "a.png", "--region", "mask=mask.png"), "80 x 60")


# -- checkpoints -----------------------------------------------------------------------------------------------------


def test_a_checkpoint_made_for_another_core() -> None:
    need_model("smollm2-135m")
    from veclink.router.checkpoint import CoreId, save
    from veclink.router.links import LinkSet

    picture()
    links = LinkSet(16, [registry.make("spotter").spec()])
    save("other.safetensors", links, CoreId("another-core", "f" * 64, 16))
    Path("mine.yaml").write_text("name: mine\ndescription: for this test\ntools: {}\n"
                                 f"core: {{model: smollm2-135m, links: {Path('other.safetensors').resolve()}}}\n")
    before = files()
    ended = process("run", "spotter", "a.png", "--profile", "mine.yaml", "--tool", "spotter", install="install_tools")
    refused(ended, "another-core", "smollm2-135m")
    assert files() == before


# -- tools that fail -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("tool", "word"), [("raiser", "no way through"), ("liar", "boxes"), ("bender", "(1, 1)")])
def test_a_tool_that_fails_is_reported_and_the_others_stand(tool: str, word: str) -> None:
    picture()
    result = run(f"{tool} and spotter", "a.png", "--out", "out", tools=(tool, "spotter"))
    document = done(result)
    assert [error["tool"] for error in document["errors"]] == [tool]
    assert word in document["errors"][0]["message"]
    assert [(r["tool"], r["items"][0]["box"]) for r in document["results"]] == [("spotter", SPOT)]
    assert f"error: {tool}: " in result.stderr
    assert json.loads(Path("out/manifest.json").read_text())


def test_a_tool_that_hangs_is_left_behind_and_the_program_ends() -> None:
    picture()
    start = time.monotonic()
    ended = process("run", "sleeper and spotter", "a.png", "--tool", "sleeper", "--tool", "spotter",
                    "--time-limit", "1", "--json")
    assert ended.returncode == 0, ended.stderr
    assert time.monotonic() - start < 45
    document = json.loads(ended.stdout)
    assert [error["tool"] for error in document["errors"]] == ["sleeper"]
    assert [result["tool"] for result in document["results"]] == ["spotter"]


def test_all_tools_failed() -> None:
    picture()
    result = run("raiser", "a.png", tools=("raiser",))
    assert result.exit_code == 1
    assert json.loads(result.stdout)["results"] == []
    assert "error: raiser: " in result.stderr


def test_no_tool_is_needed_or_none_can_help() -> None:
    picture()
    assert done(run("say something", "a.png"))["answer"] == "An answer in words."
    document = done(run("book a table", "a.png"))
    assert document["routes"] == [] and document["answer"]


# -- where the results go --------------------------------------------------------------------------------------------


def test_an_out_folder_that_is_a_file() -> None:
    picture()
    Path("out").write_text("precious")
    refused(run("spotter", "a.png", "--out", "out"), "out")
    assert Path("out").read_text() == "precious"
    refused(run("spotter", "a.png", "--out", "out/deeper"), "out")
    assert files() == {"a.png", "out"}


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="the superuser may write everywhere")
def test_an_out_folder_that_may_not_be_written() -> None:
    picture()
    Path("locked").mkdir(mode=0o500)
    refused(run("spotter", "a.png", "--out", "locked/out"), "locked")


def test_a_full_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every write fails from the first on: nothing is left behind."""
    picture()

    def full(*arguments: Any, **options: Any) -> Any:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        for owner, name in ((os, "replace"), (os, "rename"), (Path, "replace"), (Path, "rename")):
            patch.setattr(owner, name, full)
        refused(run("spotter", "a.png", "--out", "out"), "the disk is full")
    assert [name for name in files() if Path(name).is_file()] == ["a.png"]


# -- a run that was killed -------------------------------------------------------------------------------------------


def stop_while_it_hangs(signal_number: int, *words: str) -> subprocess.CompletedProcess[str]:
    """Start the command, and send it a signal as soon as the tool `sleeper` hangs."""
    hanging = "import time\nfrom pathlib import Path\n" \
              "cli_fakes.Sleeper.decode = lambda *a: (Path('stuck').touch(), time.sleep(60))[1]"
    # Beneath a shell's `&` interrupts are ignored, and children inherit that; a terminal's commands heed them.
    heeding = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen([*program(hanging), "run", *words], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, preexec_fn=heeding) as running:
        deadline = time.monotonic() + 60
        while not Path("stuck").exists() and running.poll() is None and time.monotonic() < deadline:
            time.sleep(0.1)
        running.send_signal(signal_number)
        out, err = running.communicate(timeout=30)
    assert Path("stuck").exists(), err
    return subprocess.CompletedProcess(running.args, running.returncode, out, err)


def test_an_interrupted_run_ends_at_once_with_130() -> None:
    picture()
    ended = stop_while_it_hangs(signal.SIGINT, "sleeper", "a.png", "--tool", "sleeper", "--no-save")
    assert (ended.returncode, ended.stdout, ended.stderr.strip()) == (130, "", "interrupted")


def test_a_killed_run_goes_on_where_it_was() -> None:
    picture()
    words = ["spotter and sleeper", "a.png", "--tool", "spotter", "--tool", "sleeper", "--out", "out"]
    stop_while_it_hangs(signal.SIGKILL, *words)
    assert not Path("out/manifest.json").exists()
    ended = process("run", "--resume", "out", "--json", code="cli_fakes.Sleeper.decode = cli_fakes.Spotter.decode")
    assert ended.returncode == 0, ended.stderr
    document = json.loads(ended.stdout)
    assert {result["tool"] for result in document["results"]} == {"spotter", "sleeper"}
    assert Path("out/manifest.json").exists()
    refused(process("run", "--resume", "out"), "finished")


# -- real processes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [
    ["run", "spotter", "nowhere.jpg"], ["run", ""], ["run", "spotter", "--profile", "x"], ["nosuch"],
    ["run", "x", "--nosuch"]], ids=" ".join)
def test_a_real_process_ends_with_2_and_one_line(arguments: list[str]) -> None:
    refused(process(*arguments))
    assert files() == set()


def test_a_real_process_prints_one_document_and_nothing_else() -> None:
    picture()
    noisy = "import os\nread = cli_fakes.Spotter.decode\ndef decode(*a):\n    print('noise'); os.write(1, b'more')\n" \
            "    return read(*a)\ncli_fakes.Spotter.decode = decode"
    ended = process("run", "spotter", "a.png", "--tool", "spotter", "--json", "--out", "out", code=noisy)
    assert ended.returncode == 0, ended.stderr
    document = json.loads(ended.stdout)
    assert document["results"][0]["items"][0]["box"] == SPOT
    assert "noise" in ended.stderr and "more" in ended.stderr
    assert torch.__version__  # the fakes ran on the real library
