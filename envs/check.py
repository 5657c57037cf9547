"""A public check that a world keeps the contract: run it over a world of your own before others use it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces

from veclink.envs.contract import (
    ACTION_SIZES,
    EXTRA_NOOPS,
    EXTRA_TICKS,
    INFO_KEYS,
    Function,
    Slot,
    World,
    noop,
    observation_space,
)
from veclink.envs.errors import InputError, VeclinkError
from veclink.envs.facts import CRAFT_NAMES, ITEMS
from veclink.envs.observe import masks_of, slots_of, totals

REPEATED = 30  # steps of the two runs that must be alike
BAD_ACTIONS: tuple[Any, ...] = ([0, 0, 0, 25, 12, 0, 0, 0], [0, 0, 0], [0.5] * 8, [0, 0, 0, 12, 12, 0, 0, -1], None)


class ContractBroken(VeclinkError):
    """A world that does not do what the contract says."""


def check_world(world: World, steps: int = 200, seed: int = 0) -> None:
    """Play a world at random and compare what it does with the contract.

    Args:
        world: made with its default spaces or others; it is closed at the end.
        steps: random steps. seed: of the world and of the actions.

    Raises:
        ContractBroken: at the first difference, saying where.
    """
    _check_declared(world)
    observation, _ = _check_reset(world, seed)
    rng = np.random.default_rng(seed)
    trail, first_episode = [], True
    for number in range(steps):
        act = _likely(rng, observation)
        observation, over = _check_step(world, observation, act, f"step {number}")
        if first_episode and number < REPEATED:
            trail.append((act, observation))
        if over:
            observation, _ = _pair(world.reset(), "reset")
            _check_contained(world, observation, "reset after the end of an episode")
            first_episode = False
    _check_repeats(world, seed, trail)
    _check_bad_actions(world)
    _check_forbidden(world, rng)
    world.close()
    world.close()


def _broken(expected: str, got: str, do: str) -> ContractBroken:
    return ContractBroken(expected, got, do)


def _check_declared(world: World) -> None:
    """Spaces and the words of the task."""
    if not isinstance(world, World):
        raise _broken("a World", type(world).__name__, "derive it from veclink.envs.contract.World")
    space = world.action_space
    if not isinstance(space, spaces.MultiDiscrete) or tuple(space.nvec.tolist()) != ACTION_SIZES:
        raise _broken(f"the action space MultiDiscrete({list(ACTION_SIZES)})", repr(space), "use ACTION_SPACE")
    declared = world.observation_space
    if not isinstance(declared, spaces.Dict) or "rgb" not in declared.spaces:
        raise _broken("a Dict of observations with rgb", repr(declared), "use observation_space(...)")
    wanted = observation_space(declared["rgb"].shape[1:])  # type: ignore[index]  (an rgb Box has a shape)
    for key, inner in wanted.spaces.items():
        if key not in declared.spaces or declared[key] != inner:
            got = repr(declared.spaces.get(key, "nothing"))
            raise _broken(f"the contract's space for {key!r}", got, "use observation_space(...)")
    extra = sorted(set(declared.spaces) - set(wanted.spaces) - {"voxels", "rays"})
    if extra:
        raise _broken("no observation beside the contract's", ", ".join(extra), "put more into info")
    for word in ("task_id", "task_prompt", "task_guidance"):
        if not isinstance(getattr(world, word), str):
            raise _broken(f"{word} as text", repr(getattr(world, word)), "set it before the first reset")


def _check_reset(world: World, seed: int) -> tuple[dict[str, Any], dict[str, Any]]:
    """Two resets with one seed are alike."""
    first, info = _pair(world.reset(seed=seed), "reset")
    _check_contained(world, first, "reset")
    _check_info(info, "reset")
    _check_masks(first, "reset")
    if world.ticks != 0:
        raise _broken("ticks 0 after reset", str(world.ticks), "count the ticks of the episode")
    again, info = _pair(world.reset(seed=seed), "reset")
    _check_same(first, again, f"two resets with seed {seed}")
    return again, info


def _pair(result: Any, where: str) -> tuple[dict[str, Any], dict[str, Any]]:
    if not (isinstance(result, tuple) and len(result) == 2 and all(isinstance(part, dict) for part in result)):
        raise _broken(f"(observation, info) from {where}", repr(type(result)), "return two dictionaries")
    return result


def _likely(rng: np.random.Generator, observation: Mapping[str, Any]) -> np.ndarray:
    """A random action that the masks allow, its argument too."""
    act = rng.integers(0, ACTION_SIZES).astype(np.int64)
    masks = observation["masks"]
    act[Slot.FUNCTION] = rng.choice(np.flatnonzero(masks["action_type"]))
    if act[Slot.FUNCTION] == Function.CRAFT:
        act[Slot.CRAFT] = rng.choice(np.flatnonzero(masks["craft_smelt"]))
    for function in (Function.EQUIP, Function.PLACE, Function.DESTROY):
        if act[Slot.FUNCTION] == function:
            act[Slot.ITEM] = rng.choice(np.flatnonzero(masks[function.name.lower()]))
    return act


def _check_step(
    world: World, before: Mapping[str, Any], act: np.ndarray, where: str
) -> tuple[dict[str, Any], bool]:
    """One step: its parts, its ticks, its observation. Returns the observation and whether the episode ended."""
    ticks = world.ticks
    result = world.step(act)
    if not (isinstance(result, tuple) and len(result) == 5):
        raise _broken(f"5 things from {where}", repr(type(result)), "return obs, reward, terminated, truncated, info")
    observation, reward, terminated, truncated, info = result
    if not isinstance(reward, float | int) or not np.isfinite(reward):
        raise _broken(f"a finite reward at {where}", repr(reward), "mend the reward")
    if not all(isinstance(flag, bool | np.bool_) for flag in (terminated, truncated)):
        raise _broken(f"two flags at {where}", f"{terminated!r}, {truncated!r}", "return bool")
    _check_contained(world, observation, where)
    _check_info(info, where)
    _check_masks(observation, where)
    over = bool(terminated or truncated)
    function = int(act[Slot.FUNCTION])
    wanted = 1 + (EXTRA_TICKS if function in EXTRA_NOOPS else 0)
    if world.ticks - ticks != wanted and not (over and 1 <= world.ticks - ticks <= wanted):
        name = Function(function).name.lower()
        raise _broken(f"{wanted} ticks for {name} at {where}", str(world.ticks - ticks), "see EXTRA_NOOPS")
    if function == Function.CRAFT and not over:
        _check_crafted(before, observation, int(act[Slot.CRAFT]), where)
    return observation, over


def _check_info(info: Any, where: str) -> None:
    """The keys that tasks judge by."""
    missing = [key for key in INFO_KEYS if not isinstance(info, Mapping) or key not in info]
    if missing:
        raise _broken(f"info with {', '.join(INFO_KEYS)} at {where}", f"no {', '.join(missing)}", "add them")


def _leaves(value: Any, path: str) -> Iterator[tuple[str, np.ndarray]]:
    if isinstance(value, Mapping):
        for key in sorted(value):
            yield from _leaves(value[key], f"{path}.{key}" if path else str(key))
    else:
        yield path, np.asarray(value)


def _check_contained(world: World, observation: Any, where: str) -> None:
    """Every part is in its space; the message names the part."""
    _check_part(world.observation_space, observation, "observation", where)


def _check_part(space: gymnasium.Space[Any], value: Any, path: str, where: str) -> None:
    if isinstance(space, spaces.Dict):
        if not isinstance(value, Mapping) or set(value) != set(space.spaces):
            got = ", ".join(sorted(value)) if isinstance(value, Mapping) else repr(type(value))
            raise _broken(f"{path} with {', '.join(space.spaces)} at {where}", got, "give exactly those keys")
        for key, inner in space.spaces.items():
            _check_part(inner, value[key], f"{path}.{key}", where)
        return
    array = np.asarray(value)
    if array.dtype.kind == "f" and np.isnan(array).any():
        raise _broken(f"no NaN in {path} at {where}", "NaN", "mend the world")
    right_kind = isinstance(value, np.ndarray) and (array.dtype == space.dtype or array.dtype.kind == "U")
    if not right_kind or not space.contains(value):
        got = f"{type(value).__name__} {array.dtype} {array.shape}"
        if array.dtype.kind in "fiu" and array.size:
            got += f", {array.min()} to {array.max()}"
        raise _broken(f"{path} in {space} at {where}", got, "mend the observation or its dtype")


def _check_same(one: Any, other: Any, where: str) -> None:
    for (path, left), (_, right) in zip(_leaves(one, ""), _leaves(other, ""), strict=True):
        if not np.array_equal(left, right):
            raise _broken(f"the same observations from {where}", f"a different {path}", "draw all chance from the seed")


def _check_masks(observation: Mapping[str, Any], where: str) -> None:
    """Masks that follow from the inventory and the tools near.

    Smelting may go on with fire left from the last fuel, which no observation shows: there more may be allowed.
    """
    masks = observation["masks"]
    wanted, warm = masks_of(observation), masks_of(observation, fuel_left=np.inf)
    for key, value in wanted.items():
        given = masks[key]
        if not (((given >= value) & (given <= warm[key])) | (given == value)).all():
            places = np.flatnonzero((given < value) | (given > warm[key]))[:5].tolist()
            got = f"another value at {places}"
            raise _broken(f"true masks.{key} at {where}", got, "use veclink.envs.observe.masks")


def _carried(observation: Mapping[str, Any]) -> np.ndarray:
    items, _, counts = slots_of(observation["inventory"])
    return totals(items, counts)


def _check_crafted(before: Mapping[str, Any], after: Mapping[str, Any], craft: int, where: str) -> None:
    """What the mask allows changes the inventory."""
    allowed = bool(before["masks"]["craft_smelt"][craft])
    if allowed and np.array_equal(_carried(before), _carried(after)):
        raise _broken(f"craft {craft} to work at {where}, as its mask says", "the same inventory", "mend one of them")


def _check_forbidden(world: World, rng: np.random.Generator) -> None:
    """What the mask forbids is not made."""
    observation, _ = world.reset(seed=0)
    for craft in rng.permutation(np.flatnonzero(~observation["masks"]["craft_smelt"]))[:5]:
        act = noop()
        act[Slot.FUNCTION], act[Slot.CRAFT] = Function.CRAFT, craft
        allowed = bool(observation["masks"]["craft_smelt"][craft])
        before, output = _carried(observation), ITEMS.id(CRAFT_NAMES[craft])
        observation, _, terminated, truncated, _ = world.step(act)
        made = int(_carried(observation)[output] - before[output])
        if not allowed and made > 0:
            raise _broken(f"craft {craft} to do nothing, as its mask says", f"{made} made", "mend one of them")
        if terminated or truncated:
            return


def _check_repeats(world: World, seed: int, trail: list[tuple[np.ndarray, dict[str, Any]]]) -> None:
    """The same actions after the same reset give the same observations."""
    world.reset(seed=seed)
    for number, (act, seen) in enumerate(trail):
        observation, _, terminated, truncated, _ = world.step(act)
        _check_same(seen, observation, f"the same {number + 1} actions")
        if terminated or truncated:
            return


def _check_bad_actions(world: World) -> None:
    """An action outside the space is refused with the project's error."""
    world.reset(seed=0)
    for bad in BAD_ACTIONS:
        try:
            world.step(bad)
        except InputError:
            continue
        except Exception as error:
            got = f"{type(error).__name__}: {error}"
            raise _broken(f"an InputError for the action {bad}", got, "use checked_action(...)") from error
        raise _broken(f"an InputError for the action {bad}", "no error", "use checked_action(...)")
