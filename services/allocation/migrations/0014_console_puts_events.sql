-- What coordinators decide on the console goes out as events; no other service's pages send any.
SET LOCAL lock_timeout = '3s';

DO $$
BEGIN
    EXECUTE format('GRANT EXECUTE ON FUNCTION runtime.put_outbox TO %I', runtime.role_name('web'));
END $$;
