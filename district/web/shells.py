"""The shell around a page, from the district and the caller."""

from fastapi import Request

from district.auth.service import Principal
from district.districts.service import DistrictInfo
from district.web.language import negotiate
from district.web.templating import Shell


def shell_of(
    request: Request, district: DistrictInfo, principal: Principal | None = None, *, user_name: str = ""
) -> Shell:
    """What the layouts show around a page of this district."""
    return Shell(
        district_slug=district.slug,
        district_name=district.title(negotiate(request).value),
        zone=district.zone,
        currency=district.currency,
        is_demo=bool(district.label),
        is_invented=district.label == "invented",
        is_simulated=request.app.state.simulation.value is not None,
        is_openstreetmap="OpenStreetMap" in district.attribution,
        user_name=user_name,
        role=principal.role if principal else "",
    )
