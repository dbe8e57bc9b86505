"""Node groups with AMIs of their own roll to the newest of their family, as all others do."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from local.fleet import RELEASE
from nodewarden import wiring
from tests.functional.fleet_world import BEGIN, FAILING, ROLLOUT
from tests.functional.golden_world import DATA, FAMILY, NEW, OLD, write
from tests.functional.world import refuse

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from tests.functional.golden_world import GoldenWorld

TESTED = FAMILY.replace("minimum_age", 'tags = { tested = "true" }\nminimum_age')
# The calls of a tick that starts an update; a test below counts them.
STARTING = 17


def ends_well(golden: GoldenWorld, template: str, image: str) -> None:
    """See that the one group was updated once, by one new version of its launch template, and all of it told once."""
    golden.quick.until("finished")
    assert golden.runs() == ("2", image)
    assert len(golden.fleet.versions(template)) == 2
    assert len(golden.quick.updates("dev", "custom")) == 1
    assert golden.quick.states == {"dev/custom": "done"}
    assert golden.quick.steps() == ["planned", "wave-started", "wave-done", "finished"]


def test_a_group_rolls_to_the_newest_ami_of_its_family(golden: GoldenWorld) -> None:
    template, image = golden.group(), golden.build()

    golden.begins()

    ends_well(golden, template, image)
    assert golden.quick.rollout["family"] == "golden"


def test_all_else_of_the_launch_template_is_kept(golden: GoldenWorld) -> None:
    template, image = golden.group(), golden.build()

    golden.begins()
    golden.quick.until("finished")

    assert golden.fleet.versions(template) == [{"ImageId": golden.old, **DATA}, {"ImageId": image, **DATA}]


def test_the_version_that_the_group_uses_is_the_source_not_the_latest_one(golden: GoldenWorld) -> None:
    template, image = golden.group(), golden.build()
    golden.fleet.add_version(template, InstanceType="t3.nano", ImageId=golden.old)

    golden.begins()
    golden.quick.until("finished")

    assert golden.runs() == ("3", image)
    assert golden.fleet.versions(template)[2] == {"ImageId": image, **DATA}


def test_eks_is_given_the_launch_template_alone(golden: GoldenWorld) -> None:
    template = golden.group()
    golden.build()
    golden.begins()
    sent = golden.quick.sent("UpdateNodegroupVersion")

    golden.quick.ticks()

    (call,) = sent
    assert call["launchTemplate"] == {"id": template, "version": "2"}
    assert {"version", "releaseVersion"} & call.keys() == set()
    assert call["force"] is False


def test_groups_that_share_a_launch_template_share_its_new_version(golden: GoldenWorld) -> None:
    used = golden.fleet.launch_template(golden.old, "shared", **DATA)
    golden.group(template=used)
    golden.group(name="other", template=used)
    image = golden.build()

    golden.begins()
    golden.quick.until("finished")

    assert [golden.runs(name=name) for name in ("custom", "other")] == [("2", image)] * 2
    assert len(golden.fleet.versions(used["id"])) == 2


def test_of_a_mixed_fleet_each_rolls_to_its_own_in_the_same_waves(golden: GoldenWorld) -> None:
    golden.quick.behind("dev", "prod")
    golden.group("dev")
    golden.group("prod")
    image = golden.build()

    golden.begins()
    for family in ("AL2023", "golden"):
        golden.quick.family = family
        golden.quick.until("awaiting-approval")
        assert golden.quick.says("approve")["ok"]
        golden.quick.until("finished")

    assert [golden.runs(wave)[1] for wave in ("dev", "prod")] == [image, image]
    assert [golden.quick.runs(wave) for wave in ("dev", "prod")] == [RELEASE, RELEASE]


def test_of_one_cluster_one_group_updates_at_a_time_whatever_its_ami_is(golden: GoldenWorld) -> None:
    golden.quick.behind("dev")
    golden.group()
    golden.build()
    golden.begins()

    golden.quick.ticks()

    going = [*golden.quick.updates("dev", "custom"), *golden.quick.updates("dev", "workers-0")]
    assert len(going) == 1


def test_a_failed_update_halts_and_is_not_made_again_by_itself(golden: GoldenWorld) -> None:
    template = golden.group()
    golden.build()
    golden.fleet.next_update(FAILING, "dev", "custom")
    golden.begins()
    golden.quick.until("halted")

    golden.quick.ticks(20)
    golden.quick.looks()
    golden.quick.ticks(20)

    assert len(golden.quick.updates("dev", "custom")) == 1
    assert len(golden.fleet.versions(template)) == 2


def test_retry_updates_once_more_to_the_same_version(golden: GoldenWorld) -> None:
    template, image = golden.group(), golden.build()
    golden.fleet.next_update(FAILING, "dev", "custom")
    golden.begins()
    golden.quick.until("halted")

    assert golden.quick.says("retry")["ok"]
    golden.quick.until("finished")

    assert golden.runs() == ("2", image)
    assert len(golden.quick.updates("dev", "custom")) == 2
    assert len(golden.fleet.versions(template)) == 2


def test_a_target_that_failed_is_not_planned_again_and_the_next_ami_is(golden: GoldenWorld) -> None:
    golden.group()
    golden.build()
    golden.fleet.next_update(FAILING, "dev", "custom")
    golden.begins()
    golden.quick.until("halted")
    assert golden.quick.says("abort")["ok"]
    golden.quick.until("aborted")
    golden.quick.passes(hours=1)
    golden.quick.looks()
    assert len(golden.quick.heads) == 1
    assert golden.standing()["state"] == "tried-before"

    newest = golden.build(3, at=BEGIN)
    golden.quick.passes(days=2)
    golden.begins()

    golden.quick.until("finished")
    assert golden.runs()[1] == newest


def test_an_ami_that_is_too_young_does_not_keep_an_older_one_from_being_rolled(golden: GoldenWorld) -> None:
    golden.group()
    image = golden.build()
    golden.build(3, at=BEGIN)

    golden.begins()
    golden.quick.until("finished")

    assert golden.runs()[1] == image


def other_owner(golden: GoldenWorld) -> None:
    golden.build(owner="444455556666")


def other_name(golden: GoldenWorld) -> None:
    golden.fleet.image("nightly-1.33-2", at=NEW)


def other_minor(golden: GoldenWorld) -> None:
    golden.fleet.image("golden-1.34-2", at=NEW)


def other_architecture(golden: GoldenWorld) -> None:
    golden.build(architecture="arm64")


def too_young(golden: GoldenWorld) -> None:
    golden.build(at=BEGIN - timedelta(hours=23))


def deprecated(golden: GoldenWorld) -> None:
    golden.fleet.deprecate(golden.build(), NEW)


def older(golden: GoldenWorld) -> None:
    golden.build(at=OLD - timedelta(days=1))


@pytest.mark.parametrize(
    "build", [other_owner, other_name, other_minor, other_architecture, too_young, deprecated, older]
)
def test_an_ami_that_is_none_for_the_group_is_ignored(
    golden: GoldenWorld, build: Callable[[GoldenWorld], None]
) -> None:
    golden.group()
    build(golden)

    golden.quick.looks()

    assert golden.standing()["state"] == "up-to-date"
    assert golden.quick.heads == []


def test_the_first_ami_of_a_family_is_up_to_date_however_young_it_is(golden: GoldenWorld) -> None:
    golden.fleet.deregister(golden.old)
    first = golden.build(at=BEGIN)
    golden.group(template=golden.fleet.launch_template(first, "first"))

    golden.quick.looks()

    assert golden.standing()["state"] == "up-to-date"
    assert "no AMI of the family golden is old enough" in golden.standing()["reason"]


def test_an_ami_that_is_too_young_yet_is_seen_in_the_status_with_its_day(golden: GoldenWorld) -> None:
    golden.group()
    young = golden.build(at=BEGIN)

    golden.quick.looks()

    assert golden.standing()["reason"].endswith(f"{young} is old enough on 2026-12-02 09:00 UTC")


def test_a_family_without_an_ami_for_the_group_is_told(golden: GoldenWorld) -> None:
    vendors = golden.fleet.launch_template(golden.fleet.image("vendor-1", at=OLD), "vendor")
    golden.group(template=vendors, tags={"nodewarden:ami-family": "golden"}, version="1.31")

    golden.quick.looks()

    assert golden.standing()["state"] == "no-target"
    assert "no AMI that may be used for Kubernetes 1.31" in golden.standing()["reason"]


def test_a_group_that_runs_a_newer_ami_than_is_old_enough_is_not_downgraded(golden: GoldenWorld) -> None:
    young = golden.build(at=BEGIN)
    golden.group(template=golden.fleet.launch_template(young, "young"))

    golden.quick.looks()

    assert golden.standing()["state"] == "ahead"
    assert golden.quick.heads == []


@pytest.mark.parametrize("minor", ["1.32", "1.34"])
def test_a_node_group_of_another_minor_than_its_ami_is_neither_raised_nor_lowered(
    golden: GoldenWorld, minor: str
) -> None:
    golden.fleet.cluster("dev", version="1.34")
    other = golden.fleet.image(f"golden-{minor}-1", at=OLD)
    golden.group(template=golden.fleet.launch_template(other, "other"), version="1.33")
    golden.fleet.image(f"golden-{minor}-2", at=NEW)
    golden.build()

    golden.begins_nothing()

    assert golden.standing()["state"] == "unsuitable-launch-template"
    assert f"is for Kubernetes {minor}, and EKS says that it is of 1.33" in golden.standing()["reason"]


def test_a_group_whose_ami_is_gone_rolls_to_none_of_two_architectures(golden: GoldenWorld) -> None:
    golden.group(tags={"nodewarden:ami-family": "golden"})
    golden.fleet.deregister(golden.old)
    golden.build(2, architecture="x86_64")
    golden.build(3, architecture="arm64")

    golden.begins_nothing()

    assert golden.standing()["state"] == "no-target"
    assert "has AMIs for arm64 and x86_64" in golden.standing()["reason"]


@pytest.mark.parametrize("first", ["gpu", "all"])
def test_an_ami_of_two_families_counts_to_the_first_alone(golden: GoldenWorld, tmp_path: Path, first: str) -> None:
    families = {
        "gpu": FAMILY.replace('"golden"', '"gpu"').replace("golden-{minor}-*", "golden-gpu-{minor}-*"),
        "all": FAMILY.replace('"golden"', '"all"').replace("golden-{minor}-*", "golden-*{minor}-*"),
    }
    write(tmp_path, "".join(families[name] for name in sorted(families, key=lambda name: name != first)))
    golden.group()
    gpu = golden.fleet.image("golden-gpu-1.33-5", at=NEW)

    golden.quick.looks()

    assert golden.standing()["state"] == ("up-to-date" if first == "gpu" else "behind")
    assert (gpu in golden.standing()["reason"]) == (first == "all")


@pytest.mark.parametrize("other", [None, NEW - timedelta(days=40)], ids=["alone", "newer than the one to run"])
def test_a_group_that_runs_a_deprecated_ami_of_its_family_is_told(golden: GoldenWorld, other: datetime | None) -> None:
    golden.group()
    golden.fleet.deprecate(golden.old, BEGIN - timedelta(hours=1))
    if other:
        golden.build(at=other)

    golden.begins_nothing()

    assert golden.standing()["state"] == "runs-recalled"
    assert "deprecated since 2026-12-01 08:00 UTC" in golden.standing()["reason"]


def test_a_group_whose_ami_is_of_no_family_is_told_what_to_do(golden: GoldenWorld) -> None:
    foreign = golden.fleet.image("vendor-1", owner="444455556666", at=OLD)
    golden.group(template=golden.fleet.launch_template(foreign, "vendor"))
    golden.build()

    golden.quick.looks()

    assert golden.standing()["state"] == "custom-ami"
    assert "[[family]] of ami_release.toml" in golden.standing()["advice"]


def test_an_ami_in_use_that_is_deregistered_is_told_once_and_nothing_rolls(golden: GoldenWorld) -> None:
    golden.group()
    golden.quick.looks()
    golden.fleet.deregister(golden.old)
    golden.build()

    golden.quick.looks()
    golden.quick.looks()

    assert golden.standing()["state"] == "ami-gone"
    assert golden.quick.heads == []
    told = [each for each in golden.quick.world.stack.told() if "is deregistered, disabled or not shared" in each.said]
    assert len(told) == 1


def test_a_tag_lets_a_group_follow_a_family_though_its_ami_is_gone(golden: GoldenWorld) -> None:
    golden.group(tags={"nodewarden:ami-family": "golden"})
    golden.fleet.deregister(golden.old)
    image = golden.build()

    golden.begins()
    golden.quick.until("finished")

    assert golden.runs()[1] == image


def test_a_tag_that_names_no_family_is_told(golden: GoldenWorld) -> None:
    golden.group(tags={"nodewarden:ami-family": "gold"})

    golden.quick.looks()

    assert "has no such family" in golden.standing()["reason"]


@pytest.mark.parametrize("tag", ["nodewarden:hold", "nodewarden:pin"])
def test_a_group_that_people_keep_is_left(golden: GoldenWorld, tag: str) -> None:
    golden.group(tags={tag: "until the audit"})
    golden.build()

    golden.quick.looks()

    assert golden.standing()["state"] in {"held", "pinned"}
    assert golden.quick.heads == []


def test_a_launch_template_with_a_snapshot_is_left_alone_as_ec2_would_drop_it(golden: GoldenWorld) -> None:
    data: Any = {"BlockDeviceMappings": [{"DeviceName": "/dev/sdb", "Ebs": {"SnapshotId": "snap-0123456789abcdef0"}}]}
    golden.group(template=golden.fleet.launch_template(golden.old, "data", **data))
    golden.build()

    golden.quick.looks()

    assert golden.standing()["state"] == "unsuitable-launch-template"
    assert "names a snapshot" in golden.standing()["reason"]


def test_an_ami_that_is_taken_from_ssm_is_left_alone(golden: GoldenWorld) -> None:
    used = golden.fleet.launch_template("resolve:ssm:/golden/ami", "ssm")
    golden.group(template=used, tags={"nodewarden:ami-family": "golden"})
    golden.build()

    golden.quick.looks()

    assert "takes the AMI from an SSM parameter" in golden.standing()["reason"]


def test_a_version_that_is_not_what_it_says_is_not_used_and_halts(golden: GoldenWorld) -> None:
    template, image = golden.group(), golden.build()
    golden.begins()
    forged = f"Nodewarden: version 1 with {image}"
    golden.fleet.add_version(template, forged, ImageId=image, **{**DATA, "UserData": "Y3VybCBodHRwOi8v"})

    golden.quick.ticks(2)

    assert golden.quick.rollout["state"] == "halted"
    (error,) = golden.quick.groups["dev/custom"]["errors"]
    assert error["code"] == "LaunchTemplateError"
    assert "it differs in UserData" in error["message"]
    assert golden.quick.updates("dev", "custom") == []


def test_a_target_that_is_deregistered_before_it_begins_halts_the_rollout(golden: GoldenWorld) -> None:
    golden.group()
    image = golden.build()
    golden.begins()
    golden.fleet.deregister(image)

    golden.quick.ticks()

    assert golden.quick.rollout["state"] == "halted"
    assert golden.quick.rollout["halt"]["cause"] == "recall"
    assert golden.quick.updates("dev", "custom") == []


def taken_from(golden: GoldenWorld, image: str, how: str) -> None:
    if how == "tag":
        golden.fleet._ec2.amis[image].add_tags({"tested": "false"})  # noqa: SLF001  moto's own
    else:
        getattr(golden.fleet, how)(image)


@pytest.mark.parametrize("how", ["deprecate", "deregister", "tag"])
def test_a_target_that_is_taken_back_while_a_wave_updates_halts_before_anybody_is_asked_for_the_next(
    golden: GoldenWorld, tmp_path: Path, how: str
) -> None:
    write(tmp_path, TESTED)
    golden.fleet._ec2.amis[golden.old].add_tags({"tested": "true"})  # noqa: SLF001  moto's own
    golden.group("dev")
    golden.group("prod")
    image = golden.build(tags={"tested": "true"})
    golden.begins()
    golden.quick.ticks()
    taken_from(golden, image, how)

    golden.quick.ticks()

    assert golden.quick.rollout["state"] == "halted"
    assert golden.quick.rollout["halt"]["cause"] == "recall"
    assert "awaiting-approval" not in golden.quick.steps()
    assert golden.quick.updates("prod", "custom") == []


@pytest.mark.parametrize("how", ["deprecate", "deregister", "tag"])
def test_a_start_that_was_refused_for_a_moment_is_not_called_again_when_its_target_is_taken_back(
    golden: GoldenWorld, tmp_path: Path, how: str
) -> None:
    write(tmp_path, TESTED)
    golden.fleet._ec2.amis[golden.old].add_tags({"tested": "true"})  # noqa: SLF001  moto's own
    golden.group()
    image = golden.build(tags={"tested": "true"})
    golden.begins()
    throttled = refuse("Throttling", "CreateLaunchTemplateVersion")
    golden.quick.world.fault("ec2:CreateLaunchTemplateVersion", throttled, times=9)
    golden.quick.ticks()
    golden.quick.world.stack.observers.pop()
    assert golden.quick.states == {"dev/custom": "starting"}
    taken_from(golden, image, how)

    golden.quick.ticks(4)

    assert golden.quick.rollout["halt"]["cause"] == "recall"
    assert golden.quick.updates("dev", "custom") == []


@pytest.mark.parametrize(
    ("families", "why"),
    [
        ("", "ami_release.toml has no family golden any more"),
        (FAMILY.replace("golden-{minor}", "gold-{minor}"), "is not of the family golden any more"),
        (FAMILY.replace('["*"]', '["1.34"]'), "is not of the family golden any more"),
        (FAMILY.replace("1d", "30d"), "the minimum_age of the family golden was raised"),
    ],
    ids=["removed", "renamed AMIs", "other minors", "older"],
)
def test_a_family_that_its_target_no_longer_fits_halts_the_rollout(
    golden: GoldenWorld, tmp_path: Path, families: str, why: str
) -> None:
    golden.group()
    golden.build()
    golden.begins()
    write(tmp_path, families)
    wiring.forget()

    golden.quick.ticks(2)

    assert golden.quick.updates("dev", "custom") == []
    assert golden.quick.rollout["halt"]["cause"] == "recall"
    assert why in golden.quick.rollout["halt"]["why"]


def test_a_family_that_is_wrong_is_said_with_its_path(golden: GoldenWorld, tmp_path: Path) -> None:
    golden.group()
    write(tmp_path, '[[family]]\nname = "AL2023"\nowner = "self"\nimages = "x"\nminimum_age = "1d"\nkubernetes = ["*"]')

    with pytest.raises(Exception, match=r"ami_release.toml: family\[0\].name must be"):
        golden.quick.world.stack.invoke("AmiReleaseFunction", {})


def test_somebody_elses_update_to_the_same_ami_is_followed_as_if_it_were_ours(golden: GoldenWorld) -> None:
    template, image = golden.group(), golden.build()
    golden.begins()
    golden.fleet.add_version(template, ImageId=image, **DATA)
    golden.quick.world.fault("eks:UpdateNodegroupVersion", refuse("ResourceInUseException", "UpdateNodegroupVersion"))
    golden.quick.ticks()
    golden.update_by_hand(template, "2")

    golden.quick.until("finished")

    assert golden.runs() == ("2", image)
    assert len(golden.quick.updates("dev", "custom")) == 1


def test_the_launch_template_version_that_a_group_uses_now_is_told_at_the_end(golden: GoldenWorld) -> None:
    template, _ = golden.group(), golden.build()
    golden.begins()

    golden.quick.until("finished")

    assert f", uses {template}:2 now" in golden.quick.told()[-1].said


def test_retry_makes_the_version_anew_that_somebody_deleted(golden: GoldenWorld) -> None:
    template, image = golden.group(), golden.build()
    golden.fleet.next_update(FAILING, "dev", "custom")
    golden.begins()
    golden.quick.until("halted")
    golden.fleet.delete_newest_version(template)

    assert golden.quick.says("retry")["ok"]
    golden.quick.until("finished")

    assert golden.runs()[1] == image
    assert golden.quick.states == {"dev/custom": "done"}


@pytest.fixture(name="two_families")
def _two_families(golden: GoldenWorld, tmp_path: Path) -> str:
    """Begin a rollout of the family golden, then let prod's group follow another one; gives the newest AMI of that."""
    write(tmp_path, FAMILY + FAMILY.replace('"golden"', '"other"').replace("golden-{minor}", "other-{minor}"))
    golden.group("dev")
    golden.group("prod")
    golden.build()
    golden.begins()
    golden.quick.ticks()
    image = golden.fleet.image("other-1.33-1", at=NEW)
    golden.fleet.tag({"nodewarden:wave": "prod", "nodewarden:ami-family": "other"}, "prod", "custom")
    golden.quick.looks()
    return image


