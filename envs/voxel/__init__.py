"""The built-in world: a Minecraft-like 3-D world in numba and numpy, seeded, deterministic, with labelled pictures."""
