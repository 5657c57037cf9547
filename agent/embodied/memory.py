"""What worked, kept in SQLite: plans by sub-goal, what they cost, and under which conditions.

One file, readable by anything that reads SQLite. Every episode's success or failure is a row; after several successes
the actions that they share become one merged plan. Each write is one transaction, so a process that is killed in the
middle of one leaves the file as it was before. Plans are JSON; what is read back is checked like any other input.
"""

from __future__ import annotations

import json
import sqlite3
import statistics
from collections.abc import Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from veclink.agent.embodied.actions import Action
from veclink.agent.embodied.items import Item
from veclink.envs.errors import InputError, VeclinkError

VERSION = 1
ENOUGH = 3  # successes before their shared actions are merged
MOST_KEPT = 20  # latest successes that a merge looks at
LONGEST_PLAN = 400  # actions
BUSY_SECONDS = 10.0
LIKE = 0.35  # how like a goal must be to be recalled for another
SCHEMA = """
CREATE TABLE IF NOT EXISTS experience (
    id INTEGER PRIMARY KEY, kind TEXT NOT NULL, object TEXT NOT NULL, count INTEGER NOT NULL, world TEXT NOT NULL,
    protocol TEXT NOT NULL, success INTEGER NOT NULL, cost REAL NOT NULL, plan TEXT NOT NULL, conditions TEXT NOT NULL,
    seed INTEGER, episode TEXT);
CREATE INDEX IF NOT EXISTS by_goal ON experience (object, kind, world, protocol, success);
CREATE TABLE IF NOT EXISTS merged (
    kind TEXT NOT NULL, object TEXT NOT NULL, world TEXT NOT NULL, protocol TEXT NOT NULL, successes INTEGER NOT NULL,
    cost REAL NOT NULL, plan TEXT NOT NULL, conditions TEXT NOT NULL, PRIMARY KEY (kind, object, world, protocol));
CREATE TABLE IF NOT EXISTS way (
    key TEXT NOT NULL, world TEXT NOT NULL, protocol TEXT NOT NULL, goes INTEGER NOT NULL, ticks REAL NOT NULL,
    PRIMARY KEY (key, world, protocol));
"""


@dataclass(frozen=True)
class Recollection:
    """A plan that worked.

    Attributes:
        kind, object, count: the goal it was for. plan: its actions. cost: ticks that it took (mean where merged).
        successes: how many episodes it comes from. failures: of that goal in the same world and protocol.
        likeness: 0 to 1, to the goal and conditions asked for. merged: whether it is what several have in common.
    """

    kind: str
    object: str
    count: int
    plan: tuple[Action, ...]
    cost: float
    successes: int
    failures: int
    likeness: float
    merged: bool
    conditions: Mapping[str, Any] = field(default_factory=dict)

    def to_dict(self) -> dict[str, Any]:
        """As JSON can hold it."""
        return {**asdict(self), "plan": [action.to_dict() for action in self.plan]}


