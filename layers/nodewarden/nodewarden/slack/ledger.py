"""What the ledger remembers of Slack: which change is posted, and who decided by a button.

One partition for each change, `slack#<change>`: the item `posted`, and the item `decision`. Neither has a version, so
neither is news, and neither has anything of the secret.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from nodewarden.aws.dynamodb import Attr
from nodewarden.record import stamp

if TYPE_CHECKING:
    from datetime import datetime

    from nodewarden.aws.dynamodb import Items

POSTED = "posted"
DECISION = "decision"
KEPT = timedelta(days=30)
# Longer than a run that posts can take; after it, what that run began is somebody else's to do.
RUN = timedelta(seconds=150)
# Longer than the three runs that Lambda gives a press, with its waits in between.
PRESS = timedelta(minutes=30)


class Posting(Enum):
    """Whose it is to post a change."""

    OURS = auto()
    DONE = auto()
    SOMEBODY_ELSES = auto()


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Who decided about a message; `ours` where that is this press, `said` what came of it, "" while it goes on.

    `refusal` says why the verb of this press was refused, "" where it was not.
    """

    ours: bool
    by: str
    said: str
    refusal: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SlackLedger:
    """Reads and writes; losing a condition means that somebody else was there first."""

    items: Items

    def begin(self, change: str, run: str, now: datetime) -> Posting:
        """Set out to post a change; a run that was begun and never ended is taken over after a while."""
        begun = {**_key(change, POSTED), "run": run, "begun_at": stamp(now), "ttl": _ends(now)}
        free = Attr("run").eq(run) | Attr("begun_at").lt(stamp(now - RUN))
        if self.items.write(begun, when=Attr("pk").not_exists() | (free & Attr("posted_at").not_exists())):
            return Posting.OURS
        return Posting.DONE if "posted_at" in self._read(change, POSTED) else Posting.SOMEBODY_ELSES

    def posted(self, change: str, now: datetime) -> None:
        """Write down that Slack has a change."""
        self.items.write({**_key(change, POSTED), "posted_at": stamp(now)}, when=None)

    def claim(self, change: str, press: str, by: str, now: datetime) -> Decision:
        """Decide about a message, unless somebody else has or is about to; the same press again is ours again.

        A press that was refused stays refused: its request, recorded and sent again, decides nothing.
        """
        claimed = {
            **_key(change, DECISION),
            "press": press,
            "by": by,
            "claimed_at": stamp(now),
            "withdrawn": False,
            "ttl": _ends(now),
        }
        stuck = Attr("claimed_at").lt(stamp(now - PRESS)) & Attr("said").not_exists()
        free = Attr("pk").not_exists() | Attr("withdrawn").eq(value=True) | stuck
        if self.items.write(claimed, when=free & ~Attr("refused").contains(press)):
            return Decision(ours=True, by=by, said="")
        found = self._read(change, DECISION)
        said = {name: str(found.get(name, "")) for name in ("by", "said")}
        refusal = str(found.get("refusal", "")) if press in found.get("refused", ()) else ""
        return Decision(ours=found.get("press") == press, refusal=refusal, **said)

    def decided(self, change: str, press: str, said: str) -> None:
        """Write down what a decision came to."""
        self.items.write({**_key(change, DECISION), "said": said}, when=Attr("press").eq(press))

    def withdraw(self, change: str, press: str, why: str) -> None:
        """Let others decide, but this press never again: nothing came of it."""
        withdrawn = {**_key(change, DECISION), "withdrawn": True, "refusal": why, "refused": {press}}
        self.items.write(withdrawn, when=Attr("press").eq(press), add="refused")

    def _read(self, change: str, kind: str) -> dict[str, Any]:
        key = _key(change, kind)
        return self.items.get(key["pk"], key["sk"]) or {}


def _key(change: str, kind: str) -> dict[str, str]:
    return {"pk": f"slack#{change}", "sk": kind}


def _ends(now: datetime) -> int:
    return int((now + KEPT).timestamp())
