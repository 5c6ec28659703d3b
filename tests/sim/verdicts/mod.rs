//! Freezes made on purpose, and whom the core blames for them.
//!
//! ```text
//!  Plan: a call, faults ─► Call: a world of four ─┬─► the core's notices: freezes and verdicts ─┐
//!                                                 └─► decoders, ears: what was seen and heard ───┴─► Tally
//!                                                          └─► Reporter: what pages tell
//! ```
//! Everybody publishes, everybody sees all others. The first one is the publisher that publishers' faults
//! happen to, the second the viewer that viewers' faults happen to.

mod call;
mod fault;
mod plan;
mod tally;

pub use call::{Outcome, Told, call, trace_of_a_stall};
pub use fault::{Fault, Strength};
pub use plan::{Plan, healthy, pairs, singles};
pub use tally::Tally;
