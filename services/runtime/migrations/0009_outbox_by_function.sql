-- Rows reach the outbox through one function: who may add rows can read none. Web roles have nothing on the table.
SET LOCAL lock_timeout = '3s';

CREATE FUNCTION runtime.put_outbox(
    ids uuid[], topics text[], keys text[], types text[], payloads bytea[], headers_of jsonb[]
) RETURNS SETOF uuid
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    added bigint;
BEGIN
    INSERT INTO runtime.outbox (id, aggregatetype, aggregateid, type, payload, headers)
    SELECT * FROM unnest(ids, topics, keys, types, payloads, headers_of)
    ON CONFLICT (id) DO NOTHING;
    GET DIAGNOSTICS added = ROW_COUNT;
    IF added < cardinality(ids) THEN
        RETURN QUERY SELECT new.id
            FROM unnest(ids, topics, keys, types, payloads) AS new (id, topic, key, type, payload)
            JOIN runtime.outbox AS kept ON kept.id = new.id
            WHERE (kept.aggregatetype, kept.aggregateid, kept.type, kept.payload)
                IS DISTINCT FROM (new.topic, new.key, new.type, new.payload);
    END IF;
END $$;
COMMENT ON FUNCTION runtime.put_outbox IS 'adds rows, each id once; returns the ids under which other content is kept';

REVOKE ALL ON FUNCTION runtime.put_outbox FROM public;
DO $$
BEGIN
    EXECUTE format('GRANT EXECUTE ON FUNCTION runtime.put_outbox TO %I', runtime.role_name('worker'));
    EXECUTE format('REVOKE ALL ON runtime.outbox FROM %I', runtime.role_name('web'));
END $$;
