"""The order in which the product is put together, and nothing else."""

import gc
import os

from flask import Flask
from flask_compress import Compress
from flask_migrate import Migrate
from flask_wtf import CSRFProtect
from werkzeug.middleware.proxy_fix import ProxyFix

import insurance.alert_kinds
import insurance.models
import insurance.month_lists  # noqa: F401
import insurance.permissions
import insurance.record_kinds  # noqa: F401
from insurance import api, blueprints
from insurance.alerts.services import tell_of_mail
from insurance.blueprints.health import watch_requests
from insurance.core import crypto, files
from insurance.core.db import db, guard_engine
from insurance.core.settings import Settings, load_settings
from insurance.identity.tokens import use_signing_key
from insurance.jobs import use_redis
from insurance.ledger.services import open_chart
from insurance.message_templates.queries import wordings_of
from insurance.notifications.services import from_whom, in_whose_words, on_given_up
from insurance.organizations.services import on_opening
from insurance.senders.sending import who_sends
from insurance.senders.services import open_senders
from insurance.web import (
    drafts,
    errors,
    filters,
    limits,
    parsing,
    people,
    security_headers,
    static_files,
)
from insurance.web.access import init_access
from insurance.web.html import htmx
from insurance.web.sessions import DatabaseSessions

csrf = CSRFProtect()
migrate = Migrate()
compress = Compress()


def create_app(settings: Settings | None = None) -> Flask:
    """Return the application for these settings, or for those of the environment."""
    settings = settings or load_settings(os.environ)
    app = Flask("insurance", instance_path=str(settings.instance))
    app.config.update(_configuration(settings))
    if proxies := settings.trusted_proxies:
        # Who asks stands in X-Forwarded-For, as far from its end as there are proxies of ours.
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=proxies, x_proto=proxies, x_host=proxies)  # type: ignore[method-assign]
    crypto.use_keys(settings.master_keys, settings.index_key)
    use_signing_key(settings.signing_key)
    files.use_store(settings.instance / "files", settings.files_url, settings.virus_scan)
    on_opening(open_chart)
    on_opening(open_senders)
    on_given_up(tell_of_mail)
    from_whom(who_sends)
    in_whose_words(wordings_of)
    db.init_app(app)
    with app.app_context():
        guard_engine(db.engine)
    migrate.init_app(app, db)
    app.session_interface = DatabaseSessions()
    parsing.init_app(app)
    init_access(app)
    watch_requests(app)
    csrf.init_app(app)
    limits.init_app(app)
    htmx.init_app(app)
    parsing.clean_requests(app)
    errors.init_app(app)
    filters.init_app(app)
    drafts.init_app(app)
    people.init_app(app)
    static_files.init_app(app)
    security_headers.init_app(app)
    compress.init_app(app)
    blueprints.register(app)
    api.register(app, csrf)
    use_redis(app)
    _calm_collector()
    return app


def _calm_collector() -> None:
    """Keep the garbage collector off what lives as long as the process does.

    Half the time of bulk work in Python went into walking modules, models and routes again and
    again. Cycles are still collected, in larger portions.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


_COMPRESSED = [
    "text/html",
    "text/css",
    "text/csv",
    "text/javascript",
    "application/json",
    "application/problem+json",
    "image/svg+xml",
]


def _configuration(settings: Settings) -> dict[str, object]:
    return {
        "SETTINGS": settings,
        "SECRET_KEY": settings.secret_key,
        "SESSION_COOKIE_NAME": "__Host-session" if settings.is_https else "session",
        "SESSION_COOKIE_SECURE": settings.is_https,
        "SQLALCHEMY_DATABASE_URI": settings.sqlalchemy_url,
        # No ping before use: it costs every request two round trips. After a restart of the
        # database the first request on a dead connection answers 503 and empties the pool.
        "SQLALCHEMY_ENGINE_OPTIONS": {"pool_size": 8, "max_overflow": 8},
        "MAX_CONTENT_LENGTH": 10 * 1024 * 1024,
        "WTF_CSRF_TIME_LIMIT": None,
        "WTF_CSRF_SSL_STRICT": settings.is_https,
        "TESTING": settings.is_test,
        "COMPRESS_ALGORITHM": ["br", "gzip"],
        "COMPRESS_MIMETYPES": _COMPRESSED,
    }
