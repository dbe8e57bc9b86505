"""The policy of `ami_release.toml`: families of AMIs that AWS does not release for EKS by itself, or not by SSM."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from nodewarden.ami_release.ami_type import MINOR, Family
from nodewarden.rollout.policy import parse_duration
from nodewarden.security_group.event import ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta

    from nodewarden.node_group import Image, Target
    from nodewarden.table import Table

SELF, AMAZON = "self", "amazon"
NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,28}[a-z0-9])?")  # begins the ids of its rollouts
PATTERN = re.compile(r"(?:[A-Za-z0-9 ()./'@_*?-]|\{minor\}){1,128}")  # an AMI's name, with EC2's wildcards
PLACE = "{minor}"
SAID = re.compile(rf"(?<![0-9.]){MINOR.pattern}(?![0-9])")  # where a name may say the minor: 1.33 in al2023-1.33.4-2
LETTER = re.compile(r"[A-Za-z0-9]")
ANY = "*"
RELEASED_BY_AWS = frozenset(family.lower() for family in Family)


@dataclass(frozen=True, slots=True, kw_only=True)
class AmiFamily:
    """AMIs that replace one another: all of `owner`, whose name fits `images`, and that have the `tags`.

    `images` may have the wildcards * and ?, and `{minor}` for the Kubernetes minor; an AMI whose name fits with more than one
    minor is not of the family. `kubernetes` are the minors that it is for, `*` for all: without `{minor}`, each of its AMIs
    then is for any. An AMI younger than `minimum_age` is not used yet.
    """

    name: str
    owner: str
    images: str
    tags: Mapping[str, str]
    minimum_age: timedelta
    kubernetes: tuple[str, ...]

    def covers(self, image: Image, account: str) -> bool:
        """Tell whether an AMI is of the family; `account` is the one whose node groups these are."""
        owned = image.alias == AMAZON if self.owner == AMAZON else image.owner == self.owner_id(account)
        return (
            owned
            and self._says(image) is not None
            and all(tag in image.tags and fnmatchcase(image.tags[tag], glob) for tag, glob in self.tags.items())
        )

    def is_for(self, image: Image, minor: str) -> bool:
        """Tell whether an AMI of the family is for a Kubernetes minor."""
        return self._says(image) in {"", minor} and (ANY in self.kubernetes or minor in self.kubernetes)

    def may_be_for(self, image: Image) -> bool:
        """Tell whether an AMI is for any minor that the family is for."""
        said = self._says(image)
        return said is not None and (not said or self.is_for(image, said))

    def minor_of(self, image: Image) -> str:
        """Give the minor that an AMI's name says, or the only one that the family is for; empty where nothing says it."""
        only = self.kubernetes[0] if len(self.kubernetes) == 1 and ANY not in self.kubernetes else ""
        return self._says(image) or only

    def owner_id(self, account: str) -> str:
        """Give the owner as EC2 is asked for it."""
        return account if self.owner == SELF else self.owner

    @property
    def tells_minors(self) -> bool:
        """Whether its AMIs are each for one minor, which their names say."""
        return PLACE in self.images

    @property
    def filter(self) -> str:
        """The pattern of names for EC2, which knows no minors."""
        return self.images.replace(PLACE, ANY)

    def _says(self, image: Image) -> str | None:
        """Give the minor in an AMI's name, empty where the family's names have none; None where the name does not fit.

        Each minor that the name could mean is tried as it is: an expression with the wildcards could take hours.
        """
        if not self.tells_minors:
            return "" if fnmatchcase(image.name, self.images) else None
        minors = {m for m in SAID.findall(image.name) if fnmatchcase(image.name, self.images.replace(PLACE, m))}
        return minors.pop() if len(minors) == 1 else None


@dataclass(frozen=True, slots=True, kw_only=True)
class AmiReleasePolicy:
    """What `ami_release.toml` says."""

    families: tuple[AmiFamily, ...]

    def family_of(self, image: Image, account: str) -> AmiFamily | None:
        """Find the family of an AMI: the first that it fits, and no other."""
        return next((family for family in self.families if family.covers(image, account)), None)

    def family(self, name: str) -> AmiFamily | None:
        """Find a family by its name."""
        return next((family for family in self.families if family.name == name), None)

    def why_outside(self, target: Target, image: Image, account: str, now: datetime) -> str | None:
        """Say why an AMI that was a target is none of its family's any more, or None where it is; tags and policy change."""
        family = self.family(target.family)
        if family is None:
            return f"ami_release.toml has no family {target.family} any more"
        if self.family_of(image, account) != family or not family.may_be_for(image):
            return f"{image.image_id} is not of the family {family.name} any more: its tags or ami_release.toml changed"
        raised = target.minimum_age is not None and target.minimum_age < family.minimum_age
        if raised and target.released_at + family.minimum_age > now:
            return f"{image.image_id} is too young: the minimum_age of the family {family.name} was raised"
        return None


def read(table: Table) -> AmiReleasePolicy:
    """Check `ami_release.toml` and give its policy; raises PolicyError naming the key's path."""
    policy = AmiReleasePolicy(families=tuple(_family(entry) for entry in table.tables("family")))
    names = [family.name for family in policy.families]
    for index, name in enumerate(names):
        if name in names[:index]:
            key = f"family[{index}].name"
            raise table.wrong(key, f"must be another than {name!r}: a family has that name")
    table.tables("case")  # the cases are the tests', not the service's
    table.done()
    return policy


def _family(table: Table) -> AmiFamily:
    tags = table.table("tags")
    family = AmiFamily(
        name=table.parsed("name", _name),
        owner=table.parsed("owner", _owner),
        images=table.parsed("images", _pattern),
        tags={tag: tags.text(tag) for tag in tags.values},
        minimum_age=table.parsed("minimum_age", parse_duration),
        kubernetes=table.array("kubernetes", _minor),
    )
    if not family.kubernetes:
        key = "kubernetes"
        raise table.wrong(key, 'must name at least one minor such as "1.33"; for all write ["*"]')
    table.done()
    return family


def _name(text: str) -> str:
    if not NAME.fullmatch(text) or text in RELEASED_BY_AWS:
        others = ", ".join(sorted(RELEASED_BY_AWS))
        message = f"must be up to 30 lower case letters, digits and dashes, and none of {others}, not {text!r}"
        raise ValueError(message)
    return text


def _owner(text: str) -> str:
    if text not in {SELF, AMAZON} and not ACCOUNT.fullmatch(text):
        message = f'must be "self", "amazon" or an account of twelve digits, not {text!r}: AMIs of anybody else are never used'
        raise ValueError(message)
    return text


def _pattern(text: str) -> str:
    if not PATTERN.fullmatch(text):
        message = f"must be a name of AMIs with the wildcards * and ? and {PLACE}, not {text!r}"
        raise ValueError(message)
    if not LETTER.search(text.replace(PLACE, "")):
        message = f"must say more than {text!r}: AMIs of any name would be of the family"
        raise ValueError(message)
    return text


def _minor(text: str) -> str:
    if text != ANY and not MINOR.fullmatch(text):
        message = f'must be a Kubernetes minor such as 1.33, or "*", not {text!r}'
        raise ValueError(message)
    return text
