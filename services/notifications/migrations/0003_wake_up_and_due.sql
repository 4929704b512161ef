-- Waking those who work things off, and what the status role may know about what is due.
SET LOCAL lock_timeout = '3s';

CREATE FUNCTION wake_workers() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('kurslotse_work', TG_TABLE_NAME);
    RETURN NULL;
END $$;
CREATE TRIGGER wake AFTER INSERT OR UPDATE ON reconsider FOR EACH STATEMENT EXECUTE FUNCTION wake_workers();
CREATE TRIGGER wake AFTER INSERT ON delivery FOR EACH STATEMENT EXECUTE FUNCTION wake_workers();
CREATE TRIGGER wake AFTER INSERT ON course_day FOR EACH STATEMENT EXECUTE FUNCTION wake_workers();

CREATE VIEW status.disclosure AS
SELECT purpose, until, count(*) AS n FROM disclosure WHERE ended_at IS NULL GROUP BY purpose, until;
CREATE VIEW status.counts_published AS
SELECT c.kreis, (SELECT max(p.week) FROM counts_published AS p WHERE p.kreis = c.kreis) AS last_week
FROM (SELECT DISTINCT kreis FROM course) AS c;
