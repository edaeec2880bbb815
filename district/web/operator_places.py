"""Zones and access points: what is counted in, and what hears."""

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import HTMLResponse
from geoalchemy2.shape import to_shape
from sqlalchemy import select
from sqlalchemy.orm import Session

from district.auth.models import Role
from district.clock import ClockDep
from district.database import DbSession
from district.footfall.routes import csv_answer
from district.web.operator_shell import waiting
from district.web.staff import Staff, staff
from district.web.templating import render
from district.zones.models import AccessPoint, Zone
from geo.metric import LocalPlane
from geo.presence import area_m2

router = APIRouter()
Operator = Annotated[Staff, Depends(staff(Role.OPERATOR))]
MOST_SHOWN = 2_000


@router.get("/operator/places")
def page(request: Request, operator: Operator, session: DbSession, clock: ClockDep) -> HTMLResponse:
    """Both tables beside a map of the access points."""
    points = _access_points(session, operator)
    features = [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [place.x, place.y]},
            "properties": {"name": point.name or point.mac, "floor": point.floor or ""},
        }
        for point in points
        if point.location is not None and (place := to_shape(point.location))
    ]
    return render(
        request,
        "operator/places.html",
        shell=operator.shell(request, badges=waiting(session, operator.district.id)),
        now=clock.now(),
        district=operator.district,
        zones=_zones(session, operator),
        points=points,
        unplaced=len(points) - len(features),
        features={"type": "FeatureCollection", "features": features},
    )


@router.get("/operator/zones-list.csv")
def zones_csv(operator: Operator, session: DbSession) -> Response:
    """The zones."""
    rows = [
        (zone.slug, zone.name, zone.name_zh, zone.floor or "", round(size))
        for zone, size in _zones(session, operator)
    ]
    head = ("zone", "name", "name_zh", "floor", "area_m2")
    return csv_answer([head, *rows], f"zones-{operator.district.slug}.csv")


@router.get("/operator/access-points.csv")
def access_points_csv(operator: Operator, session: DbSession) -> Response:
    """The access points."""
    rows = []
    for point in _access_points(session, operator):
        place = None if point.location is None else to_shape(point.location)
        lon, lat = ("", "") if place is None else (round(place.x, 6), round(place.y, 6))
        rows.append((spelled(point.mac), point.name, lon, lat, point.floor or ""))
    head = ("mac", "name", "lon", "lat", "floor")
    return csv_answer([head, *rows], f"access-points-{operator.district.slug}.csv")


def spelled(mac: str) -> str:
    """Twelve digits as people read them."""
    return ":".join(mac[place : place + 2] for place in range(0, len(mac), 2))


def _zones(session: Session, operator: Staff) -> list[tuple[Zone, float]]:
    plane = LocalPlane(anchor=operator.district.center)
    rows = session.scalars(
        select(Zone)
        .where(Zone.district_id == operator.district.id)
        .order_by(Zone.name, Zone.id)
        .limit(MOST_SHOWN)
    )
    return [(row, area_m2(to_shape(row.outline), plane)) for row in rows]


def _access_points(session: Session, operator: Staff) -> list[AccessPoint]:
    mine = select(AccessPoint).where(AccessPoint.district_id == operator.district.id)
    return list(session.scalars(mine.order_by(AccessPoint.name, AccessPoint.mac).limit(MOST_SHOWN)))
