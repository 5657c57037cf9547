"""The small configuration of the editing tool: what it keeps, what it learns from, and the file it is saved to."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from veclink.tools import Condition, Image, Region, check_tool
from veclink.tools.diffusion import SMALL, TINY
from veclink.tools.edit import Edit
from veclink.tools.errors import ContractError, WeightsError
from veclink.tools.small_edit import (
    LATENTS,
    LOGFACTOR,
    MAPS,
    OPTIONS,
    changes,
    composed,
    maps_of,
    picture_loss,
    place_loss,
    save_pipeline,
)
from veclink.tools.tool import Tool

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def small() -> Edit:
    tool = Edit(SMALL, "cpu")
    tool.ready()
    return tool


def picture(width: int = 96, height: int = 64, seed: int = 0) -> np.ndarray:
    """Smooth, so that a small network can say what it is."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (height // 16 + 2, width // 16 + 2, 3))
    return np.kron(coarse, np.ones((16, 16, 1)))[:height, :width].astype(np.uint8)


def pixels(tool: Edit, image: np.ndarray, phrase: str = "make it night", *regions: Region, **options: object
           ) -> np.ndarray:
    result = tool.decode([image], [Condition(tool.bridge([phrase])[0], phrase, regions, options)])[0]
    assert isinstance(result, Image)
    return result.pixels


def count(tool: Edit) -> int:
    return sum(p.numel() for network in tool.networks().values() for p in network.parameters())


def test_contract(small: Edit) -> None:
    assert len(check_tool(small)) >= 7
    assert small.condition == (4, 128) and small.models == {SMALL: "untrained"}
    assert set(small.networks()) == {"unet", "vae", "composer", "words"} and 4e6 < count(small) < 10e6


def test_it_has_its_own_options_where_none_are_given(small: Edit) -> None:
    assert {name: small.option(name) for name in OPTIONS} == dict(OPTIONS)
    chosen = Edit(SMALL, "cpu", steps=3)
    chosen.ready()
    assert chosen.option("steps") == 3 and chosen.option("guidance") == 1.0
    assert Edit(TINY, "cpu").option("steps") == Edit.defaults["steps"]


@pytest.mark.parametrize("options", [
    {"steps": 3}, {"strength": 0.5, "steps": 4}, {"guidance": 3.0}, {"guidance": 3.0, "image_guidance": 2.0},
    {"max_side": 64},
])
def test_options_work(small: Edit, options: dict) -> None:
    image = picture()
    once, plain = pixels(small, image, **options), pixels(small, image)
    assert once.shape == image.shape and np.array_equal(once, pixels(small, image, **options))
    assert not np.array_equal(once, plain)


def test_seed_strength_and_regions(small: Edit) -> None:
    image, region = picture(), Region.box(10, 10, 50, 40)
    assert np.array_equal(pixels(small, image, strength=0.0), image)
    assert not np.array_equal(pixels(small, image, seed=1), pixels(small, image, seed=2))
    outside = ~region.as_mask(96, 64)
    assert np.array_equal(pixels(small, image, "turn it red", region)[outside], image[outside])


def test_steps_are_the_pipelines_own(small: Edit) -> None:
    """At pure noise the first step's answer does not depend on what is wanted, and one step is all there is."""
    scheduler = small.pipeline.scheduler
    scheduler.set_timesteps(1)
    assert scheduler.timesteps.tolist() == [999] and scheduler.config.prediction_type == "sample"
    clean, noise = torch.full((1, LATENTS, 2, 2), 3.0), torch.randn(1, LATENTS, 2, 2)
    assert torch.allclose(scheduler.add_noise(clean, noise, torch.tensor([999])), noise, atol=1e-3)
    assert torch.allclose(scheduler.step(clean, 999, noise).prev_sample, clean, atol=1e-4)


def test_what_is_kept_keeps_its_resolution(small: Edit) -> None:
    """Maps of a small picture act on the large one: factors 1 and no paint give it back, to the bit."""
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (240, 400, 3), dtype=np.uint8)
    last = small.pipeline.composer.layers[-1]
    kept = last.weight.detach().clone(), last.bias.detach().clone()
    try:
        last.weight.zero_()
        bias = last.bias.zero_().view(MAPS, -1)
        bias[6] = -40.0  # no paint
        bias[7] = 40.0
        assert np.array_equal(pixels(small, image), image)
        bias[0] = LOGFACTOR * float(np.arctanh(np.log(0.5) / LOGFACTOR))
        dimmed = pixels(small, image).astype(int)
        assert np.abs(dimmed[..., 0] - image[..., 0] * 0.5).max() <= 1
        assert np.array_equal(dimmed[..., 1:], image[..., 1:])
    finally:
        last.weight.copy_(kept[0])
        last.bias.copy_(kept[1])


def test_maps(small: Edit) -> None:
    pictures = torch.rand(2, 3, 64, 96)
    maps = maps_of(small.pipeline, pictures, torch.randn(2, LATENTS, 8, 12))
    assert maps.shape == (2, MAPS, 64, 96) and maps.dtype == torch.float32
    share = maps[:, 6:]
    assert bool(((share >= 0) & (share <= 1)).all())
    maps[:, :3], maps[:, 3:6], maps[:, 6], maps[:, 7] = 0.0, 0.25, 0.5, 1.0
    assert torch.allclose(composed(pictures, maps), pictures / 2 + 0.125)
    maps[:, 7] = 0.0
    assert torch.equal(composed(pictures, maps), pictures)


