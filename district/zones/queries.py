"""SQL of zones, the base map and its tiles."""

from typing import Final

UPSERT_FEATURES_SQL = """
INSERT INTO map_feature (district_id, id, layer, ref, name, kind, shape, shape_3857, tags)
SELECT :district_id, id, :layer, ref, name, kind, ST_GeomFromWKB(shape, 4326),
       ST_Transform(ST_GeomFromWKB(shape, 4326), 3857), tags::jsonb
FROM unnest(CAST(:ids AS uuid[]), CAST(:refs AS text[]), CAST(:names AS text[]), CAST(:kinds AS text[]),
            CAST(:shapes AS bytea[]), CAST(:tags AS text[])) AS row (id, ref, name, kind, shape, tags)
ON CONFLICT (district_id, id) DO UPDATE SET
    name = excluded.name, kind = excluded.kind, shape = excluded.shape,
    shape_3857 = excluded.shape_3857, tags = excluded.tags
"""

DROP_OTHER_FEATURES_SQL = """
DELETE FROM map_feature
WHERE district_id = :district_id AND layer = :layer AND NOT (id = ANY(CAST(:ids AS uuid[])))
"""

_BOUNDS = "WITH tile AS (SELECT ST_TileEnvelope(%(z)s, %(x)s, %(y)s) AS box)"
_SHAPE = "ST_AsMVTGeom({shape}, tile.box, 4096, 64, true) AS geom"
_NEAR = "{shape} && ST_Expand(tile.box, (ST_XMax(tile.box) - ST_XMin(tile.box)) / 64)"
_NAMES = """nullif({t}.name, '') AS name, {tags}->>'name:en' AS name_en,
       coalesce({tags}->>'name:zh-Hans', {tags}->>'name:zh') AS name_zh"""

# layer → (columns, least zoom). The columns are what the style of the map reads.
FEATURE_LAYERS: Final[dict[str, tuple[str, int]]] = {
    "landuse": ("m.kind", 0),
    "water": ("m.kind", 0),
    "plazas": (_NAMES.format(t="m", tags="m.tags"), 13),
    "streets": ("m.kind AS highway, " + _NAMES.format(t="m", tags="m.tags"), 0),
    "rail": ("m.kind", 12),
    "buildings": ("m.id::text AS id, " + _NAMES.format(t="m", tags="m.tags"), 13),
    "transit": ("m.kind, " + _NAMES.format(t="m", tags="m.tags"), 13),
    "entrances": ("m.kind", 17),
}
_MINOR_STREETS_FROM_ZOOM: Final = 14
_MAIN_STREETS = "('motorway', 'trunk', 'primary', 'secondary', 'tertiary', 'pedestrian', 'residential')"
STORES_FROM_ZOOM: Final = 13


def _features_sql(layer: str, columns: str) -> str:
    minor = f"AND (%(z)s >= {_MINOR_STREETS_FROM_ZOOM} OR m.kind IN {_MAIN_STREETS})"
    return f"""
    SELECT coalesce(ST_AsMVT(part, '{layer}', 4096, 'geom'), '') FROM (
        SELECT {columns}, {_SHAPE.format(shape="m.shape_3857")}
        FROM map_feature m, tile
        WHERE m.district_id = %(district_id)s AND m.layer = '{layer}' AND {_NEAR.format(shape="m.shape_3857")}
        {minor if layer == "streets" else ""}
    ) AS part WHERE geom IS NOT NULL"""


