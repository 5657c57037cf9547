"""The contract of every world: MineDojo's observations and eight-slot actions behind gymnasium's API.

Source: MineDojo 0.1 (MIT), its simulator's handlers and its action, mask and inventory wrappers. Differences, all of
them forced by gymnasium or by values that leave MineDojo's own bounds:

- `reset` returns (observation, info) and `step` returns (observation, reward, terminated, truncated, info).
- MineDojo's text arrays have no bounds; here they are `Words`, a space of numpy text arrays of one shape.
- Three bounds are wider, because true values leave MineDojo's: temperature (a desert has 2.0), xp, oxygen (negative
  while drowning), damage_amount.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import IntEnum
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from veclink.envs.errors import InputError, UnknownName
from veclink.envs.facts import CRAFT_NAMES, ITEMS

SLOTS = 36  # of the inventory, the main hand's first
EQUIPMENT = ("mainhand", "offhand", "feet", "legs", "chest", "head")  # the order of `equipment`
CAMERA_STEP = 15  # degrees of one camera index
CAMERA_NOOP = 12  # the camera index that does not turn
SMALLEST, LARGEST = 16, 4096  # pixels of an image's side
IMAGE_SIZE = (160, 256)
VOXELS = {"xmin": -1, "ymin": -1, "zmin": -1, "xmax": 1, "ymax": 1, "zmax": 1}  # MineDojo's default box of blocks
RAYS = ((0.0, 0.0, 10.0),)  # MineDojo's default lidar: pitch, yaw (radians from the look vector), reach (blocks)
VARIANTS = 121  # the greatest variant is 120, the villager's spawn egg
INFO_KEYS = (
    "inventory", "stat", "xpos", "ypos", "zpos", "light_level", "time_since_death", "is_alive", "is_successful",
)  # fmt: skip


class Slot(IntEnum):
    """The eight slots of an action."""

    MOVE = 0  # 0 nothing, 1 forward, 2 back
    STRAFE = 1  # 0 nothing, 1 left, 2 right
    BODY = 2  # 0 nothing, 1 jump, 2 sneak, 3 sprint
    PITCH = 3  # index x 15 - 180 degrees, 12 does not turn, more looks down
    YAW = 4  # index x 15 - 180 degrees, 12 does not turn, more turns right
    FUNCTION = 5  # one of Function
    CRAFT = 6  # for CRAFT: index of facts.CRAFT_NAMES
    ITEM = 7  # for EQUIP, PLACE, DESTROY: slot of the inventory


class Function(IntEnum):
    """The values of the action's slot FUNCTION."""

    NOOP = 0
    USE = 1
    DROP = 2
    ATTACK = 3
    CRAFT = 4
    EQUIP = 5
    PLACE = 6
    DESTROY = 7


EXTRA_NOOPS = frozenset({Function.DROP, Function.CRAFT, Function.EQUIP, Function.PLACE, Function.DESTROY})
EXTRA_TICKS = 2  # ticks with `noop()` that a step with one of those functions runs after its own
ACTION_SIZES = (3, 3, 4, 25, 25, len(Function), len(CRAFT_NAMES), SLOTS)
ACTION_SPACE = spaces.MultiDiscrete(list(ACTION_SIZES), dtype=np.int64)
_SIZES = np.array(ACTION_SIZES)


class ActionError(InputError):
    """An action that is not one of the contract's."""


class ImageSizeError(InputError):
    """A size that no picture can have."""


class Words(spaces.Space[np.ndarray]):
    """numpy text arrays (dtype kind U) of one shape: what MineDojo calls Text.

    Args:
        shape: of the arrays.
        words: what `sample` draws from; any text is contained.
    """

    def __init__(self, shape: Sequence[int], words: Sequence[str] = ("air",)) -> None:
        super().__init__(tuple(shape), np.str_)
        self.words = tuple(words)

    @property
    def is_np_flattenable(self) -> bool:
        """Text has no numbers to flatten."""
        return False

    def sample(self, mask: Any = None, probability: Any = None) -> np.ndarray:
        """An array of words drawn at random; masks are not supported."""
        return self.np_random.choice(np.array(self.words), self.shape)

    def contains(self, x: Any) -> bool:
        """Whether `x` is a text array of the shape."""
        return isinstance(x, np.ndarray) and x.dtype.kind == "U" and x.shape == self.shape

    def to_jsonable(self, sample_n: Iterable[np.ndarray]) -> list[Any]:
        """Nested lists of text."""
        return [sample.tolist() for sample in sample_n]

    def from_jsonable(self, sample_n: list[Any]) -> list[np.ndarray]:
        """The arrays again."""
        return [np.array(sample, np.str_).reshape(self.shape or ()) for sample in sample_n]

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Words) and other.shape == self.shape

    def __hash__(self) -> int:
        return hash((Words, self.shape))

    def __repr__(self) -> str:
        return f"Words{self.shape}"


