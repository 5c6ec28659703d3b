//! What the two sides of a server tell each other.

use tsuji_core::{Command, Notice};

/// From the front to a media side.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ToMedia {
    /// The lobby wants something of the SFU.
    Command(Command),
}

/// From a media side to the front.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FromMedia {
    /// The SFU has something to tell the lobby.
    Notice(Notice),
}
