"""Whether an event about an AMI is reason to look at the fleet: an account makes many AMIs, backups among them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nodewarden.ami_release.event import AmiEvent
    from nodewarden.fleet_wiring import FleetWiring


def why_ignored(event: AmiEvent, wired: FleetWiring) -> str:
    """Say why nobody needs to look: the AMI is of no family, or, where it is gone, no host runs it; empty where they do.

    Raises AccountError, PolicyError.
    """
    where = event.account, event.region
    if event.gone:
        hosts = wired.instances(*where).run_from(event.image_id)
        return "" if hosts else f"no host of a cluster runs {event.image_id}"
    ids = wired.image_builder(*where).amis(event.build, event.region) if event.build else (event.image_id,)
    found = wired.images(*where).images(ids) if ids else {}
    policy = wired.ami_release_policy
    if any(policy.family_of(image, event.account) for image in found.values()):
        return ""
    return f"{', '.join(ids) or 'the build has no AMI here, and'} is of no family of ami_release.toml"