def noop() -> np.ndarray:
    """(8,) int64: the action that does nothing."""
    return np.array([0, 0, 0, CAMERA_NOOP, CAMERA_NOOP, 0, 0, 0], np.int64)


def camera_index(degrees: float) -> int:
    """The camera index nearest to a turn by -180..180 degrees."""
    if not -180 <= degrees <= 180:
        raise ActionError("a turn of -180 to 180 degrees", repr(degrees), "turn in several steps")
    return round((degrees + 180) / CAMERA_STEP)


def camera_degrees(index: int) -> float:
    """The turn in degrees that a camera index stands for."""
    return float(index * CAMERA_STEP - 180)


def action(
    *,
    forward: int = 0, back: int = 0, left: int = 0, right: int = 0, jump: int = 0, sneak: int = 0, sprint: int = 0,
    pitch: float = 0.0, yaw: float = 0.0, function: str | int = "noop", craft: str | int = 0, slot: int = 0,
) -> np.ndarray:  # fmt: skip
    """An action by name.

    Args:
        forward, back, left, right, jump, sneak, sprint: 1 to do it; only one of a pair, one of the last three.
        pitch, yaw: turn in degrees, rounded to the nearest 15; down and right are positive.
        function: "noop", "use", "drop", "attack", "craft", "equip", "place", "destroy" or a Function.
        craft: name or index of what to craft. slot: slot of the inventory for equip, place and destroy.

    Returns:
        (8,) int64.
    """
    made = noop()
    made[Slot.MOVE] = _one_of(forward=forward, back=back)
    made[Slot.STRAFE] = _one_of(left=left, right=right)
    made[Slot.BODY] = _one_of(jump=jump, sneak=sneak, sprint=sprint)
    made[Slot.PITCH], made[Slot.YAW] = camera_index(pitch), camera_index(yaw)
    if isinstance(function, str):
        names = [member.name.lower() for member in Function]
        if function.lower() not in names:
            raise UnknownName.of("function", function, names)
        made[Slot.FUNCTION] = names.index(function.lower())
    else:
        made[Slot.FUNCTION] = function
    made[Slot.CRAFT] = craft_index(craft) if isinstance(craft, str) else craft
    made[Slot.ITEM] = slot
    return checked_action(made)


def craft_index(name: str) -> int:
    """The craft index of an item's name; the first where hand, table and furnace could make it."""
    plain = name.replace(" ", "_")
    if plain not in CRAFT_NAMES:
        raise UnknownName.of("thing to craft", name, CRAFT_NAMES)
    return CRAFT_NAMES.index(plain)


def _one_of(**keys: int) -> int:
    """0 where no key is pressed, else the pressed one's number from 1."""
    pressed = [name for name, value in keys.items() if value]
    if len(pressed) > 1:
        raise ActionError(f"one of {', '.join(keys)} at a time", " and ".join(pressed), "leave the others out")
    return list(keys).index(pressed[0]) + 1 if pressed else 0


def checked_action(given: Any) -> np.ndarray:
    """The action as (8,) int64.

    Raises:
        ActionError: not eight whole numbers, or one that is out of its range.
    """
    array = np.asarray(given)
    if array.shape != (len(ACTION_SIZES),) or array.dtype.kind not in "iu":
        got = f"{type(given).__name__} of shape {array.shape} and dtype {array.dtype}"
        raise ActionError("an action of 8 whole numbers", got, "use veclink.envs.contract.action(...) or noop()")
    array = array.astype(np.int64)
    bad = (array < 0) | (array >= _SIZES)
    if bad.any():
        place = int(np.flatnonzero(bad)[0])
        expected = f"0 to {ACTION_SIZES[place] - 1} in slot {place} ({Slot(place).name.lower()}) of an action"
        raise ActionError(expected, str(array[place]), "keep to the action space")
    return array


def checked_image_size(image_size: Any) -> tuple[int, int]:
    """(height, width) in pixels; one number is a square, as in MineDojo.

    Raises:
        ImageSizeError: not one or two whole numbers from 16 to 4096.
    """
    sides = (image_size, image_size) if isinstance(image_size, int | np.integer) else image_size
    if (
        not isinstance(sides, Sequence | np.ndarray)
        or isinstance(sides, str)
        or len(sides) != 2
        or not all(isinstance(side, int | np.integer) and not isinstance(side, bool) for side in sides)
        or not all(SMALLEST <= side <= LARGEST for side in sides)
    ):
        expected = f"an image size (height, width), each {SMALLEST} to {LARGEST} pixels"
        raise ImageSizeError(expected, repr(image_size), "choose for example (160, 256)")
    return int(sides[0]), int(sides[1])


