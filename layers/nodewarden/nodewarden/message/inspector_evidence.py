"""Where the evidence of findings is: commands that show what Inspector says, and what the ledger has."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from nodewarden.ami_release.unmanaged import MANAGED_TAG
from nodewarden.inspector_finding.incident import COVERAGE, NETWORK
from nodewarden.message.message import Command, command
from nodewarden.node_group import NodeGroupKey

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nodewarden.inspector_finding.incident import Incident

type Filters = dict[str, list[dict[str, str]]]

LONGEST_ID = 64  # characters; what is longer is a title
MOST_NAMED = 10  # Inspector takes as many values of one filter (API reference, FilterCriteria)


def evidence(incidents: list[Incident], about: list[str], stack: str) -> Iterator[str]:
    """Show where to look further: in the ledger, and with Inspector."""
    ids = [incident.key.incident_id for incident in incidents]
    more = f" and {len(ids) - MOST_NAMED} more" if len(ids) > MOST_NAMED else ""
    which = {"incident": ids[0]} if len(ids) == 1 else {"what": "incidents"}
    yield f"the ledger, {'incident' if len(ids) == 1 else 'incidents'} {', '.join(ids[:MOST_NAMED])}{more}:"
    yield command("OperatorFunction", {"verb": "status", **which}, None, stack)
    yield "Inspector:"
    key = incidents[0].key
    if key.about == COVERAGE:
        yield _command("list-coverage", key.region, _not_scanned(incidents))
    else:
        yield _command("list-findings", key.region, _findings(incidents, about))


def _not_scanned(incidents: list[Incident]) -> Filters:
    return {"scanStatusCode": _equal("INACTIVE"), "resourceType": _equal("AWS_EC2_INSTANCE")} | _tags(
        "ec2InstanceTags", incidents
    )


def _findings(incidents: list[Incident], about: list[str]) -> Filters:
    """Filter by what a single incident is about; of several, by their vulnerabilities."""
    if incidents[0].key.about == NETWORK:
        return {"findingType": _equal("NETWORK_REACHABILITY")} | _tags("resourceTags", incidents)
    ids = [each for each in about if len(each) <= LONGEST_ID][:MOST_NAMED]
    return ({"vulnerabilityId": _equal(*ids)} if ids else {}) | _tags("resourceTags", incidents)


def _tags(name: str, incidents: list[Incident]) -> Filters:
    hosts = incidents[0].key.hosts
    if len(incidents) > 1 or not isinstance(hosts, NodeGroupKey):
        return {}
    return {name: [{"comparison": "EQUALS", "key": MANAGED_TAG, "value": hosts.name}]}


def _equal(*values: str) -> list[dict[str, str]]:
    return [{"comparison": "EQUALS", "value": value} for value in values]


def _command(verb: str, region: str, filters: Filters) -> Command:
    criteria = json.dumps(filters).replace("'", "\\u0027")  # it stands between quotes of a shell
    return Command(f"aws inspector2 {verb} --region {region} --filter-criteria '{criteria}'")
