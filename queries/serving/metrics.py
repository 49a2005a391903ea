"""What Prometheus reads."""

import os

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
SHARED = "PROMETHEUS_MULTIPROC_DIR"  # where processes leave their counts for each other
CONTENT_TYPE = CONTENT_TYPE_LATEST


class Metrics:
    """Counters of one server; every name begins with `isthmus_`."""

    def __init__(self) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = registry = CollectorRegistry()
        self.requests = Counter(
            "isthmus_requests_total", "Requests answered.", ["path", "status"], registry=registry
        )
        self.seconds = Histogram(
            "isthmus_request_seconds",
            "Time from the head of a request to the end of its answer.",
            ["path"],
            buckets=SECONDS,
            registry=registry,
        )
        self.in_flight = self._gauge("isthmus_requests_in_flight", "Requests not answered yet.")
        self.pending = self._gauge("isthmus_work_pending", "Work that is computed or waits.")
        self.ahead = Counter(
            "isthmus_answers_ahead_total",
            "Questions of one user whose answer was made ahead.",
            registry=registry,
        )
        self.batch = Histogram(
            "isthmus_batch_users",
            "Users ranked together.",
            buckets=BATCHES,
            registry=registry,
        )
        self.reloads = Counter(
            "isthmus_reloads_total", "Models opened.", ["outcome"], registry=registry
        )
        self.opened = self._gauge(
            "isthmus_model_opened_timestamp_seconds", "When the model was opened.", "mostrecent"
        )
        self.added = self._gauge("isthmus_added_nodes", "Nodes added while serving.", "mostrecent")

    def show(self, since: float, added: int) -> None:
        """Say which model answers now: when it was opened, and how many nodes were added to it."""
        self.opened.set(since)
        self.added.set(added)

    def text(self) -> bytes:
        """Return all of it in the text format of Prometheus, of all processes together."""
        if not os.environ.get(SHARED):
            return generate_latest(self.registry)
        from prometheus_client.multiprocess import MultiProcessCollector

        together = CollectorRegistry()
        MultiProcessCollector(together)  # type: ignore[no-untyped-call]
        return generate_latest(together)

    def _gauge(self, name: str, text: str, mode: str = "livesum") -> Gauge:
        return Gauge(name, text, registry=self.registry, multiprocess_mode=mode)  # type: ignore[arg-type]
