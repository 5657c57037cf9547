"""`veclink play` with the embodied agent: a plan on paper, tasks by name, memory, a language model, the run folder."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from click.testing import CliRunner

from veclink.agent.cli import main
from veclink.agent.embodied.episode import goals_from
from veclink.agent.embodied.goals import Goal, is_judged
from veclink.agent.embodied.memory import Memory

ASKED: list[dict] = []


@pytest.fixture
def endpoint() -> Iterator[str]:
    """A server of OpenAI's protocol whose model always wants to explore."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            ASKED.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
            plan = {"plan": [{"name": "mine", "args": {"block": "log", "item": "log", "count": 1}}]}
            reply = json.dumps({"choices": [{"message": {"content": json.dumps(plan)}}]}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, format: str, *args: object) -> None:
            pass

    ASKED.clear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    server.shutdown()
    server.server_close()


def play(*words: str) -> str:
    done = CliRunner().invoke(main, ["play", *words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_a_plan_on_paper(tmp_path: Path) -> None:
    shown = play("a stone pickaxe", "--plan", "--out", str(tmp_path))
    assert "1 stone_pickaxe: craft from" in shown and "[bold]" not in shown and "craft 1 stone pickaxe" in shown
    tree = json.loads((tmp_path / "tree.json").read_text("utf8"))
    assert tree["needs"][0]["object"] == "stone_pickaxe" and (tmp_path / "tree.png").stat().st_size > 10_000
    document = json.loads(play("harvest_1_log" if is_judged("harvest_1_log") else "get-log", "--plan", "--json"))
    assert document["goals"][0]["object"] == "log" and document["plan"][-1]["args"]["exact"]


def test_goals_from_the_name_of_a_task() -> None:
    assert goals_from("get-cobblestone")[0].object == "cobblestone"
    assert goals_from("make-iron-pickaxe") == (Goal("iron_pickaxe", kind="use"),)
    assert is_judged("kill-cow") and not is_judged("creative:dig a hole") and not is_judged("a diamond")


def test_memory_and_the_run_folder(tmp_path: Path) -> None:
    play("four planks", "--seed", "3", "--steps", "900", "--memory", str(tmp_path / "memory.sqlite"), "--out",
         str(tmp_path / "run"))
    rows = [json.loads(line) for line in (tmp_path / "run" / "actions.jsonl").read_text("utf8").splitlines()]
    assert rows[-1]["action"] == "craft" and rows[-1]["outcome"] == "done"
    assert (tmp_path / "run" / "timeline.png").stat().st_size > 5000
    with Memory(tmp_path / "memory.sqlite") as memory:
        best = {each.object: each for each in memory.best(world="voxel", protocol="voxels")}
        assert best["planks"].plan[-1].name == "craft", "the plan of the whole goal is kept"


def test_a_language_model_plans(endpoint: str) -> None:
    document = json.loads(play("a log", "--seed", "3", "--steps", "900", "--no-save", "--llm", "small", "--llm-url",
                               endpoint, "--llm-queries", "2", "--json"))
    told = document["more"]["agent"]["planner"]
    assert told["planner"] == "llm" and told["model"] == "small" and 1 <= told["queries"] <= told["cap"] == 2
    assert document["success"] and ASKED[0]["model"] == "small"


@pytest.mark.parametrize("words", [("--llm-url", "http://127.0.0.1:9/v1"), ("--player", "random", "--llm", "small"),
                                   ("--player", "scripted", "--memory", "memory.sqlite")])
def test_options_of_the_agent_alone(words: tuple[str, ...]) -> None:
    done = CliRunner().invoke(main, ["play", "a log", *words, "--no-save"])
    assert (done.exit_code != 0 and "leave" in done.output) or "name the model" in done.output
