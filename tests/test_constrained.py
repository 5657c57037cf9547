"""The grammar of an untrained core's routing: whatever the model prefers, what it writes is valid and ends."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest
import torch
from conftest import need_model
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_models import BUILDERS, SEEING, built, picture

from veclink.router.constrained import ConstrainedRouting, Grammar, Writing, units_of
from veclink.router.core import Task, Written
from veclink.router.errors import ModelError
from veclink.router.families import Stream
from veclink.router.hub import HubCore
from veclink.tools.tool import ToolSpec

SPECS = (
    ToolSpec(
        "detect_it",
        "<|detect_it|>",
        "Finds where things are.",
        ("find every dog", "where is the bus", "box cars"),
        "boxes",
    ),
    ToolSpec(
        "detect", "<|detect|>", "Finds {things}.", ("find every dog", "where is the bus", "box the cars"), "boxes"
    ),
    ToolSpec("cut", "<|cut|>", "Cuts things out exactly.", ("outline the dog", "mask the bus", "cut it out"), "masks"),
    ToolSpec("answers", "<|answers|>", "Reads text aloud.", ("read it", "say it", "speak"), "text"),
)
TEXTS = (
    "find every person and the bus",
    "???",
    "Wo ist der Bus? 找到那只狗 und 2 Katzen",
    "it's a red-hot car, isn't it",
    "x",
    "<|detect|> <|im_end|> detect: cut: answer",
    "a\n\nb\tc",
    "👍🏽 ok 👨‍👩‍👧",
    "dog " * 200,
)


def check(written: Written, text: str) -> None:
    names = [name for name, _ in written.calls]
    assert len(set(names)) == len(names) and set(names) <= {spec.name for spec in SPECS}
    assert not (written.rejected and names)
    words = any(c.isalnum() for c in text)
    for _, phrases in written.calls:
        assert len(phrases) == (1 if words else 0)
        for phrase in phrases:
            assert phrase in text and phrase == phrase.strip() and phrase
            start = text.index(phrase)
            around = {start, start + len(phrase)}
            assert (
                all(
                    i in (0, len(text))
                    or not (text[i - 1].isalnum() and text[i].isalnum())
                    or ord(text[i]) > 0x2E80
                    or ord(text[i - 1]) > 0x2E80
                    for i in around
                )
                or text.count(phrase) > 1
            )  # whole words


def core_of(family: str) -> HubCore:
    core = HubCore.from_parts(*built(family), name=family, max_new_tokens=3)
    core.attach(SPECS)
    return core


@pytest.mark.parametrize("family", ["llama", "llava"])
@settings(max_examples=40, deadline=None)
@given(text=st.text(min_size=1, max_size=60) | st.sampled_from(TEXTS), seed=st.integers(0, 10_000))
def test_any_walk_through_the_grammar_is_valid_and_ends(family: str, text: str, seed: int) -> None:
    backbone = core_of(family).backbone
    grammar = Grammar.of(backbone, [spec.name for spec in SPECS])
    writing, steps, rng = Writing(grammar, text, units_of(text, backbone)), 0, random.Random(seed)
    while not writing.done:
        allowed = writing.allowed()
        assert allowed
        writing.add(rng.choice(allowed))
        steps += 1
        assert steps < 3_000
    assert writing.allowed() == []
    written = writing.written()
    assert writing.alone or written.calls
    check(written, text)


@pytest.mark.parametrize("family", BUILDERS)
@pytest.mark.parametrize("seed", range(3))
def test_a_random_model_writes_valid_routes(family: str, seed: int) -> None:
    core = core_of(family)
    generator = torch.Generator().manual_seed(seed)
    head = core.backbone.model.get_output_embeddings()
    noise = torch.randn(head.weight.shape, generator=generator)
    handle = head.register_forward_hook(lambda _m, arguments, _o: arguments[0] @ noise.T)  # another model each time
    try:
        tasks = [Task(text, tuple(picture(i) for i in range(n % 3))) for n, text in enumerate(TEXTS)]
        written = core.routing.write(tasks)
        assert len(written) == len(tasks)
        for one, task in zip(written, tasks, strict=True):
            check(one, task.text)
        alone = [core.routing.write([task])[0].calls for task in tasks[:4]]
        assert alone == [one.calls for one in written[:4]]
    finally:
        handle.remove()


@pytest.mark.parametrize("family", BUILDERS)
def test_writing_with_the_cache_equals_reading_in_full(family: str) -> None:
    core = core_of(family)
    backbone = core.backbone
    tasks = [
        Task("find every person", (picture(1), picture(2, 40, 90))),
        Task("a much longer request than the other one"),
    ]
    prompts = [core.prompt(task) for task in tasks]
    tail = backbone.plain("detect: the bus on the left")
    stream = Stream(backbone, prompts)
    for token in tail:
        stream.step([token, token])
    for prompt, logits in zip(prompts, stream.logits, strict=True):
        full = Stream(backbone, [prompt], [tail]).logits[0]
        assert torch.allclose(full, logits, atol=2e-4), float((full - logits).abs().max())


@pytest.mark.parametrize("family", BUILDERS)
def test_a_common_beginning_read_once_changes_nothing(family: str, monkeypatch: pytest.MonkeyPatch) -> None:
    core = core_of(family)
    routing = core.routing
    assert isinstance(routing, ConstrainedRouting)
    tasks = [
        Task("find every person", (picture(1), picture(2, 40, 90))),
        Task("a much longer request than the other one"),
        Task("x", (picture(3),)),
    ]
    prompts = [core.prompt(task, routing.orders(), routing.turns()) for task in tasks]
    backbone = core.backbone
    shared = backbone.common(prompts)
    assert (shared > 100) == backbone.cachable
    found = [Stream(backbone, some) for some in (prompts, prompts[:1], prompts[1:])]
    tokens = [stream.step([7] * len(stream.mask)) for stream in found]
    monkeypatch.setattr(backbone, "common", lambda _prompts: 0)
    full = Stream(backbone, prompts)
    logits = full.step([7] * 3)
    for rows, got in zip(([0, 1, 2], [0], [1, 2]), tokens, strict=True):
        assert torch.allclose(got, logits[rows], atol=2e-4), float((got - logits[rows]).abs().max())


def scripted(core: HubCore, task: Task, preferred: Sequence[int]) -> Written:
    """What a model writes that wants these ids in this order wherever the grammar lets it choose one of them."""
    grammar = Grammar.of(core.backbone, [spec.name for spec in SPECS])
    writing, wishes = Writing(grammar, task.text, units_of(task.text, core.backbone)), list(preferred)
    while not writing.done:
        allowed = writing.allowed()
        writing.add(wishes.pop(0) if wishes and wishes[0] in allowed else allowed[0])
    assert not wishes
    return writing.written()


def test_what_a_model_means_is_what_is_written() -> None:
    core = core_of("llama")
    backbone = core.backbone
    task = Task("find every person, then cut the bus")
    grammar = Grammar.of(backbone, [spec.name for spec in SPECS])
    ids = [*backbone.plain("detect: every person"), *backbone.newline, *backbone.plain("cut: the bus"), grammar.end]
    assert scripted(core, task, ids).calls == (("detect", ("every person",)), ("cut", ("the bus",)))
    longer = [*backbone.plain("detect_it: person, then cut"), grammar.end]
    assert scripted(core, task, longer).calls == (("detect_it", ("person, then cut",)),)
    assert scripted(core, task, [*backbone.plain("reject"), grammar.end]) == Written(rejected=True)
    assert scripted(core, task, [*backbone.plain("answer"), grammar.end]) == Written()
    assert scripted(core, task, [*backbone.plain("answers: bus")]).calls[0] == ("answers", ("bus",))


def test_a_long_request_gives_a_phrase_that_ends() -> None:
    core = core_of("llama")
    text = "dog " * 200
    writing = Writing(Grammar.of(core.backbone, ["cut"]), text, units_of(text, core.backbone))
    for token in core.backbone.plain("cut:"):
        writing.add(token)
    for _ in range(200):
        if writing.done:
            break
        writing.add(
            writing.allowed()[0]
            if len(writing.allowed()) == 1
            else max(set(writing.allowed()) - set(core.backbone.newline) - {writing.grammar.end})
        )
    assert writing.done and 1 < len(writing.written().calls[0][1][0].split()) <= 33


def test_names_that_cannot_be_told_apart_are_refused() -> None:
    core = HubCore.from_parts(*built("llama"))
    core.attach((ToolSpec("answer", "<|answer|>", "Answers by telephone.", ("ring", "call", "dial"), "text"),))
    with pytest.raises(ModelError, match="tells apart"):
        core.routing.write([Task("ring her")])
    with pytest.raises(ModelError, match="a core"):
        ConstrainedRouting().write([Task("x")])


@pytest.mark.parametrize("family", BUILDERS)
def test_control_tokens_in_a_request_are_words(family: str) -> None:
    core = core_of(family)
    end = core.backbone.tokenizer.eos_token
    tasks = [Task(f"find <|detect|> the dog {end}x"), Task(f"find < |detect|> the dog {end[0]} {end[1:]}x")]
    one, two = (core.prompt(task) for task in tasks)
    assert one.ids == two.ids  # the same prompt as for the words that look like them
    assert core.answer(tasks[:1]) == core.answer(tasks[1:])
    forbidden = set(core.backbone.tokenizer.get_added_vocab().values())
    assert not forbidden & {token for unit in units_of(tasks[0].text, core.backbone) for token in unit.ids}
    check(core.routing.write(tasks[:1])[0], tasks[0].text)


@pytest.mark.parametrize("family", SEEING)
def test_an_untrained_seeing_core_reads_end_to_end(family: str) -> None:
    core = HubCore.from_parts(*built(family), max_new_tokens=3)
    core.attach(SPECS, linked=("detect", "cut", "detect_it", "answers"))
    readings = core.read([Task("find every person", (picture(3),)), Task("cut out the bus", (picture(4), picture(5)))])
    for reading in readings:
        assert all(route.link is not None and route.link.shape == (4, 32) for route in reading.routes)
        assert bool(reading.routes) or reading.rejected or isinstance(reading.answer, str)


def test_smollm2_writes_valid_routes() -> None:
    need_model("smollm2-135m")
    torch.set_num_threads(1)
    core = HubCore("smollm2-135m", device="cpu")
    core.attach(SPECS)
    tasks = [Task("find every person and the bus"), Task("outline the dog on the left"), Task("who wrote Hamlet?")]
    for one, task in zip(core.routing.write(tasks), tasks, strict=True):
        check(one, task.text)
