"""Texture sets: painted by this project from a seed, or read from a folder in Minecraft's resource-pack layout."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np

from veclink.envs.errors import InputError, UnknownName
from veclink.envs.facts.tables import table
from veclink.envs.voxel.render import paint_blocks, paint_cutouts, paint_mobs
from veclink.envs.voxel.render.brush import SIDE, STYLES, Canvas, Grain

TEXELS = 256 + 64 + 16 + 4 + 1  # a texture and its four halvings
LARGEST_FILE = 4 << 20  # bytes of one picture of a pack
LARGEST_SIDE = 1024  # texels
PAINTERS = {name: painter for module in (paint_blocks, paint_cutouts, paint_mobs)
            for name, painter in vars(module).items() if callable(painter) and not name.startswith("_")}


class Textures:
    """A set of textures, ready for the renderer.

    Args:
        pictures: by name, (16, 16, 4) uint8 RGBA; alpha 0 a hole, 254 opaque and tinted by the biome, 255 opaque, and
            half transparent between.

    Attributes:
        names: name -> index.
        atlas: (textures, 341) uint32, R in the lowest byte; 16 x 16, 8 x 8, 4 x 4, 2 x 2 and 1 texels in turn.
    """

    def __init__(self, pictures: dict[str, np.ndarray]) -> None:
        self.names = {name: index for index, name in enumerate(pictures)}
        self.pictures = np.stack(list(pictures.values()))
        self.atlas = _packed(self.pictures)

    def index(self, name: str) -> int:
        """Index of a texture; UnknownName where there is none."""
        if name not in self.names:
            raise UnknownName.of("texture", name, self.names)
        return self.names[name]

    @classmethod
    def procedural(cls, seed: int = 0, style: str = "plain") -> Textures:
        """Paint a set.

        Args:
            seed: another seed, another grain, and with styles other than "plain" other colours.
            style: one of brush.STYLES.
        """
        return cls(_painted(seed, style))

    @classmethod
    def from_pack(cls, folder: str | Path, seed: int = 0) -> Textures:
        """Read assets/minecraft/textures/blocks/*.png; what is missing there is painted.

        Args:
            folder: an unpacked resource pack of Minecraft 1.8 to 1.12.
            seed: of the painted rest.
        """
        root = Path(folder) / "assets" / "minecraft" / "textures"
        if not root.is_dir():
            raise InputError("a resource pack with assets/minecraft/textures", str(folder),
                             "name the folder that the pack was unpacked to")
        pictures = dict(_painted(seed, "plain"))
        from veclink.envs.voxel.render.packs import mob_pictures

        for name, painted in pictures.items():
            file = root / "blocks" / f"{name}.png"
            if file.is_file():
                pictures[name] = _blended(read_picture(file), painted)
        pictures.update(mob_pictures(root, pictures))
        return cls(pictures)


@functools.lru_cache(maxsize=8)
def _painted(seed: int, style: str) -> dict[str, np.ndarray]:
    if style not in STYLES:
        raise UnknownName.of("texture style", style, STYLES)
    recipes: dict[str, list[Any]] = {**table("looks")["textures"], **table("models")["textures"]}
    pictures = {}
    for name in sorted(recipes):
        canvas = Canvas(Grain(seed, name), STYLES[style])
        painter, *arguments = recipes[name]
        PAINTERS[painter](canvas, *arguments)
        pictures[name] = canvas.done()
    return pictures


def read_picture(file: Path) -> np.ndarray:
    """(height, width, 4) uint8 RGBA of a PNG; InputError where it is none or too large."""
    from PIL.PngImagePlugin import PngImageFile  # Image.open tries every format, and other packages replace it

    if file.stat().st_size > LARGEST_FILE:
        raise InputError(f"a picture of at most {LARGEST_FILE >> 20} MiB", str(file), "take it out of the pack")
    try:
        with PngImageFile(file) as picture:
            if max(picture.size) > LARGEST_SIDE * 64 or picture.size[0] > LARGEST_SIDE:
                raise InputError(f"a texture at most {LARGEST_SIDE} wide", f"{file}: {picture.size}",
                                 "use a smaller pack")
            return np.array(picture.convert("RGBA"))
    except (OSError, SyntaxError, ValueError) as error:
        raise InputError("a PNG picture", f"{file}: {error}", "take it out of the pack") from error


def fitted(picture: np.ndarray) -> np.ndarray:
    """A square picture (or the first of a strip of them) as (16, 16, 4)."""
    side = min(picture.shape[:2])
    picture = picture[:side, :side]
    if side >= SIDE and side % SIDE == 0:
        step = side // SIDE
        blocks = picture.reshape(SIDE, step, SIDE, step, 4).astype(np.float64)
        weight = blocks[..., 3:] + 1e-6
        rgb = (blocks[..., :3] * weight).sum((1, 3)) / weight.sum((1, 3))
        alpha = blocks[..., 3:].mean((1, 3))
        return np.rint(np.concatenate([rgb, alpha], axis=2)).astype(np.uint8)
    at = (np.arange(SIDE) * side) // SIDE
    return picture[at][:, at]


def _blended(picture: np.ndarray, painted: np.ndarray) -> np.ndarray:
    """A pack's texture with this project's meaning of alpha: tinted and see-through as the painted one is."""
    out = fitted(picture)
    if ((painted[..., 3] > 0) & (painted[..., 3] < 254)).mean() > 0.5:  # glass, ice, water
        return out
    solid = out[..., 3] >= 128
    tinted = painted[..., 3] == 254
    everywhere = tinted.sum() >= 0.5 * (painted[..., 3] > 0).sum()
    out[..., 3] = np.where(solid, 254 if everywhere else 255, 0)
    if tinted.any() and not everywhere:  # the grass on top of the side of a grass block: painted over
        out[tinted] = painted[tinted]
    return out


def _packed(pictures: np.ndarray) -> np.ndarray:
    """(n, 16, 16, 4) uint8 as (n, 341) uint32 with halvings; opaque textures stay opaque, holes close by majority."""
    levels, level = [], pictures.astype(np.float64)
    for side in (16, 8, 4, 2, 1):
        levels.append(np.rint(level).astype(np.uint32).reshape(len(level), side * side, 4))
        if side == 1:
            break
        blocks = level.reshape(len(level), side // 2, 2, side // 2, 2, 4)
        alpha = blocks[..., 3:]
        weight = (alpha > 0) + 1e-9
        rgb = (blocks[..., :3] * weight).sum((2, 4)) / weight.sum((2, 4))
        share = (alpha > 0).mean((2, 4))
        strongest, mean = alpha.max((2, 4)), alpha.mean((2, 4))
        cut = np.where(share >= 0.5, strongest, 0.0)  # either a hole or opaque
        half = (alpha > 0).any((2, 4)) & (strongest < 254)
        level = np.concatenate([rgb, np.where(half, mean, cut)], axis=-1)
    texels = np.concatenate(levels, axis=1)
    return np.ascontiguousarray(texels[..., 0] | texels[..., 1] << 8 | texels[..., 2] << 16 | texels[..., 3] << 24
                                ).astype(np.uint32)
