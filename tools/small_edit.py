"""A small InstructPix2Pix for pictures of about 160 x 256 pixels: few steps, well under a second on one CPU core.

diffusers' own classes with five changes that its size asks for:

- The autoencoder (AutoencoderTiny) works on pictures folded 4 x 4, so that no layer runs at full resolution. Latents
  have 32 channels and an eighth of the picture's sides. Beside its encoder stands the trunk of a small detector, which
  can begin with published numbers: latents also tell what things are, as instructions speak of those.
- The denoiser (UNet2DConditionModel) predicts the latents wanted, not the noise, as their difference from the picture's
  own latents, which it is given anyway: an edit that changes nothing is where it begins.
- It may be told where what is meant is, beside the words that say what becomes of it.
- The schedule ends in pure noise and is run in one or a few steps.
- The result is not what the autoencoder makes of the latents, which loses detail everywhere. A last layer, the
  `Composer`, says of each pixel whether it changes, and if so, how far it is the given one times a factor a colour and
  how far a painted one. What the edit does not touch stays as it was, at whatever resolution it was given.

No instruction (a condition of zeros) means no change; that is what guidance pulls away from.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_tiny import AutoencoderTiny
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel, UNet2DConditionOutput
from diffusers.pipelines.stable_diffusion.pipeline_stable_diffusion_instruct_pix2pix import (
    StableDiffusionInstructPix2PixPipeline,
)
from diffusers.schedulers.scheduling_ddim import DDIMScheduler
from torch import Tensor, nn
from torch.nn import functional

from veclink.tools.diffusion import SMALL
from veclink.tools.origin import TrunkMap, begin_with
from veclink.tools.small import PhraseTable, load_small, save_small

ROWS, WIDTH = 4, 128  # of a condition
TRUNK = "yolo11n.yaml"
FOLD = 4  # pixels a side of what the autoencoder reads as one place
LATENTS, SCALE = 32, 8  # channels of the latents, pixels a side of one of their places
MAPS = 8  # numbers a pixel of the composer: 3 factors, 3 of paint, the paint's share, the change's share
LOGFACTOR = 3.0  # factors lie between e^-3 and e^3
# what suits it where the user says nothing else
OPTIONS: Mapping[str, Any] = {"steps": 1, "guidance": 1.0, "image_guidance": 1.0, "max_side": 256}

PURE = 0.5  # share of training pairs at pure noise, where every run begins
UNSAID = 0.05  # share of training pairs that lose their instruction; a third of them their picture as well
SEEN = 4 / 255  # a pixel that differs by less in all colours has not changed
COPIES = 4  # one picture in so many is also coded and decoded as it is
GAIN, FLAW = 0.2, 2e-4  # squared errors, inside as a share of the given picture's, below which less is worth little
INSIDE, OUTSIDE, PLACE, LATENT, COPY, SPREAD = 1.0, 0.3, 0.3, 0.1, 1.0, 0.1  # weights of the losses


class FoldedAutoencoder(AutoencoderTiny):
    """diffusers' AutoencoderTiny on pictures folded FOLD x FOLD: (B, 3, H, W) between -1 and 1 from outside.

    Attributes:
        sight: what things are, added to the latents.
    """

    sight: TrunkMap

    def encode(self, x: Tensor, return_dict: bool = True) -> Any:
        """`.latents`: (B, LATENTS, H / SCALE, W / SCALE)."""
        out: Any = super().encode(functional.pixel_unshuffle(x, FOLD), True)
        out.latents = out.latents + self.sight(_unit(x))
        return out if return_dict else (out.latents,)

    def decode(self, x: Tensor, generator: torch.Generator | None = None, return_dict: bool = True) -> Any:
        """`.sample`: (B, 3, H, W)."""
        out: Any = super().decode(x, generator, True)
        out.sample = functional.pixel_shuffle(out.sample, FOLD)
        return out if return_dict else (out.sample,)


class ResidualUNet(UNet2DConditionModel):
    """diffusers' UNet2DConditionModel whose answer is added to the picture's latents, the second half of its input.

    What it is told of where (`veclink.tools.edit_looks.told`) comes as `cross_attention_kwargs["where"]`, (b, 2, h, w),
    which the pipeline hands on; guidance makes B a multiple of b.
    """

    def forward(self, sample: Tensor, timestep: Any, encoder_hidden_states: Tensor, *args: Any,
                return_dict: bool = True, **named: Any) -> Any:
        named.pop("added_cond_kwargs", None)  # the pipeline's, always None here
        given = sample[:, sample.shape[1] // 2 :]
        where = (named.pop("cross_attention_kwargs", None) or {}).get("where")
        if where is not None:
            sample = sample + self.where(where.to(sample)).repeat(len(sample) // len(where), 1, 1, 1)
        change = super().forward(sample, timestep, encoder_hidden_states, *args, return_dict=False, **named)[0]
        wanted = change + given
        return UNet2DConditionOutput(sample=wanted) if return_dict else (wanted,)


class Composer(nn.Module):
    """From the picture and the latents wanted to what becomes of each pixel.

    Args:
        inner: channels.
    """

    def __init__(self, inner: int = 64) -> None:
        super().__init__()
        folded = 3 * FOLD * FOLD
        self.layers = nn.Sequential(
            nn.Conv2d(2 * folded + LATENTS, inner, 3, padding=1), nn.ReLU(),
            nn.Conv2d(inner, inner, 3, padding=1), nn.ReLU(),
            nn.Conv2d(inner, MAPS * FOLD * FOLD, 3, padding=1),
        )

    def forward(self, picture: Tensor, painted: Tensor, change: Tensor) -> Tensor:
        """Maps for `composed`.

        Args:
            picture: (B, 3, H, W) between 0 and 1, the one given.
            painted: (B, 3, H, W) between 0 and 1, what the autoencoder makes of the latents wanted.
            change: (B, LATENTS, h, w) the latents wanted less the picture's own.

        Returns:
            (B, MAPS, H, W) float32: the logarithms of 3 factors, 3 of paint, and between 0 and 1 the paint's share of
            the new pixel and the new pixel's share of the result.
        """
        change = functional.interpolate(change, scale_factor=SCALE // FOLD, mode="nearest")
        folded = [functional.pixel_unshuffle(part, FOLD) for part in (picture - 0.5, painted - 0.5)]
        raw = functional.pixel_shuffle(self.layers(torch.cat([*folded, change.to(painted.dtype)], 1)), FOLD).float()
        factors = LOGFACTOR * torch.tanh(raw[:, :3] / LOGFACTOR)
        return torch.cat([factors, painted.float() + raw[:, 3:6], torch.sigmoid(raw[:, 6:])], 1)


def composed(picture: Tensor, maps: Tensor) -> Tensor:
    """(B, 3, H, W) float32: each pixel times its factors, mixed with paint, and that mixed with the pixel as it was.

    Args:
        picture: (B, 3, H, W) between 0 and 1, of any resolution.
        maps: (B, MAPS, H, W) of the same.
    """
    given, paint, new = picture.float(), maps[:, 6:7], maps[:, 7:]
    return given + new * ((1 - paint) * given * maps[:, :3].exp() + paint * maps[:, 3:6] - given)


class SmallPipeline(StableDiffusionInstructPix2PixPipeline):
    """diffusers' pipeline with a table of words for a text side and a composer behind it."""

    table: PhraseTable
    composer: Composer

    def networks(self) -> dict[str, nn.Module]:
        """All that is trained, by name."""
        parts: Any = self
        return {"unet": parts.unet, "vae": parts.vae, "composer": self.composer, "words": self.table}

    def to(self, *args: Any, **named: Any) -> Any:
        """Moved to a device; it stays in single precision, being small."""
        for network in self.networks().values():
            network.to(*args, **named)
        return self


