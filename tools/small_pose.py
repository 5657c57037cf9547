"""The small pose network: ultralytics' open-vocabulary detector with the keypoint branch of its pose head beside it.

One pass gives boxes, scored by how well they fit a condition's vector, and the points of the body in each box. Bodies
of several plans share one set of points: those that a body lacks get a score of 0. Which points are asked for is a
number a point in the condition: a point's score is the product of "it is there" (from the picture) and "it is asked
for" (from the condition), and is learned as that product.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from ultralytics.nn.modules import Pose as PoseHead
from ultralytics.nn.modules import WorldDetect
from ultralytics.utils.loss import v8PoseLoss

from veclink.tools.detect import letterboxed
from veclink.tools.errors import ContractError, WeightsError
from veclink.tools.pose import SMALL, Anatomy
from veclink.tools.results import Boxes, Keypoints
from veclink.tools.small import about_small, load_small, save_small
from veclink.tools.weights import find_weights, sha256
from veclink.tools.yolo import BATCH, Features, Seen, Yolo

CONFIG = "yolo11n-world.yaml"
RESOLUTION = 320  # long side in pixels of the pictures that it is trained on, where a file does not say
SIGMA = 0.1  # of every point: an error of 2 sigma times the box's side costs 1 - 1/e of the most; ultralytics' own
# choice for bodies that are not COCO's, one by the number of points, is so tight that far points give no gradient
SHARP = 8.0  # from a weight in a condition to how surely a point is asked for
PRESENT = 0.25  # lowest score of a point; one that is hidden is taught a half
LOSSES = {"box": 7.5, "cls": 0.5, "dfl": 1.5, "pose": 12.0, "kobj": 1.0}  # ultralytics' own weights

HUMANOID = ("head", "neck", "left_shoulder", "right_shoulder", "left_elbow", "right_elbow", "left_hand", "right_hand",
            "left_hip", "right_hip", "left_knee", "right_knee", "left_foot", "right_foot")
QUADRUPED = ("nose", "head", "neck", "withers", "rump", "tail", "left_front_knee", "right_front_knee",
             "left_hind_knee", "right_hind_knee", "left_front_foot", "right_front_foot", "left_hind_foot",
             "right_hind_foot")
POINTS = tuple(dict.fromkeys([*HUMANOID, *QUADRUPED]))
_LINES = """head-neck neck-left_shoulder neck-right_shoulder left_shoulder-left_elbow right_shoulder-right_elbow
left_elbow-left_hand right_elbow-right_hand neck-left_hip neck-right_hip left_hip-left_knee right_hip-right_knee
left_knee-left_foot right_knee-right_foot nose-head neck-withers withers-rump rump-tail withers-left_front_knee
withers-right_front_knee rump-left_hind_knee rump-right_hind_knee left_front_knee-left_front_foot
right_front_knee-right_front_foot left_hind_knee-left_hind_foot right_hind_knee-right_hind_foot"""
EDGES = tuple((POINTS.index(a), POINTS.index(b)) for a, b in (line.split("-") for line in _LINES.split()))

# what people call a part of a body -> how the names of its points end
_ARM, _LEG = ("shoulder", "elbow", "hand"), ("knee", "foot")
PARTS: Mapping[str, tuple[str, ...]] = {
    "head": ("head", "nose"), "face": ("head", "nose"), "nose": ("nose",), "snout": ("nose",), "muzzle": ("nose",),
    "neck": ("neck",), "shoulder": ("shoulder",), "elbow": ("elbow",), "hand": ("hand",), "wrist": ("hand",),
    "arm": _ARM, "hip": ("hip",), "knee": ("knee",), "foot": ("foot",), "hoof": ("foot",), "paw": ("foot",),
    "ankle": ("foot",), "leg": _LEG, "limb": (*_LEG, "elbow", "hand"), "tail": ("tail",), "rump": ("rump",),
    "withers": ("withers",), "spine": ("neck", "withers", "rump"),
}
_PLURALS = {"feet": "foot", "hooves": "hoof", "withers": "withers"}
_PART = "|".join(sorted([*(f"{part}s?" for part in PARTS if part not in ("foot", "hoof", "withers")), "foot", "hoof",
                         *_PLURALS], key=len, reverse=True))
_MENTION = re.compile(r"\b(?:both )?(?:(?P<side>left|right) )?(?:(?P<end>front|fore|hind|back|rear) )?"
                      rf"(?P<part>{_PART})\b(?! side\b)")


def points_named(text: str) -> set[int]:
    """Indices into POINTS of the parts that a text names; "the left hind foot" is one, "feet" are six."""
    found: set[int] = set()
    for mention in _MENTION.finditer(text):
        part = _PLURALS.get(mention["part"], mention["part"])
        endings = PARTS[part if part in PARTS else part.removesuffix("s")]
        end = {"fore": "front", "back": "hind", "rear": "hind"}.get(mention["end"] or "", mention["end"])
        for index, name in enumerate(POINTS):
            words = name.split("_")
            sided = len(words) > 1 and mention["side"] not in (None, words[0])
            if words[-1] in endings and not sided and (end is None or end in words):
                found.add(index)
    return found


MOB = Anatomy(POINTS, _MENTION, points_named)


class WorldPose(WorldDetect):
    """ultralytics' open-vocabulary head with the keypoint branch of its pose head.

    Attributes:
        points: the branch, a stack of convolutions a level. kpt_shape: (points, 3).
    """

    points: nn.ModuleList
    kpt_shape: tuple[int, int]
    nk: int

    @staticmethod
    def grow(model: Any, points: int) -> WorldPose:
        """Give an open-vocabulary network the branch: its last layer becomes such a head."""
        head = model.model[-1]
        widths = [stack[0].conv.in_channels for stack in head.cv2]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            branch = PoseHead(nc=1, kpt_shape=(points, 3), ch=widths).cv4
        head.__class__ = WorldPose  # ultralytics makes heads by the names in its configurations and knows none such
        head.points, head.kpt_shape, head.nk = branch, (points, 3), points * 3
        return head

    def forward(self, x: list[Tensor], text: Tensor) -> Any:
        """As WorldDetect's, with "kpts" among the raw predictions and 3 rows a point after the classes' scores.

        Args:
            x: feature maps of each level. text: (B, classes, embed).
        """
        levels = list(x)
        out: Any = super().forward(x, text)
        kpts = torch.cat([stack(level).flatten(2) for stack, level in zip(self.points, levels, strict=True)], 2)
        raw = out if self.training else out[1]
        if isinstance(raw, dict):
            raw["kpts"] = kpts
        if self.training:
            return raw
        return torch.cat([out[0], PoseHead.kpts_decode(self, kpts)], 1), raw  # type: ignore[arg-type]  # has all it reads


class AskedPoseLoss(v8PoseLoss):
    """ultralytics' pose loss, in which a point's score is times how surely the condition asks for it.

    Args:
        model: the network. asked: (B, points) between 0 and 1.
    """

    def __init__(self, model: Any, asked: Tensor) -> None:
        super().__init__(model)
        self.asked = asked
        self.keypoint_loss.sigmas = torch.full_like(self.keypoint_loss.sigmas, SIGMA)

    def calculate_keypoints_loss(self, masks: Tensor, target_gt_idx: Tensor, keypoints: Tensor, *rest: Any
                                 ) -> tuple[Tensor, Tensor]:
        """(location, score) losses of the anchors in `masks`; a hidden point's score is to be its truth's, a half."""
        location, _ = super().calculate_keypoints_loss(masks, target_gt_idx, keypoints, *rest)
        owner = masks.nonzero(as_tuple=True)[0]
        wanted = keypoints[owner, target_gt_idx[masks]][..., 2]
        scores = rest[-1][masks][..., 2].float().sigmoid() * self.asked[owner]
        scores = scores.clamp(1e-6, 1 - 1e-6)
        return location, -(wanted * scores.log() + (1 - wanted) * (1 - scores).log()).mean()


def load_pose(weights: str, device: torch.device, dtype: torch.dtype, trunk: str | None = None) -> Yolo:
    """The network of a file that `save_pose` wrote, or the untrained one (SMALL).

    Args:
        trunk: file of a detector of the same configuration, whose numbers all layers but the branch begin with.

    Raises:
        WeightsError: no such file, of another network, or its trunk is not the one it was trained on.
    """
    model = Yolo.load(CONFIG, torch.device("cpu"), torch.float32).model
    path = None if weights == SMALL else find_weights(weights)
    about = {} if path is None else about_small(path)
    if path is not None and (about.get("config") != CONFIG or tuple(about.get("points", ())) != POINTS):
        raise WeightsError("a small pose network of veclink's", f"{path.name} of another network",
                           "use weights that were trained as pose")
    below = find_weights(trunk) if trunk else None
    if path is not None and about.get("trunk"):
        below = below or path.parent / Path(str(about["trunk"])).name
        if not below.is_file() or sha256(below) != about.get("trunk_sha256"):
            raise WeightsError(f"{about['trunk']} as {path.name} was trained on it", f"another or none: {below.name}",
                               "put the two files of one training together")
    if below is not None:
        load_small(below, {"network": model})
    head = WorldPose.grow(model, len(POINTS))
    if path is not None:
        load_small(path, {"points": head.points} if about.get("trunk") else {"network": model})
    digest = "untrained" if path is None else sha256(path)
    return Yolo(model, device, dtype, SMALL if path is None else path.name, digest, sha256(below) if below else "")


def save_pose(path: str | Path, networks: Mapping[str, nn.Module], trunk: Path | None, resolution: int) -> None:
    """Write the networks; where the rest is a detector's (`trunk`), whose file goes beside it and tells the resolution,
    the branch alone, and the closer look."""
    rest = {"words": True, "resolution": resolution} if trunk is None else {"trunk": trunk.name,
                                                                           "trunk_sha256": sha256(trunk)}
    save_small(path, networks, {"config": CONFIG, "points": list(POINTS), "near": "near" in networks, **rest})


def save_detector(path: Path, model: nn.Module, words: nn.Module, resolution: int) -> Path:
    """Write what is a detector's of a pose network, and its words, as `veclink.tools.detect.Detect.save` would."""
    plain = Yolo.load(CONFIG, torch.device("cpu"), torch.float32).model
    state = model.state_dict()
    plain.load_state_dict({name: state[name] for name in plain.state_dict()})
    return save_small(path, {"network": plain, "words": words}, {"config": CONFIG, "words": True,
                                                                 "resolution": resolution})


