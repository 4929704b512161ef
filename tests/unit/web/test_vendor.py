"""Tests the installation of what the browser needs."""

import json
from pathlib import Path

import pytest

from services.runtime.web import vendor


def test_what_is_copied_is_in_place() -> None:
    assert vendor.is_current(developers=True), "run: python -m services.runtime.web.vendor --developers"


def test_the_lock_files_name_versions_and_hashes_and_no_address() -> None:
    lock = json.loads(vendor.LOCK.read_text("utf-8"))
    packages = {name: entry for name, entry in lock["packages"].items() if name}
    assert {name for name, entry in packages.items() if not entry.get("dev")} == {
        "node_modules/@expo-google-fonts/noto-sans",
        "node_modules/@expo-google-fonts/noto-sans-arabic",
        "node_modules/@kern-ux/native",
        "node_modules/@scarf/scarf",  # of Swagger UI; its script is never run
        "node_modules/htmx.org",
        "node_modules/swagger-ui-dist",
    }
    assert all(entry["integrity"].startswith("sha512-") for entry in packages.values())
    for entry in packages.values():
        entry.pop("funding", None)  # where its authors take money
        assert "://" not in json.dumps(entry)
    for path in (vendor.NODE_LOCK, vendor.ROOT / ".npmrc", vendor.ROOT / "package.json"):
        assert "://" not in path.read_text("utf-8")
    assert "--hash=sha256:" in vendor.NODE_LOCK.read_text("utf-8")


def test_a_package_that_npm_has_not_installed_or_in_another_version_is_noticed(tmp_path: Path) -> None:
    lock, noted = tmp_path / "package-lock.json", tmp_path / ".package-lock.json"
    lock.write_text(json.dumps({"packages": {"": {}, "node_modules/a": {"integrity": "sha512-1"}}}))
    assert not vendor.has_all_packages(lock, tmp_path)
    for integrity, complete in (("sha512-0", False), ("sha512-1", True)):
        noted.write_text(json.dumps({"packages": {"node_modules/a": {"integrity": integrity}}}))
        assert vendor.has_all_packages(lock, tmp_path) is complete


def test_copying_replaces_the_folder_as_a_whole(tmp_path: Path) -> None:
    modules, target = tmp_path / "modules", tmp_path / "static" / "vendor"
    for source in vendor.COPIED:
        (modules / source).parent.mkdir(parents=True, exist_ok=True)
        (modules / source).write_text(source)
    target.mkdir(parents=True)
    (target / "old.css").write_text("old")
    vendor.copy(modules, target)
    assert {path.name for path in target.iterdir()} == {*vendor.COPIED.values(), ".stamp"}
    assert [path.name for path in target.parent.iterdir()] == ["vendor"]


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(vendor.VendorError, match=r"kern\.min\.css"):
        vendor.copy(tmp_path, tmp_path / "static")
