"""The pose estimator: how bodies stand, as named points, by ultralytics' pose networks.

The condition says which points and whose: a weight 0..1 for each point, then the selection (`veclink.tools.selection`).
"the right elbows of the two people on the left" is the right elbow of the two leftmost bodies; a limb's left and
right are the body's own, a body's are the picture's.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache, partial
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from veclink.tools import selection
from veclink.tools.body import BODY, body_edges
from veclink.tools.classes import ClassSpace, lexicon
from veclink.tools.condition import Condition
from veclink.tools.errors import WeightsError
from veclink.tools.phrases import parse, split_negation, words
from veclink.tools.results import Keypoints
from veclink.tools.tool import Tool
from veclink.tools.words import PEOPLE, singular
from veclink.tools.yolo import Seen, Yolo, check_options

ARM, LEG, FACE = ("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle"), ("nose", "eye", "ear")
# what people call a part of the body -> the points that show it
PARTS = {
    "nose": ("nose",), "mouth": ("nose",), "chin": ("nose",), "eye": ("eye",), "ear": ("ear",), "face": FACE, "head":
    FACE,
    "neck": ("shoulder",), "shoulder": ("shoulder",), "elbow": ("elbow",), "wrist": ("wrist",), "hand": ("wrist",),
    "finger": ("wrist",), "fist": ("wrist",), "palm": ("wrist",), "thumb": ("wrist",), "arm": ARM, "upper arm": ARM[:2],
    "forearm": ARM[1:], "lower arm": ARM[1:], "gesture": ARM, "hip": ("hip",), "waist": ("hip",), "knee": ("knee",),
    "ankle": ("ankle",), "foot": ("ankle",), "toe": ("ankle",), "heel": ("ankle",), "leg": LEG, "upper leg": LEG[:2],
    "thigh": LEG[:2], "shin": LEG[1:], "calf": LEG[1:], "lower leg": LEG[1:], "limb": ARM + LEG,
    "torso": ("shoulder", "hip"), "trunk": ("shoulder", "hip"), "chest": ("shoulder",), "upper body": FACE + ARM +
    ("hip",),
    "lower body": LEG,
}
_PLURALS = {"feet": "foot", "calves": "calf", "bodies": "body", "toes": "toe"}
_PART = "|".join(sorted([*(f"{p}s?" for p in PARTS if p not in ("foot", "calf")), "foot", "feet", "calf", "calves",
                         "upper bodies", "lower bodies"], key=len, reverse=True))
_MENTION = re.compile(rf"\b(?:(?P<both>both|two|left and right|right and left)[ ])?(?:(?P<side>left|right)[ ])?"
                      rf"(?P<part>{_PART})\b(?! side\b)")
_POSTURE = re.compile(
    r"\b(?:poses?|postures?|stances?|skeletons?|bod(?:y|ies)|positions?|movements?|joints?|keypoints?) of\b")
_HELD = re.compile(rf"\b(?P<who>\w+) (?:with|whose|raising|holding|waving|crossing)\b"
                   rf"(?= (?:[\w-]+ ){{0,3}}?(?:{_PART})\b)")


class Pose(Tool):
    """Bodies as named points.

    Args:
        weights: an ultralytics file name or path; "*.yaml" builds that network with random weights, untrained, for
        tests.
    """

    name = "pose"
    description = ("Marks joints and limbs of people's bodies; for how somebody stands, sits or moves and where hands, "
                   "elbows or knees are. Not for finding people as such.")
    examples = (
        "show me how the people are standing",
        "the right elbows of the two people on the left",
        "what is he doing with his arms?",
        "where are her hands?",
        "draw the skeleton of the tallest man",
    )
    result = "keypoints"
    defaults: ClassVar = {"confidence": 0.25, "iou": 0.7, "limit": 300, "resolution": 640}
    limits: ClassVar = {"confidence": (0.0, 1.0), "iou": (0.0, 1.0), "limit": (1, 1000), "resolution": (32, 4096)}
    time_limit = 300.0

    def setup(self) -> None:
        self.yolo = Yolo.load(self.weights or "yolo11n-pose.pt", self.device, self.dtype)
        if self.yolo.task != "pose":
            raise WeightsError("weights that find poses", self.yolo.name, "use yolo11n-pose.pt or other *-pose weights")
        self.models = {self.yolo.name: self.yolo.sha256}
        points = int(self.yolo.head.kpt_shape[0])
        self.points = BODY if points == len(BODY) else tuple(f"point {i + 1}" for i in range(points))
        self.condition = (1, points + selection.SIZE)

    def bridge(self, phrases: Sequence[str]) -> list[Tensor]:
        """One (1, points + selection) float32 condition a phrase, by rules on its words.

        Networks with other points than COCO's 17 have no names for them: all are kept.
        """
        self.ready()
        rows = []
        for phrase in phrases:
            kept, whose = read(phrase)
            if self.points != BODY:
                kept = np.ones(len(self.points), np.float32)
            rows.append(torch.from_numpy(np.concatenate([kept, whose]))[None])
        return rows

    def encode(self, images: Sequence[np.ndarray]) -> list[Seen]:
        """The network's whole output: no condition changes it."""
        self.ready()
        return self.yolo.encode(images, self.options["resolution"])

    def decode(self, images: Sequence[np.ndarray], conditions: Sequence[Condition]) -> list[Keypoints]:
        """As `Tool.decode`. Points of a weight above a half are kept and named; a condition's regions say whose."""
        self.ready()
        self.check_conditions(images, conditions)
        for condition in conditions:
            check_options(self, condition)
        return [self._pose(seen, condition) for seen, condition in zip(self.encoded(images), conditions, strict=True)]

    def _pose(self, seen: Seen, condition: Condition) -> Keypoints:
        option = partial(self.option, condition=condition)
        everyone = torch.ones(len(self.yolo.names))
        found = self.yolo.find(seen, everyone, option("confidence"), option("iou"), option("limit"))
        table = self.yolo.keypoints(seen, found)
        points = np.flatnonzero(condition.vectors[0, : len(self.points)].detach().float().cpu().numpy() > 0.5)
        keep = selection.chosen(found.xyxy, found.scores, condition, len(self.points), seen.size)
        if not len(points):  # nothing that this network knows was asked for
            points, keep = np.arange(len(self.points)), keep[:0]
        names = [self.points[i] for i in points]
        table = table[keep][:, points]
        labels = [self.yolo.names[c] for c in found.classes[keep]]
        return Keypoints(table[..., :2], table[..., 2], found.xyxy[keep], found.scores[keep], labels, condition.phrase,
                         seen.size, names, body_edges(names))


