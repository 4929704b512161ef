-- An alert whose person is forgotten says no more which offices were allowed, what decided between them, or what
-- somebody typed about it.
SET LOCAL lock_timeout = '3s';

UPDATE alert SET routing = '{}', chain = '{}', snoozed_by = NULL WHERE participant_id IS NULL;
UPDATE alert_step AS s SET reason = '' FROM alert AS a
WHERE a.alert_id = s.alert_id AND a.participant_id IS NULL
    AND s.reason NOT IN (
        '', 'see', 'accept', 'decline', 'hand_over', 'assign', 'done', 'consent_ended', 'returned', 'corrected',
        'course_cancelled', 'enrolment_over', 'snoozed', 'passed_on', 'handed_over', 'office_closed'
    );
