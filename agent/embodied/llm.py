"""A language model as the planner: a choice beside the deterministic one, which stays behind it.

The model is given the goals, the tree of needs, the state and what failed, and answers with JSON that must fit a
schema. Nothing that it says is trusted: every name is checked against the facts and every number against its range.
An answer that does not fit is sent back once with the error; after that, after the cap on queries, when time is up, or
when the model repeats a plan that failed, the deterministic planner takes over. So a plan always comes, and in time.
"""

from __future__ import annotations

import json
import os
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from veclink.agent.embodied.actions import ACTIONS, CHOICES, Action, Failure, State, expected
from veclink.agent.embodied.goals import REALMS, Goal
from veclink.agent.embodied.planner import Planner, reached
from veclink.agent.embodied.view import text as tree_text
from veclink.envs.errors import InputError, VeclinkError

MOST_ACTIONS = 32  # in one answer
LONGEST_ANSWER = 20_000  # characters
LARGEST_REPLY = 1_000_000  # bytes read from an endpoint
LONGEST_TREE = 6000  # characters of the tree in the prompt
LAST_FAILURES = 6  # told to the model
TOKENS = 800  # that an answer may take
BROKEN = 3  # answers in a row that were of no use: then the model is left alone
REPEATS = 2  # times the same plan may be given for the same failures
NOTES = 50  # kept

SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {
        "thought": {"type": "string"},
        "plan": {
            "type": "array",
            "minItems": 1,
            "maxItems": MOST_ACTIONS,
            "items": {
                "type": "object",
                "properties": {"name": {"type": "string", "enum": sorted(ACTIONS)}, "args": {"type": "object"}},
                "required": ["name", "args"],
            },
        },
    },
    "required": ["plan"],
}


class ChatError(VeclinkError):
    """A chat model did not answer."""


class Chat(Protocol):
    """A model that answers messages ({"role", "content"}) in text."""

    name: str

    def complete(self, messages: Sequence[Mapping[str, str]], schema: Mapping[str, Any], seconds: float) -> str:
        """The answer.

        Raises:
            ChatError: none came in time.
        """
        ...


