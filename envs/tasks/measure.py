"""What the voxel world's generator puts down, seen by making chunks; written into generated.json beside this file.

    python -m veclink.envs.tasks.measure

`coverage` decides by that file, so that a table of all tasks takes no minutes. Run it again when the terrain changes.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from veclink.envs.facts import BLOCKS

SEEDS = 4  # of each biome
SIDE = 7  # chunks: a square of these round the spawn of each seed
VILLAGES = 1100  # blocks: villages are looked for so far from the middle


def seen(terrain: Any, chunks: Any) -> set[tuple[str, int]]:
    """(block, metadata) of everything in these chunks."""
    found: set[int] = set()
    for cx, cz in chunks:
        blocks, meta, _ = terrain.chunk(cx, cz)
        found |= set(np.unique(blocks.astype(np.int64) * 256 + meta).tolist())
    return {(BLOCKS.names[key // 256], key % 256) for key in found if key // 256}


def square(cx: int, cz: int, side: int = SIDE) -> list[tuple[int, int]]:
    """The chunks of a square round a chunk."""
    return [(cx + i - side // 2, cz + k - side // 2) for i in range(side) for k in range(side)]


def villages(terrain: Any) -> list[tuple[int, int]]:
    """Chunks of a village near the middle, none where there is none."""
    step = VILLAGES // 16
    for cx in range(-step, step, 5):
        for cz in range(-step, step, 5):
            if terrain._villages_near(cx, cz):
                return square(cx, cz, 14)
    return []


def of_biome(biome: str | None, kind: str = "default") -> dict[str, list[int]]:
    """{block: metadata} of a world with one biome, or of the mixture."""
    from veclink.envs.voxel.terrain import Terrain

    found: set[tuple[str, int]] = set()
    for seed in range(SEEDS):
        terrain = Terrain(1000 + seed, biome, kind)
        x, _, z = terrain.spawn()
        chunks = square(x // 16, z // 16, SIDE * 4 if kind == "nether" else SIDE)
        if kind == "default" and seed == 0:
            chunks += villages(terrain)
        found |= seen(terrain, chunks)
    return {name: sorted(meta for block, meta in found if block == name) for name in sorted({b for b, _ in found})}


def measured() -> dict[str, Any]:
    """The whole table: "nether", "flat" and each biome of the overworld that the mixture has or a task may ask for."""
    from veclink.envs.voxel.biomes import ROWS

    names = [row["name"] for row in ROWS if row["name"] not in ("nether", "the_void")]
    return {
        "source": f"Own table: blocks found in worlds of one biome each, {SEEDS} seeds, {SIDE} x {SIDE} chunks round "
                  "the spawn and the nearest village; made by `python -m veclink.envs.tasks.measure`.",
        "overworld": {name: of_biome(name) for name in names},
        "nether": of_biome(None, "nether"),
        "flat": of_biome(None, "flat"),
    }


def main() -> None:
    """Write the file."""
    table = measured()
    rows = ",\n".join(f'  {json.dumps(name)}: {json.dumps(blocks)}' for name, blocks in table["overworld"].items())
    text = (f'{{\n"source": {json.dumps(table["source"])},\n"nether": {json.dumps(table["nether"])},\n'
            f'"flat": {json.dumps(table["flat"])},\n'
            f'"overworld": {{\n{rows}\n}}\n}}\n')
    Path(__file__).with_name("generated.json").write_text(text, "utf8")


if __name__ == "__main__":
    main()
