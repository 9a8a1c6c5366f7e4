"""Settings: from the environment, with usable defaults, and refused where they would leave a service open or silent."""

import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from services.governance.settings import GovernanceSettings
from services.intake.settings import IntakeSettings
from shared.settings import ServiceSettings


@pytest.fixture
def pem(tmp_path: Path) -> Path:
    path = tmp_path / "some.pem"
    path.write_text("not read before the server starts")
    return path


def refusal(**values: object) -> str:
    with pytest.raises(ValidationError) as refused:
        ServiceSettings(**values)  # type: ignore[arg-type]
    return str(refused.value)


def test_every_setting_has_a_usable_default_and_a_description() -> None:
    ServiceSettings()
    assert [name for name, field in ServiceSettings.model_fields.items() if field.is_required()] == []
    for settings in (ServiceSettings, IntakeSettings):
        assert [name for name, field in settings.model_fields.items() if not field.description] == []


def test_a_setting_is_read_from_the_environment_of_its_service(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BALLAST_INTAKE_PORT", "7999")
    monkeypatch.setenv("BALLAST_INTAKE_GROUP_BY", '["outage", "region"]')
    monkeypatch.setenv("BALLAST_TRIAGE_PORT", "7998")
    settings = IntakeSettings()
    assert (settings.port, settings.group_by) == (7999, ("outage", "region"))


def test_subscribers_are_read_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(
        "BALLAST_INTAKE_SUBSCRIBERS", json.dumps({"audit": {"address": "audit:7000", "types": ["a.B"]}, "all": {"address": "x:1"}})
    )
    subscribers = IntakeSettings().subscribers
    assert {name: (each.address, each.types) for name, each in subscribers.items()} == {
        "audit": ("audit:7000", ("a.B",)),
        "all": ("x:1", ("*",)),
    }


def test_settings_do_not_change_under_a_running_service() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        ServiceSettings().port = 1  # type: ignore[misc]  # the point


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.8.8", "localhost", "::1", "[::1]"])
def test_loopback_needs_no_credentials(host: str) -> None:
    assert ServiceSettings(host=host).host == host


@pytest.mark.parametrize(
    "host",
    [
        "0.0.0.0",
        "",
        "::",
        "[::]",
        "10.0.0.7",
        "intake.example.org",
        "localhost.example.org",
        "127.0.0.1.example.org",
        "::1234",
        "unix:/tmp/x",
    ],
)
def test_any_other_address_needs_credentials_and_the_refusal_says_field_rule_and_remedy(host: str) -> None:
    said = refusal(host=host)
    assert f"host: {host} is not loopback and no credentials are configured" in said
    assert "set tls_cert and tls_key with tls_client_ca or oidc_issuer, or listen on 127.0.0.1" in said


def test_a_certificate_alone_tells_no_caller_from_another(pem: Path) -> None:
    assert "host: 0.0.0.0 is not loopback" in refusal(host="0.0.0.0", tls_cert=pem, tls_key=pem)


def test_with_certificates_or_tokens_any_address_will_do(pem: Path) -> None:
    assert ServiceSettings(host="0.0.0.0", tls_cert=pem, tls_key=pem, tls_client_ca=pem).has_credentials
    tokens = {"oidc_issuer": "https://id.example.org", "oidc_jwks": "https://id.example.org/keys"}
    assert ServiceSettings(host="0.0.0.0", tls_cert=pem, tls_key=pem, **tokens).has_credentials  # type: ignore[arg-type]


@pytest.mark.parametrize("alone", ["tls_cert", "tls_key"])
def test_certificate_and_key_come_together(alone: str, pem: Path) -> None:
    assert "tls_cert, tls_key: one without the other; set both or neither" in refusal(**{alone: pem})


def test_an_issuer_needs_its_key_set(pem: Path) -> None:
    said = refusal(tls_cert=pem, tls_key=pem, oidc_issuer="https://id.example.org")
    assert "oidc_jwks: needed with oidc_issuer; give the https URL or file of the issuer's key set" in said


@pytest.mark.parametrize("location", ["http://id.example.org/keys", "/no/such/file.json"])
def test_a_key_set_is_an_https_url_or_a_file_that_exists(location: str, pem: Path) -> None:
    said = refusal(tls_cert=pem, tls_key=pem, oidc_issuer="https://id.example.org", oidc_jwks=location)
    assert f"oidc_jwks: {location} is neither an https URL nor a file" in said


@pytest.mark.parametrize(
    "values", [{"tls_client_ca": True}, {"oidc_issuer": "https://id.example.org", "oidc_jwks": "https://id.example.org/keys"}]
)
def test_callers_are_not_told_apart_without_encryption(values: dict[str, object], pem: Path) -> None:
    """Such a setting would be without effect: the server would be open to everyone on the machine."""
    said = refusal(**{key: pem if value is True else value for key, value in values.items()})
    assert f"{next(iter(values))}: has no effect without tls_cert and tls_key; set them too" in said


@pytest.mark.parametrize("field", ["tls_cert", "tls_key", "tls_client_ca"])
def test_a_certificate_that_is_not_there_is_named_before_the_service_starts(field: str, pem: Path, tmp_path: Path) -> None:
    paths = {"tls_cert": pem, "tls_key": pem, "tls_client_ca": pem} | {field: tmp_path / "gone.pem"}
    said = refusal(**paths)
    assert field in said
    assert "Path does not point to a file" in said


@pytest.mark.parametrize(
    ("field", "value"),
    [("port", 65536), ("database_pool_size", 1), ("largest_message_bytes", 10), ("default_deadline_seconds", 0), ("log_format", "xml")],
)
def test_a_value_out_of_range_is_refused_by_its_name(field: str, value: object) -> None:
    assert field in refusal(**{field: value})


@pytest.mark.parametrize("seconds", [1, 299.9])
def test_a_patience_that_no_manifest_can_keep_to_is_refused(seconds: float) -> None:
    with pytest.raises(ValidationError, match="every entry would be a false alarm; set at least that, or 0 in tests"):
        GovernanceSettings(manifest_patience_seconds=seconds)
    for usable in (0, 300, 900):
        assert GovernanceSettings(manifest_patience_seconds=usable).manifest_patience_seconds == usable
