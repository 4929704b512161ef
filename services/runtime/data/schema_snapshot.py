"""Writes a database's schema as text, so that a reviewer sees what a migration changes."""

import asyncpg

from services.runtime.data.roles import RUNTIME_ROLES

_SCHEMAS = "n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%'"

_COLUMNS = f"""
SELECT n.nspname || '.' || c.relname AS name, c.relkind::text AS kind, a.attname AS what,
    format_type(a.atttypid, a.atttypmod) || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
    || CASE a.attidentity WHEN '' THEN '' ELSE ' IDENTITY' END
    || coalesce(' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid), '') AS how
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef AS d ON d.adrelid = c.oid AND d.adnum = a.attnum
WHERE c.relkind IN ('r', 'p', 'v', 'm') AND {_SCHEMAS}
ORDER BY c.oid, a.attnum
"""

_RULES = f"""
SELECT n.nspname || '.' || c.relname AS name, 'constraint ' || k.conname AS what,
    pg_get_constraintdef(k.oid) AS how
FROM pg_constraint AS k JOIN pg_class AS c ON c.oid = k.conrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE k.contype <> 'n' AND {_SCHEMAS}
UNION ALL
SELECT n.nspname || '.' || c.relname, 'index ' || i.relname, pg_get_indexdef(x.indexrelid)
FROM pg_index AS x JOIN pg_class AS i ON i.oid = x.indexrelid JOIN pg_class AS c ON c.oid = x.indrelid
JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE {_SCHEMAS}
UNION ALL
SELECT n.nspname || '.' || c.relname, 'trigger ' || t.tgname, pg_get_triggerdef(t.oid)
FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = t.tgrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE NOT t.tgisinternal AND {_SCHEMAS}
UNION ALL
SELECT n.nspname || '.' || c.relname, 'policy ' || p.polname,
    coalesce(pg_get_expr(p.polqual, p.polrelid), '-') || ' CHECK '
    || coalesce(pg_get_expr(p.polwithcheck, p.polrelid), '-') || ' TO '
    || (SELECT string_agg(r.rolname, ', ' ORDER BY r.rolname)
        FROM pg_roles AS r WHERE r.oid = ANY (p.polroles))
FROM pg_policy AS p JOIN pg_class AS c ON c.oid = p.polrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE {_SCHEMAS}
UNION ALL
SELECT n.nspname || '.' || c.relname, 'row level security',
    CASE WHEN c.relforcerowsecurity THEN 'forced' ELSE 'enabled' END
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.relrowsecurity AND {_SCHEMAS}
UNION ALL
SELECT n.nspname || '.' || c.relname, 'view', pg_get_viewdef(c.oid)
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace WHERE c.relkind = 'v' AND {_SCHEMAS}
"""

_PRIVILEGES = f"""
SELECT n.nspname || '.' || c.relname AS name, 'granted to ' || r.rolname AS what,
    string_agg(p.privilege_type, ', ' ORDER BY p.privilege_type) AS how
FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
CROSS JOIN LATERAL aclexplode(c.relacl) AS p JOIN pg_roles AS r ON r.oid = p.grantee
WHERE c.relkind IN ('r', 'p', 'v', 'm') AND r.rolname = ANY ($1::text[]) AND {_SCHEMAS}
GROUP BY 1, 2
"""


async def snapshot(conn: asyncpg.Connection, template: str) -> str:
    """Return tables, rules and privileges as lines; the database's own name is written as `db`.

    `template` is the database whose roles hold the privileges (a copy keeps those of its template).
    """
    lines: dict[str, list[str]] = {}
    for row in await conn.fetch(_COLUMNS):
        lines.setdefault(row["name"], []).append(f"{row['what']} {row['how']}")
    granted = [f"{template}_{kind}" for kind in RUNTIME_ROLES]
    rules: dict[str, set[str]] = {}
    for query, arguments in ((_RULES, ()), (_PRIVILEGES, (granted,))):
        for row in await conn.fetch(query, *arguments):
            rules.setdefault(row["name"], set()).add(f"{row['what']}: {' '.join(row['how'].split())}")
    for name, found in rules.items():
        lines.setdefault(name, []).extend(sorted(found))  # sorted here: servers differ in collation
    text = "\n\n".join("\n    ".join([name, *lines[name]]) for name in sorted(lines))
    return text.replace(template, "db") + "\n"
