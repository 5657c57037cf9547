"""The pose estimator: how bodies stand, as named points, by ultralytics' pose networks.

Weights decide which of two ways it works:

- people (yolo11n-pose.pt and its sisters): the condition says which points and whose, a weight 0..1 each, then
  the selection (`veclink.tools.selection`).
- open vocabulary (`veclink.tools.small_pose`): before these stands a vector that says what kind of body is meant, so
  that a link can say it. It can be trained.

"the right elbows of the two people on the left" is the right elbow of the two leftmost bodies; a limb's left and
right are the body's own, a body's are the picture's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from veclink.tools import selection
from veclink.tools.body import BODY, body_edges
from veclink.tools.classes import ClassSpace, joined, lexicon
from veclink.tools.condition import Condition
from veclink.tools.dense import find_meant
from veclink.tools.errors import ContractError, WeightsError
from veclink.tools.phrases import parse, parse_all, split_negation, words
from veclink.tools.results import Boxes, Keypoints
from veclink.tools.small import PhraseTable, about_small, load_small
from veclink.tools.tool import Tool
from veclink.tools.weights import find_weights
from veclink.tools.words import PEOPLE, singular
from veclink.tools.yolo import Found, Seen, Yolo, check_options

if TYPE_CHECKING:
    from veclink.tools.small_points import ClosePoints

SMALL = "pose_small_random"  # the small open-vocabulary network, untrained

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


@dataclass(frozen=True)
class Anatomy:
    """How words name the points of a body.

    Attributes:
        points: names of all of them.
        mention: matches a part of a body in a text.
        named: text -> indices of the points of the parts that it names.
        people: whether bodies are people's alone.
    """

    points: tuple[str, ...]
    mention: re.Pattern[str]
    named: Callable[[str], set[int]]
    people: bool = False


class Pose(Tool):
    """Bodies as named points.

    Args:
        weights: an ultralytics file name or path; "*.yaml" builds that network with random weights, untrained, for
            tests. SMALL, or a safetensors file that one was saved to, is the small open-vocabulary network of
            `veclink.tools.small_pose`; its resolution is 320 where none is given.
        trunk: for the small network, the file of a detector of the same configuration: the network and its words are
            that detector's, frozen, and only the keypoint branch is trained and saved.
        origin: for the untrained small network, the same, but all of it is trained, so boxes and points serve each
            other; it is saved as the branch and, beside it under the origin's name, as the detector that goes with it.
        closer: train the closer look at each body (`veclink.tools.small_points`), which begins with the trunk of this
            small network, and nothing else. A file that holds one uses it without being told.
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
    dense = True
    defaults: ClassVar = {"confidence": 0.25, "iou": 0.7, "limit": 300, "resolution": 640}
    limits: ClassVar = {"confidence": (0.0, 1.0), "iou": (0.0, 1.0), "limit": (1, 1000), "resolution": (32, 4096)}
    time_limit = 300.0

    def __init__(self, weights: str | None = None, device: str = "auto", trunk: str | None = None,
                 origin: str | None = None, closer: bool = False, **options: Any) -> None:
        super().__init__(weights, device, **options)
        self.trunk, self.origin, self.closer = trunk, origin, closer
        self.near: ClosePoints | None = None
        self.small = weights == SMALL or Path(weights or "").suffix == ".safetensors"
        if self.small and "resolution" not in self.given:
            from veclink.tools.small_pose import RESOLUTION

            self.options["resolution"] = RESOLUTION  # unless a file of weights tells another

    def setup(self) -> None:
        if self.small:
            self._set_up_small()
            return
        if self.trunk is not None or self.origin is not None or self.closer:
            raise WeightsError(f"{SMALL} or a file of it with a detector", str(self.weights), "leave it out")
        self.yolo = Yolo.load(self.weights or "yolo11n-pose.pt", self.device, self.dtype)
        if self.yolo.task != "pose":
            raise WeightsError("weights that find poses", self.yolo.name, "use yolo11n-pose.pt or other *-pose weights")
        self.models = {self.yolo.name: self.yolo.sha256}
        points = int(self.yolo.head.kpt_shape[0])
        self.points = BODY if points == len(BODY) else tuple(f"point {i + 1}" for i in range(points))
        self.features = 0
        self.condition = (1, points + selection.SIZE)

    def _set_up_small(self) -> None:
        from veclink.tools.small_pose import POINTS, load_pose

        assert self.weights is not None
        if self.origin is not None and (self.weights != SMALL or self.trunk is not None):
            raise WeightsError(f"{SMALL} alone with an origin", f"{self.weights}, trunk {self.trunk}", "leave one out")
        self.yolo = load_pose(self.weights, self.device, self.dtype, self.trunk or self.origin)
        self.models = {self.yolo.name: self.yolo.sha256}
        self.points, self.features = POINTS, self.yolo.text_size
        self.condition = (1, self.features + len(POINTS) + selection.SIZE)
        if self.weights != SMALL:
            path = find_weights(self.weights)
            below = about_small(path).get("trunk")
            self.trunk = self.trunk or (str(path.parent / Path(str(below)).name) if below else None)
        self._set_up_near()
        self._set_up_words(self.trunk or self.origin or (None if self.weights == SMALL else self.weights))

    def _set_up_near(self) -> None:
        """The closer look that the file holds, or a new one to be trained."""
        from veclink.tools.small_points import ClosePoints

        path = None if self.weights == SMALL else find_weights(str(self.weights))
        stored = path is not None and bool(about_small(path).get("near"))
        if not stored and not self.closer:
            return
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            near = ClosePoints(len(self.points))
        if stored and path is not None:
            load_small(path, {"near": near})
        else:
            near.begin_as(list(self.yolo.model.model))
        self.near = near.to(self.device).eval().requires_grad_(False)

    def _set_up_words(self, name: str | None) -> None:
        """The table of words, and the resolution, of the file that has the network; of none a fresh table."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.words = PhraseTable(1, self.features, unit=True)
        if name is not None:
            path = find_weights(name)
            load_small(path, {"words": self.words})
            about = about_small(path)
            if "resolution" in about and "resolution" not in self.given:  # what it works best at
                self.options |= self._checked({"resolution": about["resolution"]})
        self.words.to(self.device).requires_grad_(False)

    def bridge(self, phrases: Sequence[str]) -> list[Tensor]:
        """One (1, D) float32 condition a phrase, by rules on its words: points, then selection.

        Networks with other points than COCO's 17 have no names for them: all are kept. The small network's begins with
        the features of the phrase by its own table of words.
        """
        self.ready()
        if self.small:
            return [self._open_condition(phrase) for phrase in phrases]
        rows = []
        for phrase in phrases:
            kept, whose = read(phrase)
            if self.points != BODY:
                kept = np.ones(len(self.points), np.float32)
            rows.append(torch.from_numpy(np.concatenate([kept, whose]))[None])
        return rows

    def _open_condition(self, phrase: str) -> Tensor:
        from veclink.tools.small_pose import MOB

        kept, whose = read(phrase, MOB)
        with torch.set_grad_enabled(self.words.training and torch.is_grad_enabled()):
            features = self.words([phrase])[0].cpu()
        return torch.cat([features, torch.from_numpy(np.concatenate([kept, whose]))])[None]

    def encode(self, images: Sequence[np.ndarray]) -> list[Any]:
        """The network's whole output, no condition changes it; of the small one what comes before its conditions."""
        self.ready()
        return self.yolo.encode(images, self.options["resolution"])

    def decode(self, images: Sequence[np.ndarray], conditions: Sequence[Condition]) -> list[Keypoints]:
        """As `Tool.decode`. Points of a weight above a half are kept and named; a condition's regions say whose.

        A condition's dense part weighs the bodies' scores, see `veclink.tools.dense.find_meant`.

        The small network's points that a body does not have, or that lie outside the picture, have a score of 0.
        """
        self.ready()
        self.check_conditions(images, conditions)
        for condition in conditions:
            check_options(self, condition)
        encoded = self.encoded(images)
        if self.small:
            from veclink.tools.small_pose import see

            encoded = see(self.yolo, encoded, self._text(conditions))
        return [self._pose(*given) for given in zip(images, encoded, conditions, strict=True)]

    def _pose(self, image: np.ndarray, seen: Seen, condition: Condition) -> Keypoints:
        everyone = torch.ones(1 if self.small else len(self.yolo.names))
        found = find_meant(self.yolo, seen, everyone, condition, partial(self.option, condition=condition))
        before = self.features + len(self.points)
        weights = condition.vectors[0, self.features : before].detach().float().cpu()
        points = np.flatnonzero(weights.numpy() > 0.5)
        keep = selection.chosen(found.xyxy, found.scores, condition, before, seen.size)
        if not len(points):  # nothing that this network knows was asked for
            points, keep = np.arange(len(self.points)), keep[:0]
        names = [self.points[i] for i in points]
        labels = self._labels(found, condition)
        table = self._table(image, seen, found, keep)
        if self.small:
            self._drop_absent(table, weights)
        table = table[:, points]
        return Keypoints(table[..., :2], table[..., 2], found.xyxy[keep], found.scores[keep],
                         [labels[int(i)] for i in keep], condition.phrase, seen.size, names, self._edges(names))

    def _table(self, image: np.ndarray, seen: Seen, found: Found, keep: np.ndarray) -> np.ndarray:
        """(n, points, 3) float64: x, y and score of all points of the bodies to keep."""
        if self.near is None:
            return self.yolo.keypoints(seen, found)[keep]
        from veclink.tools.small_points import points_of

        return points_of(self.near, image, found.xyxy[keep])

    def _labels(self, found: Found, condition: Condition) -> list[str]:
        """What to write on each body: its class, or the noun of the phrase."""
        if not self.small:
            return [self.yolo.names[c] for c in found.classes]
        from veclink.tools.small_pose import MOB

        owner, _ = owner_of(condition.phrase, MOB)
        return [parse(owner).noun or "body"] * len(found.scores)

    @staticmethod
    def _drop_absent(table: np.ndarray, weights: Tensor) -> None:
        """Change (n, points, 3) in place: scores by how surely a point is asked for; 0 all round where it is absent."""
        from veclink.tools.small_pose import PRESENT, asked

        table[..., 2] *= asked(weights).numpy()
        table[table[..., 2] < PRESENT] = 0

    def _edges(self, names: Sequence[str]) -> list[tuple[int, int]]:
        """The lines both ends of which are among the names."""
        if not self.small:
            return body_edges(names)
        from veclink.tools.small_pose import EDGES

        lines = [(self.points[a], self.points[b]) for a, b in EDGES]
        return [(names.index(a), names.index(b)) for a, b in lines if a in names and b in names]

    # -- learning ------------------------------------------------------------------------------------------------------

    def loss(self, images: Sequence[np.ndarray], conditions: Sequence[Condition], targets: Sequence[Keypoints | Boxes]
             ) -> Tensor:
        """How far the small network is from the targets, which are all bodies that each condition means.

        Scores of a target's points: 1 seen, 0.5 hidden, 0 where a body has none, it is outside or not asked for. A
        target may name some of the points only; Boxes teach where bodies are, and nothing of their points. Gradients
        reach the vectors but for the selection. The network is frozen unless its parameters are told otherwise; the
        first loss takes it over to single precision.

        Raises:
            ContractError: other shapes or points than the network's, or a network of people.
        """
        self.ready()
        if not self.small:
            raise ContractError(f"the small network ({SMALL})", self.yolo.name, "train that one")
        self.check_conditions(images, conditions)
        if len(targets) != len(images):
            raise ContractError(f"{len(images)} targets, one a picture", str(len(targets)), "pair them up")
        from veclink.tools.small_pose import asked, pointless, pose_loss

        if self.closer:
            return self._closer_loss(images, conditions, targets)
        if self.yolo.dtype != torch.float32:
            self.yolo.single()
            self.forget()
        rows = torch.stack([c.vectors[0, self.features : self.learned].to(self.device, torch.float32)
                            for c in conditions])
        told = torch.tensor([float(isinstance(target, Keypoints)) for target in targets], device=self.device)
        bodies = [target if isinstance(target, Keypoints) else pointless(target) for target in targets]
        return pose_loss(self.yolo, images, self._text(conditions), asked(rows) * told[:, None], bodies,
                         self.options["resolution"])

    def _closer_loss(self, images: Sequence[np.ndarray], conditions: Sequence[Condition],
                     targets: Sequence[Keypoints | Boxes]) -> Tensor:
        from veclink.tools.small_points import points_loss
        from veclink.tools.small_pose import asked

        assert self.near is not None, "made by setup"
        told = [i for i, target in enumerate(targets) if isinstance(target, Keypoints)]
        rows = [conditions[i].vectors[0, self.features : self.learned].detach().to(self.device, torch.float32)
                for i in told]
        bodies: list[Any] = [targets[i] for i in told]
        wanted = asked(torch.stack(rows)) if rows else torch.zeros(0, len(self.points))
        return points_loss(self.near, self.points, [images[i] for i in told], bodies, wanted)

    def _text(self, conditions: Sequence[Condition]) -> Tensor:
        """(n, features) float32 on the network's device."""
        return torch.stack([c.vectors[0, : self.features].to(self.device, torch.float32) for c in conditions])

    def networks(self) -> Mapping[str, torch.nn.Module]:
        """The small network and its table of words, its branch alone on a trunk, or the closer look; none of others."""
        if not self.small:
            return {}
        if self.closer and self.near is not None:
            return {"near": self.near}
        if self.trunk is not None:
            return {"points": self.yolo.head.points}
        return {"network": self.yolo.model, "words": self.words}

    def begin(self, pictures: Sequence[np.ndarray]) -> None:
        """As `Detect.begin`; a detector's network has begun long ago."""
        if self.small and self.trunk is None and self.origin is None:
            for head in self.yolo.head.cv4:
                head.bias.data.fill_(-5.0)
                head.logit_scale.data.fill_(0.0)

    def save(self, path: str | Path) -> None:
        """As `Tool.save`. On a trunk it is the branch, and the closer look where there is one; the trunk's file must be
        put beside it. What began with an origin is written as two files: these, and in the same folder the detector,
        under the origin's name.

        Raises:
            ContractError: not the small network.
        """
        if not self.small:
            raise ContractError(f"the small network ({SMALL})", self.yolo.name, "train that one")
        from veclink.tools.small_pose import save_detector, save_pose

        resolution = int(self.options["resolution"])
        near = {"near": self.near} if self.near is not None else {}
        if self.origin is not None:
            below = save_detector(Path(path).parent / Path(self.origin).name, self.yolo.model, self.words, resolution)
            save_pose(path, {"points": self.yolo.head.points, **near}, below, resolution)
        elif self.trunk is not None:
            save_pose(path, {"points": self.yolo.head.points, **near}, find_weights(self.trunk), resolution)
        else:
            save_pose(path, {"network": self.yolo.model, "words": self.words, **near}, None, resolution)

    @property
    def learned(self) -> int:
        return self.features + len(self.points) if self.small else int(self.condition[1])


