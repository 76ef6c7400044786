"""How often somebody may ask: per address for signing in, per token for the API."""

from flask import Flask
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

from insurance.core.settings import Settings

limiter = Limiter(key_func=get_remote_address, strategy="fixed-window", headers_enabled=False)


def init_app(app: Flask) -> None:
    """Count in the queue's server, and in this process's memory by the same limits while it is down."""
    settings: Settings = app.config["SETTINGS"]
    app.config["RATELIMIT_STORAGE_URI"] = settings.redis_url.replace("unix://", "redis+unix://", 1)
    app.config["RATELIMIT_KEY_PREFIX"] = "limits"
    app.config["RATELIMIT_ENABLED"] = not settings.is_test
    app.config["RATELIMIT_SWALLOW_ERRORS"] = False
    app.config["RATELIMIT_IN_MEMORY_FALLBACK_ENABLED"] = True
    limiter.init_app(app)
