"""The `kurslotse` command."""

import typer

from services.embedded import commands

app = typer.Typer(no_args_is_help=True, add_completion=False)


@app.callback()
def about() -> None:
    """Kurslotse steers people into language courses and brings counselling in."""


app.command("up")(commands.up)


def main() -> None:
    """Run the command line."""
    app()


if __name__ == "__main__":
    main()