def _floats(low: float, high: float, shape: tuple[int, ...] = (1,)) -> spaces.Box:
    return spaces.Box(low, high, shape, np.float32)


def _flags(shape: tuple[int, ...] = ()) -> spaces.Box:
    return spaces.Box(0, 1, shape, np.bool_)  # pyright: ignore  (gymnasium takes bool; its types do not say so)


def _whole(high: int, shape: tuple[int, ...] = ()) -> spaces.Box:
    return spaces.Box(0, high, shape, np.int64)


def _stacks(count: int) -> spaces.Dict:
    return spaces.Dict({
        "name": Words((count,), [name.replace("_", " ") for name in ITEMS.names]),
        "variant": spaces.MultiDiscrete([VARIANTS] * count, dtype=np.int64),
        "quantity": _floats(0, 64, (count,)),
        "max_durability": _floats(-1, np.inf, (count,)),
        "cur_durability": _floats(-1, np.inf, (count,)),
    })  # fmt: skip


def _life_stats() -> spaces.Dict:
    return spaces.Dict({
        "life": _floats(0, 20), "oxygen": _floats(-20, 300), "armor": _floats(0, 20), "food": _floats(0, 20),
        "saturation": _floats(0, 20), "xp": _floats(0, np.inf), "is_sleeping": _flags(),
    })  # fmt: skip


def _location_stats() -> spaces.Dict:
    return spaces.Dict({
        "biome_id": _whole(167), "rainfall": _floats(0, 1), "temperature": _floats(-1, 2), "can_see_sky": _whole(1),
        "is_raining": _whole(1), "light_level": _floats(0, 15), "sky_light_level": _floats(0, 1),
        "sun_brightness": _floats(0, 1), "sea_level": _floats(0, 255), "pitch": _floats(-180, 180),
        "yaw": _floats(-180, 180), "pos": _floats(-640000, 640000, (3,)),
    })  # fmt: skip


def _damage_source() -> spaces.Dict:
    return spaces.Dict({
        "damage_amount": _floats(0, np.inf), "damage_distance": _floats(0, np.inf), "damage_pitch": _floats(-90, 90),
        "damage_yaw": _floats(-180, 180), "hunger_damage": _floats(0, 20), "is_explosion": _flags(),
        "is_fire_damage": _flags(), "is_magic_damage": _flags(), "is_projectile": _flags(),
        "is_unblockable": _flags(),
    })  # fmt: skip


def _voxels(size: Mapping[str, int]) -> spaces.Dict:
    missing = [key for key in VOXELS if key not in size]
    shape = () if missing else tuple(int(size[f"{axis}max"]) - int(size[f"{axis}min"]) + 1 for axis in "xyz")
    if missing or min(shape) < 1:
        keys = ", ".join(VOXELS)
        raise InputError(f"a voxel size with {keys}, each max at least its min", repr(dict(size)), "mend it")
    flags = (
        "is_collidable", "is_tool_not_required", "blocks_movement", "is_liquid", "is_solid", "can_burn",
        "blocks_light",
    )  # fmt: skip
    return spaces.Dict({
        "block_name": Words(shape), "block_meta": _whole(VARIANTS - 1, shape),
        "cos_look_vec_angle": _floats(-1, 1, shape), **{flag: _flags(shape) for flag in flags},
    })  # fmt: skip


def _rays(count: int) -> spaces.Dict:
    shape = (count,)
    anywhere = ("ray_pitch", "ray_yaw", "traced_block_x", "traced_block_y", "traced_block_z")
    flags = ("is_tool_not_required", "blocks_movement", "is_liquid", "is_solid", "can_burn")
    return spaces.Dict({
        "block_name": Words(shape), "entity_name": Words(shape, ("null",)),
        "block_distance": _floats(-1, np.inf, shape), "entity_distance": _floats(-1, np.inf, shape),
        "block_meta": _whole(VARIANTS - 1, shape), "harvest_level": spaces.Box(-1, 4, shape, np.int64),
        **{flag: _flags(shape) for flag in flags}, **{key: _floats(-np.inf, np.inf, shape) for key in anywhere},
    })  # fmt: skip


