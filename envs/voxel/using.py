"""What using an item does: eating, drawing a bow, buckets, hoes, fire, bone meal, throwing; and placing its block."""

from __future__ import annotations

from typing import Any

import numpy as np

from veclink.envs.facts import BLOCKS, ITEMS
from veclink.envs.voxel import placing
from veclink.envs.voxel.crafting import give
from veclink.envs.voxel.health import MOST_FOOD
from veclink.envs.voxel.physics import DOWN, FACES, LIQUID, UP, WATER, cast

EATING = 32  # ticks
FULL_DRAW, LEAST_DRAW = 20.0, 0.1  # ticks; share of the power below which no arrow flies
ARROW_SPEED = 3.0  # blocks a tick at full draw
PEARL_REST = 20
REACH = 4.5
BOWLS = frozenset({"mushroom_stew", "rabbit_stew", "beetroot_soup"})
ALWAYS_EATEN = frozenset({"golden_apple", "chorus_fruit"})
THROWN = {"snowball": "snowball", "egg": "egg", "ender_pearl": "ender_pearl"}  # item -> shot
ARROWS = tuple(ITEMS.id(name) for name in ("arrow", "spectral_arrow", "tipped_arrow"))
BONE_MEAL, COCOA = 15, 3  # variants of dye
COARSE = 1  # variant of dirt
POURS = {"water_bucket": BLOCKS.id("water"), "lava_bucket": BLOCKS.id("lava")}
DRUNK = {"milk_bucket": "bucket", "potion": "glass_bottle"}  # what is drunk -> what is left
FILLS = {1: "water_bucket", 2: "lava_bucket"}  # BLOCKS.liquid -> item
GRASS, DIRT, FARMLAND, FIRE, PATH = (
    BLOCKS.id(name) for name in ("grass", "dirt", "farmland", "fire", "grass_path"))
LOG, COCOA_POD, TNT = BLOCKS.id("log"), BLOCKS.id("cocoa"), BLOCKS.id("tnt")
JUNGLE = 3
Hit = tuple[int, int, int, int, float]


def held_name(player: Any) -> str:
    """Name of what the main hand holds."""
    bag = player.inventory
    return ITEMS.names[bag.item[player.held]] if bag.count[player.held] else "air"


def lasts(player: Any) -> str:
    """Whether using the held item takes time: "eat", "drink", "draw" or "" (nothing, or nothing to do)."""
    name = held_name(player)
    if name in DRUNK:
        return "drink"
    if name == "bow":
        return "draw" if quiver(player) >= 0 else ""
    if ITEMS.food[ITEMS.id(name)] and (player.food < MOST_FOOD or name in ALWAYS_EATEN):
        return "eat"
    return ""


def quiver(player: Any) -> int:
    """The slot of the next arrow, -1 where there is none."""
    slots = [player.inventory.find(item) for item in ARROWS]
    return next((slot for slot in slots if slot >= 0), -1)


def finish(world: Any, way: str) -> None:
    """The meal is eaten, the milk or the water drunk."""
    player = world.player
    bag, held = player.inventory, player.held
    item, variant = int(bag.item[held]), int(bag.variant[held])
    bag.take(held, 1, "eaten")
    name = ITEMS.names[item]
    if way == "drink":
        if name == "milk_bucket":
            player.effects.clear()
            player.extra_life = 0.0
        _give_back(world, DRUNK[name])
    else:
        player.ate(item, variant, world.chance)
        if name in BOWLS:
            _give_back(world, "bowl")
    world.events.append(("eat", {"item": name}))


def _give_back(world: Any, name: str) -> None:
    """The empty vessel: into the hand where that is free."""
    player, item = world.player, ITEMS.id(name)
    if player.inventory.count[player.held] == 0:
        player.inventory.put(player.held, item, 0, 1, "eaten")
    else:
        give(world, item, 0, 1, "eaten")


