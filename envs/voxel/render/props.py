"""Boxes of drops, shots and the hand, and the light on what moves."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from veclink.envs.facts import ITEMS
from veclink.envs.voxel.render.frame import DROP, HAND, SHOT
from veclink.envs.voxel.render.models import ROW, Models, box_row, flat, item_look
from veclink.envs.voxel.render.scene import Scene
from veclink.envs.voxel.render.view import basis

FLAT = 0.02  # half thickness of an item's picture, blocks
DROP_HALF, ITEM_HALF, SHOT_HALF = 0.125, 0.2, 0.09
SPIN = 0.06  # radians a tick
ARROW, ROUND = 1, {2: "item_snowball", 3: "item_egg", 4: "item_ender_pearl", 5: "item_lump_fire", 6: "item_lump_fire",
                   7: "item_splash_potion", 8: "shulker_shell", 9: "item_snowball"}  # by the shot's kind
HAND_SCALE = 0.1  # the hand is drawn this near, so that no wall comes before it
SHINE = (5, 6)


def lights(scene: Scene, x: np.ndarray, y: np.ndarray, z: np.ndarray, curves: np.ndarray) -> np.ndarray:
    """(n, 3) colour factors of the light at places."""
    out = np.empty((len(x), 3))
    _lights(scene.light, np.ascontiguousarray(x), np.ascontiguousarray(y), np.ascontiguousarray(z), curves, out)
    return out


@njit(cache=True)
def _lights(light, x, y, z, curves, out):
    for n in range(len(x)):
        j = math.floor(y[n])
        level = int(light[math.floor(x[n]) & 127, j, math.floor(z[n]) & 127]) if 0 <= j < 128 else 240
        for k in range(3):
            out[n, k] = min(curves[0, (level >> 4) * 17, k] + curves[1, (level & 15) * 17, k], 1.0)


def upright(yaw: float) -> np.ndarray:
    """(3, 3) axes of something that stands upright and faces `yaw` (radians)."""
    c, s = math.cos(yaw), math.sin(yaw)
    return np.array([[c, 0.0, s], [0.0, 1.0, 0.0], [-s, 0.0, c]])


def prop_rows(scene: Scene, models: Models, curves: np.ndarray, extent: tuple[float, float]) -> np.ndarray:
    """(boxes, ROW) of all that is no mob; `extent`: tangents of half the picture's angles, sideways and upwards."""
    rows = [*_drops(scene, models, curves), *_shots(scene, models, curves)]
    if scene.held >= 0:
        rows += _hand(scene, models, curves, extent)
    return np.array(rows).reshape(-1, ROW)


def _drops(scene: Scene, models: Models, curves: np.ndarray) -> list[np.ndarray]:
    drops = scene.drops[scene.drops["alive"]]
    if not len(drops):
        return []
    colours = lights(scene, drops["x"], drops["y"] + 0.3, drops["z"], curves)
    rows = []
    for drop, colour in zip(drops, colours, strict=True):
        textures, block = item_look(int(drop["item"]), int(drop["variant"]), models)
        half = (DROP_HALF, DROP_HALF, DROP_HALF) if block else (ITEM_HALF, ITEM_HALF, FLAT)
        textures = textures if block else flat(textures)
        turn = (int(drop["age"]) + int(drop["id"]) * 17) * SPIN
        at = np.array([drop["x"], drop["y"] + half[1] + 0.06 + 0.05 * math.sin(turn), drop["z"]])
        rows.append(box_row(at, upright(turn), half, textures, colour, DROP))
    return rows


