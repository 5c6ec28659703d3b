//! What str0m believes the path to carry, told as soon as it believes it.
//!
//! Its own events are means over three seconds: too late for a path that has become narrow. The
//! newest value comes with its statistics.

use std::time::Duration;

use str0m::bwe::BweKind;

use crate::forward::part;

/// How often the newest value is asked for. 200 ms: two reports of a browser.
pub(super) const INTERVAL: Duration = Duration::from_millis(200);
/// A change below this is no news: 3 %.
const NEWS: (u64, u64) = (3, 100);

/// What was told last.
#[derive(Debug, Default)]
pub(super) struct Estimate {
    told: Option<u64>,
}

impl Estimate {
    /// What an event of str0m says: `Some(None)` where nothing is known any more.
    pub(super) fn hear(&mut self, event: &str0m::Event) -> Option<Option<u64>> {
        match event {
            str0m::Event::EgressBitrateEstimate(BweKind::Twcc {
                estimate,
                can_probe,
            }) => {
                let before = self.told;
                if !can_probe {
                    self.told = None;
                    return before.map(|_| None);
                }
                // The first says that there will be more.
                if before.is_some() {
                    return None;
                }
                self.tell(estimate.as_u64())
            }
            str0m::Event::PeerStats(stats) => {
                let told = self.told?;
                let bits = stats.bwe_tx?.as_u64();
                let is_news = bits.abs_diff(told) > part(told, NEWS);
                is_news.then(|| self.tell(bits)).flatten()
            }
            _ => None,
        }
    }

    fn tell(&mut self, bits: u64) -> Option<Option<u64>> {
        self.told = Some(bits);
        Some(Some(bits))
    }
}
