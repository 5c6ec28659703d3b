//! A link: what happens to datagrams on their way in one direction.
//!
//! ```text
//!  (t, packet) ─► cut? ─► MTU ─► queue ─► loss ─► delay, jitter ─► copies ─► (t', packet')…
//! ```

use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};
use tsuji_core::Time;

/// What a link does. Chances are in thousandths for each packet.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Conditions {
    /// Kilobits per second; 0: no bound.
    pub bandwidth_kbps: u32,
    /// Bytes that wait for the bandwidth; what does not fit is dropped (tail drop).
    pub queue_bytes: u32,
    /// One way, milliseconds.
    pub delay_ms: u32,
    /// Up to this many milliseconds more, different for each packet. Alone it changes no order.
    pub jitter_ms: u32,
    /// Lost, each packet by itself.
    pub loss: u32,
    /// Lost in bursts.
    pub burst: Option<Burst>,
    /// Late, so that others overtake it.
    pub reorder: u32,
    /// Arrives twice.
    pub duplicate: u32,
    /// Arrives with one to four bytes changed, or cut short.
    pub corrupt: u32,
    /// Bytes; longer packets vanish.
    pub mtu: u32,
    /// All reports of senders and receivers are lost (RFC 3550, 6.4), with what is in one datagram with
    /// them.
    pub no_reports: bool,
}

/// Burst loss (Gilbert–Elliott): a good state without loss and a bad one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Burst {
    /// From good to bad.
    pub enter: u32,
    /// From bad to good.
    pub leave: u32,
    /// Lost while bad.
    pub loss: u32,
}

impl Default for Conditions {
    /// A good line: 10 ms, and nothing lost.
    fn default() -> Self {
        Self {
            bandwidth_kbps: 0,
            queue_bytes: 64 * 1024,
            delay_ms: 10,
            jitter_ms: 0,
            loss: 0,
            burst: None,
            reorder: 0,
            duplicate: 0,
            corrupt: 0,
            mtu: 1_500,
            no_reports: false,
        }
    }
}

impl Conditions {
    /// A good line of this delay.
    pub fn delay(delay: Duration) -> Self {
        Self {
            delay_ms: u32::try_from(delay.as_millis()).unwrap_or(u32::MAX),
            ..Self::default()
        }
    }

    /// Whether a meeting works over it: what is lost is little enough to be repeated in time.
    pub fn is_fit(&self) -> bool {
        (self.bandwidth_kbps == 0 || self.bandwidth_kbps >= 50_000)
            && self.queue_bytes >= 64 * 1024
            && self.delay_ms <= 150
            && self.jitter_ms <= 60
            && self.loss <= 20
            && self.burst.is_none()
            && self.reorder <= 50
            && self.corrupt <= 10
            && self.mtu >= 1_300
    }

    /// Whether every packet arrives once, whole and in order.
    pub fn is_clean(&self) -> bool {
        self.bandwidth_kbps == 0
            && self.loss == 0
            && self.burst.is_none()
            && self.reorder == 0
            && self.duplicate == 0
            && self.corrupt == 0
            && self.mtu >= 1_500
    }
}

/// A packet that comes out of a link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// Its bytes.
    pub payload: Vec<u8>,
    /// They are not those that went in.
    pub damaged: bool,
}

impl From<Vec<u8>> for Arrival {
    fn from(payload: Vec<u8>) -> Self {
        Self {
            payload,
            damaged: false,
        }
    }
}

/// A queue whose link has changed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Drain {
    now: Time,
    delay: Duration,
    /// The rate before, and from now on; 0: no bound.
    kbps: u64,
    then: u64,
}

impl Drain {
    /// When what was to leave the queue at `at` leaves it now.
    fn leaves(self, at: Time) -> Time {
        let waits = at.since(self.now).as_micros() as u64;
        if self.kbps == 0 || waits == 0 {
            return at;
        }
        let waits = (waits * self.kbps).checked_div(self.then).unwrap_or(0);
        self.now + Duration::from_micros(waits)
    }

