-- Which reports of an exit a placement no longer rests on: a late word about one of them changes nothing.
SET LOCAL lock_timeout = '3s';

ALTER TABLE placement ADD COLUMN past_exits uuid[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN placement.past_exits IS 'events that reported an exit and were corrected or retracted';
