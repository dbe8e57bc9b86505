"""The built functions about node groups, under Lambda's Runtime Interface Emulator, against a moto server with a fleet."""

from __future__ import annotations

import json
import re
from contextlib import closing
from typing import TYPE_CHECKING, Any

import boto3

from local import (
    aws,  # noqa: F401  # sets the environment before the server and boto3 read it
    runtime,
    template,
)
from local.seed import findings

if TYPE_CHECKING:
    from pathlib import Path


def test_the_built_functions_plan_a_rollout_and_tick_it(tmp_path: Path) -> None:
    copied = json.loads((template.ROOT / "events/ami_release/ami-available.json").read_text("utf-8"))
    for folder in ("fleet", "look", "tick", "ask", "event"):
        (tmp_path / folder).mkdir()
    with runtime.fleet(tmp_path / "fleet") as endpoint:
        session = boto3.Session(region_name=runtime.REGION)
        with closing(session.client("dynamodb", endpoint_url=endpoint)) as dynamodb:
            runtime.create_ledger(dynamodb)

        looked = invoke("AmiReleaseFunction", endpoint, tmp_path / "look", {})
        ticked = invoke("RolloutFunction", endpoint, tmp_path / "tick", {})
        pointed = invoke("AmiReleaseFunction", endpoint, tmp_path / "event", copied)
        listed = invoke("OperatorFunction", endpoint, tmp_path / "ask", {"verb": "status", "what": "rollouts"})

    (rollout,) = looked["planned"]
    assert pointed == {"ignored": "ami-0123456789abcdef0 is of no family of ami_release.toml"}
    assert {name: each["state"] for name, each in ticked.items()} == {rollout: "planned"}
    assert [each["rollout"] for each in listed["rollouts"]] == [rollout]


def test_the_built_function_decides_about_a_batch_of_findings_and_says_which_message_failed(tmp_path: Path) -> None:
    for folder in ("fleet", "findings", "ask"):
        (tmp_path / folder).mkdir()
    with runtime.fleet(tmp_path / "fleet") as endpoint:
        session = boto3.Session(region_name=runtime.REGION)
        with closing(session.client("dynamodb", endpoint_url=endpoint)) as dynamodb:
            runtime.create_ledger(dynamodb)
        with closing(session.client("sts", endpoint_url=endpoint)) as sts:
            batch = json.loads(findings(sts.get_caller_identity()["Account"]))

        answer = invoke("InspectorFindingFunction", endpoint, tmp_path / "findings", batch)
        listed = invoke("OperatorFunction", endpoint, tmp_path / "ask", {"verb": "status", "what": "incidents"})

    no_json = next(record["messageId"] for record in batch["Records"] if not record["body"].startswith("{"))
    assert answer == {"batchItemFailures": [{"itemIdentifier": no_json}]}
    assert sorted(each["state"] for each in listed["incidents"]) == ["no-group-to-blame", "urgent-requested"]


def test_the_built_function_asks_image_builder_what_a_build_put_here(tmp_path: Path) -> None:
    for folder in ("fleet", "build"):
        (tmp_path / folder).mkdir()
    built = json.loads((template.ROOT / "events/ami_release/image-builder-available.json").read_text("utf-8"))
    with runtime.fleet(tmp_path / "fleet") as endpoint:
        session = boto3.Session(region_name=runtime.REGION)
        with closing(session.client("dynamodb", endpoint_url=endpoint)) as dynamodb:
            runtime.create_ledger(dynamodb)

        answer = invoke("AmiReleaseFunction", endpoint, tmp_path / "build", built)

    assert re.fullmatch(r"ami-[0-9a-f]{17} is of no family of ami_release.toml", answer["ignored"])


def invoke(function: str, endpoint: str, folder: Path, event: dict[str, Any]) -> dict[str, Any]:
    """Invoke a built function once, in a sandbox of its own."""
    with runtime.emulated(function, endpoint, folder) as sandbox:
        answer: dict[str, Any] = sandbox.invoke(event)
    return answer
