"""From which letter a note on a person was written: it is for those who may see that letter."""

SCRIPT = """
ALTER TABLE person_note ADD COLUMN message_id INTEGER REFERENCES message ON DELETE SET NULL;
CREATE INDEX person_note_message ON person_note (message_id) WHERE message_id IS NOT NULL;
UPDATE person_note SET message_id = (
    SELECT a.message_id FROM audit a
    WHERE a.what = 'person noted' AND a.at = person_note.at AND a.who = person_note.staff);
"""
