"""The loop of an episode as a langgraph graph: plan, act, check, remember, keep.

The graph's state is plain JSON, so that it can be kept as it is; the body, the world and what is open (memory, folder)
travel in the runtime context.
"""

from __future__ import annotations

import logging
import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypedDict

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime

from veclink.agent.embodied.actions import FEARED, Action, Failure, State
from veclink.agent.embodied.body import Body, EpisodeOver, SkillFailed
from veclink.agent.embodied.caution import HUNGRY, relieved
from veclink.agent.embodied.deeds import Doer
from veclink.agent.embodied.goals import DAY, Goal, ImpossibleGoal
from veclink.agent.embodied.guard import Alarm, Guard
from veclink.agent.embodied.items import Item
from veclink.agent.embodied.keep import Folder
from veclink.agent.embodied.knowledge import realm_of
from veclink.agent.embodied.memory import LONGEST_PLAN, Memory
from veclink.agent.embodied.pixels.doer import PixelDoer
from veclink.agent.embodied.planner import ROOM, diagnose, hunts, met, reached
from veclink.agent.embodied.recall import Advice
from veclink.agent.embodied.sense import Past, failure_of
from veclink.agent.embodied.skills import make
from veclink.envs.errors import VeclinkError
from veclink.envs.facts import MOBS

log = logging.getLogger("veclink.agent")
FORGOTTEN = 5000  # steps after which a failure no longer counts
MOST_FAILURES = 60  # kept
MUTED = 300  # steps for which an action that failed and serves no way is left out
PLACE_BOUND = frozenset({"unreachable", "timeout", "no change", "not near"})  # failures that another place may mend
SAME_PLACE, ENOUGH_OF_IT = 12, 3  # blocks; so many failures there, and the body moves on
SPARE_STICKS, SWORD_STONES = 3, 2  # a sword takes one stick; two are for the next tool
LEGS, FAR_LEGS = 2, 4  # walks of 24 blocks by which it moves on, and by which it leaves a place that killed it twice
DEADLY_PLACE = 24  # blocks
IDLE = 5  # actions in a row that failed or changed nothing and led nowhere: then the body gets itself free
STROLL = Action("explore", {"find": "log", "how": "walk"}, {}, "", 300)  # where every action that is left is muted
BRIEF = 3  # steps that count as hardly any
DESPAWN = 5400  # steps after which things left behind by a death are given up
ALARMS = {"night": "night", "air": "unreachable", "game": "game"}
AT_ONCE = frozenset({"attack", "flee", "equip", "eat"})  # actions before which the body does not move on
OUTSIDE = frozenset({"explore", "approach", "mine", "attack", "shear", "milk", "farm", "fish", "fill"})


class Loop(TypedDict):
    """The graph's state.

    Keys:
        plan: actions to come, as dicts. failures: {"step", action, reason, way, object}. over: why it ended, or "".
        actions, replans: so far. idle: failed actions in a row that took no time. muted: words -> step until.
        spent: way -> steps spent on it since it last gave something. trail: way -> actions since then.
        kept: steps at the last checkpoint. fresh: whether a plan must be made.
    """

    plan: list[dict[str, Any]]
    failures: list[dict[str, Any]]
    over: str
    detail: str
    actions: int
    replans: int
    idle: int
    muted: dict[str, int]
    spent: dict[str, int]
    trail: dict[str, list[dict[str, Any]]]
    kept: int
    fresh: bool


def begin() -> Loop:
    """Before anything was done."""
    return Loop(plan=[], failures=[], over="", detail="", actions=0, replans=0, idle=0, muted={}, spent={}, trail={},
                kept=0, fresh=True)


@dataclass
class Crew:
    """What the nodes work with.

    Attributes:
        goals; planner: with `next(state, failures)`. doer: carries actions out. past: what was lived through.
        memory, folder: or None. keep_every: steps between checkpoints, 0 for none.
        world_name, protocol, seed: for the memory.
        leave: walks to be made before the next action.
        told: called after every action with a row for people and files.
        learns: whether the memory is written to. done: the actions that gave what they were for, in order.
        before, outcome, ticks: of the action that is checked. planning: seconds of each plan.
        won: item -> step at which it was first carried.
    """

    goals: tuple[Goal, ...]
    planner: Any
    doer: Doer | PixelDoer
    guard: Guard = field(default_factory=Guard)
    past: Past = field(default_factory=Past)
    memory: Memory | None = None
    folder: Folder | None = None
    keep_every: int = 0
    world_name: str = ""
    protocol: str = "voxels"
    seed: int | None = None
    told: Callable[[dict[str, Any]], None] | None = None
    leave: int = 0
    learns: bool = True
    done: list[dict[str, Any]] = field(default_factory=list)
    before: State | None = None
    current: Action | None = None
    outcome: Failure | None = None
    words: str = ""
    ticks: int = 0
    planning: list[float] = field(default_factory=list)
    won: dict[str, int] = field(default_factory=dict)
    reasons: Counter[str] = field(default_factory=Counter)

    @property
    def body(self) -> Body:
        """The one body."""
        return self.doer.body

    def state(self) -> State:
        """What is known now."""
        return self.doer.state(self.past)


