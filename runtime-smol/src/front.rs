//! The front's state, which connections share, and the thread that keeps its time.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use parking::Parker;
use smol::channel::Sender;
use tsuji_core::Time;
use tsuji_host::control::Control;
use tsuji_host::front::{Desk, DeskError, Turn};
use tsuji_host::{Clock, Limits};
use tsuji_signaling::{ConnectionId, Origin};

/// What all connections share. Every call is short and does no IO.
#[derive(Debug)]
pub(crate) struct Front {
    pub(crate) clock: Clock,
    pub(crate) limits: Limits,
    pub(crate) origins: Arc<[Origin]>,
    /// Ends the waiting of the front thread.
    thread: Waker,
    /// `None` once the server has stopped.
    state: Mutex<Option<State>>,
}

#[derive(Debug)]
pub(crate) struct State {
    pub(crate) desk: Desk,
    /// Who waits for orders, or for leave to speak.
    pub(crate) waiting: BTreeMap<ConnectionId, Waker>,
}

impl Front {
    pub(crate) fn new(clock: Clock, desk: Desk, thread: Waker) -> Self {
        Self {
            clock,
            limits: desk.limits().clone(),
            origins: Arc::clone(desk.origins()),
            thread,
            state: Mutex::new(Some(State {
                desk,
                waiting: BTreeMap::new(),
            })),
        }
    }

    /// Does something with the desk, then wakes whomever it concerns. `None` once the server has
    /// stopped.
    pub(crate) fn with<R>(&self, act: impl FnOnce(Time, &mut State) -> R) -> Option<R> {
        let mut guard = self.lock()?;
        let state = guard.as_mut()?;
        let (deadline, behind) = (state.desk.deadline(), state.desk.is_behind());
        let before = state.desk.connections();
        let result = act(self.clock.now(), state);
        state.desk.flush();

        let mut wake = Vec::new();
        if behind && !state.desk.is_behind() {
            wake.extend(std::mem::take(&mut state.waiting).into_values());
        }
        while let Some(id) = state.desk.take_touched() {
            wake.extend(state.waiting.remove(&id));
        }
        let emptied = before > 0 && state.desk.connections() == 0;
        let sooner = match (state.desk.deadline(), deadline) {
            (Some(now), Some(before)) => now < before,
            (now, before) => now.is_some() && before.is_none(),
        };
        let concerns_thread = sooner || state.desk.wants_to_end() || emptied;
        drop(guard);
        wake.into_iter().for_each(Waker::wake);
        if concerns_thread {
            self.thread.wake_by_ref();
        }
        Some(result)
    }

    /// A fault in the middle of a call leaves behind what nobody may look at again: the server
    /// ends then, as it does when a thread panics.
    fn lock(&self) -> Option<MutexGuard<'_, Option<State>>> {
        let locked = self.state.lock();
        locked.inspect_err(|_| self.thread.wake_by_ref()).ok()
    }

    /// Runs until it is told to stop, or until the media side is gone. `stopping` is dropped when
    /// stopping begins.
    pub(crate) fn run<T>(
        &self,
        parker: &Parker,
        control: &Control,
        stopping: Sender<T>,
    ) -> Result<(), FrontError> {
        let result = self.serve(parker, control);
        control.began_to_stop();
        drop(stopping);
        if result.is_ok() {
            self.leave(parker);
        }
        // Connections that are still there find nobody, and the media side ends too.
        let state = self
            .state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        let waiting = state.map(|state| state.waiting).unwrap_or_default();
        tracing::debug!(unfinished = waiting.len(), "the front thread stops");
        waiting.into_values().for_each(Waker::wake);
        result
    }

    fn serve(&self, parker: &Parker, control: &Control) -> Result<(), FrontError> {
        loop {
            let turn = self.turn()?;
            if turn == Turn::Stop || control.is_stopping() {
                return Ok(());
            }
            if turn == Turn::Wait {
                self.wait(parker, None);
            }
        }
    }

    /// Tells everybody, and gives what was said a moment to arrive.
    fn leave(&self, parker: &Parker) {
        let until = self.clock.now() + self.limits.stop_drain;
        self.with(|t, state| state.desk.shutdown(t));
        while self.clock.now() < until
            && self.with(|_, state| state.desk.connections() > 0) == Some(true)
        {
            self.wait(parker, Some(until));
            if self.turn().is_err() {
                return;
            }
        }
    }

    fn turn(&self) -> Result<Turn, FrontError> {
        let turn = self.with(|t, state| state.desk.turn(t));
        Ok(turn.ok_or(FrontError::Poisoned)??)
    }

    fn wait(&self, parker: &Parker, until: Option<Time>) {
        let deadline = self
            .lock()
            .and_then(|state| state.as_ref()?.desk.deadline());
        let deadline = deadline.into_iter().chain(until).min();
        match self.clock.until(deadline) {
            None => parker.park(),
            Some(Duration::ZERO) => {}
            Some(time) => {
                parker.park_timeout(time);
            }
        }
    }
}

/// Why the front thread had to stop.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrontError {
    /// The desk cannot go on.
    #[error(transparent)]
    Desk(#[from] DeskError),
    /// A panic left it half changed.
    #[error("a fault in the server left its state unusable")]
    Poisoned,
}
