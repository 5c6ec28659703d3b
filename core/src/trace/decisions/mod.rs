//! Traces of decisions: enough to make every forwarding decision again, and neither media nor keys
//! nor anybody's address.
//!
//! # The boundary
//!
//! An [`Sfu`] decides by plain state, and by what its participants' connections tell it. Everything
//! that it asks of a connection is a decision; everything that a connection gives back is recorded.
//!
//! ```text
//!                 ┌── Call (a decision: goes into a hash) ──►┐
//!   input ──► Sfu │                                          │ Connection (str0m, keys, bytes)
//!                 └◄── result and events (recorded) ─────────┘
//!
//!   input ──► Sfu │── Call (its hash must be the same) ──►┐ Script
//!                 └◄── result and events, as recorded ────┘
//! ```
//! Both ways go through `Sfu::run`, so that whatever a connection will tell one day is on the tape
//! too. The parts:
//!
//! - `entry`: an input as far as decisions depend on it. `packet`, `outcome`: what connections gave.
//! - `call`: what they were asked, and the hash of it. `pseudonym`: addresses under other names.
//! - `writer`: puts it together while it happens. `ring`: the last minutes of it.
//! - `script`: reads it in the place of connections. `replay`: hands in the inputs, compares.
//! - `step`: what happened, for people.
//! - `sfu/decisions.rs`: the state that begins a trace, taken and restored.
//!
//! # The format
//!
//! A trace of decisions may begin anywhere: its first frame is a snapshot of the state, and others
//! follow, so that a file, or a ring in memory, that has lost its beginning can still be replayed.
//!
//! ```text
//! SNAPSHOT   last part? (u8) · in the first part: time (u64, µs) · number of the next entry (u64) ·
//!            hash (u64) · the state, in parts, as `postcard` writes it
//! DECISIONS  time (u64, µs) · number of the first entry (u64, from 0) · entries
//!   entry    length (varint) · µs since the time before (varint) · input · outcomes · hash (u16)
//!   input    1 · command   2 · count, participants (varints)   0x10 + protocol · datagram
//!            3 · datagram (a STUN request that names a participant)
//!            4 · three varints: how many were dropped since the entry before
//!            5 · participant (varint) · path (it is closed)
//!   datagram participant (varint) · path · bytes (varint)
//!   path     n + 1 (varint): the n-th that it has proved · 0, socket (varint) and address: another
//!   outcome  plain outcomes before it (varint) · flags (u8) · if EVENTS, count (varint) and events ·
//!            if VALUE, the value
//! END        how many entries there were (u64)
//! ```
//! Nearly all outcomes are plain (no event, and the result that such a call mostly has) and take no
//! byte. The hash is over all calls and notices since the beginning.

mod call;
mod entry;
mod outcome;
mod packet;
mod pseudonym;
mod replay;
mod ring;
mod script;
mod step;
mod tape;
mod writer;

#[cfg(test)]
mod tests;

pub(crate) use call::Call;
pub(crate) use entry::{Head, LATEST, PathAlias, PathName};
pub(crate) use outcome::{Made, Outcome};
pub(crate) use packet::Bases;
pub(crate) use pseudonym::Pseudonyms;
pub(crate) use script::Script;
pub(crate) use tape::Tape;
pub(crate) use writer::Writer;

pub use entry::{Dropped, Protocol};
pub use replay::{Arrived, DecisionsReplay, Happened, Odd, Reading};
pub use ring::Ring;
pub use step::Step;
