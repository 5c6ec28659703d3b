//! The IO-free SFU.
mod ids;
mod input;
mod limits;
mod output;
mod time;
mod sfu;

pub use ids::{MediaKind, Mid, Negotiation, ParticipantId, RoomId};
pub use input::{Command, Datagram, IceMode, Input};
pub use limits::{Config, Limits, LocalAddress};
pub use output::{CommandError, GoneReason, Notice, Output, PublishMids, Slot, Transmit};
pub use sfu::Sfu;
pub use time::{Time, WallTime};
