"""A year of releases under the shipped policy: production gets them, people hear of steps, calls do not grow with the fleet."""

from __future__ import annotations

import random

import pytest

from bench.rollout_year import POLICY, RELEASES, Year, fleet, releases_of_a_year, started_in
from nodewarden import policy
from nodewarden.rollout.policy import read
from nodewarden.rollout.step import StepKind


@pytest.fixture(name="years", scope="module")
def _years() -> dict[int, Year]:
    made = {
        count: Year(policy=read(policy.load(POLICY, "rollout")), groups=fleet(count, count // 5)) for count in (10, 40)
    }
    for year in made.values():
        year.passes(releases_of_a_year(random.Random(38)))  # noqa: S311 a cadence, no secret
    return made


def test_production_gets_most_of_the_releases_of_a_year(years: dict[int, Year]) -> None:
    assert [len(year.reached["prod"]) > RELEASES * 3 / 4 for year in years.values()] == [True, True]


def test_every_rollout_that_was_planned_is_over_or_the_last(years: dict[int, Year]) -> None:
    for year in years.values():
        steps = year.steps
        assert steps[StepKind.PLANNED] - steps[StepKind.FINISHED] - steps[StepKind.SUPERSEDED] <= 1


def test_people_hear_of_steps_and_not_of_groups(years: dict[int, Year]) -> None:
    small, large = years.values()

    assert large.steps.total() <= small.steps.total() * 1.1


def test_calls_grow_with_updates_and_not_with_the_fleet(years: dict[int, Year]) -> None:
    small, large = ((year.calls.total() / started_in(year)) for year in years.values())

    assert large <= small * 1.1
