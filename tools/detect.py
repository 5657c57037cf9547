"""The detector: boxes round what a condition means, by ultralytics' networks.

Weights decide which of two ways it works:

- closed vocabulary (yolo11n.pt and its larger sisters, seg weights too): the condition lives in class space, a weight
  0..1 for each class, so "vehicles" is bus, car, truck and so on, and a word that no class means finds nothing. Colours
  and deeds are beyond it: "the red car" means car.
- open vocabulary (YOLO-World *-world*.pt, YOLOE yoloe-*.pt): the condition takes the place of the text features.

After either comes the selection (`veclink.tools.selection`): which of them are meant, by place, size and number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from veclink.tools import selection
from veclink.tools.classes import ClassSpace, joined
from veclink.tools.condition import Condition
from veclink.tools.dense import find_meant
from veclink.tools.errors import ContractError, WeightsError
from veclink.tools.origin import begin_with, trunk
from veclink.tools.phrases import parse, parse_all
from veclink.tools.results import Boxes
from veclink.tools.small import PhraseTable, about_small, load_small, save_small
from veclink.tools.tool import Tool
from veclink.tools.weights import locate
from veclink.tools.words import singular
from veclink.tools.yolo import BATCH, Features, Found, Seen, Yolo, check_options, published

TextEncoder = Callable[[Sequence[str]], Tensor]


class Detect(Tool):
    """Boxes round things.

    Args:
        weights: an ultralytics file name or path; "*.yaml" builds that network with random weights, untrained, which
            finds nothing of sense and is there for tests.
        text_encoder: phrases to (n, 512) text features for open-vocabulary weights; None for the network's own; "table"
            for a `PhraseTable`, which is trained and saved with the network.
        origin: for an untrained network, the published one whose numbers its trunk begins with, e.g. yolo11n.pt.
    """

    name = "detect"
    description = ("Draws a box round everything of a kind, or round the one meant; for where things are, marking, "
                   "locating and pointing out. Not for exact outlines, poses or changes to the picture.")
    examples = (
        "every person and the bus",
        "where are the vehicles?",
        "the two dogs on the left",
        "put a box around the biggest car",
        "point out anything that could be eaten",
    )
    result = "boxes"
    dense = True
    defaults: ClassVar = {"confidence": 0.25, "iou": 0.7, "limit": 300, "resolution": 640}
    limits: ClassVar = {"confidence": (0.0, 1.0), "iou": (0.0, 1.0), "limit": (1, 1000), "resolution": (32, 4096)}
    time_limit = 300.0

    def __init__(self, weights: str | None = None, device: str = "auto", text_encoder: TextEncoder | str | None = None,
                 origin: str | None = None, **options: Any) -> None:
        super().__init__(weights, device, **options)
        self.text_encoder, self.origin = text_encoder, origin

    def setup(self) -> None:
        self.yolo = Yolo.load(self.weights or "yolo11n.pt", self.device, self.dtype)
        if self.yolo.task == "pose":
            raise WeightsError("weights that detect things", f"{self.yolo.name}, which finds poses",
                               "use yolo11n.pt or other weights without -pose in their name")
        self.models = {self.yolo.name: self.yolo.sha256}
        self.classes = ClassSpace(self.yolo.names)
        self.features = self.yolo.text_size if self.yolo.open else len(self.yolo.names)
        self.condition = (1, self.features + selection.SIZE)
        if self.yolo.open:
            self._set_up_words()

    def _set_up_words(self) -> None:
        """The table of words, where it was asked for or the weights hold one, and the resolution that they tell."""
        path = locate(self.weights or "")
        about = about_small(path) if path is not None and path.suffix == ".safetensors" else {}
        stored = about.get("words")
        if "resolution" in about and "resolution" not in self.given:  # what it works best at
            self.options |= self._checked({"resolution": about["resolution"]})
        if stored or self.text_encoder == "table":
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(0)
                table = PhraseTable(1, self.features, unit=True)
            if stored and path is not None:
                load_small(path, {"words": table})
            self.text_encoder = table.to(self.device).requires_grad_(False)

    # -- words in ------------------------------------------------------------------------------------------------------

    def bridge(self, phrases: Sequence[str]) -> list[Tensor]:
        """One (1, D) float32 condition a phrase: class weights or text features, then the selection."""
        self.ready()
        if not self.yolo.open:
            return [self.classes.condition(phrase) for phrase in phrases]
        return [self._open_condition(phrase) for phrase in phrases]

    def _open_condition(self, phrase: str) -> Tensor:
        """The mean of the nouns' text features, as one condition has one place for them, and the selection."""
        parts = parse_all(phrase)
        if self.text_encoder is None:
            self.text_encoder = text_encoder_of(self.yolo)
        assert not isinstance(self.text_encoder, str), "made by setup"
        learning = isinstance(self.text_encoder, PhraseTable) and self.text_encoder.training
        with torch.set_grad_enabled(learning and torch.is_grad_enabled()):
            # a table that is trained with the network learns whole phrases, a public text model knows nouns best
            words = [described(part.noun, part.qualifiers) for part in parts]
            words = [phrase] if isinstance(self.text_encoder, PhraseTable) else words
            features = self.text_encoder(words).float().cpu()
        mean = torch.nn.functional.normalize(features.mean(0), dim=0)
        return torch.cat([mean, torch.from_numpy(joined(parts))])[None]

    # -- boxes out -----------------------------------------------------------------------------------------------------

    def encode(self, images: Sequence[np.ndarray]) -> list[Any]:
        """Closed: the network's whole output. Open: everything before the first layer that reads the text."""
        self.ready()
        return self.yolo.encode(images, self.options["resolution"])

    def decode(self, images: Sequence[np.ndarray], conditions: Sequence[Condition]) -> list[Boxes]:
        """As `Tool.decode`. Conditions of one picture share one forward pass of an open-vocabulary network.

        A condition's dense part weighs scores, see `veclink.tools.dense.find_meant`. Its regions keep the boxes they
        point at, see `veclink.tools.selection.inside`.
        """
        self.ready()
        self.check_conditions(images, conditions)
        for condition in conditions:
            check_options(self, condition)
        encoded = self.encoded(images)
        if self.yolo.open:
            return self._decode_open(encoded, conditions)
        return [self._closed(seen, condition) for seen, condition in zip(encoded, conditions, strict=True)]

    def _closed(self, seen: Seen, condition: Condition) -> Boxes:
        row = condition.vectors[0].detach()
        found = find_meant(self.yolo, seen, row[: self.features], condition,
                           partial(self.option, condition=condition))
        return self._boxes(found, [self.yolo.names[c] for c in found.classes], seen.size, condition)

    def _boxes(self, found: Found, labels: Sequence[str], size: tuple[int, int], condition: Condition) -> Boxes:
        keep = selection.chosen(found.xyxy, found.scores, condition, self.features, size)
        return Boxes(found.xyxy[keep], found.scores[keep], [labels[int(i)] for i in keep], condition.phrase, size)

    @torch.no_grad()
    def _decode_open(self, encoded: Sequence[Features], conditions: Sequence[Condition]) -> list[Boxes]:
        """Conditions of a picture are the rows of its text features; pictures of one shape and row count go at once.

        A network with a table of words was trained on one condition at a time, and rows change one another's results:
        it gets each by itself.
        """
        rows: dict[int, list[int]] = {}
        for index, features in enumerate(encoded):
            rows.setdefault(index if isinstance(self.text_encoder, PhraseTable) else id(features), []).append(index)
        groups: dict[tuple[Any, ...], list[list[int]]] = {}
        for indices in rows.values():
            groups.setdefault((encoded[indices[0]].shape, len(indices)), []).append(indices)
        results: dict[int, Boxes] = {}
        for pictures in groups.values():
            for start in range(0, len(pictures), BATCH):
                part = pictures[start : start + BATCH]
                text = torch.stack([self._text([conditions[i] for i in indices]) for indices in part])
                for indices, seen in zip(part, self.yolo.read([encoded[i[0]] for i in part], text), strict=True):
                    for place, index in enumerate(indices):
                        one = torch.zeros(len(indices))
                        one[place] = 1
                        option = partial(self.option, condition=conditions[index])
                        found = find_meant(self.yolo, seen, one, conditions[index], option)
                        labels = [label_of(conditions[index].phrase)] * len(found.scores)
                        results[index] = self._boxes(found, labels, seen.size, conditions[index])
        return [results[index] for index in range(len(conditions))]

    def _text(self, conditions: Sequence[Condition]) -> Tensor:
        """(n, features) float32 on the network's device."""
        return torch.stack([c.vectors[0, : self.features].to(self.device, torch.float32) for c in conditions])

    # -- learning ------------------------------------------------------------------------------------------------------

    def loss(self, images: Sequence[np.ndarray], conditions: Sequence[Condition], targets: Sequence[Boxes]) -> Tensor:
        """How far the conditions are from finding the targets, which are all that each of them should find.

        Open vocabulary: ultralytics' own detection loss, a picture's condition as its only class. Closed: the mean
        square error of the anchors' scores, which should be as sure as the network can be on the targets and 0
        elsewhere; anchors that no class claims are left out. Gradients reach the vectors' class weights or text
        features; the selection is not learned from it. The network is frozen unless its parameters are told otherwise;
        the first open-vocabulary loss takes it over to single precision.
        """
        self.ready()
        self.check_conditions(images, conditions)
        if len(targets) != len(images):
            raise ContractError(f"{len(images)} targets, one a picture", str(len(targets)), "pair them up")
        if self.yolo.open:
            if self.yolo.dtype != torch.float32:
                self.yolo.single()
                self.forget()
            return open_loss(self.yolo, images, self._text(conditions), targets, self.options["resolution"])
        return class_loss(self.yolo, self.encoded(images), self._text(conditions), targets)

    def networks(self) -> dict[str, torch.nn.Module]:
        """The network of an open vocabulary, and its table of words where it has one."""
        if not self.yolo.open:
            return {}
        words = {"words": self.text_encoder} if isinstance(self.text_encoder, PhraseTable) else {}
        return {"network": self.yolo.model, **words}

    def begin(self, pictures: Sequence[np.ndarray]) -> None:
        """As found by trial: with ultralytics' own start of the scores a network of this size learns slowly."""
        if self.origin is not None:
            batch = self.yolo.tensor(self.yolo.together(pictures, self.options["resolution"]))
            begin_with(trunk(self.yolo.model.model), self.origin, batch)
        for head in getattr(self.yolo.head, "cv4", ()):
            if hasattr(head, "logit_scale"):
                head.bias.data.fill_(-5.0)
                head.logit_scale.data.fill_(0.0)

    def save(self, path: str | Path) -> None:
        """As `Tool.save`.

        Raises:
            ContractError: the network was not built from one of ultralytics' configurations.
        """
        config = str(self.yolo.model.yaml.get("yaml_file", ""))
        if not config or not self.yolo.open:
            raise ContractError("an open-vocabulary network of a configuration", self.yolo.name, "train such a one")
        networks = self.networks()
        save_small(path, networks, {"config": Path(config).name, "words": "words" in networks,
                                    "resolution": self.options["resolution"]})

    @property
    def learned(self) -> int:
        return self.features


