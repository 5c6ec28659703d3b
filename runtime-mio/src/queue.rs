//! The queue between the front thread and the media thread, one for each direction.
//!
//! Neither side ever blocks. A [`Sender`] puts items into a bounded channel; when that is full it
//! keeps them, in order, in a bounded backlog of its own, and the receiver wakes it when there is
//! room again. When the backlog is full too, [`Sender::send`] says so and the item is not taken:
//! the caller stops the server then, because a lost command or notice would leave somebody in a
//! call that is dead without knowing it.
//!
//! A dropped end is noticed by the other: [`Taken::Closed`], [`SendError::Closed`]. So when one
//! thread ends, for whatever reason, the other one learns of it.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crossbeam_channel::{TryRecvError, TrySendError};
use mio::Waker;

/// Makes a queue whose channel holds `capacity` items and whose backlog holds `backlog` more.
/// `sender_waker` and `receiver_waker` wake the threads that will own the ends.
pub(crate) fn queue<T>(
    capacity: usize,
    backlog: usize,
    sender_waker: Arc<Waker>,
    receiver_waker: Arc<Waker>,
) -> (Sender<T>, Receiver<T>) {
    let (channel_in, channel_out) = crossbeam_channel::bounded(capacity);
    let starved = Arc::new(AtomicBool::new(false));
    let sender = Sender {
        channel: channel_in,
        backlog: VecDeque::new(),
        backlog_limit: backlog,
        starved: Arc::clone(&starved),
        unannounced: false,
        receiver: WakeOnDrop(Arc::clone(&receiver_waker)),
        _own: Arc::clone(&sender_waker),
    };
    let receiver = Receiver {
        channel: channel_out,
        starved,
        sender: WakeOnDrop(sender_waker),
        _own: receiver_waker,
    };
    (sender, receiver)
}

/// Why an item was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SendError {
    /// Channel and backlog are full.
    #[error("the other thread does not keep up")]
    Full,
    /// The receiver is gone.
    #[error("the other thread has ended")]
    Closed,
}

/// The sending end. Items reach the receiver's thread no later than with the next
/// [`Sender::flush`], which also wakes it.
#[derive(Debug)]
pub(crate) struct Sender<T> {
    // Before `receiver`: fields drop in order, and the receiver must find the channel closed when
    // it wakes up.
    channel: crossbeam_channel::Sender<T>,
    backlog: VecDeque<T>,
    backlog_limit: usize,
    starved: Arc<AtomicBool>,
    unannounced: bool,
    receiver: WakeOnDrop,
    /// Held for as long as somebody may use it: a waker that nobody holds takes back the wake that
    /// was not yet seen, and the last one says that the other end is gone.
    _own: Arc<Waker>,
}

impl<T> Sender<T> {
    /// Takes an item, or says why not. Does not block and does not wake.
    pub(crate) fn send(&mut self, item: T) -> Result<(), SendError> {
        if self.backlog.len() >= self.backlog_limit {
            return Err(SendError::Full);
        }
        self.backlog.push_back(item);
        self.fill()
    }

    /// Moves what it can from the backlog to the channel, and wakes the receiver if there is
    /// something new. To be called once per turn.
    pub(crate) fn flush(&mut self) -> Result<(), SendError> {
        self.fill()?;
        if self.unannounced {
            self.unannounced = false;
            self.receiver.wake();
        }
        Ok(())
    }

    /// Whether items wait for room in the channel.
    pub(crate) fn is_backlogged(&self) -> bool {
        !self.backlog.is_empty()
    }

    fn fill(&mut self) -> Result<(), SendError> {
        let mut asked = false;
        while let Some(item) = self.backlog.pop_front() {
            match self.channel.try_send(item) {
                Ok(()) => self.unannounced = true,
                Err(TrySendError::Full(item)) => {
                    self.backlog.push_front(item);
                    if asked {
                        return Ok(());
                    }
                    // Ask to be woken, then look again: the receiver may have emptied the channel
                    // before it could see the request.
                    self.starved.store(true, Ordering::SeqCst);
                    asked = true;
                }
                Err(TrySendError::Disconnected(_)) => return Err(SendError::Closed),
            }
        }
        Ok(())
    }
}

/// What [`Receiver::take`] found.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Taken<T> {
    /// The next item.
    Item(T),
    /// Nothing now.
    Empty,
    /// Nothing, and nothing will come: the sender is gone.
    Closed,
}

