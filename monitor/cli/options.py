"""Options that every command with a broker has: ``--brokers``, ``--config``, ``--topic-prefix``; and a run's id."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import click

from monitor.settings import Loaded, SettingsError, load

RUN_ID_CHARACTERS = 256


class RunId(click.ParamType):
    """What an event's run_id may be."""

    name = "text"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        text = str(value)
        if not 1 <= len(text) <= RUN_ID_CHARACTERS:
            told = "an empty run id" if not text else f"a run id of {len(text)} characters"
            self.fail(f"{told}: give 1 to {RUN_ID_CHARACTERS} characters; `killcord runs` lists runs", param, ctx)
        return text


def loaded_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds the options, and passes ``loaded: Loaded`` in their place. Settings that cannot be used end it."""

    @click.option("--brokers", metavar="HOST:PORT[,...]", help="Kafka's bootstrap servers [KILLCORD_BROKERS].")
    @click.option("--config", "config", type=click.Path(dir_okay=False), help="Settings file [KILLCORD_CONFIG].")
    @click.option("--topic-prefix", help="What the topics' names start with [KILLCORD_TOPIC_PREFIX].")
    @functools.wraps(command)
    def with_settings(
        *arguments: Any, brokers: str | None, config: str | None, topic_prefix: str | None, **options: Any
    ) -> Any:
        try:
            loaded = load({"brokers": brokers, "topic_prefix": topic_prefix}, file=config)
        except SettingsError as error:
            raise click.ClickException(str(error)) from error
        except OSError as error:
            raise click.ClickException(f"--config {config}: {error.strerror}") from error
        return command(*arguments, loaded=loaded, **options)

    return with_settings


def kafka_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The same, for a command that takes ``settings: Settings`` and need not know where they are from."""

    @functools.wraps(command)
    def with_settings(*arguments: Any, loaded: Loaded, **options: Any) -> Any:
        return command(*arguments, settings=loaded.settings, **options)

    return loaded_options(with_settings)
