"""From a scene to the numbers a ray needs: camera, sky, light of the hour. Fills the view vector of rays.py."""

from __future__ import annotations

import math

import numpy as np

from veclink.envs.facts import BLOCKS
from veclink.envs.voxel.render import rays
from veclink.envs.voxel.render.scene import CLEAR, THUNDER, Scene

DAY_ZENITH, DAY_HORIZON = np.array([98.0, 148.0, 240.0]), np.array([186.0, 212.0, 252.0])
NIGHT_ZENITH, NIGHT_HORIZON = np.array([5.0, 7.0, 18.0]), np.array([14.0, 18.0, 34.0])
RAIN_SKY, THUNDER_SKY = np.array([120.0, 130.0, 145.0]), np.array([62.0, 66.0, 78.0])
WATER_COLOUR, LAVA_COLOUR = np.array([22.0, 52.0, 122.0]), np.array([206.0, 84.0, 20.0])
FOG_BEGINS = 0.72  # share of the distance
UNDER_WATER, IN_LAVA = 24.0, 2.5  # distance one sees there, blocks
NETHER_FOG = np.array([72.0, 14.0, 12.0])
NETHER = 8  # biome
MOONLIGHT = 0.22  # of the sky's light that is left at midnight


def sun_angle(time: int) -> float:
    """Where the sun stands, radians: 0 overhead, rising in the east (+x) before that; Minecraft 1.11's."""
    share = (time / 24000 - 0.25) % 1.0
    eased = 1 - (math.cos(share * math.pi) + 1) / 2
    return (share + (eased - share) / 3) * 2 * math.pi


def daylight(time: int, weather: int) -> float:
    """The sky's light, 0 (midnight) to 1 (noon)."""
    light = min(1.0, max(0.0, math.cos(sun_angle(time)) * 2 + 0.5))
    if weather != CLEAR:
        light *= 0.72
    return light * (0.72 if weather == THUNDER else 1.0)


def basis(yaw: float, pitch: float) -> np.ndarray:
    """(3, 3): forward, right, up; rows are unit vectors of the world."""
    y, p = math.radians(yaw), math.radians(pitch)
    forward = np.array([-math.sin(y) * math.cos(p), -math.sin(p), math.cos(y) * math.cos(p)])
    right = np.array([-math.cos(y), 0.0, -math.sin(y)])
    up = np.array([-math.sin(y) * math.sin(p), math.cos(p), math.cos(y) * math.sin(p)])
    return np.stack([forward, right, up])


def half_extent(image_size: tuple[int, int], fov: float) -> tuple[float, float]:
    """Tangents of half the picture's angles, sideways and upwards."""
    up = math.tan(math.radians(fov) / 2)
    return up * image_size[1] / image_size[0], up


def medium_of(scene: Scene) -> int:
    """0 the eye is in air, 1 in water, 2 in lava."""
    x, y, z = (math.floor(part) for part in scene.eye)
    if not 0 <= y < 128:
        return 0
    block, meta = scene.blocks[x & 127, y, z & 127], int(scene.meta[x & 127, y, z & 127])
    liquid = int(BLOCKS.liquid[block])
    if not liquid:
        return 0
    above = scene.blocks[x & 127, min(y + 1, 127), z & 127]
    top = 1.0 if BLOCKS.liquid[above] else 0.889 if meta & 7 == 0 or meta >= 8 else (8 - meta) / 9
    return liquid if scene.eye[1] - y < top else 0


