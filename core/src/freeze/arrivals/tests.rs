//! Of what is remembered of a packet, of late feedback, and of what is gone through later.

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::*;

/// A packet leaves whose transport-wide number is that of its stream.
fn leaves(arrivals: &mut Arrivals, at: Time, slot: Option<u8>, part: Part) {
    let packet = Sent {
        number: part.sequence as u16,
        slot,
        part,
    };
    arrivals.sent(at, packet);
}

/// What a packet of a picture is, and the first one of all.
fn kind(is_first: bool, is_last: bool, is_key: bool) -> Kind {
    let mut kind = Kind::empty();
    kind.set(Kind::FIRST, is_first);
    kind.set(Kind::MARKER, is_last);
    kind.set(Kind::KEY, is_key);
    kind
}

/// Pictures 33 ms apart of one packet each, of which a feedback tells that many milliseconds after they left, if
/// they are to come. Gives when a gap was open.
fn open(feedback: impl Fn(u64) -> u64, comes: impl Fn(u64) -> bool) -> Vec<u64> {
    let at = Time::from_millis;
    let mut arrivals = Arrivals::default();
    let slot = arrivals.slot();
    let mut open = Vec::new();
    for ms in 0..6_000 {
        if ms % 33 == 0 {
            let n = ms / 33;
            let part = Part {
                sequence: n,
                timestamp: n as u32 * 2_970,
                kind: kind(true, true, n == 0),
                base: 0,
            };
            leaves(&mut arrivals, at(ms), slot, part);
        }
        let told = (0..=ms / 33).filter(|n| n * 33 + feedback(n * 33) == ms);
        let came = |n: u64| comes(n * 33).then_some((n as i64 * 33 + 20) * 1_000);
        let told: Vec<_> = told.map(|n| (n as u16, came(n))).collect();
        if !told.is_empty() {
            arrivals.told(at(ms), None, &told, None);
        }
        open.extend(arrivals.open(at(ms), 0, true).map(|_| ms));
    }
    open
}

#[test]
fn what_is_told_late_is_no_gap_and_what_is_told_not_to_come_is_one() {
    assert!(open(|_| 50, |_| true).is_empty());
    // From a second on, all that the viewer sends waits in front of a link.
    let late = |left: u64| if left < 1_000 { 50 } else { 1_050 };
    assert_eq!(open(late, |_| true), []);
    let lost = open(|_| 50, |left| left < 3_000);
    assert!((3_400..3_700).contains(&lost[0]), "{}", lost[0]);
    assert_eq!(lost.last(), Some(&5_999));
}

/// A call of twenty seconds in which pictures of three packets pause, are lost, and are held up, now and then. Gives
/// the gaps, and when one was open. `lazy`: what comes in time is not gone through.
fn call(seed: u64, lazy: bool) -> (Vec<Gap>, Vec<u64>) {
    let at = Time::from_millis;
    let mut rng = ChaCha20Rng::seed_from_u64(seed);
    let mut chance = move |of: u32| rng.next_u32() % of == 0;
    let mut arrivals = Arrivals::default();
    let slot = arrivals.slot();
    let (mut sent, mut told, mut count) = (Vec::new(), 0, 0_u8);
    let (mut pauses, mut loses, mut jams) = (0, 0, 0);
    let (mut gaps, mut open) = (Vec::new(), Vec::new());
    for ms in 0..20_000 {
        for (until, length) in [(&mut pauses, 700), (&mut loses, 90), (&mut jams, 400)] {
            if chance(6_000) {
                *until = ms + length;
            }
        }
        if ms % 33 == 0 && ms >= pauses {
            for part in 0..3 {
                let n = sent.len() as u64;
                let part = Part {
                    sequence: n,
                    timestamp: ms as u32 * 90,
                    kind: kind(part == 0, part == 2, part == 0 && ms % 990 == 0),
                    base: 0,
                };
                leaves(&mut arrivals, at(ms), slot, part);
                let comes = (ms + 20 + u64::from(chance(3))).max(jams);
                sent.push((ms, (ms >= loses).then_some(comes)));
            }
        }
        let came = |(_, comes): &(u64, Option<u64>)| comes.is_some_and(|comes| comes <= ms);
        let next = sent.iter().rposition(came).map_or(0, |last| last + 1);
        if ms % 60 == 0 && next > told {
            let news = (told..next).map(|n| {
                let came = Some(sent[n]).filter(came).and_then(|(_, comes)| comes);
                (n as u16, came.map(|ms| ms.cast_signed() * 1_000))
            });
            let news: Vec<_> = news.collect();
            let took = (told..next).map(|n| {
                let (left, comes) = sent[n];
                comes
                    .filter(|comes| *comes <= ms)
                    .map(|comes| (comes - left).cast_signed() * 1_000)
            });
            let took: Option<Vec<_>> = took.collect();
            let took = took.and_then(|took| Some((*took.iter().min()?, *took.iter().max()?)));
            arrivals.told(at(ms), Some(count), &news, took.filter(|_| lazy));
            (told, count) = (next, count.wrapping_add(1));
        }
        if arrivals.has_gaps() {
            gaps.extend(arrivals.take_gaps(0));
        }
        if ms % 200 == 0 {
            open.extend(arrivals.open(at(ms), 0, true).map(|_| ms));
        }
    }
    (gaps, open)
}