def small_pipeline(path: Path | None = None) -> SmallPipeline:
    """The small pipeline: of a file, or with random weights, the same at every call, that were never trained.

    Raises:
        WeightsError: the file holds another network.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        unet = ResidualUNet(
            sample_size=32, in_channels=2 * LATENTS, out_channels=LATENTS, block_out_channels=(64, 112, 144),
            cross_attention_dim=WIDTH, layers_per_block=1, attention_head_dim=4, norm_num_groups=16,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"),
            up_block_types=("UpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"), resnet_time_scale_shift="scale_shift",
            addition_embed_type="text", addition_embed_type_num_heads=4,  # the instruction as a whole, to every layer
        )
        unet.where = nn.Conv2d(2, 2 * LATENTS, 3, padding=1, bias=False)
        nn.init.zeros_(unet.where.weight)
        vae = FoldedAutoencoder(
            in_channels=3 * FOLD * FOLD, out_channels=3 * FOLD * FOLD, latent_channels=LATENTS,
            encoder_block_out_channels=(64, 64), decoder_block_out_channels=(64, 64), num_encoder_blocks=(1, 2),
            num_decoder_blocks=(2, 1),
        )
        vae.sight = TrunkMap(TRUNK, LATENTS, SCALE, normed=False)
        composer, table = Composer(), PhraseTable(ROWS, WIDTH)
    scheduler = DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False,
        prediction_type="sample", rescale_betas_zero_snr=True, timestep_spacing="trailing",
    )
    parts: Any = {"vae": vae, "text_encoder": None, "tokenizer": None, "unet": unet, "scheduler": scheduler,
                  "safety_checker": None, "feature_extractor": None, "requires_safety_checker": False}
    pipeline = SmallPipeline(**parts)
    pipeline.composer, pipeline.table = composer, table
    pipeline.vae_scale_factor = SCALE
    if path is not None:
        load_small(path, pipeline.networks())
    for network in pipeline.networks().values():
        network.eval().requires_grad_(False)
    return pipeline


def save_pipeline(path: str | Path, pipeline: SmallPipeline) -> None:
    """Write all of its networks into one file of int8."""
    save_small(path, pipeline.networks(), {"config": SMALL, "words": True})


def begin(pipeline: SmallPipeline, pictures: Sequence[np.ndarray], origin: str | None = None) -> None:
    """Give latents mean 0 and spread 1, as the noise has, from the first step on; half of it from the sight.

    Random weights make them so small that the denoiser would see little but noise.

    Args:
        pictures: (H, W, 3) uint8, at least one, on which they are measured.
        origin: the published network whose numbers the sight begins with.
    """
    parts: Any = pipeline
    vae: FoldedAutoencoder = parts.vae
    tensors = [torch.from_numpy(np.ascontiguousarray(one)).permute(2, 0, 1)[None].float() / 255 for one in pictures]
    seen = torch.cat([functional.interpolate(one, (160, 256), mode="area") for one in tensors])
    seen = seen.to(vae.sight.outer.weight.device)
    if origin is not None:
        begin_with(vae.sight.layers, origin, seen)
    with torch.no_grad():
        sides: list[tuple[Any, Tensor]] = [
            (vae.encoder.layers[-1], vae.encoder(functional.pixel_unshuffle(seen * 2 - 1, FOLD))),
            (vae.sight.outer, vae.sight(seen))]
        for last, latents in sides:
            mean, spread = latents.mean((0, 2, 3)), latents.std((0, 2, 3)) * math.sqrt(len(sides))
            last.weight.div_(spread[:, None, None, None])
            last.bias.sub_(mean).div_(spread)


def embed_words(pipeline: SmallPipeline, phrases: Sequence[str]) -> Tensor:
    """(n, ROWS, WIDTH) float32: the table's features; gradients reach it while it is in training mode."""
    with torch.set_grad_enabled(pipeline.table.training and torch.is_grad_enabled()):
        return pipeline.table(phrases)


