"""Segment Anything from segment-anything's own modules: checkpoints, prompts, masks of many prompts at once, the loss.

Prompts are given in pixels of the picture; the network sees the picture scaled so that its longer side is 1024 pixels
(256 in the small untrained configuration) and padded to a square at the right and at the bottom.
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from veclink.tools.errors import WeightsError
from veclink.tools.regions import Region
from veclink.tools.small import about_small, load_small
from veclink.tools.weights import find_weights, load_pickle, locate, sha256

if TYPE_CHECKING:
    from segment_anything.modeling import Sam

TINY = "sam_tiny_random"
SMALL = "sam_small_random"  # see tools/small_sam.py: to be trained
HOST = "https://dl.fbaipublicfiles.com/segment_anything/"
# the maker's files carry the first digits of their sha256 in their names, in the way of torch.hub
OFFICIAL = {"vit_b": "sam_vit_b_01ec64.pth", "vit_l": "sam_vit_l_0b3195.pth", "vit_h": "sam_vit_h_4b8939.pth"}
STROKES = 8  # points by which a scribble is told to the network
SURE = 6.9  # logit of a pixel inside a mask prompt, of probability 0.999
OUTSIDE = 0.08  # of a box's side, how far outside it a dense part still counts
PICTURES, PROMPTS = 4, 16  # in one pass of the image encoder and of the mask decoder
BALANCED, FOCAL, DICE, QUALITY = 1.0, 1.0, 1.0, 1.0  # weights of the parts of the loss


def is_sam(weights: str) -> bool:
    """Whether weights of this name are Segment Anything's."""
    if Path(weights).suffix == ".safetensors" and (path := locate(weights)) is not None:
        return about_small(path).get("config") == SMALL
    return Path(weights).name.startswith("sam_vit_") or weights in (TINY, SMALL)


@dataclass(frozen=True, eq=False)
class View:
    """A picture as the network sees it.

    Attributes:
        features: (C, h, w) float32, the image embedding.
        size: (width, height) of the picture; inner: (width, height) to which it was scaled before padding to a square
            of `side` pixels.
        fine: maps of smaller strides, where the network's masks are drawn with them.
    """

    features: Tensor
    size: tuple[int, int]
    inner: tuple[int, int]
    side: int
    fine: tuple[Tensor, ...] = ()


@dataclass(frozen=True, eq=False)
class Prompt:
    """What points at one thing in one picture.

    Attributes:
        view: the picture.
        points: (k, 2) points on the thing, or None; box: (4,) x1, y1, x2, y2, or None; mask: (H, W) bool, or None; all
            in pixels of the picture.
        rows: (r, C) vectors that are fed beside the embeddings of those, possibly none.
        dense: (h, w) logits over the whole picture, how surely each part of it is meant, or None. With a box only what
            it says in there counts; the network gets it as a mask prompt where there is no mask.
    """

    view: View
    rows: Tensor
    points: np.ndarray | None = None
    box: np.ndarray | None = None
    mask: np.ndarray | None = None
    dense: Tensor | None = None

    @classmethod
    def of_region(cls, view: View, region: Region, rows: Tensor, dense: Tensor | None = None) -> Prompt:
        """A box, a point, a scribble (as points along it), or a mask (with the box round it)."""
        if region.kind == "box":
            return cls(view, rows, box=region.points.reshape(4), dense=dense)
        if region.kind == "mask":
            return cls(view, rows, box=region.points.reshape(4), mask=region.as_mask(*view.size), dense=dense)
        points = along(region.points) if region.kind == "scribble" else region.points
        return cls(view, rows, points=points, dense=dense)

    @property
    def ambiguous(self) -> bool:
        """A single point may mean a thing or a part of it: the best of the network's three readings is taken."""
        return self.points is not None and len(self.points) == 1 and not len(self.rows)


def along(points: np.ndarray, count: int = STROKES) -> np.ndarray:
    """(count, 2) points at equal distances along the line through (n, 2) points, both ends among them."""
    steps = np.hypot(*np.diff(points, axis=0).T)
    way = np.concatenate([[0.0], np.cumsum(steps)])
    if way[-1] == 0:
        return points[:1]
    at = np.linspace(0, way[-1], count)
    return np.stack([np.interp(at, way, points[:, 0]), np.interp(at, way, points[:, 1])], 1)


