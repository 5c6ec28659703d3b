//! Why did it freeze? Freezes of pictures and gaps of sound, found without asking the viewer, what was going
//! on around them, and whose fault they were.
//!
//! ```text
//!  publisher ─► inflow: what came of each encoding, and how ──────────────────────┐
//!                 │                                                                │
//!              forwarded ─► watch: frames ─► rhythm ─► gap as it left ──┐          ▼
//!                 │                                                     ├─► freeze ─► Facts ─► verdict
//!              viewer ─► arrivals: frames ─► rhythm ─► gap as it came ──┤          ▲
//!                 └────► digests of `getStats` ─► gap as it was shown ──┘──────────┘
//! ```
//!
//! - `course`: a stream as it passes a place: pictures (`frames`, `rhythm`) or a sound (`playout`).
//! - `rhythm`: the rule of W3C's *Identifiers for WebRTC's Statistics API* (`freezeCount`) over frames as
//!   a jitter buffer would show them.
//! - `calm`: pictures that come evenly, which are told to `rhythm` later and all at once.
//! - `frames`: which pictures of a stream can be decoded, packet by packet: what is missing is waited for
//!   until it is repaired, until the next picture of the lowest temporal layer that misses nothing
//!   (TL0PICIDX), or until a keyframe.
//! - `playout`: sound as a jitter buffer plays it: where for 100 ms and more something has to be made up.
//! - `inflow`: what a publisher's stream brought: packets missing and late, silence, time without
//!   pictures, delay, and time that its clock stood still.
//! - `person`: how somebody's path and page fare.
//! - `watch`: one slot of one viewer: pictures as they left, and the freezes that are to be told. What left with a
//!   gap and is known to have come without one is not told.
//! - `looks`: when to look at which slot.
//! - `arrivals`: the same pictures as they came, by the viewer's transport-wide feedback. It tells of
//!   each packet whether it came and when by the viewer's clock, so that jams are seen as well as losses.
//! - `feedback`: reads it.
//! - `bins`: what was counted in each tenth of a second of the last ones.
//! - `digest`: what pages say of themselves.
//! - `facts`: all of that around one freeze: plain figures.
//! - `verdict`: whose fault it was, from the facts alone.
//! - `evidence`: the facts that speak for it, in words.
//!
//! # What is on the tape
//!
//! All of this only watches: no decision about media depends on it, and nothing of it is in a snapshot of
//! decisions. What it found goes on the tape, facts and all, as what connections tell does; so a replay
//! says the same freezes, and a better verdict can be passed on old ones.
//!
//! # Bounds
//!
//! Packets that leave together cost a few additions: rings of fixed size, no allocation once they are there, nobody else
//! is looked at. What leaves evenly and comes in time is gone through later, or not at all (`calm`, `arrivals`). When somebody has a gap that is long enough, its deadline in the timer table comes; only then
//! facts are gathered, from the viewer, the publisher, and the other viewers of the same picture.

mod arrivals;
mod bins;
mod calm;
mod course;
mod digest;
mod evidence;
mod facts;
mod feedback;
mod frames;
mod inflow;
mod looks;
mod person;
mod playout;
mod rhythm;
mod verdict;
mod watch;

pub(crate) use arrivals::{Arrivals, Path, Sent};
pub(crate) use bins::Bins;
pub use digest::{Digest, Limitation, Seen};
pub use evidence::Evidence;
pub use facts::{Device, Downlink, Facts, Inflow, Others, Server, Uplink};
pub(crate) use feedback::packets as arrivals_in;
pub(crate) use frames::{Kind, Part};
pub(crate) use inflow::{Came, Stream};
pub(crate) use looks::Looks;
pub(crate) use person::Person;
pub(crate) use rhythm::Gap;
pub use verdict::{Culprit, Verdict, verdict};
pub(crate) use watch::{Due, Place, Watch};