def _masks() -> spaces.Dict:
    return spaces.Dict({
        "action_type": _flags((len(Function),)), "action_arg": _flags((len(Function), 1)), "equip": _flags((SLOTS,)),
        "place": _flags((SLOTS,)), "destroy": _flags((SLOTS,)), "craft_smelt": _flags((len(CRAFT_NAMES),)),
    })  # fmt: skip


def _delta_inv() -> spaces.Dict:
    made: dict[str, spaces.Space[Any]] = {}
    for way, count in (("inc", 1), ("dec", 4)):
        for cause in ("craft", "other"):
            made[f"{way}_name_by_{cause}"] = Words((count,), ITEMS.names)
            made[f"{way}_quantity_by_{cause}"] = _floats(0, np.inf, (count,))
    return spaces.Dict(made)


def observation_space(
    image_size: Any = IMAGE_SIZE,
    voxel_size: Mapping[str, int] | None = None,
    lidar_rays: Sequence[tuple[float, float, float]] | None = None,
) -> spaces.Dict:
    """The space of observations.

    Args:
        image_size: (height, width) in pixels.
        voxel_size: adds "voxels": xmin, ymin, zmin, xmax, ymax, zmax from the player's block, ends included
            (MineDojo's default: VOXELS).
        lidar_rays: adds "rays": (pitch, yaw, reach) each, radians from the look vector and blocks (default: RAYS).

    Returns:
        gymnasium's Dict: rgb (3, H, W) uint8; names are text arrays with spaces for underscores, except in delta_inv
        (underscores, as MineDojo's).
    """
    height, width = checked_image_size(image_size)
    made: dict[str, spaces.Space[Any]] = {
        "rgb": spaces.Box(0, 255, (3, height, width), np.uint8),
        "inventory": _stacks(SLOTS),
        "equipment": _stacks(len(EQUIPMENT)),
        "life_stats": _life_stats(),
        "location_stats": _location_stats(),
        "nearby_tools": spaces.Dict({"table": _flags(), "furnace": _flags()}),
        "damage_source": _damage_source(),
    }
    if voxel_size is not None:
        made["voxels"] = _voxels(voxel_size)
    if lidar_rays is not None:
        made["rays"] = _rays(len(lidar_rays))
    made["masks"], made["delta_inv"] = _masks(), _delta_inv()
    return spaces.Dict(made)


class World(gymnasium.Env[dict[str, Any], np.ndarray]):
    """An environment with MineDojo's contract.

    A step is one tick (1/20 s); with a function of EXTRA_NOOPS it runs EXTRA_TICKS more with `noop()`.
    `reset(seed=s)` fixes all randomness: the same seed and actions give the same observations.

    `info` (reset and step) has at least the keys that MineDojo's checks read: "inventory" (list of {"name" with
    underscores, "quantity", "variant", "index"}), "stat" ({"kill_entity": {mob: n}, "use_item": {"minecraft": {item:
    n}}, ...}, counted since the start of the episode), "xpos", "ypos", "zpos", "light_level", "time_since_death",
    "is_alive", "is_successful".

    Attributes:
        task_id, task_prompt, task_guidance: what is asked of the player.
        is_successful: whether it is done.
        ticks: ticks since the last reset, for those who check the extra ones.
        world_name: the name in the registry that it was made by; "" where it was made otherwise.
        realms: of "overworld", "nether", "end", those between which one can go by portals that a player builds.
    """

    metadata = {"render_modes": ["rgb_array"], "render_fps": 20}  # noqa: RUF012  (gymnasium's own declaration)
    task_id: str = "open-ended"
    task_prompt: str = ""
    task_guidance: str = ""
    is_successful: bool = False
    ticks: int = 0
    world_name: str = ""
    realms: tuple[str, ...] = ("overworld",)

    def __init__(
        self,
        *,
        image_size: Any = IMAGE_SIZE,
        voxel_size: Mapping[str, int] | None = None,
        lidar_rays: Sequence[tuple[float, float, float]] | None = None,
        render_mode: str | None = "rgb_array",
    ) -> None:
        self.observation_space = observation_space(image_size, voxel_size, lidar_rays)
        self.action_space = spaces.MultiDiscrete(list(ACTION_SIZES), dtype=np.int64)
        self.render_mode = render_mode

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[dict[str, Any], dict[str, Any]]:
        """Begin an episode: (observation, info). Without a seed the next of the world's own is used."""
        raise NotImplementedError

    def step(self, action: Any) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        """Do one action: (observation, reward, terminated, truncated, info).

        Raises:
            ActionError: an action that is not in the action space.
        """
        raise NotImplementedError

    def close(self) -> None:
        """Give everything back; a second call does nothing."""
