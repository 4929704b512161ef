-- Courses and people are told to the support side as they are judged: which version was told last.
SET LOCAL lock_timeout = '3s';

ALTER TABLE course ADD COLUMN stated integer NOT NULL DEFAULT 0 CHECK (stated >= 0);
COMMENT ON COLUMN course.stated IS 'version of the last CourseStated; 0: the support side was not told yet';
ALTER TABLE participant ADD COLUMN stated integer NOT NULL DEFAULT 0 CHECK (stated >= 0);
COMMENT ON COLUMN participant.stated IS 'version of the last ParticipantStated; 0: the support side was not told yet';
ALTER TABLE participant ADD COLUMN asylum_phase text;
COMMENT ON COLUMN participant.asylum_phase IS 'passed on to the support side only; null: registered before it was kept';
