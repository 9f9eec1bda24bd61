"""The WSC in the DSO's portal."""

from wsc.admin import policies, reviews

__all__ = ["policies", "reviews"]