@pytest.mark.usefixtures("two_families")
def test_a_group_that_follows_another_family_now_is_in_one_rollout_at_a_time(golden: GoldenWorld) -> None:
    entries = [e for e in golden.quick.world.stack.entries() if e["sk"] == "group#prod/custom"]

    assert len(entries) == 1


def test_a_group_that_follows_another_family_now_rolls_to_that_ones_ami_alone(
    golden: GoldenWorld, two_families: str
) -> None:
    golden.quick.until("awaiting-approval")
    golden.quick.says("approve")
    golden.quick.until("finished")
    assert golden.quick.groups["prod/custom"]["why"] == "its tag nodewarden:ami-family no longer names golden"
    golden.quick.looks()
    golden.quick.family = "other"
    golden.quick.until("awaiting-approval")
    golden.quick.says("approve")
    golden.quick.until("finished")

    assert golden.runs("prod")[1] == two_families
    assert len(golden.quick.updates("prod", "custom")) == 1


def test_a_family_that_is_renamed_while_it_rolls_plans_no_group_of_it_twice(
    golden: GoldenWorld, tmp_path: Path
) -> None:
    golden.group("dev")
    golden.group("prod")
    golden.build()
    golden.begins()
    golden.quick.ticks()
    write(tmp_path, FAMILY.replace('"golden"', '"golden-al"'))
    wiring.forget()

    golden.quick.looks()

    entries = [e for e in golden.quick.world.stack.entries() if e["sk"] == "group#prod/custom"]
    assert len(entries) == 1


def test_the_calls_at_which_a_sandbox_dies_below_are_all_that_there_are(golden: GoldenWorld) -> None:
    golden.group()
    golden.build()
    golden.begins()

    assert len(golden.quick.world.calls(lambda: golden.quick.world.stack.invoke(ROLLOUT, {}))) == STARTING


@pytest.mark.parametrize("before", [True, False], ids=["before its effect", "after its effect"])
@pytest.mark.parametrize("number", range(STARTING))
def test_a_crash_at_any_call_of_a_start_makes_no_second_version_and_no_second_update(
    golden: GoldenWorld, number: int, *, before: bool
) -> None:
    template, image = golden.group(), golden.build()
    golden.begins()
    crashed = golden.quick.crash_at(number, before=before)

    golden.quick.ticks()

    assert crashed
    ends_well(golden, template, image)
