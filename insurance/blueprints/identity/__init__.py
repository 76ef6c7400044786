"""Signing in and out, links from mails, and one's own security."""

from flask import Blueprint

bp = Blueprint("identity", __name__)
