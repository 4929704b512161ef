-- The data protection officer reads who looked at names of the own organisation; team leads see who has which alert.
SET LOCAL lock_timeout = '3s';

-- Looks of Kurslotse itself are left out: it looks for a responsible office only where somebody has consented, and an
-- authority must not learn that. Whose name it was is told by the reference only to those who gave it.
CREATE FUNCTION looks_at_names(begins timestamptz, ends timestamptz, about text, most integer, skipped integer)
RETURNS TABLE (looked_at timestamptz, participant_id uuid, reference text, actor text, purpose text, fields text[])
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
    SELECT l.at, l.participant_id, p.reference, l.actor, l.purpose, l.fields
    FROM disclosure_log AS l
    LEFT JOIN person AS p ON p.participant_id = l.participant_id AND p.organisation = l.organisation
    WHERE l.organisation = visitor_organisation() AND l.actor NOT LIKE 'service:%'
        AND (begins IS NULL OR l.at >= begins) AND (ends IS NULL OR l.at < ends)
        AND (about = '' OR lower(p.reference) = lower(about) OR l.participant_id::text = lower(about))
    ORDER BY l.at DESC, l.id DESC LIMIT most OFFSET skipped
$$;
REVOKE ALL ON FUNCTION looks_at_names(timestamptz, timestamptz, text, integer, integer) FROM PUBLIC;
DO $$
BEGIN
    EXECUTE format('GRANT EXECUTE ON FUNCTION looks_at_names(timestamptz, timestamptz, text, integer, integer) TO %I',
        runtime.role_name('web'));
END $$;

ALTER TABLE alert ADD COLUMN taken_by text;
COMMENT ON COLUMN alert.taken_by IS 'key of the counsellor who has taken it, or to whom it was handed; goes with the office''s part';
