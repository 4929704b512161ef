-- The web role answers feeds and reads nothing else: no hash of a key, no number of a person.
SET LOCAL lock_timeout = '3s';

DO $$
BEGIN
    EXECUTE format(
        'REVOKE ALL ON api_key, import_run, import_setting, imported, minted_reference, own_number, publisher FROM %I',
        runtime.role_name('web'));
END $$;
