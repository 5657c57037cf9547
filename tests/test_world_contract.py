"""The contract of worlds: spaces, actions by name, masks, changes of the inventory, registry, and the public check."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from counted import calls
from hypothesis import given, settings
from hypothesis import strategies as st

from veclink.envs import registry
from veclink.envs.check import ContractBroken, check_world
from veclink.envs.contract import (
    ACTION_SPACE,
    EXTRA_NOOPS,
    EXTRA_TICKS,
    RAYS,
    SLOTS,
    VOXELS,
    ActionError,
    Function,
    ImageSizeError,
    Slot,
    World,
    action,
    camera_degrees,
    camera_index,
    checked_action,
    craft_index,
    noop,
    observation_space,
)
from veclink.envs.errors import InputError, UnknownName
from veclink.envs.facts import CRAFT_NAMES, ITEMS, SMELT, SMELT_TICKS, TABLE, recipes_for
from veclink.envs.observe import AIR, craftable, delta_inventory, masks, masks_of, totals

SPOKEN = np.array([name.replace("_", " ") for name in ITEMS.names])


class FakeWorld(World):
    """A man with logs and tools in a void: the smallest world that keeps the contract."""

    def __init__(self, **options: Any) -> None:
        super().__init__(image_size=options.pop("image_size", 16), **options)
        self.task_prompt = "carry logs about"
        self.own_seed = 0

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None):
        self.own_seed = self.own_seed + 1 if seed is None else seed
        self.rng = np.random.default_rng(self.own_seed)
        self.items = np.full(SLOTS, AIR)
        self.variants, self.counts = np.zeros(SLOTS, np.int64), np.zeros(SLOTS, np.int64)
        for slot, (name, count) in enumerate((("log", 20), ("stone", 3), ("iron_helmet", 1), ("coal", 9))):
            self.items[slot], self.counts[slot] = ITEMS.id(name), count
        self.ticks, self.before, self.heading = 0, None, 0.0
        self.delta = delta_inventory(None, totals(self.items, self.counts))
        return self.observe(), self.info()

    def step(self, action: Any) -> tuple[dict[str, Any], float, bool, bool, dict[str, Any]]:
        act = self.checked(action)
        before = totals(self.items, self.counts)
        craft = int(act[Slot.CRAFT]) if act[Slot.FUNCTION] == Function.CRAFT else None
        could = craft is not None and bool(self.craftable()[craft])
        self.tick(act)
        for _ in range(EXTRA_TICKS if int(act[Slot.FUNCTION]) in EXTRA_NOOPS else 0):
            self.tick(noop())
        self.delta = delta_inventory(before, totals(self.items, self.counts), craft, could)
        return self.observe(), 0.0, False, False, self.info()

    def checked(self, given: Any) -> np.ndarray:
        return checked_action(given)

    def craftable(self) -> np.ndarray:
        return craftable(self.items, self.variants, self.counts, *self.tools())

    def tools(self) -> tuple[bool, bool]:
        return True, True

    def tick(self, act: np.ndarray) -> None:
        self.ticks += 1
        self.heading = (self.heading + camera_degrees(int(act[Slot.YAW])) + self.rng.uniform(0, 1) + 180) % 360 - 180
        function, slot = Function(int(act[Slot.FUNCTION])), int(act[Slot.ITEM])
        if function is Function.CRAFT:
            self.craft(int(act[Slot.CRAFT]))
        elif function is Function.EQUIP:
            for array in (self.items, self.variants, self.counts):
                array[[0, slot]] = array[[slot, 0]]
        elif function in (Function.DROP, Function.PLACE, Function.DESTROY):
            slot = 0 if function is Function.DROP else slot
            self.take(slot, self.counts[slot] if function is Function.DESTROY else 1)

    def take(self, slot: int, count: int) -> int:
        taken = min(int(self.counts[slot]), int(count))
        self.counts[slot] -= taken
        if not self.counts[slot]:
            self.items[slot], self.variants[slot] = AIR, 0
        return taken

    def craft(self, index: int) -> None:
        if not self.craftable()[index]:
            return
        for recipe in recipes_for(index):
            if all(self.carried(item, variant) >= need for item, variant, need in recipe.ingredients):
                for item, variant, need in recipe.ingredients:
                    for slot in np.flatnonzero(self.fits(item, variant)):
                        need -= self.take(int(slot), need)
                self.add(recipe.output, recipe.variant, recipe.count)
                if index in SMELT:
                    burnt = 0
                    for slot in range(SLOTS):
                        while burnt < SMELT_TICKS and ITEMS.fuel[self.items[slot]]:
                            burnt += int(ITEMS.fuel[self.items[slot]])
                            self.take(slot, 1)
                return

    def fits(self, item: int, variant: int) -> np.ndarray:
        return (self.items == item) & ((self.variants == variant) | (variant < 0)) & (self.counts > 0)

    def carried(self, item: int, variant: int) -> int:
        return int(self.counts[self.fits(item, variant)].sum())

    def add(self, item: int, variant: int, count: int) -> None:
        room = (self.fits(item, variant) & (self.counts + count <= ITEMS.stack[item])) | (self.items == AIR)
        if room.any():
            slot = int(np.flatnonzero(room)[0])
            self.items[slot], self.variants[slot] = item, variant
            self.counts[slot] += count

    def observe(self) -> dict[str, Any]:
        space: Any = self.observation_space
        found: dict[str, Any] = zeros(space)
        found["rgb"][:] = int(self.heading + 180) % 256
        for key, slots in (("inventory", slice(None)), ("equipment", slice(0, 6))):
            found[key]["name"] = SPOKEN[self.items[slots]]
            found[key]["variant"] = self.variants[slots].copy()
            found[key]["quantity"] = self.counts[slots].astype(np.float32)
        found["location_stats"]["yaw"] = np.array([self.heading], np.float32)
        table, furnace = self.tools()
        found["nearby_tools"] = {"table": np.array(table), "furnace": np.array(furnace)}
        found["masks"] = masks(self.items, self.variants, self.counts, table, furnace)
        found["delta_inv"] = self.delta
        return found

    def info(self) -> dict[str, Any]:
        carried = [{"name": ITEMS.names[self.items[slot]], "quantity": int(self.counts[slot]),
                    "variant": int(self.variants[slot]), "index": slot} for slot in range(SLOTS)]
        return {"inventory": carried, "stat": {"kill_entity": {}, "use_item": {"minecraft": {}}}, "xpos": 0.0,
                "ypos": 0.0, "zpos": 0.0, "light_level": 15, "time_since_death": self.ticks, "is_alive": True,
                "is_successful": False}


def zeros(space: Any) -> Any:
    """An observation of nothing."""
    if hasattr(space, "spaces"):
        return {key: zeros(inner) for key, inner in space.spaces.items()}
    if space.dtype == np.str_ or space.dtype is None or np.dtype(space.dtype).kind == "U":
        return np.full(space.shape, "air")
    return np.zeros(space.shape, space.dtype)


@pytest.mark.filterwarnings("ignore:.*Casting input x:UserWarning")  # gymnasium's own samples of shape () are scalars
def test_spaces_are_minedojos():
    assert ACTION_SPACE.nvec.tolist() == [3, 3, 4, 25, 25, 8, 244, 36]
    space: Any = observation_space((160, 256), VOXELS, RAYS)
    assert space["rgb"].shape == (3, 160, 256) and space["rgb"].dtype == np.uint8
    assert set(space.spaces) == {"rgb", "inventory", "equipment", "life_stats", "location_stats", "nearby_tools",
                                 "damage_source", "voxels", "rays", "masks", "delta_inv"}
    assert space["inventory"]["quantity"].shape == (36,) and space["equipment"]["variant"].shape == (6,)
    assert space["inventory"]["quantity"].dtype == np.float32 and space["inventory"]["variant"].dtype == np.int64
    assert len(space["damage_source"].spaces) == 10 and space["voxels"]["block_name"].shape == (3, 3, 3)
    assert space["masks"]["craft_smelt"].shape == (244,) and space["masks"]["action_arg"].shape == (8, 1)
    assert space["rays"]["harvest_level"].dtype == np.int64 and len(space["rays"].spaces) == 16
    sample = space.sample()
    assert space.contains(sample) and not space["inventory"]["name"].contains(np.zeros(36))
    jsonable = space["inventory"]["name"].to_jsonable([sample["inventory"]["name"]])
    assert (space["inventory"]["name"].from_jsonable(jsonable)[0] == sample["inventory"]["name"]).all()
    assert "voxels" not in observation_space(64).spaces
    with pytest.raises(InputError, match="each max at least its min"):
        observation_space(64, {**VOXELS, "xmax": -5})


def test_actions_by_name():
    assert noop().tolist() == [0, 0, 0, 12, 12, 0, 0, 0]
    assert action(forward=1, right=1, jump=1, pitch=-15, yaw=30).tolist() == [1, 2, 1, 11, 14, 0, 0, 0]
    assert action(back=1, function="craft", craft="stick").tolist()[5:7] == [4, CRAFT_NAMES.index("stick")]
    assert action(function=Function.EQUIP, slot=35).tolist()[5:] == [5, 0, 35]
    assert [camera_index(degrees) for degrees in (-180, -7, 0, 8, 180)] == [0, 12, 12, 13, 24]
    assert {int(function) for function in EXTRA_NOOPS} == {2, 4, 5, 6, 7} and EXTRA_TICKS == 2
    for wrong in ({"forward": 1, "back": 1}, {"sneak": 1, "jump": 1}, {"yaw": 200}, {"slot": 36}, {"function": 9}):
        with pytest.raises(ActionError):
            action(**wrong)
    with pytest.raises(UnknownName, match="did you mean 'attack'"):
        action(function="atack")
    with pytest.raises(UnknownName, match="did you mean 'crafting_table'"):
        craft_index("craftingtable")


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(-3, 260), min_size=8, max_size=8))
def test_checked_actions_are_the_space(values: list[int]):
    try:
        assert ACTION_SPACE.contains(checked_action(values))
    except ActionError:
        assert not ACTION_SPACE.contains(np.array(values))


def bag(*stacks: tuple[str, int, int]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    items, variants, counts = np.full(SLOTS, AIR), np.zeros(SLOTS, np.int64), np.zeros(SLOTS, np.int64)
    for slot, (name, variant, count) in enumerate(stacks):
        items[slot], variants[slot], counts[slot] = ITEMS.id(name), variant, count
    return items, variants, counts


def craftables(*stacks: tuple[str, int, int], table: bool = False, furnace: bool = False) -> set[str]:
    return {CRAFT_NAMES[index] for index in np.flatnonzero(craftable(*bag(*stacks), table, furnace))}


def test_what_can_be_crafted():
    assert craftables(("log2", 1, 1)) == {"planks"}  # MineDojo's own mask knows the first recipe only
    assert craftables(("coal", 1, 1), ("stick", 0, 1)) == {"torch"}
    assert "birch_boat" in craftables(("planks", 2, 5), table=True)
    assert "boat" not in craftables(("planks", 2, 5), table=True)
    assert craftables(("planks", 0, 3), ("planks", 2, 1)) >= {"crafting_table", "stick"}
    assert "wooden_pickaxe" in craftables(("planks", 0, 3), ("stick", 0, 2), table=True)
    assert "wooden_pickaxe" not in craftables(("planks", 0, 3), ("stick", 0, 2))
    assert craftables(("iron_ore", 0, 1), furnace=True) == set()  # no fuel
    assert "iron_ingot" in craftables(("iron_ore", 0, 1), ("coal", 0, 1), furnace=True)
    assert craftables(("log", 0, 1), furnace=True) == {"planks"}  # the log itself is no fuel for itself
    assert "coal" in craftables(("log", 0, 2), furnace=True)


def test_masks_by_slot():
    found = masks(*bag(("log", 0, 3), ("iron_helmet", 0, 1), ("stick", 0, 1)), False, False)
    assert np.flatnonzero(found["place"]).tolist() == [0] and np.flatnonzero(found["equip"]).tolist() == [1, 2]
    assert np.flatnonzero(found["destroy"]).tolist() == [0, 1, 2]
    assert found["action_type"].tolist() == [True] * 8
    assert found["action_arg"][:, 0].tolist() == [False] * 4 + [True] * 4
    assert masks(*bag(("iron_helmet", 0, 1)), False, False)["equip"][0]
    empty = masks(*bag(), True, True)
    assert np.flatnonzero(empty["action_type"]).tolist() == [0, 1, 3] and not empty["craft_smelt"].any()
    full = masks(*bag(*[("log", 0, 64)] * SLOTS), True, True)
    assert full["craft_smelt"].any() and not full["action_type"][Function.CRAFT]


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10**6))
def test_masks_agree_with_the_recipes(seed: int):
    """Against a plain search: any recipe whose every ingredient is there in number and variant."""
    rng = np.random.default_rng(seed)
    index = int(rng.integers(0, TABLE.stop))
    recipe = recipes_for(index)[int(rng.integers(len(recipes_for(index))))]
    stacks = [(ITEMS.names[item], max(variant, 0), need - int(rng.integers(0, 2) and rng.integers(0, 2)))
              for item, variant, need in recipe.ingredients]
    items, variants, counts = bag(*stacks)

    def there(item: int, variant: int) -> int:
        return int(counts[(items == item) & ((variants == variant) | (variant < 0))].sum())

    found = craftable(items, variants, counts, True, False)
    for number in range(TABLE.stop):
        wanted = any(all(there(i, v) >= n for i, v, n in r.ingredients) for r in recipes_for(number))
        assert found[number] == wanted, CRAFT_NAMES[number]


def test_changes_of_the_inventory():
    logs, planks = totals(*bag(("log", 0, 3))[::2]), totals(*bag(("log", 0, 2), ("planks", 0, 4))[::2])
    first = delta_inventory(None, logs)
    assert first["inc_name_by_craft"].tolist() == ["air"] and first["dec_quantity_by_other"].tolist() == [0, 0, 0, 0]
    crafted = delta_inventory(logs, planks, craft_index("planks"), True)
    assert crafted["inc_name_by_craft"][0] == "planks" and crafted["inc_quantity_by_craft"][0] == 4
    assert crafted["dec_name_by_craft"].tolist() == ["log", "air", "air", "air"]
    assert crafted["inc_name_by_other"][0] == "air" and crafted["dec_quantity_by_craft"].tolist() == [1, 0, 0, 0]
    found = delta_inventory(logs, planks)
    assert found["inc_name_by_other"][0] == "planks" and found["inc_name_by_craft"][0] == "air"
    assert delta_inventory(logs, planks, craft_index("stick"), False)["dec_name_by_other"][0] == "log"


def test_masks_take_few_calls():
    stacks = bag(("log", 0, 3), ("coal", 1, 2), ("planks", 3, 9))
    masks(*stacks, True, True)
    assert calls(lambda: masks(*stacks, True, True)) < 60  # made every tick, without a loop over the recipes


def test_the_check_passes_a_true_world():
    check_world(FakeWorld(), steps=60)
    check_world(FakeWorld(image_size=(16, 24)), steps=20, seed=3)


class NoTicks(FakeWorld):
    def tick(self, act: np.ndarray) -> None:
        super().tick(act)
        self.ticks = 1


class NoExtraTicks(FakeWorld):
    def step(self, action: Any):
        before = self.ticks
        result = super().step(action)
        self.ticks = before + 1
        return result


class Unseeded(FakeWorld):
    def observe(self) -> dict[str, Any]:
        found = super().observe()
        self.count = getattr(self, "count", 0) + 1
        found["rgb"][0, 0, 0] = self.count % 256
        return found


class DriftingSteps(FakeWorld):
    def tick(self, act: np.ndarray) -> None:
        super().tick(act)
        self.age = getattr(self, "age", 0) + 1
        self.heading = float(self.age % 180)


class NotANumber(FakeWorld):
    def observe(self) -> dict[str, Any]:
        found = super().observe()
        found["life_stats"]["life"] = np.array([np.nan], np.float32)
        return found


class WrongDtype(FakeWorld):
    def observe(self) -> dict[str, Any]:
        found = super().observe()
        found["location_stats"]["yaw"] = found["location_stats"]["yaw"].astype(np.float64)
        return found


class OutOfRange(FakeWorld):
    def observe(self) -> dict[str, Any]:
        found = super().observe()
        found["life_stats"]["food"] = np.array([21.0], np.float32)
        return found


class MoreKeys(FakeWorld):
    def observe(self) -> dict[str, Any]:
        return {**super().observe(), "secret": 1}


class FalseMask(FakeWorld):
    def observe(self) -> dict[str, Any]:
        found = super().observe()
        found["masks"]["destroy"] = ~found["masks"]["destroy"]
        return found


class CraftsNothing(FakeWorld):
    def craft(self, index: int) -> None:
        pass


class CraftsForFree(FakeWorld):
    def craft(self, index: int) -> None:
        self.add(recipes_for(index)[0].output, 0, 1)


class TakesAnyAction(FakeWorld):
    def checked(self, given: Any) -> np.ndarray:
        try:
            return checked_action(given)
        except InputError:
            return noop()


class OwnErrors(FakeWorld):
    def checked(self, given: Any) -> np.ndarray:
        try:
            return checked_action(given)
        except InputError as error:
            raise ValueError("no") from error


class NoInfo(FakeWorld):
    def info(self) -> dict[str, Any]:
        return {}


class FourThings(FakeWorld):
    def step(self, action: Any) -> Any:
        return super().step(action)[:4]


class InfiniteReward(FakeWorld):
    def step(self, action: Any):
        observation, _, terminated, truncated, info = super().step(action)
        return observation, float("inf"), terminated, truncated, info


class OtherActions(FakeWorld):
    def __init__(self) -> None:
        super().__init__()
        self.action_space = type(ACTION_SPACE)([2, 2])


class ClosesOnce(FakeWorld):
    def close(self) -> None:
        if getattr(self, "closed", False):
            raise ContractBroken("a second close that does nothing", "an error", "mend it")
        self.closed = True


@pytest.mark.parametrize(("broken", "message"), [
    (NoTicks, "ticks for"), (NoExtraTicks, "3 ticks for"), (Unseeded, "two resets"),
    (DriftingSteps, "the same .* actions"),
    (NotANumber, "no NaN in observation.life_stats.life"), (WrongDtype, r"observation.location_stats.yaw .*float64"),
    (OutOfRange, "observation.life_stats.food"), (MoreKeys, "secret"), (FalseMask, "true masks.destroy"),
    (CraftsNothing, "to work"), (CraftsForFree, "to do nothing"), (TakesAnyAction, "InputError .* no error"),
    (OwnErrors, "InputError .* ValueError"), (NoInfo, "info with inventory"), (FourThings, "5 things"),
    (InfiniteReward, "a finite reward"), (OtherActions, "the action space"), (ClosesOnce, "second close"),
])  # fmt: skip
def test_the_check_finds(broken: type[FakeWorld], message: str):
    with pytest.raises(ContractBroken, match=message):
        check_world(broken(), steps=60)


@pytest.mark.parametrize("size", [8, (8, 64), (64, 5000), (64,), "64", 64.5, (64, 64.0), None, True])
def test_impossible_image_sizes(size: Any):
    with pytest.raises(ImageSizeError, match="16 to 4096 pixels"):
        registry.make(image_size=size)


class Registered(FakeWorld):
    """A world as the registry calls it."""

    def __init__(self, spec: Any, image_size: Any, seed: int | None, **options: Any) -> None:
        super().__init__(image_size=image_size, **options)
        self.task_id = spec.id


def test_the_registry(monkeypatch: pytest.MonkeyPatch):
    tasks = SimpleNamespace(spec=lambda name: SimpleNamespace(id=name))
    monkeypatch.setitem(__import__("sys").modules, "veclink.envs.tasks", tasks)
    registry.register("void", f"{__name__}:Registered")
    registry.register("broken", "veclink.envs.no_such_module:World")
    registry.register("thing", f"{__name__}:bag")
    try:
        assert {"void", "voxel", "minedojo"} <= set(registry.worlds())
        world = registry.make("harvest", world="void", image_size=32)
        assert world.task_id == "harvest" and world.observation_space["rgb"].shape == (3, 32, 32)  # type: ignore[index]
        with pytest.raises(UnknownName, match="did you mean 'void'"):
            registry.make(world="viod")
        with pytest.raises(registry.WorldError, match="no_such_module"):
            registry.make(world="broken")
        with pytest.raises(registry.WorldError, match="a World class"):
            registry.load("thing")
        with pytest.raises(InputError, match="whole number"):
            registry.make(world="void", seed="one")  # type: ignore[arg-type]
        with pytest.raises(InputError, match="module:Class"):
            registry.register("bad", "no colon")
    finally:
        for name in ("void", "broken", "thing"):
            registry.unregister(name)
    assert "void" not in registry.worlds()


def test_worlds_of_other_distributions(monkeypatch: pytest.MonkeyPatch):
    entry = SimpleNamespace(name="far", value=f"{__name__}:Registered")
    monkeypatch.setattr(registry, "entry_points", lambda group: [entry] if group == "veclink.worlds" else [])
    assert "far" in registry.worlds() and registry.load("far") is Registered


class Mortal(FakeWorld):
    """Its episodes end after 12 steps."""

    def step(self, action: Any):
        observation, reward, _, truncated, info = super().step(action)
        return observation, reward, self.ticks > 12, truncated, info


def test_the_check_goes_on_after_an_episode():
    check_world(Mortal(), steps=50)


def test_masks_of_an_observation():
    world = FakeWorld()
    observation, _ = world.reset(seed=0)
    for key, value in masks_of(observation).items():
        assert (value == observation["masks"][key]).all(), key
