//! Facts, and whom they blame.

use Culprit::{PublisherDevice, PublisherUplink, Server, Unknown, ViewerDevice, ViewerDownlink};

use super::*;
use crate::freeze::{Downlink, Others, Server as AtServer, Uplink};
use crate::ids::Layer;
use crate::reason::Reason;

/// A freeze of a second of which nothing tells anything: two others had the same picture, and the viewer
/// has two other pictures.
fn facts() -> Facts {
    let fine = Inflow {
        expected: 100,
        silence_ms: 33,
        skipped_ms: 33,
        delay_ms: 4,
        ..Inflow::default()
    };
    let two = Others { froze: 0, of: 2 };
    Facts {
        length_ms: 1_000,
        sound: false,
        reason: Reason::Forwarding { layer: Layer::Full },
        departed_ms: 0,
        arrived_ms: 0,
        shown_ms: 0,
        uplink: Uplink {
            picture: fine,
            sound: Some(fine),
            silence_ms: 20,
            connected: true,
        },
        server: AtServer::default(),
        downlink: Downlink {
            sent: 200,
            came: 200,
            delay_ms: 5,
            silence_ms: 55,
            mute_ms: 20,
            connected: true,
            others: two,
            ..Downlink::default()
        },
        others: two,
        viewer: None,
        publisher: None,
    }
}

/// One that was seen as pictures left.
fn upstream(change: impl FnOnce(&mut Facts)) -> Facts {
    let mut facts = Facts {
        departed_ms: 995,
        arrived_ms: 1_000,
        ..facts()
    };
    facts.uplink.picture.silence_ms = 1_000;
    facts.others.froze = 2;
    change(&mut facts);
    facts
}

/// One that was seen only as they came.
fn downstream(change: impl FnOnce(&mut Facts)) -> Facts {
    let mut facts = Facts {
        arrived_ms: 1_000,
        ..facts()
    };
    change(&mut facts);
    facts
}

/// One that only the page saw.
fn shown(change: impl FnOnce(&mut Facts)) -> Facts {
    let mut facts = Facts {
        shown_ms: 1_000,
        ..facts()
    };
    change(&mut facts);
    facts
}

/// Whose page stood still for so long.
fn slept(ms: u32) -> Option<Device> {
    Some(Device {
        slept_ms: ms,
        ..Device::default()
    })
}

