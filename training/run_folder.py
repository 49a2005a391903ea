"""Where everything of one run lies."""

from dataclasses import dataclass
from pathlib import Path

PROTOCOLS = ("user-cold", "item-cold", "warm")


@dataclass(frozen=True)
class TaskFolder:
    """One protocol of a run: its split, checkpoints, model and results."""

    path: Path

    @property
    def split(self) -> Path:
        """Folder: which interactions are held out."""
        return self.path / "split"

    @property
    def metrics(self) -> Path:
        """JSON lines: one record an epoch."""
        return self.path / "metrics.jsonl"

    @property
    def checkpoints(self) -> Path:
        """Folder of training checkpoints."""
        return self.path / "checkpoints"

    @property
    def model(self) -> Path:
        """Folder: the trained model (`training.bundle`)."""
        return self.path / "model"

    @property
    def index(self) -> Path:
        """Folder: approximate search of very many nodes (`queries.index`)."""
        return self.path / "index"

    @property
    def answers(self) -> Path:
        """Folder: the best answers of all users, made ahead (`queries.prepared`)."""
        return self.path / "answers"

    @property
    def results(self) -> Path:
        """JSON: model and floors, with intervals and tests."""
        return self.path / "results.json"


@dataclass(frozen=True)
class RunFolder:
    """A run: `config.json`, `graph/`, `features/`, one folder per protocol, `report.html`."""

    path: Path

    @property
    def config(self) -> Path:
        """JSON: the resolved job."""
        return self.path / "config.json"

    @property
    def graph(self) -> Path:
        """Folder: the imported graph (`kg.store`)."""
        return self.path / "graph"

    @property
    def features(self) -> Path:
        """Folder: vectors by node type and channel (`encoders.channels.features`)."""
        return self.path / "features"

    @property
    def encoder(self) -> Path:
        """Folder: the text encoder, where it was fitted on this graph."""
        return self.path / "encoder"

    @property
    def updates(self) -> Path:
        """Folder: what updates of the run have found, one folder each (`training.updating`)."""
        return self.path / "updates"

    @property
    def report(self) -> Path:
        """One self-contained page."""
        return self.path / "report.html"

    def task(self, protocol: str) -> TaskFolder:
        """Return the folder of one protocol."""
        return TaskFolder(self.path / protocol)

    def protocols(self) -> list[str]:
        """Return the protocols that have a trained model, in the order of the protocol names."""
        return [name for name in PROTOCOLS if self.task(name).model.is_dir()]
