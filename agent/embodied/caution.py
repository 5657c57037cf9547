"""What life and food a body needs for what it does: when to run, when to fight, when to eat and when to heal first."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from veclink.agent.embodied.actions import ARCHERS, DUELS, FEARED, SHUNNED, Action, Failure, State
from veclink.agent.embodied.items import item_ids
from veclink.agent.embodied.knowledge import SEA, SUNLESS
from veclink.agent.embodied.terms import BUILDING, EARTH
from veclink.envs.facts import ITEMS

WEAK, HUNGRY = 6.0, 14.0  # life to run at; food to eat at
FRAIL = 10.0  # life with which one does not go to a fight hungry and without armour
HEALING = 500  # ticks spent in safety between two fights
WOUNDED = 14.0  # life at which a meal is taken, since life grows back only with food above 17
SIEGE = 5  # failures in a row by danger
FED = 18.0  # food below which life does not grow back


def peckish(life: float, food: float) -> bool:
    """Whether one had better eat: hungry, or wounded and too hungry for life to grow back."""
    return food <= HUNGRY or (life <= WOUNDED and food < FED)


def exposed(state: State) -> bool:
    """Whether the next that comes out of the night may be the end."""
    return state.night and not state.underground and state.life <= WEAK and state.biome not in (*SUNLESS, *SEA)


def worn_out(state: State) -> bool:
    """Whether one had better heal before the next fight: life grows back by itself, a half heart in 80 ticks."""
    return state.life <= WOUNDED - 2 and state.food >= FED and not state.threats


def relieved(before: State, after: State) -> bool:
    """Whether a danger or a hunger is over that kept one from healing, so that there is time to think of it."""
    escaped = bool(before.threats) and not after.threats and after.life <= WEAK
    return escaped or (worn_out(after) and not worn_out(before))


def least(state: State) -> float:
    """Life with which one does not go to a fight hungry."""
    return WEAK if {"chest", "legs"} <= set(state.equipment) else FRAIL


def besieged(failures: Sequence[Failure]) -> bool:
    """Whether one ran again and again and what one ran from is still in the way: then it is struck, as best one can."""
    return len(failures) >= SIEGE and all(failure.reason == "danger" for failure in failures[-SIEGE:])


def can_dig_in(state: State) -> bool:
    """Whether one can shut oneself in at once: with something that digs, and blocks to close the hole with."""
    blocks = sum(number for item, number in state.stock if item.name in BUILDING)
    digs = any(item.name.endswith("_pickaxe") for item, _ in state.stock)
    return digs and blocks >= EARTH and state.position is not None and state.biome not in (*SUNLESS, *SEA)


def danger(state: State, hunted: Collection[str] = (), hides: bool = True) -> list[Action]:
    """Fight, run or hide; what is hunted is not run from by one who is well.

    Args:
        hides: whether one who is weak digs in before archers, where that can be done: it costs less than running.
    """
    if not state.threats:
        return []
    feared = [mob for mob in (*FEARED, *SHUNNED) if mob not in hunted or state.life <= WEAK]
    worst = next((mob for mob in state.threats if mob in feared), state.threats[0])
    blow = Action("attack", {"mob": worst, "count": 1}, {"killed": {worst: 1}}, limit=400)
    sword = any(item.name.endswith("_sword") for item, _ in state.stock)
    to_the_last = sword and len(state.threats) == 1 and worst in DUELS
    if state.life <= WEAK and hides and not set(ARCHERS).isdisjoint(state.threats) and can_dig_in(state):
        return [Action("build", {"what": "shelter", "wait": HEALING}, {}, limit=HEALING + 600)]
    if worst in feared or (state.life <= WEAK and not to_the_last):
        return [Action("flee", {"from": worst}, {"safe": True}, limit=200 if worst in feared else 300)]
    best = max(
        (item.name for item, _ in state.stock if item.name.endswith(("_sword", "_axe", "_pickaxe"))),
        key=lambda name: (name.endswith("_sword"), float(ITEMS.damage[item_ids()[name]]), name),
        default="",
    )
    return [Action("equip", {"item": best}, {"equipped": best}, limit=60), blow] if best else [blow]
