"""The WSGI application, for gunicorn. It refuses to start where the checks of production fail."""

from __future__ import annotations

import os
import sys

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

from django.core.exceptions import ImproperlyConfigured
from django.core.wsgi import get_wsgi_application

from config.checks import refuse_unsafe_start

WORKER_BOOT_ERROR = 3  # gunicorn then ends too, where after any other it would start workers on

try:
    application = get_wsgi_application()
    refuse_unsafe_start()
except ImproperlyConfigured as error:
    sys.stderr.write(f"{error}\n")
    sys.exit(WORKER_BOOT_ERROR)
