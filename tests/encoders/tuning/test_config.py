import pytest

from encoders.tuning.config import TuningConfig
from kg.errors import ConfigError
from kg.settings import build


def test_a_table_becomes_settings():
    config = build(TuningConfig, {"steps": 7, "pairs": {"items": 0, "neighbours": 1}}, "tuning")
    assert (config.steps, config.pairs.items, config.pairs.neighbours) == (7, 0, 1)


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"steps": 0}, "steps = 0: must be 1 or more"),
        ({"learning_rate": 0}, "learning_rate = 0.0: must be above 0"),
        ({"valid_share": 1.5}, "valid_share = 1.5: must be above 0, 1 at most"),
        ({"batch_size": 1}, "batch_size = 1"),
        ({"objective": "distil"}, "either layers"),
        ({"objective": "distil", "layers": 1, "student": "x"}, "either layers"),
        ({"layers": 0}, "layers = 0"),
        ({"objective": "contrast"}, 'did you mean "contrastive"'),
        ({"pairs": {"neighbours": 0}}, r"tuning\.pairs: give at least one kind"),
        ({"pairs": {"items": -1}}, "0 or more"),
        ({"pairs": {"item": 1}}, 'did you mean "items"'),
    ],
)
def test_wrong_settings_are_one_line(table, said):
    with pytest.raises(ConfigError, match=said) as caught:
        build(TuningConfig, table, "tuning")
    assert "\n" not in str(caught.value)
