//! Threads with a frozen clock and seeded entropy. The one place with unsafe code.
//!
//! On Linux, std and the crates that we use read the clock by libc's `clock_gettime` and entropy by
//! libc's `getrandom`. An executable may define both itself: its definitions then win over libc's.
//! Ours answer from thread-local values on a thread that [`isolated`] made, and pass every other
//! thread on to libc.
//!
//! Audit notes:
//! - Both functions may run at any time on any thread, even while thread-locals are destroyed:
//!   `try_with`, no panic, no allocation on the way through.
//! - `clock_gettime` is passed on to libc's own (found once by `dlsym(RTLD_NEXT)`), so the vDSO
//!   still serves it; a statically linked program has no next, and gets the system call.
//! - Pointers of callers are written to under the same contract as libc's: valid for the write.

use std::thread;

/// What an isolated thread sees instead of the world.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Surroundings {
    /// Seeds `getrandom`.
    pub(crate) entropy: [u8; 32],
}

/// What the wall clock shows on an isolated thread, in seconds since the Unix epoch: a day in 2001.
/// Every other clock shows zero, so that whatever `Instant` the process has is later.
pub(crate) const FROZEN_WALL_SECONDS: u64 = 1_000_000_000;

/// Runs `f` on a new thread with these surroundings and waits for it. `Err` carries its panic, or
/// is an IO error when no thread could be made.
pub(crate) fn isolated<R: Send>(
    surroundings: Surroundings,
    f: impl FnOnce() -> R + Send,
) -> thread::Result<R> {
    thread::scope(|scope| {
        let body = || {
            enter(surroundings);
            f()
        };
        thread::Builder::new()
            .spawn_scoped(scope, body)
            .map_err(|error| Box::new(error) as Box<dyn std::any::Any + Send>)?
            .join()
    })
}

#[cfg(not(target_os = "linux"))]
fn enter(_: Surroundings) {}

#[cfg(target_os = "linux")]
use linux::enter;

#[cfg(target_os = "linux")]
#[expect(
    unsafe_code,
    reason = "stands in for two functions of libc; see the module's audit notes"
)]
mod linux {
    use std::cell::{Cell, RefCell};
    use std::ffi::c_void;
    use std::mem::transmute;
    use std::sync::atomic::{AtomicPtr, Ordering};

    use libc::{c_int, c_long, c_uint, clockid_t, size_t, ssize_t, time_t, timespec};
    use rand_chacha::ChaCha20Rng;
    use rand_chacha::rand_core::{Rng, SeedableRng};

    use super::{FROZEN_WALL_SECONDS, Surroundings};

    thread_local! {
        static FROZEN: Cell<bool> = const { Cell::new(false) };
        static ENTROPY: RefCell<Option<ChaCha20Rng>> = const { RefCell::new(None) };
    }

    /// Isolates the calling thread for the rest of its life.
    pub(super) fn enter(surroundings: Surroundings) {
        ENTROPY.set(Some(ChaCha20Rng::from_seed(surroundings.entropy)));
        FROZEN.set(true);
    }

    type ClockGettime = unsafe extern "C" fn(clockid_t, *mut timespec) -> c_int;

    /// The `clock_gettime` behind ours: null until it is looked up.
    static NEXT_CLOCK: AtomicPtr<c_void> = AtomicPtr::new(std::ptr::null_mut());

    /// # Safety
    /// As libc's: `time` is valid for a write.
    #[unsafe(no_mangle)]
    unsafe extern "C" fn clock_gettime(clock: clockid_t, time: *mut timespec) -> c_int {
        if FROZEN.try_with(Cell::get) == Ok(true) {
            let seconds = match clock {
                libc::CLOCK_REALTIME | libc::CLOCK_REALTIME_COARSE => FROZEN_WALL_SECONDS,
                _ => 0,
            };
            let frozen = timespec {
                tv_sec: seconds as time_t,
                tv_nsec: 0 as c_long,
            };
            // SAFETY: the caller's promise.
            unsafe { time.write(frozen) };
            return 0;
        }
        let next = NEXT_CLOCK.load(Ordering::Relaxed);
        if next.is_null() {
            // SAFETY: the caller's promise is passed on.
            return unsafe { first_clock_gettime(clock, time) };
        }
        // SAFETY: only ever set to libc's `clock_gettime`; the caller's promise is passed on.
        unsafe { transmute::<*mut c_void, ClockGettime>(next)(clock, time) }
    }

    /// Looks libc's function up; without one, asks the kernel.
    ///
    /// # Safety
    /// As libc's.
    #[cold]
    unsafe fn first_clock_gettime(clock: clockid_t, time: *mut timespec) -> c_int {
        // SAFETY: a constant, nul-terminated name.
        let next = unsafe { libc::dlsym(libc::RTLD_NEXT, c"clock_gettime".as_ptr()) };
        NEXT_CLOCK.store(next, Ordering::Relaxed);
        // SAFETY: the caller's promise is passed on.
        unsafe { libc::syscall(libc::SYS_clock_gettime, clock, time) as c_int }
    }

    /// # Safety
    /// As libc's: `buffer` is valid for writes of `length` bytes.
    #[unsafe(no_mangle)]
    unsafe extern "C" fn getrandom(buffer: *mut c_void, length: size_t, flags: c_uint) -> ssize_t {
        let seeded = ENTROPY.try_with(|entropy| {
            // Borrowed only here, and nothing below calls back.
            let mut entropy = entropy.try_borrow_mut().ok()?;
            let generator = entropy.as_mut()?;
            // SAFETY: the caller's promise.
            let bytes = unsafe { std::slice::from_raw_parts_mut(buffer.cast::<u8>(), length) };
            generator.fill_bytes(bytes);
            Some(length as ssize_t)
        });
        if let Ok(Some(filled)) = seeded {
            return filled;
        }
        // SAFETY: the caller's promise is passed on.
        unsafe { libc::syscall(libc::SYS_getrandom, buffer, length, flags) as ssize_t }
    }
}

#[cfg(all(test, target_os = "linux"))]
#[expect(clippy::disallowed_methods, reason = "clocks are what is tested")]
mod tests {
    use super::*;
    use std::hash::{BuildHasher, RandomState};
    use std::time::{Duration, Instant, SystemTime};

    fn look(seed: u8) -> (Instant, SystemTime, u64) {
        let surroundings = Surroundings {
            entropy: [seed; 32],
        };
        isolated(surroundings, || {
            let hash = RandomState::new().hash_one(7);
            (Instant::now(), SystemTime::now(), hash)
        })
        .unwrap()
    }

    #[test]
    fn an_isolated_thread_sees_the_same_world_each_time() {
        assert_eq!(look(1), look(1));
        let frozen = SystemTime::UNIX_EPOCH + Duration::from_secs(FROZEN_WALL_SECONDS);
        assert_eq!(look(1).1, frozen);
        assert_ne!(
            look(1).2,
            look(2).2,
            "the seed decides the order of hash maps"
        );
    }

    #[test]
    fn every_other_thread_sees_the_real_one() {
        look(1);
        let before = Instant::now();
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        assert!(wall.unwrap() > Duration::from_secs(FROZEN_WALL_SECONDS + 700_000_000));
        while Instant::now() == before {}
        let other = thread::spawn(|| RandomState::new().hash_one(7))
            .join()
            .unwrap();
        assert_ne!(other, RandomState::new().hash_one(7));
    }

    #[test]
    fn a_panic_comes_back_as_an_error() {
        let surroundings = Surroundings { entropy: [0; 32] };
        assert!(isolated(surroundings, || panic!("on purpose")).is_err());
    }
}
