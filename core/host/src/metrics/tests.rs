//! Of what is published and when a side hangs.

use super::*;

fn watch() -> Watch {
    Watch::new(Clock::start(), Arc::default(), 2)
}

#[test]
fn a_side_publishes_once_a_second_and_nothing_without_a_watch() {
    let at = Time::from_millis;
    let watch = watch();
    let mut reporter = watch.front();
    assert!(reporter.is_due(at(0)));
    reporter.publish(at(10), FrontStats::default());
    assert!(!reporter.is_due(at(1_009)));
    assert_eq!(reporter.deadline(), Some(at(1_010)));
    assert_eq!(watch.front.at(), Some(at(10)));
    let nobody = Reporter::<FrontStats>::default();
    assert!(!nobody.is_due(at(10_000)));
    assert_eq!(nobody.deadline(), None);
}

#[test]
fn who_publishes_does_not_wait_for_who_reads() {
    let watch = watch();
    let stats = |http| FrontStats {
        http,
        ..FrontStats::default()
    };
    watch.front.publish(Time::ZERO, stats(1));
    let reading = watch.front.0.lock().unwrap();
    watch.front.publish(Time::from_millis(1), stats(2));
    drop(reading);
    assert_eq!(watch.front.last().unwrap().1.http, 1);
}

#[test]
fn a_side_that_publishes_no_more_hangs() {
    let watch = watch();
    let now = watch.clock.now();
    assert_eq!(watch.health(), Health::Ready, "it has only begun");
    for side in &watch.media {
        side.publish(now + SILENCE * 10, MediaStats::default());
    }
    watch
        .front
        .publish(now + SILENCE * 10, FrontStats::default());
    assert_eq!(watch.health(), Health::Ready);

    let later = Clock::started_before(SILENCE * 2);
    let late = Watch::new(later, Arc::default(), 2);
    assert_eq!(late.health(), Health::Hangs("media"));
    late.media[0].publish(later.now(), MediaStats::default());
    assert_eq!(late.health(), Health::Hangs("media"), "one of them does");
    late.media[1].publish(later.now(), MediaStats::default());
    assert_eq!(late.health(), Health::Hangs("front"));
    late.front.publish(later.now(), FrontStats::default());
    assert_eq!(late.health(), Health::Ready);
}

#[test]
fn lateness_is_counted_in_classes() {
    let mut lateness = Lateness::default();
    let at = Time::from_micros;
    lateness.note(at(10), None);
    lateness.note(at(10), Some(at(11)));
    assert_eq!(lateness.count(), 0, "nothing was due");
    for late in [0, 100, 101, 2_000_000] {
        lateness.note(at(5_000_000), Some(at(5_000_000 - late)));
    }
    let classes = lateness.classes();
    assert_eq!(classes[0], (0.0001, 2));
    assert_eq!(classes[1], (0.0005, 1));
    assert_eq!(classes.last(), Some(&(f64::MAX, 1)));
    assert!((lateness.sum() - 2.000_201).abs() < 1e-9);
}

/// As promtool would read it: each line is a comment or a sample of the family announced before.
#[test]
fn the_text_is_well_formed_and_has_everything() {
    let watch = Arc::new(watch());
    watch.front.publish(Time::ZERO, FrontStats::default());
    let recording = Some(RecordStats {
        lost: 3,
        waiting: 2,
    });
    let stats = MediaStats {
        recording,
        ..MediaStats::default()
    };
    watch.media[0].publish(Time::ZERO, MediaStats::default());
    watch.media[1].publish(Time::ZERO, stats);
    let text = text::text(&watch).unwrap();
    let mut family = String::new();
    let mut families = std::collections::BTreeSet::new();
    for line in text.lines() {
        if let Some(announced) = line.strip_prefix("# TYPE ") {
            family = announced.split(' ').next().unwrap().to_owned();
            assert!(families.insert(family.clone()), "{family} twice");
        } else if !line.starts_with("# HELP ") {
            let (name, value) = line.rsplit_once(' ').unwrap();
            let name = name.split('{').next().unwrap();
            let known = ["", "_bucket", "_sum", "_count"].map(|suffix| format!("{family}{suffix}"));
            assert!(
                known.iter().any(|known| known == name),
                "{line} in {family}"
            );
            assert!(value.parse::<f64>().is_ok(), "{line}");
        }
    }
    for line in [
        "tsuji_recording_blocks_lost_total{shard=\"1\"} 3",
        "tsuji_datagrams_dropped_total{reason=\"unknown_ufrag\",shard=\"0\"} 0",
        "tsuji_loop_lateness_seconds_bucket{loop=\"media-1\",le=\"+Inf\"} 0",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}:\n{text}");
    }
}

/// A dashboard that asks for what is not told any more shows nothing, and nobody notices.
#[expect(clippy::disallowed_types, reason = "the system counts for real ones")]
#[test]
fn the_dashboard_asks_for_what_is_told() {
    let watch = Arc::new(watch());
    watch.front.publish(Time::ZERO, FrontStats::default());
    watch.media[0].publish(Time::ZERO, MediaStats::default());
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    watch.receiving_at(crate::media::drops::number(&socket).into_iter().collect());
    let text = text::text(&watch).unwrap();
    let dashboard = include_str!("../../../../packaging/grafana.json");
    let dashboard: serde_json::Value = serde_json::from_str(dashboard).unwrap();
    let mut asked = std::collections::BTreeSet::new();
    for panel in dashboard["panels"].as_array().unwrap() {
        for target in panel["targets"].as_array().unwrap() {
            let words = target["expr"].as_str().unwrap();
            let words = words.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            let names = words.filter(|w| w.starts_with("tsuji_") || w.starts_with("process_"));
            asked.extend(names.map(str::to_owned));
        }
    }
    assert!(asked.len() > 10);
    for name in asked {
        let is_told = |line: &str| line.starts_with(&name) && !line.starts_with('#');
        assert!(text.lines().any(is_told), "{name} is not told:\n{text}");
    }
}
