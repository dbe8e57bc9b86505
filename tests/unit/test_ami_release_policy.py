"""The cases of ami_release.toml, each one a test; what the file must look like; and which AMI is the newest."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodewarden import policy
from nodewarden.ami_release.golden import Alike, newest
from nodewarden.ami_release.policy import AmiFamily, read
from nodewarden.errors import PolicyError
from nodewarden.node_group import Image
from nodewarden.table import Table

FOLDER = Path(__file__).parents[2] / "layers" / "policy" / "policy"
ACCOUNT = "111122223333"
TUESDAY = datetime(2026, 12, 1, 10, tzinfo=UTC)
MADE = datetime(2026, 11, 24, tzinfo=UTC)
SETTINGS = ("owner", "images", "tags", "minimum_age", "kubernetes")
GOLDEN: dict[str, object] = {
    "name": "golden",
    "owner": "self",
    "images": "golden-al2023-{minor}-*",
    "minimum_age": "1d",
    "kubernetes": ["*"],
}


@dataclass(frozen=True, kw_only=True)
class Case:
    name: str
    family: AmiFamily
    image: Image
    minor: str
    at: datetime
    outcome: str


def family_of(**differs: object) -> AmiFamily:
    (family,) = read(Table("ami_release.toml: ", {"family": [GOLDEN | differs]})).families
    return family


def image_of(table: Table) -> Image:
    tags = table.table("tags")
    found = image(
        table.text("name", "golden-al2023-1.33-20261124"),
        owner=table.text("owner", ACCOUNT),
        created_at=table.moment("made") or MADE,
        tags={tag: tags.text(tag) for tag in tags.values},
    )
    table.done()
    return found


def image(name: str = "golden-al2023-1.33-20261124", **differs: object) -> Image:
    wanted: dict[str, object] = {
        "image_id": "ami-0123456789abcdef0",
        "state": "available",
        "allowed": True,
        "owner": ACCOUNT,
        "architecture": "x86_64",
        "created_at": MADE,
    }
    return Image(name=name, **wanted | differs)  # type: ignore[arg-type]  # the tests' own words


def read_case(table: Table) -> Case:
    """Read one case of the file; raises PolicyError naming the key's path."""
    table.choice("setting", SETTINGS)
    case = Case(
        name=table.text("name"),
        family=family_of(**table.table("family").values),
        image=image_of(table.table("image")),
        minor=table.text("minor", "1.33"),
        at=table.moment("at") or TUESDAY,
        outcome=table.choice("outcome", ("used", "ignored")),
    )
    table.done()
    return case


FILE = policy.load(FOLDER, "ami_release")
CASES = tuple(FILE.tables("case"))


@pytest.mark.parametrize("table", CASES, ids=lambda table: str(table.values.get("name", table.path)))
def test_the_case_comes_out_as_it_says(table: Table) -> None:
    case = read_case(table)

    found = newest(case.family, [case.image], Alike(minor=case.minor), ACCOUNT, case.at)

    assert ("used" if found else "ignored") == case.outcome, table.path


@pytest.mark.parametrize("setting", SETTINGS)
def test_a_setting_has_a_case_in_which_an_ami_is_used_and_one_in_which_it_is_not(setting: str) -> None:
    outcomes = {table.values["outcome"] for table in CASES if table.values["setting"] == setting}

    assert outcomes == {"used", "ignored"}


def test_as_it_is_shipped_no_ami_is_of_a_family() -> None:
    assert read(policy.load(FOLDER, "ami_release")).families == ()


def test_the_families_in_the_comments_can_be_used_as_they_are() -> None:
    text = (FOLDER / "ami_release.toml").read_text("utf-8")
    rows = [row.removeprefix("# ") for row in text.splitlines() if row.startswith("# ")]
    begins = [number for number, row in enumerate(rows) if row == "[[family]]"]
    known = ("[[family]]", "name =", "owner =", "images =", "tags =", "minimum_age =", "kubernetes =")
    shown = "\n".join(row for begin in begins for row in rows[begin : begin + 7] if row.startswith(known))

    families = read(policy.parse("ami_release.toml", shown)).families

    assert [(each.name, each.owner) for each in families] == [
        ("golden-al2023", "self"),
        ("flatcar-stable", "075585003325"),
    ]


MALFORMED: dict[str, tuple[dict[str, object], str]] = {
    "with the name of what AWS releases": ({"name": "al2023"}, "name must be up to 30 lower case letters"),
    "with a name that is no part of an id": ({"name": "Golden AMIs"}, "name must be up to 30 lower case letters"),
    "of anybody": ({"owner": "*"}, 'owner must be "self", "amazon" or an account'),
    "of the marketplace, which is any seller's": ({"owner": "aws-marketplace"}, 'owner must be "self", "amazon"'),
    "of an account that is none": ({"owner": "1234"}, 'owner must be "self", "amazon"'),
    "of every name": ({"images": "*"}, "images must say more than '*'"),
    "of every name with a space": ({"images": " "}, "images must say more than ' '"),
    "of every name that is a minor": ({"images": "{minor}"}, "images must say more than '{minor}'"),
    "of every name with a minor": ({"images": "*{minor}-*"}, "images must say more than '*{minor}-*'"),
    "with a name that no AMI has": ({"images": "golden[1]"}, "images must be a name of AMIs"),
    "with an age that is none": ({"minimum_age": "3"}, "minimum_age must be a duration"),
    "for no minor": ({"kubernetes": []}, "kubernetes must name at least one minor"),
    "for a minor that is none": ({"kubernetes": ["1"]}, "kubernetes[0] must be a Kubernetes minor"),
    "with a misspelt key": ({"image": "golden-*"}, "image is not a setting here"),
}


