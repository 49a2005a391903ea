import tomllib

from rich.console import Console

from training.search_show import print_study, toml_lines


def shown(study):
    console = Console(record=True, width=160)
    print_study(study, console)
    return console.export_text()


def test_settings_are_tables_of_a_job():
    settings = {
        "training.epochs": 3,
        "model.fusion": "gate",
        "training.learning_rate": 1e-5,
        "channels.whiten": 0.25,
        "task.by_time": True,
    }

    assert tomllib.loads(toml_lines(settings)) == {
        "training": {"epochs": 3, "learning_rate": 1e-5},
        "model": {"fusion": "gate"},
        "channels": {"whiten": 0.25},
        "task": {"by_time": True},
    }


def test_a_study_shows_tasks_importances_and_what_to_paste():
    def trial(number, width, score):
        tasks = {"shop/warm": {"NDCG@10": score, "ratio": score / 0.2, "seconds": 1.0}}
        settings = {"model.width": width}
        return {"number": number, "value": score / 0.2, "settings": settings, "tasks": tasks}

    text = shown(
        {
            "best": 1,
            "importances": {"model.width": 0.75},
            "tasks": {"shop/warm": {"best_floor": "ease", "floors": {"random": 0.1, "ease": 0.2}}},
            "trials": [trial(0, 8, 0.22), trial(1, 16, 0.25)],
        }
    )

    for expected in ("shop/warm", "ease", "20.00", "22.00", "1.100", "25.00", "1.250", "0.75"):
        assert expected in text
    assert "[model]\nwidth = 16" in text


def test_a_study_that_was_stopped_at_once_says_so():
    assert "no trial is complete yet" in shown({"best": None, "trials": []})
