"""`make bench`: what Nodewarden costs, against bare boto3 that makes the same calls."""

from __future__ import annotations
