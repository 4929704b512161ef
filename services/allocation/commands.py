"""What allocation adds to the `kurslotse` command."""

from __future__ import annotations

import typer

from services.allocation.steering import commands as steering

app = typer.Typer()
app.add_typer(steering.app, name="steering")
