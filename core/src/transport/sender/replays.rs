//! Reports that came before (RFC 3711, 3.3.2): who repeats what a peer said must not be heard again.

use crate::transport::window::Window;

/// Senders of reports that one peer may have. 64: a browser has one for each m-line at most, as far as it sends
/// there.
const SENDERS: usize = 64;

/// Which reports came, of each of their senders.
#[derive(Debug, Default)]
pub(super) struct Replays(Vec<(u32, Window)>);

impl Replays {
    /// Takes the index of an authentic report. `false`: it came before, or that can't be told any more.
    #[must_use]
    pub(super) fn take(&mut self, ssrc: u32, index: u32) -> bool {
        let known = self.0.iter().position(|(sender, _)| *sender == ssrc);
        let place = match known {
            Some(place) => place,
            None if self.0.len() == SENDERS => return false,
            None => {
                self.0.push((ssrc, Window::default()));
                self.0.len() - 1
            }
        };
        self.0[place].1.take(index.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_taken_once_of_each_sender_and_senders_are_bounded() {
        let mut replays = Replays::default();
        assert!(replays.take(7, 1) && replays.take(7, 3) && replays.take(7, 2));
        assert!(!replays.take(7, 1) && !replays.take(7, 3));
        assert!(replays.take(8, 1));
        let more = (100..1_000).filter(|ssrc| replays.take(*ssrc, 1));
        assert_eq!(more.count(), SENDERS - 2);
        assert!(replays.take(7, 4));
    }
}
