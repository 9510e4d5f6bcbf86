"""Bearer tokens for SASL OAUTHBEARER: constant, from a file that somebody renews, or by client credentials."""

from __future__ import annotations

import asyncio
import base64
import json
import threading
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any

from monitor.settings.model import Settings

if TYPE_CHECKING:
    from aiokafka.abc import AbstractTokenProvider

_EARLY_S = 30.0  # a token this close to its end is not used for a new login


class TokenError(RuntimeError):
    """No token to log in with. Names the source and the remedy."""


def token_provider(settings: Settings) -> AbstractTokenProvider:
    """What aiokafka asks for a token at each login. A token endpoint is asked again when a token ends."""
    from aiokafka.abc import AbstractTokenProvider

    source = Tokens(settings)

    class Provider(AbstractTokenProvider):  # type: ignore[misc,unused-ignore]
        async def token(self) -> str:
            return await source.token()

    return Provider()


class Tokens:
    """The token to log in with now."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._cached = ""
        self._expires = 0.0
        # Faust logs in from the loops of two threads.
        self._lock = threading.Lock()

    async def token(self) -> str:
        return self._settings.sasl_oauth_token or await asyncio.to_thread(self._current)

    def _current(self) -> str:
        if path := self._settings.sasl_oauth_token_file:
            return _read(Path(path))
        with self._lock:
            if time.monotonic() >= self._expires:
                self._cached, lifetime = _request(self._settings)
                self._expires = time.monotonic() + max(0.0, lifetime - _EARLY_S)
            return self._cached


def _read(path: Path) -> str:
    try:
        token = path.read_text().strip()
    except OSError as error:
        raise TokenError(
            f"sasl_oauth_token_file {path}: {error.strerror}. Something must keep a token there."
        ) from None
    if not token:
        raise TokenError(f"sasl_oauth_token_file {path} is empty. A token must be there.")
    return token


def _request(settings: Settings) -> tuple[str, float]:
    """One token by the client credentials grant (RFC 6749, 4.4), and its life in seconds."""
    endpoint = settings.sasl_oauth_token_endpoint
    form = {"grant_type": "client_credentials"}
    if settings.sasl_oauth_scope:
        form["scope"] = settings.sasl_oauth_scope
    client = (settings.sasl_oauth_client_id, settings.sasl_oauth_client_secret)
    quoted = (urllib.parse.quote(part, safe="") for part in client)
    request = urllib.request.Request(
        endpoint,
        data=urllib.parse.urlencode(form).encode(),
        headers={
            "Authorization": "Basic " + base64.b64encode(":".join(quoted).encode()).decode(),
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept": "application/json",
        },
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as response:
            answer: dict[str, Any] = json.load(response)
        return str(answer["access_token"]), float(answer.get("expires_in", 300))
    except urllib.error.HTTPError as error:
        with error:
            body = error.read(500).decode(errors="replace")
        why = f"sasl_oauth_token_endpoint {endpoint} answered {error.code}: {body}."
        raise TokenError(f"{why} Check the client id, secret and scope.") from None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise TokenError(f"sasl_oauth_token_endpoint {endpoint} gave no token: {error!r}.") from None
