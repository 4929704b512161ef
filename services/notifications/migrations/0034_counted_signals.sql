-- A course is counted once for each of its signals: a correction may show the signal later than it was counted.
SET LOCAL lock_timeout = '3s';

ALTER TABLE course ADD COLUMN silent_counted date, ADD COLUMN collapsed_counted date;
COMMENT ON COLUMN course.silent_counted IS
'first day of the quarter in whose figures it was counted as a course whose reports stopped';
COMMENT ON COLUMN course.collapsed_counted IS
'first day of the quarter in whose figures it was counted as a course whose attendance collapsed';