def view_vector(scene: Scene, image_size: tuple[int, int], fov: float, distance: float, cold: np.ndarray) -> np.ndarray:
    """(VIEW_SIZE,) float64 for rays.py.

    Args:
        fov: of the height, degrees.
        distance: how far one sees, blocks.
        cold: (256,) bool, biomes where it snows.
    """
    view = np.zeros(rays.VIEW_SIZE)
    forward, right, up = basis(scene.yaw, scene.pitch)
    wide, high = half_extent(image_size, fov)
    view[rays.EYE : rays.EYE + 3] = scene.eye
    view[rays.FORWARD : rays.FORWARD + 3] = forward
    view[rays.RIGHT : rays.RIGHT + 3] = right * wide
    view[rays.UP : rays.UP + 3] = up * high
    view[rays.FAR], view[rays.GRAIN] = distance, 2 * high / image_size[0] * 16
    biome = int(scene.biome[math.floor(scene.eye[0]) & 127, math.floor(scene.eye[2]) & 127])
    _sky(view, scene, biome)
    wet = scene.weather != CLEAR and biome != NETHER
    view[rays.WET] = float(wet) * (1.0 if scene.weather == THUNDER else 0.8)
    view[rays.FLAKES] = float(cold[biome] or scene.snow)
    view[rays.CLOCK], view[rays.COVER], view[rays.FOG] = scene.clock, float(scene.snow), FOG_BEGINS
    view[rays.MEDIUM] = medium_of(scene)
    view[rays.WATER : rays.WATER + 3] = WATER_COLOUR
    if view[rays.MEDIUM] > 0:
        colour, seen = (WATER_COLOUR, UNDER_WATER) if view[rays.MEDIUM] == 1 else (LAVA_COLOUR, IN_LAVA)
        light = 0.25 + 0.75 * daylight(scene.time, scene.weather) if view[rays.MEDIUM] == 1 else 1.0
        view[rays.ZENITH : rays.ZENITH + 3] = view[rays.HORIZON : rays.HORIZON + 3] = colour * light
        view[rays.GLOW : rays.STARS + 1] = 0.0
        view[rays.FAR], view[rays.FOG] = min(distance, seen), 0.0
    return view


def _sky(view: np.ndarray, scene: Scene, biome: int) -> None:
    angle, light = sun_angle(scene.time), daylight(scene.time, CLEAR)
    zenith = NIGHT_ZENITH + (DAY_ZENITH - NIGHT_ZENITH) * light
    horizon = NIGHT_HORIZON + (DAY_HORIZON - NIGHT_HORIZON) * light
    cloud = np.array([255.0, 255.0, 255.0]) * (0.14 + 0.86 * light)
    if scene.weather != CLEAR:
        grey = (RAIN_SKY if scene.weather != THUNDER else THUNDER_SKY) * (0.12 + 0.88 * light)
        zenith, horizon = zenith * 0.15 + grey * 0.85, horizon * 0.2 + grey * 0.8
        cloud = cloud * (0.55 if scene.weather != THUNDER else 0.32)
    if biome == NETHER:
        zenith = horizon = NETHER_FOG
    view[rays.ZENITH : rays.ZENITH + 3], view[rays.HORIZON : rays.HORIZON + 3] = zenith, horizon
    view[rays.CLOUD : rays.CLOUD + 3] = cloud
    # the sun goes from east (+x) over the top to west
    view[rays.SUN : rays.SUN + 3] = -math.sin(angle), math.cos(angle), 0.0
    height = math.cos(angle)
    near_horizon = max(0.0, 1.0 - abs(height + 0.02) / 0.42)
    clear = scene.weather == CLEAR and biome != NETHER
    view[rays.GLOW], view[rays.GLOW + 1] = math.copysign(1.0, view[rays.SUN]), near_horizon * clear
    view[rays.STARS] = max(0.0, min(1.0, 0.35 - 2.2 * height)) * clear
    if biome == NETHER:
        view[rays.WET], view[rays.SUN : rays.SUN + 3] = 0.0, 0.0


def light_curves(time: int, weather: int, biome: int = 1) -> np.ndarray:
    """(2, 256, 3) float32: colour factors of the sky's light and of blocks' light at levels 0..15 in steps of 1/17."""
    level = np.arange(256) / 17.0 / 15.0
    bright = level / (4.0 - 3.0 * level)
    day = MOONLIGHT + (1 - MOONLIGHT) * daylight(time, weather)
    blue = 1.0 - (1.0 - daylight(time, weather)) * 0.9  # moonlight is bluish
    sky = np.stack([bright * day * (0.72 + 0.28 * blue), bright * day * (0.78 + 0.22 * blue), bright * day], axis=1)
    glow = np.stack([bright, bright * ((bright * 0.6 + 0.4) * 0.6 + 0.4), bright * (bright * bright * 0.6 + 0.4)],
                    axis=1)
    base = 0.1 if biome == NETHER else 0.045  # never quite black
    curves = np.stack([sky, glow * 1.05 + base])
    return np.ascontiguousarray(curves, np.float32)
