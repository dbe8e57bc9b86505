"""The 23 AMI types: each has a source of its target, and what SSM answers is read, never guessed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nodewarden.ami_release.ami_type import SOURCES, Family, Parameter, family_of, parameters
from nodewarden.ami_release.target import Absence, NoTarget, target_of
from nodewarden.node_group import CUSTOM, Target

TABLE = Path(__file__).parents[3] / "shared" / "reference" / "ssm_paths.json"
RELEASED = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)
MINOR = "1.33"
AL2023 = "AL2023_x86_64_STANDARD"
RELEASE, IMAGE = parameters(AL2023, MINOR)
WINDOWS = "WINDOWS_CORE_2022_x86_64"
(WINDOWS_BOTH,) = parameters(WINDOWS, MINOR)


def found(**values: str) -> dict[str, Parameter]:
    return {name: Parameter(value=value, last_modified=RELEASED) for name, value in values.items()}


def test_every_ami_type_of_botocore_is_known_and_no_other() -> None:
    enum = botocore.session.get_session().get_service_model("eks").shape_for("AMITypes").metadata["enum"]

    assert {*SOURCES, CUSTOM} == set(enum)


@pytest.mark.skipif(not TABLE.exists(), reason="the table of paths to compare with is not beside this checkout")
def test_the_parameters_are_those_of_the_reference() -> None:
    table: dict[str, Any] = json.loads(TABLE.read_text("utf-8"))
    said = {
        ami_type: {row["release_version"].split()[0], *([] if "JSON" in row["release_version"] else [row["image_id"]])}
        for ami_type, row in table.items()
        if row["release_version"]
    }

    assert {ami_type: set(source.names("{k8s}")) for ami_type, source in SOURCES.items()} == said


def test_each_type_and_minor_has_parameters_of_its_own() -> None:
    names = [name for ami_type in SOURCES for minor in ("1.32", "1.33") for name in parameters(ami_type, minor)]

    assert len(set(names)) == len(names)


@pytest.mark.parametrize(
    ("ami_type", "family"),
    [
        ("AL2_x86_64_GPU", Family.AL2),
        ("AL2023_ARM_64_NVIDIA", Family.AL2023),
        ("BOTTLEROCKET_x86_64_NVIDIA_FIPS", Family.BOTTLEROCKET),
        ("WINDOWS_FULL_2025_x86_64", Family.WINDOWS),
        (CUSTOM, None),
        ("AL2027_RISCV", None),
    ],
)
def test_a_type_is_of_its_family(ami_type: str, family: Family | None) -> None:
    assert family_of(ami_type) is family


def test_the_target_of_amazon_linux_is_in_two_parameters() -> None:
    names = parameters("AL2023_ARM_64_STANDARD", "1.32")
    answer = found(**dict(zip(names, ("1.32.9-20261123", "ami-0123456789abcdef0"), strict=True)))

    path = "/aws/service/eks/optimized-ami/1.32/amazon-linux-2023/arm64/standard/recommended"
    assert target_of("AL2023_ARM_64_STANDARD", "1.32", answer) == Target(
        release_version="1.32.9-20261123",
        parameter=f"{path}/release_version",
        released_at=RELEASED,
        image_id="ami-0123456789abcdef0",
    )


def test_the_release_version_of_bottlerocket_is_its_image_version_as_it_is() -> None:
    names = parameters("BOTTLEROCKET_ARM_64_FIPS", "1.33")
    answer = found(**dict(zip(names, ("1.55.0-d93bb1b1", "ami-0123456789abcdef0"), strict=True)))

    target = target_of("BOTTLEROCKET_ARM_64_FIPS", "1.33", answer)

    assert names[0] == "/aws/service/bottlerocket/aws-k8s-1.33-fips/arm64/latest/image_version"
    assert isinstance(target, Target)
    assert target.release_version == "1.55.0-d93bb1b1"


def test_the_target_of_windows_is_in_one_parameter() -> None:
    value = {"schema_version": "1", "image_id": "ami-0123456789abcdef0", "release_version": "1.33-2026.11.12"}

    assert target_of(WINDOWS, MINOR, found(**{WINDOWS_BOTH: json.dumps(value)})) == Target(
        release_version="1.33-2026.11.12",
        parameter="/aws/service/ami-windows-latest/Windows_Server-2022-English-Core-EKS_Optimized-1.33",
        released_at=RELEASED,
        image_id="ami-0123456789abcdef0",
    )


def test_an_image_that_ssm_does_not_name_is_none() -> None:
    target = target_of(AL2023, MINOR, found(**{RELEASE: "1.33.5-20261123"}))

    assert isinstance(target, Target)
    assert target.image_id is None


def test_a_parameter_that_ssm_does_not_have_is_missing() -> None:
    answer = found(**{IMAGE: "ami-0123456789abcdef0"})

    assert target_of(AL2023, MINOR, answer) == NoTarget(why=Absence.MISSING, parameter=RELEASE)


@pytest.mark.parametrize("ami_type", ["AL2027_RISCV", "", "al2023_x86_64_standard"])
def test_an_unknown_type_asks_for_nothing_and_has_no_target(ami_type: str) -> None:
    assert parameters(ami_type, MINOR) == ()
    assert target_of(ami_type, MINOR, {}) == NoTarget(why=Absence.NOT_KNOWN)


@pytest.mark.parametrize("minor", ["", "1", "1.33.2", "v1.33", "1.33/../1.32", "1.33\n"])
def test_a_version_that_is_no_kubernetes_minor_asks_for_nothing(minor: str) -> None:
    assert parameters(AL2023, minor) == ()
    assert target_of(AL2023, minor, {}) == NoTarget(why=Absence.NOT_KNOWN)


def test_a_custom_type_has_no_parameter() -> None:
    assert parameters(CUSTOM, MINOR) == ()
    assert target_of(CUSTOM, MINOR, {}) == NoTarget(why=Absence.CUSTOM)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "{",
        "null",
        '"1.33-2026.11.12"',
        "[]",
        '{"image_id": "ami-0123456789abcdef0"}',
        '{"release_version": 1.33, "image_id": "ami-0123456789abcdef0"}',
        '{"release_version": "", "image_id": "ami-0123456789abcdef0"}',
        '{"release_version": "1.33 2026", "image_id": "ami-0123456789abcdef0"}',
        '{"release_version": "1.33-2026.11.12", "image_id": "0123456789abcdef0"}',
    ],
)
def test_a_value_of_windows_that_is_not_what_it_should_be_is_unreadable(value: str) -> None:
    answer = found(**{WINDOWS_BOTH: value})

    assert target_of(WINDOWS, MINOR, answer) == NoTarget(why=Absence.UNREADABLE, parameter=WINDOWS_BOTH)


@pytest.mark.parametrize(
    ("release", "image"), [("1.33.5 20261123", "ami-0123456789abcdef0"), ("1.33.5-20261123", "none"), ("{}", "")]
)
def test_a_value_of_amazon_linux_that_is_not_what_it_should_be_is_unreadable(release: str, image: str) -> None:
    answer = found(**{RELEASE: release, IMAGE: image})

    assert target_of(AL2023, MINOR, answer) == NoTarget(why=Absence.UNREADABLE, parameter=RELEASE)


@given(value=st.text(max_size=60))
def test_whatever_ssm_answers_a_target_is_a_word_of_a_line(value: str) -> None:
    for ami_type, name in ((AL2023, RELEASE), (WINDOWS, WINDOWS_BOTH)):
        target = target_of(ami_type, MINOR, {name: Parameter(value=value, last_modified=RELEASED)})

        assert isinstance(target, NoTarget) or target.release_version.split() == [value]
