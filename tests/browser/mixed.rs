//! Firefox and Chromium in one room.

use tsuji_tests::support::{Brand, Guest, MIO, Portrait};

use crate::{House, MEETING, PROMISE, all_meet};

/// Two people with different browsers.
async fn pair() -> [Guest; 2] {
    [
        Guest::arrive(Brand::Firefox, &Portrait::ALL[0]).await,
        Guest::arrive(Brand::Chromium, &Portrait::ALL[1]).await,
    ]
}

#[tokio::test]
async fn firefox_and_chromium_see_and_hear_each_other_with_trickle_ice() {
    let house = House::open(&MIO).await;
    let guests = pair().await;
    let link = guests[0].create_room(&house.home(), "").await;
    guests[1].join(&link).await;
    all_meet(&guests).await;
    for guest in &guests {
        guest.wire().await.check_trickle();
    }
    house.close(guests).await;
}

#[tokio::test]
async fn firefox_and_chromium_see_and_hear_each_other_with_vanilla_ice() {
    let house = House::open(&MIO).await;
    let guests = pair().await;
    // The other way round: Chromium is there, Firefox comes.
    let link = guests[1].create_room(&house.home(), "?ice=vanilla").await;
    guests[0].join(&link).await;
    all_meet(&guests).await;
    for guest in &guests {
        guest.wire().await.check_vanilla();
    }
    house.close(guests).await;
}

#[tokio::test]
async fn firefox_mutes_reloads_and_leaves_like_everybody() {
    let house = House::open(&MIO).await;
    let [fox, other] = pair().await;
    let link = fox.create_room(&house.home(), "").await;
    other.join(&link).await;
    other.meets(&fox.name, MEETING).await;
    fox.press("Mute").await;
    other.sees(&fox.name, "now.microphoneOff").await;
    fox.press("Camera off").await;
    other.sees(&fox.name, "!now.picture").await;
    fox.press("Camera off").await;
    fox.press("Mute").await;
    other.meets(&fox.name, MEETING).await;
    fox.reload().await;
    other.meets(&fox.name, MEETING).await;
    fox.meets(&other.name, MEETING).await;
    fox.press("Leave").await;
    other.is_with(&[], PROMISE).await;
    house.close([fox, other]).await;
}
