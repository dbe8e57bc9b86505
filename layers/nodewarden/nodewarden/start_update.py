"""Starting an update: the call, or the two, that a tick wrote down before, and what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from nodewarden.errors import (
    AwsError,
    GoneError,
    LaunchTemplateError,
    NodeGroupBusyError,
    ReleaseNotAllowedError,
    ThrottledError,
    UnavailableError,
)
from nodewarden.rollout.observed import Busy, NotAllowedYet, Refused, Started, StartRefresh, StartUpdate

if TYPE_CHECKING:
    from nodewarden.errors import NodewardenError
    from nodewarden.fleet_wiring import FleetWiring
    from nodewarden.rollout.observed import Result, Start


def start_update(wired: FleetWiring, call: Start, failures: list[NodewardenError]) -> Result | None:
    """Start an update; None where nobody can say whether it started, or its group is gone: the next tick finds out."""
    try:
        return Started(_start(wired, call))
    except NodeGroupBusyError:
        return Busy()
    except ReleaseNotAllowedError as error:
        return NotAllowedYet(str(error))
    except (GoneError, ThrottledError, UnavailableError) as error:
        error.add_note(f"while starting the update of {call.key}")
        failures.append(error)
        return None
    except LaunchTemplateError as error:
        return Refused(type(error).__name__, str(error))
    except AwsError as error:
        return Refused(error.code, str(error))


def _start(wired: FleetWiring, call: Start) -> str:
    where = call.key.account, call.key.region
    eks = wired.eks(*where)
    if isinstance(call, StartUpdate):
        return eks.start_update(
            call.key, version=call.version, release_version=call.release_version, token=call.token, force=call.force
        ).update_id
    template = wired.launch_templates(*where).with_image(call.source, call.release_version)
    if isinstance(call, StartRefresh):
        return wired.auto_scaling(*where).start_refresh(call.key.auto_scaling_group, template)
    return eks.start_template_update(call.key, template=template, token=call.token, force=call.force).update_id
