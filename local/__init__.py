"""The whole service on one machine: AWS played by moto, events through the rules of template.yaml."""

from __future__ import annotations
