"""The words of every reading; those of scripts without spaces also by three letters each.

Both indexes hold no text of their own. After erasing a reading, `optimize` them: until then
their pages may still name its words.
"""

_UNSPACED = "'*[\u0e00-\u0eff\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]*'"
_COLUMNS = "subject, text, sender_name, sender_address"

SCRIPT = """
CREATE VIRTUAL TABLE reading_words USING fts5 (COLUMNS, content='reading',
    content_rowid='message_id', tokenize="unicode61 remove_diacritics 2");
CREATE VIRTUAL TABLE reading_unspaced USING fts5 (COLUMNS, content='reading',
    content_rowid='message_id', tokenize="trigram");
-- What was read before there was an index.
INSERT INTO reading_words (reading_words) VALUES ('rebuild');
INSERT INTO reading_unspaced (rowid, COLUMNS)
    SELECT message_id, COLUMNS FROM reading WHERE subject || text || sender_name GLOB UNSPACED;
CREATE TRIGGER reading_words_insert AFTER INSERT ON reading BEGIN
    INSERT INTO reading_words (rowid, COLUMNS) VALUES (new.message_id, new.subject,
        new.text, new.sender_name, new.sender_address);
END;
CREATE TRIGGER reading_words_delete AFTER DELETE ON reading BEGIN
    INSERT INTO reading_words (reading_words, rowid, COLUMNS) VALUES ('delete',
        old.message_id, old.subject, old.text, old.sender_name, old.sender_address);
END;
CREATE TRIGGER reading_words_update AFTER UPDATE ON reading BEGIN
    INSERT INTO reading_words (reading_words, rowid, COLUMNS) VALUES ('delete',
        old.message_id, old.subject, old.text, old.sender_name, old.sender_address);
    INSERT INTO reading_words (rowid, COLUMNS) VALUES (new.message_id, new.subject,
        new.text, new.sender_name, new.sender_address);
END;
CREATE TRIGGER reading_unspaced_insert AFTER INSERT ON reading
    WHEN new.subject || new.text || new.sender_name GLOB UNSPACED BEGIN
    INSERT INTO reading_unspaced (rowid, COLUMNS) VALUES (new.message_id, new.subject,
        new.text, new.sender_name, new.sender_address);
END;
CREATE TRIGGER reading_unspaced_delete AFTER DELETE ON reading
    WHEN old.subject || old.text || old.sender_name GLOB UNSPACED BEGIN
    INSERT INTO reading_unspaced (reading_unspaced, rowid, COLUMNS) VALUES ('delete',
        old.message_id, old.subject, old.text, old.sender_name, old.sender_address);
END;
CREATE TRIGGER reading_unspaced_update AFTER UPDATE ON reading BEGIN
    INSERT INTO reading_unspaced (reading_unspaced, rowid, COLUMNS)
        SELECT 'delete', old.message_id, old.subject, old.text, old.sender_name,
            old.sender_address
        WHERE old.subject || old.text || old.sender_name GLOB UNSPACED;
    INSERT INTO reading_unspaced (rowid, COLUMNS)
        SELECT new.message_id, new.subject, new.text, new.sender_name, new.sender_address
        WHERE new.subject || new.text || new.sender_name GLOB UNSPACED;
END;
""".replace("COLUMNS", _COLUMNS).replace("UNSPACED", _UNSPACED)
