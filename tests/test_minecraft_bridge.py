"""The Minecraft world's bridge to node: faults of a child, many requests, clean ends; and the npm folder."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from veclink.envs.errors import InputError, MissingExtra
from veclink.envs.minecraft import node
from veclink.envs.minecraft.bridge import BridgeError, Child, ChildDied, ChildSilent
from veclink.envs.minecraft.node import JS, NodeError

MANY = 10_000
QUICK = 10.0  # seconds
# A child that speaks as the real ones do, and misbehaves on request.
FAKE = """
const { serve, send, SCHEMA } = require(process.argv[2]);
serve({
  echo: (given) => given,
  slow: () => new Promise(() => {}),
  rubbish: () => { process.stdout.write = 0; require('fs').writeSync(1, 'this is not JSON\\n'); },
  list: () => require('fs').writeSync(1, '[1, 2]\\n'),
  cut: () => { require('fs').writeSync(1, '{"id": 1, "ok'); process.exit(3); },
  die: () => { console.error('I am done for'); process.exit(7); },
  fail: () => { throw Object.assign(new Error('the reason'), { kind: 'word' }); },
  hang: () => { for (;;); },
}, { seconds: 0.3, ended: () => process.exit(0) });
send({ schema: Number(process.argv[3] || SCHEMA), ready: true, pid: process.pid });
"""
HOLDER = """
import json, sys, time
from veclink.envs.minecraft.bridge import Child
child = Child(json.loads(sys.argv[1]), "fake")
print(child.greet()["pid"], flush=True)
if sys.argv[2] == "raise":
    raise RuntimeError("on purpose")
if sys.argv[2] == "wait":
    time.sleep(60)
"""


def node_or_skip() -> Path:
    try:
        return node.find_node().program
    except MissingExtra as error:
        pytest.skip(str(error))


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    program = node_or_skip()
    script = tmp_path / "fake.js"
    script.write_text(FAKE)
    return [str(program), str(script), str(JS / "bot" / "lines.js")]


@pytest.fixture
def child(command: list[str]) -> Any:
    made = Child(command, "fake")
    made.greet()
    yield made
    made.close()
    assert not made.alive


def gone(pid: int, within: float = 5.0) -> bool:
    """Whether a process has ended (a zombie counts as ended)."""
    until = time.monotonic() + within
    while time.monotonic() < until:
        try:
            if Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].startswith("Z"):
                return True
            os.kill(pid, 0)
        except (OSError, ProcessLookupError):
            return True
        time.sleep(0.02)
    return False


def test_answers_come_to_their_requests(child: Child) -> None:
    first, second = child.post("echo", number=1), child.post("echo", text="grün\n")
    assert child.wait(second, QUICK) == {"text": "grün\n"}
    assert child.wait(first, QUICK) == {"number": 1}
    for number in range(200):
        assert child.ask("echo", n=number) == {"n": number}


def test_a_refusal_names_its_reason_and_the_child_goes_on(child: Child) -> None:
    with pytest.raises(BridgeError, match="the reason") as caught:
        child.ask("fail")
    assert caught.value.kind == "word"
    with pytest.raises(BridgeError, match="no request is called"):
        child.ask("constructor")
    with pytest.raises(BridgeError, match="took longer"):
        child.ask("slow", timeout=2.0)
    assert child.ask("echo", a=1) == {"a": 1}


def test_ten_thousand_requests_at_once_are_answered_or_refused(child: Child) -> None:
    started = time.monotonic()
    numbers = [child.post("echo", n=n) for n in range(MANY)]
    answered = refused = 0
    for n, number in enumerate(numbers):
        try:
            assert child.wait(number, QUICK) == {"n": n}
            answered += 1
        except BridgeError as error:
            assert error.kind == "busy", error
            refused += 1
    assert answered + refused == MANY and answered > 0
    assert time.monotonic() - started < QUICK
    assert child.ask("echo", a=2) == {"a": 2}


@pytest.mark.parametrize("kind", ["rubbish", "list"])
def test_an_answer_that_is_no_json_object_ends_the_child(child: Child, kind: str) -> None:
    with pytest.raises(BridgeError, match="a JSON object a line"):
        child.ask(kind)
    assert gone(child.process.pid)


def test_a_child_that_dies_says_so_with_its_code_and_words(child: Child) -> None:
    with pytest.raises(ChildDied, match=r"exit code 7.*I am done for"):
        child.ask("die")
    with pytest.raises(ChildDied):
        child.ask("echo")


def test_half_an_answer_is_an_error(child: Child) -> None:
    with pytest.raises(BridgeError):
        child.ask("cut")


def test_a_silent_child_is_given_up_in_time(child: Child) -> None:
    started = time.monotonic()
    with pytest.raises(ChildSilent, match="silence"):
        child.ask("hang", timeout=0.5)
    assert time.monotonic() - started < QUICK and gone(child.process.pid)


def test_what_is_no_request_is_refused_by_the_child(child: Child) -> None:
    assert child.process.stdin is not None
    for line in (b"no json\n", b"[]\n", b'{"id": 5}\n', b'{"id": 6, "do": "' + b"x" * (1 << 20) + b'"}\n'):
        child.process.stdin.write(line)
    child.process.stdin.flush()
    assert child.ask("echo", a=3) == {"a": 3}
    with pytest.raises(InputError, match="a request of at most"):
        child.post("echo", text="x" * (1 << 20))


def test_the_schema_is_checked_on_both_sides(command: list[str], tmp_path: Path) -> None:
    other = Child([*command, "2"], "fake")
    with pytest.raises(BridgeError, match="schema 1"):
        other.greet()
    assert not other.alive
    theirs = Child([command[0], JS / "bot" / "main.js", json.dumps({"schema": 2})], "bot")
    with pytest.raises(BridgeError, match="schema 1"):
        theirs.greet()


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(BridgeError, match="No such file"):
        Child([tmp_path / "nothing"], "fake")


@pytest.mark.parametrize("way", ["return", "raise", "wait"])
def test_nothing_is_left_after_an_end_an_exception_or_a_kill(command: list[str], way: str) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLDER, json.dumps(command), way], stdout=subprocess.PIPE,
                              stderr=subprocess.DEVNULL, text=True)
    assert holder.stdout is not None
    pid = int(holder.stdout.readline())
    if way == "wait":
        holder.send_signal(signal.SIGKILL)
    holder.wait(QUICK)
    assert gone(pid), f"the child lives on after {way}"


# -- the npm folder ----------------------------------------------------------------------------------------------------


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache with all packages as far as anybody looks."""
    monkeypatch.setenv("VECLINK_CACHE", str(tmp_path))
    monkeypatch.delenv(node.VARIABLE, raising=False)
    folder = tmp_path / "minecraft"
    for name, version in node.wanted()["dependencies"].items():
        place = folder / "node_modules" / name
        place.mkdir(parents=True)
        (place / "package.json").write_text(json.dumps({"version": version, "main": "main.js"}))
        (place / "main.js").write_text("")
    (folder / node.STAMP).write_text(json.dumps({"schema": 1, "package": node.fingerprint(), "bytes": 1}))
    return folder


