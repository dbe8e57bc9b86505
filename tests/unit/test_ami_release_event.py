"""Events about AMIs: what they point at, and that nothing in one is believed."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local import template
from nodewarden.ami_release.event import BUILT, CHANGED, AmiEvent, parse
from nodewarden.errors import EventError

IMAGE = "ami-0123456789abcdef0"
HERE: dict[str, Any] = {"account": "111122223333", "region": "eu-central-1"}
BUILD = "arn:aws:imagebuilder:eu-central-1:111122223333:image/golden/1.0.0/1"
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20) | st.sampled_from([IMAGE, BUILD, "available"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["ImageId", "State", "x"]), inner),
    max_leaves=6,
)


def event(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((template.ROOT / f"events/ami_release/{name}.json").read_text("utf-8"))
    return found


@pytest.mark.parametrize(
    ("name", "points_at"),
    [
        ("image-builder-available", AmiEvent(**HERE, build=BUILD)),
        ("ami-available", AmiEvent(**HERE, image_id=IMAGE)),
        ("ami-deregistered", AmiEvent(**HERE, image_id=IMAGE, gone=True)),
        ("ami-disabled", AmiEvent(**HERE, image_id=IMAGE, gone=True)),
    ],
)
def test_an_event_points_at_an_ami_or_its_build(name: str, points_at: AmiEvent) -> None:
    assert parse(event(name)) == points_at


@pytest.mark.parametrize(
    "other",
    [
        {},
        {"detail-type": "Scheduled Event"},
        {"detail-type": None},
        {"detail-type": [BUILT]},
        {"detail-type": {"is": BUILT}},
    ],
)
def test_a_schedule_or_a_person_points_at_nothing(other: dict[str, Any]) -> None:
    assert parse(other) is None


@pytest.mark.parametrize("state", [["available"], {"is": "available"}, None, 1])
def test_a_state_that_is_no_word_is_refused(state: object) -> None:
    forged = {**event("ami-available"), "detail": {"ImageId": IMAGE, "State": state}}

    with pytest.raises(EventError, match="names no AMI"):
        parse(forged)


@given(
    kind=st.sampled_from([BUILT, CHANGED]),
    detail=ANYTHING,
    resources=ANYTHING,
    account=ANYTHING | st.just("111122223333"),
    region=ANYTHING | st.just("eu-central-1"),
)
def test_whatever_an_event_holds_it_points_at_an_id_of_the_right_form_or_is_refused(
    kind: str, detail: object, resources: object, account: object, region: object
) -> None:
    forged = {"detail-type": kind, "detail": detail, "resources": resources, "account": account, "region": region}
    try:
        found = parse(forged)
    except EventError:
        return

    assert found is not None
    assert found.image_id == IMAGE or found.build == BUILD
    assert (found.account, found.region) == ("111122223333", "eu-central-1")