class EndpointChat:
    """An OpenAI-compatible endpoint.

    Args:
        base_url: up to and with the version ("http://127.0.0.1:8000/v1").
        model: its name there.
        key_variable: of the environment, with the key; unset: no key is sent.
    """

    def __init__(self, base_url: str, model: str, key_variable: str = "OPENAI_API_KEY") -> None:
        parts = urllib.parse.urlsplit(base_url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InputError(
                "an address like http://127.0.0.1:8000/v1", repr(base_url), "give the endpoint's base address"
            )
        self.url, self.name, self.key_variable = base_url.rstrip("/") + "/chat/completions", model, key_variable
        self.constrained = True  # until the endpoint says that it cannot
        self._opener = urllib.request.build_opener(_NoRedirect())

    def complete(self, messages: Sequence[Mapping[str, str]], schema: Mapping[str, Any], seconds: float) -> str:
        """One request, answered within so many seconds, however slowly the bytes come."""
        return in_time(lambda: self._ask(messages, schema, seconds), seconds)

    def _ask(self, messages: Sequence[Mapping[str, str]], schema: Mapping[str, Any], seconds: float) -> str:
        body: dict[str, Any] = {"model": self.name, "messages": list(messages), "temperature": 0, "max_tokens": TOKENS}
        if self.constrained:
            form = {"name": "plan", "schema": schema}
            body["response_format"] = {"type": "json_schema", "json_schema": form}
        try:
            reply = json.loads(self._post(body, seconds))
        except urllib.error.HTTPError as error:
            if error.code in (400, 422) and self.constrained:
                self.constrained = False
                return self._ask(messages, schema, seconds)
            raise ChatError(
                "an answer from the endpoint", f"status {error.code}", "check its address and key"
            ) from None
        except (OSError, ValueError, RecursionError) as error:
            raise ChatError("an answer from the endpoint", type(error).__name__, "check that it runs") from None
        try:
            content = reply["choices"][0]["message"]["content"]
        except (KeyError, IndexError, TypeError):
            content = None
        if not isinstance(content, str):
            raise ChatError("choices[0].message.content", "another reply", "use an OpenAI-compatible endpoint")
        return content

    def _post(self, body: Mapping[str, Any], seconds: float) -> bytes:
        headers = {"Content-Type": "application/json"}
        if key := os.environ.get(self.key_variable):
            headers["Authorization"] = f"Bearer {key}"
        request = urllib.request.Request(self.url, json.dumps(body).encode(), headers)
        with self._opener.open(request, timeout=seconds) as reply:
            return reply.read(LARGEST_REPLY)


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """The key goes to the address that was given and nowhere else."""

    def redirect_request(self, *_: Any, **__: Any) -> None:
        return None


class TransformersChat:
    """Any chat model of Hugging Face, run here.

    Args:
        model: a name or a folder.
        device: "cpu", "cuda", ...
    """

    def __init__(self, model: str, device: str = "cpu", tokens: int = TOKENS) -> None:
        self.name, self.device, self.tokens = model, device, tokens
        self._loaded: tuple[Any, Any] | None = None

    def complete(self, messages: Sequence[Mapping[str, str]], schema: Mapping[str, Any], seconds: float) -> str:
        """Greedy decoding, stopped when time is up; the schema is said in the prompt alone."""
        tokenizer, model = self._load()
        ask = {"add_generation_prompt": True, "return_tensors": "pt", "return_dict": True}
        inputs = tokenizer.apply_chat_template([dict(m) for m in messages], **ask).to(self.device)
        out = model.generate(
            **inputs, max_new_tokens=self.tokens, max_time=seconds, do_sample=False, pad_token_id=tokenizer.eos_token_id
        )
        return tokenizer.decode(out[0, inputs["input_ids"].shape[1] :], skip_special_tokens=True)

    def _load(self) -> tuple[Any, Any]:
        if self._loaded is None:
            from transformers import AutoModelForCausalLM, AutoTokenizer

            try:
                tokenizer = AutoTokenizer.from_pretrained(self.name)
                model = AutoModelForCausalLM.from_pretrained(self.name, use_safetensors=True).to(self.device).eval()  # pyright: ignore[reportArgumentType]  # the stubs lose the device's type
            except (OSError, ValueError) as error:
                raise ChatError(
                    "a chat model", f"{self.name} ({type(error).__name__})", "give its name or folder"
                ) from error
            self._loaded = tokenizer, model
        return self._loaded


def in_time(call: Callable[[], str], seconds: float) -> str:
    """The call's answer, or ChatError after so many seconds; a call that is stuck is left behind."""
    box: list[str | BaseException] = []

    def work() -> None:
        try:
            box.append(call())
        except BaseException as error:  # handed to the caller below
            box.append(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    if not box:
        raise ChatError(f"an answer within {seconds:g} seconds", "none", "give more time or another model")
    if isinstance(box[0], BaseException):
        raise box[0]
    return box[0]


class LLMPlanner:
    """Plans by a chat model, with the deterministic planner behind it.

    Args:
        goals, places, learnt: as for Planner.
        chat: the model.
        cap: queries in all; stated in the result.
        seconds: for one query. time_limit: seconds for all of them.
    """

    def __init__(
        self,
        goals: Goal | Sequence[Goal],
        chat: Chat,
        places: Sequence[str] = REALMS,
        learnt: Mapping[str, float] | None = None,
        *,
        cap: int = 40,
        seconds: float = 30.0,
        time_limit: float = 600.0,
    ) -> None:
        if cap < 0 or seconds <= 0 or time_limit <= 0:
            raise InputError("a cap of 0 or more and times above 0", f"{cap}, {seconds}, {time_limit}", "change them")
        self.planner = Planner(goals, places, learnt)
        self.goals, self.chat = self.planner.goals, chat
        self.cap, self.seconds, self.time_limit = cap, seconds, time_limit
        self.queries = self.repairs = self.fallbacks = self.useless = 0
        self.spent = 0.0
        self.notes: list[str] = []
        self._given: Counter[str] = Counter()

    def next(self, state: State, failures: Sequence[Failure] = ()) -> list[Action]:
        """All actions that remain, the next one first, as `Planner.next`."""
        if reached(self.goals, state):
            return []
        if stop := self._why_not():
            return self._fall_back(stop, state, failures)
        messages = self._messages(state, failures)
        for attempt in range(2):
            try:
                answer = self._query(messages)
            except Exception as error:  # a model may fail in any way; the episode goes on without it
                return self._useless(f"{type(error).__name__}: {error}", state, failures)
            try:
                plan = read_plan(answer)
            except VeclinkError as error:
                if attempt or self._why_not():
                    return self._useless(str(error), state, failures)
                self.repairs += 1
                messages += [
                    {"role": "assistant", "content": answer[:LONGEST_ANSWER]},
                    {
                        "role": "user",
                        "content": f"That does not work: {error}. Answer again with JSON of the schema only.",
                    },
                ]
                continue
            return self._taken(plan, state, failures)
        raise AssertionError("both attempts return")

    def result(self) -> dict[str, Any]:
        """What a result states about the model's part."""
        return {
            "planner": "llm",
            "model": self.chat.name,
            "queries": self.queries,
            "cap": self.cap,
            "repairs": self.repairs,
            "fallbacks": self.fallbacks,
            "seconds": round(self.spent, 3),
            "notes": list(self.notes),
        }

    def _taken(self, plan: list[Action], state: State, failures: Sequence[Failure]) -> list[Action]:
        """The plan, unless it has been given for the same failures before."""
        self.useless = 0
        stuck = [failure.to_dict() for failure in failures[-LAST_FAILURES:]]
        key = json.dumps(
            [[a.name, dict(a.args)] for a in plan] + stuck + [sorted(state.inventory.items())], sort_keys=True
        )
        self._given[key] += 1
        if self._given[key] > REPEATS:
            return self._fall_back("the model repeats itself", state, failures)
        return plan

    def _why_not(self) -> str:
        if self.queries >= self.cap:
            return f"the cap of {self.cap} queries is reached"
        if self.spent >= self.time_limit:
            return f"the {self.time_limit:g} seconds for the model are spent"
        return f"{BROKEN} answers in a row were of no use" if self.useless >= BROKEN else ""

    def _query(self, messages: Sequence[Mapping[str, str]]) -> str:
        self.queries += 1
        start = time.monotonic()
        try:
            return self.chat.complete(messages, SCHEMA, min(self.seconds, self.time_limit - self.spent))
        finally:
            self.spent += time.monotonic() - start

    def _useless(self, why: str, state: State, failures: Sequence[Failure]) -> list[Action]:
        self.useless += 1
        return self._fall_back(why, state, failures)

    def _fall_back(self, why: str, state: State, failures: Sequence[Failure]) -> list[Action]:
        self.fallbacks += 1
        if len(self.notes) < NOTES and (not self.notes or self.notes[-1] != why[:200]):
            self.notes.append(why[:200])
        return self.planner.next(state, failures)

    def _messages(self, state: State, failures: Sequence[Failure]) -> list[dict[str, str]]:
        needs = tree_text(self.planner.tree(state, failures))[:LONGEST_TREE]
        told = {
            "goals": [goal.words() for goal in self.goals],
            "state": {key: value for key, value in state.to_dict().items() if value not in ({}, (), None, "")},
            "failures": [failure.to_dict() for failure in failures[-LAST_FAILURES:]],
        }
        content = f"{json.dumps(told)}\nNeeds, those that others stand on below them:\n{needs}\nThe plan?"
        return [{"role": "system", "content": _system()}, {"role": "user", "content": content}]


def read_plan(answer: str) -> list[Action]:
    """The actions of an answer, every one checked.

    Raises:
        InputError, UnknownName: what is wrong with it.
    """
    document = _document(answer)
    plan = document.get("plan") if isinstance(document, dict) else document
    if not isinstance(plan, list) or not 1 <= len(plan) <= MOST_ACTIONS:
        raise InputError(f"a list of 1 to {MOST_ACTIONS} actions under 'plan'", repr(plan)[:80], "give one")
    actions = []
    for each in plan:
        extra = (
            {key: value for key, value in each.items() if key in ("name", "args")} if isinstance(each, dict) else each
        )
        action = Action.from_dict(extra)
        actions.append(Action(action.name, action.args, expected(action.name, action.args), "", action.limit))
    return actions


def _document(answer: str) -> Any:
    """The first JSON object or list in an answer."""
    if len(answer) > LONGEST_ANSWER:
        raise InputError(f"an answer of up to {LONGEST_ANSWER} characters", f"{len(answer)}", "be short")
    starts = [place for place in (answer.find("{"), answer.find("[")) if place >= 0]
    if not starts:
        raise InputError("JSON", repr(answer[:80]), "answer with JSON only")
    try:
        return json.JSONDecoder().raw_decode(answer, min(starts))[0]
    except (ValueError, RecursionError) as error:
        raise InputError("JSON", f"{answer[:80]!r} ({type(error).__name__})", "answer with JSON only") from None


def _system() -> str:
    """What the model is told of actions and their arguments."""
    lines = [
        f"- {name}: {json.dumps({k: v for k, v in args.items() if k != 'index'})}" for name, args in ACTIONS.items()
    ]
    return (
        "You plan for a player of Minecraft 1.11. Answer with one JSON object of this schema and nothing else:\n"
        f"{json.dumps(SCHEMA)}\nActions and their arguments ('?': may be left out; names as in the game's"
        f" identifiers, variants as 'dye:4'):\n" + "\n".join(lines) + f"\nChoices: {json.dumps(CHOICES)}.\n"
        "Crafting at a table or smelting needs the crafting_table or furnace placed near. Equip a tool before mining."
    )
