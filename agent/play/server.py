"""The page's server: on 127.0.0.1 alone, behind a secret word in the address, with nothing but the standard library.

    GET  /WORD/             the page            GET  /WORD/state     what is known, as JSON
    GET  /WORD/stream       pictures as JPEG    GET  /WORD/icon/ITEM-VARIANT.png
    POST /WORD/input        keys, turns, clicks: see `KeyboardPlayer.post`
"""

from __future__ import annotations

import contextlib
import hmac
import io
import json
import re
import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.resources import files
from typing import Any

import numpy as np

from veclink.agent.play.episode import plain
from veclink.agent.play.keyboard import KeyboardPlayer
from veclink.agent.play.screen import Status
from veclink.envs.errors import InputError
from veclink.envs.facts import CRAFT_NAMES, HAND, ITEMS, TABLE

HOST = "127.0.0.1"
LARGEST = 16 << 10  # bytes of a message
MOST_STREAMS = 4
QUALITY = 82  # of the JPEGs
BOUNDARY = "veclink-picture"
Show = Callable[[Status, Mapping[str, Any], Mapping[str, Any]], None]


class Board:
    """The newest picture and state, for all who look."""

    def __init__(self) -> None:
        self.changed = threading.Condition()
        self.number, self.streams, self.over = 0, 0, False
        self.rgb: np.ndarray | None = None
        self.state: dict[str, Any] = {}

    def show(self, status: Status, observation: Mapping[str, Any], info: Mapping[str, Any]) -> None:
        """Put up a moment."""
        masks = observation.get("masks", {})
        with self.changed:
            self.rgb = observation["rgb"]
            self.state = {**vars(status), "place_mask": masks.get("place"), "craft": masks.get("craft_smelt")}
            self.number += 1
            self.changed.notify_all()

    def end(self) -> None:
        """No more is to come."""
        with self.changed:
            self.over = True
            self.changed.notify_all()

    def told(self, waits: bool) -> dict[str, Any]:
        """The state as the page reads it."""
        with self.changed:
            state, number = dict(self.state), self.number
        able, places = state.pop("craft", None), state.pop("place_mask", None)
        craft = [{"index": int(index), "name": CRAFT_NAMES[index], "how": _how(int(index))}
                 for index in (np.flatnonzero(able) if able is not None else ())]
        return plain({**state, "number": number, "waits": waits, "over": self.over, "craft": craft,
                      "places": np.flatnonzero(places) if places is not None else []})

    def next_picture(self, after: int) -> tuple[int, np.ndarray | None]:
        """(number, (3, H, W)) of the first picture after a number; None where there will be none."""
        with self.changed:
            self.changed.wait_for(lambda: self.over or self.number > after)
            return self.number, None if self.over else self.rgb


def _how(index: int) -> str:
    return "hand" if index in HAND else "table" if index in TABLE else "furnace"


def jpeg(rgb: np.ndarray) -> bytes:
    """(3, H, W) uint8 as a JPEG."""
    from PIL import Image

    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(rgb.transpose(1, 2, 0))).save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()


@cache
def png(name: str, variant: int) -> bytes:
    """An item's icon."""
    from PIL import Image

    from veclink.agent.play.icons import icon

    buffer = io.BytesIO()
    Image.fromarray(icon(name, variant)).save(buffer, "PNG")
    return buffer.getvalue()


