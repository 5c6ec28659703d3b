//! Keeps feedback from str0m that it can't add up.
//!
//! A peer tells in 16 bits with which transport-wide number its feedback begins
//! (draft-holmer-rmcat-transport-wide-cc-extensions-01, 3.1). str0m extends them to the number
//! nearest to the newest that it sent. Before its first 32,768, that may lie before 0: it becomes
//! nearly 2^64, and the end of the feedback overflows.
//!
//! What a peer says is known once it is decrypted, and str0m believes it at once. So the ciphers
//! look ([`refuses`]): what they refuse, str0m takes for forged. SRTCP in clear (RFC 3711, 3.4) has
//! no place in WebRTC and would pass them by: it is refused as a whole.

use std::cell::Cell;

/// From here on no 16 bits lead before 0.
const FAR_ENOUGH: u16 = 0x8000;
/// Transport-layer feedback, and its format for transport-wide numbers.
const FEEDBACK: u8 = 205;
const TRANSPORT_WIDE: u8 = 15;
/// HMAC-SHA1-80, behind the index of an SRTCP packet (RFC 3711, 3.4).
const TAG: usize = 10;

thread_local! {
    static OPEN: Cell<Option<Open>> = const { Cell::new(None) };
    /// The last SRTCP packet that was decrypted, if somebody wants to know it.
    static TOLD: Cell<Option<Vec<u8>>> = const { Cell::new(None) };
    static USES_COUNTER_MODE: Cell<bool> = const { Cell::new(false) };
}

/// What is being decrypted.
#[derive(Clone, Copy, Debug)]
struct Open {
    /// The part that is not encrypted.
    head: [u8; 8],
    newest: u16,
}

/// What one connection may be told about the numbers of its packets.
#[derive(Debug, Default)]
pub struct Feedback {
    /// Below [`FAR_ENOUGH`]: it stays there.
    newest: u16,
    /// SRTP by AES in counter mode, where packets in clear pass the cipher by.
    counter_mode: bool,
    /// What was last received, if it was SRTCP, and authentic.
    told: Vec<u8>,
}

impl Feedback {
    /// The connection sent a packet with this number. In the order in which str0m gave them.
    pub fn sent(&mut self, number: u16) {
        if self.newest < FAR_ENOUGH {
            self.newest = number.max(self.newest);
        }
    }

    /// Whether numbers are still so small that [`Feedback::sent`] has to be told of them.
    pub fn is_beginning(&self) -> bool {
        self.newest < FAR_ENOUGH
    }

    /// The transport-wide feedback in what was last received.
    pub fn told(&self) -> impl Iterator<Item = &[u8]> {
        transport_wide(&self.told)
    }

    /// Runs `f`, which shows the datagram to str0m. `None` when it must not see it.
    pub fn receive<R>(&mut self, datagram: &[u8], f: impl FnOnce() -> R) -> Option<R> {
        let head = datagram.first_chunk::<8>().filter(|head| is_rtcp(head));
        if self.counter_mode && head.is_some() && is_clear(datagram) {
            return None;
        }
        let newest = self.newest;
        let open = head.filter(|_| self.is_beginning());
        OPEN.set(open.map(|&head| Open { head, newest }));
        USES_COUNTER_MODE.set(self.counter_mode);
        self.told.clear();
        if let Some(head) = head {
            let mut told = std::mem::take(&mut self.told);
            told.extend(head);
            TOLD.set(Some(told));
        }
        // Not put back after a panic: the next call sets both.
        let result = f();
        OPEN.set(None);
        if head.is_some() {
            self.told = TOLD.take().unwrap_or_default();
        }
        self.counter_mode = USES_COUNTER_MODE.get();
        Some(result)
    }
}

/// The packets of a compound one (RFC 3550, 6.1) that are transport-wide feedback.
fn transport_wide(compound: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = compound;
    let packets = std::iter::from_fn(move || {
        let (&[_, _, a, b], _) = rest.split_first_chunk::<4>()?;
        let bytes = 4 * (usize::from(u16::from_be_bytes([a, b])) + 1);
        let packet = rest.get(..bytes)?;
        rest = &rest[bytes..];
        Some(packet)
    });
    packets.filter(|packet| (packet[1], packet[0] & 0x1f) == (FEEDBACK, TRANSPORT_WIDE))
}

/// RFC 5761, 4.
fn is_rtcp(head: &[u8; 8]) -> bool {
    head[0] >> 6 == 2 && (192..224).contains(&head[1])
}

/// The E flag is not set.
fn is_clear(datagram: &[u8]) -> bool {
    let index = datagram.len().checked_sub(TAG + 4);
    index.is_some_and(|index| datagram[index] & 0x80 == 0)
}

