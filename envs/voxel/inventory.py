"""What the player carries, as arrays; and the book in which every item made or lost is entered.

Slots: 0..35 as MineDojo's (0..8 the hotbar), 36 feet, 37 legs, 38 chest, 39 head, 40 the other hand.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace
from typing import Any

import numpy as np

from veclink.envs.errors import InputError
from veclink.envs.facts import ITEMS

SLOTS, SIZE = 36, 41
FEET, LEGS, CHEST, HEAD, OFFHAND = range(36, 41)
ARMOUR = slice(FEET, OFFHAND)
WORN_AT = {1: FEET, 2: LEGS, 3: CHEST, 4: HEAD, 5: OFFHAND}  # ITEMS.slot -> slot
AIR = ITEMS.air
ANY = -1  # a variant that does not matter
Kind = tuple[int, int]  # item, variant


class Ledger(dict[str, dict[Kind, int]]):
    """Items that came into the world (counts above 0) and went out of it, by cause, item and variant.

    What only changes places, as from a chest into the hand, is not entered.
    """

    def add(self, cause: str, item: int, variant: int, count: int) -> None:
        """Enter so many items, below 0 for lost ones."""
        if count:
            page, kind = self.setdefault(cause, {}), (int(item), int(variant))
            page[kind] = page.get(kind, 0) + int(count)

    def total(self) -> dict[Kind, int]:
        """Items that there should be now, by kind; kinds of which there are none are left out."""
        found: dict[Kind, int] = {}
        for page in self.values():
            for kind, count in page.items():
                found[kind] = found.get(kind, 0) + count
        return {kind: count for kind, count in found.items() if count}

    def state(self) -> dict[str, list[list[int]]]:
        """To be saved."""
        return {cause: [[*kind, count] for kind, count in page.items()] for cause, page in self.items()}

    def restore(self, state: dict[str, list[list[int]]]) -> None:
        """Go on from `state()`."""
        self.clear()
        for cause, page in state.items():
            self[cause] = {(item, variant): count for item, variant, count in page}


class Inventory:
    """A player's 41 slots.

    Methods that make or lose items take a `cause`, under which the ledger enters them; None where the items only come
    from or go to another place of the world.

    Args:
        ledger: the world's; one of its own where none is given.

    Attributes:
        item, variant, count: (41,) int16; an empty slot holds air with count 0.
        durability: (41,) int32, uses left; 0 for what does not wear.
        version: grows with every change.
    """

    def __init__(self, ledger: Ledger | None = None) -> None:
        self.ledger = Ledger() if ledger is None else ledger
        self.item = np.full(SIZE, AIR, np.int16)
        self.variant = np.zeros(SIZE, np.int16)
        self.count = np.zeros(SIZE, np.int16)
        self.durability = np.zeros(SIZE, np.int32)
        self.version = 0

    # -- looking -------------------------------------------------------------------------------------------------------

    def stack(self, slot: int) -> tuple[int, int, int, int]:
        """(item, variant, count, durability left) of a slot; item is air where it is empty."""
        return int(self.item[slot]), int(self.variant[slot]), int(self.count[slot]), int(self.durability[slot])

    def holds(self, item: int, variant: int = ANY) -> int:
        """How many of an item lie in slots 0..35."""
        fits = self.item[:SLOTS] == item
        if variant != ANY:
            fits = fits & (self.variant[:SLOTS] == variant)
        return int(self.count[:SLOTS][fits].sum())

    def find(self, item: int, variant: int = ANY) -> int:
        """The first of slots 0..35 with an item, -1 where there is none."""
        fits = (self.item[:SLOTS] == item) & (self.count[:SLOTS] > 0)
        if variant != ANY:
            fits &= self.variant[:SLOTS] == variant
        found = np.flatnonzero(fits)
        return int(found[0]) if len(found) else -1

    def room(self, item: int, variant: int) -> int:
        """How many more of an item would fit."""
        most = int(ITEMS.stack[item])
        same = (self.item[:SLOTS] == item) & (self.variant[:SLOTS] == variant) & (self.count[:SLOTS] > 0)
        free = self.count[:SLOTS] == 0
        return int((most - self.count[:SLOTS])[same].clip(0).sum()) + most * int(free.sum())

    # -- changing ------------------------------------------------------------------------------------------------------

    def add(self, item: int, variant: int, count: int, cause: str | None = None, durability: int = 0) -> int:
        """Put items where there is room: on stacks of their kind, then into the first empty slots.

        Args:
            item, variant, count: what and how many.
            cause: for the ledger; enters what found room.
            durability: uses left of each; 0: new.

        Returns:
            how many found no room.
        """
        if item == AIR or count <= 0:
            return 0
        most, left = int(ITEMS.stack[item]), int(count)
        if most > 1:
            same = (self.item[:SLOTS] == item) & (self.variant[:SLOTS] == variant) & (self.count[:SLOTS] > 0)
            for slot in np.flatnonzero(same & (self.count[:SLOTS] < most)):
                moved = min(left, most - int(self.count[slot]))
                self.count[slot] += moved
                left -= moved
                if not left:
                    break
        for slot in np.flatnonzero(self.count[:SLOTS] == 0) if left else ():
            moved = min(left, most)
            self._write(int(slot), item, variant, moved, durability or int(ITEMS.durability[item]))
            left -= moved
            if not left:
                break
        if left < count:
            self._enter(cause, item, variant, count - left)
            self.version += 1
        return left

    def take(self, slot: int, count: int, cause: str | None = None) -> int:
        """Take up to so many items out of a slot; how many there were to take."""
        taken = min(int(count), int(self.count[slot]))
        if taken <= 0:
            return 0
        self._enter(cause, int(self.item[slot]), int(self.variant[slot]), -taken)
        if taken == self.count[slot]:
            self._write(slot, AIR, 0, 0, 0)
        else:
            self.count[slot] -= taken
        self.version += 1
        return taken

    def remove(self, item: int, variant: int, count: int, cause: str | None = None) -> int:
        """Take up to so many of an item (ANY variant) out of slots 0..35, the first first; how many were taken."""
        left = int(count)
        while left > 0 and (slot := self.find(item, variant)) >= 0:
            left -= self.take(slot, left, cause)
        return int(count) - left

    def put(self, slot: int, item: int, variant: int, count: int, cause: str | None = None,
            durability: int = 0) -> None:
        """Make a slot hold this and nothing else (what was there is entered as lost); more than a stack is cut off."""
        if not 0 <= slot < SIZE:
            raise InputError(f"a slot from 0 to {SIZE - 1}", str(slot), "choose one of those")
        self.take(slot, SIZE * 64, cause)
        count = min(int(count), int(ITEMS.stack[item]))
        if item != AIR and count > 0:
            self._write(slot, item, variant, count, durability or int(ITEMS.durability[item]))
            self._enter(cause, item, variant, count)
        self.version += 1

    def swap(self, first: int, second: int) -> None:
        """Exchange two slots."""
        if first == second:
            return
        for column in (self.item, self.variant, self.count, self.durability):
            column[first], column[second] = column[second], column[first]
        self.version += 1

    def wear(self, slot: int, uses: int = 1) -> bool:
        """Use a tool or a piece of armour up a little; True where it broke."""
        if self.count[slot] == 0 or not ITEMS.durability[self.item[slot]] or uses <= 0:
            return False
        self.durability[slot] -= uses
        self.version += 1
        if self.durability[slot] > 0:
            return False
        self.take(slot, 1, "broken")
        return True

    def _write(self, slot: int, item: int, variant: int, count: int, durability: int) -> None:
        self.item[slot], self.variant[slot], self.count[slot] = item, variant, count
        self.durability[slot] = durability

    def _enter(self, cause: str | None, item: int, variant: int, count: int) -> None:
        if cause is not None:
            self.ledger.add(cause, item, variant, count)

    # -- saving --------------------------------------------------------------------------------------------------------

    def state(self) -> dict[str, Any]:
        """To be saved."""
        return {name: getattr(self, name).copy() for name in ("item", "variant", "count", "durability")}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state()`."""
        for name in ("item", "variant", "count", "durability"):
            getattr(self, name)[:] = state[name]
        self.version += 1


