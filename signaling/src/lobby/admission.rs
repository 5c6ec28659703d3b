//! Who may look at which room: codes, passwords and tokens.
//!
//! ```text
//!  join ──► a token, where the server asks for one ──► its room, opened if it may be
//!     │
//!     └───► a code ──► the room ──► its password, if it has one ──► a look at it
//!           a code that was a room's ─► the room again, with its password if it had one
//!           no code ─► a new room, with the password that was said
//! ```
//! What can be guessed is counted three times: for the connection, for its address, and passwords
//! for the room as well.

use tsuji_core::{RoomId, WallTime};

use super::addresses::Deed;
use super::{ConnectionId, Lobby};
use crate::error::Fault;
use crate::message::{Join, ServerMessage};
use crate::name::Name;
use crate::password::Lock;
use crate::room_code::RoomCode;
use crate::session::Session;
use crate::token::{BadToken, Grant, JoinKey};

/// Rooms open to the bearers of tokens only.
#[derive(Debug)]
pub(super) struct Bearers {
    pub(super) key: JoinKey,
    pub(super) epoch: WallTime,
}

impl Lobby {
    pub(super) fn join(
        &mut self,
        id: ConnectionId,
        session: Session,
        join: &Join,
    ) -> Result<(), Fault> {
        session.may_look()?;
        let (room, name) = match self.grant(join)? {
            Some(grant) => (self.granted_room(id, &grant)?, grant.name),
            None => (self.asked_room(id, session, join)?, None),
        };
        self.may_begin(Some(room))?;
        self.set_session(id, Session::Looking(session.look(room)?));
        let message = self.rooms.get(room).map(|found| ServerMessage::Join {
            room: found.code,
            participants: found.roster(None),
            name: name.as_ref().map(Name::to_string),
        });
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.granted_name = name;
        }
        if let Some(message) = message {
            self.push(id, &message);
        }
        Ok(())
    }

    /// What the token grants; `None` where no token is needed.
    fn grant(&self, join: &Join) -> Result<Option<Grant>, Fault> {
        let Some(Bearers { key, epoch }) = &self.bearers else {
            return Ok(None);
        };
        let token = join.token.as_deref().ok_or(Fault::TokenRequired)?;
        let now = epoch.as_unix_micros().saturating_add(self.now.as_micros());
        let now = WallTime::from_unix_micros(now);
        let grant = key.check(token, now, self.limits.name_chars)?;
        match join.room.as_deref().map(str::parse::<RoomCode>) {
            None => Ok(Some(grant)),
            Some(Ok(asked)) if asked == grant.room => Ok(Some(grant)),
            Some(_) => Err(BadToken::OtherRoom.into()),
        }
    }

    fn granted_room(&mut self, id: ConnectionId, grant: &Grant) -> Result<RoomId, Fault> {
        match self.rooms.find(grant.room) {
            Some(room) => Ok(room),
            None if grant.may_create => self.open_room(id, grant.room, None),
            None => Err(Fault::RoomNotFound(Some(grant.room))),
        }
    }

    fn asked_room(
        &mut self,
        id: ConnectionId,
        session: Session,
        join: &Join,
    ) -> Result<RoomId, Fault> {
        // An empty field of a form is no password.
        let password = join.password.as_deref().filter(|text| !text.is_empty());
        if password.is_some_and(|text| text.len() > self.limits.password_bytes) {
            let limit = self.limits.password_bytes;
            return Err(Fault::LongPassword { limit });
        }
        let Some(text) = join.room.as_deref() else {
            let code = self.new_code(password.is_some());
            return self.open_room(id, code, password);
        };
        let code = text.parse::<RoomCode>().ok();
        let Some(room) = code.and_then(|code| self.rooms.find(code)) else {
            return match code {
                Some(code) if join.again => self.open_again(id, code, password),
                _ => Err(self.guessed(id, Deed::Guess, Fault::RoomNotFound(code))),
            };
        };
        // Who was let in is not asked again.
        if session.looked_at() != Some(room)
            && let Some(lock) = self.rooms.get(room).and_then(|room| room.lock)
        {
            self.unlock(id, room, &lock, password)?;
        }
        Ok(room)
    }

    /// A room that was there: the server has forgotten it, or was started again. Whether it had a
    /// password, its name tells; which, only those who were in it know.
    fn open_again(
        &mut self,
        id: ConnectionId,
        code: RoomCode,
        password: Option<&str>,
    ) -> Result<RoomId, Fault> {
        let password = match code.is_locked() {
            true => Some(password.ok_or(Fault::PasswordRequired)?),
            false => None,
        };
        self.open_room(id, code, password)
    }

    fn unlock(
        &mut self,
        id: ConnectionId,
        room: RoomId,
        lock: &Lock,
        password: Option<&str>,
    ) -> Result<(), Fault> {
        let password = password.ok_or(Fault::PasswordRequired)?;
        let (limits, now) = (&self.limits, self.now);
        let place = self.connections.get(&id).map(|connection| connection.place);
        let may = place.is_some_and(|place| self.addresses.may(place, Deed::Password, limits, now))
            && self.rooms.get(room).is_some_and(|room| {
                room.passwords
                    .allows(limits.passwords_per_minute_per_room, now)
            });
        if !may {
            return Err(Fault::TooManyPasswords);
        }
        if self.passwords.opens(lock, room, password) {
            return Ok(());
        }
        let per_minute = limits.passwords_per_minute_per_room;
        if let Some(room) = self.rooms.get_mut(room) {
            room.passwords.spend(per_minute, now);
        }
        Err(self.guessed(id, Deed::Password, Fault::WrongPassword))
    }

    /// Somebody guessed wrong: `fault`, or the end of the connection after too many.
    fn guessed(&mut self, id: ConnectionId, deed: Deed, fault: Fault) -> Fault {
        let Some(connection) = self.connections.get_mut(&id) else {
            return fault;
        };
        connection.guesses += 1;
        let place = connection.place;
        if connection.guesses < self.limits.guesses
            && self.addresses.does(place, deed, &self.limits, self.now)
        {
            fault
        } else {
            Fault::TooManyGuesses
        }
    }

    fn new_code(&mut self, locked: bool) -> RoomCode {
        loop {
            let code = self.codes.generate(locked);
            if self.rooms.find(code).is_none() {
                return code;
            }
        }
    }

    /// Where there are too many rooms, one that was abandoned gives way, so that nobody can fill
    /// the server with rooms and go.
    fn open_room(
        &mut self,
        id: ConnectionId,
        code: RoomCode,
        password: Option<&str>,
    ) -> Result<RoomId, Fault> {
        self.may_begin(None)?;
        self.does(id, Deed::Create)?;
        if self.rooms.len() >= self.limits.rooms {
            let abandoned = self.rooms.first_abandoned().ok_or(Fault::TooManyRooms)?;
            self.forget(abandoned);
        }
        let passwords = &self.passwords;
        let lock = |room| password.map(|password| passwords.lock(room, password));
        Ok(self.rooms.create(code, lock))
    }

    /// Counts what a connection does for its address.
    pub(super) fn does(&mut self, id: ConnectionId, deed: Deed) -> Result<(), Fault> {
        let Some(connection) = self.connections.get(&id) else {
            return Ok(());
        };
        let place = connection.place;
        if self.addresses.does(place, deed, &self.limits, self.now) {
            self.fade_later();
            Ok(())
        } else {
            Err(Fault::TooManyJoins)
        }
    }
}
