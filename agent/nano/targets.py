"""The truth of a route in the form that the tools' losses take, and lessons as the core's samples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from veclink.agent.nano.answers import HOURS, SKIES
from veclink.agent.nano.book import book
from veclink.agent.nano.lesson import DETECT, POSE, SEGMENT, Lesson, Wanted
from veclink.agent.nano.truth import SceneTruth
from veclink.envs.voxel.render import JOINTS
from veclink.router.nano.samples import Call, Sample, Thing, Turn
from veclink.tools.results import Boxes, Image, Keypoints, Masks, Result

POINTS = tuple(dict.fromkeys([*JOINTS["humanoid"], *JOINTS["quadruped"]]))  # the joints of all bodies
FACING = ("left", "right", "towards", "away")
NEAR = (4, 7, 11)  # blocks
HIDDEN_SCORE = 0.5  # of a joint that lies behind something
_HUMANOID = (("head", "neck"), ("neck", "left_shoulder"), ("neck", "right_shoulder"), ("left_shoulder", "left_elbow"),
             ("right_shoulder", "right_elbow"), ("left_elbow", "left_hand"), ("right_elbow", "right_hand"),
             ("neck", "left_hip"), ("neck", "right_hip"), ("left_hip", "left_knee"), ("right_hip", "right_knee"),
             ("left_knee", "left_foot"), ("right_knee", "right_foot"))
_QUADRUPED = (("nose", "head"), ("neck", "withers"), ("withers", "rump"), ("rump", "tail"),
              ("withers", "left_front_knee"), ("withers", "right_front_knee"), ("rump", "left_hind_knee"),
              ("rump", "right_hind_knee"), ("left_front_knee", "left_front_foot"),
              ("right_front_knee", "right_front_foot"), ("left_hind_knee", "left_hind_foot"),
              ("right_hind_knee", "right_hind_foot"))
EDGES = tuple((POINTS.index(a), POINTS.index(b)) for a, b in (*_HUMANOID, *_QUADRUPED))


def kinds() -> tuple[str, ...]:
    """What a pixel's label may mean: index 0 nothing of interest, then the mobs, then the blocks of the books."""
    return ("", *book("mobs"), *book("blocks"))


def labels_of(truth: SceneTruth) -> np.ndarray:
    """(H, W) uint8: the kind of thing in each pixel, as an index into `kinds()`."""
    names = kinds()
    out = np.zeros((truth.size[1], truth.size[0]), np.uint8)
    for block in truth.blocks:
        out[block.mask] = names.index(block.kind)
    for mob in truth.mobs:
        if mob.kind in names:
            out[mob.mask] = names.index(mob.kind)
    return out


def tags() -> tuple[str, ...]:
    """What can be said of one mob: its kind, colour, way of facing, age, surroundings, and how near it is."""
    colours = {colour for mob in book("mobs").values() for colour in mob.get("coats", ())} - {""}
    return (*book("mobs"), *sorted(colours | set(book("edits")["factors"])), *(f"facing {way}" for way in FACING),
            "baby", "in water", "by a tree", *(f"within {blocks}" for blocks in NEAR))


def things_of(truth: SceneTruth) -> tuple[Thing, ...]:
    """All mobs of a picture with their tags."""
    found = []
    for mob in truth.mobs:
        said = [mob.kind, mob.colour, f"facing {mob.facing}"]
        said += [name for name, holds in (("baby", mob.baby), ("in water", mob.in_water), ("by a tree", mob.by_tree))
                 if holds]
        said += [f"within {blocks}" for blocks in NEAR if mob.distance < blocks]
        found.append(Thing(*mob.middle, tuple(said), mob.clear))
    return tuple(found)


def states() -> tuple[str, ...]:
    """What can be said of a whole picture."""
    return (*HOURS, *SKIES, "snow")


def states_of(truth: SceneTruth) -> dict[str, bool]:
    """What holds of a picture and what does not; what nobody could tell is left out."""
    if truth.covered:
        return {}
    hours = {name: name == truth.hour for name in HOURS} if truth.hour else {}
    return {**hours, **{name: name == truth.sky for name in SKIES}, "snow": truth.snow}


