//! Lips and voice of one person come together.

use serde_json::json;
use tsuji_tests::support::{Guest, MIO};

use crate::{House, MEETING, PROMISE};

/// Waits until what is played of somebody's picture is less than 80 ms from what is played of their voice,
/// in the middle of three seconds; gives the m-line that the picture comes on. A browser takes a while to
/// bring both together, and a busy machine disturbs it.
async fn in_step(guest: &Guest, other: &str) -> String {
    let look = "const now = await witness.lips(args.name);
         state.looks = [...(state.looks ?? []), now?.ahead].slice(-60);
         if (state.looks.length < 60 || state.looks.includes(undefined)) return null;
         const away = state.looks.map(Math.abs).sort((a, b) => a - b);
         return away[30] < args.bound && { ...now, median: away[30], most: away[59] };";
    let args = json!({ "name": other, "bound": 80 });
    let found = guest.until("lips and voice together", look, args).await;
    eprintln!("{} sees {other} {found}", guest.name);
    found["mid"].as_str().expect("an m-line").to_owned()
}

#[tokio::test]
async fn lips_and_voice_come_together_also_after_a_slot_changed_its_source() {
    let house = House::open(&MIO).await;
    let (link, [viewer, first]) = house.party::<2>("").await;
    viewer.meets(&first.name, MEETING).await;
    let before = in_step(&viewer, &first.name).await;
    first.press("Leave").await;
    viewer.is_with(&[], PROMISE).await;
    first.depart().await;
    // Large enough for three sizes.
    let second = Guest::with_test_picture("Ada").await;
    second.join(&link).await;
    viewer.meets(&second.name, MEETING).await;
    assert_eq!(
        in_step(&viewer, &second.name).await,
        before,
        "the same slot"
    );
    house.close([viewer, second]).await;
}
