"""The language model as a planner that is never trusted: one that breaks, hangs, loops or talks nonsense."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from veclink.agent.embodied.actions import ACTIONS, Failure, State
from veclink.agent.embodied.goals import Goal
from veclink.agent.embodied.llm import ChatError, EndpointChat, LLMPlanner, TransformersChat, read_plan
from veclink.agent.embodied.planner import Planner
from veclink.envs.errors import InputError, VeclinkError


class Endpoint(ThreadingHTTPServer):
    """A small server of the chat protocol that answers what it is told to."""

    daemon_threads = True

    def __init__(self, answer: Callable[[dict[str, Any]], Any]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer, self.asked, self.keys = answer, [], []
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/v1"


class Handler(BaseHTTPRequestHandler):
    server: Endpoint  # pyright: ignore[reportIncompatibleVariableOverride]  # the one class that uses it

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(body)
        self.server.keys.append(self.headers.get("Authorization"))
        answer = self.server.answer(body)
        status, content = answer if isinstance(answer, tuple) else (200, answer)
        reply = json.dumps({"choices": [{"message": {"role": "assistant", "content": content}}]}).encode()
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "http://127.0.0.1:9/v1")
        self.end_headers()
        self.wfile.write(reply)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def serve() -> Iterator[Callable[[Callable[[dict[str, Any]], Any]], Endpoint]]:
    servers: list[Endpoint] = []

    def start(answer: Callable[[dict[str, Any]], Any]) -> Endpoint:
        servers.append(Endpoint(answer))
        return servers[-1]

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


GOOD = json.dumps({"thought": "wood", "plan": [{"name": "explore", "args": {"find": "log", "how": "walk"}}]})


def test_endpoint_plans_and_its_key(serve, monkeypatch) -> None:
    monkeypatch.setenv("TEST_KEY", "sesame")
    server = serve(lambda body: f"Sure!\n```json\n{GOOD}\n```")
    planner = LLMPlanner(Goal("log"), EndpointChat(server.url, "some-model", "TEST_KEY"), seconds=5)
    failure = Failure("explore", "not near", "mine:log>log", "log")
    plan = planner.next(State({"dirt": 3}), [failure])
    assert [(a.name, a.args["find"], a.expect) for a in plan] == [("explore", "log", {"near": "log"})]
    assert server.keys == ["Bearer sesame"]
    asked = json.dumps(server.asked)
    assert "not near" in asked and "dirt" in asked and server.asked[0]["response_format"]["type"] == "json_schema"
    result = planner.result()
    assert (result["queries"], result["cap"], result["fallbacks"]) == (1, 40, 0)
    assert "sesame" not in json.dumps(result)


def test_endpoint_repair_then_fall_back(serve) -> None:
    answers = ['{"plan": [{"name": "mine", "args": {"block": "rubyore", "item": "log", "count": 1}}]}', GOOD]
    server = serve(lambda body: answers[min(len(server.asked) - 1, 1)])
    planner = LLMPlanner(Goal("log"), EndpointChat(server.url, "m"), seconds=5)
    assert planner.next(State())[0].name == "explore"
    assert (planner.queries, planner.repairs, planner.fallbacks) == (2, 1, 0)
    assert "rubyore" in server.asked[1]["messages"][-1]["content"]

    garbage = serve(lambda body: "[" * 5000)
    planner = LLMPlanner(Goal("log"), EndpointChat(garbage.url, "m"), seconds=5, cap=5)
    plain = Planner(Goal("log")).next(State())
    assert all(planner.next(State()) == plain for _ in range(5))
    assert planner.queries == 5 and planner.fallbacks == 5  # the cap holds
    assert planner.notes


def test_endpoint_that_hangs_breaks_or_loops(serve) -> None:
    def slow(body: dict[str, Any]) -> str:
        time.sleep(1.5)
        return GOOD

    plain = Planner(Goal("log")).next(State())
    planner = LLMPlanner(Goal("log"), EndpointChat(serve(slow).url, "m"), seconds=0.15)
    start = time.monotonic()
    assert all(planner.next(State()) == plain for _ in range(6))
    assert time.monotonic() - start < 3 and planner.queries == 3  # left alone after three
    broken = serve(lambda body: (500, "no"))
    planner = LLMPlanner(Goal("log"), EndpointChat(broken.url, "m"))
    assert planner.next(State()) == plain and "500" in planner.notes[0]
    away = EndpointChat(serve(lambda body: (302, "")).url, "m")
    with pytest.raises(ChatError, match="302"):
        away.complete([], {}, 5)
    nobody = LLMPlanner(Goal("log"), EndpointChat("http://127.0.0.1:9/v1", "m"), seconds=5)
    assert nobody.next(State()) == plain
    looping = LLMPlanner(Goal("log"), EndpointChat(serve(lambda body: GOOD).url, "m"))
    plans = [looping.next(State()) for _ in range(4)]
    assert plans[0] == plans[1] != plain and plans[2] == plans[3] == plain
    assert looping.next(State({"log": 1})) == []
    spent = LLMPlanner(Goal("log"), EndpointChat(broken.url, "m"), cap=0)
    assert spent.next(State()) == plain and spent.queries == 0


def test_endpoint_without_schemas(serve) -> None:
    server = serve(lambda body: (400, "") if "response_format" in body else GOOD)
    chat = EndpointChat(server.url, "m")
    assert read_plan(chat.complete([], {}, 5))[0].name == "explore"
    assert read_plan(chat.complete([], {}, 5)) and len(server.asked) == 3
    with pytest.raises(InputError, match="address"):
        EndpointChat("file:///etc/passwd", "m")


WORDS = st.sampled_from(["plan", "name", "args", "mine", "count", "item"])
ANSWERS = st.text(max_size=60) | st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=8) | WORDS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=3),
    max_leaves=12,
).map(json.dumps)


@settings(max_examples=60, deadline=None)
@given(ANSWERS)
def test_any_answer_gives_a_plan_or_a_reason(answer: str) -> None:
    try:
        plan = read_plan(answer)
    except VeclinkError:
        return
    assert plan and all(action.name in ACTIONS for action in plan)


def test_a_hugging_face_model(tmp_path) -> None:
    """A model with random weights: what it says is garbage, and the plan comes all the same."""
    tokenizers = pytest.importorskip("tokenizers")
    transformers = pytest.importorskip("transformers")
    words = {"<unk>": 0, "<eos>": 1} | {chr(c): c - 30 for c in range(32, 127)}
    split = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="<unk>"))
    split.pre_tokenizer = tokenizers.pre_tokenizers.Split("", "isolated")
    tokenizer = transformers.PreTrainedTokenizerFast(tokenizer_object=split, unk_token="<unk>", eos_token="<eos>")
    tokenizer.chat_template = "{% for m in messages %}{{ m['content'][-200:] }}{% endfor %}"
    tokenizer.save_pretrained(tmp_path)
    shape = {"vocab_size": 128, "n_embd": 16, "n_layer": 1, "n_head": 2, "n_positions": 1024}
    transformers.GPT2LMHeadModel(transformers.GPT2Config(**shape)).save_pretrained(tmp_path)
    planner = LLMPlanner(Goal("log"), TransformersChat(str(tmp_path), tokens=20), seconds=20)
    assert planner.next(State()) == Planner(Goal("log")).next(State())
    assert planner.queries == 2 and planner.fallbacks == 1 and "JSON" in planner.notes[0]
    missing = LLMPlanner(Goal("log"), TransformersChat(str(tmp_path / "none")))
    assert missing.next(State()) and missing.fallbacks == 1
