"""The client of the server that proposes: the student's, or any OpenAI-compatible server at the proposer's URL."""

from __future__ import annotations

from sentinel.agent.model import ModelObserver, Sampling, StudentModel
from sentinel.config.setting_groups import ModelSettings
from sentinel.config.settings import Settings


def client(settings: Settings, observer: ModelObserver | None = None, timeout: float | None = None) -> StudentModel:
    """A new client; close it after use. `timeout` (seconds of one request) replaces that of the settings.

    Of a server at a URL whose name is not set, the only model that it serves is meant.
    """
    model = settings.model
    sampling = Sampling(model.temperature, model.top_p, model.max_tokens, model.seed)
    return _client(settings, sampling, model.timeout if timeout is None else timeout, observer)


def reading_client(settings: Settings) -> StudentModel:
    """A new client of the same server that draws readings of orders; close it after use."""
    reading = settings.reading
    sampling = Sampling(reading.temperature, reading.top_p, reading.max_tokens, settings.model.seed)
    return _client(settings, sampling, reading.timeout, None)


def _client(settings: Settings, sampling: Sampling, timeout: float, observer: ModelObserver | None) -> StudentModel:
    model, url = settings.model, settings.proposer_url
    named = not url or model.name != ModelSettings().name
    return StudentModel(
        url or model.url,
        model.name if named else "",
        sampling,
        timeout=timeout,
        api_key_file=model.api_key_file,
        observer=observer,
        vllm=not url,
    )
