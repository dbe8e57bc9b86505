"""The policy of `slack.toml`: which hosts are trusted beside Slack's own, and who may press which button."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from nodewarden.request import matching
from nodewarden.slack.button import BUTTONS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nodewarden.table import Table

# Where Slack takes messages: webhooks and response URLs, and its Web API.
WEBHOOK_HOST = "hooks.slack.com"
API_HOST = "slack.com"

TEAM_ID = re.compile(r"[TE][A-Z0-9]{2,20}")
USER_ID = re.compile(r"[UW][A-Z0-9]{2,20}")
HOST = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?")
parse_team_id = matching(TEAM_ID, "a workspace's id such as T012AB3CD (of https://app.slack.com/client/T012AB3CD)")
parse_user_id = matching(USER_ID, "a Slack user's id such as U012AB3CD (profile, Copy member ID)")
parse_host = matching(HOST, "a host such as hooks.slack-gov.com, in small letters")


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackPolicy:
    """What `slack.toml` says; `users` has the ids of the Slack users that may press a button, by the button's name.

    `team` is the workspace that they must be of, "" where that is not asked.
    """

    hosts: frozenset[str]
    users: Mapping[str, frozenset[str]]
    team: str = ""

    def may(self, user_id: str, button: str, team: str) -> bool:
        """Tell whether a Slack user, of the workspace `team`, may press a button."""
        return user_id in self.users.get(button, frozenset()) and self.team in {"", team}

    def trusts(self, url: str, own: str) -> bool:
        """Tell whether a URL is one of Slack's: https, printable, and on the host `own` or one that the policy lists.

        The whole of what stands between `https://` and the path is compared, so a user, a password or a port refuses it.
        """
        if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
            return False
        try:
            parts = urlsplit(url)
        except ValueError:
            return False
        return parts.scheme == "https" and parts.netloc in {own, *self.hosts}


def read(table: Table) -> SlackPolicy:
    """Check `slack.toml` and give its policy; raises PolicyError naming the key's path."""
    users = table.table("users")
    team = table.parsed("team", parse_team_id) if table.text("team", "") else ""
    policy = SlackPolicy(
        hosts=frozenset(table.array("hosts", parse_host)),
        users={button.name: frozenset(users.array(button.name, parse_user_id)) for button in BUTTONS},
        team=team,
    )
    users.done()
    table.tables("case")  # the cases are the tests', not the service's
    table.done()
    return policy
