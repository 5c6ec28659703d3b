//! All that was going on around a freeze.

use serde::{Deserialize, Serialize};

use super::digest::Limitation;
use crate::reason::Reason;

/// What is known of a freeze. Times are milliseconds, of the seconds from shortly before the last picture to
/// shortly behind the next.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Facts {
    /// From one picture to the next, or so far.
    pub length_ms: u32,
    /// It is of a sound, and all below that speaks of pictures is of that sound.
    pub sound: bool,
    /// Why the picture came or did not, when it was told.
    pub reason: Reason,
    /// The longest time without a picture that could be decoded, as they left the server.
    pub departed_ms: u32,
    /// The same as they came to the viewer, by its transport-wide feedback.
    pub arrived_ms: u32,
    /// The same as its page told, for as long as it had told of it.
    pub shown_ms: u32,
    /// From the publisher to the server.
    pub uplink: Uplink,
    /// Inside the server.
    pub server: Server,
    /// From the server to the viewer.
    pub downlink: Downlink,
    /// Who else had this picture, and for whom it froze as well.
    pub others: Others,
    /// What the viewer's page said of its device.
    pub viewer: Option<Device>,
    /// What the publisher's page said of its device.
    pub publisher: Option<Device>,
}

/// What came of one stream of the publisher.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inflow {
    /// Packets that were sent, by their numbers.
    pub expected: u32,
    /// Of those, packets that were missing when newer ones came.
    pub missed: u32,
    /// Of those, packets that came later.
    pub repaired: u32,
    /// The longest time in which nothing came.
    pub silence_ms: u32,
    /// The longest time, by the sender's clock, between two packets with nothing lost between them.
    pub skipped_ms: u32,
    /// How much later than the quickest the latest packet came.
    pub delay_ms: u32,
}

/// From the publisher to the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Uplink {
    /// The encoding that the viewer had.
    pub picture: Inflow,
    /// The microphone, if it is on.
    pub sound: Option<Inflow>,
    /// The longest time in which nothing came at all, neither media nor reports nor checks.
    pub silence_ms: u32,
    /// Whether ICE had a path, all the time.
    pub connected: bool,
}

/// Inside the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// By how much the server was late at most.
    pub late_ms: u32,
    /// Datagrams of anybody that never came, because the system had no room for them.
    pub overflowed: u32,
    /// For how long a keyframe was waited for, though there was a picture to be had.
    pub waiting_ms: u32,
    /// How often the publisher was asked for a keyframe.
    pub requests: u32,
}

/// From the server to the viewer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Downlink {
    /// Packets of all that was sent to it.
    pub sent: u32,
    /// Of those, packets of which it said that they came.
    pub came: u32,
    /// Of those, packets of which it said that they did not.
    pub lost: u32,
    /// Packets that were sent again, and came.
    pub repairs: u32,
    /// How much longer than the quickest one the slowest was under way.
    pub delay_ms: u32,
    /// The longest time in which it said nothing, though there was something to tell.
    pub silence_ms: u32,
    /// The longest time in which nothing came from it at all.
    pub mute_ms: u32,
    /// What its path was taken to carry, kbit/s, and the least of that.
    pub estimate_kbps: Option<u32>,
    /// Whether ICE had a path, all the time.
    pub connected: bool,
    /// Its other pictures, and how many of those froze as well.
    pub others: Others,
}

/// Others that were in the same place.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Others {
    /// For whom it froze as well.
    pub froze: u32,
    /// How many there are.
    pub of: u32,
}

/// How a device fared, as its page says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Device {
    /// The tab was not visible.
    pub hidden: bool,
    /// For how long the page stood still: as it says, or as what it sends shows.
    pub slept_ms: u32,
    /// What kept its camera's pictures small.
    pub limitation: Limitation,
    /// Pictures a second of its camera, times ten.
    pub captured: Option<u16>,
    /// Its camera gave nothing.
    pub ended: bool,
    /// Pictures of the slot that were decoded, and thrown away, since the digest before.
    pub decoded: u32,
    /// See there.
    pub dropped: u32,
    /// How long decoding one of them took.
    pub decoding_ms: u32,
    /// How long they were held back in the jitter buffer, lately.
    pub buffered_ms: u32,
    /// Packets of them that its browser counted as lost, since the digest before.
    pub lost: u32,
    /// The round trip of its path.
    pub round_trip_ms: Option<u32>,
    /// Its path goes through a relay.
    pub relayed: bool,
}

impl Inflow {
    /// Packets that never came.
    pub fn missing(&self) -> u32 {
        self.missed.saturating_sub(self.repaired)
    }

    /// By how much what came was late, or did not come at all. Milliseconds.
    pub fn late_ms(&self) -> u32 {
        self.delay_ms.max(self.silence_ms)
    }
}
