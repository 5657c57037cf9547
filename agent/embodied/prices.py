"""What things cost from nothing: the smallest prices that agree with every way to them (a fixed point).

Things are numbered and a way looks only at numbers; where a price falls, the ways that use the thing are looked at
again and no others. With failures and memory prices change with nearly every plan, and are most of its time.
"""

from __future__ import annotations

import math
from collections.abc import Container, Mapping, Sequence
from typing import NamedTuple

NEAR_ENOUGH = 1 - 1e-4  # of a price: one that falls by less is not followed further
MOST = 64  # times each way is looked at, on the mean; prices only fall, so that this is never reached


class Offer(NamedTuple):
    """A way as far as its price goes.

    Attributes:
        key: the way's. ticks: of one go. count: of what it gives.
        gives: numbers of what it gives, all at one price.
        uses: (thing, share of one that a go uses up). tools: things of which the cheapest wears by `wear`.
    """

    key: str
    ticks: float
    count: float
    gives: tuple[int, ...]
    uses: tuple[tuple[int, float], ...]
    tools: tuple[int, ...] | None
    wear: float


class Prices:
    """Settles the prices of some things.

    Args:
        offers: ways to them. things: how many there are; they are numbered from 0.
    """

    def __init__(self, offers: Sequence[Offer], things: int) -> None:
        self.offers, self.things = offers, things
        self.users: list[list[int]] = [[] for _ in range(things)]
        for number, offer in enumerate(offers):
            for thing in {thing for thing, _ in offer.uses} | set(offer.tools or ()):
                self.users[thing].append(number)

    def settle(self, banned: Container[str], learnt: Mapping[str, float]) -> list[float]:
        """Ticks that one of each thing costs; infinite where no way leads to it.

        Args:
            banned: keys of offers that are not taken. learnt: key -> ticks of one go in the place of the offer's.
        """
        cost = [math.inf] * self.things
        ticks = [math.inf if offer.key in banned else learnt.get(offer.key, offer.ticks) for offer in self.offers]
        waiting = set(range(len(self.offers)))
        looked = 0
        while waiting and looked < MOST * len(self.offers):
            looked += len(waiting)
            now, waiting = sorted(waiting), set()
            for number in now:
                offer = self.offers[number]
                price = self._price(offer, ticks[number], cost)
                for thing in offer.gives:
                    if price < cost[thing] * NEAR_ENOUGH:
                        cost[thing] = price
                        waiting.update(self.users[thing])
        return cost

    @staticmethod
    def _price(offer: Offer, ticks: float, cost: Sequence[float]) -> float:
        for thing, share in offer.uses:
            ticks += share * cost[thing]
        if offer.tools is not None:
            ticks += offer.wear * min((cost[thing] for thing in offer.tools), default=math.inf)
        return ticks / offer.count
