//! What is read of a history.

use std::path::Path;

use rusqlite::{Connection, OpenFlags, Row, named_params, params};
use serde::Serialize;

use super::store::VERSION;

/// A meeting. Times here and below are milliseconds since 1970.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Meeting {
    pub(crate) id: i64,
    pub(crate) room: String,
    pub(crate) began: i64,
    /// `None` while it goes on.
    pub(crate) ended: Option<i64>,
    /// Stays in it.
    pub(crate) people: i64,
    pub(crate) freezes: i64,
    /// How long pictures stood still, for all of its people together.
    pub(crate) frozen_ms: i64,
    /// Problems that were reported.
    pub(crate) marks: i64,
}

/// A stay of somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Person {
    pub(crate) id: i64,
    /// As in logs and traces, `p7`.
    pub(crate) participant: String,
    pub(crate) name: String,
    pub(crate) address: String,
    pub(crate) entered: i64,
    pub(crate) exited: Option<i64>,
    pub(crate) why: Option<String>,
}

/// From `at` on the picture comes, or does not, for this reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Picture {
    pub(crate) viewer: i64,
    pub(crate) publisher: i64,
    pub(crate) source: String,
    pub(crate) at: i64,
    pub(crate) reason: String,
}

/// A picture that stood still.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Freeze {
    pub(crate) viewer: i64,
    pub(crate) publisher: i64,
    pub(crate) source: String,
    pub(crate) began: i64,
    pub(crate) ended: Option<i64>,
    pub(crate) culprit: String,
    pub(crate) confidence: i64,
    pub(crate) because: String,
    /// What the verdict was made of (JSON).
    pub(crate) facts: String,
}

/// A problem that somebody reported.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Mark {
    pub(crate) person: i64,
    pub(crate) at: i64,
}

/// All of one meeting.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Timeline {
    pub(crate) meeting: Meeting,
    pub(crate) people: Vec<Person>,
    pub(crate) pictures: Vec<Picture>,
    pub(crate) freezes: Vec<Freeze>,
    pub(crate) marks: Vec<Mark>,
}

/// A database, open for reading.
#[derive(Debug)]
pub(crate) struct Reader(Connection);

/// Meetings with what is counted of them.
const MEETINGS: &str = "SELECT id, room, began, ended,
    (SELECT count(*) FROM person WHERE meeting = meeting.id) AS people,
    (SELECT count(*) FROM freeze WHERE meeting = meeting.id) AS freezes,
    (SELECT coalesce(sum(coalesce(ended, began) - began), 0) FROM freeze
      WHERE meeting = meeting.id) AS frozen_ms,
    (SELECT count(*) FROM mark WHERE meeting = meeting.id) AS marks
  FROM meeting";

impl Reader {
    /// Opens one that is there.
    pub(crate) fn open(path: &Path) -> rusqlite::Result<Self> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let database = Connection::open_with_flags(path, flags)?;
        let version: i64 = database.pragma_query_value(None, "user_version", |row| row.get(0))?;
        match version {
            VERSION => Ok(Self(database)),
            other => Err(unknown_version(other)),
        }
    }

    /// The meetings that went on at `since` or later, the newest first.
    pub(crate) fn meetings(&self, since: i64, most: u32) -> rusqlite::Result<Vec<Meeting>> {
        let sql = format!(
            "{MEETINGS} WHERE coalesce(ended, :since) >= :since ORDER BY began DESC LIMIT :most"
        );
        let mut statement = self.0.prepare(&sql)?;
        let rows =
            statement.query_map(named_params! { ":since": since, ":most": most }, meeting)?;
        rows.collect()
    }

    /// The last meeting in a room that had begun at `before`, or before.
    pub(crate) fn meeting_in(&self, room: &str, before: i64) -> rusqlite::Result<Option<Meeting>> {
        let sql = format!("{MEETINGS} WHERE room = ? AND began <= ? ORDER BY began DESC LIMIT 1");
        let mut statement = self.0.prepare(&sql)?;
        let mut rows = statement.query_map(params![room, before], meeting)?;
        rows.next().transpose()
    }

    /// All of one meeting, if it is there.
    pub(crate) fn timeline(&self, id: i64) -> rusqlite::Result<Option<Timeline>> {
        let meetings = self.all(&format!("{MEETINGS} WHERE id = ?"), id, meeting)?;
        let Some(meeting) = meetings.into_iter().next() else {
            return Ok(None);
        };
        Ok(Some(Timeline {
            meeting,
            people: self.all(
                "SELECT id, 'p' || participant, name, address, entered, exited, why
                 FROM person WHERE meeting = ? ORDER BY entered, id",
                id,
                |row| {
                    Ok(Person {
                        id: row.get(0)?,
                        participant: row.get(1)?,
                        name: row.get(2)?,
                        address: row.get(3)?,
                        entered: row.get(4)?,
                        exited: row.get(5)?,
                        why: row.get(6)?,
                    })
                },
            )?,
            pictures: self.all(
                "SELECT viewer, publisher, source, at, reason
                 FROM picture WHERE meeting = ? ORDER BY at, rowid",
                id,
                |row| {
                    Ok(Picture {
                        viewer: row.get(0)?,
                        publisher: row.get(1)?,
                        source: row.get(2)?,
                        at: row.get(3)?,
                        reason: row.get(4)?,
                    })
                },
            )?,
            freezes: self.all(
                "SELECT viewer, publisher, source, began, ended, culprit, confidence, because, facts
                 FROM freeze WHERE meeting = ? ORDER BY began, id",
                id,
                |row| {
                    Ok(Freeze {
                        viewer: row.get(0)?,
                        publisher: row.get(1)?,
                        source: row.get(2)?,
                        began: row.get(3)?,
                        ended: row.get(4)?,
                        culprit: row.get(5)?,
                        confidence: row.get(6)?,
                        because: row.get(7)?,
                        facts: row.get(8)?,
                    })
                },
            )?,
            marks: self.all(
                "SELECT person, at FROM mark WHERE meeting = ? ORDER BY at, id",
                id,
                |row| {
                    Ok(Mark {
                        person: row.get(0)?,
                        at: row.get(1)?,
                    })
                },
            )?,
        }))
    }

    fn all<T>(
        &self,
        sql: &str,
        meeting: i64,
        read: impl FnMut(&Row<'_>) -> rusqlite::Result<T>,
    ) -> rusqlite::Result<Vec<T>> {
        let mut statement = self.0.prepare_cached(sql)?;
        statement.query_map([meeting], read)?.collect()
    }
}

fn meeting(row: &Row<'_>) -> rusqlite::Result<Meeting> {
    Ok(Meeting {
        id: row.get("id")?,
        room: row.get("room")?,
        began: row.get("began")?,
        ended: row.get("ended")?,
        people: row.get("people")?,
        freezes: row.get("freezes")?,
        frozen_ms: row.get("frozen_ms")?,
        marks: row.get("marks")?,
    })
}

/// A database of another build.
pub(super) fn unknown_version(version: i64) -> rusqlite::Error {
    let why = match version {
        0 => "it is no history of tsuji".to_owned(),
        _ => format!("it has version {version}, and this build reads version {VERSION}"),
    };
    rusqlite::Error::SqliteFailure(
        rusqlite::ffi::Error::new(rusqlite::ffi::SQLITE_MISMATCH),
        Some(why),
    )
}