def plan(loop: Loop, runtime: Runtime[Crew]) -> dict[str, Any]:
    """Work out what remains to be done, from the state and from what failed."""
    crew = runtime.context
    state = crew.state()
    if reached(crew.goals, state):
        return {"over": "done", "plan": [], "fresh": False}
    failures = [each for each in loop["failures"] if crew.body.steps - each["step"] < FORGOTTEN][-MOST_FAILURES:]
    began = time.perf_counter()
    try:
        actions = crew.planner.next(state, [_failure(each) for each in failures])
    except ImpossibleGoal as error:
        return {"over": "impossible", "detail": str(error), "plan": [], "fresh": False}
    crew.planning.append(time.perf_counter() - began)
    muted = {words: until for words, until in loop["muted"].items() if until > crew.body.steps}
    audible = [action for action in actions if action.way or muted.get(action.words(), 0) <= crew.body.steps]
    over = "" if audible or actions else "done"
    return {"plan": [action.to_dict() for action in audible], "failures": failures, "muted": muted, "over": over,
            "replans": loop["replans"] + 1, "fresh": False}


def act(loop: Loop, runtime: Runtime[Crew]) -> dict[str, Any]:
    """Carry the next action out; nothing that it does can end the loop but the end of the world or of the steps."""
    crew = runtime.context
    body = crew.body
    action = Action.from_dict(loop["plan"][0]) if loop["plan"] else STROLL
    crew.current, crew.before, crew.outcome, crew.words = action, crew.state(), None, ""
    began, deaths, over = body.steps, body.deaths, ""
    failures = loop["failures"] if action.name in AT_ONCE else moving_on(loop["failures"], body.cell)
    crew.guard.begin(body, "hunt" if game(action) else action.name, shy(action) and not crew.before.underground,
                     hunts(action, crew.before))
    try:
        if loop["idle"] >= IDLE:
            crew.doer.get_free(loop["actions"])
        if crew.leave or failures is not loop["failures"]:
            legs, crew.leave = crew.leave or LEGS, 0
            for _ in range(legs):
                crew.doer.roamer.leg(body, dig=bool(crew.before.underground))
        if action is STROLL:
            crew.doer.roamer.leg(body, action.limit)
        else:
            crew.doer.do(action)
    except SkillFailed as failed:
        crew.outcome, crew.words = failure_of(action, failed), str(failed)
    except Alarm as alarm:
        over = reflex(crew, alarm)
        reason = "died" if body.deaths > deaths else ALARMS.get(alarm.kind, "danger")
        mob = alarm.detail if alarm.kind == "mob" else ""
        crew.outcome, crew.words = Failure(action.name, reason, action.way, mob), str(alarm)
    except EpisodeOver as end:
        over, crew.words = str(end), str(end)
    except VeclinkError:
        raise
    except Exception as fault:  # a fault in a skill costs one action, not the episode
        log.exception("%s failed", action.words())
        crew.outcome, crew.words = Failure(action.name, "no change", action.way), f"fault: {fault!r}"[:200]
        over = wait(body)
    finally:
        crew.guard.end()
    crew.ticks = body.steps - began
    return {"over": over, "plan": loop["plan"][1:], "actions": loop["actions"] + 1, "failures": failures,
            "idle": 0 if loop["idle"] >= IDLE else loop["idle"]}


def shy(action: Action) -> bool:
    """Whether nightfall breaks an action off; one who waits for a field to ripen has a shelter beside it."""
    waits_there = action.name == "farm" and "seed" in action.args and not action.args.get("bone_meal")
    return action.name in OUTSIDE and action.args.get("how") != "dark" and not waits_there


def game(action: Action) -> bool:
    """Whether it is after an animal, which is no fight: night, hunger and what attacks break it off."""
    mob = str(action.args.get("mob", ""))
    return action.name == "attack" and mob in MOBS and not bool(MOBS.hostile[MOBS.id(mob)])


