"""What is not a block: record layouts of mobs, item drops and shots; arrays of them are saved as they are.

A free slot has `alive` False. Positions are of the feet (drops, shots: of the lower middle), in blocks; velocities in
blocks a tick; angles in degrees as Minecraft's; times in ticks.
"""

from __future__ import annotations

import numpy as np

MOB_SLOTS, DROP_SLOTS, SHOT_SLOTS = 96, 256, 64
NOBODY, THE_PLAYER = 0, -1  # values of `target` and `owner` beside a mob's id (ids begin at 1)

BODY = [("x", "f8"), ("y", "f8"), ("z", "f8"), ("vx", "f8"), ("vy", "f8"), ("vz", "f8")]

MOB = np.dtype([
    ("alive", "?"), ("kind", "i2"), ("id", "i4"), *BODY,
    ("yaw", "f4"), ("head_yaw", "f4"), ("head_pitch", "f4"),  # head angles are of the world, not of the body
    ("phase", "f4"), ("swing", "f4"),  # walk cycle in radians and its amplitude 0..1, for the drawn limbs
    ("variant", "u1"), ("size", "u1"),  # colour or coat; size of slimes (1, 2, 4)
    ("baby", "?"), ("shorn", "?"), ("tame", "?"), ("saddled", "?"), ("persistent", "?"),
    ("on_ground", "?"), ("in_water", "?"), ("fall", "f4"),
    ("health", "f4"), ("hurt", "i2"), ("air", "i2"), ("fire", "i2"),
    ("age", "i4"), ("love", "i2"), ("rest", "i2"), ("angry", "i2"), ("fuse", "i2"), ("egg", "i4"),
    ("state", "u1"), ("state_left", "i2"), ("target", "i4"),
    ("goal_x", "f8"), ("goal_y", "f8"), ("goal_z", "f8"), ("home_x", "f8"), ("home_z", "f8"),
    ("idle", "i4"), ("extra", "i4"),
])

DROP = np.dtype([
    ("alive", "?"), ("id", "i4"), ("item", "i2"), ("variant", "i2"), ("count", "i2"), ("durability", "i4"), *BODY,
    ("age", "i4"), ("delay", "i2"), ("on_ground", "?"),
])

SHOT = np.dtype([
    ("alive", "?"), ("id", "i4"), ("kind", "i2"), ("owner", "i4"), *BODY,
    ("damage", "f4"), ("age", "i4"), ("stuck", "?"), ("item", "i2"),
])


def mobs() -> np.ndarray:
    """(MOB_SLOTS,) free slots."""
    return np.zeros(MOB_SLOTS, MOB)


def drops() -> np.ndarray:
    """(DROP_SLOTS,) free slots."""
    return np.zeros(DROP_SLOTS, DROP)


def shots() -> np.ndarray:
    """(SHOT_SLOTS,) free slots."""
    return np.zeros(SHOT_SLOTS, SHOT)