def shoot(world: Any, ticks: int) -> bool:
    """Let the bow go after so many ticks."""
    player = world.player
    share = ticks / FULL_DRAW
    power = min(1.0, (share * share + share * 2) / 3)
    slot = quiver(player)
    if power < LEAST_DRAW or slot < 0 or held_name(player) != "bow":
        return False
    item = int(player.inventory.item[slot])
    player.inventory.take(slot, 1, "shot")
    player.inventory.wear(player.held)
    world.shots.throw("arrow", player.eye, player.yaw, player.pitch, speed=power * ARROW_SPEED, item=item)
    return True


def use_on_block(world: Any, hit: Hit) -> bool:
    """Use the held item on a block; whether anything came of it."""
    player = world.player
    name = held_name(player)
    if name.endswith("_hoe"):
        return _till(world, hit)
    if name.endswith("_shovel"):
        return _tread(world, hit)
    if name in ("flint_and_steel", "fire_charge"):
        return _light(world, hit, name)
    if name == "dye":
        return _dye(world, hit)
    if name in ("bucket", "glass_bottle", "waterlily") or name in POURS:
        return False  # these look at liquids too: `use_in_air`
    return placing.place(world, player.held, hit)


def use_in_air(world: Any) -> bool:
    """Use the held item for itself: buckets, bottles, throwing, fishing; whether anything came of it."""
    player = world.player
    name = held_name(player)
    if name in ("bucket", "glass_bottle"):
        return _fill(world, name)
    if name in POURS:
        return _pour(world, name)
    if name == "waterlily":
        return _float(world)
    if name in THROWN:
        if name == "ender_pearl":
            if player.actions.pearl_rest > 0:
                return False
            player.actions.pearl_rest = PEARL_REST
        world.shots.throw(THROWN[name], player.eye, player.yaw, player.pitch)
        player.inventory.take(player.held, 1, "thrown")
        return True
    if name == "fishing_rod":
        return player.actions.fishing.use(world)
    if ITEMS.wearable[ITEMS.id(name)]:
        return player.actions.wear(player, player.held)
    return False


# -- tools on blocks ---------------------------------------------------------------------------------------------------


def _till(world: Any, hit: Hit) -> bool:
    x, y, z, face, _ = hit
    grid, player = world.grid, world.player
    block, meta = grid.get(x, y, z), grid.get_meta(x, y, z)
    if face == DOWN or grid.get(x, y + 1, z) or (block not in (GRASS, PATH) and not (block == DIRT and meta <= COARSE)):
        return False
    if block == DIRT and meta == COARSE:
        grid.set(x, y, z, DIRT)
    else:
        grid.set(x, y, z, FARMLAND)
    player.inventory.wear(player.held)
    return True


def _tread(world: Any, hit: Hit) -> bool:
    x, y, z, face, _ = hit
    grid, player = world.grid, world.player
    if face == DOWN or grid.get(x, y, z) != GRASS or grid.get(x, y + 1, z):
        return False
    grid.set(x, y, z, PATH)
    player.inventory.wear(player.held)
    return True


def _light(world: Any, hit: Hit, name: str) -> bool:
    """Fire in front of the face; a portal where that is in a frame."""
    x, y, z, face, _ = hit
    grid, player = world.grid, world.player
    if grid.get(x, y, z) == TNT and world.rules.use(world, x, y, z, face):
        return True  # that has used the tool
    dx, dy, dz = FACES[face].tolist()
    x, y, z = x + dx, y + dy, z + dz
    if grid.get(x, y, z) != 0 or not grid.loaded(x, z) or not 0 <= y < placing.HEIGHT:
        return False
    portal = getattr(world.rules, "light_portal", None)
    if portal is None or not portal(world, x, y, z):
        around = any(BLOCKS.flammable[grid.get(x + i, y + j, z + k)] for i, j, k in FACES.tolist())
        if not (around or placing.firm_top(grid, x, y - 1, z)):
            return False
        grid.set(x, y, z, FIRE)
    if name == "fire_charge":
        player.inventory.take(player.held, 1, "burnt")
    else:
        player.inventory.wear(player.held)
    return True


