"""Small pictures of items, made from the textures that the built-in world is drawn with."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np

from veclink.envs.facts import BLOCKS, ITEMS
from veclink.envs.facts.tables import table
from veclink.envs.voxel.render import looks, models
from veclink.envs.voxel.render.textures import Textures

SIDE = 32  # pixels of an icon
TEXEL = 16
PLAINS = 1  # biome of the tints
SHADES = (1.0, 0.62, 0.8)  # of a block's top, left and right side in an icon


@cache
def _looks() -> tuple[Textures, Any, np.ndarray, np.ndarray]:
    textures = Textures.procedural()
    return textures, models.load(textures, looks.faces(textures)), looks.tinted(textures), looks.tints()[0][:, PLAINS]


@cache
def icon(name: str, variant: int = 0) -> np.ndarray:
    """(32, 32, 4) uint8 RGBA of an item: a cube for a full block, else its flat picture. "air" is empty.

    Args:
        name: with underscores; a name that is not known gives a grey square.
    """
    if name == "air":
        return np.zeros((SIDE, SIDE, 4), np.uint8)
    if name not in ITEMS.names:
        return np.full((SIDE, SIDE, 4), (128, 128, 128, 255), np.uint8)
    _, shapes, _, _ = _looks()
    found, block = models.item_look(ITEMS.id(name), variant, shapes)
    if isinstance(found, int):
        return _twice(_texture(found))
    numbers = {side: int(number) for side, number in zip(looks.SIDES, np.ravel(found), strict=True)}
    boxes = _boxes(BLOCKS.names[int(ITEMS.block[ITEMS.id(name)])])
    if not block:
        return _twice(_cut(_texture(numbers[looks.SIDES[0]]), boxes))
    high = max((box[4] for box in boxes), default=TEXEL) / TEXEL
    return _cube(_texture(numbers["top"]), _texture(numbers["south"]), _texture(numbers["east"]), high)


def _boxes(block: str) -> list[list[float]]:
    """x0, y0, z0, x1, y1, z1 of a block's parts in texels, [] where it is a plain cube or a plant."""
    tables = table("looks")
    form = tables["blocks"][block]["form"]
    return tables["forms"][(form if isinstance(form, str) else form[0]).partition("@")[0]][1]


def _cut(picture: np.ndarray, boxes: list[list[float]]) -> np.ndarray:
    """What the boxes leave of a texture, seen from the side where they are widest."""
    if not boxes:
        return picture
    across = max((0, 2), key=lambda axis: max(box[axis + 3] for box in boxes) - min(box[axis] for box in boxes))
    kept = np.zeros((TEXEL, TEXEL), bool)
    for box in boxes:
        low, left, high, right = (round(value) for value in (box[1], box[across], box[4], box[across + 3]))
        kept[TEXEL - high : TEXEL - low, left:right] = True
    cut = np.where(kept[..., None], picture, 0).astype(np.uint8)
    return cut if cut[..., 3].any() else picture


def _texture(number: int) -> np.ndarray:
    """(16, 16, 4) uint8, tinted as in the plains; what is solid is made wholly so."""
    textures, _, tinted, tints = _looks()
    picture = textures.pictures[number].astype(np.float32)
    if tinted[number]:
        here = picture[..., 3] == 254
        picture[here, :3] *= tints[tinted[number]]
    picture[..., 3] = np.where(picture[..., 3] >= 254, 255, picture[..., 3])
    return np.clip(picture, 0, 255).astype(np.uint8)


def _twice(picture: np.ndarray) -> np.ndarray:
    return picture.repeat(2, 0).repeat(2, 1)


def _cube(top: np.ndarray, left: np.ndarray, right: np.ndarray, high: float) -> np.ndarray:
    """A cube, or its lower part (`high` 0..1 of it), seen from above one of its edges."""
    row, column = np.mgrid[0:SIDE, 0:SIDE] + 0.5
    x, y = (column - SIDE / 2) / (SIDE / 2), row / SIDE - (1 - high) / 2  # -1..1, 0..1 down from the top's far corner
    out = np.zeros((SIDE, SIDE, 4), np.uint8)
    faces = (  # in each face, across and down are 0..1
        (top, y * 2 + x / 2, y * 2 - x / 2),
        (left, x + 1, (y - 0.25 - (x + 1) / 4) * 2),
        (right, x, (y - 0.5 + x / 4) * 2),
    )
    for (texture, across, down), shade in zip(faces, SHADES, strict=True):
        deep = 1.0 if texture is top else high
        inside = (across >= 0) & (across < 1) & (down >= 0) & (down < deep)
        found = texture[((down[inside] + 1 - deep) * TEXEL).astype(int), (across[inside] * TEXEL).astype(int)]
        out[inside] = np.concatenate([(found[:, :3] * shade).astype(np.uint8), found[:, 3:]], 1)
    return out
