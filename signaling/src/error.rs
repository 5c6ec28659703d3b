//! What a client can do wrong, with a stable code and a sentence for people.

use serde::{Deserialize, Serialize};
use tsuji_core::CommandError;

use crate::message::ServerMessage;
use crate::name::BadName;
use crate::room_code::RoomCode;
use crate::token::BadToken;

/// The stable half of an `error` message; programs decide by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "PROTOCOL.md has the table")]
pub enum ErrorCode {
    BadJson,
    UnknownType,
    BadMessage,
    TooLarge,
    Binary,
    WrongOrder,
    RoomNotFound,
    RoomFull,
    ServerFull,
    TooManyRooms,
    Draining,
    BadName,
    BadAnswer,
    BadCandidate,
    ResumeFailed,
    TooManyGuesses,
    TooManyJoins,
    PasswordRequired,
    WrongPassword,
    TooManyPasswords,
    TokenRequired,
    BadToken,
    TooFast,
}

/// One thing that a client did wrong. `Display` is the sentence that it is told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Not one JSON object.
    #[error("A message is one JSON object; this is not: {0}.")]
    BadJson(String),
    /// No `type`, or one that clients do not send.
    #[error("There is no message of this type. A client sends {known}.", known = crate::message::ClientMessage::TYPES.join(", "))]
    UnknownType,
    /// A field is missing or of the wrong shape.
    #[error("A field of the message is missing or wrong: {0}.")]
    BadMessage(String),
    /// Longer than [`Limits::message_bytes`](crate::Limits::message_bytes).
    #[error("A message has at most {limit} bytes. The connection is closed.")]
    TooLarge {
        /// The most that is allowed, in bytes.
        limit: usize,
    },
    /// A binary frame.
    #[error("Messages are text frames; this was a binary one.")]
    Binary,
    /// A good message at the wrong time.
    #[error("{0}")]
    WrongOrder(WrongOrder),
    /// A room that does not exist, or what cannot be the name of one (`None`).
    #[error("{}", no_room(*.0))]
    RoomNotFound(Option<RoomCode>),
    /// [`Limits::participants_per_room`](crate::Limits::participants_per_room).
    #[error("The room is full: it holds {limit} people. Try again when somebody has left.")]
    RoomFull {
        /// The most that a room holds.
        limit: usize,
    },
    /// The server holds no more people.
    #[error("The server is full. Try again later.")]
    ServerFull,
    /// [`Limits::rooms`](crate::Limits::rooms).
    #[error("The server holds no more rooms. Try again later.")]
    TooManyRooms,
    /// [`Input::Drain`](crate::Input::Drain).
    #[error("The server is about to stop: no new meeting can begin. Try again in some minutes.")]
    Draining,
    /// Not a name that others can be shown.
    #[error("{0}")]
    BadName(#[from] BadName),
    /// The core refused an answer.
    #[error("The answer was refused: {0}.")]
    BadAnswer(String),
    /// The core refused a candidate.
    #[error("The candidate was refused: {0}.")]
    BadCandidate(String),
    /// The token is of no stay, or of one that is over.
    #[error(
        "There is nothing to resume: the server gave you up, or was started again. Join the room again."
    )]
    ResumeFailed,
    /// [`Limits::guesses`](crate::Limits::guesses).
    #[error("Too many wrong rooms or passwords. The connection is closed.")]
    TooManyGuesses,
    /// [`Limits::entries_per_minute_per_address`](crate::Limits::entries_per_minute_per_address)
    /// or [`Limits::rooms_per_minute_per_address`](crate::Limits::rooms_per_minute_per_address).
    #[error("From your address too many people came within a minute. Try again in a minute.")]
    TooManyJoins,
    /// The room has a password, and none was said.
    #[error("This room has a password. Ask whoever sent you the link.")]
    PasswordRequired,
    /// It was another one.
    #[error("This is not the password of the room.")]
    WrongPassword,
    /// [`Limits::password_bytes`](crate::Limits::password_bytes).
    #[error("A password has at most {limit} bytes.")]
    LongPassword {
        /// The most that is allowed, in bytes of UTF-8.
        limit: usize,
    },
    /// [`Limits::passwords_per_minute_per_room`](crate::Limits::passwords_per_minute_per_room) or
    /// [`Limits::passwords_per_minute_per_address`](crate::Limits::passwords_per_minute_per_address).
    #[error("Too many wrong passwords. Try again in a minute.")]
    TooManyPasswords,
    /// The server is for bearers of tokens.
    #[error("This server needs a token: open the room from where you were invited.")]
    TokenRequired,
    /// The token is worth nothing.
    #[error("The token is not accepted. {0}.")]
    BadToken(#[from] BadToken),
    /// Over the message rate.
    #[error("Too many messages: more than {per_second} a second. This one was ignored.")]
    TooFast {
        /// The rate that is allowed.
        per_second: u32,
    },
    /// Over the message rate for too long.
    #[error("Too many messages: more than {per_second} a second. The connection is closed.")]
    Flood {
        /// The rate that is allowed.
        per_second: u32,
    },
}

