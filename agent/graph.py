"""The graph of a run: read, decode in parallel wave by wave, check, answer.

The state holds plain JSON data alone and can be checkpointed after every step; pictures, tools, links and results
travel in the runtime context and are never stored, but for what a resumed run needs: results as JSON, edited pictures
as files.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from langgraph.graph import END, START, StateGraph
from langgraph.runtime import Runtime
from langgraph.types import Send

from veclink.agent.checks import remarks
from veclink.agent.decoding import Deed, decode_wave
from veclink.agent.state import Context, State
from veclink.agent.steps import RouteRecord
from veclink.router.core import Route, Task
from veclink.tools.errors import ContractError
from veclink.tools.results import Image, Result

log = logging.getLogger("veclink.agent")


def read(state: State, runtime: Runtime[Context]) -> dict[str, Any]:
    """The core reads all tasks in one mixed batch."""
    context = runtime.context
    log.info("reading the task")
    began = time.perf_counter()
    readings, routes = [], []
    for number, reading in enumerate(context.core.read(context.tasks)):
        first = len(routes)
        for place, route in enumerate(reading.routes):
            _check_route(route, place, context.tasks[number], context)
            uses = {first + use for use in route.uses}
            if context.tools[route.tool].result == "image":  # one edit is made on top of the one before it
                uses |= {
                    i
                    for i in range(first, len(routes))
                    if routes[i]["image"] == route.image and context.tools[routes[i]["tool"]].result == "image"
                }
            context.links[len(routes)], context.dense[len(routes)] = route.link, route.dense
            routes.append(
                {
                    "task": number,
                    "tool": route.tool,
                    "phrase": route.phrase,
                    "image": route.image,
                    "uses": sorted(uses),
                    "linked": route.link is not None,
                }
            )
        readings.append({"answer": reading.answer, "rejected": reading.rejected})
    for reading in readings:
        reading["seconds"] = (time.perf_counter() - began) / len(readings)
    if context.planned is not None:
        context.planned({**state, "readings": readings, "routes": routes})
    return {"readings": readings, "routes": routes}


def ready(state: State) -> list[int]:
    """Routes that were not decoded yet and whose earlier routes all were."""
    done = {int(key) for key in state["outcomes"]}
    return [i for i, route in enumerate(state["routes"]) if i not in done and set(route["uses"]) <= done]


def fan(state: State) -> list[Send] | str:
    """One Send a tool for the routes that are ready, or on to the check."""
    indices = ready(state)
    if not indices:
        return "check"
    by_tool: dict[str, list[int]] = {}
    for i in indices:
        by_tool.setdefault(state["routes"][i]["tool"], []).append(i)
    wave = len(state["decodes"])
    return [
        Send(
            "decode",
            {
                "tool": tool,
                "indices": mine,
                "routes": state["routes"],
                "wave": wave,
                "outcomes": {str(u): state["outcomes"][str(u)] for i in mine for u in state["routes"][i]["uses"]},
            },
        )
        for tool, mine in by_tool.items()
    ]


def decode(state: Any, runtime: Runtime[Context]) -> dict[str, Any]:
    """One tool decodes all its ready routes in one call; `state` is what its Send carries."""
    context, tool = runtime.context, runtime.context.tools[state["tool"]]
    recall(state["outcomes"], context)
    routes = [state["routes"][i] for i in state["indices"]]
    _read_links_again(state["indices"], state["routes"], context)
    done = decode_wave(tool, state["indices"], routes, state["outcomes"], context)
    outcomes = {str(i): _kept(i, deed, context) for i, deed in zip(state["indices"], done.deeds, strict=True)}
    step = {
        "tool": tool.name,
        "routes": state["indices"],
        "seconds": done.seconds,
        "load": done.load,
        "bridge": done.bridge,
        "link": done.link,
        "error": next((d.error for d in done.deeds if d.error), ""),
    }
    return {"outcomes": outcomes, "decodes": {f"{state['wave']}:{tool.name}": step}}


def check(state: State, runtime: Runtime[Context]) -> dict[str, Any]:
    """Hold what was found against what was asked, task by task."""
    context = runtime.context
    began = time.perf_counter()
    recall(state["outcomes"], context)
    notes: list[list[str]] = []
    for number in range(len(context.tasks)):
        mine = [i for i, route in enumerate(state["routes"]) if route["task"] == number]
        records = [RouteRecord(r["tool"], r["phrase"], r["image"]) for r in (state["routes"][i] for i in mine)]
        results = {k: context.results[i] for k, i in enumerate(mine) if i in context.results}
        skipped = [state["outcomes"][str(i)]["skipped"] for i in mine]
        said = remarks(records, results, context.tasks[number].images)
        notes.append([*said, *dict.fromkeys(s for s in skipped if s)])
    return {"notes": notes, "checked": time.perf_counter() - began}


def _check_route(route: Route, place: int, task: Task, context: Context) -> None:
    """Raise ContractError unless a core's route names a tool at hand, a picture of the task and earlier routes."""
    problem = ""
    if route.tool not in context.tools:
        problem = f"a route to {route.tool}"
    elif task.images and not 0 <= route.image < len(task.images):
        problem = f"a route to picture {route.image} of {len(task.images)}"
    elif not all(0 <= use < place for use in route.uses):
        problem = f"route {place} using {route.uses}"
    if problem:
        tools = ", ".join(context.tools)
        raise ContractError(f"routes among {tools}, each using earlier ones", problem, "mend the core's read()")


