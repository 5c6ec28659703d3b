//! Numbers that stay continuous in an outgoing stream whatever feeds it.
//!
//! A stretch is a run of packets from one source without a break. Inside a stretch the outgoing
//! number is the incoming one plus an offset, so that gaps, reordering and retransmissions look to
//! the viewer as they looked to us. A new stretch begins right after the last one ended. What is left
//! out of a stretch on purpose leaves no gap.

mod gapless;
pub(crate) mod picture;
pub(crate) mod rtp;