def described(noun: str, qualifiers: Sequence[str]) -> str:
    """A noun with what is said of it after it, for a text model: "person wearing a hat"."""
    after = qualifiers[-1] if qualifiers and qualifiers[-1] not in noun.split() else ""
    return f"{noun or 'object'} {after}".strip()


def label_of(phrase: str) -> str:
    """What to write on a box that a phrase found: its noun, of one thing."""
    return singular(parse(phrase).noun) or "object"


# -- the text side of open-vocabulary networks -------------------------------------------------------------------------


def text_encoder_of(yolo: Yolo) -> TextEncoder:
    """The text model an open-vocabulary network was trained with, loaded by its public name.

    YOLO-World reads CLIP ViT-B/32, from the hub. YOLOE reads MobileCLIP, a TorchScript file that ultralytics publishes
    ("mobileclip_blt.ts", "mobileclip2_b.ts"); its words are cut by CLIP's tokenizer.

    Raises:
        WeightsError: neither here nor to be fetched.
    """
    from transformers import AutoTokenizer, CLIPTextModelWithProjection

    from veclink.tools.models import find_model

    place = str(find_model("openai/clip-vit-base-patch32"))
    try:
        tokenizer = AutoTokenizer.from_pretrained(place)
        if hasattr(yolo.head, "get_tpe"):
            kind = str(getattr(yolo.model, "text_model", "mobileclip:blt")).replace(":", "_")
            model = torch.jit.load(str(published(f"{kind}.ts")), map_location=yolo.device)
            return lambda phrases: _unit(model(_tokens(tokenizer, phrases, yolo.device)))
        clip: Any = CLIPTextModelWithProjection.from_pretrained(place).eval()
    except OSError as error:
        raise WeightsError("the text model openai/clip-vit-base-patch32", f"no such model here ({str(error)[:120]})",
                           "connect once to the hub, or put its folder where VECLINK_WEIGHTS points") from error
    return partial(clip_features, tokenizer, clip.to(yolo.device))


