"""One lesson: a text about a picture, its answer, and what each tool must give; and its form for training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from veclink.tools.regions import Region

DETECT, POSE, SEGMENT, EDIT = "boxes", "keypoints", "masks", "image"  # roles: the kind of result, whatever gives it
ROLES = (DETECT, POSE, SEGMENT, EDIT)
CATEGORY, ATTRIBUTE, SPATIAL, PROMPT, DENSE = "category", "attribute", "spatial", "visual prompt", "dense edit"


@dataclass(frozen=True, eq=False)
class Edit:
    """A change of a scene that can be drawn truly.

    Attributes:
        kind: "day", "sunset", "night", "sunrise", "rain", "thunder", "snowfall", "clear", "snow", "thaw", "remove",
            "recolour" or "swap".
        fields: what changes: time (ticks), weather (0..2), snow (bool), hidden (ids of mobs), recoloured
            ({id: (r, g, b) factors}), variants ({id: variant}), blocks ({old block id: new}).
        where: (H, W) bool, the pixels that the words are about; None for the whole picture.
    """

    kind: str
    fields: dict[str, Any]
    where: np.ndarray | None = None


@dataclass(frozen=True, eq=False)
class Wanted:
    """One route of an answer and what its decoder must give.

    Attributes:
        role: one of ROLES.
        phrase: what this use is about, in clean words.
        about: CATEGORY, ATTRIBUTE, SPATIAL, PROMPT or DENSE.
        mobs: ids of the mobs meant, those hardly visible too. blocks: names of the kinds of blocks meant.
        points: names of the joints asked for, () for all.
        area: (H, W) bool, where a mask is asked for that is neither mobs nor a whole kind of block.
        edit: what changes, for EDIT.
    """

    role: str
    phrase: str
    about: str = CATEGORY
    mobs: tuple[int, ...] = ()
    blocks: tuple[str, ...] = ()
    points: tuple[str, ...] = ()
    area: np.ndarray | None = None
    change: Edit | None = None


@dataclass(frozen=True, eq=False)
class Lesson:
    """One turn.

    Attributes:
        text: what the person says; regions are pointed at by words alone ("this one").
        answer: the words to answer with, "" where the results are the answer or the request is rejected.
        routes: in the order needed.
        regions: in pixels of the picture, in the order of the text.
        rejected: nothing here can do it.
        before: what the turn before was about; a pronoun that nothing in the text explains means it.
        kind: one of ROLES, "several", "refused", "count", "yesno", "state", "nearer",
            "describe", "what", "attribute", "reject" or "talk".
        value: the bare answer, for scoring: "3", "yes", "cow", "night"; "" where there is none.
        frame: the request frame in use, "detect/train/12". words: the nouns and attributes in use.
        new_frame, new_words: whether they come from outside the training part of the books.
        meant: ids of the mobs that the text is about, where it is about one set of mobs and all are clearly seen.
    """

    text: str
    answer: str = ""
    routes: tuple[Wanted, ...] = ()
    regions: tuple[Region, ...] = ()
    rejected: bool = False
    before: tuple[str, ...] = ()
    kind: str = ""
    value: str = ""
    frame: str = ""
    words: tuple[str, ...] = ()
    new_frame: bool = False
    new_words: bool = False
    meant: tuple[int, ...] | None = None

    @property
    def about(self) -> str:
        """What its words turn on: that of its first route, "" without routes."""
        return self.routes[0].about if self.routes else ""