class SamNet:
    """A Sam with what is needed round it.

    Args:
        model: segment-anything's Sam, of any size.
        device, dtype: where it runs; the image encoder in `dtype`, prompts and mask decoder in float32 (they are
            small, and the prompt encoder makes float32 coordinates anyway).
        digest: sha256 of the checkpoint.
        near: side in pixels at which it is shown closer looks (`veclink.tools.closer`); None for networks that are
            shown whole pictures alone.
    """

    def __init__(
        self, model: Sam, device: torch.device, dtype: torch.dtype, name: str, digest: str = "untrained",
        near: int | None = None,
    ) -> None:
        self.model = model.to(device).eval()
        self.device, self.dtype, self.name, self.sha256 = device, dtype, name, digest
        self.encoder: Any = model.image_encoder
        self.prompter: Any = model.prompt_encoder
        self.decoder: Any = model.mask_decoder
        self.side = int(self.encoder.img_size)
        self.width = int(self.prompter.embed_dim)
        self.near = near
        self._prompters = {self.side: self.prompter}
        if dtype != torch.float32:
            self.encoder.to(dtype)
            self.encoder.neck.float()  # its layer norms square in the number format they are given and would overflow
            self.encoder.neck.register_forward_pre_hook(lambda _, given: (given[0].float(),))

    @classmethod
    def load(cls, name: str, device: torch.device, dtype: torch.dtype) -> SamNet:
        """The network of a checkpoint "sam_vit_{b,l,h}*.pth", or the untrained "sam_tiny_random".

        The three files of the maker are fetched by name from the maker's host and checked against the digits of their
        sha256 in their names; "sam_vit_b", "sam_vit_l" and "sam_vit_h" stand for them.
        Checkpoints are pickles of plain tensors and opened by the restricted unpickler, which builds nothing else.


        Raises:
            WeightsError: not to be had, changed on the way, or not a checkpoint of that size.
        """
        from veclink.tools.small_sam import NEAR, small_sam

        if name == TINY:
            return cls(tiny_sam(), device, dtype, name)
        if name == SMALL:
            return cls(small_sam(), device, dtype, name, near=NEAR)
        if Path(name).suffix == ".safetensors":
            path, model = find_weights(name), small_sam()
            load_small(path, {"network": model})
            return cls(model, device, dtype, path.name, sha256(path), about_small(path).get("near"))
        from segment_anything import sam_model_registry

        kind = re.match(r"sam_(vit_[blh])", Path(name).name)
        if kind is None:
            raise WeightsError(
                "a checkpoint named sam_vit_b*, sam_vit_l* or sam_vit_h*", repr(name), "name its size so"
            )
        if Path(name).name == f"sam_{kind[1]}":
            name = OFFICIAL[kind[1]]
        path = find_weights(name, _download if Path(name).name in OFFICIAL.values() else None)
        digest = sha256(path)
        if path.name in OFFICIAL.values() and not digest.startswith(_digits(path.name)):
            raise WeightsError(f"sha256 {_digits(path.name)}... of {path.name}", digest, "fetch the file anew")
        model = sam_model_registry[kind[1]]()
        state = load_pickle(path)
        try:
            model.load_state_dict(state)
        except (RuntimeError, TypeError, AttributeError) as error:
            raise WeightsError(
                f"the parameters of a Sam {kind[1]}",
                f"{path.name}: {' '.join(str(error).split())[:200]}",
                "use a checkpoint of that size, or mend its name",
            ) from error
        return cls(model, device, dtype, path.name, digest)

    # -- pictures in --------------------------------------------------------------------------------------------------

    def encode(self, images: Sequence[np.ndarray], side: int | None = None) -> list[View]:
        """A View of each (H, W, 3) uint8 RGB picture, several in one pass; with gradients in training mode.

        Args:
            side: in pixels, of the square to which each is scaled and padded; None for the network's own.
        """
        with torch.set_grad_enabled(self.model.training and torch.is_grad_enabled()):
            return self._encode(images, side or self.side)

    def _encode(self, images: Sequence[np.ndarray], side: int) -> list[View]:
        views: list[View] = []
        for start in range(0, len(images), PICTURES):
            part = list(images[start : start + PICTURES])
            scaled = [self._scaled(image, side) for image in part]
            batch = torch.stack([self._padded(pixels, side) for pixels in scaled])
            seen = self.encoder(batch.to(self.dtype))
            features, *fine = [level.float() for level in (seen if isinstance(seen, tuple) else (seen,))]
            for i, (image, pixels) in enumerate(zip(part, scaled, strict=True)):
                views.append(View(features[i], (image.shape[1], image.shape[0]), (pixels.shape[1], pixels.shape[0]),
                                  side, tuple(level[i] for level in fine)))
        return views

    def batch(self, images: Sequence[np.ndarray]) -> Tensor:
        """(B, 3, side, side) as the encoder takes them."""
        return torch.stack([self._padded(self._scaled(image, self.side), self.side) for image in images])

    @staticmethod
    def _scaled(image: np.ndarray, side: int) -> np.ndarray:
        """The picture with its longer side as the network wants it, as upstream's own transform scales it."""
        from PIL import Image

        scale = side / max(image.shape[:2])
        size = max(1, int(image.shape[1] * scale + 0.5)), max(1, int(image.shape[0] * scale + 0.5))
        return np.asarray(Image.fromarray(np.ascontiguousarray(image)).resize(size, Image.Resampling.BILINEAR))

    def _padded(self, pixels: np.ndarray, side: int) -> Tensor:
        """Normed, and padded at the right and at the bottom, as upstream's `preprocess`, which knows one side alone."""
        tensor = torch.from_numpy(np.array(pixels)).to(self.device).permute(2, 0, 1).float()
        model: Any = self.model
        normed = (tensor - model.pixel_mean) / model.pixel_std
        return F.pad(normed, (0, side - tensor.shape[2], 0, side - tensor.shape[1]))

    def _prompter(self, side: int) -> Any:
        """The prompt encoder for views of that side; its parameters are the same for all, as it counts by shares."""
        if side not in self._prompters:
            other = copy(self.prompter)
            share = side / self.side
            other.input_image_size = (side, side)
            other.image_embedding_size = tuple(round(n * share) for n in self.prompter.image_embedding_size)
            other.mask_input_size = tuple(round(n * share) for n in self.prompter.mask_input_size)
            self._prompters[side] = other
        return self._prompters[side]

    # -- prompts in, logits out ---------------------------------------------------------------------------------------

    def logits(self, prompts: Sequence[Prompt]) -> tuple[list[Tensor], list[Tensor]]:
        """Low-resolution mask logits and predicted IoU of each prompt, of the same or of different pictures.

        Returns:
            a (4 h, 4 w) float32 tensor a prompt, finer where the views are, above 0 inside, on the padded square; and a
            () tensor, its predicted IoU.
        """
        groups: dict[tuple[int, bool, int], list[int]] = defaultdict(list)
        told = [self._square(prompt) for prompt in prompts]
        embedded = [self._embedded(prompt, square) for prompt, square in zip(prompts, told, strict=True)]
        for i, (prompt, (sparse, _)) in enumerate(zip(prompts, embedded, strict=True)):
            groups[len(sparse), prompt.ambiguous, prompt.view.side].append(i)
        masks, qualities = [torch.empty(0)] * len(prompts), [torch.empty(0)] * len(prompts)
        for (_, several, _), members in groups.items():
            for start in range(0, len(members), PROMPTS):
                chosen = members[start : start + PROMPTS]
                mask, quality = self._decoded([prompts[i].view for i in chosen], [embedded[i] for i in chosen], several)
                for i, m, q in zip(chosen, mask, quality, strict=True):
                    best = int(q.argmax())
                    masks[i], qualities[i] = m[best], q[best]
                    square = told[i]
                    if square is not None and hasattr(self.decoder, "trust"):
                        cells = (masks[i].shape[0], masks[i].shape[1])
                        masks[i] = masks[i] + self.decoder.trust * F.adaptive_avg_pool2d(square, cells)[0]
        return masks, qualities

    def _square(self, prompt: Prompt) -> Tensor | None:
        """A prompt's dense part on the padded square, (1, side, side); nothing outside its box nor in the padding."""
        if prompt.dense is None:
            return None
        (width, height), side = prompt.view.inner, prompt.view.side
        told = prompt.dense.to(self.device, torch.float32)[None, None]
        inner = F.interpolate(told, (height, width), mode="bilinear", align_corners=False)[0]
        if prompt.box is not None:
            scaled = prompt.box * np.tile(np.divide(prompt.view.inner, prompt.view.size), 2)
            margin = OUTSIDE * (scaled[2:] - scaled[:2])
            (x0, y0), (x1, y1) = np.floor(scaled[:2] - margin).clip(0), np.ceil(scaled[2:] + margin)
            kept = torch.zeros_like(inner, dtype=torch.bool)
            kept[:, int(y0): int(y1), int(x0): int(x1)] = True
            inner = inner.masked_fill(~kept, -SURE)
        return F.pad(inner, (0, side - width, 0, side - height), value=-SURE)

    def _embedded(self, prompt: Prompt, told: Tensor | None) -> tuple[Tensor, Tensor]:
        """(tokens, C) and (C, h, w): a prompt's own embeddings with the rows beside them, and the dense part.

        Args:
            told: of the prompt, see `_square`.
        """
        factor = torch.tensor(
            [n / o for n, o in zip(prompt.view.inner, prompt.view.size, strict=True)], device=self.device
        )
        prompter = self._prompter(prompt.view.side)
        points = box = mask = None
        if prompt.points is not None:
            at = torch.as_tensor(prompt.points, dtype=torch.float32, device=self.device) * factor
            points = at[None], torch.ones(1, len(at), device=self.device)
        if prompt.box is not None:
            box = torch.as_tensor(prompt.box, dtype=torch.float32, device=self.device)[None] * factor.repeat(2)
        if prompt.mask is not None:
            mask = ((self.shrink(prompt.mask, prompt.view) * 2 - 1) * SURE)[None, None]
        elif told is not None:
            mask = F.adaptive_avg_pool2d(told, tuple(prompter.mask_input_size))[None]
        sparse, dense = prompter(points=points, boxes=box, masks=mask)
        return torch.cat([sparse[0], prompt.rows.to(self.device, torch.float32)]), dense[0]

    def _decoded(
        self, views: list[View], embedded: list[tuple[Tensor, Tensor]], several: bool
    ) -> tuple[Tensor, Tensor]:
        """(P, 1 or 3, 4 h, 4 w) logits and (P, 1 or 3) qualities of prompts with equally many tokens, on views
        of one side.

        The mask decoder takes one picture's embedding and adds each prompt's dense part to it. So the embedding goes
        in with the dense part, and zeros as the one picture: pictures can then differ from prompt to prompt, and the
        sums are the same.
        """
        features = torch.stack([view.features + dense for view, (_, dense) in zip(views, embedded, strict=True)])
        fine = [torch.stack(levels) for levels in zip(*(view.fine for view in views), strict=True)]
        return self.decoder(
            image_embeddings=torch.zeros_like(features[:1]),
            image_pe=self._prompter(views[0].side).get_dense_pe(),
            sparse_prompt_embeddings=torch.stack([sparse for sparse, _ in embedded]),
            dense_prompt_embeddings=features,
            multimask_output=several,
            **({"fine": fine} if fine else {}),
        )

    # -- masks at both sizes ------------------------------------------------------------------------------------------

    @torch.no_grad()
    def grow(self, logits: Tensor, view: View) -> np.ndarray:
        """(H, W) bool at the picture's own size of a prompt's logits."""
        (width, height), (inner_width, inner_height) = view.size, view.inner
        square = F.interpolate(logits[None, None].float(), (view.side, view.side), mode="bilinear", align_corners=False)
        inner = square[..., :inner_height, :inner_width]
        whole = F.interpolate(inner, (height, width), mode="bilinear", align_corners=False)
        return (whole[0, 0] > self.model.mask_threshold).cpu().numpy()

    def shrink(self, mask: np.ndarray, view: View, cells: tuple[int, int] | None = None) -> Tensor:
        """(4 h, 4 w) or `cells`, float32 between 0 and 1: a (H, W) bool mask on the padded square; 0 in the padding."""
        pixels = torch.from_numpy(np.ascontiguousarray(mask)).to(self.device).float()[None, None]
        inner = F.interpolate(
            pixels, (view.inner[1], view.inner[0]), mode="bilinear", align_corners=False, antialias=True
        )
        square = F.pad(inner, (0, view.side - inner.shape[3], 0, view.side - inner.shape[2]))
        cells = cells or tuple(self._prompter(view.side).mask_input_size)
        return F.interpolate(square, cells, mode="area")[0, 0].clamp(0, 1)

    # -- training -----------------------------------------------------------------------------------------------------

    def loss(self, prompts: Sequence[Prompt], masks: Sequence[np.ndarray]) -> Tensor:
        """Cross entropy, focal and dice loss of the logits and squared error of the predicted IoU.

        The paper's weights (20 for the focal loss, no other cross entropy) taught nothing where things are a hundredth
        of the picture: masks stayed empty. Here what is inside and what is outside count as much in a cross entropy.

        Args:
            masks: (H, W) bool, the mask wanted of each prompt.
        """
        logits, qualities = self.logits(prompts)
        parts = []
        for prompt, logit, quality, mask in zip(prompts, logits, qualities, masks, strict=True):
            # the padding is no part of the picture
            rows, columns = (-(-n * logit.shape[0] // prompt.view.side) for n in reversed(prompt.view.inner))
            wanted = self.shrink(mask, prompt.view, (logit.shape[0], logit.shape[1]))[:rows, :columns]
            parts.append(_mask_loss(logit[:rows, :columns], wanted, quality))
        return torch.stack(parts).mean()


def _mask_loss(logits: Tensor, wanted: Tensor, quality: Tensor) -> Tensor:
    share = logits.sigmoid()
    entropy = F.binary_cross_entropy_with_logits(logits, wanted, reduction="none")
    focal = (entropy * (share - wanted).abs().square()).mean()
    inside, outside = (entropy * wanted).sum(), (entropy * (1 - wanted)).sum()
    balanced = inside / wanted.sum().clamp(min=1) + outside / (1 - wanted).sum().clamp(min=1)
    dice = 1 - (2 * (share * wanted).sum() + 1) / (share.sum() + wanted.sum() + 1)
    with torch.no_grad():
        found, target = logits > 0, wanted > 0.5
        true = (found & target).sum() / (found | target).sum().clamp(min=1)
    return BALANCED * balanced / 2 + FOCAL * focal + DICE * dice + QUALITY * (quality - true).square()


def tiny_sam() -> Sam:
    """A small Sam of segment-anything's own modules with random weights, the same at every call. It was never trained.

    Its masks mean nothing; it exists so that the code path can be tested where the public checkpoints are out of reach.
    """
    from segment_anything.modeling import ImageEncoderViT, MaskDecoder, PromptEncoder, Sam, TwoWayTransformer

    side, grid, width = 256, 16, 256
    norm: Any = partial(torch.nn.LayerNorm, eps=1e-6)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Sam(
            ImageEncoderViT(
                img_size=side,
                patch_size=16,
                embed_dim=192,
                depth=6,
                num_heads=6,
                mlp_ratio=4,
                out_chans=width,
                qkv_bias=True,
                use_rel_pos=True,
                window_size=7,
                global_attn_indexes=(2, 5),
                norm_layer=norm,
            ),
            PromptEncoder(
                embed_dim=width, image_embedding_size=(grid, grid), input_image_size=(side, side), mask_in_chans=16
            ),
            MaskDecoder(
                num_multimask_outputs=3,
                transformer_dim=width,
                iou_head_depth=3,
                iou_head_hidden_dim=256,
                transformer=TwoWayTransformer(depth=2, embedding_dim=width, mlp_dim=2048, num_heads=8),
            ),
        )


def _digits(name: str) -> str:
    return Path(name).stem.rsplit("_", 1)[1]


def _download(name: str, folder: Path) -> Path:
    """The maker's own file, moved into place only when its sha256 begins as its name says."""
    target = folder / Path(name).name
    torch.hub.download_url_to_file(
        HOST + target.name, str(target), hash_prefix=_digits(name), progress=sys.stderr.isatty()
    )
    return target