def clip_features(tokenizer: Any, model: Any, phrases: Sequence[str]) -> Tensor:
    """(n, 512) unit text features of a CLIP text model with its projection."""
    batch = tokenizer(list(phrases), padding=True, truncation=True, return_tensors="pt").to(model.device)
    with torch.no_grad():
        return _unit(model(**batch).text_embeds)


def _unit(features: Tensor) -> Tensor:
    return torch.nn.functional.normalize(features.float(), dim=-1)


def _tokens(tokenizer: Any, phrases: Sequence[str], device: torch.device) -> Tensor:
    """(n, 77) CLIP token ids, filled up with zeros, as the TorchScript text models want them."""
    ids = tokenizer(list(phrases), truncation=True, max_length=77)["input_ids"]
    return torch.tensor([row + [0] * (77 - len(row)) for row in ids], device=device)


# -- losses ------------------------------------------------------------------------------------------------------------


def open_loss(yolo: Yolo, images: Sequence[np.ndarray], text: Tensor, targets: Sequence[Boxes],
              resolution: int) -> Tensor:
    """ultralytics' detection loss with one text feature a picture as its one class, the mean over pictures.

    Args:
        text: (B, features), one a picture.
    """
    from types import SimpleNamespace

    yolo.model.args = SimpleNamespace(box=7.5, cls=0.5, dfl=1.5)  # ultralytics' own weights of its three losses
    raw, shape = yolo.raw(images, text, resolution)
    with torch.autocast(yolo.device.type, enabled=False):  # boxes want single precision
        loss, _ = yolo.model.init_criterion()(raw, _labels(targets, shape, yolo.device))
    return loss.sum() / len(images)