def _dye(world: Any, hit: Hit) -> bool:
    """Bone meal makes things grow; cocoa beans are sown on jungle wood."""
    x, y, z, face, _ = hit
    grid, player = world.grid, world.player
    kind = int(player.inventory.variant[player.held])
    if kind == BONE_MEAL:
        if not world.rules.bonemeal(world, x, y, z):
            return False
        player.inventory.take(player.held, 1, "grown")
        return True
    if kind != COCOA or face <= UP or grid.get(x, y, z) != LOG or grid.get_meta(x, y, z) & 3 != JUNGLE:
        return False
    dx, dy, dz = FACES[face].tolist()
    if grid.get(x + dx, y + dy, z + dz) != 0:
        return False
    if not grid.set(x + dx, y + dy, z + dz, COCOA_POD, placing.TO_QUARTER[face ^ 1]):
        return False
    player.inventory.take(player.held, 1, "placed")
    return True


# -- liquids -----------------------------------------------------------------------------------------------------------


def _seen(world: Any, liquids: bool) -> Hit | None:
    player, grid = world.player, world.grid
    hit, x, y, z, face, _ = cast(grid.blocks, grid.meta, grid.bounds, np.array(player.eye), np.array(player.look),
                                 REACH, liquids)
    return (int(x), int(y), int(z), int(face), 0.0) if hit else None


def _exchange(world: Any, name: str, cause: str) -> None:
    """One of the held item becomes another: into the hand where that is free."""
    player, item = world.player, ITEMS.id(name)
    player.inventory.take(player.held, 1, cause)
    if player.inventory.count[player.held] == 0:
        player.inventory.put(player.held, item, 0, 1, cause)
    else:
        give(world, item, 0, 1, cause)


def _fill(world: Any, vessel: str) -> bool:
    hit = _seen(world, True)
    if hit is None:
        return False
    x, y, z = hit[:3]
    liquid = int(LIQUID[world.grid.get(x, y, z)])
    if liquid not in FILLS or world.grid.get_meta(x, y, z) != 0:
        return False
    if vessel == "glass_bottle":  # the spring stays; lava would melt it
        if FILLS[liquid] == "water_bucket":
            _exchange(world, "potion", "scooped")
        return FILLS[liquid] == "water_bucket"
    world.grid.set(x, y, z, 0)
    _exchange(world, FILLS[liquid], "scooped")
    return True


def _pour(world: Any, name: str) -> bool:
    hit = _seen(world, False)
    if hit is None:
        return False
    grid = world.grid
    x, y, z, face, _ = hit
    if not BLOCKS.replaceable[grid.get(x, y, z)]:
        dx, dy, dz = FACES[face].tolist()
        x, y, z = x + dx, y + dy, z + dz
    if BLOCKS.solid[grid.get(x, y, z)] or not grid.loaded(x, z) or not 0 <= y < placing.HEIGHT:
        return False
    if not (BLOCKS.replaceable[grid.get(x, y, z)] or BLOCKS.plant[grid.get(x, y, z)]):
        return False
    grid.set(x, y, z, POURS[name])
    _exchange(world, "bucket", "poured")
    return True


def _float(world: Any) -> bool:
    """Lily pads lie on still water."""
    hit = _seen(world, True)
    if hit is None:
        return False
    grid, player = world.grid, world.player
    x, y, z = hit[:3]
    if LIQUID[grid.get(x, y, z)] != WATER or grid.get(x, y + 1, z) != 0 or not grid.set(x, y + 1, z,
                                                                                        BLOCKS.id("waterlily")):
        return False
    player.inventory.take(player.held, 1, "placed")
    return True

