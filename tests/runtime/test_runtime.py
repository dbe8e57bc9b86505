"""What `make build` made, under Lambda's Runtime Interface Emulator, against a moto server."""

from __future__ import annotations

import importlib.util
import json
import sysconfig
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from local import (
    aws,  # noqa: F401  # sets the environment before the server and boto3 read it
    hosts,
    runtime,
    template,
)
from nodewarden.aws.dynamodb import unmarshal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mypy_boto3_ec2 import EC2Client

FUNCTION, HOSTS, SWEEP = (f"SecurityGroup{name}Function" for name in ("", "Hosts", "Sweep"))
RECORDED_GROUP = "sg-0123456789abcdef0"
UNCHECKED_HASH = 1
# Handles the event as the function does, then answers with the files that Python has imported meanwhile.
PROBE = """
import sys
import app

def handler(event, context):
    app.handler(event, context)
    files = {name: getattr(module, "__file__", None) for name, module in sys.modules.items()}
    return {name: file for name, file in files.items() if file}
"""


def recorded(name: str, group: str = RECORDED_GROUP) -> Any:
    text = (template.ROOT / f"events/security_group/{name}.json").read_text("utf-8")
    return json.loads(text.replace(RECORDED_GROUP, group))


def client(service: Any, moto: runtime.Moto) -> Any:
    return boto3.Session(region_name=runtime.REGION).client(service, endpoint_url=moto.endpoint)


def ingress(ec2: EC2Client, group: str) -> list[str]:
    found = ec2.describe_security_group_rules(Filters=[{"Name": "group-id", "Values": [group]}])["SecurityGroupRules"]
    return [rule["CidrIpv4"] for rule in found if not rule["IsEgress"]]


def remediations(server: runtime.Moto) -> list[dict[str, Any]]:
    with closing(client("dynamodb", server)) as dynamodb:
        items = [unmarshal(item) for item in dynamodb.scan(TableName=runtime.LEDGER)["Items"]]
    return [item for item in items if item["sk"].startswith("remediation#")]


@pytest.fixture(name="moto", scope="module")
def _moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[runtime.Moto]:
    with runtime.moto(tmp_path_factory.mktemp("moto")) as moto:
        yield moto


@pytest.fixture(name="server")
def _server(moto: runtime.Moto) -> runtime.Moto:
    """Empty the server but for a new ledger."""
    moto.ask("reset")
    with closing(client("dynamodb", moto)) as dynamodb:
        runtime.create_ledger(dynamodb)
    return moto


@pytest.fixture(name="function", scope="module")
def _function(moto: runtime.Moto, tmp_path_factory: pytest.TempPathFactory) -> Iterator[runtime.Lambda]:
    with runtime.emulated(FUNCTION, moto.endpoint, tmp_path_factory.mktemp("lambda")) as function:
        yield function


@pytest.fixture(name="ec2")
def _ec2(server: runtime.Moto) -> Iterator[EC2Client]:
    with closing(client("ec2", server)) as ec2:
        yield ec2


@pytest.fixture(name="open_group")
def _open_group(ec2: EC2Client) -> str:
    group = hosts.make_group(ec2, "eks-cluster-sg-demo", hosts.CLUSTER_TAGS)
    sources: Any = [{"CidrIp": "0.0.0.0/0", "Description": "temporary"}, {"CidrIp": "192.0.2.0/24"}]
    permission: Any = {"IpProtocol": "tcp", "FromPort": 22, "ToPort": 22, "IpRanges": sources}
    ec2.authorize_security_group_ingress(GroupId=group, IpPermissions=[permission])
    return group


def test_the_built_function_closes_what_is_open_to_the_internet(
    function: runtime.Lambda, server: runtime.Moto, ec2: EC2Client, open_group: str
) -> None:
    answer = function.invoke(recorded("authorize-ssh-from-anywhere", open_group))

    assert [rule["outcome"] for rule in answer[open_group]] == ["revoked"]
    assert ingress(ec2, open_group) == ["192.0.2.0/24"]
    (remediation,) = remediations(server)
    assert (remediation["outcome"], remediation["group_id"]) == ("revoked", open_group)


