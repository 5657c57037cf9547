"""Mobs' skins out of a resource pack: the parts of its sheets that this project's models use."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from veclink.envs.facts.tables import table
from veclink.envs.voxel.render.brush import SIDE
from veclink.envs.voxel.render.textures import read_picture

SHEET = 64  # texels: width that the table's places are measured on


def mob_pictures(root: Path, painted: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What the pack has of them.

    Args:
        root: the pack's assets/minecraft/textures.
        painted: names of the textures that are in use.

    Returns:
        (16, 16, 4) uint8 by name of the texture, opaque.
    """
    found = {}
    for name, (sheet, x, y, wide, high) in table("models")["pack"].items():
        file = root / "entity" / f"{sheet}.png"
        if name in painted and file.is_file():
            picture = read_picture(file)
            scale = picture.shape[1] / SHEET
            rows = np.floor((y + (np.arange(SIDE) + 0.5) * high / SIDE) * scale).astype(int)
            columns = np.floor((x + (np.arange(SIDE) + 0.5) * wide / SIDE) * scale).astype(int)
            if rows[-1] < picture.shape[0] and columns[-1] < picture.shape[1]:
                part = picture[rows][:, columns].copy()
                part[..., 3] = 255
                found[name] = part
    return found