def read(phrase: str) -> tuple[np.ndarray, np.ndarray]:
    """((17,) weight of each point, (selection.SIZE,) whose) that a phrase asks for.

    No part of the body named means all of them; a body that is no person's ("the dog's legs") means none.
    """
    text = words(phrase)
    main, excluded = split_negation(text)
    main, without, unwanted = main.partition(" without ")
    left_out = _points(f"{excluded} {unwanted}") if without or excluded else set()
    if left_out:
        excluded = ""
    held = _HELD.search(main)
    qualified = held is not None and singular(held["who"]) in PEOPLE
    asked = set() if qualified else _points(main)
    owner = _POSTURE.sub(" ", main if qualified else _MENTION.sub(" ", main))
    weights = np.zeros(len(BODY), np.float32)
    weights[sorted((asked or set(range(len(BODY)))) - left_out)] = 1
    whose = parse(f"{owner} except {excluded}" if excluded else owner)
    if whose.noun and not _may_be_person(whose.noun):
        weights[:] = 0
    return weights, selection.to_vector(whose)


def _points(text: str) -> set[int]:
    """Indices into BODY of the parts that a text names."""
    found: set[int] = set()
    for mention in _MENTION.finditer(text):
        part = mention["part"]
        part = part if part in PARTS else _PLURALS.get(part, part.removesuffix("s")).replace("bodies", "body")
        for point in PARTS[part]:
            sided = (f"{mention['side']} {point}",) if mention["side"] and not mention["both"] else (
                point, f"left {point}", f"right {point}")
            found |= {BODY.index(name) for name in (*sided, *(("nose",) if point == "nose" else ())) if name in BODY}
    return found


@cache
def _people() -> ClassSpace:
    return ClassSpace(list(lexicon()["words"]), embed=None)


def _may_be_person(noun: str) -> bool:
    """Whether a noun means a person, or nothing that the lexicon holds ("stance", "yoga pose")."""
    space = _people()
    if noun.split()[-1] in space.outside:
        return True  # words such as "hand" or "shadow" say nothing of whose
    meaning: Any = space.meaning(noun)
    return not meaning or space.names.index("person") in meaning
