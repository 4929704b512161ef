-- Which courses were merged into which one, as long as the merger holds: for lists, and for the providers' pages.
SET LOCAL lock_timeout = '3s';

CREATE VIEW course_merged WITH (security_invoker = true) AS
    SELECT c.course, d.id AS decision, d.host, h.title AS host_title, h.provider AS host_provider
    FROM public.pooling_decision AS d
    CROSS JOIN LATERAL unnest(d.closed) AS c (course)
    JOIN public.course AS h ON h.course = d.host
    JOIN public.course_decision AS r ON r.course = c.course AND r.decided_at = d.decided_at
        AND r.decision = 'close' AND r.lifted_at IS NULL;

DO $$
BEGIN
    EXECUTE format('GRANT SELECT ON course_merged TO %I', runtime.role_name('web'));
END $$;
