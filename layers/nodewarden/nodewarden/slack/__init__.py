"""Slack: what is posted there, how, and what its buttons do. What people are told is worded in `nodewarden.message`."""