#[test]
fn each_fact_blames_whom_it_is_about() {
    let table = [
        ("nothing is known", Unknown, facts()),
        (
            "nothing made",
            PublisherDevice,
            upstream(|facts| {
                facts.uplink.picture.skipped_ms = 1_000;
            }),
        ),
        (
            "nothing made while the sound waited on its way",
            PublisherUplink,
            upstream(|facts| {
                facts.uplink.picture.skipped_ms = 1_000;
                facts.uplink.sound = Some(Inflow {
                    delay_ms: 1_200,
                    ..facts.uplink.picture
                });
            }),
        ),
        (
            "nothing made where others were lost and came again",
            PublisherUplink,
            upstream(|facts| {
                let picture = &mut facts.uplink.picture;
                (picture.skipped_ms, picture.missed, picture.repaired) = (1_000, 8, 8);
            }),
        ),
        (
            "nothing made, and nothing else came in that time but late",
            PublisherDevice,
            upstream(|facts| {
                facts.uplink.silence_ms = 900;
                facts.uplink.picture.skipped_ms = 1_000;
                facts.uplink.sound = Some(Inflow {
                    delay_ms: 1_200,
                    ..facts.uplink.picture
                });
            }),
        ),
        ("only the sound came", PublisherDevice, upstream(|_| {})),
        (
            "picture and sound stood still",
            PublisherDevice,
            upstream(|facts| {
                facts.uplink.picture.skipped_ms = 1_000;
                facts.uplink.sound = Some(Inflow {
                    silence_ms: 1_000,
                    ..facts.uplink.picture
                });
            }),
        ),
        (
            "nothing at all came while its device stood still",
            PublisherDevice,
            upstream(|facts| {
                (facts.uplink.silence_ms, facts.uplink.picture.delay_ms) = (980, 600);
                facts.publisher = slept(970);
            }),
        ),
        (
            "nothing at all came from a device that was well",
            PublisherUplink,
            upstream(|facts| {
                (facts.uplink.silence_ms, facts.uplink.picture.delay_ms) = (980, 600);
                facts.publisher = slept(100);
            }),
        ),
        (
            "a sound while its device stood still",
            PublisherDevice,
            upstream(|facts| {
                facts.sound = true;
                facts.uplink.sound = None;
                facts.uplink.silence_ms = 980;
                facts.publisher = slept(970);
            }),
        ),
        (
            "the viewer's device stood still",
            ViewerDevice,
            downstream(|facts| {
                let down = &mut facts.downlink;
                (down.delay_ms, down.silence_ms, down.mute_ms) = (990, 1_030, 1_030);
                facts.viewer = slept(970);
            }),
        ),
        (
            "nothing came back from a device that was well",
            ViewerDownlink,
            downstream(|facts| {
                let down = &mut facts.downlink;
                (down.delay_ms, down.silence_ms, down.mute_ms) = (990, 1_030, 1_030);
                facts.viewer = slept(0);
            }),
        ),
        (
            "only shown, but late on its way here",
            PublisherUplink,
            shown(|facts| {
                (facts.uplink.picture.missed, facts.uplink.picture.delay_ms) = (11, 770);
            }),
        ),
        (
            "only shown, while the server was late",
            Server,
            shown(|facts| {
                facts.server.late_ms = 960;
            }),
        ),
        (
            "only shown, but lost on its way there",
            ViewerDownlink,
            shown(|facts| (facts.downlink.lost, facts.downlink.silence_ms) = (79, 810)),
        ),
        (
            "kept back, because the way there has no room",
            ViewerDownlink,
            Facts {
                arrived_ms: 0,
                ..upstream(|facts| {
                    facts.uplink.picture.silence_ms = 97;
                    facts.others.froze = 0;
                    (facts.downlink.lost, facts.downlink.delay_ms) = (30, 800);
                })
            },
        ),
        (
            "left out, because the way there has no room",
            ViewerDownlink,
            Facts {
                arrived_ms: 0,
                ..upstream(|facts| {
                    facts.uplink.picture.silence_ms = 97;
                    facts.others.froze = 0;
                    facts.downlink.estimate_kbps = Some(126);
                })
            },
        ),
        (
            "left out, though there is room",
            Unknown,
            Facts {
                arrived_ms: 0,
                ..upstream(|facts| {
                    facts.uplink.picture.silence_ms = 97;
                    facts.others.froze = 0;
                    facts.downlink.estimate_kbps = Some(4_000);
                })
            },
        ),
        (
            "lost",
            PublisherUplink,
            upstream(|facts| {
                (facts.uplink.picture.missed, facts.uplink.picture.silence_ms) = (38, 60);
            }),
        ),
        (
            "lost and repaired",
            PublisherUplink,
            upstream(|facts| {
                let picture = &mut facts.uplink.picture;
                (picture.missed, picture.repaired, picture.silence_ms) = (3, 3, 60);
            }),
        ),
        (
            "late",
            PublisherUplink,
            upstream(|facts| {
                facts.uplink.picture.delay_ms = 900;
                facts.uplink.sound = Some(Inflow {
                    silence_ms: 900,
                    ..facts.uplink.picture
                });
            }),
        ),
        (
            "silent",
            PublisherUplink,
            upstream(|facts| {
                facts.uplink.silence_ms = 1_000;
                facts.uplink.sound = Some(Inflow {
                    silence_ms: 1_000,
                    ..facts.uplink.picture
                });
            }),
        ),
        (
            "no connection",
            PublisherUplink,
            upstream(|facts| {
                facts.uplink.connected = false;
                facts.uplink.sound = None;
            }),
        ),
        (
            "the server late, and so all that it got",
            Server,
            upstream(|facts| {
                facts.server.late_ms = 950;
                facts.uplink.silence_ms = 960;
                facts.uplink.picture.delay_ms = 950;
                facts.uplink.sound = Some(Inflow {
                    silence_ms: 960,
                    delay_ms: 950,
                    ..facts.uplink.picture
                });
                facts.downlink.silence_ms = 950;
            }),
        ),
        (
            "a keyframe waited for",
            Server,
            upstream(|facts| {
                facts.uplink.picture.silence_ms = 33;
                facts.server.waiting_ms = 900;
            }),
        ),
        (
            "the server's buffer full, and so packets missing",
            Server,
            upstream(|facts| {
                (facts.uplink.picture.missed, facts.server.overflowed) = (38, 60);
            }),
        ),
        (
            "a few packets of others found no room, and the uplink lost more",
            PublisherUplink,
            upstream(|facts| {
                (facts.uplink.picture.missed, facts.server.overflowed) = (38, 3);
            }),
        ),
        (
            "a sound with a hole in it, of somebody who is silent now and then",
            PublisherUplink,
            upstream(|facts| {
                facts.sound = true;
                let picture = &mut facts.uplink.picture;
                (picture.missed, picture.skipped_ms) = (12, 1_000);
                facts.uplink.sound = None;
            }),
        ),
        (
            "late on the way up, and a little less than a gap as it left",
            PublisherUplink,
            downstream(|facts| facts.uplink.picture.delay_ms = 900),
        ),
        (
            "seen by the page alone, where much was lost and repaired",
            ViewerDownlink,
            shown(|facts| {
                let down = &mut facts.downlink;
                (down.came, down.lost, down.repairs) = (170, 30, 30);
            }),
        ),
        (
            "lost on the way down",
            ViewerDownlink,
            downstream(|facts| {
                (facts.downlink.lost, facts.downlink.came) = (40, 160);
            }),
        ),
        (
            "late on the way down",
            ViewerDownlink,
            downstream(|facts| {
                facts.downlink.delay_ms = 800;
            }),
        ),
        (
            "nothing told",
            ViewerDownlink,
            downstream(|facts| {
                facts.downlink.silence_ms = 950;
            }),
        ),
        (
            "no way down",
            ViewerDownlink,
            downstream(|facts| {
                facts.downlink.connected = false;
            }),
        ),
        ("came, and was not shown", ViewerDevice, shown(|_| {})),
        (
            "the same, with a loss that was repaired: that takes no second",
            ViewerDevice,
            shown(|facts| {
                (facts.downlink.lost, facts.downlink.repairs) = (1, 1);
            }),
        ),
        (
            "the same, as short as a repair may make it",
            ViewerDownlink,
            shown(|facts| {
                (facts.length_ms, facts.shown_ms) = (260, 260);
                (facts.downlink.lost, facts.downlink.repairs) = (1, 1);
            }),
        ),
        (
            "the same, with a tab that was hidden",
            ViewerDevice,
            shown(|facts| {
                (facts.length_ms, facts.shown_ms) = (260, 260);
                (facts.downlink.lost, facts.downlink.repairs) = (1, 1);
                facts.viewer = Some(Device {
                    hidden: true,
                    ..Device::default()
                });
            }),
        ),
    ];
    for (what, culprit, facts) in table {
        let verdict = verdict(&facts);
        assert_eq!(verdict.culprit, culprit, "{what}: {verdict:?}");
        let is_sure = (40..=99).contains(&verdict.confidence);
        assert_eq!(is_sure, culprit != Unknown, "{what}: {verdict:?}");
        assert_eq!(verdict.evidence.is_empty(), culprit == Unknown, "{what}");
    }
}

