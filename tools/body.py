"""The seventeen points of COCO's body and the lines that join them."""

from __future__ import annotations

from collections.abc import Sequence

BODY = (
    "nose",
    "left eye",
    "right eye",
    "left ear",
    "right ear",
    "left shoulder",
    "right shoulder",
    "left elbow",
    "right elbow",
    "left wrist",
    "right wrist",
    "left hip",
    "right hip",
    "left knee",
    "right knee",
    "left ankle",
    "right ankle",
)
COCO_EDGES = (
    (15, 13),
    (13, 11),
    (16, 14),
    (14, 12),
    (11, 12),
    (5, 11),
    (6, 12),
    (5, 6),
    (5, 7),
    (6, 8),
    (7, 9),
    (8, 10),
    (1, 2),
    (0, 1),
    (0, 2),
    (1, 3),
    (2, 4),
    (3, 5),
    (4, 6),
)


def body_edges(names: Sequence[str]) -> list[tuple[int, int]]:
    """The lines of COCO's body skeleton both ends of which are among `names`, as indices into `names`."""
    index = {name: i for i, name in enumerate(names)}
    ends = [(BODY[a], BODY[b]) for a, b in COCO_EDGES]
    return [(index[a], index[b]) for a, b in ends if a in index and b in index]
