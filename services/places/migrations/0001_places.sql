-- The official directory of towns (Gemeinden), by date: public, the same for every tenant. Only
-- `kurslotse places load`, which acts as the owner, writes it; rows are never deleted.
SET LOCAL lock_timeout = '3s';

CREATE SCHEMA places;

CREATE TABLE places.edition (
    day date NOT NULL,
    sha256 bytea NOT NULL,
    source text NOT NULL CHECK (source IN ('gv100ad', 'csv')),
    name text NOT NULL,
    areas text[] NOT NULL,
    towns integer NOT NULL,
    skipped integer NOT NULL DEFAULT 0,
    loaded_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (day, sha256)
);
COMMENT ON TABLE places.edition IS 'files that were loaded';
COMMENT ON COLUMN places.edition.day IS 'the day for which the file tells the towns (Gebietsstand)';
COMMENT ON COLUMN places.edition.areas IS 'Laender (two digits) or Kreise (five) which the file tells whole';
COMMENT ON COLUMN places.edition.loaded_at IS 'technical time';

CREATE TABLE places.town (
    ags text NOT NULL CHECK (ags ~ '^[0-9]{8}$'),
    valid_from date NOT NULL,
    valid_to date NOT NULL,
    name text NOT NULL CHECK (name <> ''),
    kreis_name text NOT NULL,
    postcodes text[] NOT NULL,
    successors text[] NOT NULL,
    PRIMARY KEY (ags, valid_from),
    CHECK (valid_from < valid_to)
);
COMMENT ON COLUMN places.town.valid_from IS '-infinity: before the first edition';
COMMENT ON COLUMN places.town.valid_to IS 'the first day on which it holds no longer; infinity: it still holds';
COMMENT ON COLUMN places.town.postcodes IS 'that of the seat first';
COMMENT ON COLUMN places.town.successors IS 'keys of the towns to which it belongs since';
CREATE UNIQUE INDEX town_holds ON places.town (ags) WHERE valid_to = 'infinity';

SELECT runtime.restrict_table('places.edition', 'SELECT');
SELECT runtime.restrict_table('places.town', 'SELECT');
SELECT runtime.web_table('places.edition', 'SELECT');
SELECT runtime.web_table('places.town', 'SELECT');