#[test]
fn what_pages_say_makes_a_verdict_surer() {
    let with = |facts: Facts, change: fn(&mut Device)| {
        let mut device = Device::default();
        change(&mut device);
        (facts, device)
    };
    for (mut facts, device, at_publisher) in [
        with(upstream(|_| {}), |device| device.ended = true),
        with(upstream(|_| {}), |device| {
            device.limitation = Limitation::Cpu
        }),
        with(upstream(|_| {}), |device| device.slept_ms = 900),
    ]
    .map(|(facts, device)| (facts, device, true))
    .into_iter()
    .chain(
        [
            with(shown(|_| {}), |device| device.hidden = true),
            with(shown(|_| {}), |device| device.slept_ms = 900),
            with(shown(|_| {}), |device| {
                (device.dropped, device.decoded) = (20, 30)
            }),
            with(shown(|_| {}), |device| device.decoding_ms = 45),
        ]
        .map(|(facts, device)| (facts, device, false)),
    ) {
        let before = verdict(&facts);
        let said = if at_publisher {
            &mut facts.publisher
        } else {
            &mut facts.viewer
        };
        *said = Some(device);
        let after = verdict(&facts);
        assert_eq!(after.culprit, before.culprit, "{device:?}");
        assert!(
            after.confidence > before.confidence,
            "{device:?} {before:?} {after:?}"
        );
        assert!(after.evidence.len() > before.evidence.len(), "{device:?}");
    }
}

#[test]
fn a_verdict_says_why_with_figures_and_names() {
    let facts = upstream(|facts| {
        facts.uplink.picture = Inflow {
            expected: 371,
            missed: 141,
            ..facts.uplink.picture
        };
        facts.others = Others { froze: 3, of: 3 };
    });
    let verdict = verdict(&facts);
    assert_eq!(
        verdict.because("Mika", "Ren"),
        "Ren's uplink lost 38 % of packets (141 of 371, none came later); 3 of 3 others saw the same gap"
    );
}
