"""What the player sees, carries and feels, as MineDojo's observation dictionary; and the `info` its checks read."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numba import njit

from veclink.envs.contract import Function, Slot
from veclink.envs.facts import BLOCKS, ITEMS, MOBS
from veclink.envs.observe import delta_inventory, masks, totals
from veclink.envs.voxel.biomes import column
from veclink.envs.voxel.crafting import nearby
from veclink.envs.voxel.grid import HEIGHT, MASK
from veclink.envs.voxel.health import FIERY, UNARMOURED
from veclink.envs.voxel.inventory import CHEST, FEET, HEAD, LEGS, OFFHAND, SLOTS

BLOCK_NAMES = np.array([name.replace("_", " ") for name in BLOCKS.names])
ITEM_NAMES = np.array([name.replace("_", " ") for name in ITEMS.names])
SEA_LEVEL = 63
BARE_HAND = ITEMS.id("air")
NO_DAMAGE: Mapping[str, Any] = {"cause": "", "amount": 0.0, "source": None, "hunger": 0.0}
PROJECTILES = ("arrow", "thrown")
TEMPERATURE, RAINFALL = column("temperature", 0.5, np.float32), column("rainfall", 0.5, np.float32)
RANGE = 10  # blocks round the player in which `info["mobs"]` lists what lives
FLAGS = ("is_collidable", "is_tool_not_required", "blocks_movement", "is_liquid", "is_solid", "can_burn",
         "blocks_light")


@njit(cache=True)
def cut(blocks, meta, bounds, x0, y0, z0, ids, metas):
    """Copy a box of blocks out of the rings; what is not loaded or outside the world is air."""
    nx, ny, nz = ids.shape
    for i in range(nx):
        for j in range(ny):
            for k in range(nz):
                x, y, z = x0 + i, y0 + j, z0 + k
                inside = 0 <= y < HEIGHT and bounds[0] <= x < bounds[1] and bounds[2] <= z < bounds[3]
                ids[i, j, k] = blocks[x & MASK, y, z & MASK] if inside else 0
                metas[i, j, k] = meta[x & MASK, y, z & MASK] if inside else 0


class Voxels:
    """The blocks round the player: MineDojo's `voxels`.

    Args:
        size: xmin, xmax, ymin, ymax, zmin, zmax relative to the player's block, ends included.
    """

    def __init__(self, size: Mapping[str, int]) -> None:
        self.low = np.array([size[f"{axis}min"] for axis in "xyz"])
        self.shape = tuple(int(size[f"{axis}max"] - size[f"{axis}min"] + 1) for axis in "xyz")
        self.ids = np.zeros(self.shape, np.uint8)
        self.metas = np.zeros(self.shape, np.uint8)
        grids = np.meshgrid(*(np.arange(n) for n in self.shape), indexing="ij")
        self.offsets = np.stack(grids, -1).astype(np.float64) + self.low + 0.5  # centres, from the player's block
        self.key: tuple[Any, ...] = ()
        self.static: dict[str, np.ndarray] = {}

    def read(self, world: Any) -> dict[str, np.ndarray]:
        """All keys; arrays of blocks are the same objects as before while nothing near changed."""
        player, grid = world.player, world.grid
        base = np.floor(player.pos).astype(np.int64)
        key = (*base.tolist(), grid.version, id(grid))
        if key != self.key:
            x, y, z = (int(v) for v in base + self.low)
            cut(grid.blocks, grid.meta, grid.bounds, x, y, z, self.ids, self.metas)
            self.static, self.key = self._static(), key
        to = self.offsets + base - np.array(player.eye)
        lengths = np.sqrt((to * to).sum(-1)) + 1e-9
        cosines = (to @ look_vector(player.yaw, player.pitch) / lengths).astype(np.float32)
        return {**self.static, "cos_look_vec_angle": np.clip(cosines, -1, 1)}

    def _static(self) -> dict[str, np.ndarray]:
        ids = self.ids
        return {
            "block_name": BLOCK_NAMES[ids],
            "block_meta": self.metas.astype(np.int64),
            "is_collidable": BLOCKS.collidable[ids],
            "is_tool_not_required": BLOCKS.no_tool[ids],
            "blocks_movement": BLOCKS.blocks_movement[ids],
            "is_liquid": BLOCKS.liquid[ids] > 0,
            "is_solid": BLOCKS.material_solid[ids],
            "can_burn": BLOCKS.flammable[ids],
            "blocks_light": BLOCKS.blocks_light[ids],
        }


def look_vector(yaw: float, pitch: float) -> np.ndarray:
    """(3,) float64 of length 1: where one looks; angles in degrees, Minecraft's."""
    turn, lift = math.radians(yaw), math.radians(pitch)
    return np.array([-math.sin(turn) * math.cos(lift), -math.sin(lift), math.cos(turn) * math.cos(lift)])


