"""The WSGI application, for gunicorn. It refuses to start where the checks of production fail."""

from __future__ import annotations

import os

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.core.wsgi import get_wsgi_application

from config.checks import refuse_unsafe_start

application = get_wsgi_application()
refuse_unsafe_start()