def _shots(scene: Scene, models: Models, curves: np.ndarray) -> list[np.ndarray]:
    shots = scene.shots[scene.shots["alive"]]
    if not len(shots):
        return []
    colours = lights(scene, shots["x"], shots["y"], shots["z"], curves)
    rows = []
    for shot, colour in zip(shots, colours, strict=True):
        kind, at = int(shot["kind"]), np.array([shot["x"], shot["y"] + 0.05, shot["z"]])
        speed = np.array([shot["vx"], shot["vy"], shot["vz"]])
        if kind == ARROW:
            ahead = speed / max(float(np.linalg.norm(speed)), 1e-9) if speed.any() else np.array([0.0, 0.0, 1.0])
            side = np.cross([0.0, 1.0, 0.0], ahead)
            side = side / max(float(np.linalg.norm(side)), 1e-9) if abs(ahead[1]) < 0.999 else np.array([1.0, 0.0, 0.0])
            axes = np.stack([side, np.cross(ahead, side), ahead])
            rows.append(box_row(at, axes, (0.03, 0.03, 0.3), models.textures.index("planks_oak"), colour, SHOT))
            feather = models.textures.index("feather")
            rows.append(box_row(at - ahead * 0.25, axes, (0.07, 0.07, 0.08), feather, colour, SHOT))
        else:
            half = 0.3 if kind == 5 else SHOT_HALF
            name = ROUND.get(kind, "item_snowball")
            texture = models.textures.index("magma_skin" if name == "item_lump_fire" else name)
            rows.append(box_row(at, upright(math.radians(scene.yaw)), (half, half, half), texture, colour, SHOT,
                                kind in SHINE))
    return rows


def _hand(scene: Scene, models: Models, curves: np.ndarray, extent: tuple[float, float]) -> list[np.ndarray]:
    """The hand in the picture's lower right, of the same size and place whatever the picture's angles are."""
    forward, right, up = basis(scene.yaw, scene.pitch)
    eye = np.array(scene.eye)
    colour = lights(scene, eye[:1], eye[1:2], eye[2:], curves)[0]
    stroke = math.sin(min(max(scene.swing, 0.0), 1.0) * math.pi)
    wide, high = extent
    to_right, to_up, ahead = 0.55 * wide - 0.3 * stroke * high, (-0.74 + 0.17 * stroke) * high, 1.0 + 0.15 * stroke
    near = HAND_SCALE * high / 0.7  # for sizes, which were chosen at an angle of 70 degrees
    at = eye + (forward * ahead + right * to_right + up * to_up) * HAND_SCALE
    textures, block = item_look(scene.held, scene.held_variant, models)
    if ITEMS.names[scene.held] == "air":  # an arm: sleeve and skin
        along = forward * 0.74 + up * (0.5 - 0.3 * stroke) - right * 0.42
        along /= np.linalg.norm(along)
        side = np.cross(up, along)
        side /= np.linalg.norm(side)
        axes = np.stack([side, np.cross(along, side), along])
        skin, sleeve = models.textures.index("player_skin"), models.textures.index("player_sleeve")
        low = at + (right * 0.18 * wide - up * 0.31 * high) * HAND_SCALE
        elbow = low - along * 0.45 * near
        return [box_row(low, axes, (0.13 * near, 0.13 * near, 0.26 * near), skin, colour, HAND),
                box_row(elbow, axes, (0.145 * near, 0.145 * near, 0.22 * near), sleeve, colour, HAND)]
    if block:
        turned = upright(math.radians(scene.yaw) + math.pi / 4)
        return [box_row(at, turned, (0.21 * near, 0.21 * near, 0.21 * near), textures, colour, HAND)]
    # its picture's right end points away and to the left, its grip lies in the hand
    along = -0.6 * right + 0.8 * forward
    rise = up * 0.94 + right * 0.2 + forward * (0.1 - 0.5 * stroke)
    rise -= along * float(rise @ along)
    rise /= np.linalg.norm(rise)
    axes = np.stack([along, rise, np.cross(along, rise)])
    return [box_row(at + up * 0.16 * near, axes, (0.34 * near, 0.34 * near, 0.01 * near), flat(textures), colour, HAND)]


def bricks_of(blocks: np.ndarray, out: np.ndarray) -> int:
    """Fill the bricks (32, 32, 32) uint8 of rays.py; returns the height above which all is air, a multiple of 4."""
    return int(_bricks_of(blocks.view(np.uint32), out))  # words of four blocks along z


@njit(cache=True)
def _bricks_of(words, out):
    top = 0
    for i in range(32):
        for j in range(32):
            out[i, j] = 0
            for layer in range(4):
                for k in range(32):
                    y = 4 * j + layer
                    if words[4 * i, y, k] | words[4 * i + 1, y, k] | words[4 * i + 2, y, k] | words[4 * i + 3, y, k]:
                        low = out[i, j, k] & 7 if out[i, j, k] else layer
                        out[i, j, k] = low | (layer + 1) << 3
                        top = max(top, 4 * j + 4)
    return top
