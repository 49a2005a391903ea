"""Requests to a server: tried again while it is busy, and the key never shown."""

import email.utils
import logging
import os
import threading
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import requests

from kg.errors import ConfigError, IsthmusError

TRIES = 6
PAUSE = 1.0  # seconds before the second try; it doubles
LONGEST_WAIT = 120.0  # seconds between two tries, whatever the server asks for
BUSY = {408, 409, 429}  # and all from 500 on
QUOTED = 200  # characters of an error's body that a message shows

_log = logging.getLogger(__name__)


class EndpointError(IsthmusError, OSError):
    """A server cannot be reached, refuses, or answers what makes no sense."""


class EndpointClient:
    """Posts JSON to the paths of one server.

    Args:
        url: base of the server, up to and with `/v1`.
        key: name of the environment variable that holds the key; empty for none.
        timeout: seconds to wait for one answer.
        tries: how often a question is asked that meets a busy or absent server.
        pause: seconds before the second try.

    Raises:
        ConfigError: `url` is none, or the environment has no such key.
    """

    def __init__(
        self,
        url: str,
        *,
        key: str = "",
        timeout: float = 120,
        tries: int = TRIES,
        pause: float = PAUSE,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ConfigError(f"endpoint = {url!r}: expected a URL like http://localhost:8080/v1")
        if "@" in parts.netloc:  # not shown: it holds a password
            raise ConfigError("endpoint must hold no password: give endpoint_key instead")
        if key and not os.environ.get(key):
            raise ConfigError(f"endpoint_key = {key!r}: the environment has no such variable")
        self.where = url.rstrip("/")
        self._key = os.environ[key].strip() if key else ""
        self._timeout, self._tries, self._pause = timeout, tries, pause
        self._local = threading.local()

    def post(self, path: str, body: Mapping[str, Any]) -> Any:
        """Return the JSON that the server answers.

        A server that is busy (408, 409, 429), fails (5xx) or cannot be reached is asked again after
        the time it names or after pauses that double.

        Raises:
            EndpointError: it goes on failing, refuses, or answers something else.
        """
        for trial in range(1, self._tries + 1):
            wait: float | None = None
            try:
                response = self._session.post(
                    f"{self.where}/{path}",
                    json=body,
                    timeout=(10, self._timeout),
                    allow_redirects=False,  # the key is for this server
                )
            except (requests.ConnectionError, requests.Timeout) as error:
                problem = f"cannot be reached ({type(error).__name__})"
            except requests.RequestException as error:
                raise EndpointError(f"{self.where}: {self._one_line(str(error))}") from None
            else:
                if response.status_code == 200:
                    return self._json(response)
                problem = f"answered {response.status_code}: {self._one_line(response.text)}"
                if response.status_code not in BUSY and response.status_code < 500:
                    raise EndpointError(f"{self.where} {problem}")
                wait = _asked_wait(response.headers.get("Retry-After"))
            if trial < self._tries:
                _log.info("%s %s; trying again", self.where, problem)
                _sleep(min(LONGEST_WAIT, self._pause * 2 ** (trial - 1) if wait is None else wait))
        raise EndpointError(f"{self.where} {problem}; tried {self._tries} times")

    @property
    def _session(self) -> requests.Session:
        """A session of this thread: one cannot serve several."""
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = requests.Session()
            # An `auth` of our own also keeps out what a .netrc says.
            session.auth = self._authorise
            self._local.session = session
        return session

    def _authorise(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self._key:
            request.headers["Authorization"] = f"Bearer {self._key}"
        return request

    def _json(self, response: requests.Response) -> Any:
        try:
            return response.json()
        except ValueError:
            text = self._one_line(response.text)
            raise EndpointError(f"{self.where} answered no JSON: {text}") from None

    def _one_line(self, text: str) -> str:
        if self._key:
            text = text.replace(self._key, "***")
        line = " ".join(text.split())
        return line if len(line) <= QUOTED else line[:QUOTED] + "…"


def _asked_wait(header: str | None) -> float | None:
    """Return the seconds that `Retry-After` asks for: a number, or a date."""
    if header is None:
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        when = email.utils.parsedate_to_datetime(header)
    except ValueError:
        return None
    return max(0.0, when.timestamp() - time.time())


def _sleep(seconds: float) -> None:
    time.sleep(seconds)
