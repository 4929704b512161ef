-- Whom an event concerns is looked at before those whom a daily round or a changed office queued.
SET LOCAL lock_timeout = '3s';

ALTER TABLE reconsider ADD COLUMN asked_at timestamptz DEFAULT now();
COMMENT ON COLUMN reconsider.asked_at IS
'when an event first asked for it; NULL: only a round or a changed office did, which waits until no event does';
CREATE INDEX reconsider_asked ON reconsider (asked_at, participant_id);

CREATE OR REPLACE FUNCTION reconsider_consenting() RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public AS $$
    INSERT INTO reconsider (participant_id, asked_at)
    SELECT DISTINCT participant_id, NULL::timestamptz FROM consent WHERE ended_at IS NULL AND may_keep_offices()
    ORDER BY participant_id
    ON CONFLICT (participant_id) DO UPDATE SET generation = reconsider.generation + 1
$$;

CREATE OR REPLACE FUNCTION reconsider_own_consenting() RETURNS void
LANGUAGE sql SECURITY DEFINER SET search_path = public AS $$
    INSERT INTO reconsider (participant_id, asked_at)
    SELECT DISTINCT participant_id, NULL::timestamptz FROM consent
    WHERE ended_at IS NULL AND office = ANY (visitor_offices()) AND may_keep_offices() ORDER BY participant_id
    ON CONFLICT (participant_id) DO UPDATE SET generation = reconsider.generation + 1
$$;
