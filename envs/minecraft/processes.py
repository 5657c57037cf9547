"""The two node processes of a world: the embedded server with its admin requests, and the client bot."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from veclink.envs.errors import InputError
from veclink.envs.minecraft.bridge import SCHEMA, BridgeError, Child
from veclink.envs.minecraft.node import JS, compiled_folder, find_node, modules

VERSION = "1.21.4"  # of the embedded server
LOOPBACK = "127.0.0.1"
CONNECT = 60.0  # seconds for the bot to stand in a world
FASTEST = 100.0  # warp
MEMORY = ("--optimize-for-size", "--max-semi-space-size=4")  # a heap that stays near what is in use


def start(script: str, config: Mapping[str, Any], name: str, warp: float) -> Child:
    """Start js/`script` with a configuration; `greet` waits for it.

    Raises:
        MissingExtra: there is no Node. NodeError: the npm packages are missing or damaged.
    """
    command = [find_node().program, *MEMORY, "--require", JS / "clock.js", JS / script,
               json.dumps({"schema": SCHEMA, **config})]
    env = {"NODE_PATH": str(modules()), "WARP": f"{warp:g}", "NODE_COMPILE_CACHE": str(compiled_folder())}
    return Child(command, name, env=env)


def start_bot(warp: float, viewer: Mapping[str, int] | None, version: str | None = None) -> Child:
    """The client bot, not yet connected; it makes itself ready for a version that is known already."""
    return start("bot/main.js", {"viewer": viewer, "version": version}, "Minecraft bot", warp)


def address_of(text: str) -> tuple[str, int]:
    """(host, port) of "host:port" or "host".

    Raises:
        InputError: it is neither.
    """
    host, _, port = text.strip().rpartition(":") if ":" in text else (text.strip(), "", "25565")
    host = host.strip("[]")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise InputError("a server as host:port", repr(text), "give for example 127.0.0.1:25565")
    return host, int(port)


class Server:
    """The embedded server: started, told what to do, ended.

    Args:
        seed, biome, kind, mobs, difficulty: of its world; see js/server/main.js. warp: of its clock.
        port: to listen on; 0: a free one. turns: whether its world goes on by the bot's ticks alone, not by a clock.
    """

    def __init__(self, *, seed: int, biome: str | None, kind: str, mobs: bool, difficulty: int, view: int,
                 warp: float, port: int = 0, turns: bool = True) -> None:
        config = {"port": port, "host": LOOPBACK, "version": VERSION, "seed": seed, "biome": biome, "kind": kind,
                  "mobs": mobs, "difficulty": difficulty, "view": view, "turns": turns}
        self.child = start("server/main.js", config, "Minecraft server", warp)
        self.host, self.port = LOOPBACK, 0

    def greet(self) -> None:
        """Wait until it listens."""
        self.port = int(self.child.greet()["port"])

    def ask(self, do: str, **given: Any) -> Any:
        """An admin request."""
        return self.child.ask(do, **given)

    def try_ask(self, do: str, **given: Any) -> bool:
        """An admin request that may be refused; whether it was done."""
        try:
            self.child.ask(do, **given)
        except BridgeError as error:
            if not self.child.alive:
                raise
            del error
            return False
        return True

    def close(self) -> None:
        """End it."""
        self.child.close()
