-- What the wider checks of deliveries say of those that were there before.
SET LOCAL lock_timeout = '3s';

ALTER TABLE delivery VALIDATE CONSTRAINT delivery_carried_by;
ALTER TABLE delivery VALIDATE CONSTRAINT held_until;
ALTER TABLE delivery VALIDATE CONSTRAINT carried_by_another;
ALTER TABLE delivery VALIDATE CONSTRAINT delivery_state_check;
ALTER TABLE delivery VALIDATE CONSTRAINT delivery_channel_check;
