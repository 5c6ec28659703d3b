//! Forwarding decisions: pure functions and small state machines over plain values. No str0m, no
//! sockets, no clock, so that each can be tested by tables and replaced.
//!
//! ```text
//!  assign   who is in which slot of a viewer
//!  view     what a page shows of others: who gets a slot, and how large it is seen
//!  track    which layers of a publisher live, and which of them a viewer gets
//!  demand   which layers a publisher is to send
//!  allocate what each picture gets of what a viewer's path carries
//!  budget   what of an estimate of that is used
//!  rises    pictures of one viewer become larger one after the other
//!  share    shares of rates
//!  meter    how much comes of a layer
//!  keyframe when a publisher is asked for a keyframe
//!  picture  what payloads say of their pictures, codec by codec
//!  outlet   one outgoing stream of a slot: passes or holds a packet, and renumbers it
//!  hold     whether a packet can be decoded: another layer begins with its keyframe
//!  thin     which pictures of a layer are left out: higher temporal layers
//!  quality  what a viewer gets of a picture: a layer, and how many of its pictures
//!  rewrite  the numbers: sequence, timestamp, picture id and TL0 index
//! ```

mod allocate;
mod assign;
mod budget;
mod demand;
mod hold;
mod keyframe;
mod meter;
mod outlet;
mod picture;
mod quality;
mod rewrite;
mod rises;
mod share;
mod thin;
mod track;
mod view;

#[cfg(test)]
mod schedules;

pub(crate) use allocate::{Want, allocate};
pub(crate) use assign::{SlotCounts, assign, first_slots, further_slots};
pub(crate) use budget::Budget;
pub(crate) use demand::{Demand, Taken, taken};
pub(crate) use keyframe::KeyframeRequests;
pub(crate) use outlet::{Arrival, Outlet, Renumbered, VideoOutlet};
pub(crate) use picture::{Glance, VideoPatch, head, rewrite};
pub(crate) use quality::{Quality, Rates};
pub(crate) use rises::Rises;
pub(crate) use share::part;
pub(crate) use track::Track;
pub(crate) use view::{Shown, rank};

/// The highest extended sequence number that is believed where somebody else wrote it down: a
/// stream of a million packets a second reaches it after nine years.
pub(crate) const MAX_SEQUENCE: u64 = 1 << 48;