    /// When what was to come at `at` comes now.
    pub(crate) fn comes(self, at: Time) -> Time {
        let left = at.since(Time::ZERO).saturating_sub(self.delay);
        let left = Time::from_micros(left.as_micros() as u64);
        if left <= self.now {
            return at;
        }
        self.leaves(left) + self.delay
    }
}

/// One direction of a link: a pure function of its conditions, its own generator, and the packets
/// so far.
#[derive(Debug)]
pub struct Link {
    conditions: Conditions,
    rng: ChaCha8Rng,
    /// When the bandwidth has carried all that waits.
    busy_until: Time,
    /// The newest arrival: order is kept unless `reorder` breaks it.
    last_arrival: Time,
    bad: bool,
    cut_until: Time,
    /// Packets that did not arrive, or not whole.
    pub lost: u64,
    /// Bytes that came out of the queue and were not lost behind it.
    pub carried: u64,
}

impl Link {
    /// A link of `conditions`. Links of one seed and different `stream`s differ.
    pub fn new(conditions: Conditions, seed: u64, stream: u64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(stream);
        Self {
            conditions,
            rng,
            busy_until: Time::ZERO,
            last_arrival: Time::ZERO,
            bad: false,
            cut_until: Time::ZERO,
            lost: 0,
            carried: 0,
        }
    }

    /// What it does at present.
    pub fn conditions(&self) -> &Conditions {
        &self.conditions
    }

    /// From now on it does this, and what waits in its queue goes on at the new rate. Says when what is on
    /// its way comes now.
    pub(crate) fn drain(&mut self, now: Time, conditions: Conditions) -> Drain {
        let before = std::mem::replace(&mut self.conditions, conditions);
        self.bad = false;
        let drain = Drain {
            now,
            delay: Duration::from_millis(before.delay_ms.into()),
            kbps: before.bandwidth_kbps.into(),
            then: self.conditions.bandwidth_kbps.into(),
        };
        self.busy_until = drain.leaves(self.busy_until);
        self.last_arrival = drain.comes(self.last_arrival);
        drain
    }

    /// From now on it does this, to what is sent from now on.
    pub fn change(&mut self, conditions: Conditions) {
        self.conditions = conditions;
        self.bad = false;
    }

    /// Nothing passes before `t`.
    pub fn cut(&mut self, t: Time) {
        self.cut_until = self.cut_until.max(t);
    }

    /// When a partition ends; in the past when there is none.
    pub fn cut_until(&self) -> Time {
        self.cut_until
    }

    /// Sends a packet at `t`; calls `arrive` for each arrival.
    pub fn carry(&mut self, t: Time, payload: Vec<u8>, mut arrive: impl FnMut(Time, Arrival)) {
        let unwanted = self.conditions.no_reports && is_report(&payload);
        let Some(sent) = self.pass(t, payload.len()).filter(|_| !unwanted) else {
            self.lost += 1;
            return;
        };
        self.carried += payload.len() as u64;
        let at = self.arrival(sent);
        let mut packet = Arrival::from(payload);
        if self.chance(self.conditions.duplicate) {
            let later = at + Duration::from_micros(self.below(20_000));
            arrive(later, packet.clone());
        }
        if self.chance(self.conditions.corrupt) {
            self.lost += 1;
            packet.damaged = true;
            self.corrupt(&mut packet.payload);
        }
        arrive(at, packet);
    }

    /// When the packet has left the queue, unless it is lost.
    fn pass(&mut self, t: Time, bytes: usize) -> Option<Time> {
        if t < self.cut_until || bytes > self.conditions.mtu as usize {
            return None;
        }
        let sent = self.queue(t, bytes)?;
        let lost = self.burst_loss() | self.chance(self.conditions.loss);
        (!lost).then_some(sent)
    }