class Carried:
    """Inventory and equipment, rebuilt only when the inventory changed."""

    def __init__(self) -> None:
        self.key: Any = None
        self.inventory: dict[str, np.ndarray] = {}
        self.equipment: dict[str, np.ndarray] = {}

    def read(self, world: Any) -> bool:
        """Bring both up to date; True where they changed."""
        bag = world.player.inventory
        key = (id(bag), bag.version, world.player.held)
        if key == self.key:
            return False
        self.key = key
        self.inventory = self._of(bag, self.slots(world))
        worn = [world.player.held, OFFHAND, FEET, LEGS, CHEST, HEAD]
        self.equipment = self._of(bag, np.array(worn))
        return True

    @staticmethod
    def slots(world: Any) -> np.ndarray:
        """The player's slots in the order of the observation, which begins with what the main hand holds."""
        slots, held = np.arange(SLOTS), world.player.held
        slots[0], slots[held] = held, 0
        return slots

    @staticmethod
    def _of(bag: Any, slots: np.ndarray) -> dict[str, np.ndarray]:
        items, counts = bag.item[slots], bag.count[slots]
        full = ITEMS.durability[items]
        worn = np.where(full > 0, bag.durability[slots], -1)
        return {
            "name": np.where(counts > 0, ITEM_NAMES[items], "air"),
            "variant": np.where(counts > 0, bag.variant[slots], 0).astype(np.int64),
            "quantity": counts.astype(np.float32),
            "max_durability": np.where((full > 0) & (counts > 0), full, -1).astype(np.float32),
            "cur_durability": np.where(counts > 0, worn, -1).astype(np.float32),
        }


def _split(**values: float) -> dict[str, np.ndarray]:
    """Each value as (1,) float32: views of one array, for speed."""
    row = np.array(tuple(values.values()), np.float32)
    return {name: row[i : i + 1] for i, name in enumerate(values)}


def life_stats(world: Any) -> dict[str, np.ndarray]:
    """MineDojo's `life_stats`, each (1,) float32, and a flag."""
    player = world.player
    found = _split(life=player.life, oxygen=player.air, armor=player.armor, food=player.food,
                   saturation=player.saturation, xp=player.xp)
    found["is_sleeping"] = np.array(player.sleeping)
    return found


def location_stats(world: Any) -> dict[str, np.ndarray]:
    """MineDojo's `location_stats`."""
    player, grid, sky = world.player, world.grid, world.sky
    x, y, z = (math.floor(v) for v in player.eye)
    seen, glow = grid.sky(x, y, z), grid.glow(x, y, z)
    biome = grid.biome_at(x, z)
    found = _split(
        rainfall=float(RAINFALL[biome]), temperature=float(TEMPERATURE[biome]),
        light_level=max(glow, seen - sky.darkness),
        sky_light_level=seen / 15, sun_brightness=sky.brightness, sea_level=SEA_LEVEL, pitch=player.pitch,
        yaw=(player.yaw + 180) % 360 - 180,
    )
    found["biome_id"], found["can_see_sky"] = np.array(biome), np.array(int(seen == 15))
    found["is_raining"], found["pos"] = np.array(int(sky.weather > 0)), np.array(player.pos, np.float32)
    return found


