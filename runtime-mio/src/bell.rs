//! Ending the waiting of another thread.

use std::io;
use std::sync::Arc;
use std::task::{Wake, Waker};

use mio::{Poll, Token};

/// What a waker's events are called; sockets count from 0.
pub(crate) const BELL: Token = Token(usize::MAX);

#[derive(Debug)]
struct Bell(mio::Waker);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if let Err(error) = self.0.wake()
            && error.kind() != io::ErrorKind::WouldBlock
        {
            tracing::error!(%error, "cannot wake the other thread");
        }
    }
}

/// A poll, and what ends its waiting.
pub(crate) fn poll() -> io::Result<(Poll, Waker)> {
    let poll = Poll::new()?;
    let bell = Bell(mio::Waker::new(poll.registry(), BELL)?);
    Ok((poll, Arc::new(bell).into()))
}
