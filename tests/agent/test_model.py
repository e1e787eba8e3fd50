"""The model client against a real HTTP server that speaks the serving API."""

from __future__ import annotations

from pathlib import Path

import pytest

from sentinel.agent.action_format import STOP
from sentinel.agent.model import Sampling, StudentModel
from sentinel.core.errors import ModelUnavailable, SettingsError
from tests.agent.model_server import MESSAGES, Server, client, completion


async def test_one_request_asks_for_all_samples(server: Server) -> None:
    """n, stop string and sampling stand in the request; nothing more is sent without a prefill."""
    async with client(server, Sampling(0.4, 0.8, 128, seed=5)) as model:
        samples = await model.sample(MESSAGES, 2)
    assert server.asked == [
        {
            "model": "small",
            "messages": MESSAGES,
            "n": 2,
            "temperature": 0.4,
            "top_p": 0.8,
            "max_tokens": 128,
            "stop": [STOP],
            "return_token_ids": True,
            "seed": 5,
        }
    ]
    assert [(s.index, s.text, s.tokens, s.finish) for s in samples] == [
        (0, " Sample 0.", 10, "stop"),
        (1, " Sample 1.", 11, "stop"),
    ]
    assert model.source == "student:small"


async def test_further_samples_have_the_seeds_that_follow(server: Server) -> None:
    """The same request with the same seed would only give the same samples again."""
    async with client(server, Sampling(seed=5)) as model:
        await model.sample(MESSAGES, 2, after=8)
    assert server.asked[0]["seed"] == 13


async def test_a_prefill_is_a_partial_turn_and_part_of_every_sample(server: Server) -> None:
    """The server goes on from it; the sample's text is the whole turn."""
    async with client(server) as model:
        samples = await model.sample(MESSAGES, 2, "Thought: I look.")
    asked = server.asked[0]
    assert asked["messages"] == [*MESSAGES, {"role": "assistant", "content": "Thought: I look."}]
    assert (asked["add_generation_prompt"], asked["continue_final_message"]) == (False, True)
    assert "seed" not in asked
    assert samples[1].text == "Thought: I look. Sample 1."


async def test_samples_come_by_index_with_their_ends(server: Server) -> None:
    """Whatever order the server gives; unknown ends count as aborted."""
    body = completion(3)
    body["choices"][1]["finish_reason"] = "length"
    body["choices"][2]["finish_reason"] = "content_filter"
    del body["choices"][2]["token_ids"]
    body["choices"].reverse()
    server.answer = server.give(body)
    async with client(server) as model:
        samples = await model.sample(MESSAGES, 3)
    assert [(s.index, s.finish) for s in samples] == [(0, "stop"), (1, "length"), (2, "abort")]
    assert samples[2].tokens == 21 // 3


async def test_health_means_up_and_serving_the_named_model(server: Server) -> None:
    """A swapped model is refused by name."""
    async with client(server) as model:
        await model.health()
        server.models = {"data": [{"id": "large"}]}
        with pytest.raises(ModelUnavailable, match="serves large, not small"):
            await model.health()
        server.models = {"data": None}
        with pytest.raises(ModelUnavailable, match="unexpected shape"):
            await model.health()
        server.healthy = False
        with pytest.raises(ModelUnavailable, match="HTTP 503"):
            await model.health()


async def test_a_server_that_is_not_vllm_is_asked_for_the_common_things(server: Server) -> None:
    """No page of vLLM's, no field of its own; the only model that it serves is meant, and from then on no other."""
    server.healthy = False
    async with StudentModel(server.url, "", vllm=False) as model:
        assert model.source == "server:?"
        server.models = {"data": [{"id": "a"}, {"id": "b"}]}
        for call in (model.health(), model.sample(MESSAGES, 2)):
            with pytest.raises(ModelUnavailable, match="serves a, b: set SENTINEL_MODEL__NAME"):
                await call
        for names in ([], ["x" * 65], ["a\nb"]):
            server.models = {"data": [{"id": name} for name in names]}
            with pytest.raises(ModelUnavailable, match="set SENTINEL_MODEL__NAME"):
                await model.health()
        server.models = {"data": [{"id": "small"}]}
        await model.sample(MESSAGES, 2)
        assert model.source == "server:small"
        assert set(server.asked[0]) == {"model", "messages", "n", "temperature", "top_p", "max_tokens", "stop"}
        server.models = {"data": [{"id": "other"}]}
        with pytest.raises(ModelUnavailable, match="serves other, not small"):
            await model.health()
        server.answer = server.give(completion(model="other"))
        with pytest.raises(ModelUnavailable, match="other answered, not small"):
            await model.sample(MESSAGES, 2)


async def test_greedy_is_one_sample(server: Server) -> None:
    """The server refuses n > 1 at temperature 0, so we never ask."""
    server.answer = server.give(completion(1))
    async with client(server, Sampling(temperature=0)) as model:
        assert len(await model.sample(MESSAGES, 1)) == 1
        with pytest.raises(ValueError, match="greedy"):
            await model.sample(MESSAGES, 2)
    assert len(server.asked) == 1


async def test_the_key_is_sent_and_shown_nowhere(server: Server, tmp_path: Path) -> None:
    """From a file, as a bearer; not in repr, not in an error."""
    key = tmp_path / "key"
    key.write_text("canary-key\n")
    async with client(server, api_key_file=key) as model:
        await model.sample(MESSAGES, 2)
        assert server.headers[0]["Authorization"] == "Bearer canary-key"
        server.answer = server.give("no", 401)
        with pytest.raises(ModelUnavailable) as fault:
            await model.sample(MESSAGES, 2)
        assert "canary" not in f"{model!r}{fault.value!r}"
    with pytest.raises(SettingsError, match="SENTINEL_MODEL__API_KEY_FILE"):
        StudentModel(server.url, "small", api_key_file=tmp_path / "absent")


async def test_usage_and_latency_are_observed(server: Server) -> None:
    """One call for each answered request."""
    seen: list[tuple[float, int, int, int]] = []

    class Watch:
        def sampled(self, seconds: float, n: int, prompt_tokens: int, completion_tokens: int) -> None:
            seen.append((seconds, n, prompt_tokens, completion_tokens))

    async with client(server, observer=Watch()) as model:
        await model.sample(MESSAGES, 2)
    assert seen[0][0] > 0
    assert seen[0][1:] == (2, 40, 21)