def rays(world: Any, wanted: Sequence[tuple[float, float, float]]) -> dict[str, np.ndarray]:
    """MineDojo's `rays`: what the lidar's beams meet; pitch and yaw in radians from the look vector, distances in
    blocks, -1 and "air" or "null" where a beam meets nothing."""
    from veclink.envs.voxel.physics import ray

    count = len(wanted)
    keys = ("block_distance", "entity_distance", "ray_pitch", "ray_yaw", "traced_block_x", "traced_block_y",
            "traced_block_z")
    found = {key: np.zeros(count, np.float32) for key in keys}
    ids, metas = np.zeros(count, np.uint8), np.zeros(count, np.int64)
    entities = ["null"] * count
    player, grid = world.player, world.grid
    eye = np.array(player.eye, np.float64)
    for number, (pitch, yaw, reach) in enumerate(wanted):
        way = look_vector(player.yaw + math.degrees(yaw), player.pitch + math.degrees(pitch))
        hit, i, j, k, _, distance = ray(grid.blocks, grid.meta, grid.bounds, eye, way, float(reach))
        x, y, z = int(i), int(j), int(k)
        found["ray_pitch"][number], found["ray_yaw"][number] = pitch, yaw
        if hit:
            ids[number], metas[number] = grid.get(x, y, z), grid.get_meta(x, y, z)
        found["block_distance"][number] = distance if hit else -1
        for axis, value in zip("xyz", (x, y, z), strict=True):
            found[f"traced_block_{axis}"][number] = value if hit else 0
        slot, near = world.mobs.hit_by(eye, way, float(distance if hit else reach))
        found["entity_distance"][number] = near if slot >= 0 else -1
        if slot >= 0:
            entities[number] = MOBS.names[int(world.mobs.records["kind"][slot])]
    return {
        "block_name": BLOCK_NAMES[ids], "block_meta": metas, "harvest_level": BLOCKS.level[ids].astype(np.int64),
        "is_tool_not_required": BLOCKS.no_tool[ids], "blocks_movement": BLOCKS.blocks_movement[ids],
        "is_liquid": BLOCKS.liquid[ids] > 0, "is_solid": BLOCKS.material_solid[ids], "can_burn": BLOCKS.flammable[ids],
        "entity_name": np.array(entities), **found,
    }


def mobs_near(world: Any, reach: float = RANGE) -> list[dict[str, Any]]:
    """What lives within so many blocks: name, id, position, life, baby; nearest first."""
    records = world.mobs.records
    if not records["alive"].any():
        return []
    px, py, pz = (float(v) for v in world.player.pos)
    gaps = np.sqrt((records["x"] - px) ** 2 + (records["y"] - py) ** 2 + (records["z"] - pz) ** 2)
    near = np.flatnonzero(records["alive"] & (gaps <= reach))
    return [{"name": MOBS.names[int(records["kind"][slot])], "id": int(records["id"][slot]),
             "position": (float(records["x"][slot]), float(records["y"][slot]), float(records["z"][slot])),
             "distance": float(gaps[slot]), "life": float(records["health"][slot]), "baby": bool(records["baby"][slot])}
            for slot in near[np.argsort(gaps[near], kind="stable")]]


def drops_near(world: Any, reach: float = RANGE) -> list[dict[str, Any]]:
    """Items on the ground within so many blocks: name, variant, quantity, position; nearest first."""
    records = world.drops.records
    if not records["alive"].any():
        return []
    px, py, pz = (float(v) for v in world.player.pos)
    gaps = np.sqrt((records["x"] - px) ** 2 + (records["y"] - py) ** 2 + (records["z"] - pz) ** 2)
    near = np.flatnonzero(records["alive"] & (gaps <= reach))
    return [{"name": ITEMS.names[int(records["item"][slot])], "variant": int(records["variant"][slot]),
             "quantity": int(records["count"][slot]), "distance": float(gaps[slot]),
             "position": (float(records["x"][slot]), float(records["y"][slot]), float(records["z"][slot]))}
            for slot in near[np.argsort(gaps[near], kind="stable")]]


