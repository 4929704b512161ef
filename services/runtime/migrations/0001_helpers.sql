-- What migrations use to say who may touch a table. Role names follow from the database's name.
SET LOCAL lock_timeout = '3s';

CREATE FUNCTION runtime.role_name(kind text) RETURNS text
LANGUAGE sql STABLE AS $$ SELECT current_database() || '_' || kind $$;

CREATE FUNCTION runtime.check_privileges(privileges text) RETURNS text
LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    IF privileges !~ '^(SELECT|INSERT|UPDATE|DELETE)(, ?(SELECT|INSERT|UPDATE|DELETE))*$' THEN
        RAISE EXCEPTION 'not a list of privileges: %', privileges;
    END IF;
    RETURN privileges;
END $$;

-- Give the web role privileges on a table that holds nothing of a tenant.
CREATE FUNCTION runtime.web_table(tab regclass, privileges text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('GRANT %s ON %s TO %I', runtime.check_privileges(privileges), tab, runtime.role_name('web'));
END $$;

-- Leave the worker only these privileges (tables to which rows are only added).
CREATE FUNCTION runtime.restrict_table(tab regclass, privileges text) RETURNS void
LANGUAGE plpgsql AS $$
BEGIN
    EXECUTE format('REVOKE ALL ON %s FROM %I', tab, runtime.role_name('worker'));
    EXECUTE format('GRANT %s ON %s TO %I', runtime.check_privileges(privileges), tab, runtime.role_name('worker'));
END $$;

-- A table with a tenant column: row level security forced on everybody; owner and worker see all,
-- web sees what its transaction says (kreis, or organisation on the support side).
CREATE FUNCTION runtime.tenant_table(tab regclass, tenant name, privileges text) RETURNS void
LANGUAGE plpgsql AS $$
DECLARE
    visible text;
BEGIN
    IF tenant = 'organisation' THEN
        visible := '%1$I = nullif(current_setting(''kurslotse.organisation'', true), '''')';
    ELSE
        visible := '%1$I = ANY (string_to_array(current_setting(''kurslotse.kreise'', true), '',''))';
    END IF;
    visible := format(visible, tenant);
    EXECUTE format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', tab);
    EXECUTE format('ALTER TABLE %s FORCE ROW LEVEL SECURITY', tab);
    EXECUTE format('CREATE POLICY all_tenants ON %s TO %I, %I USING (true) WITH CHECK (true)',
        tab, runtime.role_name('owner'), runtime.role_name('worker'));
    EXECUTE format('CREATE POLICY own_tenant ON %s TO %I USING (%s) WITH CHECK (%s)',
        tab, runtime.role_name('web'), visible, visible);
    PERFORM runtime.web_table(tab, privileges);
END $$;
