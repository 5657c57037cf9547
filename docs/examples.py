"""Draws the example pictures that ship with the project (example:meadow and others): python docs/examples.py

They are scenes of the built-in world, of the split for tests: nothing was trained on their terrain or their textures.
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from veclink.agent.nano.scenes import Scenes

FOLDER = Path(__file__).parents[1] / "agent" / "examples"
SIZE = (320, 512)  # height, width
SCENES = {  # name -> seed, number, kinds of mobs
    "meadow": (116, 1, ("cow", "sheep")),
    "desert": (117, 10, ("cow", "sheep")),
    "night": (111, 26, ("zombie", "villager")),
    "village": (106, 2, ("zombie", "villager")),
}


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, (seed, number, kinds) in SCENES.items():
        shot = Scenes("test", seed, sizes=(SIZE,), kinds=kinds).shot(number)
        Image.fromarray(shot.frame.rgb).save(FOLDER / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