def test_a_whole_folder_is_taken(cache: Path) -> None:
    assert node.modules() == cache / "node_modules"


@pytest.mark.parametrize("damage", ["none", "stamp", "stale", "package", "main", "version"])
def test_a_missing_stale_or_damaged_folder_names_the_command(cache: Path, damage: str) -> None:
    package = cache / "node_modules" / "mineflayer"
    if damage == "none":
        cache.rename(cache.with_name("elsewhere"))
    elif damage == "stamp":
        (cache / node.STAMP).write_text("{")
    elif damage == "stale":
        (cache / node.STAMP).write_text(json.dumps({"schema": 1, "package": "another"}))
    elif damage == "package":
        (package / "package.json").unlink()
    elif damage == "main":
        (package / "main.js").unlink()
    else:
        (package / "package.json").write_text(json.dumps({"version": "0.0.1", "main": "main.js"}))
    with pytest.raises(NodeError, match="veclink doctor --fetch minecraft"):
        node.modules()


def test_a_named_folder_is_looked_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(node.VARIABLE, str(tmp_path))
    with pytest.raises(NodeError, match=node.VARIABLE):
        node.modules()


def test_without_node_the_install_line_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node, "_candidates", list)
    with pytest.raises(MissingExtra, match=r"pip install 'veclink\[minecraft\]'"):
        node.find_node()


def test_pruning_keeps_the_versions_that_the_client_speaks(tmp_path: Path) -> None:
    data = tmp_path / "minecraft-data" / "minecraft-data" / "data"
    for place in ("pc/common", "pc/1.8", "pc/1.9", "pc/1.21.4", "bedrock/common", "bedrock/1.20"):
        (data / place).mkdir(parents=True)
    (data / "dataPaths.json").write_text(json.dumps({"pc": {"1.21.4": {"blocks": "pc/1.21.4", "loot": "pc/1.9"},
                                                            "1.8": {"blocks": "pc/1.8"}}}))
    (tmp_path / "mineflayer" / "lib").mkdir(parents=True)
    (tmp_path / "mineflayer" / "lib" / "version.js").write_text("const testedVersions = ['1.21.4', '1.99']\n")
    node.prune(tmp_path)
    left = {f"{path.parent.name}/{path.name}" for path in data.glob("*/*")}
    assert left == {"pc/common", "pc/1.9", "pc/1.21.4", "bedrock/common"}
