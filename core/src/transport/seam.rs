//! The seam: every call into an `Rtc` goes through [`Seam::call`].
//!
//! Two things happen here and nowhere else. A panic inside str0m ends at the seam, so that it costs
//! one participant its connection and nobody else anything. And what str0m would take from its
//! surroundings is supplied: its ambient random numbers come from the participant's own generator.

use std::panic::{AssertUnwindSafe, catch_unwind};

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::Rng;
use str0m::Rtc;

/// The call panicked. The `Rtc` must not be called again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Panicked;

/// Owns an `Rtc` and lets nobody else touch it.
pub(super) struct Seam {
    rtc: Rtc,
    /// State of the generator that str0m reads as thread-local.
    ambient: u64,
    /// Set by the first panic: what is inside may be half changed.
    poisoned: bool,
}

impl Seam {
    /// Builds the `Rtc` inside the seam.
    pub(super) fn new(
        rng: &mut ChaCha20Rng,
        build: impl FnOnce() -> Rtc,
    ) -> Result<Self, Panicked> {
        let mut ambient = rng.next_u64();
        let rtc = guarded(&mut ambient, build)?;
        Ok(Self {
            rtc,
            ambient,
            poisoned: false,
        })
    }

    /// Runs `f` on the `Rtc`.
    pub(super) fn call<R>(&mut self, f: impl FnOnce(&mut Rtc) -> R) -> Result<R, Panicked> {
        if self.poisoned {
            return Err(Panicked);
        }
        let rtc = &mut self.rtc;
        let result = guarded(&mut self.ambient, || f(rtc));
        self.poisoned = result.is_err();
        result
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place that may set the ambient generator"
)]
fn guarded<R>(ambient: &mut u64, f: impl FnOnce() -> R) -> Result<R, Panicked> {
    let outside = fastrand::get_seed();
    fastrand::seed(*ambient);
    // Unwind safety: after a panic the seam is poisoned and what `f` touched is never seen again.
    let result = catch_unwind(AssertUnwindSafe(f));
    *ambient = fastrand::get_seed();
    fastrand::seed(outside);
    result.map_err(|_| Panicked)
}

impl std::fmt::Debug for Seam {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seam")
            .field("poisoned", &self.poisoned)
            .finish_non_exhaustive()
    }
}
