"""The pictures of the Minecraft world: prismarine-viewer in a headless Chromium, where both can be had."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np

from veclink.envs.errors import VeclinkError
from veclink.envs.minecraft import node

PACKAGES = ("prismarine-viewer", "playwright-core")
INSTALL = f"run: {node.FETCH_PICTURES} (the world runs without pictures)"


class PicturesMissing(VeclinkError):
    """The viewer's packages or a Chromium are not installed."""


class Pictures:
    """Takes the bot's pictures.

    Args:
        world: with `ask_bot` and `image_size`. wanted: whether they were asked for.

    Attributes:
        here: whether there are pictures.

    Raises:
        PicturesMissing: they were asked for and cannot be had.
    """

    def __init__(self, world: Any, wanted: bool) -> None:
        self.world, self.wanted = world, wanted
        if wanted:
            check()
        self.here = wanted

    def rgb(self, must: bool = False, drawn: bool = False) -> np.ndarray:
        """(3, H, W) uint8 of now.

        Args:
            drawn: wait until all that was told of the world is in the picture, far blocks too.

        Raises:
            PicturesMissing: they were not asked for, and must be there.
        """
        if not self.wanted and must:
            raise PicturesMissing("a world that was made with pictures=True", "one without", INSTALL)
        from PIL import Image

        data = base64.b64decode(self.world.ask_bot("picture", drawn=drawn))
        with Image.open(io.BytesIO(data)) as picture:
            height, width = self.world.image_size
            found = np.asarray(picture.convert("RGB").resize((width, height)), np.uint8)
        return np.ascontiguousarray(found.transpose(2, 0, 1))


def check() -> None:
    """Look for the packages.

    Raises:
        PicturesMissing: one is not there.
    """
    folder = node.modules()
    missing = [name for name in PACKAGES if not (folder / name / "package.json").is_file()]
    if missing:
        raise PicturesMissing(f"the npm packages {', '.join(PACKAGES)}", f"no {', '.join(missing)}", INSTALL)