def read(phrase: str, anatomy: Any = None) -> tuple[np.ndarray, np.ndarray]:
    """((points,) float32 weight of each point, (selection.SIZE,) whose) that a phrase asks for.

    No part of the body named means all of them; a body that is no person's ("the dog's legs") means none where bodies
    are people's.

    Args:
        anatomy: that of people by COCO's 17 points where None.
    """
    anatomy = anatomy or PERSON
    owner, asked = owner_of(phrase, anatomy)
    weights = np.zeros(len(anatomy.points), np.float32)
    weights[sorted(asked)] = 1
    if not anatomy.people:
        return weights, joined(parse_all(owner))
    whose = parse(owner)
    if whose.noun and not _may_be_person(whose.noun):
        weights[:] = 0
    return weights, selection.to_vector(whose)


def owner_of(phrase: str, anatomy: Any) -> tuple[str, set[int]]:
    """(the words that say whose body, indices of the points asked for) of a phrase."""
    text = words(phrase)
    main, excluded = split_negation(text)
    main, without, unwanted = main.partition(" without ")
    left_out = anatomy.named(f"{excluded} {unwanted}") if without or excluded else set()
    if left_out:
        excluded = ""
    held = _HELD.search(main)
    qualified = held is not None and (not anatomy.people or singular(held["who"]) in PEOPLE)
    asked = set() if qualified else anatomy.named(main)
    owner = _POSTURE.sub(" ", main if qualified else anatomy.mention.sub(" ", main))
    asked = (asked or set(range(len(anatomy.points)))) - left_out
    return (f"{owner} except {excluded}" if excluded else owner), asked


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


PERSON = Anatomy(BODY, _MENTION, _points, people=True)


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
