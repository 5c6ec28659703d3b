//! A str0m that depends on nothing but its inputs.
//!
//! Left alone, two runs of str0m with the same inputs differ from the first byte. This crate closes
//! every leak, so that the same seed and the same calls give the same bytes, in any thread and any
//! process on the same target:
//!
//! | what leaks | where it comes in | how it is closed |
//! |---|---|---|
//! | ICE transactions, SSRCs, mids, session ids | `fastrand`'s thread-local generator | [`Seam::call`] swaps its state around each call |
//! | ECDHE keys, ECDSA nonces, hello randoms, DTLS record nonces | the crypto provider | ours is seeded ([`Seam::new`]); signatures follow RFC 6979 |
//! | wall clock in sender reports, abs-send-time, the DTLS hello | a constant of the process, fixed at first use | [`Clock::prepare`] fixes it under a frozen clock, and [`Clock::instant`] chooses the `Instant` that then means the right moment |
//! | order of std hash maps (which SRTCP comes first) | keys of each map, fixed at its creation, from the thread's entropy | an `Rtc` is built, and an answer accepted, on a short-lived thread whose entropy is seeded ([`Seam::new`], [`Seam::call_isolated`]) |
//!
//! What DTLS agrees on for SRTP passes here too: [`Seam::keying_material`] gives it to who sends on its own,
//! beside str0m.
//!
//! Nothing of this runs for a packet but the swap of one 64-bit generator state; the rest is paid
//! when a participant enters or answers.
//!
//! The frozen clock and the seeded entropy need the executable to define `clock_gettime` and
//! `getrandom` itself (module `surroundings`, the only unsafe code of the workspace). That works on
//! Linux. Elsewhere, [`Clock::prepare`] says [`Clock::is_hermetic`]` == false`: everything works,
//! and only the last two rows of the table stay open.

mod clock;
mod crypto;
mod seam;
mod surroundings;

pub use clock::Clock;
pub use crypto::{KeyingMaterial, is_private_key, seeded_provider};
pub use seam::{Panicked, Seam};
