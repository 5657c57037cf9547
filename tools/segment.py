"""Exact shapes: Segment Anything, fed vectors as sparse prompt embeddings, or light, an ultralytics seg network."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from veclink.tools.closer import Look
from veclink.tools.condition import Condition
from veclink.tools.dense import held, says
from veclink.tools.detect import Detect
from veclink.tools.errors import ContractError, WeightsError
from veclink.tools.regions import Region
from veclink.tools.results import Boxes, Masks, Result
from veclink.tools.selection import SIZE, chooses, select
from veclink.tools.shapes import agreeing, inside
from veclink.tools.tool import Tool

if TYPE_CHECKING:
    from torch import Tensor

    from veclink.tools.sam import Prompt, View
    from veclink.tools.yolo import Found, Seen

ROWS = 4  # vectors of a condition for Segment Anything
HELD = 0.5  # share of what is meant that must lie in a grounder's boxes if they are to prompt
LOOSE, SHAKEN = 0.08, 0.5  # how far a box's corners may be off in training: a share of its side, and pixels

log = logging.getLogger(__name__)


@dataclass(eq=False)
class _Picture:
    """What is remembered of a picture: what the finder sees, and Segment Anything's view once something prompts it."""

    seen: Seen | None
    view: View | None = None


@dataclass(frozen=True, eq=False)
class _Asked:
    """What prompts Segment Anything in one picture.

    Attributes:
        regions: one prompt each; none with rows means that the rows alone prompt.
        rows: (r, 256) vectors beside them, none of them zero.
        labels: one a prompt.
        least: predicted IoU from which a mask counts.
        dense: of the condition.
    """

    regions: Sequence[Region]
    rows: Tensor
    labels: Sequence[str]
    least: float = 0.0
    dense: Tensor | None = None

    @property
    def count(self) -> int:
        """How many prompts that makes."""
        return len(self.regions) or min(len(self.rows), 1)

    def prompt(self, number: int, picture: _Picture, look: Look | None, view: View | None) -> Prompt:
        """The prompt of that number, of the picture as a whole or of a closer look at it, with that one's view."""
        from veclink.tools.sam import Prompt

        if look is not None and view is not None:  # where it is has been said
            return Prompt.of_region(view, look.region(self.regions[number]), self.rows)
        assert picture.view is not None
        if not self.regions:
            return Prompt(picture.view, self.rows, dense=self.dense)
        return Prompt.of_region(picture.view, self.regions[number], self.rows, self.dense)


