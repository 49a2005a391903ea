"""How a server listens, and what it refuses."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self

from kg.errors import ConfigError

HANDED_DOWN = "ISTHMUS_SERVE"  # environment: settings of worker processes
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, kw_only=True)
class ServeSettings:
    """Settings of `isthmus serve`.

    Attributes:
        run: the run folder.
        protocol: which of its models; the first one by default.
        host: address to listen on.
        port: port to listen on.
        workers: processes; each holds the model.
        threads: of each process, for what is computed.
        queue: questions of a process that are computed or wait for it; more are told to come back.
        timeout: seconds until a question is given up.
        max_body: bytes of a request.
        max_added: nodes that may be added while serving.
        api_key_env: environment variable that holds the key which requests must carry.
        allowed_hosts: names that requests may use in `Host`; without any, those of the loopback
            where that is listened on, and every name elsewhere.
        origins: web pages of other origins that may ask (CORS); none by default.
        watch: seconds between two looks for a new model; 0 for none.
        added: file of the nodes that were added; one that is temporary by default.
        warm: read the text encoder as soon as the server is up: torch and a language model take
            longer to import and open than who sends the first text may wait.
    """

    run: Path
    protocol: str | None = None
    host: str = "127.0.0.1"
    port: int = 8000
    workers: int = 1
    threads: int = 2
    queue: int = 64
    timeout: float = 10.0
    max_body: int = 2**20
    max_added: int = 10_000
    api_key_env: str | None = None
    allowed_hosts: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    watch: float = 2.0
    added: Path | None = None
    warm: bool = False

    def __post_init__(self) -> None:
        for name in ("workers", "threads", "queue", "max_body", "max_added"):
            if getattr(self, name) < 1:
                raise ConfigError(f"{name} = {getattr(self, name)}: expected at least 1")
        if not self.timeout > 0 or self.watch < 0:
            raise ConfigError("timeout must be above 0 seconds, and watch 0 or above")
        if self.api_key_env is not None and not self.api_key:
            raise ConfigError(f"the environment variable {self.api_key_env} holds no API key")

    @property
    def api_key(self) -> str | None:
        """The key that requests must carry; None where all are welcome."""
        return os.environ.get(self.api_key_env, "") if self.api_key_env is not None else None

    @property
    def hosts(self) -> frozenset[str]:
        """Names that requests may use, lower case; empty for every name.

        A page of another site can make a browser ask this machine under a name of its own (DNS
        rebinding), and then read what only this machine should; so the name is looked at.
        """
        if self.allowed_hosts:
            return frozenset(name.lower() for name in self.allowed_hosts)
        return frozenset(LOOPBACK) if self.host in LOOPBACK else frozenset()

    def hand_down(self) -> None:
        """Leave the settings to worker processes, in the environment."""
        values = {
            name: str(value) if isinstance(value, Path) else value
            for name, value in asdict(self).items()
        }
        os.environ[HANDED_DOWN] = json.dumps(values)

    @classmethod
    def handed_down(cls) -> Self:
        """Return what `hand_down` left."""
        values = json.loads(os.environ[HANDED_DOWN])
        for name in ("run", "added"):
            values[name] = None if values[name] is None else Path(values[name])
        for name in ("allowed_hosts", "origins"):
            values[name] = tuple(values[name])
        return cls(**values)
