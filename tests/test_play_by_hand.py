"""Playing by hand: the page's messages, keys as actions, and a whole game over HTTP."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import re
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest
from fake_world import FakeWorld
from PIL import Image

from veclink.agent.play.episode import Episode, Play, Recorder
from veclink.agent.play.keyboard import KeyboardPlayer
from veclink.agent.play.server import served
from veclink.envs.contract import Function, Slot, World, noop
from veclink.envs.errors import InputError
from veclink.envs.facts import CRAFT_NAMES
from veclink.envs.registry import make
from veclink.envs.tasks import spec


def test_messages_of_the_page_are_checked() -> None:
    player = KeyboardPlayer()
    assert player.waits
    turns = ([1], ["a", 0], [float("nan"), 0], [True, 0], 3)
    deeds = (["craft", len(CRAFT_NAMES)], ["equip", -1], ["equip", 1.5], ["dance", 1], "drop")
    bad = [[], "x", {"other": 1}, {"keys": "forward"}, {"keys": ["fly"]}, {"keys": [3]}, {"deeds": [["drop", 0]] * 65},
           *({"turn": turn} for turn in turns), *({"deeds": [deed]} for deed in deeds)]
    for message in bad:
        with pytest.raises(InputError, match="expected"):
            player.post(message)
    assert player.waits
    player.post({"keys": []})
    assert not player.waits


def test_keys_become_actions() -> None:
    player = KeyboardPlayer()
    player.begin(FakeWorld(spec("open-ended")), "", 0)
    player.post({"keys": ["forward", "right", "jump", "attack", "use"], "turn": [40, -16], "deeds": [["craft", 3]]})
    first = player.act({}, {})
    assert first.tolist() == [1, 2, 1, 12 - 1, 12 + 2, Function.CRAFT, 3, 0]
    assert player.act({}, {}).tolist() == [1, 2, 1, 12, 12, Function.ATTACK, 0, 0]
    for keys in ([], ["use"], []):
        player.post({"keys": keys})  # a key that was down between two ticks counts for one
    assert player.act({}, {})[Slot.FUNCTION] == Function.USE
    assert player.act({}, {}).tolist() == noop().tolist()
    player.post({"quit": True})
    player.act({}, {})
    assert player.finished


class Visit:
    """A page that is open on a game."""

    def __init__(self, address: str) -> None:
        found = re.fullmatch(r"http://(127\.0\.0\.1):(\d+)(/[\w-]{20,}/)", address)
        assert found is not None
        self.port, self.path = int(found[2]), found[3]

    def ask(self, path: str = "", body: Any = None, method: str = "", **headers: str) -> tuple[int, bytes, Any]:
        link = http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        given = {"Content-Type": "application/json"} if body is not None else {}
        link.request(method or ("GET" if body is None else "POST"), path if path.startswith("/") else self.path + path,
                     data, given | {name.replace("_", "-"): value for name, value in headers.items()})
        answer = link.getresponse()
        found = answer.status, answer.read(), answer.headers
        link.close()
        return found

    def state(self) -> dict[str, Any]:
        return json.loads(self.ask("state")[1])

    def until(self, what: Any, **message: Any) -> dict[str, Any]:
        """Send a message again and again until the state is as wanted."""
        for _ in range(200):
            self.ask("input", {**message})
            message.pop("deeds", None)
            state = self.state()
            if what(state):
                return state
            time.sleep(0.05)
        raise AssertionError(state)


@contextlib.contextmanager
def game(world: World, size: tuple[int, int]) -> Iterator[tuple[Visit, Play]]:
    """A game that goes on in another thread."""
    player = KeyboardPlayer()
    play = Play("a goal", "open-ended", "open-ended", "voxel", "keyboard", player.protocol, 0, size, None)
    with served(player) as (address, show):
        thread = threading.Thread(target=Episode(world, player, play, Recorder(None, None), show).run, daemon=True)
        thread.start()
        visit = Visit(address)
        try:
            for _ in range(400):
                if visit.state().get("number"):
                    break
                time.sleep(0.05)
            yield visit, play
        finally:
            player.finished = True
            thread.join(20)
    assert not thread.is_alive()


def test_a_game_over_http() -> None:
    world = make("open-ended", seed=7, image_size=(48, 64), generate_world_type="flat", allow_mob_spawn=False,
                 initial_inventory={"mainhand": {"name": "log", "quantity": 2}})
    with game(world, (48, 64)) as (visit, play):
        status, page, headers = visit.ask()
        assert status == 200 and b"src=\"stream\"" in page and b"NONCE" not in page
        assert "default-src 'none'" in headers["Content-Security-Policy"]
        assert headers["Referrer-Policy"] == "no-referrer"
        start = visit.state()
        assert start["waits"] and start["step"] == 0 and start["slots"][0][:3] == ["log", 0, 2]
        assert [entry["name"] for entry in start["craft"]] == ["planks"] and start["craft"][0]["how"] == "hand"
        time.sleep(0.3)
        assert visit.state()["step"] == 0  # nobody is there: the game waits
        moved = visit.until(lambda state: state["place"][2] > start["place"][2] + 1, keys=["forward"])
        assert moved["life"] == 20 and not moved["waits"] and "forward" in moved["doing"]
        planks = start["craft"][0]["index"]
        visit.until(lambda state: ["planks", 0, 4] in [slot[:3] for slot in state["slots"]], deeds=[["craft", planks]])
        yaw = float(world.player.yaw)  # type: ignore[attr-defined]
        visit.ask("input", {"turn": [7, 0]})
        time.sleep(0.3)
        assert world.player.yaw == pytest.approx(yaw + 7)  # type: ignore[attr-defined]
        status, picture, headers = visit.ask("icon/planks-0.png")
        assert status == 200 and Image.open(io.BytesIO(picture)).size == (32, 32)
        stream_gives_pictures(visit)
        visit.ask("input", {"quit": True})
        for _ in range(100):
            if play.ended:
                break
            time.sleep(0.05)
        assert play.ended == "player" and play.inventory == {"log": 1, "planks": 4}


def stream_gives_pictures(visit: Visit) -> None:
    """Two JPEGs of the world's size arrive, one of them after a step."""
    link = http.client.HTTPConnection("127.0.0.1", visit.port, timeout=20)
    link.request("GET", visit.path + "stream")
    answer = link.getresponse()
    assert answer.headers["Content-Type"].startswith("multipart/x-mixed-replace; boundary=")
    for _ in range(2):
        visit.ask("input", {"keys": ["left"]})
        length = 0
        while (line := answer.fp.readline().strip()) or not length:
            if line.lower().startswith(b"content-length:"):
                length = int(line.split(b":")[1])
        assert Image.open(io.BytesIO(answer.fp.read(length))).size == (64, 48)
    answer.close()
    link.close()


