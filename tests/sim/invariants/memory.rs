//! Memory is bounded too, also where no table or queue of ours shows it: inside str0m.

use super::{Finding, Invariant, View};

/// Each person's share.
const EACH: u64 = 1_500_000;
/// A core without people keeps the capacity of its tables and queues: some 100 kB.
const EMPTY: u64 = 256 * 1024;

/// What people bring, and what the core remembers of them, has an end.
#[derive(Debug)]
pub(super) struct MemoryBounded;

impl Invariant for MemoryBounded {
    fn name(&self) -> &'static str {
        "memory_bounded"
    }

    fn promise(&self) -> &'static str {
        "a core holds at most 1.5 MB of memory for each person, and 256 KiB after everyone left"
    }

    fn weight(&mut self, view: &View<'_>, bytes: u64, people: usize) -> Finding {
        let most = EMPTY * view.cores.len() as u64 + EACH * people as u64;
        if bytes > most {
            return Err(format!("{bytes} bytes for {people} people, {most} allowed"));
        }
        Ok(())
    }
}
