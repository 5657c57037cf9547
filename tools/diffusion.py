"""The InstructPix2Pix pipeline of diffusers: opening it, a small untrained one, a batched run, a training step.

Pictures travel as (B, 3, H, W) float tensors between 0 and 1 whose sides are multiples of the pipeline's
`vae_scale_factor`. Text features travel as (B, tokens, width) tensors in the place of `prompt_embeds`.
"""

from __future__ import annotations

import copy
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from veclink.tools.errors import WeightsError
from veclink.tools.models import find_model
from veclink.tools.weights import VARIABLE, sha256, weights_folder

if TYPE_CHECKING:
    import torch
    from torch import Tensor

Pipeline: TypeAlias = Any  # diffusers' StableDiffusionInstructPix2PixPipeline, whose parts are set when it is made

TINY = "instruct-pix2pix-tiny-random"
SMALL = "instruct-pix2pix-small-random"  # the configuration of `veclink.tools.small_edit`, to be trained
DROPOUT = 0.05  # share of training pairs that lose their text, their picture, or both, as InstructPix2Pix was trained


@dataclass(frozen=True)
class Settings:
    """What all pictures of one run share.

    Attributes:
        steps: denoising steps from pure noise.
        guidance: how strongly the instruction pulls; 1 means without classifier-free guidance.
        image_guidance: how strongly the given picture holds.
        strength: above 0 and at most 1; the share of the steps that are taken, see `run`.
        progress: a bar on stderr, where that is a terminal.
    """

    steps: int
    guidance: float
    image_guidance: float
    strength: float
    progress: bool = False


def open_pipeline(weights: str, device: torch.device, dtype: torch.dtype) -> Pipeline:
    """The pipeline of these weights, from a local folder or the hub, safetensors only; TINY or SMALL, untrained; or a
    file that a SMALL one was saved to.

    Raises:
        WeightsError: neither here nor to be fetched, or only as pickles, or of another family.
    """
    import torch

    if weights == TINY:
        tiny = tiny_pipeline().to(device)
        return tiny if dtype == torch.float32 else tiny.to(dtype)
    place = find_model(weights)
    if weights == SMALL or (isinstance(place, Path) and place.is_file() and place.suffix == ".safetensors"):
        from veclink.tools.small_edit import small_pipeline

        return small_pipeline(None if weights == SMALL else Path(place)).to(device)
    import diffusers

    kinds: Any = diffusers
    try:
        pipeline = kinds.StableDiffusionInstructPix2PixPipeline.from_pretrained(
            str(place),
            dtype=dtype,
            use_safetensors=True,
            safety_checker=None,
            feature_extractor=None,
            requires_safety_checker=False,
            local_files_only=isinstance(place, Path),
        )
    except Exception as error:  # diffusers, the hub client and the network fail in many ways that mean the same here
        reason = " ".join(str(error).split())[:200]
        raise WeightsError(
            f"an InstructPix2Pix pipeline in safetensors at {place}",
            f"{type(error).__name__}: {reason} ({VARIABLE} is {weights_folder() or 'not set'})",
            f"connect once to the hub, which has it as {weights!r}, or put its folder into that of {VARIABLE}",
        ) from error
    missing = [part for part in ("unet", "vae", "text_encoder", "tokenizer") if getattr(pipeline, part, None) is None]
    if missing:
        raise WeightsError(
            f"a whole InstructPix2Pix pipeline at {place}",
            f"one without {', '.join(missing)}",
            "save it with its text side",
        )
    return pipeline.to(device)


