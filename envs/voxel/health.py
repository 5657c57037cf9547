"""Life of the player: damage and armour, air, fire, hunger, effects of food, experience; Minecraft 1.11's rules."""

from __future__ import annotations

import math
from typing import Any

from veclink.envs.facts import ITEMS
from veclink.envs.voxel.inventory import ARMOUR, FEET, Inventory
from veclink.envs.voxel.physics import (
    AT_CACTUS,
    HEAD_IN_WATER,
    IN_FIRE,
    IN_LAVA,
    IN_WALL,
    IN_WATER,
)

MOST_LIFE, MOST_FOOD, LUNGS = 20.0, 20, 300
HURT_TICKS = 10  # after a hit: only what is worse than the last one counts
RED_TICKS = 20
VOID = -64.0  # y below which nothing lives
# Damage of a tick's stay, in half hearts, and fire's ticks.
LAVA_HURTS, FIRE_HURTS, CACTUS_HURTS, WALL_HURTS, DROWN_HURTS, VOID_HURTS = 4.0, 1.0, 1.0, 1.0, 2.0, 4.0
LAVA_BURNS, FIRE_BURNS = 300, 160
SAFE_FALL = 3.0  # blocks
EXHAUSTED, MOST_EXHAUSTION = 4.0, 40.0
# Exhaustion of what one does.
SWIMS, SPRINTS, JUMPS, SPRINT_JUMPS, STRIKES, MINES, SUFFERS, HEALS = 0.01, 0.1, 0.05, 0.2, 0.1, 0.005, 0.1, 6.0
QUICK_HEAL, SLOW_HEAL, STARVE = 10, 80, 80  # ticks
HEALS_FROM = 18  # food points
HUNGER_A_TICK = 0.005  # exhaustion of the effect "hunger"
UNARMOURED = frozenset({"fall", "drown", "onFire", "starve", "inWall", "outOfWorld", "magic", "generic"})
FIERY = frozenset({"lava", "onFire", "inFire"})
DEEPEST = {"easy": 10.0, "normal": 1.0, "hard": 0.0}  # life at which starving stops
# What food does beside filling: chance, effect, ticks, level.
EFFECTS: dict[tuple[str, int], tuple[tuple[float, str, int, int], ...]] = {
    ("rotten_flesh", 0): ((0.8, "hunger", 600, 1),),
    ("spider_eye", 0): ((1.0, "poison", 100, 1),),
    ("poisonous_potato", 0): ((0.6, "poison", 100, 1),),
    ("chicken", 0): ((0.3, "hunger", 600, 1),),
    ("fish", 3): ((1.0, "poison", 1200, 4), (1.0, "hunger", 300, 3)),
    ("golden_apple", 0): ((1.0, "regeneration", 100, 2), (1.0, "absorption", 2400, 1)),
    ("golden_apple", 1): ((1.0, "regeneration", 400, 2), (1.0, "absorption", 2400, 4), (1.0, "resistance", 6000, 1),
                          (1.0, "fire_resistance", 6000, 1)),
}
POISON_EVERY, REGENERATION_EVERY = 25, 50  # ticks, halved with each level
HEALTH_FIELDS = ("life", "food", "saturation", "exhaustion", "air", "fire", "hurt_left", "last_amount", "food_clock",
                 "xp", "alive", "extra_life", "difficulty", "burning_clock")


def after_armour(amount: float, armour: float, toughness: float) -> float:
    """What is left of a blow, in half hearts, by 1.11's formula."""
    points = max(armour / 5, armour - amount / (2 + toughness / 4))
    return amount * (1 - min(20.0, points) / 25)


def level_of(xp: int) -> int:
    """Level by points in all."""
    level = 0
    while xp >= (need := 112 + (level - 30) * 9 if level >= 30 else 37 + (level - 15) * 5 if level >= 15
                 else 7 + level * 2):
        xp, level = xp - need, level + 1
    return level


