"""Settings may lie in a file, as a container gets its secrets; what is set already stays."""

from pathlib import Path

import pytest

from services.runtime.base.settings import ServiceSettings, SettingsError, with_file
from tests.serving import NOWHERE


def test_a_file_fills_the_environment_up(tmp_path: Path) -> None:
    path = tmp_path / "settings"
    path.write_text("# a remark\nKURSLOTSE_KEK=a=b=\n\nKURSLOTSE_HTTP=0.0.0.0:1\n")
    found = with_file({"KURSLOTSE_SETTINGS": str(path), "KURSLOTSE_HTTP": "127.0.0.1:2"})
    assert found["KURSLOTSE_KEK"] == "a=b="
    assert found["KURSLOTSE_HTTP"] == "127.0.0.1:2"
    assert with_file({"X": "1"}) == {"X": "1"}


@pytest.mark.parametrize("text", ["just words\n", "SPA CE=1\n", "=value\n"])
def test_a_line_without_a_name_is_named_by_its_number_only(tmp_path: Path, text: str) -> None:
    path = tmp_path / "settings"
    path.write_text(f"A=1\n{text}")
    with pytest.raises(SettingsError, match="line 2") as caught:
        with_file({"KURSLOTSE_SETTINGS": str(path)})
    assert text.strip() not in str(caught.value)


def test_a_file_that_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="cannot be read"):
        with_file({"KURSLOTSE_SETTINGS": str(tmp_path / "none")})
    with pytest.raises(SettingsError, match="KURSLOTSE_TLS"):
        ServiceSettings.from_env("gateway", NOWHERE | {"KURSLOTSE_TLS": str(tmp_path / "none")})


def test_with_tls_a_service_may_listen_for_other_machines(tmp_path: Path) -> None:
    everywhere = NOWHERE | {"KURSLOTSE_HTTP": "0.0.0.0:1", "KURSLOTSE_OPS": "0.0.0.0:2"}
    with pytest.raises(SettingsError, match="plain text"):
        ServiceSettings.from_env("gateway", everywhere)
    path = tmp_path / "tls.pem"
    path.touch()
    assert ServiceSettings.from_env("gateway", everywhere | {"KURSLOTSE_TLS": str(path)}).tls == path
