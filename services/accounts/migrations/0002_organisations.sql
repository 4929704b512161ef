-- Organisations by page: who may add others, whether its people may work, one organisation for a publisher.
SET LOCAL lock_timeout = '3s';

ALTER TABLE accounts.organisation ADD COLUMN founding boolean NOT NULL DEFAULT false;
ALTER TABLE accounts.organisation ADD COLUMN active boolean NOT NULL DEFAULT true;
COMMENT ON COLUMN accounts.organisation.founding IS 'support side: its administrators add the other organisations';
COMMENT ON COLUMN accounts.organisation.active IS 'false: its roles open nothing, at once; nothing is deleted';

-- These are the names under which the first link makes an organisation; whoever has another one says so by command.
UPDATE accounts.organisation SET founding = true
WHERE (slug = 'kreis' AND kind = 'kreis') OR (slug = 'registering-office' AND kind = 'registering_office');

-- squawk-ignore require-concurrent-index-creation -- a side has some dozens of organisations
CREATE UNIQUE INDEX organisation_publisher ON accounts.organisation (publisher) WHERE publisher IS NOT NULL;

SELECT runtime.web_table('accounts.organisation', 'INSERT');