class Memory:
    """The memory in one file; made if it is not there.

    Args:
        path: of the file, or ":memory:".

    Raises:
        InputError: the file is something else.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = str(path)
        try:
            if self.path != ":memory:":
                Path(self.path).parent.mkdir(parents=True, exist_ok=True)
            self.base = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None,
                                        check_same_thread=False)  # a player opens it in another thread than it acts in
            version = self.base.execute("PRAGMA user_version").fetchone()[0]
            if version not in (0, VERSION):
                raise InputError(f"a memory of version {VERSION}", f"version {version}", "use another file")
            self.base.execute("PRAGMA journal_mode = WAL")
            self.base.execute("PRAGMA synchronous = FULL")
            self.base.executescript(SCHEMA)
            self.base.execute(f"PRAGMA user_version = {VERSION}")
        except (sqlite3.DatabaseError, OSError) as error:
            raise InputError(
                "a memory file", f"{self.path} ({error})", "give another path, or move that file away"
            ) from error

    def close(self) -> None:
        """Close the file; twice does no harm."""
        self.base.close()

    def __enter__(self) -> Memory:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def remember(
        self,
        object: str,
        plan: Sequence[Action],
        *,
        world: str,
        protocol: str,
        success: bool,
        cost: float,
        kind: str = "have",
        count: int = 1,
        conditions: Mapping[str, Any] | None = None,
        seed: int | None = None,
        episode: str = "",
    ) -> None:
        """Keep what came of a plan.

        Args:
            object, kind, count: the sub-goal.
            world, protocol: "voxel", "voxels" or "pixels": never mixed.
            cost: ticks that it took.
            conditions: as JSON can hold them: "biome", "inventory", "time".
        """
        if len(plan) > LONGEST_PLAN or cost < 0:
            raise InputError(f"up to {LONGEST_PLAN} actions and a cost of 0 or more", f"{len(plan)}, {cost}", "cut it")
        row = (
            kind,
            object,
            count,
            world,
            protocol,
            int(success),
            float(cost),
            _plan(plan),
            _json(conditions or {}),
            seed,
            episode,
        )
        with closing(self.base.cursor()) as cursor:
            cursor.execute("BEGIN IMMEDIATE")
            try:
                cursor.execute(
                    "INSERT INTO experience (kind, object, count, world, protocol, success, cost, plan, conditions,"
                    " seed, episode) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    row,
                )
                if success:
                    self._merge(cursor, kind, object, world, protocol)
                cursor.execute("COMMIT")
            except BaseException:
                cursor.execute("ROLLBACK")
                raise

    def learn(self, key: str, ticks: float, goes: int = 1, *, world: str, protocol: str) -> None:
        """Keep how long a way took, for the choice of ways.

        Args:
            key: of the way. ticks: for all goes together.
        """
        if goes < 1 or ticks < 0:
            raise InputError("at least one go and 0 ticks or more", f"{goes}, {ticks}", "leave it out")
        self.base.execute(
            "INSERT INTO way VALUES (?, ?, ?, ?, ?) ON CONFLICT (key, world, protocol)"
            " DO UPDATE SET goes = goes + excluded.goes, ticks = ticks + excluded.ticks",
            (key, world, protocol, goes, float(ticks)),
        )

    def costs(self, *, world: str, protocol: str, least: int = ENOUGH) -> dict[str, float]:
        """Way key -> mean ticks of one go, for ways gone at least so often (`learnt` of tree and planner)."""
        rows = self.base.execute(
            "SELECT key, ticks / goes FROM way WHERE world = ? AND protocol = ? AND goes >= ? ORDER BY key",
            (world, protocol, least),
        )
        return {str(key): float(ticks) for key, ticks in rows}

    def recall(
        self,
        object: str,
        *,
        world: str,
        protocol: str,
        kind: str = "have",
        conditions: Mapping[str, Any] | None = None,
        limit: int = 5,
    ) -> list[Recollection]:
        """Plans that worked for this or a like goal, the likeliest to help first."""
        found = []
        tables = (
            "SELECT kind, object, 1, plan, cost, successes, conditions, 1 FROM merged WHERE world = ? AND protocol = ?"
            " AND kind = ? UNION ALL SELECT kind, object, count, plan, cost, 1, conditions, 0 FROM experience"
            " WHERE world = ? AND protocol = ? AND kind = ? AND success = 1"
        )
        for row in self.base.execute(tables, (world, protocol, kind) * 2):
            their_kind, theirs, count, plan, cost, successes, where, merged = row
            like = alike(object, theirs)
            if like < LIKE:
                continue
            their_conditions = json.loads(where)
            like *= 0.7 + 0.3 * _same(conditions or {}, their_conditions)
            try:
                actions = tuple(Action.from_dict(each) for each in json.loads(plan))
            except (VeclinkError, ValueError, TypeError):
                continue  # written by another version, or by hand
            lost = self._failures(their_kind, theirs, world, protocol)
            found.append(
                Recollection(
                    their_kind, theirs, count, actions, cost, successes, lost, like, bool(merged), their_conditions
                )
            )
        found.sort(key=lambda each: (-round(each.likeness, 6), not each.merged, each.cost, each.object))
        return found[:limit]

    def best(self, *, world: str, protocol: str) -> list[Recollection]:
        """One plan for each sub-goal of a world: the merged one, else that of the cheapest success."""
        rows = self.base.execute(
            "SELECT kind, object, 1, plan, cost, successes, conditions, 1 FROM merged WHERE world = ? AND protocol = ?"
            " UNION ALL SELECT kind, object, count, plan, MIN(cost / count), 1, conditions, 0 FROM experience"
            " WHERE world = ? AND protocol = ? AND success = 1 GROUP BY kind, object ORDER BY 8 DESC, 1, 2",
            (world, protocol) * 2,
        )
        found: dict[tuple[str, str], Recollection] = {}
        for kind, object, count, plan, cost, successes, where, merged in rows:
            try:
                actions = tuple(Action.from_dict(each) for each in json.loads(plan))
            except (VeclinkError, ValueError, TypeError):
                continue  # written by another version, or by hand
            lost = self._failures(kind, object, world, protocol)
            each = Recollection(kind, object, count, actions, cost, successes, lost, 1.0, bool(merged),
                                json.loads(where))
            found.setdefault((kind, object), each)
        return list(found.values())

    def summary(self) -> list[dict[str, Any]]:
        """A row a goal, world and protocol: successes, failures, mean cost of the successes."""
        rows = self.base.execute(
            "SELECT kind, object, world, protocol, SUM(success), SUM(1 - success),"
            " AVG(CASE success WHEN 1 THEN cost END) FROM experience"
            " GROUP BY kind, object, world, protocol ORDER BY kind, object, world, protocol"
        )
        names = ("kind", "object", "world", "protocol", "successes", "failures", "cost")
        return [dict(zip(names, row, strict=True)) for row in rows]

    def _failures(self, kind: str, object: str, world: str, protocol: str) -> int:
        query = (
            "SELECT COUNT(*) FROM experience WHERE kind = ? AND object = ? AND world = ? AND protocol = ?"
            " AND success = 0"
        )
        return int(self.base.execute(query, (kind, object, world, protocol)).fetchone()[0])

    def _merge(self, cursor: sqlite3.Cursor, kind: str, object: str, world: str, protocol: str) -> None:
        """Keep what the successes have in common, once there are enough."""
        rows = cursor.execute(
            "SELECT plan, cost, conditions FROM experience WHERE kind = ? AND object = ? AND world = ? AND protocol = ?"
            " AND success = 1 ORDER BY id DESC LIMIT ?",
            (kind, object, world, protocol, MOST_KEPT),
        ).fetchall()
        if len(rows) < ENOUGH:
            return
        plans = [json.loads(plan) for plan, _, _ in rows]
        shared = plans[0]
        for other in plans[1:]:
            shared = common(shared, other)
        shared = [_middling(each, plans) for each in shared]
        conditions = [json.loads(where) for _, _, where in rows]
        same = {
            key: value for key, value in conditions[0].items() if all(each.get(key) == value for each in conditions)
        }
        cost = statistics.fmean(cost for _, cost, _ in rows)
        cursor.execute(
            "INSERT OR REPLACE INTO merged VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (kind, object, world, protocol, len(rows), cost, _json(shared), _json(same)),
        )


def common(first: Sequence[dict[str, Any]], second: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The most actions that both plans have in the same order; where counts differ, the larger."""
    lengths = [[0] * (len(second) + 1) for _ in range(len(first) + 1)]
    for i in range(len(first) - 1, -1, -1):
        for j in range(len(second) - 1, -1, -1):
            same = _core(first[i]) == _core(second[j])
            lengths[i][j] = lengths[i + 1][j + 1] + 1 if same else max(lengths[i + 1][j], lengths[i][j + 1])
    shared, i, j = [], 0, 0
    while i < len(first) and j < len(second):
        if _core(first[i]) == _core(second[j]):
            shared.append(max(first[i], second[j], key=lambda each: each.get("args", {}).get("count", 0)))
            i, j = i + 1, j + 1
        elif lengths[i + 1][j] >= lengths[i][j + 1]:
            i += 1
        else:
            j += 1
    return shared


