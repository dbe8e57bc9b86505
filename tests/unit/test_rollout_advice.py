"""Advice for every code that EKS can report, by botocore's own lists."""

from __future__ import annotations

import botocore.session
import pytest

from nodewarden.aws.auto_scaling import GOING
from nodewarden.rollout.advice import REFRESHES, TABLE, advice


def codes(enum: str) -> set[str]:
    model = botocore.session.get_session().get_service_model("eks")
    return set(model.shape_for(enum).metadata["enum"])


EVERY_CODE = codes("ErrorCode") | codes("NodegroupIssueCode")


def test_there_is_advice_for_each_code_and_for_no_other() -> None:
    assert TABLE.keys() == EVERY_CODE


def test_there_is_advice_for_each_end_of_an_instance_refresh_but_the_good_one() -> None:
    model = botocore.session.get_session().get_service_model("autoscaling")
    ends = {*model.shape_for("InstanceRefreshStatus").metadata["enum"]} - GOING - {"Successful"}

    assert {code for code in REFRESHES if code.startswith("InstanceRefresh")} == {
        f"InstanceRefresh{end}" for end in ends
    }


@pytest.mark.parametrize("code", sorted(EVERY_CODE | REFRESHES.keys()))
def test_advice_says_what_a_code_means_and_ends_with_what_to_do(code: str) -> None:
    found = advice(code)

    assert found.means[0] == found.means[0].lower() or found.means.startswith(("EKS", "IAM", "Auto"))
    assert found.do[0].isupper()
    assert found.do.endswith(".")


def test_a_failed_eviction_names_its_three_causes() -> None:
    found = advice("PodEvictionFailure").do

    assert all(cause in found for cause in ("budget that allows none", "two budgets", "tolerates every taint"))


def test_a_code_that_is_new_says_where_to_look() -> None:
    assert "TooManyMoons" in advice("TooManyMoons").means
    assert "events" in advice("TooManyMoons").do