def _kept(index: int, deed: Deed, context: Context) -> dict[str, Any]:
    """What the state remembers of one route's outcome; the result itself only where the run can be resumed."""
    kept: dict[str, Any] = {
        "error": deed.error,
        "skipped": deed.skipped,
        "condition": deed.condition,
        "gate": deed.gate,
    }
    if deed.result is not None:
        context.results[index] = deed.result
        if context.folder is not None and isinstance(deed.result, Image):
            kept["file"] = context.folder.write_picture(f"step-{index}.png", deed.result.pixels).name
            kept["words"] = [deed.result.phrase, deed.result.label]
        elif context.folder is not None:
            kept["result"] = deed.result.to_dict()
    return kept


def recall(outcomes: Mapping[str, Any], context: Context) -> None:
    """After a resume: results that were made before the kill come back from the state."""
    for key, kept in outcomes.items():
        if int(key) in context.results:
            continue
        if "file" in kept and context.folder is not None:
            from veclink.agent.pictures import open_picture

            context.results[int(key)] = Image(open_picture(context.folder.path / kept["file"]).pixels, *kept["words"])
        elif "result" in kept:
            context.results[int(key)] = Result.from_dict(kept["result"])


def _read_links_again(indices: Sequence[int], routes: Sequence[Mapping[str, Any]], context: Context) -> None:
    """After a resume: links are not stored, so the core reads the tasks once more."""
    if all(i in context.links or not routes[i]["linked"] for i in indices):
        return
    fresh = [route for reading in context.core.read(context.tasks) for route in reading.routes]
    context.links.update({i: route.link for i, route in enumerate(fresh)})
    context.dense.update({i: route.dense for i, route in enumerate(fresh)})


@cache
def _builder() -> Any:
    graph = StateGraph(State, context_schema=Context)
    graph.add_node("read", read)
    graph.add_node("decode", decode)
    graph.add_node("wave", lambda state: {})  # waits for every decode of a wave
    graph.add_node("check", check)
    graph.add_edge(START, "read")
    graph.add_conditional_edges("read", fan, ["decode", "check"])
    graph.add_edge("decode", "wave")
    graph.add_conditional_edges("wave", fan, ["decode", "check"])
    graph.add_edge("check", END)
    return graph


@cache
def plain_graph() -> Any:
    """The graph without checkpoints, compiled once a process."""
    return _builder().compile()


def checkpointed_graph(saver: Any) -> Any:
    """The graph with a langgraph checkpointer."""
    return _builder().compile(checkpointer=saver)