def asked(vectors: Tensor) -> Tensor:
    """(..., points) between 0 and 1, how surely a condition's weights (..., points) ask for each."""
    return (SHARP * (vectors - 0.5)).sigmoid()


@torch.no_grad()
def see(yolo: Yolo, encoded: Sequence[Features], text: Tensor) -> list[Seen]:
    """What the network makes of each picture and its own condition.

    Conditions of one picture do not share a pass as in `Detect`: the network is trained on one at a time, and what it
    makes of one would change with the others.

    Args:
        text: (n, features), one a picture.
    """
    seen: dict[int, Seen] = {}
    for shape in dict.fromkeys(features.shape for features in encoded):
        same = [i for i, features in enumerate(encoded) if features.shape == shape]
        for start in range(0, len(same), BATCH):
            part = same[start : start + BATCH]
            seen.update(zip(part, yolo.read([encoded[i] for i in part], text[part][:, None]), strict=True))
    return [seen[i] for i in range(len(encoded))]


def pose_loss(yolo: Yolo, images: Sequence[np.ndarray], text: Tensor, wanted: Tensor, targets: Sequence[Keypoints],
              resolution: int) -> Tensor:
    """ultralytics' pose loss with a picture's condition as its one class, the mean over pictures.

    Args:
        text: (B, features). wanted: (B, points) between 0 and 1. targets: all bodies that each condition means.

    Raises:
        ContractError: a target names a point that the network does not have.
        WeightsError: an ultralytics too old to train this.
    """
    if unknown := sorted({name for target in targets for name in target.names} - set(POINTS)):
        raise ContractError(f"points among {', '.join(POINTS)}", unknown[0], "name the points as the tool does")
    yolo.model.args = SimpleNamespace(**LOSSES)
    raw, shape = yolo.raw(images, text, resolution)
    if not isinstance(raw, dict):
        raise WeightsError("ultralytics 8.4 or newer to train poses", "an older one", "update ultralytics")
    with torch.autocast(yolo.device.type, enabled=False):  # boxes and points want single precision
        loss, _ = AskedPoseLoss(yolo.model, wanted.float())(raw, labels_of(targets, shape, yolo.device))
    return loss.sum() / len(images)


