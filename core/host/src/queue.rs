//! The queue between the front and the media side, one for each direction.
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
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::Waker;

use crossbeam_channel::{TryRecvError, TrySendError};

/// Makes a queue whose channel holds `capacity` items and whose backlog holds `backlog` more.
/// `sender_waker` and `receiver_waker` wake whoever will own the ends.
pub fn queue<T>(
    capacity: usize,
    backlog: usize,
    sender_waker: Waker,
    receiver_waker: Waker,
) -> (Sender<T>, Receiver<T>) {
    let (channel_in, channel_out) = crossbeam_channel::bounded(capacity);
    let starved = Arc::new(AtomicBool::new(false));
    let sender = Sender {
        channel: channel_in,
        backlog: VecDeque::new(),
        backlog_limit: backlog,
        starved: Arc::clone(&starved),
        unannounced: false,
        receiver: WakeOnDrop(receiver_waker.clone()),
        _own: sender_waker.clone(),
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
pub enum SendError {
    /// Channel and backlog are full.
    #[error("the other side does not keep up")]
    Full,
    /// The receiver is gone.
    #[error("the other side has ended")]
    Closed,
}

/// The sending end. Items reach the receiver's thread no later than with the next
/// [`Sender::flush`], which also wakes it.
#[derive(Debug)]
pub struct Sender<T> {
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
    _own: Waker,
}

impl<T> Sender<T> {
    /// Takes an item, or says why not. Does not block and does not wake.
    pub fn send(&mut self, item: T) -> Result<(), SendError> {
        if self.backlog.len() >= self.backlog_limit {
            return Err(SendError::Full);
        }
        self.backlog.push_back(item);
        self.fill()
    }

    /// Takes an item that may be lost: only while the channel is less than half full, so that
    /// such items keep no others from being told. Whether it was taken.
    pub fn offer(&mut self, item: T) -> bool {
        let free = self.channel.capacity().unwrap_or(0) / 2;
        let taken = self.backlog.is_empty()
            && self.channel.len() < free
            && self.channel.try_send(item).is_ok();
        self.unannounced |= taken;
        taken
    }

    /// Moves what it can from the backlog to the channel, and wakes the receiver if there is
    /// something new. To be called once per turn.
    pub fn flush(&mut self) -> Result<(), SendError> {
        self.fill()?;
        if self.unannounced {
            self.unannounced = false;
            self.receiver.wake();
        }
        Ok(())
    }

    /// How many items have not been taken yet.
    pub fn waiting(&self) -> usize {
        self.channel.len() + self.backlog.len()
    }

    /// Whether items wait for room in the channel.
    pub fn is_backlogged(&self) -> bool {
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
pub enum Taken<T> {
    /// The next item.
    Item(T),
    /// Nothing now.
    Empty,
    /// Nothing, and nothing will come: the sender is gone.
    Closed,
}

/// The receiving end.
#[derive(Debug)]
pub struct Receiver<T> {
    // Before `sender`, as above.
    channel: crossbeam_channel::Receiver<T>,
    starved: Arc<AtomicBool>,
    sender: WakeOnDrop,
    /// As in [`Sender`].
    _own: Waker,
}

impl<T> Receiver<T> {
    /// Takes the next item, if there is one.
    pub fn take(&mut self) -> Taken<T> {
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
struct WakeOnDrop(Waker);

impl WakeOnDrop {
    fn wake(&self) {
        self.0.wake_by_ref();
    }
}

impl Drop for WakeOnDrop {
    fn drop(&mut self) {
        self.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::task::Wake;

    use super::*;

    /// Knows whether it was woken; as an `eventfd` does, it forgets when it is dropped.
    #[derive(Default)]
    struct Bell(AtomicBool);

    impl Wake for Bell {
        fn wake(self: Arc<Self>) {
            self.0.store(true, Ordering::SeqCst);
        }
    }

    struct End {
        bell: std::sync::Weak<Bell>,
        waker: Option<Waker>,
    }

    impl End {
        fn new() -> Self {
            let bell = Arc::<Bell>::default();
            Self {
                bell: Arc::downgrade(&bell),
                waker: Some(bell.into()),
            }
        }

        /// Nothing wakes anybody once nobody holds the waker.
        fn woken(&mut self) -> bool {
            let bell = self.bell.upgrade();
            bell.is_some_and(|bell| bell.0.swap(false, Ordering::SeqCst))
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
    fn what_may_be_lost_leaves_room_for_what_may_not() {
        let (_sending, mut receiving, mut sender, mut receiver) = ends(4, 4);
        assert_eq!(
            [1, 2, 3].map(|item| sender.offer(item)),
            [true, true, false]
        );
        sender.send(4).unwrap();
        sender.flush().unwrap();
        assert!(receiving.woken());
        assert!(!sender.is_backlogged());
        let taken: Vec<_> = std::iter::from_fn(|| match receiver.take() {
            Taken::Item(item) => Some(item),
            Taken::Empty | Taken::Closed => None,
        })
        .collect();
        assert_eq!(taken, [1, 2, 4]);
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