def wait(body: Body) -> str:
    """One step of doing nothing, so that no fault can repeat for ever; why the episode ended in it, or ""."""
    guard, body.guard = body.guard, None
    try:
        body.act()
    except EpisodeOver as end:
        return str(end)
    except SkillFailed:
        pass
    finally:
        body.guard = guard
    return ""


def moving_on(failures: list[dict[str, Any]], cell: tuple[int, int, int]) -> list[dict[str, Any]]:
    """The same list where the body may stay; where too much has failed at this place, one without these places."""
    here = [each for each in failures if each.get("at") and gap(each, cell) <= SAME_PLACE]
    if len(here) < ENOUGH_OF_IT:
        return failures
    return [{**each, "at": None} if each in here else each for each in failures]


def gap(failure: dict[str, Any], cell: tuple[int, int, int]) -> float:
    """Blocks from where an action failed; of what waits at a shaft's foot the height does not matter."""
    x, y, z = failure["at"]
    return math.hypot(x - cell[0], z - cell[2], 0 if failure["reason"] == "danger" else y - cell[1])


def reflex(crew: Crew, alarm: Alarm) -> str:
    """What is done at once, before any planning; why the episode ended meanwhile, or ""."""
    deed = crew.doer.reflex(alarm.kind)
    if deed is None:
        return ""
    crew.guard.end()
    try:
        deed(crew.body)
    except SkillFailed:
        crew.words = f"{alarm.kind}: died"
    except EpisodeOver as end:
        return str(end)
    return ""


def check(loop: Loop, runtime: Runtime[Crew]) -> dict[str, Any]:
    """Hold what came of the action against what was expected, and say why it failed where it did."""
    crew = runtime.context
    action, before = crew.current, crew.before
    assert action is not None and before is not None  # act comes before
    lived(crew, action, before)
    after = crew.state()
    failure = crew.outcome
    if failure is None:
        failure = diagnose(action, before, after, crew.ticks)
    elif failure.reason not in ("died", "danger", "night", "game") and action.expect and met(action, before, after):
        failure = None  # it has what it was for
    crew.outcome = failure
    muted = dict(loop["muted"])
    if arm(crew, after):
        return {"failures": loop["failures"], "muted": muted, "fresh": True, "idle": 0}
    if failure is None:
        failures = [each for each in loop["failures"] if not action.way or each["way"] != action.way
                    or "gain" not in action.expect]
        idle = loop["idle"] + 1 if crew.ticks == 0 and before.stock.counts == after.stock.counts else 0
        anew = action.name == "build" or pressing(crew, after, loop["plan"])  # hours have passed in a shelter
        return {"failures": failures, "idle": idle, "fresh": anew or not loop["plan"]}
    crew.reasons[failure.reason] += 1
    if gained(action, before, after):
        failures = [each for each in loop["failures"] if not action.way or each["way"] != action.way]
        return {"failures": failures, "muted": muted, "fresh": True, "idle": 0}
    if not action.way and failure.reason not in ("died", "night", "danger"):
        muted[action.words()] = crew.body.steps + MUTED
        if action.name in ("attack", "flee"):
            crew.guard.leave_alone(crew.body)
    here = list(crew.body.cell) if failure.reason in PLACE_BOUND or waits(action, failure) else None
    row = {"step": crew.body.steps, "at": here, **failure.to_dict()}
    brief = crew.ticks < BRIEF or (failure.reason == "unreachable" and stayed(before, after))
    return {"failures": [*loop["failures"], row], "muted": muted, "fresh": True,
            "idle": loop["idle"] + 1 if brief else 0}


def stayed(before: State, after: State) -> bool:
    """Whether a body stands where it stood, as far as that is known."""
    known = before.position is not None and after.position is not None
    return known and math.dist(before.position, after.position) < 1  # type: ignore[arg-type]  # both are known


def waits(action: Action, failure: Failure) -> bool:
    """Whether it was broken off by a mob that one runs from, and that is not what one is after: it stays about."""
    kept_off = failure.reason == "danger" and failure.object in FEARED and action.name not in AT_ONCE
    return kept_off and failure.object not in (action.args.get("find"), action.args.get("what"))