_STORES_SQL = f"""
    SELECT coalesce(ST_AsMVT(part, 'stores', 4096, 'geom'), '') FROM (
        SELECT id, name, name_en, name_zh, category, has_offer, {_SHAPE.format(shape="shape")}
        FROM tile, LATERAL (
            SELECT s.id::text AS id, nullif(coalesce(s.name, p.name), '') AS name, p.tags->>'name:en' AS name_en,
                   nullif(coalesce(s.name_zh, p.name_zh), '') AS name_zh,
                   coalesce(s.category, p.category) AS category,
                   EXISTS (
                       SELECT 1 FROM campaign_store cs
                       JOIN campaign c ON c.district_id = cs.district_id AND c.id = cs.campaign_id
                       LEFT JOIN stock_now k ON k.district_id = c.district_id AND k.campaign_id = c.id
                       WHERE cs.district_id = s.district_id AND cs.store_id = s.id AND c.state = 'live'
                         AND k.is_sold_out IS NOT TRUE
                         AND (c.starts_at IS NULL OR c.starts_at <= %(now)s)
                         AND (c.ends_at IS NULL OR c.ends_at > %(now)s)
                   ) AS has_offer,
                   ST_Transform(coalesce(s.location, p.location), 3857) AS shape
            FROM store s LEFT JOIN imported_place p ON p.district_id = s.district_id AND p.ref = s.ref
            WHERE s.district_id = %(district_id)s AND s.closed_at IS NULL
              AND coalesce(s.location, p.location) && ST_Transform(ST_Expand(tile.box, 10), 4326)
        ) AS stores
    ) AS part WHERE geom IS NOT NULL"""

_ZONES_SQL = f"""
    SELECT coalesce(ST_AsMVT(part, 'zones', 4096, 'geom'), '') FROM (
        SELECT z.id::text AS id, z.name, nullif(z.name_zh, '') AS name_zh, 'zone' AS kind, z.floor,
               {_SHAPE.format(shape="ST_Transform(z.outline, 3857)")}
        FROM zone z, tile
        WHERE z.district_id = %(district_id)s AND z.outline && ST_Transform(tile.box, 4326)
    ) AS part WHERE geom IS NOT NULL"""

FENCES_TILE_SQL = f"""{_BOUNDS}
    SELECT coalesce(ST_AsMVT(part, 'fences', 4096, 'geom'), '') FROM (
        SELECT c.id::text AS id, c.name, c.state, {_SHAPE.format(shape="ST_Transform(c.fence, 3857)")}
        FROM campaign c, tile
        WHERE c.district_id = %(district_id)s AND c.fence && ST_Transform(tile.box, 4326)
          AND (%(merchant_id)s::uuid IS NULL OR c.merchant_id = %(merchant_id)s)
    ) AS part WHERE geom IS NOT NULL"""


def tile_sql(zoom: int) -> str:
    """One statement that gives all public layers of a tile at this zoom, joined as one tile."""
    parts = [
        _features_sql(layer, columns)
        for layer, (columns, least_zoom) in FEATURE_LAYERS.items()
        if zoom >= least_zoom
    ]
    if zoom >= STORES_FROM_ZOOM:
        parts.append(_STORES_SQL)
    parts.append(_ZONES_SQL)
    return f"{_BOUNDS} SELECT " + " || ".join(f"({part})" for part in parts)


# One path per part of the picture, in its own units with y downwards.
PICTURE_SQL = """
WITH box AS (SELECT ST_MakeEnvelope(:west, :south, :east, :north, 3857) AS shape),
near AS (
    SELECT CASE WHEN m.layer <> 'streets' THEN m.layer
                WHEN m.kind IN ('motorway', 'trunk', 'primary', 'secondary', 'tertiary') THEN 'major'
                ELSE 'minor' END AS part,
           ST_SimplifyPreserveTopology(ST_ClipByBox2D(m.shape_3857, Box2D(box.shape)), :step / :scale) AS shape
    FROM map_feature m, box
    WHERE m.district_id = :district_id AND m.shape_3857 && box.shape
      AND m.layer IN ('landuse', 'water', 'plazas', 'streets', 'rail', 'buildings')
      AND m.kind NOT IN ('footway', 'steps', 'path', 'cycleway', 'corridor', 'service', 'subway', 'track',
                         'platform', 'elevator', 'construction', 'proposed')
      AND NOT (m.tags ? 'tunnel' OR m.tags ? 'indoor')
)
SELECT part,
       string_agg(
           ST_AsSVG(
               ST_SnapToGrid(ST_Affine(shape, :scale, 0, 0, :scale, -:west * :scale, -:north * :scale), 1), 1, 0
           ), ' '
       ) AS path
FROM near
WHERE NOT ST_IsEmpty(shape) AND GeometryType(shape) <> 'GEOMETRYCOLLECTION'
  AND (ST_Dimension(shape) < 2 OR ST_Area(shape) * :scale * :scale > 60 * :step)
  AND (ST_Dimension(shape) > 1 OR ST_Length(shape) * :scale > 5 * :step)
  AND (part <> 'rail' OR :scale > 0.5)
GROUP BY part
"""

