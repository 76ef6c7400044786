"""What a WSGI server loads."""

from insurance.app import create_app

app = create_app()