/// Which order was broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WrongOrder {
    /// `join` while in a room.
    #[error("You are in a room. Leave it before you join another.")]
    JoinInRoom,
    /// `call` without `join`.
    #[error("Join a room before you call.")]
    CallBeforeJoin,
    /// A second `call`.
    #[error("You are in the room already.")]
    CallTwice,
    /// `resume` after something else.
    #[error("Resume before anything else is said on the connection.")]
    ResumeLate,
    /// What only participants send.
    #[error("You are not in a room.")]
    NotInRoom,
}

/// How a connection ends when the server ends it (RFC 6455, 7.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closing {
    /// The status code.
    pub code: u16,
    /// For people who read logs.
    pub reason: &'static str,
}

impl Closing {
    pub(crate) const STOPPING: Closing = Closing::new(1001, "the server is stopping");
    pub(crate) const SILENT: Closing = Closing::new(1008, "silent for too long");
    pub(crate) const ROOMLESS: Closing = Closing::new(1008, "in no room for too long");
    pub(crate) const TAKEN_OVER: Closing = Closing::new(4000, "resumed by another connection");
    pub(crate) const FULL: Closing = Closing::new(1013, "too many connections");

    const fn new(code: u16, reason: &'static str) -> Self {
        Self { code, reason }
    }
}

impl Fault {
    /// Its stable code.
    pub fn code(&self) -> ErrorCode {
        match self {
            Fault::BadJson(_) => ErrorCode::BadJson,
            Fault::UnknownType => ErrorCode::UnknownType,
            Fault::BadMessage(_) => ErrorCode::BadMessage,
            Fault::TooLarge { .. } => ErrorCode::TooLarge,
            Fault::Binary => ErrorCode::Binary,
            Fault::WrongOrder(_) => ErrorCode::WrongOrder,
            Fault::RoomNotFound(_) => ErrorCode::RoomNotFound,
            Fault::RoomFull { .. } => ErrorCode::RoomFull,
            Fault::ServerFull => ErrorCode::ServerFull,
            Fault::TooManyRooms => ErrorCode::TooManyRooms,
            Fault::Draining => ErrorCode::Draining,
            Fault::BadName(_) => ErrorCode::BadName,
            Fault::BadAnswer(_) => ErrorCode::BadAnswer,
            Fault::BadCandidate(_) => ErrorCode::BadCandidate,
            Fault::ResumeFailed => ErrorCode::ResumeFailed,
            Fault::TooManyGuesses => ErrorCode::TooManyGuesses,
            Fault::TooManyJoins => ErrorCode::TooManyJoins,
            Fault::PasswordRequired => ErrorCode::PasswordRequired,
            Fault::WrongPassword => ErrorCode::WrongPassword,
            Fault::LongPassword { .. } => ErrorCode::BadMessage,
            Fault::TooManyPasswords => ErrorCode::TooManyPasswords,
            Fault::TokenRequired => ErrorCode::TokenRequired,
            Fault::BadToken(_) => ErrorCode::BadToken,
            Fault::TooFast { .. } | Fault::Flood { .. } => ErrorCode::TooFast,
        }
    }

    /// The close frame that follows, for faults that end the connection.
    pub fn closing(&self) -> Option<Closing> {
        match self {
            Fault::TooLarge { .. } => Some(Closing::new(1009, "message too large")),
            Fault::TooManyGuesses => Some(Closing::new(1008, "too many wrong guesses")),
            Fault::Flood { .. } => Some(Closing::new(1008, "too many messages")),
            _ => None,
        }
    }

    pub(crate) fn to_message(&self) -> ServerMessage {
        ServerMessage::Error {
            code: self.code(),
            message: self.to_string(),
        }
    }
}

impl From<WrongOrder> for Fault {
    fn from(order: WrongOrder) -> Self {
        Fault::WrongOrder(order)
    }
}

impl From<&CommandError> for Fault {
    fn from(error: &CommandError) -> Self {
        let text = shorten(&error.to_string());
        match error {
            CommandError::UnknownParticipant => WrongOrder::NotInRoom.into(),
            CommandError::UnexpectedAnswer
            | CommandError::DescriptionTooLarge(_)
            | CommandError::BadDescription(_) => Fault::BadAnswer(text),
            CommandError::BadCandidate(_) | CommandError::TooManyCandidates(_) => {
                Fault::BadCandidate(text)
            }
            _ => Fault::BadMessage(text),
        }
    }
}

/// A parser's explanation, which may quote the client, cut to what a person reads.
pub(crate) fn shorten(text: &str) -> String {
    const CHARS: usize = 200;
    match text.char_indices().nth(CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn no_room(code: Option<RoomCode>) -> String {
    match code {
        Some(code) => {
            format!("There is no room {code}. Rooms are forgotten some time after everybody left.")
        }
        None => "This is not the name of a room; one looks like KUMA-ARE-TSUJ.".to_owned(),
    }
}
