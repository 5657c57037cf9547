"""Playing in a world: players, the episode loop with its run folder, videos, and a page to walk around by hand."""
