"""Launch template versions: which can be a source, how ours is known, and what makes one another."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodewarden.launch_template import (
    LaunchTemplate,
    TemplateVersion,
    description_of,
    differences,
    token_of,
    why_unsuitable,
)

OLD, NEW = "ami-0123456789abcdef0", "ami-0fedcba9876543210"
USED = LaunchTemplate(template_id="lt-0123456789abcdef0", version="3")
FIELDS = st.dictionaries(
    st.sampled_from(["UserData", "KeyName", "InstanceType", "TagSpecifications"]), st.text(max_size=3)
)


def version(used: LaunchTemplate = USED, /, **data: Any) -> TemplateVersion:
    return TemplateVersion(template=used, data={"ImageId": OLD, **data})


@pytest.mark.parametrize("number", ["$Latest", "$Default", "", "0", "3 or so"])
def test_what_is_no_fixed_version_is_no_source(number: str) -> None:
    used = LaunchTemplate(template_id=USED.template_id, version=number)

    assert "which is no fixed version" in why_unsuitable(version(used))


def test_a_version_that_is_gone_is_no_source() -> None:
    assert "is gone" in why_unsuitable(None)


def test_a_version_without_an_ami_is_no_source() -> None:
    assert "names no AMI" in why_unsuitable(TemplateVersion(template=USED, data={}))


def test_volumes_without_snapshots_are_taken_over() -> None:
    devices = [
        {"DeviceName": "/dev/xvda", "Ebs": {"VolumeSize": 80}},
        {"DeviceName": "/dev/sdb", "VirtualName": "none"},
    ]

    assert why_unsuitable(version(BlockDeviceMappings=devices)) == ""


@given(data=FIELDS)
def test_a_version_is_the_sources_with_the_other_ami_and_no_more(data: dict[str, str]) -> None:
    assert differences(version(**data), version(**data | {"ImageId": NEW}), NEW) == ()


@given(data=FIELDS, other=FIELDS)
def test_every_field_that_differs_is_named(data: dict[str, str], other: dict[str, str]) -> None:
    wrong = {name for name in data.keys() | other.keys() if data.get(name) != other.get(name)}

    assert set(differences(version(**data), version(**other | {"ImageId": NEW}), NEW)) == wrong


def test_another_ami_than_the_target_is_a_difference() -> None:
    assert differences(version(), version(), NEW) == ("ImageId",)


def test_there_is_one_description_and_one_token_for_a_source_and_an_ami() -> None:
    others = [
        LaunchTemplate(template_id=USED.template_id, version="4"),
        LaunchTemplate(template_id="lt-0fed", version="3"),
    ]
    tokens = {token_of(each, image) for each in (USED, *others) for image in (OLD, NEW)}

    assert len(tokens) == 6
    assert token_of(USED, NEW) == token_of(USED, NEW)
    assert description_of(USED, NEW) != description_of(others[0], NEW)
