"""Runs the server: one process, or several that share a port."""

import ipaddress
import os
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from kg.errors import ConfigError
from queries.serving.process import steady
from queries.serving.settings import LOOPBACK, ServeSettings


def serve(settings: ServeSettings, *, open_to_all: bool = False) -> None:
    """Serve a run until the process is told to stop.

    Args:
        settings: what and how.
        open_to_all: whether anybody may ask who reaches an address that is not the loopback.

    Raises:
        ConfigError: others could ask without a key, or the packages of the server are missing.
        IsthmusError: the run cannot be opened.
    """
    if not (_loopback(settings.host) or settings.api_key or open_to_all):
        raise ConfigError(
            f"{settings.host} can be reached by others, who may ask for anybody's history: "
            "name a key with --api-key-env, or say --no-api-key"
        )
    try:
        import uvicorn

        from queries.serving.app import create_app
        from queries.serving.protocol import BoundedProtocol
    except ModuleNotFoundError as error:
        raise ConfigError(
            f"the server needs the package {error.name}: pip install 'isthmus[serve]'"
        ) from None
    with tempfile.TemporaryDirectory(prefix="isthmus-serve-") as own:
        if settings.added is None:
            settings = replace(settings, added=Path(own) / "added.jsonl")
        options: dict[str, Any] = {
            "host": settings.host,
            "port": settings.port,
            "loop": "uvloop",
            "http": BoundedProtocol,
            "ws": "none",
            "log_config": LOGGING,
            "access_log": False,
            "proxy_headers": False,
            "server_header": False,
            "timeout_keep_alive": 75,
            "timeout_graceful_shutdown": int(settings.timeout) + 1,
            "limit_concurrency": MOST_CONNECTIONS,
        }
        if settings.workers == 1:
            app = create_app(settings)
            steady()
            uvicorn.run(app, **options)
            return
        settings.hand_down()
        counts = Path(own) / "metrics"
        counts.mkdir()
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(counts)
        uvicorn.run(
            "queries.serving.app:from_environment",
            factory=True,
            workers=settings.workers,
            **options,
        )


def _loopback(host: str) -> bool:
    if host in LOOPBACK:
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


MOST_CONNECTIONS = 1_000
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(message)s"}},
    "handlers": {"err": {"class": "logging.StreamHandler", "formatter": "line"}},
    "loggers": {
        name: {"handlers": ["err"], "level": "INFO", "propagate": False}
        for name in ("uvicorn", "isthmus.serve")
    },
}