def test_picture_loss_measures_inside_and_outside() -> None:
    before = torch.full((1, 3, 32, 32), 0.5)
    after = before.clone()
    after[..., :8, :8] = 0.9
    unchanged, perfect = (float(picture_loss(made, before, after)) for made in (before, after))
    half, flawed = after.clone(), after.clone()
    half[..., :8, :8] = 0.7
    flawed[..., 16:, :] += 0.05
    assert unchanged == pytest.approx(1.0) and perfect == 0.0
    assert perfect < float(picture_loss(half, before, after)) < unchanged
    assert float(picture_loss(flawed, before, after)) > 0.3
    assert float(picture_loss(before, before, before)) == 0.0


def test_place_loss_wants_the_changed_pixels() -> None:
    before, after = torch.full((1, 3, 32, 32), 0.5), torch.full((1, 3, 32, 32), 0.5)
    after[..., :4, :4] = 0.9
    right = changes(before, after)
    wrong = right.flip(-1)
    losses = [float(place_loss(share, before, after)) for share in (right, 0.5 + 0 * right, wrong)]
    assert right.sum() == 16 and losses[0] < 0.01 < losses[1] < losses[2]


def conditions(tool: Edit, phrases: list[str]) -> list[Condition]:
    return [Condition(v, p) for v, p in zip(tool.bridge(phrases), phrases, strict=True)]


def trainable() -> Edit:
    tool = Edit(SMALL, "cpu")
    squares = np.random.default_rng(0).integers(0, 256, (16, 10, 16, 3), dtype=np.uint8)
    tool.ready().begin(list(squares.repeat(16, 1).repeat(16, 2)))
    for network in tool.networks().values():
        network.requires_grad_(True).train()
    return tool


def test_gradients_reach_vectors_words_and_networks() -> None:
    """Pictures of two sizes in one loss; a gate that is still 0 gets a gradient too."""
    tool = trainable()
    torch.manual_seed(3)
    images, targets = [picture(), picture(64, 96, 1)], [Image(picture(seed=2)), Image(picture(64, 96, 3))]
    link, gate = torch.randn(4, 128, requires_grad=True), torch.zeros((), requires_grad=True)
    bridges = tool.bridge(["make it snow", "at night"])
    given = [Condition(bridges[0] + gate * torch.randn(4, 128)), Condition(bridges[1] + link)]
    loss = tool.loss(images, given, targets)
    loss.backward()
    assert loss.ndim == 0 and torch.isfinite(loss)
    assert link.grad is not None and bool((link.grad.abs() > 0).any()) and gate.grad is not None and gate.grad != 0
    for name, network in tool.networks().items():
        got = [p.grad is not None and bool((p.grad != 0).any()) for p in network.parameters()]
        assert np.mean(got) > 0.9, name


def test_it_stays_frozen_unless_told(small: Edit) -> None:
    vectors = torch.randn(4, 128, requires_grad=True)
    small.loss([picture()], [Condition(vectors)], [Image(picture(seed=1))]).backward()
    assert vectors.grad is not None
    assert all(p.grad is None for network in small.networks().values() for p in network.parameters())


def test_it_learns_to_tell_two_edits_apart_and_comes_back_from_a_file(tmp_path: Path) -> None:
    """One picture dimmed at one word and reddened at another: after a few steps it is nearer to both than the picture
    is, and so is what was saved in int8."""
    tool = trainable()
    image = picture(64, 64)
    phrases = ["dim", "red"]
    wanted = [(image * 0.3).astype(np.uint8), (image // 4 + np.array([180, 0, 0])).astype(np.uint8)]
    parameters = [p for network in tool.networks().values() for p in network.parameters()]
    step = torch.optim.AdamW(parameters, 2e-3)
    for number in range(40):
        torch.manual_seed(number)
        loss = tool.loss([image] * 2, conditions(tool, phrases), [Image(p) for p in wanted])
        step.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        step.step()

    def errors(one: Edit) -> list[float]:
        made = [pixels(one, image, phrase).astype(float) for phrase in phrases]
        return [float(((new - old) ** 2).mean()) for new, old in zip(made, wanted, strict=True)]

    for network in tool.networks().values():
        network.eval()
    learned = errors(tool)
    given = [float(((image - w.astype(float)) ** 2).mean()) for w in wanted]
    assert all(new < 0.5 * old for new, old in zip(learned, given, strict=True)), (learned, given)
    file = tmp_path / "edit.safetensors"
    tool.save(file)
    assert file.stat().st_size < 12e6
    loaded = Edit(str(file), "cpu")
    loaded.ready()
    assert len(next(iter(loaded.models.values()))) == 64 and loaded.option("steps") == OPTIONS["steps"]
    assert all(new < 0.6 * old for new, old in zip(errors(loaded), given, strict=True))


def test_files_of_other_networks_are_refused(small: Edit, tmp_path: Path) -> None:
    from veclink.tools.small import save_small

    with pytest.raises(WeightsError):
        Edit(str(save_small(tmp_path / "other.safetensors", {"unet": torch.nn.Linear(2, 2)}, {})), "cpu").ready()
    with pytest.raises(ContractError, match=SMALL):
        Edit(TINY, "cpu").ready().save(tmp_path / "no.safetensors")
    assert Edit(TINY, "cpu").ready().networks() == {}
    save_pipeline(tmp_path / "same.safetensors", small.pipeline)
    again = Edit(str(tmp_path / "same.safetensors"), "cpu")
    assert isinstance(again.ready(), Tool) and count(again) == count(small)