def test_the_built_sweep_lists_what_was_open_before(server: runtime.Moto, open_group: str, tmp_path: Path) -> None:
    with runtime.emulated(SWEEP, server.endpoint, tmp_path, template.handler(SWEEP)) as function:
        answer = function.invoke({"detail-type": "Scheduled Event"})

    assert answer["outcomes"] == {"observed": 1}
    (remediation,) = remediations(server)
    assert (remediation["outcome"], remediation["group_id"]) == ("observed", open_group)


def test_the_built_function_closes_what_was_open_before_its_host(
    server: runtime.Moto, ec2: EC2Client, open_group: str, tmp_path: Path
) -> None:
    host = hosts.start_host(ec2, open_group, hosts.MANAGED)
    event = (template.ROOT / "events/security_group_hosts/host-starts.json").read_text("utf-8")
    message: dict[str, Any] = {"messageId": "1", "body": event.replace("i-0123456789abcdef0", host)}
    message |= {"attributes": {"ApproximateReceiveCount": "1"}}

    with runtime.emulated(HOSTS, server.endpoint, tmp_path, template.handler(HOSTS)) as function:
        answer = function.invoke({"Records": [message]})

    assert answer == {"batchItemFailures": []}
    assert ingress(ec2, open_group) == ["192.0.2.0/24"]


def test_an_event_without_a_group_is_an_error_that_lambda_sees(function: runtime.Lambda) -> None:
    assert function.invoke(recorded("authorize-without-group"))["errorType"] == "NoGroupInEventError"


def test_all_that_the_function_imports_ships_with_it_or_with_python(
    server: runtime.Moto, open_group: str, tmp_path: Path
) -> None:
    (tmp_path / "probe.py").write_text(PROBE, "utf-8")

    with runtime.emulated(FUNCTION, server.endpoint, tmp_path, "probe.handler", tmp_path) as function:
        files = function.invoke(recorded("authorize-ssh-from-anywhere", open_group))

    assert Path(files["app"]).parent == runtime.function_folder(FUNCTION)
    for package in ("boto3", "botocore", "aws_lambda_powertools", "nodewarden", "nodewarden.wiring"):
        assert Path(files[package]).is_relative_to(runtime.LAYER), package
    ours = (runtime.function_folder(FUNCTION), runtime.LAYER, tmp_path, Path(sysconfig.get_path("stdlib")))
    assert [file for file in files.values() if not any(Path(file).is_relative_to(folder) for folder in ours)] == []
    in_stdlib = [f for f in files.values() if Path(f).is_relative_to(ours[-1])]
    assert not [file for file in in_stdlib if "site-packages" in file]


def test_every_module_of_the_layer_ships_compiled_for_a_cold_start() -> None:
    sources = sorted(runtime.LAYER.rglob("*.py"))
    assert sources, "the layer is missing: run make build"

    compiled = {source: Path(importlib.util.cache_from_source(str(source))) for source in sources}
    assert [source for source, pyc in compiled.items() if not pyc.exists()] == []
    for source, pyc in compiled.items():
        header = pyc.read_bytes()[:16]
        assert header[:4] == importlib.util.MAGIC_NUMBER, f"{pyc} is of another Python"
        assert int.from_bytes(header[4:8], "little") == UNCHECKED_HASH, f"{pyc}: Python would look at the source"
        assert header[8:] == importlib.util.source_hash(source.read_bytes()), f"{pyc} is not of its source"


def test_what_was_not_built_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(runtime, "BUILT", template.ROOT / ".aws-sam/nothing")

    with (
        pytest.raises(runtime.NotBuiltError, match="run make build"),
        runtime.emulated(FUNCTION, "http://127.0.0.1", tmp_path),
    ):
        pass
