//! What happens, as rows.

use std::collections::BTreeMap;
use std::hash::Hasher;
use std::net::IpAddr;

use rusqlite::{Connection, params};
use siphasher::sip::SipHasher13;
use tsuji_core::{Freeze, ParticipantId, Reason, TrackId, WallTime};
use tsuji_signaling::Happening;
use tsuji_signaling::message::ExitReason;

use super::{milliseconds, words};

/// Something that is to be written down.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    /// Milliseconds since 1970.
    pub(crate) at: i64,
    pub(crate) room: String,
    pub(crate) happening: Happening,
    /// Of who entered.
    pub(crate) peer: Option<IpAddr>,
}

/// What goes on.
#[derive(Debug, Default)]
pub(super) struct Present {
    /// Meetings by their rooms, and how many are in them.
    meetings: BTreeMap<String, (i64, usize)>,
    people: BTreeMap<ParticipantId, Person>,
}

/// Somebody who is there: rows of the database.
#[derive(Clone, Copy, Debug)]
struct Person {
    row: i64,
    meeting: i64,
}

/// One transaction.
pub(super) struct Writing<'a> {
    pub(super) database: &'a Connection,
    pub(super) present: &'a mut Present,
    /// What pseudonyms of addresses are made with; `None` where they are kept as they are.
    pub(super) key: Option<(u64, u64)>,
    /// The wall-clock time of `t = 0`.
    pub(super) epoch: WallTime,
}

