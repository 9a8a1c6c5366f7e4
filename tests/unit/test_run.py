"""Starting a service: what is wrong with its settings is said in one line each, before anything starts."""

import pytest

from services.intake.app import build
from services.intake.settings import IntakeSettings
from shared.run import run


def test_a_wrong_setting_ends_the_process_with_2_and_a_line_that_names_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("intake", lambda: IntakeSettings(port=70_000), build) == 2
    assert capsys.readouterr().err == "intake: setting port: Input should be less than or equal to 65535\n"


def test_each_wrong_setting_has_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("intake", lambda: IntakeSettings(port=-1, delivery_concurrency=0), build) == 2
    assert [line.split(":")[1] for line in capsys.readouterr().err.splitlines()] == [" setting port", " setting delivery_concurrency"]


def test_a_rule_about_several_settings_is_told_as_it_is_written(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("intake", lambda: IntakeSettings(host="0.0.0.0"), build) == 2
    assert capsys.readouterr().err.startswith("intake: setting host: 0.0.0.0 is not loopback and no credentials are configured; set ")
