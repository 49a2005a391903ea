from pathlib import Path

import pytest

from kg.errors import ConfigError
from queries.serving.settings import ServeSettings
from queries.serving.start import serve


def test_settings_reach_other_processes(monkeypatch):
    monkeypatch.delenv("ISTHMUS_SERVE", raising=False)
    settings = ServeSettings(
        run=Path("r"), workers=2, origins=("http://a",), allowed_hosts=("b",), added=Path("x")
    )
    monkeypatch.setenv("ISTHMUS_SERVE", "")
    settings.hand_down()
    assert ServeSettings.handed_down() == settings


def test_names_are_looked_at_on_the_loopback_only():
    assert "localhost" in ServeSettings(run=Path("r")).hosts
    assert not ServeSettings(run=Path("r"), host="0.0.0.0").hosts
    named = ServeSettings(run=Path("r"), host="0.0.0.0", allowed_hosts=("Shop.Example",))
    assert named.hosts == {"shop.example"}


@pytest.mark.parametrize("wrong", [{"workers": 0}, {"timeout": 0}, {"queue": 0}, {"watch": -1}])
def test_numbers_out_of_range_are_refused(wrong):
    with pytest.raises(ConfigError):
        ServeSettings(run=Path("r"), **wrong)


def test_a_key_that_is_not_there_is_refused(monkeypatch):
    monkeypatch.delenv("NO_KEY", raising=False)
    with pytest.raises(ConfigError, match="NO_KEY holds no API key"):
        ServeSettings(run=Path("r"), api_key_env="NO_KEY")


def test_others_need_a_key():
    with pytest.raises(ConfigError, match="--api-key-env"):
        serve(ServeSettings(run=Path("r"), host="0.0.0.0"))
