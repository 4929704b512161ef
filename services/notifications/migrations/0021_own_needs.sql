-- An office looks at the needs that it has reported.
SET LOCAL lock_timeout = '3s';

DO $$
BEGIN
    ALTER TABLE need_report ENABLE ROW LEVEL SECURITY;
    ALTER TABLE need_report FORCE ROW LEVEL SECURITY;
    EXECUTE format('CREATE POLICY all_tenants ON need_report TO %I, %I USING (true) WITH CHECK (true)',
        runtime.role_name('owner'), runtime.role_name('worker'));
    EXECUTE format('CREATE POLICY own_needs ON need_report FOR SELECT TO %I USING (office = ANY (visitor_offices()))',
        runtime.role_name('web'));
END $$;
SELECT runtime.web_table('need_report', 'SELECT');
