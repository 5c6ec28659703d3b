//! The scope around every call into an `Rtc`.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use str0m::Rtc;
use str0m::config::CryptoProvider;

use crate::crypto::{self, KeyingMaterial};
use crate::surroundings::{Surroundings, isolated};

/// The call panicked. The `Rtc` is never called again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("str0m panicked")]
pub struct Panicked;

/// Owns an `Rtc` and lets nobody else touch it.
///
/// Two things happen here and nowhere else. What str0m would take from its surroundings is supplied
/// from a seed. And a panic inside str0m ends here, so that it costs one connection and nothing
/// more.
pub struct Seam {
    rtc: Rtc,
    /// State of the generator that str0m reads as thread-local.
    ambient: u64,
    /// Seeds for isolated threads.
    rng: ChaCha20Rng,
    /// Set by the first panic: what is inside may be half changed.
    poisoned: bool,
    agreed: Agreed,
}

/// What the DTLS handshake has agreed on.
enum Agreed {
    Awaited,
    Here(KeyingMaterial),
    Taken,
}

impl Seam {
    /// Builds an `Rtc`. `build` must give it the provider that it is handed, and a certificate
    /// (`RtcConfig::set_dtls_cert`), or each would be new.
    ///
    /// # Errors
    /// [`Panicked`] when `build` did, or when no thread could be made.
    pub fn new(
        seed: [u8; 32],
        build: impl FnOnce(Arc<CryptoProvider>) -> Rtc + Send,
    ) -> Result<Self, Panicked> {
        let mut rng = ChaCha20Rng::from_seed(seed);
        let mut ambient = rng.next_u64();
        let mut dtls_seed = [0; 32];
        rng.fill_bytes(&mut dtls_seed);
        let rtc = on_isolated_thread(&mut rng, &mut ambient, || {
            crypto::with_seed_for_next_connection(dtls_seed, || build(crypto::seeded_provider()))
        })?;
        Ok(Self {
            rtc,
            ambient,
            rng,
            poisoned: false,
            agreed: Agreed::Awaited,
        })
    }

    /// Runs `f` on the `Rtc`. Costs a few nanoseconds.
    ///
    /// # Errors
    /// [`Panicked`] when `f` panics, or did before.
    pub fn call<R>(&mut self, f: impl FnOnce(&mut Rtc) -> R) -> Result<R, Panicked> {
        let rtc = &mut self.rtc;
        let ambient = &mut self.ambient;
        let awaited = matches!(self.agreed, Agreed::Awaited);
        if awaited {
            // Of another connection, which panicked.
            drop(crypto::agreed());
        }
        let result = guarded(&mut self.poisoned, || seeded(ambient, || f(rtc)))?;
        if awaited && let Some(agreed) = crypto::agreed() {
            self.agreed = Agreed::Here(agreed);
        }
        Ok(result)
    }

    /// What the DTLS handshake has agreed on for SRTP: once, after the call in which it did.
    pub fn keying_material(&mut self) -> Option<KeyingMaterial> {
        if !matches!(self.agreed, Agreed::Here(_)) {
            return None;
        }
        match std::mem::replace(&mut self.agreed, Agreed::Taken) {
            Agreed::Here(agreed) => Some(agreed),
            Agreed::Awaited | Agreed::Taken => None,
        }
    }

    /// Runs `f` on the `Rtc`, on a thread of its own with seeded entropy: for calls that make std
    /// hash maps whose order matters. Negotiation is such. Costs some 50 µs.
    ///
    /// # Errors
    /// [`Panicked`] when `f` panics, or did before, or when no thread could be made.
    pub fn call_isolated<R: Send>(
        &mut self,
        f: impl FnOnce(&mut Rtc) -> R + Send,
    ) -> Result<R, Panicked> {
        if self.poisoned {
            return Err(Panicked);
        }
        let rtc = &mut self.rtc;
        let result = on_isolated_thread(&mut self.rng, &mut self.ambient, || f(rtc));
        self.poisoned = result.is_err();
        result
    }
}

fn guarded<R>(poisoned: &mut bool, f: impl FnOnce() -> R) -> Result<R, Panicked> {
    if *poisoned {
        return Err(Panicked);
    }
    // Unwind safety: after a panic the seam is poisoned, and what `f` touched is never seen again.
    let result = catch_unwind(AssertUnwindSafe(f));
    *poisoned = result.is_err();
    result.map_err(|_| Panicked)
}

fn on_isolated_thread<R: Send>(
    rng: &mut ChaCha20Rng,
    ambient: &mut u64,
    f: impl FnOnce() -> R + Send,
) -> Result<R, Panicked> {
    let mut entropy = [0; 32];
    rng.fill_bytes(&mut entropy);
    isolated(Surroundings { entropy }, || seeded(ambient, f)).map_err(|_| Panicked)
}

/// Runs `f` with the ambient generator in the state `ambient`, and keeps the state that it leaves.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that may set the ambient generator"
)]
fn seeded<R>(ambient: &mut u64, f: impl FnOnce() -> R) -> R {
    /// Puts things back even when `f` panics.
    struct Restore<'a> {
        outside: u64,
        ambient: &'a mut u64,
    }
    impl Drop for Restore<'_> {
        fn drop(&mut self) {
            *self.ambient = fastrand::get_seed();
            fastrand::seed(self.outside);
        }
    }
    let restore = Restore {
        outside: fastrand::get_seed(),
        ambient,
    };
    fastrand::seed(*restore.ambient);
    f()
}

impl std::fmt::Debug for Seam {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seam")
            .field("poisoned", &self.poisoned)
            .finish_non_exhaustive()
    }
}
