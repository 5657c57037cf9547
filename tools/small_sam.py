"""The small Segment Anything: its own prompt encoder and mask decoder on a convolutional picture encoder.

The published encoders are transformers of 90M parameters and more. As others have shown (MobileSAM, EdgeSAM), the rest
works as well on a small encoder; this one is the trunk of a small detector, whose published numbers it can begin with.
"""

from __future__ import annotations

from segment_anything.modeling import MaskDecoder, PromptEncoder, Sam, TwoWayTransformer
from segment_anything.modeling.common import LayerNorm2d
from torch import Tensor, manual_seed, nn, random

from veclink.tools.origin import TrunkMap

CONFIG = "yolo11n.yaml"
SIDE, GRID, WIDTH = 256, 16, 256  # of the padded picture in pixels, of its embedding in cells, and that one's channels


class TrunkEncoder(nn.Module):
    """(B, 3, SIDE, SIDE) in 0..1 to (B, WIDTH, GRID, GRID)."""

    def __init__(self) -> None:
        super().__init__()
        self.img_size = SIDE
        self.map = TrunkMap(CONFIG, WIDTH)
        self.neck = LayerNorm2d(WIDTH)

    def forward(self, pictures: Tensor) -> Tensor:
        features: Tensor = self.neck(self.map(pictures))
        return features


def small_sam() -> Sam:
    """The network with random numbers, the same at every call."""
    with random.fork_rng(devices=[]):
        manual_seed(0)
        transformer = TwoWayTransformer(depth=2, embedding_dim=WIDTH, mlp_dim=512, num_heads=8)
        prompts = PromptEncoder(embed_dim=WIDTH, image_embedding_size=(GRID, GRID), input_image_size=(SIDE, SIDE),
                                mask_in_chans=16)
        decoder = MaskDecoder(num_multimask_outputs=3, transformer_dim=WIDTH, iou_head_depth=3,
                              iou_head_hidden_dim=256, transformer=transformer)
        # the trunk was trained on 0..1
        return Sam(TrunkEncoder(), prompts, decoder, pixel_mean=[0.0] * 3, pixel_std=[255.0] * 3)  # type: ignore[arg-type]  # any module that has its sizes
