"""The editing tool.

All of it runs on a small pipeline of the same classes with random weights (never trained): the pictures mean nothing,
the path is the one that the public weights take.
"""

from __future__ import annotations

import numpy as np
import pytest
import torch

from veclink.envs.errors import UnknownName
from veclink.tools import Condition, Image, Region, check_tool
from veclink.tools.diffusion import TINY, Settings, embed_text, latents_of, run, tiny_pipeline
from veclink.tools.edit import Edit, about_surroundings, blend, covered, soft_edge
from veclink.tools.errors import ContractError, OptionError, RegionError, WeightsError

torch.set_num_threads(1)


@pytest.fixture(scope="module")
def edit() -> Edit:
    tool = Edit(TINY, "cpu", steps=2, max_side=96)
    tool.ready()
    return tool


def picture(width: int = 96, height: int = 64, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def asks(edit: Edit, phrase: str, *regions: Region, **options: object) -> Condition:
    return Condition(edit.bridge([phrase])[0], phrase, regions, options)


def pixels(edit: Edit, image: np.ndarray, condition: Condition) -> np.ndarray:
    result = edit.decode([image], [condition])[0]
    assert isinstance(result, Image)
    return result.pixels


def test_contract(edit: Edit) -> None:
    assert len(check_tool(edit)) >= 7
    assert edit.condition == (77, 64)
    assert edit.models == {TINY: "untrained"}


def test_bridge_is_the_pipelines_own_prompt(edit: Edit) -> None:
    """Vectors in the place of prompt_embeds give what diffusers gives for the words."""
    image, phrase = picture(), "make it snow"
    own = edit.pipeline(
        phrase, image=torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255, num_inference_steps=3,
        guidance_scale=7.5, image_guidance_scale=1.5, generator=[torch.Generator().manual_seed(5)], output_type="np",
    ).images[0]
    ours = pixels(edit, image, asks(edit, phrase, steps=3, seed=5))
    assert np.abs(ours - own * 255).max() <= 0.6


@pytest.mark.parametrize("scheduler", ["DDIMScheduler", "EulerAncestralDiscreteScheduler", "PNDMScheduler"])
def test_batch_equals_one_by_one(scheduler: str) -> None:
    """Mixed sizes, seeds, options and regions in one call, with and without noise drawn inside the steps."""
    import diffusers

    edit = Edit(TINY, "cpu", steps=3, max_side=96)
    edit.ready()
    kind = getattr(diffusers, scheduler)
    edit.pipeline.scheduler = kind.from_config(edit.pipeline.scheduler.config, skip_prk_steps=True)
    sizes = [(96, 64), (64, 96), (96, 64), (200, 120), (96, 64), (17, 9)]
    images = [picture(*size, seed=i) for i, size in enumerate(sizes)]
    conditions = [
        asks(edit, "make it snow"), asks(edit, "at night", seed=3), asks(edit, "turn it red", seed=1),
        asks(edit, "as a drawing", strength=0.5), asks(edit, "in blue", Region.box(10, 10, 50, 40), seed=2),
        asks(edit, "blur it", guidance=1.0),
    ]
    together = edit.decode(images, conditions)
    for image, condition, result in zip(images, conditions, together, strict=True):
        alone = pixels(edit, image, condition)
        assert result.size == (image.shape[1], image.shape[0])
        assert isinstance(result, Image) and np.abs(alone.astype(int) - result.pixels).max() <= 1


def test_like_pictures_share_a_run(edit: Edit, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    real = type(edit.pipeline.unet).forward

    def counted(self, sample, *args, **named):
        sizes.append(len(sample))
        return real(self, sample, *args, **named)

    monkeypatch.setattr(type(edit.pipeline.unet), "forward", counted)
    edit.decode([picture(seed=i) for i in range(3)], [asks(edit, "make it snow", seed=i) for i in range(3)])
    assert sizes == [9, 9]  # 2 steps of 3 pictures, each thrice for the two guidances


def test_seeds(edit: Edit) -> None:
    image = picture()
    first, again = (pixels(edit, image, asks(edit, "make it snow", seed=7)) for _ in range(2))
    other = pixels(edit, image, asks(edit, "make it snow", seed=8))
    assert np.array_equal(first, again) and not np.array_equal(first, other)


def test_link_vectors_change_the_picture(edit: Edit) -> None:
    image, bridge = picture(), asks(edit, "make it snow")
    link = Condition(bridge.vectors + torch.randn(bridge.vectors.shape, generator=torch.Generator().manual_seed(0)))
    assert np.abs(pixels(edit, image, link).astype(int) - pixels(edit, image, bridge)).mean() > 0.1


def test_strength_zero_is_the_picture(edit: Edit) -> None:
    image = picture(130, 75)
    assert np.array_equal(pixels(edit, image, asks(edit, "make it snow", strength=0.0)), image)


@pytest.mark.parametrize("scheduler", ["DDIMScheduler", "EulerAncestralDiscreteScheduler"])
def test_strength_starts_late_from_the_noised_picture(scheduler: str) -> None:
    """The first thing that the denoiser sees is the picture with the noise of the step at which it starts."""
    import diffusers

    pipeline = tiny_pipeline()
    pipeline.scheduler = getattr(diffusers, scheduler).from_config(pipeline.scheduler.config)
    seen: list[torch.Tensor] = []
    pipeline.unet.register_forward_pre_hook(lambda _, given: seen.append(given[0][:1, :4].detach().clone()))
    image = torch.from_numpy(picture()).permute(2, 0, 1)[None].float() / 255
    text = embed_text(pipeline, ["make it snow", ""])
    with torch.no_grad():
        clean = latents_of(pipeline.vae, image).flatten()
    likeness = {}
    for strength, steps in ((1.0, 10), (0.5, 5), (0.1, 1), (0.01, 1)):
        seen.clear()
        run(pipeline, image, text[:1], text[1:], [0], Settings(10, 7.5, 1.5, strength))
        assert len(seen) == steps
        likeness[strength] = float(torch.corrcoef(torch.stack([seen[0].flatten(), clean]))[0, 1])
    assert likeness[0.01] == likeness[0.1] > likeness[0.5] > abs(likeness[1.0])


def test_outside_stays_to_the_bit(edit: Edit) -> None:
    image = picture(130, 100)
    mask = np.zeros((100, 130), bool)
    mask[20:70, 30:90] = True
    point, scribble = Region.point(60, 40), Region.scribble([(30, 30), (80, 60)])
    for region in (Region.box(30, 20, 90, 70), Region.of_mask(mask), point, scribble):
        inside = covered([region], 130, 100)
        new = pixels(edit, image, asks(edit, "turn it red", region))
        assert np.array_equal(new[~inside], image[~inside])
        assert (new[inside] != image[inside]).any(1).mean() > 0.8
        new = pixels(edit, image, asks(edit, "put it on a beach", region))
        assert np.array_equal(new[inside], image[inside])
        assert (new[~inside] != image[~inside]).any(1).mean() > 0.8


def test_keep_overrules_the_words(edit: Edit) -> None:
    image, region = picture(), Region.box(10, 10, 40, 40)
    inside = region.as_mask(96, 64)
    whole = pixels(edit, image, asks(edit, "turn it red"))
    kept = pixels(edit, image, asks(edit, "turn it red", region, keep="regions"))
    assert np.array_equal(kept[inside], image[inside])
    rest = pixels(edit, image, asks(edit, "put it on a beach", region, keep="rest"))
    assert np.array_equal(rest[~inside], image[~inside])
    assert np.array_equal(pixels(edit, image, asks(edit, "turn it red", region, keep="nothing")), whole)


def test_soft_edge() -> None:
    inside = np.zeros((200, 300), bool)
    inside[50:150, 80:200] = True
    alpha = soft_edge(inside)
    assert (alpha[~inside] == 0).all() and (alpha[inside] > 0).all()
    assert alpha[100, 140] == 1 and 0 < alpha[50, 140] < alpha[51, 140] < 1
    assert soft_edge(np.ones((4, 4), bool)).min() == 1 and soft_edge(np.zeros((4, 4), bool)).max() == 0
    thin = np.zeros((200, 300), bool)
    thin[100] = True
    assert soft_edge(thin)[100].min() == 1
    image = picture(300, 200)
    assert np.array_equal(blend(image, image, alpha), image)


SURROUNDINGS = (
    "put them in snow", "put the dogs in the snow", "on a beach", "put her on a beach", "change the background",
    "replace the background with mountains", "make everything behind her blue", "remove the people behind them",
    "blur the background", "Place the bus in a desert.", "move him to the moon", "in a forest",
    "make it snow around them",
    "put the two dogs on the left in a meadow", "everything except the dog in grey", "make them stand in the snow",
    "let her sit on a beach at night", "teleport the cat into space", "a new backdrop please",
    "underneath, change the scenery",
    "and put them in the snow", "in the middle of a busy street", "put the man in front of the Eiffel tower",
    "set them on top of a mountain", "put him in the blue sea", "put the bus on the moon please",
    "turn the rest of the picture grey",
)
REGIONS = (
    "turn the car red", "remove the lamp post", "put a hat on him", "put sunglasses on her", "put them in suits",
    "dress her in a red coat", "blur the faces", "make it look like a watercolour", "paint the car on the street red",
    "replace the dog with a cat", "in black and white", "in the style of Van Gogh", "make him smile", "add a moustache",
    "make the dog bigger", "turn the sky orange", "make it snow", "put them in colour", "give her blonde hair",
    "set the house on fire", "remove the boat on the sea", "sharpen it", "", "make the bus look old",
    "put the hat on his head",
)


@pytest.mark.parametrize("phrase", SURROUNDINGS)
def test_words_about_the_surroundings(phrase: str) -> None:
    assert about_surroundings(phrase)


@pytest.mark.parametrize("phrase", REGIONS)
def test_words_about_the_regions(phrase: str) -> None:
    assert not about_surroundings(phrase)


@pytest.mark.parametrize(("options", "error"), [
    ({"steps": 0}, OptionError), ({"steps": 2.5}, OptionError), ({"strength": 1.5}, OptionError),
    ({"seed": -1}, OptionError), ({"guidance": "high"}, OptionError), ({"max_side": 8}, OptionError),
    ({"keep": "outsid"}, UnknownName), ({"progress": 1}, OptionError),
])
def test_options_refused(edit: Edit, options: dict, error: type[Exception]) -> None:
    with pytest.raises(error):
        Edit(TINY, **options)
    with pytest.raises(error):
        edit.decode([picture()], [asks(edit, "make it snow", **options)])


def test_unknown_option_names_the_nearest() -> None:
    with pytest.raises(UnknownName, match="did you mean 'steps'"):
        Edit(TINY, stepps=5)


def test_region_outside_the_picture(edit: Edit) -> None:
    with pytest.raises(RegionError):
        edit.decode([picture()], [asks(edit, "make it snow", Region.box(50, 10, 500, 40))])


def test_odd_sizes(edit: Edit) -> None:
    for width, height in ((1, 1), (3, 400), (333, 77), (1, 3000), (3000, 2)):
        assert pixels(edit, picture(width, height), asks(edit, "make it snow")).shape == (height, width, 3)


def test_no_bar_where_no_terminal_is(edit: Edit, capfd: pytest.CaptureFixture) -> None:
    pixels(edit, picture(), asks(edit, "make it snow", progress=True))
    printed = capfd.readouterr()
    assert printed.out == printed.err == ""


def test_many_and_few_words(edit: Edit) -> None:
    short, long = edit.bridge(["", "snow " * 500])
    assert short.shape == long.shape == edit.condition and torch.isfinite(long).all()
    assert edit.bridge([]) == []


def test_loss_trains_the_condition(edit: Edit) -> None:
    """Gradients reach the vectors, also from a projector whose gate is still 0; the denoiser stays frozen by
    default."""
    torch.manual_seed(1)
    images = [picture(seed=1), picture(64, 96, seed=2)]
    targets = [Image(picture(seed=3)), Image(picture(64, 96, seed=4))]
    bridges, gate = edit.bridge(["make it snow", "at night"]), torch.zeros((), requires_grad=True)
    conditions = [Condition(b + gate * torch.randn(b.shape)) for b in bridges]
    loss = edit.loss(images, conditions, targets)
    loss.backward()
    assert loss.ndim == 0 and torch.isfinite(loss) and gate.grad is not None and gate.grad.abs() > 0
    assert all(p.grad is None for p in edit.pipeline.unet.parameters())


def test_loss_falls() -> None:
    """The denoiser learns where its parameters are asked to."""
    edit = Edit(TINY, "cpu", max_side=64)
    edit.ready()
    edit.pipeline.unet.requires_grad_(True)
    images, targets = [picture(64, 64)], [Image(picture(64, 64, seed=1))]
    conditions = [asks(edit, "make it snow")]
    step = torch.optim.Adam(edit.pipeline.unet.parameters(), 2e-3)
    losses = []
    torch.manual_seed(0)
    for _ in range(30):
        loss = edit.loss(images * 4, conditions * 4, targets * 4)
        step.zero_grad()
        loss.backward()
        step.step()
        losses.append(float(loss.detach()))
    assert np.mean(losses[-5:]) < 0.8 * np.mean(losses[:5])


def test_loss_refuses_other_sizes(edit: Edit) -> None:
    with pytest.raises(ContractError):
        edit.loss([picture()], [asks(edit, "make it snow")], [Image(picture(64, 64))])


def test_missing_weights_say_what_to_do(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    monkeypatch.setenv("VECLINK_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("HF_HOME", str(tmp_path))
    with pytest.raises(WeightsError, match=r"VECLINK_WEIGHTS.*timbrooks/instruct-pix2pix"):
        Edit(None, "cpu").ready()


def test_saved_pipeline_comes_back_and_pickles_do_not(monkeypatch: pytest.MonkeyPatch, tmp_path) -> None:
    """A local folder of safetensors found through VECLINK_WEIGHTS works like the weights it was saved from."""
    folder = tmp_path / "somebody" / "tiny"
    tiny_pipeline().save_pretrained(folder, safe_serialization=True)
    monkeypatch.setenv("VECLINK_WEIGHTS", str(tmp_path))
    loaded, fresh = Edit("somebody/tiny", "cpu", steps=2), Edit(TINY, "cpu", steps=2)
    ours, theirs = (pixels(tool, picture(), asks(tool, "make it snow")) for tool in (loaded, fresh))
    assert np.array_equal(ours, theirs)
    assert len(loaded.models["somebody/tiny"]) == 64
    torch.save(tiny_pipeline().unet.state_dict(), folder / "unet" / "diffusion_pytorch_model.bin")
    (folder / "unet" / "diffusion_pytorch_model.safetensors").unlink()
    with pytest.raises(WeightsError, match="safetensors"):
        Edit("somebody/tiny", "cpu").ready()


@pytest.mark.gpu
def test_half_precision_on_cuda_equals_the_cpu(edit: Edit) -> None:
    gpu = Edit(TINY, "cuda", steps=2, max_side=96)
    image = picture()
    assert gpu.ready().dtype == torch.float16
    ours, theirs = (pixels(tool, image, asks(tool, "make it snow")).astype(int) for tool in (edit, gpu))
    assert np.abs(ours - theirs).mean() <= 3
    loss = gpu.loss([image], [asks(gpu, "make it snow")], [Image(picture(seed=1))])
    assert torch.isfinite(loss)