/// The receiving end.
#[derive(Debug)]
pub(crate) struct Receiver<T> {
    // Before `sender`, as above.
    channel: crossbeam_channel::Receiver<T>,
    starved: Arc<AtomicBool>,
    sender: WakeOnDrop,
    /// As in [`Sender`].
    _own: Arc<Waker>,
}

impl<T> Receiver<T> {
    /// Takes the next item, if there is one.
    pub(crate) fn take(&mut self) -> Taken<T> {
        match self.channel.try_recv() {
            Ok(item) => {
                if self.starved.swap(false, Ordering::SeqCst) {
                    self.sender.wake();
                }
                Taken::Item(item)
            }
            Err(TryRecvError::Empty) => Taken::Empty,
            Err(TryRecvError::Disconnected) => Taken::Closed,
        }
    }
}

/// Wakes a thread when asked to, and once more when dropped.
#[derive(Debug)]
struct WakeOnDrop(Arc<Waker>);

impl WakeOnDrop {
    fn wake(&self) {
        if let Err(error) = self.0.wake()
            && error.kind() != io::ErrorKind::WouldBlock
        {
            tracing::error!(%error, "cannot wake the other thread");
        }
    }
}

impl Drop for WakeOnDrop {
    fn drop(&mut self) {
        self.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use mio::{Events, Poll, Token};

    use super::*;

    struct End {
        poll: Poll,
        waker: Option<Arc<Waker>>,
    }

    impl End {
        fn new() -> Self {
            let poll = Poll::new().unwrap();
            let waker = Arc::new(Waker::new(poll.registry(), Token(0)).unwrap());
            let waker = Some(waker);
            Self { poll, waker }
        }

        fn woken(&mut self) -> bool {
            let mut events = Events::with_capacity(4);
            self.poll.poll(&mut events, Some(Duration::ZERO)).unwrap();
            !events.is_empty()
        }
    }

    fn ends(capacity: usize, backlog: usize) -> (End, End, Sender<u32>, Receiver<u32>) {
        let (a, b) = (End::new(), End::new());
        let waker = |end: &End| end.waker.clone().unwrap();
        let (sender, receiver) = queue(capacity, backlog, waker(&a), waker(&b));
        (a, b, sender, receiver)
    }

    #[test]
    fn items_beyond_the_channel_arrive_in_order_and_the_sender_is_woken_for_them() {
        let (mut sending, mut receiving, mut sender, mut receiver) = ends(2, 10);
        for item in 0..5 {
            sender.send(item).unwrap();
        }
        sender.flush().unwrap();
        assert!(receiving.woken());
        assert!(sender.is_backlogged());
        assert!(!sending.woken());

        let mut taken = Vec::new();
        while taken.len() < 5 {
            match receiver.take() {
                Taken::Item(item) => taken.push(item),
                Taken::Empty => {
                    assert!(sending.woken(), "there is room again");
                    sender.flush().unwrap();
                }
                Taken::Closed => panic!("the sender is still there"),
            }
        }
        assert_eq!(taken, [0, 1, 2, 3, 4]);
        assert!(!sender.is_backlogged());
    }

    #[test]
    fn a_full_queue_refuses_instead_of_losing_or_blocking() {
        let (_sending, _receiving, mut sender, mut receiver) = ends(1, 2);
        for item in 0..3 {
            sender.send(item).unwrap();
        }
        assert_eq!(sender.send(3), Err(SendError::Full));
        assert_eq!(receiver.take(), Taken::Item(0));
        sender.flush().unwrap();
        assert_eq!(sender.send(3), Ok(()));
    }

    #[test]
    fn an_end_whose_waker_nobody_else_holds_learns_that_the_other_is_gone() {
        let (sending, mut receiving, sender, mut receiver) = ends(4, 4);
        drop((sending, receiving.waker.take(), sender));
        assert!(receiving.woken());
        assert_eq!(receiver.take(), Taken::Closed);

        let (mut sending, receiving, mut sender, receiver) = ends(4, 4);
        drop((receiving, sending.waker.take(), receiver));
        assert!(sending.woken());
        assert_eq!(sender.send(1), Err(SendError::Closed));
    }

    #[test]
    fn each_end_learns_that_the_other_is_gone() {
        let (_sending, mut receiving, mut sender, mut receiver) = ends(4, 4);
        sender.send(1).unwrap();
        drop(sender);
        assert!(receiving.woken());
        assert_eq!(receiver.take(), Taken::Item(1));
        assert_eq!(receiver.take(), Taken::Closed);

        let (mut sending, _receiving, mut sender, receiver) = ends(4, 4);
        drop(receiver);
        assert!(sending.woken());
        assert_eq!(sender.send(1), Err(SendError::Closed));
    }
}
