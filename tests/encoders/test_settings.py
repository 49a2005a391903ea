import pytest

from encoders.settings import EncoderConfig
from kg.errors import ConfigError
from kg.settings import build


def test_defaults_are_minilm() -> None:
    config = EncoderConfig()
    assert (config.model, config.max_length, config.dim) == ("minilm", 64, None)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"max_length": 0}, "encoder: max_length = 0: must be 1 or more"),
        ({"dim": 0}, "encoder: dim = 0: must be 1 or more"),
        ({"dtype": "float61"}, "encoder.dtype = 'float61', did you mean"),
        ({"pooling": "first"}, "encoder.pooling = 'first'.*'cls'"),
        ({"storage": "int4"}, "encoder.storage = 'int4'"),
        ({"endpoint_key": "KEY"}, "endpoint_key needs endpoint"),
        ({"prompts": "x"}, 'unknown key.*did you mean "prompt"'),
    ],
)
def test_wrong_settings_name_their_key(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        build(EncoderConfig, settings, "encoder")


def test_a_key_in_place_of_its_name_is_not_shown() -> None:
    with pytest.raises(ConfigError, match="name of an environment variable") as error:
        build(EncoderConfig, {"endpoint": "http://x/v1", "endpoint_key": "sk-12.34"}, "encoder")
    assert "12.34" not in str(error.value)