def counted(places: Iterable[Any]) -> dict[Kind, int]:
    """Items in some places, by kind; a place has arrays `item`, `variant`, `count`, or is an array of DROP records."""
    found: dict[Kind, int] = {}
    for place in places:
        if isinstance(place, np.ndarray):
            place = place[place["alive"]]
            columns = place["item"], place["variant"], place["count"]
        else:
            columns = place.item, place.variant, place.count
        for item, variant, count in zip(*(column.tolist() for column in columns), strict=True):
            if count:
                found[item, variant] = found.get((item, variant), 0) + count
    return found


def places_of(world: Any) -> list[Any]:
    """Everywhere that items of a world can lie: on the player, on the ground, in containers, in a realm left behind."""
    contents = [thing for thing in world.grid.contents.values() if hasattr(thing, "item")]
    places = [world.player.inventory, world.drops.records, *world.drops.parked.values(), *contents]
    for realm in getattr(world, "left_behind", {}).values():
        places += realm["drops"]["parked"].values()
        places += [SimpleNamespace(**box) for box in realm["grid"]["contents"].values()]
    return places


def audit(world: Any, places: Iterable[Any] | None = None) -> dict[str, tuple[int, int]]:
    """Compare the items that there are with the ledger.

    Args:
        world: with `player`, `drops`, `grid` and `ledger`.
        places: all places to count; None: `places_of(world)`.

    Returns:
        what does not agree: "item:variant" -> (there are, there should be). Empty: nothing was made or lost except by
        the rules.
    """
    there, due = counted(places_of(world) if places is None else places), world.ledger.total()
    wrong = [kind for kind in sorted(there.keys() | due.keys()) if there.get(kind, 0) != due.get(kind, 0)]
    return {f"{ITEMS.names[item]}:{variant}": (there.get((item, variant), 0), due.get((item, variant), 0))
            for item, variant in wrong}
