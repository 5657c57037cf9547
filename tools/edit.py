"""Change a picture as words say: diffusers' InstructPix2Pix, fed vectors in the place of its text features."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from veclink.envs.errors import UnknownName
from veclink.tools.condition import Condition
from veclink.tools.diffusion import SMALL, Settings, denoising_loss, embed_text, open_pipeline, revision, run
from veclink.tools.edit_looks import NEAR, View, joined, looks_at, pointed, told
from veclink.tools.errors import ContractError
from veclink.tools.regions import Region
from veclink.tools.results import Image, Result
from veclink.tools.tool import Tool

if TYPE_CHECKING:
    from torch import Tensor

KEEP = ("auto", "regions", "rest", "nothing")
LEARNED = 2  # closer looks at a picture in one training step
BATCH = 4  # pictures in one run of the pipeline; guidance triples it
SMALLEST = 64  # pixels; below this the denoiser's deepest layers have nothing left to look at
SOFT = 0.01  # width of the soft edge, as a share of the picture's longer side
REACH = {"point": 0.1, "scribble": 0.05}  # how far a point or line means "here", as a share of the shorter side


class Edit(Tool):
    """Instruction editing with the classes of InstructPix2Pix (Brooks, Holynski and Efros, 2023).

    The condition takes the place of the pipeline's `prompt_embeds`: (77, 768) with the public weights. The bridge is
    the pipeline's own tokenizer and text encoder. Without regions the whole picture may change. With regions the
    option `keep` says what stays as it is, to the bit:

    - "rest": what is outside the regions; the edit is blended in inside them, with a soft edge.
    - "regions": what is inside them; everything else is edited.
    - "nothing": the regions are not used.
    - "auto": "regions" where the phrase speaks of the surroundings (see `about_surroundings`), else "rest".

    A point or scribble stands for a disk or a stroke round it, a tenth or a twentieth of the shorter side in radius.

    Options:
        steps: denoising steps. guidance: pull of the instruction. image_guidance: hold of the given picture.
        strength: 0 gives the picture back unchanged; below 1 the run starts from the picture partly noised and takes
            that share of the steps; at 1 it starts from pure noise, as the public weights were trained.
        seed: of the noise; the same seed gives the same picture, alone or in a batch.
        max_side: pixels to which the longer side is scaled down for the edit; the result has the picture's own size
            again.
        keep: see above. progress: a bar on stderr, where that is a terminal.

    Weights: a hub id or local folder with safetensors (never pickles), through VECLINK_WEIGHTS where the hub is out of
    reach; "instruct-pix2pix-tiny-random" is a small pipeline of the same classes that was never trained, for tests.
    "instruct-pix2pix-small-random", or a safetensors file that one was saved to, is the small configuration of
    `veclink.tools.small_edit`, which can be trained whole. It has its own values for options that are not given, a
    `PhraseTable` for a text side, and leaves pixels that the edit does not touch as they were, in pictures larger than
    `max_side` too. Where the condition has a dense part, or regions that it is to keep inside, it is told where what is
    meant is and looks closer at each such place (`veclink.tools.edit_looks`); the public weights have no use for it.

    Args:
        origin: for the untrained small configuration, the published network whose numbers its sight begins with.
    """

    name = "edit"
    description = (
        "Changes the picture itself and gives back a new one: remove, replace, add or recolour things, weather, "
        "light, season, style, background, blur a part; not for finding, counting, outlining or describing."
    )
    examples = (
        "make it snow",
        "turn the car red",
        "remove the lamp post",
        "make it look like a watercolour",
        "put them on a beach",
        "replace the sky with a sunset",
        "blur the faces",
    )
    result = "image"
    defaults = {  # noqa: RUF012 - read only
        "steps": 20,
        "guidance": 7.5,
        "image_guidance": 1.5,
        "strength": 1.0,
        "seed": 0,
        "max_side": 512,
        "keep": "auto",
        "progress": True,
    }
    limits = {  # noqa: RUF012 - read only
        "steps": (1, 1000),
        "guidance": (1, 30),
        "image_guidance": (1, 10),
        "strength": (0, 1),
        "seed": (0, 2**63 - 1),
        "max_side": (SMALLEST, 4096),
    }
    time_limit = 1800.0

    def __init__(self, weights: str | None = None, device: str = "auto", origin: str | None = None,
                 **options: Any) -> None:
        super().__init__(weights, device, **options)
        self.origin = origin
        self.dense = weights == SMALL or str(weights).endswith(".safetensors")

    def setup(self) -> None:
        """Open the pipeline; N and D of the condition are its text encoder's."""
        weights = self.weights or "timbrooks/instruct-pix2pix"
        self.pipeline: Any = open_pipeline(weights, self.device, self.dtype)
        self.pipeline.unet.requires_grad_(False)
        self.small = hasattr(self.pipeline, "composer")
        if self.small:
            from veclink.tools.small_edit import OPTIONS

            self.options |= {name: value for name, value in OPTIONS.items() if name not in self.given}
        self.empty = self._features([""]) * (not self.small)  # zeros are the small one's lack of an instruction
        self.condition = (int(self.empty.shape[1]), int(self.empty.shape[2]))
        self.models = {weights: revision(self.pipeline, weights)}

    def bridge(self, phrases: Sequence[str]) -> list[Tensor]:
        """The pipeline's own text features of each phrase, (77, 768) float32 with the public weights."""
        self.ready()
        with self._lock:
            return list(self._features(phrases)) if phrases else []

    def _features(self, phrases: Sequence[str]) -> Tensor:
        """(n, tokens, width) float32 on the CPU."""
        if not self.small:
            return embed_text(self.pipeline, phrases)
        from veclink.tools.small_edit import embed_words

        return embed_words(self.pipeline, phrases).cpu()

    def decode(self, images: Sequence[np.ndarray], conditions: Sequence[Condition]) -> list[Result]:
        """One picture of the same size a pair; those of like size and settings share a run."""
        self.ready()
        self.check_conditions(images, conditions)
        for image, condition in zip(images, conditions, strict=True):
            for name in self.defaults:
                self.option(name, condition)
            for region in condition.regions:
                region.check(image.shape[1], image.shape[0])
        groups: dict[tuple[Settings, tuple[int, int]], list[View]] = defaultdict(list)
        for number, (image, condition) in enumerate(zip(images, conditions, strict=True)):
            for view in self._views(number, image, condition):
                groups[self._settings(condition), view.size].append(view)
        edited: dict[int, list[tuple[View, np.ndarray]]] = defaultdict(list)
        for (settings, size), members in groups.items():
            for start in range(0, len(members), BATCH):
                chosen = members[start : start + BATCH]
                new = self._run(chosen, [conditions[view.number] for view in chosen], settings, size)
                for view, made in zip(chosen, new, strict=True):
                    edited[view.number].append((view, made))
        return [
            Image(blend(image, _whole(image, edited[i]), self._alpha(image, condition)), condition.phrase)
            for i, (image, condition) in enumerate(zip(images, conditions, strict=True))
        ]

    def loss(self, images: Sequence[np.ndarray], conditions: Sequence[Condition], targets: Sequence[Result]) -> Tensor:
        """The mean squared error of the predicted noise, InstructPix2Pix's own training loss, at random times.

        Gradients reach the conditions' vectors, and the denoiser where its parameters ask for them. The small
        configuration has a loss of its own for all its networks, `veclink.tools.small_edit.training_loss`.

        Args:
            targets: an Image a pair, the picture wanted, of the size of the picture given.

        Raises:
            ContractError: a target is not an Image of that size.
        """
        import torch

        self.ready()
        self.check_conditions(images, conditions)
        groups: dict[tuple[int, int], list[tuple[Tensor, ...]]] = defaultdict(list)
        for number, (image, condition, target) in enumerate(zip(images, conditions, targets, strict=True)):
            if not isinstance(target, Image) or target.pixels.shape != image.shape:
                raise ContractError(
                    f"an Image of {image.shape[1]} x {image.shape[0]} pixels as target",
                    repr(target),
                    "pair each picture with its edited version",
                )
            views = self._views(number, image, condition)
            for view in (views[i] for i in torch.randperm(len(views))[:LEARNED]):
                wanted = target.pixels if view.look is None else view.look.part(target.pixels)
                before, after = (to_tensor([pixels], view.size) for pixels in (view.image, wanted))
                where = told(view, self.pipeline.vae_scale_factor)[None]
                groups[view.size].append((before, after, condition.vectors[None], where))
        pairs = [[torch.cat(part) for part in zip(*group, strict=True)] for group in groups.values()]
        return torch.cat([self._losses(*parts) for parts in pairs]).mean()

    def _losses(self, before: Tensor, after: Tensor, text: Tensor, where: Tensor) -> Tensor:
        """(B,) of pictures of one size."""
        if not self.small:
            return denoising_loss(self.pipeline, before, after, text, self.empty)
        from veclink.tools.small_edit import training_loss

        return training_loss(self.pipeline, before, after, text, where)

    def _views(self, number: int, image: np.ndarray, condition: Condition) -> list[View]:
        """What of a picture is edited in one piece each: the small configuration looks closer where it is told
        where."""
        dense = None
        if self.small:
            inside = covered(condition.regions, *image.shape[1::-1]) if self._kept(condition) == "rest" else None
            dense = condition.dense if inside is None or not inside.any() else pointed(inside)
        looks = looks_at(dense, (image.shape[1], image.shape[0]))
        if not looks:
            return [View(number, image, self._work_size(image, self.option("max_side", condition)), dense)]
        parts = [look.part(image) for look in looks]
        return [View(number, part, self._work_size(part, NEAR, larger=True), dense, look)
                for part, look in zip(parts, looks, strict=True)]

    def networks(self) -> dict[str, Any]:
        """All networks of the small configuration; none of a public pipeline."""
        return self.pipeline.networks() if self.small else {}

    def begin(self, pictures: Sequence[np.ndarray]) -> None:
        """Start where an edit changes little."""
        if self.small:
            from veclink.tools.small_edit import begin

            begin(self.pipeline, pictures, self.origin)

    def save(self, path: Any) -> None:
        """As `Tool.save`.

        Raises:
            ContractError: not the small configuration.
        """
        if not self.small:
            raise ContractError(f"the pipeline {SMALL}", str(self.weights), "save others by their own library")
        from veclink.tools.small_edit import save_pipeline

        save_pipeline(path, self.pipeline)

    @classmethod
    def _checked(cls, options: Mapping[str, Any]) -> dict[str, Any]:
        checked = super()._checked(options)
        if checked.get("keep", "auto") not in KEEP:
            raise UnknownName.of(f"value of {cls.name}.keep", str(checked["keep"]), KEEP)
        return checked

    def _settings(self, condition: Condition) -> Settings:
        names = ("steps", "guidance", "image_guidance", "strength", "progress")
        return Settings(**{name: self.option(name, condition) for name in names})

    def _work_size(self, image: np.ndarray, longest: int, larger: bool = False) -> tuple[int, int]:
        """(width, height) at which a picture is edited, in steps that the autoencoder takes.

        Args:
            longest: pixels of the longer side. larger: whether smaller pictures are scaled up to it.
        """
        height, width = image.shape[:2]
        scale = longest / max(width, height)
        scale = scale if larger else min(1.0, scale)
        step = self.pipeline.vae_scale_factor
        return max(SMALLEST, round(width * scale / step) * step), max(SMALLEST, round(height * scale / step) * step)

    def _run(self, views: Sequence[View], conditions: Sequence[Condition], settings: Settings, size: tuple[int, int]
             ) -> list[np.ndarray]:
        """The edited pictures or parts at their own sizes, (h, w, 3) uint8, before regions are looked at."""
        import torch

        images = [view.image for view in views]
        if settings.strength == 0:
            return images
        text = torch.stack([condition.vectors.detach().float().cpu() for condition in conditions])
        seeds = [self.option("seed", condition) for condition in conditions]
        pictures = to_tensor(images, size)
        if self.small:
            from veclink.tools.small_edit import apply_latents

            with self._lock, torch.no_grad():
                where = torch.stack([told(view, self.pipeline.vae_scale_factor) for view in views])
                new = run(self.pipeline, pictures, text, self.empty, seeds, settings, where)
                return apply_latents(self.pipeline, images, pictures, new)
        with self._lock:
            new = run(self.pipeline, pictures, text, self.empty, seeds, settings)
        pixels = (new * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
        return [resize(edited, (image.shape[1], image.shape[0])) for edited, image in zip(pixels, images, strict=True)]

    def _kept(self, condition: Condition) -> str:
        """The option `keep` with "auto" decided; "nothing" where there are no regions."""
        keep = self.option("keep", condition) if condition.regions else "nothing"
        if keep == "auto":
            return "regions" if about_surroundings(condition.phrase) else "rest"
        return keep

    def _alpha(self, image: np.ndarray, condition: Condition) -> np.ndarray | None:
        """(H, W) float32, the share of the edit in each pixel; None for all of it."""
        keep = self._kept(condition)
        if keep == "nothing":
            return None
        inside = covered(condition.regions, image.shape[1], image.shape[0])
        return soft_edge(inside if keep == "rest" else ~inside)


def _whole(image: np.ndarray, edited: Sequence[tuple[View, np.ndarray]]) -> np.ndarray:
    """The picture made of the edits of its views."""
    if len(edited) == 1 and edited[0][0].look is None:
        return edited[0][1]
    return joined(image, [(view.look, made) for view, made in edited if view.look is not None])


def to_tensor(images: Sequence[np.ndarray], size: tuple[int, int]) -> Tensor:
    """(B, 3, height, width) float32 between 0 and 1 of (H, W, 3) uint8 pictures, scaled to `size` = (width, height)."""
    import torch

    pixels = np.stack([resize(image, size) for image in images])
    return torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255


def resize(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A (H, W, 3) uint8 picture scaled to (width, height); itself where it has that size."""
    from PIL import Image as Pillow

    if (image.shape[1], image.shape[0]) == tuple(size):
        return image
    return np.asarray(Pillow.fromarray(np.ascontiguousarray(image)).resize(size, Pillow.Resampling.LANCZOS))


def covered(regions: Sequence[Region], width: int, height: int) -> np.ndarray:
    """(H, W) bool: what the regions mean together; points and scribbles reach as far as REACH says."""
    shorter = min(width, height)
    masks = [region.as_mask(width, height, max(3.0, REACH.get(region.kind, 0.0) * shorter)) for region in regions]
    return np.logical_or.reduce(masks)


def soft_edge(inside: np.ndarray) -> np.ndarray:
    """(H, W) float32 for a (H, W) bool mask: exactly 0 outside, rising to 1 inside over a few pixels from its edge.

    All of the softness lies inside, so that outside pixels are not touched. A mask thinner than the edge reaches 1 too.
    """
    import cv2

    if inside.all() or not inside.any():
        return inside.astype(np.float32)
    depth = cv2.distanceTransform(inside.astype(np.uint8), cv2.DIST_L2, 5)
    width = min(max(1.0, SOFT * max(inside.shape)), float(depth.max()))
    return np.minimum(depth / width, 1).astype(np.float32)


def blend(image: np.ndarray, edited: np.ndarray, alpha: np.ndarray | None) -> np.ndarray:
    """(H, W, 3) uint8: the picture where alpha is 0, to the bit, the edit where it is 1, a mixture between."""
    if alpha is None:
        return edited
    share = alpha[..., None]
    mixed = np.rint(image * (1 - share) + edited * share).astype(np.uint8)
    return np.where(share > 0, mixed, image)


# -- whether an instruction is about the regions or about what is round them ------------------------------------------


def _any(words: str) -> str:
    """A regular expression for one of the words, which are separated by spaces and may be expressions themselves."""
    return "(?:" + "|".join(words.split()) + ")"


_THING = _any("the them her him it me us you these those this that my his their our your everyone people both")
_WHOSE = _any("the my our his their your all both these those this that")
_ASKED = rf"(?:{_any('please now then and can could would you just')} )*"
_SETTING = re.compile(
    rf"\b(?:{_any('backgrounds? backdrops? surroundings? scenery environment setting')}|everything else"
    r"|(?:the )?rest of (?:the |this )?(?:picture|image|photo|scene)"
    r"|(?:all|everything|anything|everywhere) (?:but|except)"
    rf"|{_any('behind around round surrounding beyond outside')} (?:of )?{_THING})\b"
)
_PLACES = _any(
    "airport alley alps antarctica arctic arena autumn bar barn beach blizzard bridge cafe castle cave church "
    "city classroom clouds? coast countryside court desert dunes farm fields? fog forest garden glacier grass "
    "harbou?r heaven hell hills? hotel ice island jungle kitchen lake lava lawn library london market mars "
    "meadow mist moon moonlight mountains? mountaintop mud museum night nowhere ocean office paris park party "
    "pasture playground pool prairie rain rainforest restaurant river road room ruins runway savannah? school "
    "sea seaside shop shore sky snow snowstorm space spaceship stadium stage station storm street studio "
    "sunset sunshine supermarket swamp temple tokyo tower tundra tunnel venice village volcano water waterfall "
    "winter woods york yard zoo"
)
_PREPOSITION = "in on onto into at inside under underneath by near beside against over above among amid to"
_AT = rf"(?:{_any(_PREPOSITION)}|in front of|next to)"
_AT_PLACE = re.compile(
    rf"(?:^|.*\b){_AT} (?!(?:the |a )?(?:style|manner|spirit|look|colou?rs?)\b)"
    rf"(?:(?:the )?(?:middle|centre|center|top|edge|foot|shore) of )?(?:[\w'-]+ ){{0,3}}{_PLACES}(?: of [\w' -]+)?"
    r"(?: (?:please|instead|now|at night|at sunset|at dawn|by night|in winter|in summer))*$"
)
_MOVE = _any("put place move set send take bring drop transport teleport transfer relocate paste stand seat leave")
_MOVED = re.compile(
    rf"^{_ASKED}{_MOVE}"
    rf" (?:{_any('them him her it me us these those this that both all everyone')}|{_WHOSE}(?: [\w'-]+){{1,4}}?)"
    rf" {_AT} (?!{_any('them him her it me us his their my our its')}\b)(.+)$"
)
_PUT = re.compile(rf"^{_ASKED}{_any('put place stick set')}\b")
_IN_PLACE_VERBS = _any(
    "paint repaint colou?r recolou?r tint dye blur pixelate remove erase delete replace swap sharpen brighten "
    "darken lighten hide censor fix add give dress draw"
)
_IN_PLACE = re.compile(rf"^{_ASKED}{_IN_PLACE_VERBS}\b")
_WORN_WORDS = _any(
    "suits? dress dresses coats? jackets? shirts? t-shirts? hats? caps? clothes clothing costumes? uniforms? "
    "armou?r sweaters? jeans trousers shorts skirts? shoes boots gloves scarf scarves glasses sunglasses "
    "pyjamas pajamas bikinis? gowns? robes? sepia colou?rs? styles? focus red blue green yellow black white "
    "pink purple orange brown gr[ea]y gold silver head face hair hands? fire"
)
_WORN = re.compile(rf"\b{_WORN_WORDS}\b")


def about_surroundings(phrase: str) -> bool:
    """Whether an instruction is about what is round the things pointed at, so that those are to be kept.

    A rule on words, in this order:

    1. It names the setting: "background", "scenery", "surroundings", "behind her", "everything except the dog" -> yes.
    2. It begins with a verb that changes a thing where it is ("paint", "blur", "remove", "replace", "add", ...) -> no.
    3. It moves a definite thing somewhere: "put them in snow", "place the dog on a sofa" -> yes; not where the thing is
       indefinite ("put a hat on him"), and not where the goal is clothing, a colour, a style or a part of the body,
       unless it ends in a known place ("put him in the blue sea").
    4. It ends in a known place after a preposition: "on a beach", "make them stand in the snow" -> yes.
    """
    words = " ".join(re.sub(r"[^\w' -]", " ", phrase.lower()).split())
    if _SETTING.search(words):
        return True
    if _IN_PLACE.match(words):
        return False
    if moved := _MOVED.match(words):
        return bool(_AT_PLACE.match(words)) or not _WORN.search(moved[1])
    return not _PUT.match(words) and bool(_AT_PLACE.match(words))
