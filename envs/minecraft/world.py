"""The Minecraft world behind the contract: a real client on a real server, a tick at a time.

The server is the embedded one (started for each episode, on 127.0.0.1 alone) or any that listens at `server`. A step
sends one request to the bot: what to do in the next tick of 1/20 s, and what is seen afterwards. Observation, masks and
judging are made by the code of the built-in world.
"""

from __future__ import annotations

import contextlib
import weakref
from typing import Any

import numpy as np

from veclink.envs.contract import (
    EXTRA_NOOPS,
    EXTRA_TICKS,
    IMAGE_SIZE,
    RAYS,
    VOXELS,
    Slot,
    World,
    checked_action,
    checked_image_size,
)
from veclink.envs.errors import InputError, UnknownName
from veclink.envs.minecraft.bridge import BridgeError, Child
from veclink.envs.minecraft.deeds import STILL, act_of, events_of, wounds_of
from veclink.envs.minecraft.names import version_block
from veclink.envs.minecraft.near import Blocks, Person, drop_records, mob_records, warm_up
from veclink.envs.minecraft.pictures import Pictures
from veclink.envs.minecraft.processes import CONNECT, FASTEST, VERSION, Server, address_of, start_bot
from veclink.envs.minecraft.start import begin_task, clear_slot, world_biome
from veclink.envs.tasks import Judge, TaskSpec
from veclink.envs.voxel.chance import Chance, hashed
from veclink.envs.voxel.drops import Drops
from veclink.envs.voxel.mobs import DIFFICULTIES, Mobs
from veclink.envs.voxel.observe import Observer
from veclink.envs.voxel.sky import CLEAR, DAY, RAIN, THUNDER, Sky
from veclink.envs.voxel.start import draw_more
from veclink.envs.voxel.stats import Stats

EPISODE_SALT = 0x5EED
STEP = 120.0  # seconds for an answer to a step; smelting at the pace of the game takes 14
OFF_BY = 50.0  # ticks, and as many for each warp; servers tell their time once a second, we step when we have thought
RADIUS, WIDEST = 11, 48  # blocks round the player that are always known; that can be where more are asked for
LONGEST_NAME = 16  # of a player


class Seer(Observer):
    """The built-in world's observer, with the pictures of this one."""

    def __init__(self, world: Any, pictures: Pictures) -> None:
        super().__init__(world, False, (), None, 0.0, 0.0)
        self.shots = pictures

    def _rgb(self) -> np.ndarray:
        return self.shots.rgb() if self.shots.wanted else self.black

    def _info(self, observation: dict[str, Any]) -> dict[str, Any]:
        info = super()._info(observation)
        info["pictures"] = self.shots.here
        if self.world.player.others:
            info["unnamed"] = dict(self.world.player.others)
        return info


