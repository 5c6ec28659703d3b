//! What is lost on the way and comes again.

use std::time::Duration;

use tsuji_core::IceMode;
use tsuji_tests::network::Conditions;
use tsuji_tests::{World, WorldOptions};

/// RFC 3550, 6.4.1, of packets that were sent again (RFC 4588) and came 300 ms late.
#[test]
fn what_comes_again_late_was_lost_once_and_is_not_any_more() {
    let mut world = World::new(WorldOptions {
        strict: false,
        ..WorldOptions::default()
    });
    let a = world.enter(1, IceMode::Trickle);
    let b = world.enter(1, IceMode::Trickle);
    let all = |world: &World| world.browsers().all(|browser| browser.connected);
    assert!(world.run_until(Duration::from_secs(5), all));
    world.run_for(Duration::from_secs(1));
    let (now, tab) = (world.now, world.tab_of(a));
    let far = Conditions::delay(Duration::from_millis(150));
    let lossy = Conditions {
        loss: 100,
        ..far.clone()
    };
    world.mute(a, tsuji_core::MediaKind::Audio, true);
    let tab = world.tabs.get_mut(&tab).expect("a page");
    tab.change(now, lossy, far.clone());
    let before = tab.up.lost;
    world.run_for(Duration::from_secs(20));
    let tab = world.tab_of(a);
    let tab = world.tabs.get_mut(&tab).expect("a page");
    let lost = tab.up.lost - before;
    tab.change(now, far.clone(), far);
    // What is under way comes, and is reported.
    world.run_for(Duration::from_secs(6));
    let reported: u64 = world.browser(a).reported_lost.values().sum();
    eprintln!("{lost} packets were lost, {reported} are missing");
    assert!(lost > 150, "{lost}");
    assert!(reported < lost / 10, "{reported} of {lost}");
    // The viewer got each once.
    let video: Vec<_> = world.browser(b).video().map(|p| p.sequence).collect();
    let mut once = video.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(video.len(), once.len(), "none twice");
}