class Segment(Tool):
    """Masks of what words, vectors or regions point at. The weights' name decides which network makes them.

    **ultralytics seg weights** ("yolo11n-seg.pt" and the like; the default). The condition is (1, classes + selection)
    as for closed-vocabulary detection: the weight of each class, 0 to 1, then which of the things found are meant.
    Regions keep the masks that agree with them (see `agreeing`); where the words name no class ("this one"), whatever
    is there.

    **Segment Anything** ("sam_vit_b_01ec64.pth", "sam_vit_l_0b3195.pth", "sam_vit_h_4b8939.pth", other checkpoints
    whose names begin so, "sam_vit_b" for short; Kirillov et al., 2023). The condition is (4, 256 + G). Each row's
    first 256 numbers are a sparse prompt embedding, fed to the mask decoder beside those of the regions; a row of
    zeros is left out. The other G numbers of the first row are a condition for a small ultralytics network, the
    grounder: Segment Anything has no text side, so the bridge leaves the 256 at zero and says there which classes to
    look for, or, where the grounder has an open vocabulary, gives it the features of the phrase. What prompts, in
    this order:

    1. regions: each box, point, scribble or mask gives one mask, the grounder is not asked;
    2. else the boxes that the grounder finds, where a class weighs at least `confidence`; none found is an empty
       result, but for an open vocabulary, as not everything that has a shape has a box;
    3. else the vectors alone; the mask is left out where its predicted IoU is below `confidence` and no dense part says
       that there is something.

    A network that this project trained is shown the picture as a whole for points, scribbles and vectors alone, and a
    closer look (`veclink.tools.closer`) for each box and mask.

    A dense part (`Condition.dense`) is a mask prompt beside all of these but closer looks. A box of the grounder in
    which it says nothing prompts nothing; all of them prompt nothing where most of what it says lies outside, unless
    words have chosen among them; and where it says nothing at all there is no mask.

    A mask's score is its class score (ultralytics) or its predicted IoU (Segment Anything).

    Options: confidence, iou and limit of the finding by words, as for detection.

    Args:
        words: "table" for a `PhraseTable` as the text side of a Segment Anything without a closed grounder; it is
            trained and saved with the network.
        grounder: ultralytics weights with a closed vocabulary, or a file of a detector that this project trained; None,
            or weights that cannot be had (a warning says so), make G = 0: then only regions and vectors prompt
            Segment Anything.
        model: a Segment Anything network to use instead of weights.
        origin: for the untrained small network, the published one whose numbers its trunk begins with, e.g. yolo11n.pt.

    Weights "sam_tiny_random" are a small untrained Segment Anything of the same classes, and "yolo11n-seg.yaml" an
    untrained ultralytics network; both for tests.
    """

    name = "segment"
    description = (
        "Finds the exact shape of things, pixel by pixel: outline, silhouette, contour, mask, cut out, isolate, "
        "transparent background, area covered; not for mere boxes or counts, nor for changing the picture."
    )
    examples = (
        "outline the bus", "cut out the dog", "segment every person", "give me the exact shape of the cup",
        "mask the two people on the left", "isolate the chair on a transparent background", "the horse's silhouette",
    )
    result = "masks"
    dense = True
    defaults = {"confidence": 0.25, "iou": 0.7, "limit": 300}  # noqa: RUF012 - read only
    limits = {"confidence": (0, 1), "iou": (0, 1), "limit": (1, 300)}  # noqa: RUF012 - read only

    def __init__(self, weights: str | None = None, device: str = "auto", *, grounder: str | None = "yolo11n.pt",
                 model: Any = None, words: str | None = None, origin: str | None = None, **options: Any) -> None:
        super().__init__(weights, device, **options)
        self.origin = origin
        self.grounder, self._model, self._words_kind = grounder, model, words
        self.table: Any = None
        self.pointer: Detect | None = None  # the grounder of an open vocabulary

    def setup(self) -> None:
        """Load the networks; the condition's shape follows from them."""
        from veclink.tools.classes import ClassSpace
        from veclink.tools.sam import SamNet, is_sam
        from veclink.tools.yolo import Yolo

        weights = self.weights or "yolo11n-seg.pt"
        self.sam: SamNet | None = None
        if self._model is not None:
            self.sam = SamNet(self._model, self.device, self.dtype, type(self._model).__name__)
        elif is_sam(weights):
            self.sam = SamNet.load(weights, self.device, self.dtype)
        self.finder = Yolo.load(weights, self.device, self.dtype) if self.sam is None else self._load_grounder()
        if self.finder is not None and (self.finder.open or (self.sam is None and self.finder.task != "segment")):
            wanted = "a grounder with classes" if self.sam else "seg weights with classes, or Segment Anything's"
            raise WeightsError(wanted, self.finder.name, "use yolo11n-seg.pt, or sam_vit_b_01ec64.pth with yolo11n.pt")
        self.space = None if self.finder is None else ClassSpace(self.finder.names)
        words = 0 if self.space is None else self.space.size
        if self.pointer is not None:
            words = self.pointer.condition[1]
        self.condition = (1, words) if self.sam is None else (ROWS, self.sam.width + words)
        nets = (self.sam, self.finder, self.pointer.yolo if self.pointer else None)
        self.models = {net.name: net.sha256 for net in nets if net is not None}
        self._set_up_table()

    def _set_up_table(self) -> None:
        """The table of words, where it was asked for or the weights hold one."""
        import torch

        from veclink.tools.small import PhraseTable, about_small, load_small
        from veclink.tools.weights import locate

        path = locate(self.weights or "")
        stored = path is not None and path.suffix == ".safetensors" and about_small(path).get("words")
        if self.sam is not None and self.finder is None and (stored or self._words_kind == "table"):
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(0)
                table = PhraseTable(ROWS, self.sam.width)
            if stored and path is not None:
                load_small(path, {"words": table})
            self.table = table.to(self.device).requires_grad_(False)

    def _load_grounder(self) -> Any:
        from veclink.tools.yolo import Yolo

        if not self.grounder:
            return None
        try:
            if Path(self.grounder).suffix == ".safetensors":
                pointer = Detect(self.grounder, self.device_name, **self.options)
                pointer.ready()
                self.pointer = pointer
                return None
            return Yolo.load(self.grounder, self.device, self.dtype)
        except WeightsError as error:
            log.warning("%s works by regions and link vectors alone, words find nothing: %s", self.name, error)
            return None

    def bridge(self, phrases: Sequence[str]) -> list[Tensor]:
        """What a phrase names among the classes: (1, classes + selection) or (4, 256 + G) float32."""
        import torch

        self.ready()
        if self.table is not None and phrases:
            with torch.set_grad_enabled(self.table.training and torch.is_grad_enabled()):
                return self._with_pointer(self.table(phrases).cpu(), phrases)
        rows = [torch.zeros(self.condition) for _ in phrases]
        if self.space is not None:
            for row, phrase in zip(rows, phrases, strict=True):
                row[:1, self._words] = self.space.condition(phrase)
        return rows

    def _with_pointer(self, rows: Tensor, phrases: Sequence[str]) -> list[Tensor]:
        """The rows (n, 4, 256), the first of each with the open grounder's own condition of the phrase behind it."""
        import torch

        if self.pointer is None:
            return list(rows)
        told = torch.stack(self.pointer.bridge(phrases))
        nothing = told.new_zeros(len(rows), rows.shape[1] - 1, told.shape[2])
        return list(torch.cat([rows, torch.cat([told, nothing], 1)], 2))

    def encode(self, images: Sequence[np.ndarray]) -> list[Any]:
        """What the finder sees in each picture, several in one pass; Segment Anything follows where it is needed."""
        return [_Picture(seen) for seen in (self.finder.encode(images) if self.finder else [None] * len(images))]

    def decode(self, images: Sequence[np.ndarray], conditions: Sequence[Condition]) -> list[Result]:
        """Masks of each pair; all prompts of all pairs go through Segment Anything's mask decoder together."""
        self._check(images, conditions)
        if self.sam is not None:
            return self._by_prompt(images, conditions)
        return [self._by_class(p, c) for p, c in zip(self.encoded(images), conditions, strict=True)]

    def loss(self, images: Sequence[np.ndarray], conditions: Sequence[Condition], targets: Sequence[Result]) -> Tensor:
        """`SamNet.loss` of Segment Anything's low-resolution logits.

        Gradients reach the conditions' vectors and dense parts and the mask decoder; the image encoder too in training
        mode (`networks`), in which half of the pairs without regions show the boxes of their masks beside the vectors,
        as a grounder would. Rows that are zero are fed too, so that a link whose gate is still 0 gets a gradient.

        Args:
            targets: Masks a pair: one mask a region, in their order; without regions, all of them together are what
                the link should mean (none of them: nothing).

        Raises:
            ContractError: a target does not fit its picture or regions.
            NotImplementedError: for ultralytics weights, whose networks stay as they are.
        """
        self._check(images, conditions)
        if self.sam is None:
            return super().loss(images, conditions, targets)
        if self.sam.model.training:  # each step sees other features
            fresh = {id(image): _Picture(None) for image in images}
            pictures: list[_Picture] = [fresh[id(image)] for image in images]
        else:
            pictures = self.encoded(images)
        asked, wanted = [], []
        for image, condition, target in zip(images, conditions, targets, strict=True):
            size, count = (image.shape[1], image.shape[0]), len(condition.regions)
            if not isinstance(target, Masks) or target.size != size or (count and len(target) != count):
                raise ContractError(f"Masks on {size[0]} x {size[1]} pixels, {count or 'any number'} of them",
                                    repr(target), "give one mask a region")
            regions = condition.regions or self._shown(target)
            rows = condition.vectors[:, : self.sam.width]
            asked.append(_Asked(regions, rows, (), dense=condition.dense))
            wanted += list(target.masks) if regions else [target.masks.any(0)]
        prompts, looks = self._prompts(images, pictures, asked)
        return self.sam.loss(prompts, [mask if look is None else look.part(mask)
                                       for look, mask in zip(looks, wanted, strict=True)])

    def _shown(self, target: Masks) -> tuple[Region, ...]:
        """In training, for half of the targets: boxes that lie about as well as a grounder's."""
        import torch

        assert self.sam is not None
        if not self.sam.model.training or not len(target) or float(torch.rand(())) < 0.5:
            return ()
        corners = torch.from_numpy(target.xyxy).float()
        sides = (corners[:, 2:] - corners[:, :2]).repeat(1, 2)
        moved = corners + (torch.rand(corners.shape) - 0.5) * 2 * (LOOSE * sides + SHAKEN)
        limits = torch.tensor([*target.size, *target.size]).float()
        moved = moved.clamp(min=0).minimum(limits)
        whole = (moved[:, 2:] > moved[:, :2]).all(1, keepdim=True)
        return tuple(Region.box(*box) for box in torch.where(whole, moved, corners).tolist())

    def networks(self) -> dict[str, Any]:
        """Segment Anything, and its table of words where it has one."""
        if self.sam is None:
            return {}
        return {"network": self.sam.model, **({} if self.table is None else {"words": self.table})}

    def begin(self, pictures: Sequence[np.ndarray]) -> None:
        """Put the origin's numbers into the trunk."""
        from veclink.tools.origin import begin_with

        if self.sam is not None and self.origin is not None:
            begin_with(self.sam.encoder.map.layers, self.origin, self.sam.batch(pictures))

    def save(self, path: Any) -> None:
        """As `Tool.save`.

        Raises:
            ContractError: the network is not the small one.
        """
        from veclink.tools.sam import SMALL
        from veclink.tools.small import save_small
        from veclink.tools.small_sam import small_sam

        assert self.sam is not None, "only Segment Anything has networks to save"
        shapes = [tuple(p.shape) for p in self.sam.model.parameters()]
        if shapes != [tuple(p.shape) for p in small_sam().parameters()]:
            raise ContractError(f"the network {SMALL}", self.sam.name, "save other networks by their own library")
        about = {"config": SMALL, "words": self.table is not None, "near": self.sam.near}
        save_small(path, self.networks(), about)

    @property
    def learned(self) -> int:
        return self.condition[1] if self.sam is None else self.sam.width

    def _check(self, images: Sequence[np.ndarray], conditions: Sequence[Condition]) -> None:
        self.ready()
        self.check_conditions(images, conditions)
        for image, condition in zip(images, conditions, strict=True):
            for name in self.defaults:
                self.option(name, condition)
            for region in condition.regions:
                region.check(image.shape[1], image.shape[0])

    # -- things found by class ----------------------------------------------------------------------------------------

    @property
    def _words(self) -> slice:
        """The columns of a condition that hold classes and selection."""
        return slice(0 if self.sam is None else self.sam.width, None)

    def _weights(self, condition: Condition) -> Tensor:
        """(classes,) float32 between 0 and 1; noise below what could ever be found counts as nothing asked."""
        assert self.finder is not None
        words = condition.vectors[0, self._words].detach().float().cpu()
        return words[: len(self.finder.names)].clamp(0, 1)

    def _asks(self, weights: Tensor, condition: Condition) -> bool:
        return bool((weights > 0).any()) and float(weights.max()) >= self.option("confidence", condition)

    def _found(self, seen: Seen, weights: Tensor, condition: Condition) -> Found:
        assert self.finder is not None
        options = {name: self.option(name, condition) for name in ("confidence", "iou", "limit")}
        return self.finder.find(seen, weights, **options)

    @staticmethod
    def _selected(xyxy: np.ndarray, scores: np.ndarray, condition: Condition, size: tuple[int, int]) -> np.ndarray:
        """Indices of what the selection in the condition keeps."""
        return select(xyxy, scores, condition.vectors[0, -SIZE:].detach().float().cpu().numpy(), size)

    def _by_class(self, picture: _Picture, condition: Condition) -> Masks:
        """Masks of the things found by class in one picture, ultralytics weights."""
        assert self.finder is not None and picture.seen is not None
        seen, weights, regions = picture.seen, self._weights(condition), condition.regions
        if regions and not self._asks(weights, condition):
            weights = weights.new_ones(len(weights))  # the words name nothing: whatever the regions point at
        found = self._found(seen, weights, condition)
        if not regions:
            found = _part(found, self._selected(found.xyxy, found.scores, condition, seen.size))
        masks = self.finder.masks(seen, found)
        keep = np.flatnonzero(masks.any((1, 2)))
        if regions:
            keep = keep[agreeing(masks[keep], regions)]
            keep = keep[self._selected(found.xyxy[keep], found.scores[keep], condition, seen.size)]
        labels = [self.finder.names[c] for c in found.classes[keep]]
        return Masks(masks[keep], found.scores[keep], labels, condition.phrase, seen.size)

    # -- things prompted ----------------------------------------------------------------------------------------------

    def _by_prompt(self, images: Sequence[np.ndarray], conditions: Sequence[Condition]) -> list[Result]:
        """Masks of what prompts Segment Anything in each pair; a picture in which nothing does is not shown to it."""
        import torch

        assert self.sam is not None
        pictures = self.encoded(images)
        sizes = [(image.shape[1], image.shape[0]) for image in images]
        boxes = self._pointed(images, conditions)
        asked = [self._asked(*given) for given in zip(pictures, conditions, sizes, boxes, strict=True)]
        with torch.no_grad():
            prompts, looks = self._prompts(images, pictures, asked)
            logits, qualities = self.sam.logits(prompts)
        results, start = [], 0
        for size, condition, one in zip(sizes, conditions, asked, strict=True):
            part = slice(start, start + one.count)
            start = part.stop
            shapes = []
            for number, (x, prompt, look) in enumerate(zip(logits[part], prompts[part], looks[part], strict=True)):
                shape = self.sam.grow(x, prompt.view)  # a small network spills where a large one would not
                shapes.append(shape if look is None else inside(look.back(shape), one.regions[number], LOOSE))
            scores = np.array([min(max(float(quality), 0.0), 1.0) for quality in qualities[part]])
            keep = [i for i, shape in enumerate(shapes) if shape.any() and scores[i] >= one.least]
            results.append(Masks(np.array([shapes[i] for i in keep]), scores[keep], [one.labels[i] for i in keep],
                                 condition.phrase, size))
        return results

    def _prompts(self, images: Sequence[np.ndarray], pictures: Sequence[_Picture], asked: Sequence[_Asked]
                 ) -> tuple[list[Prompt], list[Look | None]]:
        """All prompts of all pairs in their order, and where in its picture each looks closer."""
        assert self.sam is not None
        looks: list[list[Look | None]] = [
            [None if self.sam.near is None else Look.at(region, (image.shape[1], image.shape[0]))
             for region in one.regions] or [None] * one.count for image, one in zip(images, asked, strict=True)]
        whole = [i for i, made in enumerate(looks) if None in made]
        self._view([images[i] for i in whole], [pictures[i] for i in whole])
        parts = [look.part(image) for image, made in zip(images, looks, strict=True) for look in made if look]
        views = iter(self.sam.encode(parts, self.sam.near))
        prompts = [one.prompt(number, picture, look, next(views) if look else None) for picture, one, made in
                   zip(pictures, asked, looks, strict=True) for number, look in enumerate(made)]
        return prompts, [look for made in looks for look in made]

    def _pointed(self, images: Sequence[np.ndarray], conditions: Sequence[Condition]) -> list[Boxes | None]:
        """What an open grounder finds for each pair; None where there is none, or regions tell where to look."""
        found: list[Boxes | None] = [None] * len(images)
        if self.pointer is not None:
            assert self.sam is not None
            asked = [i for i, condition in enumerate(conditions) if not condition.regions]
            told = [Condition(conditions[i].vectors[:1, self.sam.width :].detach(), conditions[i].phrase,
                              options=conditions[i].options, dense=conditions[i].dense) for i in asked]
            for i, boxes in zip(asked, self.pointer.decode([images[i] for i in asked], told), strict=True):
                found[i] = boxes
        return found

    def _view(self, images: Sequence[np.ndarray], pictures: Sequence[_Picture]) -> None:
        """Give each picture that has none Segment Anything's view of it, several in one pass."""
        assert self.sam is not None
        with self._lock:
            missing = {id(p): (p, i) for p, i in zip(pictures, images, strict=True) if p.view is None}
            views = self.sam.encode([image for _, image in missing.values()])
            for (picture, _), view in zip(missing.values(), views, strict=True):
                picture.view = view

    def _asked(self, picture: _Picture, condition: Condition, size: tuple[int, int], pointed: Boxes | None) -> _Asked:
        """What prompts Segment Anything for one pair, in the order that the class's docstring gives."""
        assert self.sam is not None
        name = condition.phrase or "thing"
        rows = condition.vectors[:, : self.sam.width].detach()
        rows = rows[rows.abs().amax(1) > 0]
        dense = None if condition.dense is None else condition.dense.detach()
        if condition.regions:
            return _Asked(condition.regions, rows, [name] * len(condition.regions), dense=dense)
        if dense is not None and not bool((dense > 0).any()):
            return _Asked((), rows[:0], ())
        if pointed is not None and (kept := self._prompting(pointed, condition, dense, size)):
            boxes = tuple(Region.box(*box) for box, _ in kept)
            return _Asked(boxes, rows, [label for _, label in kept], dense=dense)
        if picture.seen is not None and self._asks(weights := self._weights(condition), condition):
            found = self._found(picture.seen, weights, condition)
            found = _part(found, np.flatnonzero((found.xyxy[:, 2:] > found.xyxy[:, :2]).all(1)))
            found = _part(found, self._selected(found.xyxy, found.scores, condition, size))
            boxes = tuple(Region.box(*corners) for corners in found.xyxy.tolist())
            labels = [self.finder.names[c] for c in found.classes]
            return _Asked(boxes, rows if boxes else rows[:0], labels, dense=dense)
        least = self.option("confidence", condition) if dense is None else 0.0  # it has said that there is something
        return _Asked((), rows, [name] * min(len(rows), 1), least, dense)

    @staticmethod
    def _prompting(pointed: Boxes, condition: Condition, dense: Tensor | None, size: tuple[int, int]
                   ) -> list[tuple[list[Any], str]]:
        """(corners, label) of those of an open grounder's boxes that prompt."""
        kept = [(box, label) for box, label in zip(pointed.xyxy.tolist(), pointed.labels, strict=True)
                if box[2] > box[0] and box[3] > box[1] and (dense is None or says(dense, box, size))]
        if dense is None or chooses(condition.vectors[0, -SIZE:].detach().float().cpu().numpy()):
            return kept
        return kept if held(dense, [box for box, _ in kept], size) >= HELD else []


def _part(found: Found, keep: np.ndarray) -> Found:
    """Those of the things found that these indices name."""
    return replace(found, xyxy=found.xyxy[keep], scores=found.scores[keep], classes=found.classes[keep],
                   extra=found.extra[keep.tolist()])