def arm(crew: Crew, state: State) -> bool:
    """Make a stone sword at a table that is at hand, where it takes nothing that is scarce; whether one was made."""
    body = crew.body
    if "crafting_table" not in state.near or any(name.endswith("_sword") for name in body.items):
        return False
    deep = body.items["stone_pickaxe"] and any(goal.kind in ("have", "kill") for goal in crew.goals)
    if not deep or body.items["stick"] < SPARE_STICKS or body.items["cobblestone"] < SWORD_STONES:
        return False
    began, index = body.steps, make.craft_index("stone_sword")
    try:
        crew.doer.do(Action("craft", {"item": "stone_sword", "count": 1, "index": index}))
    except (SkillFailed, EpisodeOver):
        return False
    finally:
        crew.ticks += body.steps - began
    return True


def gained(action: Action, before: State, after: State) -> bool:
    """Whether an action that failed did win some of what it was for."""
    return any(after.stock.has(Item.of(item)) > before.stock.has(Item.of(item))
               for item in dict(action.expect.get("gain", {})))


def remember(loop: Loop, runtime: Runtime[Crew]) -> dict[str, Any]:
    """Write down what was done; keep in memory what a way cost and the actions that won it."""
    crew = runtime.context
    action, failure = crew.current, crew.outcome
    assert action is not None  # act comes before
    row = {"number": loop["actions"], "step": crew.body.steps, "ticks": crew.ticks, "action": action.name,
           "args": dict(action.args), "words": action.words(), "outcome": failure.reason if failure else "done",
           "detail": crew.words, "life": crew.body.life, "food": crew.body.food,
           "position": [round(float(v), 2) for v in crew.body.pos], "time": crew.state().time,
           "inventory": dict(crew.body.items)}
    if crew.folder:
        crew.folder.line(row)
    if crew.told:
        crew.told(row)
    if not action.way:
        return {}
    spent, trail = dict(loop["spent"]), {key: list(each) for key, each in loop["trail"].items()}
    spent[action.way] = spent.get(action.way, 0) + crew.ticks
    done = trail.setdefault(action.way, [])
    if failure is None:  # only what worked is worth doing again
        done.append(action.to_dict())
        del done[:-LONGEST_PLAN]
    gain = dict(action.expect.get("gain", {}))
    if failure is None and gain:
        crew.done = [*crew.done, action.to_dict()][-LONGEST_PLAN:]
        _learnt(crew, action, gain, spent.pop(action.way), trail.pop(action.way))
    return {"spent": spent, "trail": trail}


def _learnt(crew: Crew, action: Action, gain: dict[str, int], ticks: int, done: list[dict[str, Any]]) -> None:
    """Memory of a way that gave what it was gone for; an episode goes on without a memory that cannot be written."""
    if crew.memory is None or not crew.learns:
        return
    item, number = next(iter(gain.items()))
    where = {"world": crew.world_name, "protocol": crew.protocol}
    before = crew.before
    conditions = {"biome": before.biome, "underground": bool(before.underground)} if before else {}
    try:
        crew.memory.learn(action.way, ticks, max(1, int(number)), **where)
        crew.memory.remember(item, [Action.from_dict(each) for each in done], count=max(1, int(number)), success=True,
                             cost=ticks, conditions=conditions, seed=crew.seed, **where)
    except (VeclinkError, OSError) as error:
        crew.words = f"memory: {error}"


def keep(loop: Loop, runtime: Runtime[Crew]) -> dict[str, Any]:
    """A checkpoint, where it is time for one."""
    crew = runtime.context
    steps = crew.body.steps
    due = crew.keep_every and steps - loop["kept"] >= crew.keep_every
    if not (due and crew.folder and hasattr(crew.body.world, "save")) or loop["over"]:
        return {}
    kept: Loop = {**loop, "kept": steps}
    crew.folder.save(kept, packed(crew), crew.body.world)
    return {"kept": steps}


def packed(crew: Crew) -> dict[str, Any]:
    """The agent's own state for a checkpoint."""
    body, roamer = crew.body, crew.doer.roamer
    return {
        "json": {
            "steps": body.steps, "deaths": body.deaths, "reward": body.reward, "died_at": body.died_at,
            "past": crew.past.to_dict(), "guard": crew.guard.state(), "reasons": dict(crew.reasons),
            **roamer.state(), "won": crew.won, "leave": crew.leave, "done": crew.done, **_taught(crew.planner),
        },
        **body.known.state(),
    }


def _taught(planner: Any) -> dict[str, Any]:
    """What a planner has from memory, so that an episode that is resumed has the same."""
    inner = getattr(planner, "planner", planner)
    advice = getattr(inner, "advice", None)
    return {"learnt": dict(getattr(inner, "learnt", None) or {}),
            "recalled": {key: list(plan) for key, plan in advice.plans.items()} if advice else {}}


