//! Wall clock for a library that only knows `Instant`.
//!
//! str0m, and dimpl below it, turn an `Instant` into wall-clock time by a pair of moments that they
//! take from the system once in the life of a process, when they first need it. Taken under a
//! frozen clock, the pair is the same in every process; and an `Instant` that lies as far from the
//! frozen moment as the wanted wall-clock time does from the frozen wall clock means that time.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use str0m::{Output, Rtc};

use crate::crypto;
use crate::surroundings::{FROZEN_WALL_SECONDS, Surroundings, isolated};

/// The `Instant`s of a process.
#[derive(Clone, Copy, Debug)]
pub struct Clock {
    frozen: Instant,
    hermetic: bool,
}

/// What str0m calls "not happening" lies this far after its frozen moment.
const NOT_HAPPENING: Duration = Duration::from_secs(60 * 60 * 24 * 365 * 100);

impl Clock {
    /// Fixes the process's pair of moments. Cheap after the first time.
    ///
    /// Call it before anything else in the process uses str0m: whoever comes first decides. Who
    /// uses str0m beside, in the same process, takes its `Instant`s from [`Clock::instant`] too, or
    /// its sender reports speak of 2001.
    pub fn prepare() -> Self {
        static CLOCK: OnceLock<Clock> = OnceLock::new();
        *CLOCK.get_or_init(|| {
            isolated(Surroundings { entropy: [0; 32] }, fix).unwrap_or_else(|_| Clock {
                frozen: now(),
                hermetic: false,
            })
        })
    }

    /// Whether outputs depend on inputs alone, to the byte. False where the platform can't (not
    /// Linux), and when something else in the process used str0m first.
    pub fn is_hermetic(self) -> bool {
        self.hermetic
    }

    /// The `Instant` that stands for a wall-clock time, given as time since the Unix epoch.
    ///
    /// Not hermetic, it stands for now: sender reports then say the real time.
    pub fn instant(self, unix: Duration) -> Instant {
        if !self.hermetic {
            return now();
        }
        let frozen = Duration::from_secs(FROZEN_WALL_SECONDS);
        let later = unix.checked_sub(frozen);
        // Before 2001 no clock of ours was ever right; such an epoch only shifts what is printed.
        self.frozen + later.unwrap_or_default()
    }
}

/// Makes str0m and dimpl take their pairs of moments now, on this isolated thread.
fn fix() -> Clock {
    let frozen = now();
    let mut rtc = Rtc::builder()
        .set_crypto_provider(crypto::plain_provider())
        .build(frozen);
    rtc.disconnect();
    let hermetic = match rtc.poll_output() {
        Ok(Output::Timeout(never)) => never == frozen + NOT_HAPPENING,
        _ => false,
    };
    crypto::say_hello(frozen);
    Clock {
        frozen,
        hermetic: hermetic && cfg!(target_os = "linux"),
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place where an Instant begins; hermetic, the clock is frozen"
)]
fn now() -> Instant {
    Instant::now()
}
