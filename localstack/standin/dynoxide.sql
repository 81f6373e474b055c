-- What is in a new database file of dynoxide: its table of changes, as it makes it itself, and
-- what it lacks there. Each write asks for the largest number of a change, each look at the
-- change stream for those above one, and dynoxide 1.2.1 reads the whole table for either, which
-- it never removes anything from. So every write would take longer than the one before.
--
--     rm -f dynoxide.sqlite && sqlite3 dynoxide.sqlite <dynoxide.sql
CREATE TABLE _stream_records (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    table_name TEXT NOT NULL,
    event_name TEXT NOT NULL,
    keys_json TEXT NOT NULL,
    new_image TEXT,
    old_image TEXT,
    sequence_number TEXT NOT NULL,
    shard_id TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    user_identity TEXT
);

CREATE INDEX changes_in_order ON _stream_records (table_name, CAST(sequence_number AS INTEGER));

CREATE TRIGGER changes_are_forgotten AFTER INSERT ON _stream_records BEGIN
    DELETE FROM _stream_records WHERE id <= NEW.id - 5000;
END;
