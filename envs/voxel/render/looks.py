"""How blocks look, as the arrays that rays.py reads: shapes, textures, tints."""

from __future__ import annotations

from typing import Any

import numpy as np

from veclink.envs.facts import BLOCKS
from veclink.envs.facts.tables import table
from veclink.envs.voxel.render import rays
from veclink.envs.voxel.render.textures import Textures

KINDS = {"none": rays.NONE, "cube": rays.CUBE, "cross": rays.CROSS, "boxes": rays.BOXES, "joined": rays.JOINED,
         "liquid": rays.LIQUID}
FLAGS = {"same_hidden": rays.SAME_HIDDEN, "joins": rays.JOINS, "from_below": rays.FROM_BELOW}
SIDES = ("west", "east", "bottom", "top", "north", "south")  # -x +x -y +y -z +z
METAS = 16
TINTS = ("none", "grass", "foliage", "spruce", "birch", "water")
# corners of the triangle of grass and leaf colours: hot and dry, cold, hot and wet
GRASS = ((191, 183, 85), (128, 180, 151), (71, 205, 51))
FOLIAGE = ((174, 164, 42), (96, 161, 123), (26, 191, 0))
SPRUCE, BIRCH = (97, 153, 97), (128, 167, 85)
SWAMP, SWAMP_WATER, WATER = (106, 112, 57), (76, 101, 62), (58, 96, 200)
TINT_LIFT = 1.45  # grey textures are about 150 bright, so a tint of 1 would be too dark
JOINING = rays.JOINS


def blended(corners: tuple[tuple[int, int, int], ...], temperature: float, rainfall: float) -> np.ndarray:
    """(3,) colour of plants in a climate."""
    heat = min(max(temperature, 0.0), 1.0)
    wet = min(max(rainfall, 0.0), 1.0) * heat
    weights = np.array([heat - wet, 1.0 - heat, wet])
    return weights @ np.array(corners, float)


def tints() -> tuple[np.ndarray, np.ndarray]:
    """Tint factors (kinds, 256, 3) float32 by biome, and (256,) bool where it snows instead of raining."""
    out = np.ones((len(TINTS), 256, 3), np.float32)
    cold = np.zeros(256, bool)
    known = {entry["id"]: entry for entry in table("biomes")["biomes"]}
    for biome in range(256):
        entry = known.get(biome, known[1])
        climate = float(entry["temperature"]), float(entry["rainfall"])
        cold[biome] = climate[0] < 0.15
        swamp = "swamp" in entry["name"]
        grass = np.array(SWAMP, float) if swamp else blended(GRASS, *climate)
        leaves = np.array(SWAMP, float) if swamp else blended(FOLIAGE, *climate)
        if "mesa" in entry["name"]:
            grass, leaves = np.array([144.0, 129.0, 77.0]), np.array([158.0, 129.0, 77.0])
        water = np.array(SWAMP_WATER if swamp else WATER, float)
        out[1:5, biome] = np.array([grass, leaves, SPRUCE, BIRCH]) / 255 * TINT_LIFT
        out[2, biome] *= 0.86
        out[5, biome] = water / 205
    return out, cold


def _turned(box: list[float], quarters: int) -> list[float]:
    """A box turned about the block's middle, seen from above clockwise, by quarters."""
    x0, y0, z0, x1, y1, z1 = box[:6]
    for _ in range(quarters):
        x0, z0, x1, z1 = 16 - z1, x0, 16 - z0, x1
    return [x0, y0, z0, x1, y1, z1, *box[6:]]


def _by_meta(value: Any, meta: int) -> Any:
    return value[meta % len(value)] if isinstance(value, list) else value


def forms() -> tuple[np.ndarray, np.ndarray]:
    """forms (256, 16, 4) int32 and shapes (n, 7) float32 as rays.py wants them."""
    data = table("looks")
    out, shapes, places = np.zeros((256, METAS, 4), np.int32), [], {}
    for name, entry in data["blocks"].items():
        flags = sum(FLAGS[flag] for flag in entry.get("flags", ()))
        for meta in range(METAS):
            form = _by_meta(entry["form"], meta)
            if form not in places:
                base, _, turn = form.partition("@")
                kind, boxes = data["forms"][base]
                places[form] = (KINDS[kind], len(shapes), len(boxes))
                for box in boxes:
                    turned = _turned(box, int(turn or 0) // 90)
                    shapes.append([part / 16 for part in turned[:6]] + [turned[6] if len(turned) > 6 else 0])
            kind, first, count = places[form]
            own = flags if meta >= 8 or not flags & rays.FROM_BELOW else flags & ~rays.FROM_BELOW
            joins = JOINING if kind == rays.CUBE and "leaves" not in name else 0
            out[BLOCKS.id(name), meta] = kind, first, count, own | joins
    return out, np.array(shapes, np.float32)


def faces(textures: Textures) -> np.ndarray:
    """(256, 16, 6) int16 index of the texture on every side of every block."""
    out = np.zeros((256, METAS, 6), np.int16)
    for name, entry in table("looks")["blocks"].items():
        for meta in range(METAS):
            skin = _by_meta(entry["faces"], meta)
            for side, key in enumerate(SIDES):
                chosen = skin if isinstance(skin, str) else skin.get(key, skin["side"])
                out[BLOCKS.id(name), meta, side] = textures.index(chosen)
    return out


def tinted(textures: Textures) -> np.ndarray:
    """(textures,) uint8 index of each texture's tint."""
    out = np.zeros(len(textures.names), np.uint8)
    for name, tint in table("looks")["tinted"].items():
        out[textures.index(name)] = TINTS.index(tint)
    return out


def clouds() -> np.ndarray:
    """(64, 64) uint8, 1 where there is cloud; wraps round."""
    from veclink.envs.voxel.render.brush import Grain

    grain = Grain(7, "clouds")
    field = np.zeros((64, 64))
    for cells in (8, 16, 32):
        corners = grain.uniform(cells, cells)
        at = np.arange(64) * cells / 64
        low, part = at.astype(int), at - at.astype(int)
        high = (low + 1) % cells
        rows = corners[low] * (1 - part)[:, None] + corners[high] * part[:, None]
        field += (rows[:, low] * (1 - part) + rows[:, high] * part) * (8 / cells)
    return (field > np.quantile(field, 0.66)).astype(np.uint8)
