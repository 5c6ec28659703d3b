//! Where one connection stands. A transition takes the old state and gives the new one; which
//! transitions there are, the types say.
//!
//! ```text
//!            look                enter
//!  Greeting ──────► Looking ──────────► InRoom
//!     ▲  │           │  ▲ look          ▲ │
//!     │  │           └──┘               │ │
//!     │  └──────────────────────────────┘ │
//!     │               resume              │
//!     └───────────────────────────────────┘
//!                     leave
//! ```
//! From each of them the server may close the connection; what comes after that is not read.

use tsuji_core::{ParticipantId, RoomId};

use crate::error::WrongOrder;

/// Where one connection stands.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Session {
    Greeting(Greeting),
    Looking(Looking),
    InRoom(InRoom),
    Closing,
}

/// A connection that has no room.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Greeting;

/// A connection that has looked at a room and may enter it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Looking {
    room: RoomId,
}

/// A connection whose participant is in a room.
#[derive(Clone, Copy, Debug)]
pub(crate) struct InRoom {
    room: RoomId,
    participant: ParticipantId,
}

impl Session {
    /// For `join`.
    pub(crate) fn look(self, room: RoomId) -> Result<Looking, WrongOrder> {
        self.may_look()?;
        Ok(Looking { room })
    }

    /// For `join`, before a room is made for it.
    pub(crate) fn may_look(self) -> Result<(), WrongOrder> {
        match self {
            Session::InRoom(_) => Err(WrongOrder::JoinInRoom),
            _ => Ok(()),
        }
    }

    /// For `resume`.
    pub(crate) fn greeting(self) -> Result<Greeting, WrongOrder> {
        match self {
            Session::Greeting(greeting) => Ok(greeting),
            _ => Err(WrongOrder::ResumeLate),
        }
    }

    /// For `call`.
    pub(crate) fn looking(self) -> Result<Looking, WrongOrder> {
        match self {
            Session::Looking(looking) => Ok(looking),
            Session::InRoom(_) => Err(WrongOrder::CallTwice),
            Session::Greeting(_) | Session::Closing => Err(WrongOrder::CallBeforeJoin),
        }
    }

    /// For everything that participants say.
    pub(crate) fn in_room(self) -> Result<InRoom, WrongOrder> {
        match self {
            Session::InRoom(in_room) => Ok(in_room),
            _ => Err(WrongOrder::NotInRoom),
        }
    }

    /// The room that is looked at and not entered.
    pub(crate) fn looked_at(self) -> Option<RoomId> {
        match self {
            Session::Looking(looking) => Some(looking.room),
            _ => None,
        }
    }
}

impl Greeting {
    /// Somebody who is in a room already has this connection from now on.
    pub(crate) fn resume(self, room: RoomId, participant: ParticipantId) -> InRoom {
        InRoom { room, participant }
    }
}

impl Looking {
    pub(crate) fn room(self) -> RoomId {
        self.room
    }

    pub(crate) fn enter(self, participant: ParticipantId) -> InRoom {
        InRoom {
            room: self.room,
            participant,
        }
    }
}

impl InRoom {
    pub(crate) fn room(self) -> RoomId {
        self.room
    }

    pub(crate) fn participant(self) -> ParticipantId {
        self.participant
    }

    pub(crate) fn leave(self) -> Greeting {
        Greeting
    }
}