class MinecraftWorld(World):
    """Minecraft's protocol, blocks and recipes: a client bot on the embedded server or on another.

    Differences from the built-in world: time goes on while nobody steps; smelting takes its ten seconds inside one
    step, which `ticks` does not count; what cannot be destroyed is thrown away; one seed gives the same world and not
    the same chances. `rgb` is black where there are no pictures, and `info["pictures"]` says so.

    Args:
        spec: the task. image_size: (height, width) of the pictures. seed: of the embedded server's world.
        server: "host:port" of a server in offline mode; None: the embedded one.
        version: of that server, None asks it. name: of the player.
        warp: how many times as fast as Minecraft's clocks run; for the embedded server only.
        pictures: whether `rgb` is rendered. difficulty: of the embedded server.
        respawns: whether a player who dies comes back to life; otherwise the episode ends.
        commands: whether the bot may use commands (/give, /time, ...) to set a task up on another server.
        view: chunks that the server sends on each side. changes: other fields of the task.

    Attributes:
        seed: of this episode. ticks: steps' ticks since its beginning. protocols: what an agent may read here.
        spent: seconds that the ticks of the last step took, with waiting for server and clock, and the bot's processor
            time in them.
    """

    def __init__(self, spec: TaskSpec, image_size: Any = IMAGE_SIZE, seed: int | None = None, *,
                 server: str | None = None, version: str | None = None, name: str = "veclink", warp: float = 1.0,
                 pictures: bool = False, difficulty: str = "normal", respawns: bool = False, commands: bool = False,
                 view: int = 4, **changes: Any) -> None:
        self.task = spec.changed(**changes) if changes else spec
        self._check(server, warp, difficulty, name)
        self.voxel_size = (self.task.voxel_size or VOXELS) if self.task.use_voxel else None
        self.lidar_rays = (self.task.lidar_rays or RAYS) if self.task.use_lidar else None
        super().__init__(image_size=image_size, voxel_size=self.voxel_size, lidar_rays=self.lidar_rays)
        self.image_size = checked_image_size(image_size)
        self.address = address_of(server) if server else None
        self.version, self.player_name, self.warp, self.view = version, name, float(warp), view
        self.difficulty, self.respawns, self.commands = difficulty, respawns, commands
        self.task_id, self.task_prompt, self.task_guidance = self.task.id, self.task.prompt, self.task.guidance
        self.first_seed = int(np.random.SeedSequence().generate_state(1)[0]) % 2**31 if seed is None else int(seed)
        self.seed, self.episode, self.ticks, self.realm = self.first_seed, -1, -1, "overworld"
        self.server: Server | None = None
        self.bot: Child | None = None
        self.shots = Pictures(self, pictures)
        self.protocols = ("voxels", "pixels") if self.shots.here else ("voxels",)
        self.observer = Seer(self, self.shots)
        self.closed, self.spent = False, (0.0, 0.0)
        self._processes: list[Any] = []
        self._finalizer = weakref.finalize(self, _end_all, self._processes)

    def _check(self, server: str | None, warp: float, difficulty: str, name: str) -> None:
        if difficulty not in DIFFICULTIES:
            raise UnknownName.of("difficulty", difficulty, DIFFICULTIES)
        if isinstance(warp, bool) or not isinstance(warp, int | float) or not 0.1 <= warp <= FASTEST:
            raise InputError(f"a warp of 0.1 to {FASTEST:g}", repr(warp), "1 is Minecraft's own pace")
        if server and warp != 1:
            raise InputError("warp 1 on a server that is not ours", repr(warp), "leave warp out")
        if not (name.isascii() and name.replace("_", "").isalnum() and len(name) <= LONGEST_NAME):
            raise InputError("a player's name of up to 16 letters, digits and _", repr(name), "choose another")
        if server is None and self.task.generate_world_type == "nether":
            raise InputError("a task in the overworld", "one in the Nether", "choose world='voxel'")

    # -- gymnasium -----------------------------------------------------------------------------------------------------

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None
              ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Begin an episode: a new world on the embedded server, the same one on another.

        Args:
            seed: of its world; None: the next of the world's own. options: none are known.

        Raises:
            MissingExtra, NodeError: Node or its packages are not there.
            BridgeError: the server does not start, or lets nobody in.
        """
        self._open()
        if seed is not None:
            self.first_seed, self.episode = int(seed), -1
        self.episode += 1
        self.seed = self.first_seed if self.episode == 0 else int(
            hashed(self.first_seed, self.episode, 0, 0, EPISODE_SALT) * 2**31)
        super(World, self).reset(seed=self.seed)
        self._parts()
        self._connect()
        begin_task(self)
        if self.server is not None:
            self.clock = self.task.start_time or 0
        self._take(self.ask_bot("see"))
        self.events.clear()
        self.player.damage = None
        self.ticks = 0
        self.stats = Stats()
        observation, info = self.observer.first()
        self.judge.begin(info)
        return observation, info

    def step(self, action: Any) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """One action: one tick, with some functions two more that do nothing."""
        self._open()
        if self.ticks < 0:
            raise InputError("reset() before step()", "step()", "call reset() first")
        chosen = checked_action(action)
        self.events.clear()
        self.stats.begin_step()
        self.observer.before(chosen)
        acts = [act_of(self, chosen)]
        if acts[0]["do"] == "toss" and self.server is not None:  # ours can destroy
            clear_slot(self, int(chosen[Slot.ITEM]))
            acts[0]["do"] = "noop"
        if chosen[Slot.FUNCTION] in EXTRA_NOOPS:
            acts += [STILL] * EXTRA_TICKS
        answer = self.ask_bot("step", acts=acts)
        self.spent = answer["cost"]["ms"] / 1000, answer["cost"]["cpu"] / 1000
        self.events += events_of(answer, chosen)
        self._take(answer)
        for _ in acts:
            self.stats.tick(self)
        self.ticks += len(acts)
        self.steps += 1
        if self.server is not None:
            draw_more(self)
        observation, info = self.observer.after(chosen)
        reward, done = self.judge.step(info)
        self.is_successful = info["is_successful"] = done
        died = any(kind == "death" for kind, _ in self.events)
        ended = done or ((died or not self.player.alive) and not self.respawns)
        cut = self.task.limit is not None and self.steps >= self.task.limit
        return observation, reward, ended, cut, info

    def render(self) -> np.ndarray:
        """(H, W, 3) uint8 RGB of what the player sees now.

        Raises:
            PicturesMissing: there are no pictures here.
        """
        return self.shots.rgb(must=True).transpose(1, 2, 0)

    def close(self) -> None:
        """End the processes; the world cannot be used afterwards."""
        self.closed = True
        self._finalizer()

    # -- parts ---------------------------------------------------------------------------------------------------------

    def _parts(self) -> None:
        """Everything anew for an episode."""
        spec = self.task
        self.chance = Chance(self.seed)
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.ticks, self.steps, self.is_successful = -1, 0, False
        self.player, self.grid = Person(), Blocks()
        self.grid.asked = self._put
        self.mobs, self.stats, self.judge = _Mobs(self), Stats(), Judge(spec)
        self.drops = Drops(self)
        self.clock = spec.start_time or 0
        self.sky = Sky(self.clock, CLEAR, False)

    def _connect(self) -> None:
        """A server to play on and a bot that stands in its world."""
        if self.server is not None:
            self.server.close()
            self.server = None
        if self.address is None:
            spec = self.task
            server = self.server = Server(
                seed=self.seed, biome=world_biome(spec.specified_biome), warp=self.warp, mobs=spec.allow_mob_spawn,
                kind="flat" if spec.generate_world_type == "flat" else "default", view=self.view,
                difficulty=DIFFICULTIES.index(self.difficulty))
            self._processes.append(server.child)
        bot = self.bot
        if bot is None or not bot.alive:
            height, width = self.image_size
            viewer = {"width": width, "height": height} if self.shots.wanted else None
            bot = self.bot = start_bot(self.warp, viewer, VERSION if self.address is None else self.version)
            self._processes.append(bot)
            warm_up()  # while the two start
            bot.greet()
        if self.server is not None:
            self.server.greet()
        host, port = self.address or (self.server.host, self.server.port)  # type: ignore[union-attr]  # one of them is
        facts = self.ask_bot("connect", host=host, port=port, version=VERSION if self.address is None else self.version,
                             name=self.player_name, view=self.view, radius=self._radius(), respawns=self.respawns,
                             turns=self.address is None)
        self.grid.learn(facts["blocks"], bool(facts["flattened"]))
        self._take(self.ask_bot("see"))

    def _radius(self) -> int:
        """Blocks round the player that must be known: as many as the voxels show, where the server sends them."""
        wanted = max((abs(edge) for edge in (self.voxel_size or {}).values()), default=0)
        return max(RADIUS, min(wanted, WIDEST, 16 * self.view))

    def ask_bot(self, do: str, **given: Any) -> Any:
        """A request to the bot.

        Raises:
            BridgeError: it was refused, or the bot or the server is gone.
        """
        assert self.bot is not None
        try:
            return self.bot.ask(do, timeout=CONNECT if do == "connect" else STEP, **given)
        except BridgeError as error:
            if self.server is not None and not self.server.child.alive:
                raise BridgeError("a running Minecraft server", f"one that ended; the bot: {error.got}",
                                  "reset the world") from error
            raise

    def _put(self, x: int, y: int, z: int, block: str) -> bool:
        """Put a block into the embedded server's world."""
        name = version_block(block)
        return self.server is not None and name is not None and self.server.try_ask("block", x=x, y=y, z=z, name=name)

    def _take(self, answer: dict[str, Any]) -> None:
        """Bring all parts up to date."""
        seen = answer["seen"]
        self.player.take(seen)
        self.player.damage = wounds_of(answer["events"])
        self.grid.take(seen)
        self.mobs.records = mob_records(seen["mobs"])
        self.drops.records = drop_records(seen["drops"])
        if seen["time"] is not None:
            self._pass_time(int(seen["time"]), len(answer["done"]))
        self.sky.weather = THUNDER if seen["rain"] and seen["thunder"] else RAIN if seen["rain"] else CLEAR
        self.realm = str(seen["realm"])

    def _pass_time(self, told: int, ticks: int) -> None:
        """The clock runs with our ticks, and follows the server's where that is another by more than OFF_BY."""
        if self.task.allow_time_passage:
            self.clock += ticks
        if abs(told - self.clock) > OFF_BY * (1 + self.warp):
            self.clock = told
        self.sky.time, self.sky.day = self.clock % DAY, self.clock // DAY

    def _open(self) -> None:
        if self.closed:
            raise InputError("an open world", "one that was closed", "make a new one")


class _Mobs(Mobs):
    """The creatures that were told; new ones are asked for."""

    def __init__(self, world: MinecraftWorld) -> None:
        super().__init__()
        self.owner = weakref.proxy(world)

    def add(self, kind: str, x: float, y: float, z: float, **fields: Any) -> int:  # pyright: ignore[reportIncompatibleMethodOverride]
        """Put one into the world; -1 where the server does not."""
        from veclink.envs.minecraft.start import summon

        return 0 if summon(self.owner, kind, x, y, z) else -1


def _end_all(processes: list[Any]) -> None:
    for process in processes:
        with contextlib.suppress(Exception):
            process.close()