def _middling(action: dict[str, Any], plans: Sequence[Sequence[dict[str, Any]]]) -> dict[str, Any]:
    """An action at the middle of the heights that it had in several plans."""
    args = action.get("args", {})
    if "y" not in args:
        return action
    core = _core(action)
    heights = [y for plan in plans for each in plan
               if _core(each) == core and isinstance(y := each.get("args", {}).get("y"), int)]
    return {**action, "args": {**args, "y": int(statistics.median_low(heights))}} if heights else action


def alike(first: str, second: str) -> float:
    """How alike two goals are by name: 1 the same, less for the same thing of another material or kind."""
    if first == second:
        return 1.0
    one, two = Item.of(first).name, Item.of(second).name
    if one == two:
        return 0.9
    mine, theirs = set(one.split("_")), set(two.split("_"))
    return 0.8 * len(mine & theirs) / len(mine | theirs)


def _same(mine: Mapping[str, Any], theirs: Mapping[str, Any]) -> float:
    """The share of the conditions that agree; what one side does not say agrees by half."""
    keys = set(mine) | set(theirs)
    if not keys:
        return 1.0
    return sum(0.5 if key not in mine or key not in theirs else float(mine[key] == theirs[key]) for key in keys) / len(
        keys
    )


def _core(action: Mapping[str, Any]) -> tuple[str, str]:
    """What makes two actions the same: the name and what it is about, not how many or how far."""
    args = action.get("args", {})
    about = {key: args[key] for key in ("item", "block", "mob", "find", "what", "how", "from") if key in args}
    return str(action.get("name")), _json(about)


def _plan(plan: Iterable[Action]) -> str:
    return _json([action.to_dict() for action in plan])


def _json(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"))
