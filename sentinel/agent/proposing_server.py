"""The client of the server that proposes: the student's, or any OpenAI-compatible server at the proposer's URL."""

from __future__ import annotations

from sentinel.agent.model import ModelObserver, Sampling, StudentModel
from sentinel.config.setting_groups import ModelSettings
from sentinel.config.settings import Settings


def client(settings: Settings, observer: ModelObserver | None = None, timeout: float | None = None) -> StudentModel:
    """A new client; close it after use. `timeout` (seconds of one request) replaces that of the settings.

    Of a server at a URL whose name is not set, the only model that it serves is meant.
    """
    model, url = settings.model, settings.proposer_url
    named = not url or model.name != ModelSettings().name
    return StudentModel(
        url or model.url,
        model.name if named else "",
        Sampling(model.temperature, model.top_p, model.max_tokens, model.seed),
        timeout=model.timeout if timeout is None else timeout,
        api_key_file=model.api_key_file,
        observer=observer,
        vllm=not url,
    )