def unpacked(crew: Crew, agent: dict[str, Any], seen: Any) -> None:
    """Go on from `packed`; `seen` is what the restored world shows."""
    body, roamer, told = crew.body, crew.doer.roamer, agent["json"]
    body.known.restore(agent)
    body.steps, body.deaths, body.reward = told["steps"], told["deaths"], told["reward"]
    body.died_at = tuple(told["died_at"]) if told["died_at"] else None
    crew.past, crew.reasons = Past.from_dict(told["past"]), Counter(told["reasons"])
    crew.guard.restore(told["guard"])
    crew.won.update(told["won"])
    crew.leave = told["leave"]
    roamer.restore(told)
    crew.done = told.get("done", [])
    planner = getattr(crew.planner, "planner", crew.planner)
    planner.learnt, planner.advice = told["learnt"], Advice(told.get("recalled"))
    body.take_up(seen)


def lived(crew: Crew, action: Action, before: State) -> None:
    """Bring up to date what no single observation tells: deaths, nights, meals."""
    body, past = crew.body, crew.past
    if crew.outcome and crew.outcome.reason == "died":
        buried(crew)
    elif past.fell_at and (body.steps - past.fell_step > DESPAWN or (
            action.name == "approach" and action.args.get("what") == "drops")):
        past.fell_at = None  # it was gone to, or they are gone
    day, alive = body.info.get("day"), body.info.get("stat", {}).get("time_since_death")
    if alive is not None:  # as MineDojo counts: a death begins anew
        past.days = int(alive) // DAY
    elif day is not None:
        past.first_day = int(day) if past.first_day < 0 else past.first_day
        past.days = int(day) - past.first_day
    if action.name == "sleep" and crew.outcome is None and before.night:
        past.slept += 1
    if action.name == "eat" and crew.outcome is None:
        item = str(action.args["item"])
        past.eaten[item] = past.eaten.get(item, 0) + int(action.args.get("count", 1))


def buried(crew: Crew) -> None:
    """After a death: once one goes back for what was lost; a place that kills twice is left alone."""
    body, past = crew.body, crew.past
    place = body.died_at
    crew.doer.roamer.been.clear()
    if place is None:
        return
    again = any(math.dist(place, grave) <= DEADLY_PLACE for grave in past.graves)
    past.graves.append(list(place))
    past.died_step = body.steps
    past.fell_at, past.fell_step = (None, 0) if again else (place, body.steps)
    if again:
        body.known.forget(place, DEADLY_PLACE)
        body.look_again()
        crew.leave = FAR_LEGS


def pressing(crew: Crew, state: State, plan: list[dict[str, Any]]) -> bool:
    """Whether something came up that the rest of the plan does not see to."""
    following = plan[0]["name"] if plan else ""
    bed = following == "mine" and plan[0]["args"]["block"] == "bed"  # in the morning it is taken along
    if bed or following in ("attack", "flee", "equip", "eat", "sleep", "build"):
        return False
    if crew.guard.dangers(crew.body) or state.free <= ROOM:
        return True
    if following == "explore" and plan[0]["args"].get("how") == "dark" and not state.night:
        return True  # what to do until then
    before = crew.before
    if before is not None and (realm_of(state.biome) != realm_of(before.biome) or relieved(before, state)):
        return True  # another realm, or time to heal
    return before is not None and (state.night != before.night or state.food <= HUNGRY < before.food)


def _failure(row: dict[str, Any]) -> Failure:
    return Failure(row["action"], row["reason"], row["way"], row["object"])


@cache
def graph() -> Any:
    """The compiled graph."""
    build = StateGraph(Loop, context_schema=Crew)
    nodes: dict[str, Any] = {"make_plan": plan, "act": act, "check": check, "remember": remember, "keep": keep}
    for name, node in nodes.items():
        build.add_node(name, node)

    def start(loop: Loop) -> str:
        return END if loop["over"] else "make_plan" if loop["fresh"] else "act"

    build.add_conditional_edges(START, start, ["make_plan", "act", END])
    build.add_conditional_edges("make_plan", lambda loop: END if loop["over"] else "act", ["act", END])
    build.add_edge("act", "check")
    build.add_edge("check", "remember")
    build.add_edge("remember", "keep")
    build.add_conditional_edges("keep", start, ["make_plan", "act", END])
    return build.compile()
