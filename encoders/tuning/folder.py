"""A tuned model on disk: an ordinary model folder that says what it was made from."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kg.errors import ArtefactError
from kg.files import read_json, write_folder, write_json

if TYPE_CHECKING:  # it imports torch, which takes seconds
    from encoders.tuning.text_model import TextModel

ABOUT = "isthmus.json"
KIND = "encoder"
WHAT = {
    "contrastive": "Texts of nodes that belong together were brought nearer to each other",
    "masked": "It learned to guess hidden words of the texts",
    "causal": "It learned to guess the next word of the texts",
    "distil": "It learned to give the vectors of a larger model",
}


@dataclass(frozen=True, kw_only=True)
class About:
    """What a tuned model was made from.

    Attributes:
        fingerprint: of the settings, the base model and the data: one tuning has one.
        base: name of the model it began as.
        teacher: name of the model it was taught by, if any.
        settings: of the tuning.
        counts: of what it was tuned on: texts, interactions and so on.
        metric: what `valid` is.
        valid: that, before and after.
        best_step: the step whose weights these are; 0 where no step was better than the start.
        splits: fingerprints of the training interactions it may be used with; None where it has
            seen no interactions and may be used with all.
    """

    fingerprint: str
    base: str
    teacher: str | None
    settings: Mapping[str, Any]
    counts: Mapping[str, int]
    metric: str
    valid: tuple[float, float]
    best_step: int
    splits: tuple[str, ...] | None

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, ready for JSON."""
        return {
            **vars(self),
            "settings": dict(self.settings),
            "counts": dict(self.counts),
            "valid": {"before": self.valid[0], "after": self.valid[1]},
            "splits": None if self.splits is None else list(self.splits),
        }


def save_tuned(model: "TextModel", path: Path, about: About, metrics: Path) -> None:
    """Write a model folder in one step: weights, tokenizer, pooling, card, `isthmus.json`.

    Raises:
        ArtefactError: `path` holds something else.
    """
    with write_folder(path, KIND) as aside:
        model.save(aside)
        write_json(aside / ABOUT, about.to_dict())
        (aside / metrics.name).write_bytes(metrics.read_bytes())
        (aside / "README.md").write_text(model_card(about, _licence(model.folder)), "utf-8")


def read_about(folder: Path) -> dict[str, Any] | None:
    """Return what `isthmus.json` of a model folder says, None if it has none.

    Raises:
        ArtefactError: it is damaged.
    """
    path = folder / ABOUT
    if not path.is_file():
        return None
    about: dict[str, Any] = read_json(path)
    if not isinstance(about, dict) or "splits" not in about:
        raise ArtefactError(f"{path} is damaged: it does not say what the model has seen")
    return about


def model_card(about: About, licence: str | None) -> str:
    """Return the page that goes with a model, as Markdown."""
    before, after = about.valid
    taught = f", taught by `{about.teacher}`" if about.teacher else ""
    lines = [
        "# An encoder tuned by Isthmus",
        "",
        f"It began as `{about.base}`{taught}. {WHAT[about.settings['objective']]}.",
        "",
        "## Data",
        "",
        *(f"- {name}: {count:,}" for name, count in about.counts.items()),
        "",
        _seen(about.splits),
        "",
        "## Result",
        "",
        f"{about.metric} on what was kept out of tuning: {before:.4f} before, {after:.4f} after. "
        f"These are the weights of step {about.best_step}.",
        "",
        "## Settings",
        "",
        "| setting | value |",
        "|---|---|",
        *(f"| {name} | {value} |" for name, value in about.settings.items()),
        "",
        "## Licence",
        "",
        f"The licence of `{about.base}`" + (f" ({licence})" if licence else "") + " goes with "
        "these weights, and whoever gave the data may have a say.",
        "",
    ]
    return "\n".join(lines)


def _seen(splits: tuple[str, ...] | None) -> str:
    if splits is None:
        return "It has seen texts and no interactions."
    return (
        "Interactions that the job holds out to judge by were not used. With a job that holds out "
        "others, the model is refused."
    )


def _licence(folder: Path) -> str | None:
    """Return the licence that a model's card states, None if it states none."""
    card = folder / "README.md"
    lines = card.read_text(encoding="utf-8").splitlines() if card.is_file() else []
    if not lines or lines[0].strip() != "---":
        return None
    for line in lines[1:]:
        name, _, value = line.partition(":")
        if name.strip() == "license" and value.strip():
            return value.strip()
        if line.strip() == "---":
            break
    return None