    fn queue(&mut self, t: Time, bytes: usize) -> Option<Time> {
        let kbps = u64::from(self.conditions.bandwidth_kbps);
        if kbps == 0 {
            return Some(t);
        }
        let waiting = self.busy_until.since(t).as_micros() as u64 * kbps / 8_000;
        if waiting + bytes as u64 > u64::from(self.conditions.queue_bytes) {
            return None;
        }
        let micros = bytes as u64 * 8_000 / kbps;
        self.busy_until = self.busy_until.max(t) + Duration::from_micros(micros);
        Some(self.busy_until)
    }

    fn burst_loss(&mut self) -> bool {
        let Some(Burst { enter, leave, loss }) = self.conditions.burst else {
            return false;
        };
        if self.chance(if self.bad { leave } else { enter }) {
            self.bad = !self.bad;
        }
        self.bad && self.chance(loss)
    }

    fn arrival(&mut self, sent: Time) -> Time {
        let jitter = self.below(1_000 * u64::from(self.conditions.jitter_ms) + 1);
        let delay = 1_000 * u64::from(self.conditions.delay_ms) + jitter;
        let at = sent + Duration::from_micros(delay);
        if self.chance(self.conditions.reorder) {
            return at + Duration::from_micros(5_000 + self.below(40_000));
        }
        self.last_arrival = self.last_arrival.max(at);
        self.last_arrival
    }

    fn corrupt(&mut self, packet: &mut Vec<u8>) {
        let len = packet.len() as u64;
        if len == 0 {
            return;
        }
        if self.chance(200) {
            packet.truncate(self.below(len) as usize);
            return;
        }
        for _ in 0..=self.below(4) {
            let place = self.below(len) as usize;
            packet[place] ^= 1 << self.below(8);
        }
    }

    fn chance(&mut self, thousandths: u32) -> bool {
        thousandths > 0 && self.below(1_000) < u64::from(thousandths)
    }

    /// Below `bound`; the bias of the remainder is of no consequence here.
    fn below(&mut self, bound: u64) -> u64 {
        if bound <= 1 {
            return 0;
        }
        self.rng.next_u64() % bound
    }
}

