import logging
from pathlib import Path

import pytest

from encoders.knowledge.answers import Phrases, ask_once

TEXTS = ["green tea", "black tea", "", "green tea", "no answer"]


class Asked:
    def __init__(self, stop_at: str = "") -> None:
        self.texts: list[str] = []
        self.stop_at = stop_at

    def __call__(self, texts: list[str]) -> list[Phrases | None]:
        if self.stop_at in texts:
            raise KeyboardInterrupt
        self.texts += texts
        return [None if text == "no answer" else {text.split()[0]: 0.5} for text in texts]


def ask(asked: Asked, folder: Path | None, fingerprint: str = "a") -> list[Phrases | None]:
    return ask_once(TEXTS, asked, folder=folder, fingerprint=fingerprint, at_once=1)


def test_a_text_is_asked_about_once_and_no_answer_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, second, other = Asked(), Asked(), Asked()
    expected = [{"green": 0.5}, {"black": 0.5}, {}, {"green": 0.5}, None]
    assert ask(first, tmp_path) == expected
    assert sorted(first.texts) == ["black tea", "green tea", "no answer"]
    assert ask(second, tmp_path) == expected
    assert second.texts == ["no answer"]
    ask(other, tmp_path, "b")
    assert len(other.texts) == 3
    assert not caplog.records


def test_without_a_folder_nothing_is_kept() -> None:
    asked = Asked()
    ask(asked, None)
    ask(asked, None)
    assert len(asked.texts) == 6


def test_an_interrupted_run_goes_on_where_it_stopped(tmp_path: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        ask(Asked(stop_at="no answer"), tmp_path)
    asked = Asked()
    ask(asked, tmp_path)
    assert asked.texts == ["no answer"]


@pytest.mark.parametrize("line", ["{", "[1]", '["key", 3]', '["key", {"a": "b"}]', "\ufffd"])
def test_a_damaged_line_is_asked_for_again(
    tmp_path: Path, line: str, caplog: pytest.LogCaptureFixture
) -> None:
    ask_once(["green tea"], Asked(), folder=tmp_path, fingerprint="a", at_once=1)
    (file,) = tmp_path.rglob("*.jsonl")
    file.write_text(line + "\n", encoding="utf-8")
    asked = Asked()
    with caplog.at_level(logging.WARNING):
        ask_once(["green tea"], asked, folder=tmp_path, fingerprint="a", at_once=1)
    assert asked.texts == ["green tea"]
    assert "damaged" in caplog.text