@pytest.mark.parametrize(("changes", "message"), MALFORMED.values(), ids=MALFORMED)
def test_a_family_is_refused_with_its_path(changes: dict[str, object], message: str) -> None:
    with pytest.raises(PolicyError) as refused:
        family_of(**changes)

    assert str(refused.value).startswith(f"ami_release.toml: family[0].{message}")


def test_two_families_of_one_name_are_refused() -> None:
    with pytest.raises(PolicyError, match="must be another than 'golden': a family has that name"):
        read(Table("ami_release.toml: ", {"family": [GOLDEN, GOLDEN]}))


def test_a_name_is_matched_as_it_is_written_and_not_as_an_expression() -> None:
    family = family_of(images="golden.{minor}-?")

    assert not family.covers(image("goldenx1.33-1"), ACCOUNT)


def test_the_minor_stands_for_itself_wherever_it_is_written() -> None:
    family = family_of(images="k8s-{minor}-node-{minor}-*")

    assert family.covers(image("k8s-1.33-node-1.33-7"), ACCOUNT)
    assert not family.covers(image("k8s-1.33-node-1.34-7"), ACCOUNT)


@pytest.mark.parametrize(
    ("images", "name", "minor"),
    [
        ("golden-*{minor}-*", "golden-al2023-1.33-2", "1.33"),
        ("golden*{minor}-*", "golden-11.33-2", "11.33"),
        ("golden-{minor}*", "golden-1.33.4-2", "1.33"),
        ("golden-{minor}?-*", "golden-1.33x-2", "1.33"),
        ("golden-*-{minor}-2026*", "golden-containerd-1.7-1.33-20261120", "1.33"),
    ],
)
def test_the_minor_is_the_whole_one_in_the_name(images: str, name: str, minor: str) -> None:
    family = family_of(images=images)

    assert family.covers(image(name), ACCOUNT)
    assert family.minor_of(image(name)) == minor


@pytest.mark.parametrize(
    ("images", "name"),
    [
        ("golden-*-{minor}-*", "golden-al2023-1.33-containerd-1.7-20261120"),
        ("golden-*{minor}*", "golden-1.33-v1.2"),
        ("golden-{minor}?-*", "golden-1.33-2"),
        ("golden-{minor}3-*", "golden-1.33-2"),
    ],
)
def test_an_ami_whose_name_may_say_two_minors_or_half_of_one_is_of_no_family(images: str, name: str) -> None:
    family = family_of(images=images)

    assert not family.covers(image(name), ACCOUNT)
    assert family.minor_of(image(name)) == ""


@pytest.mark.parametrize("images", ["*a" * 10 + "b", "*a" * 10 + "-{minor}-*b"])
def test_no_pattern_takes_long_however_many_wildcards_it_has(images: str) -> None:
    code = f"""
from tests.unit.test_ami_release_policy import ACCOUNT, family_of, image
assert not family_of(images={images!r}).covers(image("a" * 120 + "-1.33-a"), ACCOUNT)
"""

    ran = subprocess.run([sys.executable, "-c", code], timeout=60, check=False)  # noqa: S603  # our own words

    assert ran.returncode == 0


def test_amazons_are_known_by_the_alias_that_only_aws_gives() -> None:
    family = family_of(owner="amazon", images="amazon-eks-node-*")

    assert family.covers(image("amazon-eks-node-1", owner="602401143452", alias="amazon"), ACCOUNT)
    assert not family.covers(image("amazon-eks-node-1", owner="602401143452"), ACCOUNT)


@given(
    made=st.lists(
        st.tuples(
            st.integers(0, 40),
            st.sampled_from([ACCOUNT, "444455556666"]),
            st.sampled_from(["available", "pending", "disabled"]),
            st.sampled_from(["x86_64", "arm64"]),
            st.booleans(),
        ),
        max_size=6,
    )
)
def test_whatever_there_is_only_a_usable_one_of_the_owner_is_taken_and_no_usable_one_is_newer(
    made: list[tuple[int, str, str, str, bool]],
) -> None:
    images = [
        image(
            f"golden-al2023-1.33-{number}",
            image_id=f"ami-{number:08x}",
            created_at=TUESDAY - timedelta(hours=hours),
            owner=owner,
            state=state,
            architecture=architecture,
            allowed=allowed,
        )
        for number, (hours, owner, state, architecture, allowed) in enumerate(made)
    ]

    found = newest(family_of(), images, Alike(minor="1.33", architecture="arm64"), ACCOUNT, TUESDAY)

    good = [i for i in images if (i.owner, i.state, i.architecture, i.allowed) == (ACCOUNT, "available", "arm64", True)]
    ages = [TUESDAY - i.created_at for i in good if i.created_at and TUESDAY - i.created_at >= timedelta(days=1)]
    assert (found is None) == (not ages)
    if found and found.created_at:
        assert found in good
        assert TUESDAY - found.created_at == min(ages)
