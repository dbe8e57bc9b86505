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
    from nodewarden.aws.auto_scaling import AutoScaling
    from nodewarden.errors import NodewardenError
    from nodewarden.fleet_wiring import FleetWiring
    from nodewarden.launch_template import LaunchTemplate
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
    template = wired.launch_templates(*where).with_image(call.source, call.release_version, call.attempt)
    if isinstance(call, StartRefresh):
        return _refresh(wired.auto_scaling(*where), call, template)
    return eks.start_template_update(call.key, template=template, token=call.token, force=call.force).update_id


def _refresh(auto_scaling: AutoScaling, call: StartRefresh, template: LaunchTemplate) -> str:
    """Start a refresh, unless there was one since the intent was written: it may be this attempt's own."""
    name = call.key.auto_scaling_group
    latest = auto_scaling.refresh(name)
    if (latest.update_id if latest else None) != call.after:
        message = f"{name} was refreshed since its start was decided (wait: the next tick looks at it)"
        raise NodeGroupBusyError(message)
    return auto_scaling.start_refresh(name, template)
