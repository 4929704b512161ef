"""Declares what a demo may add to this service: pages, texts, a menu entry, kinds of questions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

from fastapi import APIRouter

from services.allocation.steering.questions.worker import Kind
from services.runtime.base.settings import ServiceSettings, SettingsError


@dataclass(frozen=True, slots=True)
class Extension:
    """Additions to the console and to the questions that the engine answers; by default none."""

    routers: Sequence[APIRouter] = ()
    templates: Sequence[Path] = ()
    """Folders of templates."""
    locales: Sequence[Path] = ()
    """Folders with `LANGUAGE/LC_MESSAGES/*.po`."""
    menu: Sequence[tuple[str, str]] = ()
    """Addresses with their msgids, shown to coordinators."""
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    """Kinds of questions by name."""


def extension_of(settings: ServiceSettings) -> Extension:
    """Return the `EXTENSION` of the module that a demo's settings name; outside the demo nothing is loaded.

    Raises:
        SettingsError: the module has no `EXTENSION`.
    """
    if not settings.demo or not settings.extension:
        return Extension()
    found = getattr(import_module(settings.extension), "EXTENSION", None)
    if not isinstance(found, Extension):
        raise SettingsError("KURSLOTSE_EXTENSION does not name a module with an EXTENSION")
    return found