def test_strangers_get_nothing() -> None:
    with game(FakeWorld(spec("open-ended"), (32, 48), length=10**6), (32, 48)) as (visit, _):
        assert visit.ask("/")[0] == visit.ask("/wrong/state")[0] == visit.ask("nothing")[0] == 404
        assert visit.ask("icon/nothing-0.png")[0] == visit.ask("icon/..%2f..-0.png")[0] == 404
        assert visit.ask("state", Host=f"evil.example:{visit.port}")[0] == 403
        assert visit.ask("input", {"keys": []}, Origin="http://evil.example")[0] == 403
        assert visit.ask("input", {"keys": []}, Content_Type="text/plain")[0] == 403
        assert visit.ask("input", b"[" * 20_000)[0] == 413
        assert visit.ask("input", b"[" * 9_000)[0] == 400
        assert visit.ask("input", b"{")[0] == visit.ask("input", {"keys": ["fly"]})[0] == 400
        assert visit.ask("state", {})[0] == 404 and visit.ask("state", method="DELETE")[0] == 501
        assert visit.state()["waits"]  # none of it counted as a word from the page
        assert visit.ask("input", {"keys": []}, Origin=f"http://127.0.0.1:{visit.port}")[0] == 200


def test_a_port_that_is_taken() -> None:
    with served(KeyboardPlayer()) as (address, _):
        with pytest.raises(InputError, match="port"), served(KeyboardPlayer(), Visit(address).port):
            pass
        assert Visit(address).ask("/", Host="localhost")[0] == 403
