"""`insurance serve`: the web server."""

import os

import click
from gunicorn.app.base import BaseApplication

from insurance.core.logs import set_up_logs
from insurance.core.settings import load_settings


@click.command()
@click.option("--workers", default=1, show_default=True, help="Processes.")
@click.option("--threads", default=8, show_default=True, help="Threads of each process.")
def serve(workers: int, threads: int) -> None:
    """Serve the screens and the API.

    Listens on HOST (127.0.0.1) and PORT (8080). Put a TLS proxy in front and set BASE_URL to its
    https:// address.
    """
    settings = load_settings(os.environ)
    host = os.environ.get("HOST", "127.0.0.1")
    if settings.is_demo and host not in ("127.0.0.1", "localhost", "::1"):
        raise click.ClickException("The demo listens on 127.0.0.1 only.")
    _Server(
        {
            "bind": f"{host}:{settings.port}",
            "workers": workers,
            "threads": threads,
            "worker_class": "gthread",
            "timeout": 60,
            "graceful_timeout": 10,
            "limit_request_field_size": 8190,
            "accesslog": None,
            "control_socket_disable": True,
        }
    ).run()


class _Server(BaseApplication):
    """Gunicorn with our settings instead of a configuration file."""

    def __init__(self, options: dict[str, object]) -> None:
        self.options = options
        super().__init__()

    def load_config(self) -> None:
        """Take the options."""
        for name, value in self.options.items():
            if name in self.cfg.settings:
                self.cfg.set(name, value)

    def load(self) -> object:
        """Return the application; called in each process."""
        from insurance.app import create_app

        set_up_logs()
        return create_app()
