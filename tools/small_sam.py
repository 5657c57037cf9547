"""The small Segment Anything: its own prompt encoder and mask decoder on a convolutional picture encoder.

The published encoders are transformers of 90M parameters and more. As others have shown (MobileSAM, EdgeSAM), the rest
works as well on a small encoder; this one is the trunk of a small detector, whose published numbers it can begin with.
Masks are drawn with the trunk's fine maps, as in SAM 2 (Ravi et al., 2024), at half the picture's sides: much of what
they show is but a few cells wide.
"""

from __future__ import annotations

from collections.abc import Sequence
from threading import Lock
from typing import Any

from torch import Tensor, manual_seed, nn, ones, random

from veclink.tools.lean import without_first_lines
from veclink.tools.origin import TrunkMap

with without_first_lines("segment_anything"):  # they import torchvision and torch's compiler, which nothing here needs
    from segment_anything.modeling import MaskDecoder, PromptEncoder, Sam, TwoWayTransformer
    from segment_anything.modeling.common import LayerNorm2d

CONFIG = "yolo11n.yaml"
SIDE, GRID, WIDTH = 256, 16, 256  # of the padded picture in pixels, of its embedding in cells, and that one's channels
NEAR = 128  # side of a closer look
FINE = (16, 64, 128)  # channels of the trunk's maps of strides 2, 4 and 8


class TrunkEncoder(nn.Module):
    """(B, 3, S, S) in 0..1, S pixels, to (B, WIDTH, S / 16, S / 16), and to the maps of strides 2, 4 and 8."""

    def __init__(self) -> None:
        super().__init__()
        self.img_size = SIDE
        self.map = TrunkMap(CONFIG, WIDTH, normed=False)  # a batch is of whole pictures or of closer looks, not of both
        self.neck = LayerNorm2d(WIDTH)

    def forward(self, pictures: Tensor) -> tuple[Tensor, ...]:
        levels = self.map.levels(pictures)
        return self.neck(self.map.joined(levels)), *levels[: len(FINE)]


class Upscaling(nn.Module):
    """(B, WIDTH, S / 16, S / 16) to (B, WIDTH / 8, S / 2, S / 2), with the fine maps added on the way."""

    def __init__(self) -> None:
        super().__init__()
        half, quarter = WIDTH // 4, WIDTH // 8
        self.first, self.second = nn.ConvTranspose2d(WIDTH, half, 2, 2), nn.ConvTranspose2d(half, quarter, 2, 2)
        self.third = nn.Upsample(scale_factor=2)
        self.mix = nn.Conv2d(quarter, quarter, 3, 1, 1)
        self.norms = nn.ModuleList([LayerNorm2d(half), LayerNorm2d(quarter), nn.Identity()])
        self.sides = nn.ModuleList(nn.Conv2d(given, size, 1) for given, size in
                                   zip(FINE[::-1], (half, quarter, quarter), strict=True))
        self.fine: Sequence[Tensor] = ()

    def forward(self, x: Tensor) -> Tensor:
        """With the maps that `fine` holds, the finest first."""
        for grow, norm, side, level in zip((self.first, self.second, self.third), self.norms, self.sides,
                                           self.fine[::-1], strict=True):
            x = nn.functional.gelu(norm(grow(x) + side(level)))
            if grow is self.second:
                x = nn.functional.gelu(x + self.mix(x))
        return x


class FineDecoder(MaskDecoder):
    """Segment Anything's decoder with maps of smaller strides.

    Attributes:
        trust: (), by how much a dense link's logits are added to the decoder's own, beside being its mask prompt.
    """

    def __init__(self, **given: Any) -> None:
        super().__init__(**given)
        self.output_upscaling: Upscaling = Upscaling()  # type: ignore[assignment]  # called as the sequence there is
        self.trust = nn.Parameter(ones(()))
        self._one = Lock()

    def forward(self, *, fine: Sequence[Tensor], **given: Any) -> tuple[Tensor, Tensor]:  # type: ignore[override]  # by name alone
        """As upstream; fine: (P, C, H, W) of strides 2, 4 and 8, one of each prompt."""
        with self._one:
            self.output_upscaling.fine = fine
            try:
                masks, qualities = super().forward(**given)
            finally:
                self.output_upscaling.fine = ()
        return masks, qualities


def small_sam() -> Sam:
    """The network with random numbers, the same at every call."""
    with random.fork_rng(devices=[]):
        manual_seed(0)
        transformer = TwoWayTransformer(depth=2, embedding_dim=WIDTH, mlp_dim=512, num_heads=8)
        prompts = PromptEncoder(embed_dim=WIDTH, image_embedding_size=(GRID, GRID), input_image_size=(SIDE, SIDE),
                                mask_in_chans=16)
        decoder = FineDecoder(num_multimask_outputs=3, transformer_dim=WIDTH, iou_head_depth=3,
                              iou_head_hidden_dim=256, transformer=transformer)
        # the trunk was trained on 0..1
        return Sam(TrunkEncoder(), prompts, decoder, pixel_mean=[0.0] * 3, pixel_std=[255.0] * 3)  # type: ignore[arg-type]  # any module that has its sizes
