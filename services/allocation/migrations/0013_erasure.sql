-- Erasing a person: what is left of a placement carries random ids, so that seats and figures stay true.
SET LOCAL lock_timeout = '3s';

-- Erasures that were judged; `participants` is emptied when all is done.
CREATE TABLE erasure_task (
    erasure      uuid PRIMARY KEY,
    participants uuid[] NOT NULL,
    asked_at     timestamptz NOT NULL,              -- business time, as done_at
    erased       jsonb NOT NULL DEFAULT '{}',       -- table -> rows, as far as it has come
    done_at      timestamptz,
    CHECK (done_at IS NULL OR participants = '{}')
);
CREATE INDEX erasure_task_open ON erasure_task (asked_at) WHERE done_at IS NULL;
CREATE VIEW status.erasure AS SELECT asked_at FROM erasure_task WHERE done_at IS NULL;

-- How many people were erased from what is stored of a run: their ids there are random ones now.
ALTER TABLE steering_run ADD COLUMN renamed integer NOT NULL DEFAULT 0 CHECK (renamed >= 0);

-- Erases people from tables to which rows are otherwise only added. All of `people` are one person (merged
-- registrations). Returns how many rows of each table were deleted or changed.
CREATE FUNCTION erase_participant(people uuid[], on_day date) RETURNS TABLE (tab text, n bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
#variable_conflict use_column
DECLARE
    stand_in uuid := gen_random_uuid();
    old uuid;
    fresh uuid;
    gone bigint;
    placements bigint := 0;
    steps bigint := 0;
    others bigint := 0;
BEGIN
    DELETE FROM steering_hold WHERE participant = ANY (people);
    GET DIAGNOSTICS gone = ROW_COUNT; tab := 'steering_hold'; n := gone; RETURN NEXT;
    DELETE FROM steering_exclusion WHERE participant = ANY (people);
    GET DIAGNOSTICS gone = ROW_COUNT; tab := 'steering_exclusion'; n := gone; RETURN NEXT;
    DELETE FROM level_deviation WHERE participant = ANY (people);
    GET DIAGNOSTICS gone = ROW_COUNT; tab := 'level_deviation'; n := gone; RETURN NEXT;
    DELETE FROM placement_test WHERE participant = ANY (people);
    GET DIAGNOSTICS gone = ROW_COUNT; tab := 'placement_test'; n := gone; RETURN NEXT;
    DELETE FROM main_reason WHERE participant = ANY (people);
    GET DIAGNOSTICS gone = ROW_COUNT; tab := 'main_reason'; n := gone; RETURN NEXT;
    DELETE FROM remedy WHERE participant = ANY (people);
    GET DIAGNOSTICS gone = ROW_COUNT; tab := 'remedy'; n := gone; RETURN NEXT;

    -- One row stands in for the person: what quotas and cohorts count, and nothing else.
    INSERT INTO participant (participant, kreis, office, reference, status, registered_on, first_registered_on,
        returns, town, standing, route, cooperation_plan, course_types, tested_on, level, withdrawn_on,
        withdraw_reason, stated)
    SELECT stand_in, p.kreis, p.office, 'erased', 'withdrawn', p.registered_on, p.first_registered_on,
        p.returns, p.kreis || '000', p.standing, p.route, p.cooperation_plan, '{unknown}', p.tested_on,
        CASE WHEN p.tested_on IS NOT NULL THEN 'unknown' END, on_day, 'erased', 1
    FROM participant AS p WHERE p.participant = ANY (people)
    ORDER BY p.status = 'merged', p.first_registered_on, p.participant LIMIT 1;

    FOR old IN SELECT p.placement FROM placement AS p WHERE p.participant = ANY (people) ORDER BY 1 FOR UPDATE LOOP
        fresh := gen_random_uuid();
        INSERT INTO placement (placement, kreis, participant, course, provider, office, course_kind, entry_section,
            seats, state, version, reason, proposed_at, expires_at, started_on, ended_on, exit_kind, changed_at)
        SELECT fresh, p.kreis, stand_in, p.course, p.provider, p.office, p.course_kind, p.entry_section,
            p.seats, p.state, p.version,
            jsonb_build_object('code', p.reason ->> 'code', 'params', '{}'::jsonb), p.proposed_at,
            NULL, p.started_on, p.ended_on, p.exit_kind, p.changed_at
        FROM placement AS p WHERE p.placement = old;
        placements := placements + 1;
        UPDATE placement_step SET placement = fresh, params = '{}', note = NULL WHERE placement = old;
        GET DIAGNOSTICS gone = ROW_COUNT; steps := steps + gone;
        UPDATE expiry SET placement = fresh WHERE placement = old;
        GET DIAGNOSTICS gone = ROW_COUNT; others := others + gone;
        UPDATE authority_export SET placement = fresh WHERE placement = old;
        GET DIAGNOSTICS gone = ROW_COUNT; others := others + gone;
        DELETE FROM expiry_order WHERE placement = old;
        GET DIAGNOSTICS gone = ROW_COUNT; others := others + gone;
        DELETE FROM placement WHERE placement = old;
    END LOOP;
    tab := 'placement'; n := placements; RETURN NEXT;
    tab := 'placement_step'; n := steps; RETURN NEXT;
    tab := 'expiry'; n := others; RETURN NEXT;

    DELETE FROM participant WHERE participant = ANY (people);
    GET DIAGNOSTICS gone = ROW_COUNT; tab := 'participant'; n := gone; RETURN NEXT;
END $$;
REVOKE ALL ON FUNCTION erase_participant(uuid[], date) FROM PUBLIC;
DO $$
BEGIN
    EXECUTE format('GRANT EXECUTE ON FUNCTION erase_participant(uuid[], date) TO %I', runtime.role_name('worker'));
END $$;
