"""The `insurance` command. Each module here is one command or group."""

from importlib import import_module

import click

_COMMANDS = {
    "demo": "demo",
    "serve": "serve",
    "worker": "worker",
    "migrate": "migrate",
    "seed": "seed",
    "user": "users",
    "token": "tokens",
    "keys": "keys",
    "audit": "audit",
    "month-end": "month_end",
    "replay": "replay",
}


class _Lazy(click.Group):
    """Imports a command's module only when it is asked for, so that --help answers at once."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order a newcomer needs them."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command by its name."""
        if cmd_name not in _COMMANDS:
            return None
        module = import_module(f"insurance.cli.{_COMMANDS[cmd_name]}")
        return getattr(module, cmd_name.replace("-", "_"))  # type: ignore[no-any-return]


@click.command(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """The insurance administration platform.

    `insurance demo` starts everything on this machine with demonstration data. In production,
    run `insurance migrate`, then `insurance serve` and `insurance worker`; settings come from the
    environment (see the README).
    """
