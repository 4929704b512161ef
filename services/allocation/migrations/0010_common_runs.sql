-- What a common run rests on can be read by all Kreise that were steered together, not only by the one whose
-- policy held. Pages show each its own people only.
SET lock_timeout = '5s';

DO $$
BEGIN
    EXECUTE format('CREATE POLICY of_common_run ON steering_content FOR SELECT TO %I USING (EXISTS (
            SELECT FROM steering_run AS r WHERE sha256 IN (r.snapshot, r.result, r.certificate, r.remedies)
                AND r.kreise && string_to_array(current_setting(''kurslotse.kreise'', true), '','')))',
        runtime.role_name('web'));
END $$;