@torch.no_grad()
def maps_of(pipeline: SmallPipeline, pictures: Tensor, latents: Tensor) -> Tensor:
    """What becomes of each pixel: (B, MAPS, H, W) float32 on the CPU.

    Args:
        pictures: (B, 3, H, W) between 0 and 1. latents: (B, LATENTS, h, w) that the steps ended with.
    """
    vae: Any = getattr(pipeline, "vae")  # noqa: B009 - diffusers sets it by name
    pictures, latents = pictures.to(vae.device), latents.to(vae.device)
    held = vae.encode(pictures * 2 - 1).latents
    return pipeline.composer(pictures, _unit(vae.decode(latents).sample), latents - held).cpu()


def apply_latents(pipeline: SmallPipeline, images: Sequence[np.ndarray], pictures: Tensor, latents: Tensor
                  ) -> list[np.ndarray]:
    """The edited pictures, (H, W, 3) uint8, at their own sizes; what is kept of them keeps their resolution.

    Args:
        images: (H, W, 3) uint8. pictures: (B, 3, h, w) between 0 and 1, the same at the size they were edited at.
        latents: as `maps_of`.
    """
    edited = []
    for image, maps in zip(images, maps_of(pipeline, pictures, latents), strict=True):
        whole = functional.interpolate(maps[None], image.shape[:2], mode="bilinear", align_corners=False)
        given = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None].float() / 255
        made = composed(given, whole)[0].clamp(0, 1)
        edited.append((made * 255).round().to(torch.uint8).permute(1, 2, 0).numpy())
    return edited