class Server(ThreadingHTTPServer):
    """Serves one player's page."""

    daemon_threads = True

    def __init__(self, player: KeyboardPlayer, board: Board, port: int) -> None:
        self.player, self.board, self.word = player, board, secrets.token_urlsafe(24)
        super().__init__((HOST, port), Handler)

    @property
    def address(self) -> str:
        """Where the page is."""
        return f"http://{HOST}:{self.server_port}/{self.word}/"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A browser that went away is no news."""


class Handler(BaseHTTPRequestHandler):
    """Answers one connection."""

    server: Server  # pyright: ignore[reportIncompatibleVariableOverride]  (no other server uses it)
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "veclink", ""
    timeout = 30  # seconds for a request

    def do_GET(self) -> None:
        """The page and what it shows."""
        path = self._path()
        if path == "":
            self._page()
        elif path == "state":
            self._send(json.dumps(self.server.board.told(self.server.player.waits)).encode(), "application/json")
        elif path == "stream":
            self._stream()
        elif path is not None and (found := re.fullmatch(r"icon/([a-z0-9_]{1,60})-(\d{1,3})\.png", path)):
            if found[1] in ITEMS.names:
                self._send(png(found[1], int(found[2])), "image/png", "max-age=86400")
            else:
                self._refuse(HTTPStatus.NOT_FOUND)
        elif path is not None:
            self._refuse(HTTPStatus.NOT_FOUND)

    def do_POST(self) -> None:
        """What the person does."""
        path = self._path()
        if path is None:
            return
        length = self.headers.get("Content-Length", "")
        origin = self.headers.get("Origin")
        if path != "input":
            self._refuse(HTTPStatus.NOT_FOUND)
        elif self.headers.get_content_type() != "application/json" or (
                origin is not None and origin.removeprefix("http://") not in self._hosts()):
            self._refuse(HTTPStatus.FORBIDDEN)
        elif not length.isdigit() or int(length) > LARGEST:
            self._refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        else:
            try:
                self.server.player.post(json.loads(self.rfile.read(int(length))))
            except (ValueError, RecursionError, InputError) as error:
                self._refuse(HTTPStatus.BAD_REQUEST, str(error)[:300])
            else:
                self._send(b"{}", "application/json")

    def _hosts(self) -> tuple[str, str]:
        return f"{HOST}:{self.server.server_port}", f"localhost:{self.server.server_port}"

    def _path(self) -> str | None:
        """What follows the secret word; refuses what has another word or came under another name (DNS rebinding)."""
        word, _, rest = self.path.split("?")[0].removeprefix("/").partition("/")
        if self.headers.get("Host") not in self._hosts():
            self._refuse(HTTPStatus.FORBIDDEN)
        elif not hmac.compare_digest(word.encode(), self.server.word.encode()):
            self._refuse(HTTPStatus.NOT_FOUND)
        else:
            return rest
        return None

    def _refuse(self, status: HTTPStatus, why: str = "") -> None:
        self.close_connection = True  # an unread body must not be taken for the next request
        self._send((why or status.phrase).encode(), "text/plain; charset=utf-8", status=status)

    def _send(self, data: bytes, kind: str, keep: str = "no-store", status: HTTPStatus = HTTPStatus.OK,
              more: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (("Content-Type", kind), ("Content-Length", str(len(data))), ("Cache-Control", keep),
                            ("Referrer-Policy", "no-referrer"), ("X-Content-Type-Options", "nosniff"),
                            *(more or {}).items()):
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def _page(self) -> None:
        nonce = secrets.token_urlsafe(16)
        text = (files("veclink.agent.play") / "page.html").read_text("utf8").replace("NONCE", nonce)
        policy = (f"default-src 'none'; img-src 'self'; connect-src 'self'; script-src 'nonce-{nonce}'; "
                  f"style-src 'nonce-{nonce}'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
        self._send(text.encode(), "text/html; charset=utf-8", more={"Content-Security-Policy": policy})

    def _stream(self) -> None:
        """Pictures until the game ends or the browser goes."""
        board = self.server.board
        with board.changed:
            if board.streams >= MOST_STREAMS:
                self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, "too many pages look at this game")
                return
            board.streams += 1
        try:
            self.close_connection = True
            self.send_response(HTTPStatus.OK)
            self.send_header("Content-Type", f"multipart/x-mixed-replace; boundary={BOUNDARY}")
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            self.wfile.write(f"--{BOUNDARY}\r\n".encode())
            number, rgb = board.next_picture(0)
            while rgb is not None:
                data = jpeg(rgb)
                head = f"Content-Type: image/jpeg\r\nContent-Length: {len(data)}\r\n\r\n"
                # the boundary follows at once: some browsers show a picture only when they have read it
                self.wfile.write(head.encode() + data + f"\r\n--{BOUNDARY}\r\n".encode())
                number, rgb = board.next_picture(number)
        except OSError:
            pass  # the browser went
        finally:
            with board.changed:
                board.streams -= 1

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on the terminal: the address holds the secret word."""


@contextlib.contextmanager
def served(player: KeyboardPlayer, port: int = 0) -> Iterator[tuple[str, Show]]:
    """(the page's address, what to call after every step) while this holds.

    Raises:
        InputError: the port is taken.
    """
    board = Board()
    try:
        server = Server(player, board, port)
    except OSError as error:
        raise InputError("a port that is free", f"{port} ({error.strerror})", "choose another, or leave --port out"
                         ) from error
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True,
                              name="veclink-page")
    thread.start()
    try:
        yield server.address, board.show
    finally:
        board.end()
        server.shutdown()
        server.server_close()
