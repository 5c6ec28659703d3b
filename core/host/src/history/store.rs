//! The database: what is written to it, and how long it stays.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension};
use tsuji_core::{Time, WallTime};

use super::milliseconds;
use super::query::unknown_version;
use super::writing::{Entry, Present, Writing};

/// The version of the schema.
pub(super) const VERSION: i64 = 1;

/// How long a history is kept, and what of.
#[derive(Clone, Debug)]
pub(crate) struct Keeping {
    /// How long meetings are remembered.
    pub(crate) age: Duration,
    /// Bytes of the database: the oldest meetings make room.
    pub(crate) bytes: u64,
    /// Addresses as they are. Otherwise a name for each, which tells whether two are the same.
    pub(crate) addresses: bool,
}

/// The database, open for writing.
#[derive(Debug)]
pub(crate) struct Store {
    database: Connection,
    keeping: Keeping,
    key: (u64, u64),
    present: Present,
    epoch: WallTime,
}

impl Store {
    /// Opens it, and makes it if it is not there, for nobody else's eyes. `epoch`: the wall-clock time of
    /// `t = 0`, which is now; what went on when the server was last stopped without a chance to say so has ended.
    pub(crate) fn open(path: &Path, epoch: WallTime, keeping: Keeping) -> rusqlite::Result<Self> {
        // SQLite makes its other files with the same mode.
        let made = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(path);
        drop(made);
        let database = Connection::open(path)?;
        database.pragma_update(None, "journal_mode", "WAL")?;
        // A crash of the machine may cost the last second, and never the file.
        database.pragma_update(None, "synchronous", "NORMAL")?;
        database.pragma_update(None, "foreign_keys", true)?;
        let version: i64 = database.pragma_query_value(None, "user_version", |row| row.get(0))?;
        match version {
            0 => {
                // What is thrown away gives its place back.
                database.pragma_update(None, "auto_vacuum", "INCREMENTAL")?;
                database.execute_batch("VACUUM")?;
                database.execute_batch(include_str!("schema.sql"))?;
                database.pragma_update(None, "user_version", VERSION)?;
            }
            VERSION => {}
            other => return Err(unknown_version(other)),
        }
        let mut store = Self {
            key: key(&database)?,
            database,
            keeping,
            present: Present::default(),
            epoch,
        };
        let now = milliseconds(epoch, Time::ZERO);
        store.end_all(now, "server_stopped")?;
        store.forget(now)?;
        Ok(store)
    }

    /// Writes down what has come together.
    pub(crate) fn write(&mut self, entries: &[Entry]) -> rusqlite::Result<()> {
        let transaction = self.database.transaction()?;
        let mut writing = Writing {
            database: &transaction,
            present: &mut self.present,
            key: (!self.keeping.addresses).then_some(self.key),
            epoch: self.epoch,
        };
        for entry in entries {
            writing.entry(entry)?;
        }
        transaction.commit()
    }

    /// All that goes on has ended.
    pub(crate) fn end_all(&mut self, now: i64, why: &str) -> rusqlite::Result<()> {
        self.present = Present::default();
        let transaction = self.database.transaction()?;
        // Not later than something is known of it.
        let last =
            "SELECT max(began, coalesce((SELECT max(max(entered, coalesce(exited, 0))) FROM person
             WHERE meeting = meeting.id), 0), coalesce((SELECT max(at) FROM picture
             WHERE meeting = meeting.id), 0))";
        let until = match why {
            "server_stopping" => now.to_string(),
            _ => format!("({last})"),
        };
        transaction.execute(
            &format!(
                "UPDATE person SET why = ?, exited = (SELECT {until} FROM meeting
                 WHERE meeting.id = person.meeting) WHERE exited IS NULL"
            ),
            [why],
        )?;
        transaction.execute(
            &format!(
                "UPDATE freeze SET ended = max(began, (SELECT {until} FROM meeting
                 WHERE meeting.id = freeze.meeting)) WHERE ended IS NULL"
            ),
            [],
        )?;
        transaction.execute(
            &format!("UPDATE meeting SET ended = {until} WHERE ended IS NULL"),
            [],
        )?;
        transaction.commit()
    }

    /// Throws away what is too old, or too much.
    pub(crate) fn forget(&mut self, now: i64) -> rusqlite::Result<()> {
        let age = i64::try_from(self.keeping.age.as_millis()).unwrap_or(i64::MAX);
        self.database.execute(
            "DELETE FROM meeting WHERE ended < ?",
            [now.saturating_sub(age)],
        )?;
        while self.bytes()? > self.keeping.bytes {
            let gone = self.database.execute(
                "DELETE FROM meeting WHERE id IN
                 (SELECT id FROM meeting WHERE ended IS NOT NULL ORDER BY began LIMIT 20)",
                [],
            )?;
            if gone == 0 {
                break;
            }
        }
        // Each step gives one page back.
        let mut vacuum = self.database.prepare("PRAGMA incremental_vacuum")?;
        let mut pages = vacuum.query([])?;
        while pages.next()?.is_some() {}
        self.database
            .execute_batch("PRAGMA wal_checkpoint(TRUNCATE)")
    }

    /// Bytes that are used.
    fn bytes(&self) -> rusqlite::Result<u64> {
        let number = |name| -> rusqlite::Result<i64> {
            self.database
                .pragma_query_value(None, name, |row| row.get(0))
        };
        let used = number("page_count")? - number("freelist_count")?;
        Ok(used.saturating_mul(number("page_size")?).unsigned_abs())
    }
}

/// What pseudonyms are made with, kept in the database, so that they stay the same.
fn key(database: &Connection) -> rusqlite::Result<(u64, u64)> {
    let found: Option<Vec<u8>> = database
        .query_row(
            "SELECT value FROM meta WHERE key = 'address key'",
            [],
            |row| row.get(0),
        )
        .optional()?;
    let mut bytes = [0; 16];
    match found.and_then(|found| found.try_into().ok()) {
        Some(known) => bytes = known,
        None => {
            // Without randomness the server would not have started.
            let _ = getrandom::fill(&mut bytes);
            let keep = "INSERT OR REPLACE INTO meta (key, value) VALUES ('address key', ?)";
            database.execute(keep, [bytes.as_slice()])?;
        }
    }
    let [first, second] = [0, 8].map(|at| {
        let mut half = [0; 8];
        half.copy_from_slice(&bytes[at..at + 8]);
        u64::from_le_bytes(half)
    });
    Ok((first, second))
}
