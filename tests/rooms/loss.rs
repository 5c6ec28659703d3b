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

/// A client that leaves its media to the core's receiver gets all of it, is known to, and misses nothing that was lost
/// and repaired.
#[test]
fn who_receives_past_str0m_gets_everything_too() {
    let mut world = World::new(WorldOptions {
        strict: false,
        ..WorldOptions::default()
    });
    let a = world.enter(1, IceMode::Trickle);
    let b = world.enter(1, IceMode::Trickle);
    let tab = world.tab_of(b);
    let page = &mut world.tabs.get_mut(&tab).expect("a page").page;
    let browser = page.browser.as_mut().expect("it is about to connect");
    browser.receive_lightly();
    let all = |world: &World| world.browsers().all(|browser| browser.connected);
    assert!(world.run_until(Duration::from_secs(5), all));
    let lossy = Conditions {
        loss: 50,
        ..Conditions::delay(Duration::from_millis(20))
    };
    let now = world.now;
    let tab = world.tabs.get_mut(&tab).expect("a page");
    tab.change(now, Conditions::default(), lossy);
    world.run_for(Duration::from_secs(10));
    let tab = world.tab_of(b);
    let lost = world.tabs.get(&tab).expect("a page").down.lost;
    let video: Vec<_> = world.browser(b).video().map(|p| p.sequence).collect();
    let (first, last) = (video.iter().min(), video.iter().max());
    let sent = last.zip(first).map_or(0, |(last, first)| last - first + 1);
    let mut once = video.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!(video.len(), once.len(), "none twice");
    assert!(lost > 20 && sent > 300, "{lost} of {sent}");
    let missing = sent - once.len() as u64;
    assert!(missing <= lost / 10, "{missing} of {lost} are missing");
    assert!(world.browser(b).audio().count() > 300);
    assert!(world.browser(a).video().count() > 300, "B sends as ever");
}