#[test]
fn what_is_gone_through_later_shows_the_same_gaps() {
    let mut all = 0;
    for seed in 0..60 {
        let ((lazy, open), (eager, as_open)) = (call(seed, true), call(seed, false));
        all += eager.len();
        assert_eq!((lazy.len(), &open), (eager.len(), &as_open), "{seed}");
        for (lazy, eager) in lazy.iter().zip(&eager) {
            let apart = |a: Time, b: Time| a.since(b).max(b.since(a)).as_millis();
            let ends = apart(lazy.to.unwrap(), eager.to.unwrap());
            assert!(apart(lazy.from, eager.from) < 60 && ends < 60, "{seed}");
        }
    }
    assert!(all > 200, "{all}");
}

#[test]
fn what_is_told_of_late_is_known_all_the_same() {
    let at = Time::from_millis;
    let mut arrivals = Arrivals::default();
    let slot = arrivals.slot();
    for n in 0..1_600_u64 {
        let part = Part {
            sequence: n,
            timestamp: (n / 20 * 20) as u32 * 90,
            kind: kind(n % 20 == 0, n % 20 == 19, n % 20 == 0),
            base: 0,
        };
        leaves(&mut arrivals, at(n), slot, part);
    }
    let came = |n: u64| (!(700..1_000).contains(&n)).then_some((n.cast_signed() + 20) * 1_000);
    let told: Vec<_> = (0..1_600).map(|n| (n as u16, came(n))).collect();
    arrivals.told(at(1_650), None, &told, None);
    let gaps = arrivals.take_gaps(0);
    let spans = gaps.iter().map(|gap| (gap.from, gap.to));
    assert_eq!(spans.collect::<Vec<_>>(), [(at(699), Some(at(1_019)))]);
}

/// Of each of these packets (when, slot, number in it, whether it repeats another), whether it pauses, repeats, or is out
/// of order: by what is known of each slot after each packet.
fn stirs(packets: &[(Time, Option<u8>, u64, bool)]) -> Vec<bool> {
    let mut heads = [(Time::ZERO, 0_u64); 3];
    let stirs = packets.iter().map(|(at, slot, sequence, repairs)| {
        let Some(head) = slot.and_then(|slot| heads.get_mut(usize::from(slot))) else {
            return false;
        };
        let follows = *sequence == head.1 + 1 && head.0 + PAUSE > *at;
        if !repairs {
            *head = (*at, head.1.max(*sequence));
        }
        *repairs || !follows
    });
    stirs.collect()
}

#[test]
fn what_pauses_repeats_or_is_out_of_order_in_its_slot_is_seen_whatever_leaves_beside_it() {
    for seed in 0..200 {
        let mut rng = ChaCha20Rng::seed_from_u64(seed);
        let mut random = move |below: u32| u64::from(rng.next_u32() % below);
        let (mut ms, mut next, mut packets) = (0, [0_u64; 4], Vec::new());
        let mut slot = Some(0);
        for _ in 0..300 {
            ms += 1 + random(40) + if random(30) == 0 { 100 + random(80) } else { 0 };
            if random(4) == 0 {
                slot = [None, Some(0), Some(1), Some(2)][random(4) as usize];
            }
            let number = &mut next[slot.map_or(3, usize::from)];
            let (sequence, repairs) = match random(20) {
                0 => (number.saturating_sub(random(5)), true),
                1 => (number.saturating_sub(random(3)), false),
                other => {
                    *number += if other == 2 { 3 } else { 1 };
                    (*number, false)
                }
            };
            packets.push((Time::from_millis(ms), slot, sequence, repairs));
        }
        let mut arrivals = Arrivals::default();
        for _ in 0..3 {
            arrivals.slot();
        }
        let mut seen = Vec::new();
        for (number, (at, slot, sequence, repairs)) in (0..).zip(&packets) {
            let mut kind = kind(true, true, false);
            kind.set(Kind::REPAIRS, *repairs);
            let part = Part {
                sequence: *sequence,
                timestamp: number * 3_000,
                kind,
                base: 0,
            };
            let packet = Sent {
                number: number as u16,
                slot: *slot,
                part,
            };
            let before = std::mem::take(&mut arrivals.attentive_until);
            arrivals.sent(*at, packet);
            seen.push(arrivals.attentive_until != Time::ZERO);
            arrivals.attentive_until = arrivals.attentive_until.max(before);
            if number % 7 == 0 {
                arrivals.open(*at, 0, true);
            }
        }
        assert_eq!(seen, stirs(&packets), "{seed}");
    }
}
