"""StarRocks' functions for BITMAP, HLL, binary and JSON, as stored functions of MariaDB; and CAST to nested types.

A BITMAP is kept as its numbers in order, `1,5,7`; an HLL in the same way as the numbers that its values hash to, so that it is exact.
"""

import re

SCHEMA = "`__double`"
BODIES = {
    "bitmap_from_string(t LONGTEXT) RETURNS LONGTEXT": """BEGIN
        DECLARE EXIT HANDLER FOR SQLEXCEPTION RETURN NULL;
        IF t IS NULL OR TRIM(t) = '' THEN RETURN t; END IF;
        RETURN (SELECT GROUP_CONCAT(DISTINCT v ORDER BY v SEPARATOR ',') FROM JSON_TABLE(
            CONCAT('[', TRIM(BOTH ',' FROM REGEXP_REPLACE(t, ',+', ',')), ']'), '$[*]' COLUMNS (v BIGINT UNSIGNED PATH '$' ERROR ON ERROR)) j);
        END""",
    "to_bitmap(t LONGTEXT) RETURNS LONGTEXT":
        "RETURN IF(TRIM(t) REGEXP '^[0-9]{1,20}$' AND CAST(t AS DECIMAL(20)) <= 18446744073709551615, CAST(CAST(t AS DECIMAL(20)) AS CHAR), NULL)",
    "bitmap_empty() RETURNS LONGTEXT": "RETURN ''",
    "bitmap_hash(t LONGTEXT) RETURNS LONGTEXT": "RETURN CAST(CRC32(t) AS CHAR)",
    "bitmap_to_string(b LONGTEXT) RETURNS LONGTEXT": "RETURN b",
    "bitmap_to_array(b LONGTEXT) RETURNS LONGTEXT": "RETURN CONCAT('[', b, ']')",
    "bitmap_count(b LONGTEXT) RETURNS BIGINT": "RETURN IF(COALESCE(b, '') = '', 0, LENGTH(b) - LENGTH(REPLACE(b, ',', '')) + 1)",
    "bitmap_contains(b LONGTEXT, n BIGINT UNSIGNED) RETURNS TINYINT(1)": "RETURN FIND_IN_SET(n, b) > 0",
    "hll_hash(t LONGTEXT) RETURNS LONGTEXT": "RETURN COALESCE(CONV(LEFT(MD5(t), 15), 16, 10), '')",
    "hll_empty() RETURNS LONGTEXT": "RETURN ''",
    "hll_cardinality(h LONGTEXT) RETURNS BIGINT": "RETURN IF(COALESCE(h, '') = '', 0, LENGTH(h) - LENGTH(REPLACE(h, ',', '')) + 1)",
    "percentile_hash(t LONGTEXT) RETURNS LONGTEXT": "RETURN NULL",
    "percentile_empty() RETURNS LONGTEXT": "RETURN NULL",
    "to_binary(t LONGBLOB, f VARCHAR(20)) RETURNS LONGBLOB":
        "RETURN CASE f WHEN 'hex' THEN UNHEX(t) WHEN 'encode64' THEN FROM_BASE64(t) ELSE t END",
    "from_binary(b LONGBLOB, f VARCHAR(20)) RETURNS LONGTEXT":
        "RETURN CASE f WHEN 'hex' THEN HEX(b) WHEN 'encode64' THEN REPLACE(TO_BASE64(b), '\\n', '') ELSE b END",
    "parse_json(t LONGTEXT) RETURNS LONGTEXT": "RETURN IF(JSON_VALID(t), t, NULL)",
    "to_json(t LONGTEXT) RETURNS LONGTEXT": "RETURN t",
}
UNIONS = {"bitmap_union": "", "bitmap_union_count": "bitmap_count", "hll_union": "", "hll_raw_agg": "", "hll_union_agg": "hll_cardinality"}
NAMES = {signature.split("(")[0] for signature in BODIES}
NESTED_CAST = re.compile(r"(?is)\s*CAST\s*\((.*)\s+AS\s+((ARRAY|MAP|STRUCT)\s*<.*>)\s*\)\s*\Z")


def create(engine):
    for signature, body in BODIES.items():
        engine.query(f"CREATE FUNCTION IF NOT EXISTS {SCHEMA}.{signature} DETERMINISTIC {body}")


def union(argument):
    """The numbers of several BITMAPs or HLLs as one."""
    return f"{SCHEMA}.bitmap_from_string(GROUP_CONCAT({argument}))"


def call(name, arguments):
    """How MariaDB calls one of these functions, None for others."""
    name = name.lower()
    if name in UNIONS:
        inner = union(arguments)
        return f"{SCHEMA}.{UNIONS[name]}({inner})" if UNIONS[name] else inner
    if name in ("to_binary", "from_binary") and "," not in arguments:
        arguments += ", 'hex'"
    return f"{SCHEMA}.{name}({arguments})" if name in NAMES else None


_CALLS = re.compile(r"(?i)(?<![.`\w])(" + "|".join(sorted(NAMES, key=len, reverse=True)) + r")\s*\(")


def prefixed(text):
    """Calls of these functions by their names in MariaDB."""
    return _CALLS.sub(SCHEMA + r".\1(", text)


def translated(expression):
    """An expression of a load's `columns` or `where`, for MariaDB."""
    match = NESTED_CAST.match(expression)
    text = match[1] if match else expression
    return re.sub(r"(?i)\bAS\s+(BIGINT|INT|LARGEINT)\b", "AS SIGNED", prefixed(text))


def refusal(expression, profile):
    """What the FE says of a CAST that the release does not have."""
    match = NESTED_CAST.match(expression)
    if match and not profile.casts_json(match[3].upper()):
        return f"Getting analyzing error. Detail message: Invalid type cast from json to {match[2].lower()} in sql `{match[1].strip()}`."
    return None