class Health:
    """The part of the player that lives.

    Attributes:
        life: half hearts, 0..20. food: 0..20. saturation: 0..food. air: ticks, down from 300. fire: ticks left to burn.
        xp: points in all. alive: bool. hurt_left: ticks of redness left, 20 after a hit.
        effects: name -> [ticks left, level].
        damage: the latest damage: cause, amount (half hearts taken off), source (x, y, z) or None, tick; or None.
        difficulty: "peaceful", "easy", "normal" or "hard".
    """

    inventory: Inventory

    def __init__(self, difficulty: str = "normal") -> None:
        self.difficulty = difficulty
        self.effects: dict[str, list[int]] = {}
        self.xp, self.damage = 0, None
        self.revive()

    def revive(self) -> None:
        """Full life, food, air."""
        self.life, self.food, self.saturation, self.exhaustion = MOST_LIFE, MOST_FOOD, 5.0, 0.0
        self.air, self.fire, self.hurt_left, self.last_amount, self.extra_life = LUNGS, 0, 0, 0.0, 0.0
        self.food_clock, self.burning_clock, self.alive = 0, 0, True
        self.effects.clear()
        self.damage: dict[str, Any] | None

    # -- damage --------------------------------------------------------------------------------------------------------

    @property
    def armor(self) -> float:
        """Armour points of what is worn, 0..20."""
        bag = self.inventory
        return float(ITEMS.armor[bag.item[ARMOUR]][bag.count[ARMOUR] > 0].sum())

    @property
    def toughness(self) -> float:
        """Toughness points of what is worn."""
        bag = self.inventory
        return float(ITEMS.toughness[bag.item[ARMOUR]][bag.count[ARMOUR] > 0].sum())

    @property
    def level(self) -> int:
        """Experience level."""
        return level_of(self.xp)

    def hurt(self, amount: float, cause: str, source: Any = None) -> bool:
        """Take life.

        Args:
            amount: half hearts, before armour.
            cause: "fall", "drown", "lava", "onFire", "mob", "arrow", "explosion", "starve", "inWall", "cactus",
                "outOfWorld", "magic".
            source: (x, y, z) from where it came, or None.

        Returns:
            whether it counted: within half a second of another hit only what is worse does.
        """
        if not self.alive or amount <= 0 or (cause in FIERY and "fire_resistance" in self.effects):
            return False
        new = self.hurt_left <= RED_TICKS - HURT_TICKS
        if not new and amount <= self.last_amount:
            return False
        rest = amount if new else amount - self.last_amount
        self.last_amount = amount
        if new:
            self.hurt_left = RED_TICKS
        self._lose(rest, cause, source)
        if new and source is not None:
            self.knocked(source)
        return True

    def _lose(self, amount: float, cause: str, source: Any) -> None:
        """Armour, then life."""
        if cause not in UNARMOURED:
            pieces = after_armour(amount, self.armor, self.toughness)
            for slot in range(FEET, FEET + 4):
                self.inventory.wear(slot, max(1, int(amount / 4)))
            amount = pieces
            self.tire(SUFFERS)
        if "resistance" in self.effects and cause not in ("starve", "outOfWorld"):
            amount *= max(0.0, 1 - 0.2 * self.effects["resistance"][1])
        soaked = min(self.extra_life, amount)
        self.extra_life -= soaked
        self.life = max(0.0, self.life - (amount - soaked))
        place = None if source is None else tuple(float(v) for v in source)
        self.damage = {"cause": cause, "amount": amount, "source": place, "hunger": 0.0 if cause in UNARMOURED
                       else SUFFERS}
        if self.life <= 0:
            self.alive = False

    def knocked(self, source: Any) -> None:
        """A blow's push; the body overrides it."""

    def heal(self, amount: float) -> None:
        """Give life."""
        if self.alive:
            self.life = min(MOST_LIFE, self.life + amount)

    def gain_xp(self, points: int) -> None:
        """Experience."""
        self.xp += max(0, int(points))

    # -- food ----------------------------------------------------------------------------------------------------------

    def tire(self, exhaustion: float) -> None:
        """Work, in exhaustion points: four take a point of saturation, or of food."""
        self.exhaustion = min(MOST_EXHAUSTION, self.exhaustion + exhaustion)

    def feed(self, points: float, saturation: float) -> None:
        """Eat."""
        self.food = int(min(MOST_FOOD, self.food + points))
        self.saturation = min(float(self.food), self.saturation + saturation)

    def affect(self, effect: str, ticks: int, level: int = 1) -> None:
        """Begin an effect, or make it longer or stronger."""
        old = self.effects.get(effect, [0, 0])
        self.effects[effect] = [max(ticks, old[0]), max(level, old[1])]
        if effect == "absorption":
            self.extra_life = max(self.extra_life, 4.0 * level)

    def ate(self, item: int, variant: int, chance: Any) -> None:
        """What a meal does."""
        self.feed(*ITEMS.food_of(item, variant))
        for odds, effect, ticks, level in EFFECTS.get((ITEMS.names[item], variant), ()):
            if odds >= 1 or chance.uniform() < odds:
                self.affect(effect, ticks, level)

    # -- one tick ------------------------------------------------------------------------------------------------------

    def live(self, bits: int, y: float, wet_sky: bool) -> None:
        """One tick of what the place and the body do to life.

        Args:
            bits: `physics.inside` of the body.
            y: of the feet.
            wet_sky: whether rain falls on the body.
        """
        if self.hurt_left > 0:
            self.hurt_left -= 1
        if bits or self.air < LUNGS or y < VOID:
            self._suffer(bits, y)
        if self.fire > 0:
            self._burn(bits, wet_sky)
        if self.effects:
            self._effects()
        self._digest()

    def _suffer(self, bits: int, y: float) -> None:
        if y < VOID:
            self.hurt(VOID_HURTS, "outOfWorld")
        if bits & IN_WALL:
            self.hurt(WALL_HURTS, "inWall")
        if bits & AT_CACTUS:
            self.hurt(CACTUS_HURTS, "cactus")
        if bits & IN_LAVA:
            self.fire = max(self.fire, LAVA_BURNS)
            self.hurt(LAVA_HURTS, "lava")
        elif bits & IN_FIRE and not bits & IN_WATER:
            self.fire = max(self.fire, FIRE_BURNS)
            self.hurt(FIRE_HURTS, "onFire")
        if not bits & HEAD_IN_WATER:
            self.air = LUNGS
            return
        self.air -= 1
        if self.air <= -20:
            self.air = 0
            self.hurt(DROWN_HURTS, "drown")

    def _burn(self, bits: int, wet_sky: bool) -> None:
        if bits & IN_WATER or wet_sky:
            self.fire = 0
            return
        if self.fire % 20 == 0 and not bits & IN_LAVA:
            self.hurt(FIRE_HURTS, "onFire")
        self.fire -= 1

    def _effects(self) -> None:
        for name in list(self.effects):
            left, level = self.effects[name]
            if name == "poison" and left % max(1, POISON_EVERY >> (level - 1)) == 0 and self.life > 1:
                self.hurt(1.0, "magic")
            elif name == "regeneration" and left % max(1, REGENERATION_EVERY >> (level - 1)) == 0:
                self.heal(1.0)
            elif name == "hunger":
                self.tire(HUNGER_A_TICK * level)
            if left <= 1:
                del self.effects[name]
                if name == "absorption":
                    self.extra_life = 0.0
            else:
                self.effects[name][0] = left - 1

    def _digest(self) -> None:
        """Food turns into life, or its want takes it."""
        if self.exhaustion > EXHAUSTED:
            self.exhaustion -= EXHAUSTED
            if self.saturation > 0:
                self.saturation = max(0.0, self.saturation - 1)
            elif self.difficulty != "peaceful":
                self.food = max(0, self.food - 1)
        hurt = 0 < self.life < MOST_LIFE
        if self.food >= MOST_FOOD and self.saturation > 0 and hurt:
            self.food_clock += 1
            if self.food_clock >= QUICK_HEAL:
                share = min(self.saturation, HEALS)
                self.heal(share / HEALS)
                self.tire(share)
                self.food_clock = 0
        elif self.food >= HEALS_FROM and hurt:
            self.food_clock += 1
            if self.food_clock >= SLOW_HEAL:
                self.heal(1.0)
                self.tire(HEALS)
                self.food_clock = 0
        elif self.food <= 0:
            self.food_clock += 1
            if self.food_clock >= STARVE:
                if self.life > DEEPEST.get(self.difficulty, MOST_LIFE):
                    self.hurt(1.0, "starve")
                self.food_clock = 0
        else:
            self.food_clock = 0
        if self.difficulty == "peaceful":
            self.burning_clock += 1
            if self.burning_clock % 20 == 0:
                self.heal(1.0)
            if self.burning_clock % 10 == 0:
                self.food = min(MOST_FOOD, self.food + 1)

    def fell(self, distance: float) -> None:
        """The end of a fall of so many blocks."""
        amount = math.ceil(distance - SAFE_FALL)
        if amount > 0:
            self.hurt(float(amount), "fall")


