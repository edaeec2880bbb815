"""What geo refuses, each with a sentence that says what to do."""


class GeoError(Exception):
    """Root of every refusal of the geo package; its text is fit for the person who sent the input."""


class CoordinateInvalid(GeoError):
    """A longitude or latitude that is not a finite number in range."""


class FixInvalid(GeoError):
    """A fix without an aware time, or with an impossible accuracy."""


class PlaneInvalid(GeoError):
    """A local plane whose stated error would exceed 0.1 %."""


class OutsidePlane(GeoError):
    """A point further from the anchor than the plane's stated radius."""


class GeometryRefused(GeoError):
    """A GeoJSON geometry that is refused; subclasses name the cause."""


class NotPolygon(GeometryRefused):
    """Anything but a Polygon, a MultiPolygon, or a Feature that holds one."""


class TooManyVertices(GeometryRefused):
    """More vertices than a ring or a body may have."""


class BadPosition(GeometryRefused):
    """A position that is not two finite numbers in WGS-84 range."""


class WrongReferenceSystem(GeometryRefused):
    """Coordinates declared or evidently given in something other than WGS-84 degrees."""


class RingNotClosed(GeometryRefused):
    """A ring with fewer than four positions, or whose last position differs from its first."""


class CrossesAntimeridian(GeometryRefused):
    """A geometry that jumps over the 180th meridian."""


class SelfCrossing(GeometryRefused):
    """Rings that cross or overlap themselves or each other."""


class FenceRefused(GeoError):
    """A fence, a policy or a change of the fence set that cannot be used."""


class SnapshotInvalid(GeoError):
    """Bytes that are not a fence snapshot of a known version, or one of another fence set."""
