-- What the console's pages read: who waits, with the next deadline; what was refused or waits, per publisher.
SET lock_timeout = '5s';

-- Somebody waits who is on the list and holds no seat. The deadline is the earliest clock that is known to
-- run; each clock has its own start (rules/deadlines.yaml), and a certificate's own date goes before all.
-- SECURITY INVOKER: row level security is that of whoever asks.
CREATE FUNCTION waiting_people(claim_days integer, admission_days integer, vocational_days integer)
RETURNS TABLE (participant uuid, kreis text, office text, reference text, town text, standing text, route text,
    cooperation_plan boolean, course_types text[], registered_on date, first_registered_on date, returns integer,
    granted_on date, valid_until date, level text, section integer, tested_on date, deadline date)
LANGUAGE sql STABLE AS $$
    SELECT p.participant, p.kreis, p.office, p.reference, p.town, p.standing, p.route,
        p.cooperation_plan, p.course_types, p.registered_on, p.first_registered_on, p.returns,
        p.granted_on, p.valid_until, p.level, p.section, p.tested_on,
        coalesce(p.valid_until, CASE p.route
            WHEN 'aufenthg_44_1' THEN p.granted_on + claim_days
            WHEN 'aufenthg_44_4' THEN p.granted_on + admission_days
            WHEN 'deufoev_4' THEN p.granted_on + vocational_days END)
    FROM public.participant p
    WHERE p.status = 'active' AND NOT EXISTS (
        SELECT FROM public.placement h WHERE h.participant = p.participant
            AND h.state IN ('reserved', 'accepted', 'confirmed', 'started', 'interrupted'))
$$;

-- Courses of the console with their fill: seats given away and open proposals in the entry section that is next.
-- `security_invoker`: the same.
CREATE VIEW course_fill WITH (security_invoker = true) AS
    SELECT c.course, c.kreis, c.provider, c.own_course, c.own_number, c.title, c.course_type, c.town, c.capacity,
        c.minimum, c.target_level, c.times_of_day, c.childcare, c.women_only, c.state, c.registration_until,
        f.number AS first_section, f.starts_on, f.taken AS first_taken, f.capacity AS first_capacity,
        (SELECT max(s.ends_on) FROM public.course_section s WHERE s.course = c.course AND NOT s.removed) AS ends_on,
        (SELECT count(*) FROM public.placement p WHERE p.course = c.course
            AND p.state IN ('proposed', 'sent_to_authority')) AS proposed
    FROM public.course c
    JOIN LATERAL (
        SELECT s.number, s.starts_on, s.taken, s.capacity FROM public.course_section s
        WHERE s.course = c.course AND NOT s.removed ORDER BY s.number LIMIT 1
    ) f ON true;

-- Counts only, and only of publishers of the Kreise that the transaction may see. Runs with the owner's
-- rights on purpose: the runtime's tables have no tenant column and are closed to the web role.
CREATE VIEW publisher_findings AS
    SELECT b.slug, b.name, b.kinds, q.kind, q.code, q.event_type, q.n, q.latest
    FROM runtime.publisher b
    LEFT JOIN (
        SELECT publisher, 'refused' AS kind, code, event_type, count(*) AS n, max(refused_at) AS latest
        FROM runtime.quarantine WHERE replayed_at IS NULL GROUP BY publisher, code, event_type
        UNION ALL
        SELECT publisher, 'parked', code, attributes ->> 'type', count(*), max(parked_at)
        FROM runtime.parked GROUP BY publisher, code, attributes ->> 'type'
    ) q ON q.publisher = b.slug
    WHERE b.kreise && string_to_array(current_setting('kurslotse.kreise', true), ',');

DO $$
BEGIN
    EXECUTE format('GRANT EXECUTE ON FUNCTION waiting_people(integer, integer, integer) TO %I',
        runtime.role_name('web'));
    EXECUTE format('GRANT SELECT ON course_fill, publisher_findings TO %I', runtime.role_name('web'));
END $$;
