-- Rows about people are limited to the visitor's own offices, not only to their organisation.
SET LOCAL lock_timeout = '3s';

CREATE FUNCTION visitor_offices() RETURNS text[]
LANGUAGE sql STABLE AS $$
    SELECT string_to_array(nullif(current_setting('kurslotse.offices', true), ''), ',')
$$;
COMMENT ON FUNCTION visitor_offices IS 'slugs of the offices (or providers) for which the visitor of this transaction works';

CREATE FUNCTION visitor_organisation() RETURNS text
LANGUAGE sql STABLE AS $$ SELECT nullif(current_setting('kurslotse.organisation', true), '') $$;

DO $$
DECLARE
    web text := runtime.role_name('web');
    own text := 'organisation = visitor_organisation() AND office = ANY (visitor_offices())';
    tab text;
BEGIN
    FOREACH tab IN ARRAY ARRAY['person', 'disclosure', 'registration', 'participant_fact', 'alert', 'alert_step',
        'escalation', 'delivery'] LOOP
        EXECUTE format('ALTER POLICY own_tenant ON %I USING (%s) WITH CHECK (%s)', tab, own, own);
    END LOOP;
    ALTER POLICY disclosed ON person USING (EXISTS (
        SELECT FROM disclosure AS d WHERE d.participant_id = person.participant_id
            AND d.organisation = visitor_organisation() AND d.office = ANY (visitor_offices())
            AND d.ended_at IS NULL));
    -- A key is of use only with the person's row, which has its own policy.
    own := 'organisation = visitor_organisation()'
        ' AND EXISTS (SELECT FROM person AS p WHERE p.participant_id = person_key.participant_id)';
    EXECUTE format('ALTER POLICY own_tenant ON person_key USING (%s) WITH CHECK (%s)', own, own);
    own := 'organisation = visitor_organisation() AND EXISTS (SELECT FROM placement AS p'
        ' WHERE p.placement_id = placement_offer.placement_id AND p.office = ANY (visitor_offices()))';
    EXECUTE format('ALTER POLICY own_tenant ON placement_offer USING (%s) WITH CHECK (%s)', own, own);
    ALTER POLICY own_placements ON placement USING (
        (office_organisation = visitor_organisation() AND office = ANY (visitor_offices()))
        OR (released AND provider_organisation = visitor_organisation() AND provider = ANY (visitor_offices())));
    ALTER POLICY own_consents ON consent USING (
        (registrar_organisation = visitor_organisation() AND registrar = ANY (visitor_offices())
            AND NOT registrar_authority)
        OR (office = ANY (visitor_offices())
            AND office IN (SELECT o.slug FROM office AS o WHERE o.organisation = visitor_organisation())));
    -- Pages add their looks to the log; who else looked is not theirs to read.
    EXECUTE format('REVOKE SELECT ON disclosure_log FROM %I', web);
END $$;
