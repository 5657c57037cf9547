"""ultralytics' networks as plain functions: load, letterbox, run, suppress, undo the letterbox.

The steps are those of ultralytics' own predictors, so the same weights give the same boxes. They are taken apart as a
picture is run through the network once and asked many times: `encode` keeps what no condition changes, `find` applies
one.
"""

from __future__ import annotations

import contextlib
import logging
import os
import re
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from veclink.tools.condition import Condition
from veclink.tools.errors import OptionError, WeightsError
from veclink.tools.origin import trunk
from veclink.tools.place import add_places
from veclink.tools.shared import changes, once
from veclink.tools.small import about_small, load_small
from veclink.tools.tool import Tool
from veclink.tools.weights import find_weights, load_pickle, sha256

# a library neither prints banners nor installs packages behind the user's back
os.environ.setdefault("YOLO_VERBOSE", "false")
os.environ.setdefault("YOLO_AUTOINSTALL", "false")

RESOLUTION = 640  # long side in pixels of what the networks see; the published weights were trained at it
BATCH = 8  # pictures a forward pass
OWN = Path(__file__).parent / "data"  # configurations of this project's


@dataclass(frozen=True, eq=False)
class Seen:
    """What the network made of one picture before any condition.

    Attributes:
        predictions: (4 + classes + extra, anchors) float32 on the network's device: box, class scores 0..1, then
            keypoints or mask coefficients. Boxes are in letterboxed pixels, centre and size (two corners for
            end-to-end heads).
        shape: (height, width) of the letterboxed picture.
        size: (width, height) of the picture.
        protos: (32, height / 4, width / 4) mask prototypes, for seg weights.
    """

    predictions: Tensor
    shape: tuple[int, int]
    size: tuple[int, int]
    protos: Tensor | None = None


@dataclass(frozen=True, eq=False)
class Features:
    """What an open-vocabulary network made of one picture before its first layer that reads the text.

    Attributes:
        last: (1, C, h, w) output of the last layer that was run.
        saved: the earlier outputs that later layers read, None where nobody does.
        shape, size: as in `Seen`.
    """

    last: Tensor
    saved: tuple[Any, ...]
    shape: tuple[int, int]
    size: tuple[int, int]


@dataclass(frozen=True, eq=False)
class Found:
    """What is left after the threshold and the suppression, best first.

    Attributes:
        xyxy: (n, 4) float64 corners in pixels of the picture, inside it.
        scores: (n,) float64, 0..1.
        classes: (n,) int64.
        extra: (n, extra) float32 on the device: keypoints or mask coefficients.
    """

    xyxy: np.ndarray
    scores: np.ndarray
    classes: np.ndarray
    extra: Tensor