class Observer:
    """Builds observations and infos, and keeps what did not change.

    Args:
        world: with its contract's sizes set.
        pictures: whether `rgb` is rendered.
        labels: of the picture, in `info["frame"]`.
        textures, distance, fov: of the renderer.
    """

    def __init__(self, world: Any, pictures: bool, labels: Sequence[str], textures: Any, distance: float,
                 fov: float) -> None:
        self.world, self.pictures, self.labels = world, pictures, tuple(labels)
        self.settings = {"textures": textures, "distance": distance, "fov": fov}
        self.carried = Carried()
        self.voxels = Voxels(world.voxel_size) if world.voxel_size else None
        self.black = np.zeros((3, *world.image_size), np.uint8)
        self.renderer: Any = None
        self.totals: np.ndarray | None = None
        self.craft: int | None = None
        self.was_craftable = False
        self.masks: dict[str, np.ndarray] = {}
        self.mask_key: tuple[Any, ...] = ()
        self.listed: list[dict[str, Any]] = []
        self.still = delta_inventory(None, np.zeros(len(ITEMS.names), np.int64))

    def first(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Observation and info after a reset."""
        self.carried, self.mask_key, self.totals = Carried(), (), None
        return self.now()

    def now(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Observation and info of this moment, as if nothing had been done before."""
        self.craft = None
        return self._all(self.still)

    def before(self, action: np.ndarray) -> None:
        """Note what a step is about to do."""
        crafts = action[Slot.FUNCTION] == Function.CRAFT
        self.craft = int(action[Slot.CRAFT]) if crafts else None
        self.was_craftable = crafts and bool(self._masks()["craft_smelt"][self.craft])

    def after(self, action: np.ndarray) -> tuple[dict[str, Any], dict[str, Any]]:
        """Observation and info after a step."""
        return self._all(None)

    def _all(self, delta: dict[str, np.ndarray] | None) -> tuple[dict[str, Any], dict[str, Any]]:
        world = self.world
        changed = self.carried.read(world)
        if changed or self.totals is None:
            bag = world.player.inventory
            now = totals(bag.item[:SLOTS], bag.count[:SLOTS])
            if delta is None:
                delta = delta_inventory(self.totals, now, self.craft, self.was_craftable)
            self.totals = now
            self.listed = self._listed()
        observation = {
            "rgb": self._rgb(), "inventory": self.carried.inventory, "equipment": self.carried.equipment,
            "life_stats": life_stats(world), "location_stats": location_stats(world),
            "nearby_tools": self._tools, "damage_source": damage_source(world),
            "masks": self._masks(), "delta_inv": delta or self.still,
        }
        observation["nearby_tools"] = self._tools
        if self.voxels is not None:
            observation["voxels"] = self.voxels.read(world)
        if world.lidar_rays is not None:
            observation["rays"] = rays(world, world.lidar_rays)
        return observation, self._info(observation)

    _tools: dict[str, np.ndarray] = {}  # noqa: RUF012  # replaced, never changed

    def _masks(self) -> dict[str, np.ndarray]:
        """Masks, made again only when the inventory, the stations near or the fire left over changed."""
        world, player = self.world, self.world.player
        table, furnace = nearby(world)
        key = (id(player.inventory), player.inventory.version, player.held, table, furnace, player.fuel)
        if key != self.mask_key:
            self.mask_key = key
            self._tools = {"table": np.array(table), "furnace": np.array(furnace)}
            slots = self.carried.slots(world)
            bag = player.inventory
            self.masks = masks(bag.item[slots].astype(np.int64), bag.variant[slots].astype(np.int64),
                               bag.count[slots].astype(np.int64), table, furnace, player.fuel)
        return self.masks

    def _info(self, observation: dict[str, Any]) -> dict[str, Any]:
        world, player = self.world, self.world.player
        x, y, z = (float(v) for v in player.pos)
        info = {
            "inventory": self.listed, "stat": world.stats.info(), "xpos": x, "ypos": y, "zpos": z,
            "light_level": float(observation["location_stats"]["light_level"][0]),
            "time_since_death": world.stats.time_since_death, "is_alive": player.alive,
            "is_successful": world.is_successful, "events": list(world.events), "time": world.sky.time,
            "day": world.sky.day, "realm": world.realm, "seed": world.seed,
        }
        if self.voxels is not None:
            info["mobs"], info["drops"] = mobs_near(world), drops_near(world)
        deaths = [what for kind, what in world.events if kind == "death"]
        if deaths:
            info["died"] = deaths[-1]["cause"]
        if self.labels:
            info["frame"] = self.last
        return info

    def _listed(self) -> list[dict[str, Any]]:
        bag = self.world.player.inventory
        return [{"name": ITEMS.names[int(bag.item[slot])], "quantity": int(bag.count[slot]),
                 "variant": int(bag.variant[slot]), "index": int(slot)} for slot in np.flatnonzero(bag.count > 0)]

    # -- pictures ------------------------------------------------------------------------------------------------------

    def picture(self, labels: Sequence[str] = (), **changes: Any) -> Any:
        """The frame of now; `changes` are fields of its Scene."""
        from veclink.envs.voxel.render import Renderer
        from veclink.envs.voxel.render.scene import Scene

        if self.renderer is None:
            self.renderer = Renderer(self.world.image_size, **self.settings)
        world, grid, player = self.world, self.world.grid, self.world.player
        held = int(player.inventory.item[player.held]) if player.inventory.count[player.held] else BARE_HAND
        scene = Scene.of(grid, player.eye, yaw=player.yaw, pitch=player.pitch, mobs=world.mobs.records,
                         drops=world.drops.records, shots=world.shots.records, time=world.sky.time, day=world.sky.day,
                         clock=max(world.ticks, 0), weather=world.sky.weather, held=held,
                         held_variant=int(player.inventory.variant[player.held]))
        return self.renderer.frame(scene.edited(**changes) if changes else scene, labels)

    def _rgb(self) -> np.ndarray:
        if not self.pictures:
            return self.black
        self.last = self.picture(self.labels)
        return np.ascontiguousarray(self.last.rgb.transpose(2, 0, 1))

    last: Any = None

    def light_level(self) -> float:
        """What `location_stats` says."""
        x, y, z = (math.floor(v) for v in self.world.player.eye)
        grid = self.world.grid
        return float(max(grid.glow(x, y, z), grid.sky(x, y, z) - self.world.sky.darkness))

    # -- saving --------------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """What a next step's `delta_inv` depends on."""
        return {"totals": None if self.totals is None else self.totals.copy()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from `state()`."""
        self.first_totals = state["totals"]
        self.carried, self.mask_key = Carried(), ()
        self.totals = None if state["totals"] is None else np.array(state["totals"])


def damage_source(world: Any) -> dict[str, np.ndarray]:
    """MineDojo's `damage_source`: the last blow; zeros where there was none."""
    damage = world.player.damage or NO_DAMAGE
    cause, source = damage["cause"], damage["source"]
    distance = yaw = pitch = 0.0
    if source is not None:
        dx, dy, dz = (float(b) - float(a) for a, b in zip(world.player.eye, source, strict=True))
        flat = math.hypot(dx, dz)
        distance, pitch = math.hypot(flat, dy), -math.degrees(math.atan2(dy, flat))
        yaw = math.degrees(math.atan2(-dx, dz))

    return {
        **_split(damage_amount=damage["amount"], damage_distance=distance, damage_pitch=pitch, damage_yaw=yaw,
                 hunger_damage=damage["hunger"]),
        "is_explosion": np.array(cause == "explosion"), "is_fire_damage": np.array(cause in FIERY),
        "is_magic_damage": np.array(cause == "magic"), "is_projectile": np.array(cause in PROJECTILES),
        "is_unblockable": np.array(cause in UNARMOURED),
    }