def tiny_pipeline() -> Pipeline:
    """A small pipeline of the very same classes with random weights, the same at every call. It was never trained.

    Its pictures are noise; it exists so that the code path can be tested where the public weights are out of reach.
    """
    import diffusers
    import torch
    from transformers import CLIPTextConfig, CLIPTextModel

    kinds: Any = diffusers  # exports lazily, which type checkers cannot follow
    tokenizer = _letters()
    words = CLIPTextConfig(
        vocab_size=len(tokenizer), hidden_size=64, intermediate_size=128, num_hidden_layers=2, num_attention_heads=4,
        max_position_embeddings=77, bos_token_id=tokenizer.bos_token_id, eos_token_id=tokenizer.eos_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        text = CLIPTextModel(words)
        unet = kinds.UNet2DConditionModel(
            sample_size=8, in_channels=8, out_channels=4, block_out_channels=(32, 64), cross_attention_dim=64,
            layers_per_block=1, attention_head_dim=8, norm_num_groups=8,
            down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"),
            up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        )
        vae = kinds.AutoencoderKL(
            block_out_channels=(16, 16, 32, 32), latent_channels=4, norm_num_groups=8, layers_per_block=1,
            down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4,
        )
    scheduler = kinds.DDIMScheduler(
        beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False, set_alpha_to_one=False,
        steps_offset=1,
    )
    return kinds.StableDiffusionInstructPix2PixPipeline(
        vae=vae.eval(), text_encoder=text.eval(), tokenizer=tokenizer, unet=unet.eval(), scheduler=scheduler,
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    )


def _letters() -> Any:
    """A CLIPTokenizer that knows single letters alone, built in memory."""
    from transformers import CLIPTokenizer

    signs = [chr(code) for code in range(33, 127)]
    words = [*signs, *(sign + "</w>" for sign in signs), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(vocab={word: i for i, word in enumerate(words)}, merges=[], model_max_length=77)


def revision(pipeline: Pipeline, weights: str) -> str:
    """sha256 of a local folder, the commit of a pipeline from the hub, or "untrained"."""
    if weights in (TINY, SMALL):
        return "untrained"
    if isinstance(place := find_model(weights), Path):
        return sha256(place)
    commit = re.search(
        r"snapshots/([0-9a-f]{7,64})", Path(str(pipeline.unet.config.get("_name_or_path", ""))).as_posix()
    )
    return commit[1] if commit else "unknown"


def embed_text(pipeline: Pipeline, phrases: Sequence[str]) -> Tensor:
    """(n, tokens, width) float32 on the CPU: the pipeline's own text features; "" gives those of no instruction."""
    import torch

    tokens = pipeline.tokenizer(
        list(phrases),
        padding="max_length",
        max_length=pipeline.tokenizer.model_max_length,
        truncation=True,
        return_tensors="pt",
    )
    use_mask = getattr(pipeline.text_encoder.config, "use_attention_mask", False)
    mask = tokens.attention_mask.to(pipeline.device) if use_mask else None
    with torch.no_grad():
        return pipeline.text_encoder(tokens.input_ids.to(pipeline.device), attention_mask=mask)[0].float().cpu()


def run(
    pipeline: Pipeline, pictures: Tensor, text: Tensor, empty: Tensor, seeds: Sequence[int], settings: Settings,
    where: Tensor | None = None,
) -> Tensor:
    """Edit a batch of pictures of one size.

    Strength below 1 starts from the picture itself, noised to the level at which `strength * steps` (at least 1) of the
    schedule's steps are left, and takes those; at 1 it starts from pure noise.

    Each picture's noise is drawn from its own seed on the CPU in single precision, so that neither its place in the
    batch nor the device changes what a seed means.

    Args:
        pictures: (B, 3, H, W) float between 0 and 1.
        text: (B, tokens, width) the instructions.
        empty: (1, tokens, width) the features of no instruction.
        seeds: B numbers.
        where: for the small configuration alone, (B, 2, h, w) what its denoiser is told of where.

    Returns:
        (B, 3, H, W) float32 between 0 and 1 on the CPU; with `where` the latents that the steps end with, (B, C, h, w).
    """
    import torch

    device, dtype = pipeline.device, pipeline.unet.dtype
    generators = [torch.Generator("cpu").manual_seed(seed) for seed in seeds]
    factor = pipeline.vae_scale_factor
    shape = (1, pipeline.vae.config.latent_channels, pictures.shape[2] // factor, pictures.shape[3] // factor)
    noise = torch.cat([torch.randn(shape, generator=generator) for generator in generators])
    scheduler, latents = copy.deepcopy(pipeline.scheduler), noise  # a copy: some schedulers keep state between steps
    pictures = pictures.to(device, dtype)
    if settings.strength < 1:
        with torch.no_grad():
            clean = latents_of(pipeline.vae, pictures).float().cpu()
        latents = _start_late(scheduler, clean, noise, settings)
    kept, pipeline.scheduler = pipeline.scheduler, scheduler
    pipeline.set_progress_bar_config(disable=not (settings.progress and sys.stderr.isatty()), leave=False, desc="steps")
    try:
        images = pipeline(
            image=pictures,
            prompt_embeds=text.to(device, dtype),
            negative_prompt_embeds=empty.to(device, dtype).expand(len(text), -1, -1),
            num_inference_steps=settings.steps,
            guidance_scale=settings.guidance,
            image_guidance_scale=settings.image_guidance,
            generator=generators,
            latents=latents.to(device, dtype),
            output_type="pt" if where is None else "latent",
            cross_attention_kwargs=None if where is None else {"where": where},  # what the pipeline hands on as it is
        ).images
    finally:
        pipeline.scheduler = kept
    return images.float().cpu()


def _start_late(scheduler: Any, clean: Tensor, noise: Tensor, settings: Settings) -> Tensor:
    """Make `scheduler` skip the first steps of its schedule; returns the latents at which the remaining ones begin."""
    taken = max(1, round(settings.steps * settings.strength))
    first = (settings.steps - taken) * scheduler.order
    whole = type(scheduler).set_timesteps

    def set_timesteps(*args: Any, **named: Any) -> None:
        whole(scheduler, *args, **named)
        scheduler.timesteps = scheduler.timesteps[first:]
        if hasattr(scheduler, "set_begin_index"):
            scheduler.set_begin_index(first)

    set_timesteps(settings.steps)
    started = scheduler.add_noise(clean, noise, scheduler.timesteps[:1].repeat(len(clean)))
    scheduler.set_timesteps = set_timesteps
    return started / scheduler.init_noise_sigma  # the pipeline multiplies what it is given by this


def latents_of(vae: Any, pictures: Tensor, scaled: bool = True) -> Tensor:
    """(B, 4, h, w) latents of (B, 3, H, W) pictures between 0 and 1; the mode where the autoencoder gives a spread.

    Args:
        scaled: as the denoiser's own latents; the picture it is told to hold on to goes in unscaled.
    """
    encoded = vae.encode(pictures * 2 - 1)
    latents = encoded.latent_dist.mode() if hasattr(encoded, "latent_dist") else encoded.latents
    return latents * vae.config.scaling_factor if scaled else latents


def denoising_loss(pipeline: Pipeline, before: Tensor, after: Tensor, text: Tensor, empty: Tensor) -> Tensor:
    """(B,) mean squared error of the predicted noise at random times; gradients reach `text` and the denoiser.

    The instruction, the picture or both are dropped from a small share of the pairs, which is what classifier-free
    guidance needs. Randomness is torch's global one.

    Args:
        before, after: (B, 3, H, W) float between 0 and 1, the picture given and the picture wanted.
        text: (B, tokens, width); empty: (1, tokens, width).
    """
    import diffusers
    import torch

    device, dtype = pipeline.device, pipeline.unet.dtype
    with torch.no_grad():
        clean = latents_of(pipeline.vae, after.to(device, dtype)).float()
        held = latents_of(pipeline.vae, before.to(device, dtype), scaled=False)
    kinds: Any = diffusers
    schedule = kinds.DDPMScheduler.from_config(pipeline.scheduler.config)
    noise = torch.randn(clean.shape).to(device)
    times = torch.randint(0, schedule.config.num_train_timesteps, (len(clean),)).to(device)
    noisy = schedule.add_noise(clean, noise, times).to(dtype)
    chance = torch.rand(len(clean), 1, 1).to(device)
    empty, text = empty.to(device, dtype), text.to(device, dtype)
    text = torch.where(chance < 2 * DROPOUT, empty.expand_as(text), text)
    held = torch.where(((chance >= DROPOUT) & (chance < 3 * DROPOUT))[..., None], torch.zeros_like(held), held)
    predicted = pipeline.unet(torch.cat([noisy, held], 1), times, encoder_hidden_states=text, return_dict=False)[0]
    kind = schedule.config.prediction_type
    wanted = schedule.get_velocity(clean, noise, times) if kind == "v_prediction" else noise
    return (predicted.float() - wanted).square().mean((1, 2, 3))