class Yolo:
    """One network of ultralytics'.

    Attributes:
        model: the network, frozen, in evaluation mode.
        names: its classes; empty for an open vocabulary.
        task: "detect", "pose" or "segment".
        open: whether it reads text features instead of having classes.
        sha256: of its file; "untrained" for random weights.
        same: what its layers before the text share with other networks of this value; "" where that is nothing.
    """

    def __init__(self, model: Any, device: torch.device, dtype: torch.dtype, name: str, digest: str = "untrained",
                 same: str = "") -> None:
        self.task, self.open = _kind(model, name)
        if not self.open:
            with quiet():
                model = model.fuse(verbose=False)
        self.model = model.to(device=device, dtype=dtype).eval().requires_grad_(False)
        self.head: Any = self.model.model[-1]
        self.device, self.dtype, self.name, self.sha256 = device, dtype, name, digest
        names = dict(model.names)
        self.names: tuple[str, ...] = () if self.open else tuple(str(names[i]) for i in range(self.head.nc))
        self.stride = max(int(self.model.stride.max()), 32)
        self.end2end = bool(getattr(self.head, "end2end", False))
        if self.end2end:  # the best 300 must be chosen after the condition weighed the classes, so not yet
            self.head.postprocess = lambda predictions: predictions
        self._lock = threading.RLock()
        self.same, self._begun = same, changes(self.model)

    @classmethod
    def load(cls, name: str, device: torch.device, dtype: torch.dtype) -> Yolo:
        """The network of a weights file ("yolo11n.pt"), or of a configuration ("yolo11n.yaml"), untrained.

        Raises:
            WeightsError: not to be had, not opened safely, or no detection, pose or segmentation network.
        """
        if Path(name).suffix in (".yaml", ".yml"):
            return cls(_untrained(name), device, dtype, name)
        path = published(name)
        if path.suffix == ".safetensors":
            model = _untrained(config_name(about_small(path).get("config")))
            load_small(path, {"network": model})
            return cls(model, device, dtype, path.name, digest := sha256(path), digest)
        with quiet():
            return cls(_opened(path), device, dtype, path.name, sha256(path))

    # -- pictures in ---------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def encode(self, images: Sequence[np.ndarray], resolution: int = RESOLUTION) -> list[Any]:
        """`Seen` (closed vocabulary) or `Features` (open) of each picture; batches of equal letterboxed shape.

        Args:
            images: (H, W, 3) uint8 RGB arrays of any sizes.
            resolution: long side in pixels; rounded up to a multiple of the network's stride.
        """
        if not (self.open and self.same) or changes(self.model) != self._begun:
            return self._encode(images, resolution)
        network = (self.same, str(self.device), self.dtype, resolution)
        return once(network, images, partial(self._encode, resolution=resolution))

    def _encode(self, images: Sequence[np.ndarray], resolution: int) -> list[Any]:
        boxed = [self.letterbox(image, resolution) for image in images]
        seen: list[Any] = [None] * len(images)
        for shape in dict.fromkeys(b.shape for b in boxed):
            same = [i for i, b in enumerate(boxed) if b.shape == shape]
            for start in range(0, len(same), BATCH):
                part = same[start : start + BATCH]
                sizes = [(images[i].shape[1], images[i].shape[0]) for i in part]
                run = self._features if self.open else self._seen
                for i, one in zip(part, run(self.tensor([boxed[i] for i in part]), sizes), strict=True):
                    seen[i] = one
        return seen

    def letterbox(self, image: np.ndarray, resolution: int = RESOLUTION, shape: tuple[int, int] | None = None
                  ) -> np.ndarray:
        """The picture resized to the resolution and padded to a multiple of the stride, as ultralytics does it.

        Args:
            shape: (height, width) to fit it into and pad it to instead.
        """
        from ultralytics.data.augment import LetterBox

        side = -(-int(resolution) // self.stride) * self.stride
        box = LetterBox(shape or side, auto=shape is None, stride=self.stride)
        return np.asarray(box(image=np.ascontiguousarray(image)))

    def together(self, images: Sequence[np.ndarray], resolution: int) -> list[np.ndarray]:
        """All letterboxed to one shape, so that batch norm sees them as one batch."""
        alone = [self.letterbox(image, resolution).shape for image in images]
        shape = (max(s[0] for s in alone), max(s[1] for s in alone))
        return [self.letterbox(image, resolution, shape) for image in images]

    def tensor(self, boxed: Sequence[np.ndarray]) -> Tensor:
        """(B, 3, h, w) in 0..1 on the device, of letterboxed pictures of one shape."""
        batch = torch.from_numpy(np.stack(boxed)).to(self.device).permute(0, 3, 1, 2).contiguous()
        return batch.to(self.dtype).div_(255)

    def _seen(self, batch: Tensor, sizes: Sequence[tuple[int, int]]) -> list[Seen]:
        with self._lock:
            output = self.model(batch)
        return self._split(output, (batch.shape[2], batch.shape[3]), sizes)

    def _split(self, output: Any, shape: tuple[int, int], sizes: Sequence[tuple[int, int]]) -> list[Seen]:
        """A network's output, (predictions, raw) or ((predictions, protos), raw), taken apart by picture."""
        first = output[0]
        predictions, protos = first if isinstance(first, tuple) else (first, None)
        if protos is None and self.task == "segment" and isinstance(output[1], Tensor | tuple):
            protos = output[1] if isinstance(output[1], Tensor) else output[1][-1]  # ultralytics before 8.4
        if self.end2end:
            predictions = predictions.transpose(1, 2)
        protos = protos[0] if isinstance(protos, tuple) else protos
        return [
            Seen(predictions[i].float(), shape, size, None if protos is None else protos[i].float())
            for i, size in enumerate(sizes)
        ]

    # -- open vocabulary -----------------------------------------------------------------------------------------------

    @property
    def text_size(self) -> int:
        """Size of the text features that an open-vocabulary network reads."""
        return int(self.head.cv3[0][-1].out_channels)

    def _features(self, batch: Tensor, sizes: Sequence[tuple[int, int]]) -> list[Features]:
        saved: list[Any] = []
        with self._lock:
            last = self._run(batch, saved, self.model.model[: self._first_reader()])
        shape = (batch.shape[2], batch.shape[3])
        return [
            Features(last[i : i + 1], tuple(None if y is None else y[i : i + 1] for y in saved), shape, size)
            for i, size in enumerate(sizes)
        ]

    def read(self, features: Sequence[Features], text: Tensor) -> list[Seen]:
        """The rest of the network for pictures of one letterboxed shape.

        Args:
            features: one a picture.
            text: (B, n, text_size) text features, n a picture; they take the place of n classes.
        """
        saved = [None if ys[0] is None else torch.cat(ys) for ys in zip(*(f.saved for f in features), strict=True)]
        text = text.to(self.device, self.dtype)
        if self._contrastive():
            text = self.head.get_tpe(text)
        with self._lock:
            self.head.nc = text.shape[1]
            last = torch.cat([f.last for f in features])
            output = self._run(last, saved, self.model.model[self._first_reader() :], text)
        return self._split(output, features[0].shape, [f.size for f in features])

    def raw(self, images: Sequence[np.ndarray], text: Tensor, resolution: int) -> tuple[Any, tuple[int, int]]:
        """(the head's raw predictions in single precision, for its losses; the letterboxed (height, width)).

        One array given for several conditions is run once up to the first layer that reads the text. Gradients flow.

        Args:
            images: one a condition. text: (B, features), the one class of each.
        """
        once = {id(image): image for image in images}
        places = {key: place for place, key in enumerate(once)}
        owner = torch.tensor([places[id(image)] for image in images], device=self.device)
        boxed = self.together(list(once.values()), resolution)
        head, first, saved = self.head, self._first_reader(), []
        head.nc, head.no = 1, 1 + head.reg_max * 4
        head.training = True  # raw predictions
        try:
            last = self._run(self.tensor(boxed), saved, self.model.model[:first])
            saved = [None if one is None else one[owner] for one in saved]
            found = self._run(last[owner], saved, self.model.model[first:], text[:, None])
        finally:
            head.training = False
        return _single(found), (boxed[0].shape[0], boxed[0].shape[1])

    def single(self) -> None:
        """Go over to single precision for good: ultralytics' losses want it, and gradients too."""
        with self._lock:
            self.model.float()
            self.dtype = torch.float32

    def _run(self, x: Any, saved: list[Any], layers: Any, text: Tensor | None = None) -> Any:
        """The layers one after the other as ultralytics' own `predict` runs them; `saved` grows by each."""
        from ultralytics.nn.modules import C2fAttn, ImagePoolingAttn, WorldDetect

        pooled = text
        for layer in layers:
            if layer.f != -1:
                x = saved[layer.f] if isinstance(layer.f, int) else [x if j == -1 else saved[j] for j in layer.f]
            if isinstance(layer, C2fAttn):
                x = layer(x, pooled)
            elif isinstance(layer, ImagePoolingAttn):
                pooled = layer(x, pooled)
            elif isinstance(layer, WorldDetect):
                x = layer(list(x), text)
            elif layer is self.head and text is not None:
                x = layer([*x, text])
            else:
                x = layer(x)
            saved.append(x if layer.i in self.model.save else None)
        return x

    def _first_reader(self) -> int:
        """Index of the first layer that reads the text."""
        from ultralytics.nn.modules import C2fAttn, ImagePoolingAttn

        readers = (C2fAttn, ImagePoolingAttn)
        return next(i for i, m in enumerate(self.model.model) if m is self.head or isinstance(m, readers))

    def _contrastive(self) -> bool:
        """Whether this is a YOLOE, whose text features first go through a small net of its own."""
        return hasattr(self.head, "get_tpe")

    # -- things out ----------------------------------------------------------------------------------------------------

    @torch.no_grad()
    def find(self, seen: Seen, weights: Tensor, confidence: float = 0.25, iou: float = 0.7, limit: int = 300) -> Found:
        """What is in a picture, each class's scores multiplied by its weight.

        Args:
            seen: of one picture.
            weights: (classes,); taken between 0 and 1. An anchor's score is its largest product, its class that one's.
            confidence: lowest score, 0..1.
            iou: overlap above which the weaker of two boxes of one class goes, 0..1; end-to-end heads need none of it.
            limit: most things; end-to-end heads give at most 300.
        """
        weights = weights.to(seen.predictions.device, torch.float32).clamp(0, 1)
        classes = len(weights)
        predictions = seen.predictions.clone()
        scores = predictions[4 : 4 + classes]
        if not (self.end2end or self.open):  # as ultralytics: an anchor is a thing of its likeliest class alone
            scores *= weights[scores.argmax(0)] > 0
        scores *= weights[:, None]
        rows = self._best(predictions, classes, confidence, limit) if self.end2end else _suppressed(
            predictions, classes, confidence, iou, limit)
        xyxy = self._to_picture(rows[:, :4], seen)
        xyxy[:, 2:] = np.maximum(xyxy[:, 2:], xyxy[:, :2])  # heads without a distribution may turn a box inside out
        table = rows[:, 4:6].double().cpu().numpy()
        return Found(xyxy, table[:, 0].clip(0, 1), table[:, 1].astype(np.int64), rows[:, 6:])

    def _best(self, predictions: Tensor, classes: int, confidence: float, limit: int) -> Tensor:
        """An end-to-end head's own choice, made after the classes were weighed."""
        self.head.nc = classes
        rows = type(self.head).postprocess(self.head, predictions.t()[None])[0]
        return rows[rows[:, 4] > confidence][:limit]

    @staticmethod
    def _to_picture(boxes: Tensor, seen: Seen) -> np.ndarray:
        from ultralytics.utils.ops import scale_boxes

        width, height = seen.size
        scaled = torch.as_tensor(scale_boxes(seen.shape, boxes.clone(), (height, width)))
        return scaled.double().cpu().numpy().reshape(-1, 4)

    def keypoints(self, seen: Seen, found: Found) -> np.ndarray:
        """(n, points, 3): x, y in pixels of the picture (inside it) and score 0..1, for pose weights."""
        from ultralytics.utils.ops import scale_coords

        points, values = (int(n) for n in self.head.kpt_shape)
        width, height = seen.size
        table = scale_coords(seen.shape, found.extra.reshape(-1, points, values).clone(), (height, width))
        array = table.double().cpu().numpy()  # type: ignore[union-attr]  # a tensor in gives a tensor out
        if values == 2:  # weights without visibility: every point counts as seen
            array = np.concatenate([array, np.ones((*array.shape[:2], 1))], 2)
        array[..., 2] = array[..., 2].clip(0, 1)
        return array

    def masks(self, seen: Seen, found: Found) -> np.ndarray:
        """(n, H, W) bool at the picture's own size, cropped to their boxes, for seg weights; one may be empty."""
        from ultralytics.utils.ops import process_mask_native

        width, height = seen.size
        if not len(found.scores):
            return np.zeros((0, height, width), bool)
        assert seen.protos is not None, "masks come from seg weights"
        boxes = torch.from_numpy(found.xyxy).to(found.extra)
        return process_mask_native(seen.protos, found.extra, boxes, (height, width)).bool().cpu().numpy()


def _single(value: Any) -> Any:
    """Tensors, in lists or dictionaries too, in single precision."""
    if isinstance(value, Tensor):
        return value.float()
    if isinstance(value, dict):
        return {key: _single(one) for key, one in value.items()}
    return [_single(one) for one in value]


def _suppressed(predictions: Tensor, classes: int, confidence: float, iou: float, limit: int) -> Tensor:
    """(n, 6 + extra) rows x1, y1, x2, y2, score, class, extra after non-maximum suppression inside each class."""
    try:
        from ultralytics.utils.nms import non_max_suppression
    except ImportError:  # ultralytics before 8.3.190
        from ultralytics.utils.ops import non_max_suppression  # type: ignore[attr-defined,no-redef]
        # not in newer ones

    kept: Any = non_max_suppression(predictions[None], confidence, iou, nc=classes, max_det=limit)
    return kept[0]


def check_options(tool: Tool, condition: Condition) -> None:
    """Raise unless a condition's options are the tool's and leave alone what its encoded pictures depend on.

    Raises:
        UnknownName, OptionError: see `Tool.option`.
    """
    for name in condition.options:
        value = tool.option(name, condition)
        if name == "resolution" and value != tool.options[name]:
            raise OptionError(f"{tool.name}.resolution {tool.options[name]} as the tool was made with", str(value),
                              "give it to the tool itself: its pictures are encoded once for all conditions")


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep ultralytics' messages below errors to itself, and off stdout."""
    logger = logging.getLogger("ultralytics")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        logger.setLevel(level)


def published(name: str) -> Path:
    """The file of weights that ultralytics publishes under this name, fetched where it is not here."""
    return find_weights(name, _download)


def _download(name: str, folder: Path) -> Path | None:
    """ultralytics' own download of its published weights."""
    with quiet():
        from ultralytics.utils.downloads import attempt_download_asset

        return Path(attempt_download_asset(folder / Path(name).name))


def _opened(path: Path) -> Any:
    """The float32 network in an ultralytics checkpoint."""
    checkpoint = load_pickle(path)
    model = (checkpoint.get("ema") or checkpoint.get("model")) if isinstance(checkpoint, dict) else None
    if not isinstance(model, torch.nn.Module) or not hasattr(model, "model"):
        raise WeightsError("an ultralytics checkpoint", f"{path.name} with {type(model).__name__}",
                           "name weights that ultralytics publishes, e.g. yolo11n.pt")
    for layer in model.modules():
        if isinstance(layer, torch.nn.Upsample) and not hasattr(layer, "recompute_scale_factor"):
            layer.recompute_scale_factor = None  # checkpoints of torch before 1.11 lack it
    return model.float()


def config_name(name: Any) -> str:
    """A configuration's name as a file of weights may tell it: ultralytics would open any path and fetch any address.

    Raises:
        WeightsError: anything but a plain name.
    """
    if not isinstance(name, str) or not re.fullmatch(r"yolo[\w-]+\.yaml", name):
        raise WeightsError("the name of a configuration, e.g. yolo11n.yaml", repr(name)[:120], "get the file again")
    return name


def _untrained(name: str) -> Any:
    """A network of random weights, the same each time, of a configuration of ultralytics' or this project's."""
    from ultralytics.nn import tasks
    from ultralytics.utils import ROOT, YAML

    stem = Path(name).stem
    kinds = {"yoloe": "YOLOESegModel" if "-seg" in stem else "YOLOEModel", "world": "WorldModel",
             "-seg": "SegmentationModel", "-pose": "PoseModel", "": "DetectionModel"}
    kind = next(value for key, value in kinds.items() if key in stem)
    try:
        with quiet(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            own = OWN / Path(name).name
            config = {**YAML.load(str(own)), "scale": "n", "yaml_file": own.name} if own.is_file() else name
            model = getattr(tasks, kind)(config, verbose=False)
            if own.is_file():
                add_places(trunk(model.model), model.save)
    except Exception as error:  # ultralytics raises many kinds for a name it does not know
        raise WeightsError("one of ultralytics' configurations, e.g. yolo11n.yaml", f"{name} ({str(error)[:120]})",
                           "mend the name") from error
    if len(model.names) == 80:
        model.names = YAML.load(str(ROOT / "cfg" / "datasets" / "coco.yaml"))["names"]
    elif kind == "PoseModel":
        model.names = {0: "person"}
    return model


def _kind(model: Any, name: str) -> tuple[str, bool]:
    """(task, open vocabulary) of a network; WeightsError where it is none we can drive."""
    from ultralytics.nn.modules import OBB, Detect, Pose, Segment, WorldDetect
    from ultralytics.nn.modules.head import YOLOEDetect, YOLOESegment

    head = model.model[-1]
    if not isinstance(head, Detect) or isinstance(head, OBB):
        raise WeightsError("a YOLO network for boxes, keypoints or masks", f"{name} with a {type(head).__name__} head",
                           "use weights such as yolo11n.pt, yolo11n-pose.pt or yolo11n-seg.pt")
    if hasattr(head, "lrpc") or getattr(head, "is_fused", False):
        raise WeightsError("a YOLOE network that still reads text", f"{name}, whose vocabulary is welded in",
                           "use the weights without -pf in their name")
    task = "pose" if isinstance(head, Pose) else "segment" if isinstance(head, Segment | YOLOESegment) else "detect"
    return task, isinstance(head, WorldDetect | YOLOEDetect)