/// Whether a datagram begins with a report: SRTCP leaves its type readable (RFC 3711, 3.4).
fn is_report(payload: &[u8]) -> bool {
    const SENDERS: u8 = 200;
    const RECEIVERS: u8 = 201;
    matches!(payload, [128..192, SENDERS | RECEIVERS, ..])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn arrivals(conditions: Conditions, packets: u64) -> Vec<(Time, Arrival)> {
        let mut link = Link::new(conditions, 1, 1);
        let mut all = Vec::new();
        for number in 0..packets {
            let packet = [&number.to_be_bytes()[..], &[0; 992]].concat();
            let arrive = |at, packet| all.push((at, packet));
            link.carry(Time::from_millis(number), packet, arrive);
        }
        all
    }

    fn number((_, packet): &(Time, Arrival)) -> u64 {
        u64::from_be_bytes(packet.payload[..8].try_into().unwrap())
    }

    fn is_in_order(all: &[(Time, Arrival)]) -> bool {
        all.windows(2).all(|pair| pair[0].0 <= pair[1].0)
    }

    #[test]
    fn what_waits_goes_on_at_the_new_rate() {
        let of = |bandwidth_kbps| Conditions {
            bandwidth_kbps,
            ..Conditions::default()
        };
        // 8 packets of 1,000 bytes, of which one leaves every 100 ms.
        for (rate, expected) in [(0, 260), (40, 1_360), (80, 810), (160, 535)] {
            let mut link = Link::new(of(80), 1, 1);
            let mut came = Vec::new();
            for _ in 0..8 {
                link.carry(Time::ZERO, vec![0; 1_000], |at, _| came.push(at));
            }
            let drain = link.drain(Time::from_millis(250), of(rate));
            let then: Vec<_> = came.iter().map(|at| drain.comes(*at)).collect();
            assert_eq!(then[..2], came[..2], "gone already");
            assert_eq!(then[7], Time::from_millis(expected), "{rate}");
            assert!(then.is_sorted());
        }
    }

    #[test]
    fn a_clean_line_only_delays() {
        let all = arrivals(Conditions::default(), 100);
        assert_eq!(all.len(), 100);
        for (sent, arrived) in all.iter().enumerate() {
            assert_eq!(arrived.0, Time::from_millis(sent as u64 + 10));
        }
    }

    #[test]
    fn loss_comes_in_the_share_that_was_asked_for_and_bursts_come_together() {
        let conditions = Conditions {
            loss: 100,
            ..Conditions::default()
        };
        let single = arrivals(conditions, 10_000);
        assert!((8_800..9_200).contains(&single.len()), "{}", single.len());
        let burst = Some(Burst {
            enter: 10,
            leave: 90,
            loss: 1_000,
        });
        let conditions = Conditions {
            burst,
            ..Conditions::default()
        };
        let bursts = arrivals(conditions, 10_000);
        assert!((8_600..9_400).contains(&bursts.len()), "{}", bursts.len());
        let gaps = |all: &[(Time, Arrival)]| {
            let pairs = all.windows(2);
            pairs.filter(|p| number(&p[1]) != number(&p[0]) + 1).count()
        };
        assert!(gaps(&bursts) * 3 < gaps(&single));
    }

    #[test]
    fn jitter_keeps_the_order_and_reordering_breaks_it() {
        let jitter = Conditions {
            jitter_ms: 30,
            ..Conditions::default()
        };
        assert!(is_in_order(&arrivals(jitter.clone(), 1_000)));
        let reorder = Conditions {
            reorder: 50,
            ..jitter
        };
        let all = arrivals(reorder, 1_000);
        assert_eq!(all.len(), 1_000);
        assert!(!is_in_order(&all));
    }

    #[test]
    fn a_narrow_line_queues_then_drops() {
        // 1,000 bytes each millisecond are 8 Mbit/s; half of it passes.
        let conditions = Conditions {
            bandwidth_kbps: 4_000,
            queue_bytes: 50_000,
            ..Conditions::default()
        };
        let all = arrivals(conditions, 2_000);
        assert!((1_000..1_100).contains(&all.len()), "{}", all.len());
        let longest = all
            .iter()
            .map(|a| a.0.since(Time::from_millis(number(a))))
            .max();
        let longest = longest.unwrap();
        assert!(longest <= Duration::from_millis(111), "{longest:?}");
        assert!(longest >= Duration::from_millis(105), "{longest:?}");
    }

    #[test]
    fn duplicates_damage_long_packets_and_cuts_happen() {
        let duplicate = Conditions {
            duplicate: 1_000,
            ..Conditions::default()
        };
        assert_eq!(arrivals(duplicate, 10).len(), 20);
        let corrupt = Conditions {
            corrupt: 1_000,
            ..Conditions::default()
        };
        let good = arrivals(Conditions::default(), 50);
        let damaged = arrivals(corrupt, 50);
        assert!(damaged.iter().all(|(_, packet)| packet.damaged));
        assert!(
            good.iter()
                .zip(&damaged)
                .all(|(a, b)| a.1.payload != b.1.payload)
        );
        let mtu = Conditions {
            mtu: 999,
            ..Conditions::default()
        };
        assert_eq!(arrivals(mtu, 10).len(), 0);
        let mut link = Link::new(Conditions::default(), 1, 1);
        link.cut(Time::from_millis(5));
        let mut arrived = 0;
        for ms in 0..10 {
            link.carry(Time::from_millis(ms), vec![0; 10], |_, _| arrived += 1);
        }
        assert_eq!((arrived, link.lost), (5, 5));
    }
}