STREET_NAMES_SQL = """
WITH box AS (SELECT ST_MakeEnvelope(:west, :south, :east, :north, 3857) AS shape),
near AS (
    SELECT CASE WHEN :is_chinese THEN coalesce(m.tags->>'name:zh-Hans', m.tags->>'name:zh', m.name)
                ELSE coalesce(m.tags->>'name:en', m.name) END AS name,
           ST_ClipByBox2D(m.shape_3857, Box2D(box.shape)) AS shape
    FROM map_feature m, box
    WHERE m.district_id = :district_id AND m.layer = 'streets' AND m.name <> '' AND m.shape_3857 && box.shape
      AND m.kind NOT IN ('footway', 'steps', 'path', 'cycleway', 'corridor', 'service')
      AND NOT (m.tags ? 'tunnel' OR m.tags ? 'indoor')
),
joined AS (
    SELECT name, (ST_Dump(ST_LineMerge(ST_CollectionExtract(ST_Collect(shape), 2)))).geom AS line
    FROM near WHERE NOT ST_IsEmpty(shape) GROUP BY name
),
longest AS (
    SELECT DISTINCT ON (name) name, line FROM joined
    WHERE GeometryType(line) = 'LINESTRING' ORDER BY name, ST_Length(line) DESC
)
SELECT name, (ST_X(middle) - :west) * :scale AS x, (:north - ST_Y(middle)) * :scale AS y,
       degrees(ST_Azimuth(ST_LineInterpolatePoint(line, share - 0.12), ST_LineInterpolatePoint(line, share + 0.12)))
           - 90 AS angle,
       length * :scale AS length
FROM (SELECT name, line, ST_Length(line) AS length FROM longest ORDER BY length DESC LIMIT 16) AS named,
     unnest(ARRAY[0.5, 0.3, 0.7, 0.2, 0.8]) WITH ORDINALITY AS places (share, try),
     LATERAL (SELECT ST_LineInterpolatePoint(line, share) AS middle) AS point
WHERE length > 0 ORDER BY length DESC, name, try
"""

# Where a shopper may say he stands: the ref of a stop, plaza or building on the map.
LANDMARK_SQL = """
SELECT name, tags->>'name:en' AS name_en, coalesce(tags->>'name:zh-Hans', tags->>'name:zh') AS name_zh,
       ST_X(ST_PointOnSurface(shape)) AS lon, ST_Y(ST_PointOnSurface(shape)) AS lat
FROM map_feature
WHERE district_id = :district_id AND layer IN ('transit', 'plazas', 'buildings') AND ref = :ref AND name <> ''
LIMIT 1
"""

LANDMARKS_SQL = """
SELECT DISTINCT ON (name) ref, name, tags->>'name:en' AS name_en,
       coalesce(tags->>'name:zh-Hans', tags->>'name:zh') AS name_zh
FROM map_feature
WHERE district_id = :district_id AND layer IN ('transit', 'plazas') AND name <> ''
ORDER BY name, ref LIMIT 40
"""

ACCESS_POINT_PLACE_SQL = """
SELECT name, ST_X(location) AS lon, ST_Y(location) AS lat FROM access_point
WHERE district_id = :district_id AND (id::text = :key OR mac = :mac) AND location IS NOT NULL
"""
