-- A team lead learns how many of those who began a course allow the own office. A function, because placements of
-- people are no counselling office's to read; it tells of people who allow this office, and of no id.
SET LOCAL lock_timeout = '3s';

CREATE FUNCTION own_consenting_beginners(today date) RETURNS TABLE (kreis text, began_on date)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public AS $$
    SELECT DISTINCT ON (p.participant_id) p.kreis, p.starts_on
    FROM placement AS p
    WHERE p.state IN ('started', 'interrupted', 'transferred', 'left', 'completed')
        AND p.participant_id IN (
            SELECT c.participant_id FROM consent AS c JOIN office AS o ON o.slug = c.office
            WHERE c.office = ANY (visitor_offices()) AND o.organisation = visitor_organisation()
                AND c.ended_at IS NULL AND c.valid_until >= today)
    ORDER BY p.participant_id, p.starts_on, p.placement_id
$$;
REVOKE ALL ON FUNCTION own_consenting_beginners(date) FROM PUBLIC;
COMMENT ON FUNCTION own_consenting_beginners IS
'where and when everybody who allows the visitor''s own office began their first course';
DO $$
BEGIN
    EXECUTE format('GRANT EXECUTE ON FUNCTION own_consenting_beginners(date) TO %I', runtime.role_name('web'));
END $$;