impl Writing<'_> {
    /// What is about somebody who is not there is passed over: it was under way.
    pub(super) fn entry(&mut self, entry: &Entry) -> rusqlite::Result<()> {
        let (at, room) = (entry.at, entry.room.as_str());
        match &entry.happening {
            Happening::Entered {
                participant, name, ..
            } => self.entered(at, room, *participant, name, entry.peer),
            Happening::Exited {
                participant,
                reason,
            } => self.exited(at, room, *participant, *reason),
            Happening::Picture {
                viewer,
                track,
                reason,
            } => self.picture(at, *viewer, *track, *reason),
            Happening::Froze {
                viewer,
                names,
                freeze,
            } => self.froze(*viewer, names, freeze),
            Happening::Problem { participant } => self.problem(at, *participant),
        }
    }

    fn entered(
        &mut self,
        at: i64,
        room: &str,
        participant: ParticipantId,
        name: &str,
        peer: Option<IpAddr>,
    ) -> rusqlite::Result<()> {
        let (meeting, people) = match self.present.meetings.get(room) {
            Some(meeting) => *meeting,
            None => {
                let sql = "INSERT INTO meeting (room, began) VALUES (?, ?)";
                self.database
                    .prepare_cached(sql)?
                    .execute(params![room, at])?;
                (self.database.last_insert_rowid(), 0)
            }
        };
        let address = peer.map(|peer| match self.key {
            Some(key) => alias(key, peer),
            None => peer.to_string(),
        });
        let sql = "INSERT INTO person (meeting, participant, name, address, entered)
             VALUES (?, ?, ?, ?, ?)";
        let number = i64::try_from(participant.0).unwrap_or(i64::MAX);
        let row = params![meeting, number, name, address.unwrap_or_default(), at];
        self.database.prepare_cached(sql)?.execute(row)?;
        let row = self.database.last_insert_rowid();
        let meetings = &mut self.present.meetings;
        meetings.insert(room.to_owned(), (meeting, people + 1));
        let person = Person { row, meeting };
        self.present.people.insert(participant, person);
        Ok(())
    }

    fn exited(
        &mut self,
        at: i64,
        room: &str,
        participant: ParticipantId,
        reason: ExitReason,
    ) -> rusqlite::Result<()> {
        let Some(Person { row, meeting }) = self.present.people.remove(&participant) else {
            return Ok(());
        };
        let sql = "UPDATE person SET exited = ?, why = ? WHERE id = ?";
        let row = params![at, words::exit(reason), row];
        self.database.prepare_cached(sql)?.execute(row)?;
        let Some((_, people)) = self.present.meetings.get_mut(room) else {
            return Ok(());
        };
        *people = people.saturating_sub(1);
        if *people == 0 {
            self.present.meetings.remove(room);
            let sql = "UPDATE meeting SET ended = ? WHERE id = ?";
            self.database
                .prepare_cached(sql)?
                .execute(params![at, meeting])?;
        }
        Ok(())
    }

    fn picture(
        &mut self,
        at: i64,
        viewer: ParticipantId,
        track: TrackId,
        reason: Reason,
    ) -> rusqlite::Result<()> {
        let Some((viewer, publisher)) = self.pair(viewer, track.participant) else {
            return Ok(());
        };
        let sql = "INSERT INTO picture (meeting, viewer, publisher, source, at, reason)
             VALUES (?, ?, ?, ?, ?, ?)";
        let row = params![
            viewer.meeting,
            viewer.row,
            publisher.row,
            track.source.to_string(),
            at,
            words::reason(reason)
        ];
        self.database.prepare_cached(sql)?.execute(row)?;
        Ok(())
    }

    /// A freeze that lasts is told again when it is over, when it is better known when it began; then
    /// perhaps without a verdict, because something else is to be seen, and it keeps the one that it
    /// had.
    fn froze(
        &mut self,
        viewer: ParticipantId,
        names: &[String; 2],
        freeze: &Freeze,
    ) -> rusqlite::Result<()> {
        let Some((viewer, publisher)) = self.pair(viewer, freeze.track.participant) else {
            return Ok(());
        };
        let source = freeze.track.source.to_string();
        let ended = freeze.to.map(|to| milliseconds(self.epoch, to));
        let pair = "viewer = ? AND publisher = ? AND source = ? AND ended IS NULL";
        let Some(verdict) = &freeze.verdict else {
            let sql = format!("UPDATE freeze SET ended = ? WHERE {pair}");
            let row = params![ended, viewer.row, publisher.row, source];
            self.database.prepare_cached(&sql)?.execute(row)?;
            return Ok(());
        };
        let sql = format!("DELETE FROM freeze WHERE {pair}");
        let row = params![viewer.row, publisher.row, source];
        self.database.prepare_cached(&sql)?.execute(row)?;
        let [to, of] = names;
        let sql = "INSERT INTO freeze (meeting, viewer, publisher, source, began, ended, culprit,
               confidence, because, facts) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
        let row = params![
            viewer.meeting,
            viewer.row,
            publisher.row,
            source,
            milliseconds(self.epoch, freeze.from),
            ended,
            words::culprit(verdict.culprit),
            verdict.confidence,
            verdict.because(to, of),
            serde_json::to_string(&freeze.facts).unwrap_or_default()
        ];
        self.database.prepare_cached(sql)?.execute(row)?;
        Ok(())
    }

    fn problem(&mut self, at: i64, participant: ParticipantId) -> rusqlite::Result<()> {
        let Some(Person { row, meeting }) = self.present.people.get(&participant).copied() else {
            return Ok(());
        };
        let sql = "INSERT INTO mark (meeting, person, at) VALUES (?, ?, ?)";
        self.database
            .prepare_cached(sql)?
            .execute(params![meeting, row, at])?;
        Ok(())
    }

    fn pair(&self, viewer: ParticipantId, publisher: ParticipantId) -> Option<(Person, Person)> {
        let people = &self.present.people;
        Some((*people.get(&viewer)?, *people.get(&publisher)?))
    }
}

/// The same address has the same name.
fn alias(key: (u64, u64), address: IpAddr) -> String {
    let mut hasher = SipHasher13::new_with_keys(key.0, key.1);
    match address {
        IpAddr::V4(address) => hasher.write(&address.octets()),
        IpAddr::V6(address) => hasher.write(&address.octets()),
    }
    format!("a{:08x}", hasher.finish() as u32)
}
