-- Courses are told with their address, lessons and childcare, people with the end of their right: which facts were told last.
SET LOCAL lock_timeout = '3s';

ALTER TABLE course ADD COLUMN stated_as integer NOT NULL DEFAULT 1 CHECK (stated_as >= 0);
COMMENT ON COLUMN course.stated_as IS 'which facts the last CourseStated had; with fewer than there are it is told again';
ALTER TABLE participant ADD COLUMN stated_as integer NOT NULL DEFAULT 1 CHECK (stated_as >= 0);
COMMENT ON COLUMN participant.stated_as IS 'which facts the last ParticipantStated had; with fewer than there are it is told again';