def _labels(targets: Sequence[Boxes], shape: tuple[int, int], device: torch.device) -> dict[str, Tensor]:
    """ultralytics' form of targets: picture index, class 0, centre and size in 0..1 of the letterboxed picture."""
    index, boxes = [], []
    for i, target in enumerate(targets):
        for x1, y1, x2, y2 in letterboxed(target.xyxy, target.size, shape):
            index.append(float(i))
            middle = [(x1 + x2) / 2 / shape[1], (y1 + y2) / 2 / shape[0]]
            boxes.append([*middle, (x2 - x1) / shape[1], (y2 - y1) / shape[0]])
    return {"batch_idx": torch.tensor(index, device=device), "cls": torch.zeros(len(index), 1, device=device),
            "bboxes": torch.tensor(boxes, dtype=torch.float32, device=device).reshape(-1, 4)}


def letterboxed(xyxy: np.ndarray, size: tuple[int, int], shape: tuple[int, int]) -> np.ndarray:
    """(n, 4) boxes in pixels of a picture of (width, height), in pixels of its letterboxed (height, width)."""
    width, height = size
    gain = min(shape[0] / height, shape[1] / width)
    inner = (round(width * gain), round(height * gain))
    pad = [round((shape[1] - inner[0]) / 2 - 0.1), round((shape[0] - inner[1]) / 2 - 0.1)]
    return xyxy * gain + np.tile(pad, 2)


def class_loss(yolo: Yolo, encoded: Sequence[Seen], weights: Tensor, targets: Sequence[Boxes],
               floor: float = 0.05) -> Tensor:
    """The mean over pictures of the mean square error of anchors' scores.

    Args:
        weights: (B, classes), one a picture, not clamped, so that gradients reach those outside 0..1 too.
        floor: anchors whose every class stays below it are left out.
    """
    from torchvision.ops import box_iou

    total = weights.sum() * 0  # so that a picture nobody claims anything in still has a gradient
    for seen, row, target in zip(encoded, weights, targets, strict=True):
        scores = seen.predictions[4 : 4 + len(row)]
        claimed = scores.amax(0) > floor
        if not bool(claimed.any()):
            continue
        boxes = seen.predictions[:4, claimed].t()
        if not yolo.end2end:
            boxes = torch.cat([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2], 1)
        wanted = torch.from_numpy(letterboxed(target.xyxy, target.size, seen.shape)).to(boxes)
        hit = box_iou(boxes, wanted).amax(1) > 0.5 if len(wanted) else boxes.new_zeros(len(boxes), dtype=torch.bool)
        got = (scores[:, claimed] * row[:, None]).amax(0)
        # an anchor can score no more than its surest class does
        total = total + ((got - hit * scores[:, claimed].amax(0)) ** 2).mean()
    return total / len(encoded)