def pointless(boxes: Boxes) -> Keypoints:
    """Bodies of whose points nothing is known."""
    xy, scores = np.zeros((len(boxes), 0, 2)), np.zeros((len(boxes), 0))
    return Keypoints(xy, scores, boxes.xyxy, boxes.scores, boxes.labels, boxes.phrases, boxes.size, ())


def labels_of(targets: Sequence[Keypoints], shape: tuple[int, int], device: torch.device) -> dict[str, Tensor]:
    """ultralytics' form: picture index, class 0, boxes' centre and size and points, in 0..1 of the boxed picture."""
    index: list[float] = []
    boxes, points = [np.zeros((0, 4))], [np.zeros((0, len(POINTS), 3))]
    side = np.array([shape[1], shape[0]], float)
    for i, target in enumerate(targets):
        index += [float(i)] * len(target)
        corners = letterboxed(target.boxes, target.size, shape)
        boxes.append(np.concatenate([(corners[:, :2] + corners[:, 2:]) / 2, corners[:, 2:] - corners[:, :2]], 1)
                     / np.tile(side, 2))
        table = np.zeros((len(target), len(POINTS), 3))
        flat = letterboxed(np.tile(target.xy.reshape(-1, 2), 2), target.size, shape)[:, :2]
        at = [POINTS.index(name) for name in target.names]
        table[:, at, :2] = (flat / side).reshape(len(target), len(at), 2)
        table[:, at, 2] = target.scores
        points.append(table)
    as_tensor = lambda value: torch.as_tensor(value, dtype=torch.float32, device=device)  # noqa: E731
    return {"batch_idx": as_tensor(index), "cls": as_tensor(np.zeros((len(index), 1))),
            "bboxes": as_tensor(np.concatenate(boxes)), "keypoints": as_tensor(np.concatenate(points))}
