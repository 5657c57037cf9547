"""Begin with a published network: its numbers in a network whose first layers have the same shapes.

What it learned from photographs (edges, textures, the looks of animals) then need not be learned anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import cache, partial
from itertools import takewhile
from typing import Any

import torch
from torch import Tensor, nn

from veclink.tools.errors import WeightsError


def trunk(layers: Iterable[nn.Module]) -> nn.ModuleList:
    """The first layers of one of ultralytics' networks, which follow one another: all before the first upsampling."""
    return nn.ModuleList(takewhile(lambda layer: not isinstance(layer, nn.Upsample), layers))


def trunk_of(config: str, layers: int | None = None) -> nn.ModuleList:
    """The trunk of one of ultralytics' configurations ("yolo11n.yaml"), or its first layers, with random numbers.

    Raises:
        WeightsError: no such configuration, or no plain name.
    """
    from ultralytics.nn.tasks import parse_model, yaml_model_load
    from ultralytics.utils.torch_utils import initialize_weights

    from veclink.tools.yolo import config_name, quiet

    name = config_name(config)
    try:
        with quiet():
            found: Any = yaml_model_load(name)
            head = found["head"][:1] if layers is None else []
            model, _ = parse_model({**found, "backbone": found["backbone"][:layers], "head": head}, ch=3, verbose=False)
    except Exception as error:  # ultralytics raises many kinds for a name it does not know
        raise WeightsError("one of ultralytics' configurations, e.g. yolo11n.yaml", f"{config} ({str(error)[:120]})",
                           "mend the name") from error
    initialize_weights(model)
    return trunk(model)


class TrunkMap(nn.Module):
    """The trunk of a configuration, its maps of strides 8, 16 and 32 brought together at one.

    In training its batch norms see the whole batch; in use they are constants.

    Args:
        config: e.g. yolo11n.yaml. size: channels of the map. stride: of the map, 8 or 16 pixels.
        normed: whether batches norm it in training too; small ones had better not.
    """

    def __init__(self, config: str, size: int, stride: int = 16, normed: bool = True) -> None:
        super().__init__()
        self.normed = normed
        self.layers = trunk_of(config).eval()
        fine, middle, coarse = _channels(config)[-3:]
        self.layers.train(normed)
        self.fine = nn.Conv2d(fine, size // 2, 3, stride // 8, 1)
        self.middle = nn.Conv2d(middle, size // 2, 1)
        self.coarse = nn.Conv2d(coarse, size // 2, 1)
        self.outer = nn.Conv2d(3 * (size // 2), size, 1)

    def forward(self, pictures: Tensor) -> Tensor:
        """(B, size, H / stride, W / stride) of pictures (B, 3, H, W) in 0..1; sides are multiples of the stride."""
        return self.joined(self.levels(pictures))

    def joined(self, levels: Sequence[Tensor]) -> Tensor:
        """What `forward` returns, of a picture's `levels`."""
        fine, *others = (layer(level) for layer, level in
                         zip((self.fine, self.middle, self.coarse), levels[-3:], strict=True))
        others = [nn.functional.interpolate(level, fine.shape[-2:]) for level in others]
        return self.outer(torch.cat([fine, *others], 1))

    def train(self, mode: bool = True) -> TrunkMap:
        super().train(mode)
        self.layers.train(mode and self.normed)
        return self

    def levels(self, pictures: Tensor) -> list[Tensor]:
        """The last map of each of the strides 2, 4, 8, 16 and 32."""
        return levels_of(self.layers, pictures)


def levels_of(layers: Iterable[nn.Module], x: Tensor) -> list[Tensor]:
    """The last map of each size that the layers make of (B, C, H, W), the largest first."""
    found: dict[int, Tensor] = {}
    for layer in layers:
        x = layer(x)
        found[x.shape[-1]] = x
    return list(found.values())


@cache
def _channels(config: str) -> tuple[int, ...]:
    """Of each of a configuration's levels; on the CPU, as torch's meta device needs its compiler for a forward pass."""
    with torch.no_grad(), torch.device("cpu"):
        return tuple(level.shape[1] for level in levels_of(trunk_of(config).eval(), torch.zeros(1, 3, 64, 64)))


def begin_with(layers: nn.ModuleList, name: str, pictures: Tensor) -> None:
    """Put the numbers of a published network's trunk into these layers, which then compute what it does.

    It comes with its batch norms folded into the convolutions, and gets them back, normed by the pictures: the same
    function, in the form in which it can be trained on.

    Args:
        layers: the trunk of a network. name: of the published one, e.g. yolo11n.pt.
        pictures: (B, 3, H, W) in 0..1.

    Raises:
        WeightsError: not to be had, or a trunk of other shapes.
    """
    from veclink.tools.yolo import Yolo

    published = trunk(Yolo.load(name, torch.device("cpu"), torch.float32).model.model)
    try:
        hooks = _copied(layers, published)
    except (AttributeError, RuntimeError, KeyError) as error:
        raise WeightsError(f"the trunk of {name}", f"layers of other shapes ({str(error)[:120]})",
                           "name the network of the same configuration") from error
    training = layers.training
    layers.eval()
    with torch.no_grad():
        x = pictures.to(next(layers.parameters()))
        for layer in layers:
            x = layer(x)
    for hook in hooks:
        hook.remove()
    layers.train(training)


def _copied(layers: nn.ModuleList, published: nn.ModuleList) -> list[Any]:
    """Copy the convolutions; hooks that norm the output of each on the next pass."""
    from ultralytics.nn.modules.conv import Conv

    if len(layers) != len(published):
        raise KeyError(f"{len(layers)} layers against {len(published)}")
    theirs: dict[str, Any] = dict(published.named_modules())
    hooks = []
    for name, module in layers.named_modules():
        if isinstance(module, Conv):
            folded = theirs[name].conv
            if folded.weight.shape != module.conv.weight.shape:
                raise RuntimeError(f"{name} {tuple(module.conv.weight.shape)} against {tuple(folded.weight.shape)}")
            module.conv.weight.data.copy_(folded.weight.data)
            hooks.append(module.bn.register_forward_pre_hook(partial(_normed, bias=folded.bias.data)))
    return hooks


def _normed(norm: Any, inputs: tuple[Tensor], bias: Tensor) -> None:
    """Set a batch norm to what it gets now, and so that it adds nothing but the bias."""
    mean, spread = inputs[0].mean((0, 2, 3)), inputs[0].var((0, 2, 3), unbiased=False)
    norm.running_mean.copy_(mean)
    norm.running_var.copy_(spread)
    norm.weight.data.copy_((spread + norm.eps).sqrt())
    norm.bias.data.copy_(mean + bias)
