//! Sound: what Opus is asked for, and what becomes of its silence.

use std::time::Duration;

use tsuji_core::{Certificate, LocalAddress, Sfu, Source, Time, Transport, WallTime};
use tsuji_core::{Command, Config, IceMode, Input, Limits, Notice, Output, ParticipantId, RoomId};
use tsuji_tests::{World, WorldOptions};

#[test]
fn silence_of_which_little_is_sent_is_no_gap_and_no_end() {
    let mut world = World::new(WorldOptions::default());
    let a = world.enter(1, IceMode::Trickle);
    let b = world.enter(1, IceMode::Trickle);
    let all = |world: &World| world.browsers().all(|browser| browser.connected);
    assert!(world.run_until(Duration::from_secs(5), all));
    // Nothing but its sound shows that it is there.
    world.mute(a, tsuji_core::MediaKind::Video, true);
    for sparse in [false, true, false] {
        let microphone = world.browser_mut(a).microphone.as_mut();
        microphone.expect("a microphone").sparse = sparse;
        world.run_for(Duration::from_secs(10));
        let slot = world.browser(b).slot_with(a, Source::Microphone);
        assert!(slot.is_some(), "it keeps its slot");
    }
    let heard: Vec<_> = world.browser(b).audio().collect();
    let sent = world.browser(a).microphone.as_ref();
    assert!(
        sent.expect("a microphone").packets() < 1_100,
        "20 s of speech"
    );
    let pauses = heard.windows(2).filter(|pair| {
        assert_eq!(pair[1].count, pair[0].count + 1);
        assert_eq!(pair[1].sequence, pair[0].sequence + 1);
        let ticks = |of: fn(&tsuji_tests::Received) -> u32| of(pair[1]).wrapping_sub(of(pair[0]));
        let passed = ticks(|packet| packet.timestamp);
        assert_eq!(passed, ticks(|packet| packet.made_timestamp));
        passed == 400 * 48
    });
    assert!(pauses.count() >= 20);
}

/// RFC 7587, 7.1: our encoders' other side, the browser, says in its answer what it wants to get.
#[test]
fn opus_is_offered_with_error_correction() {
    let udp = "127.0.0.1:10000".parse().expect("an address");
    let config = Config {
        addresses: vec![LocalAddress {
            transport: Transport::Udp,
            socket: udp,
            advertised: udp,
        }],
        certificate: Certificate::generate().expect("a certificate"),
        limits: Limits::default(),
        shard: 0,
    };
    let mut sfu = Sfu::new(config, [0; 32], WallTime::from_unix_micros(0));
    let enter = Command::Enter {
        room: RoomId(1),
        participant: ParticipantId(1),
        ice: IceMode::Vanilla,
    };
    sfu.handle(Time::ZERO, Input::Command(enter));
    let mut outputs = std::iter::from_fn(|| sfu.poll());
    let offer = outputs.find_map(|output| match output {
        Output::Notice(Notice::Offer { sdp, .. }) => Some(sdp),
        _ => None,
    });
    let offer = offer.expect("an offer");
    let sections = offer
        .split("m=")
        .filter(|section| section.starts_with("audio"));
    for section in sections.clone() {
        let opus = section.lines().find_map(|line| {
            let map = line.strip_prefix("a=rtpmap:")?;
            map.strip_suffix(" opus/48000/2")
        });
        let opus = opus.expect("Opus");
        let settings = format!("a=fmtp:{opus} ");
        let settings = section
            .lines()
            .find_map(|line| line.strip_prefix(&settings));
        let settings = settings.expect("settings of Opus");
        assert!(settings.contains("useinbandfec=1"), "{settings}");
    }
    // Microphone, sound of the screen, three voices.
    assert_eq!(sections.count(), 5);
}
