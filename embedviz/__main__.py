"""`python -m embedviz`, and the `embedviz` command."""

from __future__ import annotations

import sys

import click

from embedviz.cli import commands
from embedviz.errors import EmbedvizError

USER_ERROR = 1
INTERRUPTED = 130


def main(arguments: list[str] | None = None) -> None:
    """Run a command; every error a user can act on is one line on stderr and exit status 1."""
    try:
        status = commands.main(args=arguments, prog_name="embedviz", standalone_mode=False)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message())
        status = 0
    except click.ClickException as error:
        _stop(error.format_message().replace("\n", " "), USER_ERROR)
    except EmbedvizError as error:
        _stop(str(error), USER_ERROR)
    except OSError as error:  # a full disk, a folder that may not be written
        where = f"{error.filename}: " if error.filename else ""
        _stop(f"{where}{error.strerror or error}.", USER_ERROR)
    except (click.Abort, KeyboardInterrupt):
        _stop(
            "Stopped. What was finished is kept; the same command goes on from there.", INTERRUPTED
        )
    sys.exit(status if isinstance(status, int) else 0)


def _stop(message: str, status: int) -> None:
    click.echo(f"embedviz: {message}", err=True)
    sys.exit(status)


if __name__ == "__main__":
    main()