/// The connection that is being received from decrypts by AES in counter mode.
pub(crate) fn note_counter_mode() {
    USES_COUNTER_MODE.set(true);
}

/// Whether str0m must not see what was decrypted: all that follows the first eight bytes.
pub(crate) fn refuses(plain: &[u8]) -> bool {
    if let Some(mut told) = TOLD.take() {
        told.extend_from_slice(plain);
        TOLD.set(Some(told));
    }
    let Some(Open { head, newest }) = OPEN.get() else {
        return false;
    };
    let bytes = |at: usize| {
        let (a, b) = (byte(&head, plain, at)?, byte(&head, plain, at + 1)?);
        Some(u16::from_be_bytes([a, b]))
    };
    let mut at = 0;
    while let (Some(kind), Some(words)) = (bytes(at), bytes(at + 2)) {
        let [flags, kind] = kind.to_be_bytes();
        let begins = bytes(at + 12);
        let tells = (kind, flags & 0x1f) == (FEEDBACK, TRANSPORT_WIDE);
        if tells && begins.is_some_and(|begins| leads_before_0(newest, begins)) {
            return true;
        }
        at += 4 * (usize::from(words) + 1);
    }
    false
}

/// What stands at `at` in a packet of which the head was in clear.
fn byte(head: &[u8; 8], plain: &[u8], at: usize) -> Option<u8> {
    let behind = at.checked_sub(head.len());
    behind
        .map_or_else(|| head.get(at), |behind| plain.get(behind))
        .copied()
}

fn leads_before_0(newest: u16, begins: u16) -> bool {
    let ahead = begins.wrapping_sub(newest) as i16;
    ahead == i16::MIN || i32::from(newest) + i32::from(ahead) < 0
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Feedback that begins with this number, without the eight bytes of its head.
    fn feedback(begins: u16) -> (Vec<u8>, Vec<u8>) {
        let [a, b] = begins.to_be_bytes();
        let packet = vec![
            0x8f, 205, 0, 4, 0, 0, 0, 1, 0, 0, 0, 2, a, b, 0, 9, 0, 0, 0, 0,
        ];
        (packet[..8].to_vec(), packet[8..].to_vec())
    }

    /// What the ciphers of a connection say that has sent the numbers up to `newest`.
    fn is_refused(newest: u16, head: &[u8], plain: &[u8]) -> bool {
        let mut connection = Feedback::default();
        connection.sent(newest);
        let datagram = [head, plain, &[0x80; 14]].concat();
        connection.receive(&datagram, || refuses(plain)).unwrap()
    }

    #[test]
    fn what_begins_before_0_is_refused() {
        for (newest, begins, expected) in [
            (0, 0, false),
            (0, 0xffff, true),
            (0, 0x8000, true),
            (0, 0x7fff, false),
            (100, 0, false),
            (100, 0xffff, true),
            (100, 0x8064, true),
            (100, 0x8063, false),
            (0x7fff, 0xffff, true),
            (0x8000, 0xffff, false),
        ] {
            let (head, plain) = feedback(begins);
            let refused = is_refused(newest, &head, &plain);
            assert_eq!(refused, expected, "{newest} {begins}");
        }
    }

    #[test]
    fn it_is_found_behind_others_and_what_is_broken_ends_the_search() {
        let (head, plain) = feedback(0xffff);
        let whole = [&head[..], &plain].concat();
        let report = [0x80, 201, 0, 1, 0, 0, 0, 1];
        assert!(is_refused(0, &report, &whole));
        assert!(!is_refused(0, &report, &whole[..13]));
        assert!(!is_refused(0, &[0x80, 201, 0xff, 0xff, 0, 0, 0, 1], &whole));
    }

    #[test]
    fn what_is_not_rtcp_is_not_looked_at() {
        let (_, plain) = feedback(0xffff);
        assert!(!is_refused(0, &[0x80, 96, 0, 1, 0, 0, 0, 1], &plain));
        assert!(!refuses(&plain));
    }

    #[test]
    fn packets_in_clear_are_refused_where_no_cipher_sees_them() {
        let mut connection = Feedback::default();
        let mut clear = vec![0x80, 201, 0, 1, 0, 0, 0, 1];
        clear.extend([0, 0, 0, 1]);
        clear.extend([0x55; TAG]);
        assert_eq!(connection.receive(&clear, || 1), Some(1));
        assert_eq!(connection.receive(&[22; 20], note_counter_mode), Some(()));
        assert_eq!(connection.receive(&clear, || 2), None);
        clear[8] = 0x80;
        assert_eq!(connection.receive(&clear, || 3), Some(3));
    }
}