def training_loss(pipeline: SmallPipeline, before: Tensor, after: Tensor, text: Tensor, where: Tensor) -> Tensor:
    """(B,) what all networks are trained by together; randomness is torch's global one.

    The error of the composed picture inside and outside of what changes, each by its own measure, so that a small mob
    counts as much as the whole sky; the error of the latents; the autoencoder's own error on the picture wanted; and
    how far the latents are from mean 0 and spread 1, which the noise expects.

    Args:
        before, after: (B, 3, H, W) between 0 and 1. text: (B, ROWS, WIDTH). where: (B, 2, h, w), see `ResidualUNet`.
    """
    parts: Any = pipeline
    before, after, text, where = (given.to(parts.unet.device) for given in (before, after, text, where))
    chance = torch.rand(len(before), 1, 1, 1).to(before)
    text = torch.where(chance[..., 0] < UNSAID, torch.zeros_like(text), text)
    after = torch.where(chance < UNSAID, before, after)
    held, wanted = parts.vae.encode(torch.cat([before, after]) * 2 - 1).latents.float().chunk(2)
    given = torch.where(chance < UNSAID / 3, torch.zeros_like(held), held)
    noisy, times = _noised(parts.scheduler, wanted.detach())
    noisy = torch.cat([noisy, given], 1)
    guess = parts.unet(noisy, times, text, cross_attention_kwargs={"where": where}, return_dict=False)[0].float()
    copies = wanted[: max(1, len(wanted) // COPIES)]
    painted = _unit(parts.vae.decode(torch.cat([guess, copies])).sample.float())
    maps = pipeline.composer(before, painted[: len(guess)], guess - held)
    copy = (painted[len(guess) :] - after[: len(copies)]).abs().mean()
    spread = held.mean((0, 2, 3)).square().mean() + (held.std((0, 2, 3)) - 1).square().mean()
    latent = (guess - wanted.detach()).square().mean((1, 2, 3))
    own = LATENT * latent + COPY * copy + SPREAD * spread
    return picture_loss(composed(before, maps), before, after) + PLACE * place_loss(maps[:, 7:], before, after) + own


def _noised(scheduler: Any, wanted: Tensor) -> tuple[Tensor, Tensor]:
    """(latents with noise of random times, or pure noise for PURE of them; the times (B,))."""
    last = scheduler.config.num_train_timesteps
    times = torch.randint(0, last, (len(wanted),))
    times = torch.where(torch.rand(len(wanted)) < PURE, last - 1, times).to(wanted.device)
    return scheduler.add_noise(wanted, torch.randn(wanted.shape).to(wanted), times), times


def changes(before: Tensor, after: Tensor) -> Tensor:
    """(B, 1, H, W) float32: 1 where two pictures differ visibly, else 0."""
    return ((before - after).abs().amax(1, keepdim=True) > SEEN).float()


def place_loss(share: Tensor, before: Tensor, after: Tensor) -> Tensor:
    """(B,) how badly the share (B, 1, H, W) of the new pixels tells where the picture changes.

    The mean cross entropy of the pixels that change and that of the others, half of each, and the dice loss. What and
    where are learned apart by it: a small mob in the wrong colour is still the right mob.
    """
    changed, sure = changes(before, after), share.clamp(1e-4, 1 - 1e-4)
    pixels, rest = changed.sum((1, 2, 3)), (1 - changed).sum((1, 2, 3))
    missed = -(sure.log() * changed).sum((1, 2, 3)) / pixels.clamp(min=1)
    spilt = -((1 - sure).log() * (1 - changed)).sum((1, 2, 3)) / rest.clamp(min=1)
    dice = 1 - (2 * (share * changed).sum((1, 2, 3)) + 1) / (share.sum((1, 2, 3)) + pixels + 1)
    return (missed + spilt) / 2 + dice


def picture_loss(made: Tensor, before: Tensor, after: Tensor) -> Tensor:
    """(B,) how far pictures are from those wanted, by what PSNR measures inside and outside of what changes.

    Inside it is INSIDE for the picture given and falls with each decibel gained on it, down to 0; outside it grows with
    each decibel lost. All (B, 3, H, W) between 0 and 1.
    """
    changed = changes(before, after)
    error, given = (made - after).square().mean(1, keepdim=True), (before - after).square().mean(1, keepdim=True)
    pixels, rest = changed.sum((1, 2, 3)), (1 - changed).sum((1, 2, 3))
    share = (error * changed).sum((1, 2, 3)) / (given * changed).sum((1, 2, 3)).clamp(min=1e-6)
    inside = torch.log1p(share / GAIN) / math.log1p(1 / GAIN) * (pixels > 0)
    outside = torch.log1p((error * (1 - changed)).sum((1, 2, 3)) / rest.clamp(min=1) / FLAW)
    return INSIDE * inside + OUTSIDE * outside


def _unit(pixels: Tensor) -> Tensor:
    """From between -1 and 1 to between 0 and 1."""
    return pixels / 2 + 0.5
