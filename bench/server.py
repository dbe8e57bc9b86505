"""A moto server that begins with many groups: `python -m bench.server 2000 200` has 2,000, of which 200 are open.

Making as many over HTTP would take minutes. Where moto lacks or wastes what a sweep of so many asks for, it is filled.
Prints its port when it listens. Its environment is the bench's, which moto reads when it is imported.
"""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

from moto.core.responses import ActionResult
from moto.ec2.models import ec2_backends
from moto.ec2.models.security_groups import SecurityGroupBackend, SecurityGroupRule
from moto.ec2.responses.security_groups import SecurityGroups
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

from local.aws import ACCOUNT
from local.hosts import CLUSTER_TAGS, MANAGED

if TYPE_CHECKING:
    from collections.abc import Callable

REGION = "eu-central-1"
ANYWHERE = {"CidrIp": "0.0.0.0/0", "Description": "temporary"}
# What every group lets in.
CLOSED = {"443": {"CidrIp": "192.0.2.0/24"}, "8443": {"CidrIp": "10.0.0.0/8"}, "9443": {"CidrIp": "172.16.0.0/12"}}


def main(groups: int, opened: int) -> None:
    """Make the groups, and serve."""
    fill()
    seed(ec2_backends[ACCOUNT][REGION], groups, opened)
    app = DomainDispatcherApplication(create_backend_app)
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=MotoRequestHandler)
    print(server.port, flush=True)
    server.serve_forever()


def seed(ec2: Any, groups: int, opened: int) -> None:
    """Make groups, the open ones among the others: every second is tagged for a cluster, the rest is used by a host."""
    vpc, each = ec2.get_default_vpc().id, groups // opened
    subnet = next(iter(ec2.get_default_subnets().values())).id
    for i in range(groups - len(ec2.describe_security_groups())):
        is_open, is_tagged = i % each == 0, i // each % 2 == 0
        tags = CLUSTER_TAGS if is_open and is_tagged else {}
        group = ec2.create_security_group(f"group-{i}", f"group {i}", vpc_id=vpc, tags=dict(tags), force=True)
        for port, source in (CLOSED | ({"22": ANYWHERE} if is_open else {})).items():
            group.add_ingress_rule(SecurityGroupRule(ec2, "tcp", group.id, port, port, source, is_egress=False))
        if is_open and not is_tagged:
            _start_host(ec2, group, subnet)


def fill() -> None:
    """Let `DescribeSecurityGroups` give pages, and `DescribeSecurityGroupRules` look only at the groups asked for."""
    for owner, name, filled in (
        (SecurityGroups, "describe_security_groups", _paged),
        (SecurityGroupBackend, "describe_security_group_rules", _narrowed),
    ):
        setattr(owner, name, filled(getattr(owner, name)))


def _start_host(ec2: Any, group: Any, subnet: str) -> None:
    ec2.run_instances(
        "ami-0123456789abcdef0",
        1,
        None,
        [],
        security_group_ids=[group],
        subnet_id=subnet,
        instance_type="m5.large",
        is_instance_type_default=True,
        tags={"instance": MANAGED},
    )


def _paged(theirs: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def describe(self: Any) -> Any:
        groups = theirs(self).result["SecurityGroups"]
        begin, size = int(self._get_param("NextToken", "0")), int(self._get_param("MaxResults", len(groups)))
        following = {"NextToken": str(begin + size)} if begin + size < len(groups) else {}
        return ActionResult({"SecurityGroups": groups[begin : begin + size], **following})

    return describe


def _narrowed(theirs: Callable[..., Any]) -> Callable[..., Any]:
    def describe(self: Any, rule_ids: list[str], filters: dict[str, list[str]]) -> Any:
        wanted = filters.get("group-id")
        if not wanted:
            return theirs(self, rule_ids, filters)
        narrow = {vpc: {i: groups[i] for i in wanted if i in groups} for vpc, groups in self.groups.items()}
        return theirs(SimpleNamespace(groups=narrow), rule_ids, filters)

    return describe


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
