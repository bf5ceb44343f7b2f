"""Oscar's own models, and no others."""

from oscar.apps.shipping.models import *  # noqa: F403
