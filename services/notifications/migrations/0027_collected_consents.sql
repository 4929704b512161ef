-- Schools enter what their classes have signed; counselling offices enter what somebody takes back by telling them.
-- The registering office reads what proves the consents of its people, whoever entered it; a school reads its own
-- entries. How somebody took a consent back is read by no page: that they spoke with a counselling office is theirs.
SET LOCAL lock_timeout = '3s';

ALTER TABLE consent_evidence ADD COLUMN told text;
ALTER TABLE consent_evidence ADD CONSTRAINT consent_evidence_told
CHECK (told IN ('talk', 'telephone', 'writing')) NOT VALID;
COMMENT ON COLUMN consent_evidence.cause IS 'the grant or revocation that it proves';
COMMENT ON COLUMN consent_evidence.office IS
'the publisher that entered it: registering office, school or counselling office';
COMMENT ON COLUMN consent_evidence.told IS 'how somebody took consent back; null: this proves a grant';

DO $$
BEGIN
    ALTER POLICY own_read ON consent_evidence USING (told IS NULL AND (
        (organisation = visitor_organisation() AND office = ANY (visitor_offices())
            AND EXISTS (SELECT FROM runtime.publisher AS p WHERE p.slug = office AND NOT p.authority))
        OR EXISTS (SELECT FROM person AS h JOIN runtime.publisher AS p ON p.slug = h.office AND NOT p.authority
            WHERE h.participant_id = consent_evidence.participant_id
                AND h.organisation = visitor_organisation() AND h.office = ANY (visitor_offices()))));
    -- Pages write evidence of grants only: a revocation is entered together with its effect, by the worker.
    ALTER POLICY own_new ON consent_evidence WITH CHECK (
        organisation = visitor_organisation() AND office = ANY (visitor_offices()) AND told IS NULL);
END $$;