def target_of(wanted: Wanted, truth: SceneTruth, edited: np.ndarray | None = None) -> tuple[Result, np.ndarray]:
    """(the truth, boxes (n, 4) of what may be found or not) of a route.

    Args:
        edited: (H, W, 3) uint8, the picture after the route's change, for a change.

    Returns:
        Boxes, Masks (one a mob, one a kind of block), Keypoints over POINTS (score 1 seen, 0.5 hidden, 0 outside the
        picture or no such joint, or not asked for), or Image. Scores of bodies and things are 1.
    """
    size = truth.size
    mobs = [truth.mob(number) for number in wanted.mobs]
    clear = [mob for mob in mobs if mob.clear]
    ignored = np.array([mob.box for mob in mobs if not mob.clear], float).reshape(-1, 4)
    boxes, ones, names = np.array([mob.box for mob in clear], float).reshape(-1, 4), np.ones(len(clear)), \
        [mob.kind for mob in clear]
    if wanted.role == DETECT:
        return Boxes(boxes, ones, names, wanted.phrase, size), ignored
    if wanted.role == SEGMENT:
        return _masks(wanted, truth), ignored
    if wanted.role == POSE:
        placed = [_points(mob.plan, mob.joints, wanted.points) for mob in clear]
        table = np.array(placed, float).reshape(-1, len(POINTS), 3)
        return Keypoints(table[..., :2], table[..., 2], boxes, ones, names, wanted.phrase, size, POINTS, EDGES), ignored
    assert edited is not None, "draw the changed picture first"
    return Image(edited, wanted.phrase), ignored


def _masks(wanted: Wanted, truth: SceneTruth) -> Masks:
    if wanted.area is not None:
        return Masks(wanted.area[None], np.ones(1), "patch", wanted.phrase, truth.size)
    masks, names = [], []
    for number in wanted.mobs:
        mob = truth.mob(number)
        if mob.clear:
            masks.append(mob.mask)
            names.append(mob.kind)
    for kind in wanted.blocks:
        block = truth.block(kind)
        if block is not None:
            masks.append(block.mask)
            names.append(kind)
    shape = (len(masks), truth.size[1], truth.size[0])
    return Masks(np.array(masks, bool).reshape(shape), np.ones(len(masks)), names, wanted.phrase, truth.size)


def _points(plan: str, joints: np.ndarray, asked: Sequence[str]) -> np.ndarray:
    """(points, 3) column, row, score over POINTS."""
    out = np.zeros((len(POINTS), 3))
    for name, (column, row, seen) in zip(JOINTS[plan], joints, strict=True):
        if seen > 0 and (not asked or name in asked):
            out[POINTS.index(name)] = column, row, 1.0 if seen > 1 else HIDDEN_SCORE
    return out


def turn_of(lesson: Lesson, truth: SceneTruth, tools: Mapping[str, str], edited: Mapping[int, np.ndarray] | None = None
            ) -> tuple[Turn, dict[str, Any]]:
    """A lesson as a turn, and notes about it for evaluation.

    Args:
        tools: role -> name of the tool that fills it.
        edited: index of a route -> picture after its change. A change without one has no target.
    """
    calls, ignored, where = [], [], []
    for index, wanted in enumerate(lesson.routes):
        target = None
        left_out = np.zeros((0, 4))
        picture = (edited or {}).get(index)
        if wanted.change is None or picture is not None:
            target, left_out = target_of(wanted, truth, picture)
        names = () if wanted.change is None else tuple(sorted(
            {truth.mob(number).kind for number in wanted.mobs}.union(wanted.blocks)))
        calls.append(Call(tools[wanted.role], wanted.phrase, target, kind=wanted.about, names=names))
        ignored.append(left_out)
        where.append(wanted.change.where if wanted.change else None)
    notes = {"value": lesson.value, "frame": lesson.frame, "words": lesson.words, "new_frame": lesson.new_frame,
             "new_words": lesson.new_words, "ignored": ignored, "changed": where,
             "edits": [wanted.change.kind if wanted.change else "" for wanted in lesson.routes]}
    meant = None if lesson.meant is None else tuple(truth.mob(number).middle for number in lesson.meant)
    turn = Turn(lesson.text, lesson.answer, tuple(calls), lesson.rejected, lesson.regions, lesson.before, lesson.kind,
                meant)
    return turn, notes


def sample_of(picture: np.ndarray, truth: SceneTruth, lessons: Sequence[Lesson], tools: Mapping[str, str],
              edited: Sequence[Mapping[int, np.ndarray]] = (), name: str = "") -> Sample:
    """A picture with its lessons as the core's sample; `notes["turns"]` has the notes of each turn."""
    given = edited or [{} for _ in lessons]
    pairs = [turn_of(lesson, truth, tools, one) for lesson, one in zip(lessons, given, strict=True)]
    return Sample(picture, tuple(turn for turn, _ in pairs), labels_of(truth), name,
                  {"turns": [notes for _, notes in pairs]}, things_of(truth), states_of(truth))
