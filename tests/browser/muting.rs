//! Microphone and camera, off and on again.

use tsuji_tests::support::MIO;

use crate::{House, MEETING};

#[tokio::test]
async fn a_camera_that_is_off_shows_at_the_others_and_comes_back() {
    let house = House::open(&MIO).await;
    let (_, [mika, ren]) = house.party::<2>("").await;
    mika.meets("Ren", MEETING).await;
    ren.press("Camera off").await;
    mika.sees("Ren", "!now.picture").await;
    // They are still heard.
    mika.sees("Ren", "!now.picture && now.energy > first.energy")
        .await;
    ren.press("Camera off").await;
    let back = mika.meets("Ren", MEETING).await;
    assert!(back.picture);
    assert_eq!(
        mika.wire().await.heard_of("offer").len(),
        1,
        "no negotiation"
    );
    house.close([mika, ren]).await;
}

#[tokio::test]
async fn a_muted_microphone_shows_at_the_others_and_comes_back() {
    let house = House::open(&MIO).await;
    let (_, [mika, ren]) = house.party::<2>("").await;
    mika.meets("Ren", MEETING).await;
    ren.press("Mute").await;
    mika.sees("Ren", "now.microphoneOff && now.frames > first.frames")
        .await;
    ren.press("Mute").await;
    mika.sees("Ren", "!now.microphoneOff && now.energy > first.energy")
        .await;
    assert_eq!(
        mika.wire().await.heard_of("offer").len(),
        1,
        "no negotiation"
    );
    house.close([mika, ren]).await;
}

#[tokio::test]
async fn who_comes_later_is_told_what_is_off() {
    let house = House::open(&MIO).await;
    let (link, [mika, ren]) = house.party::<2>("").await;
    ren.press("Mute").await;
    ren.press("Camera off").await;
    mika.sees("Ren", "now.microphoneOff && !now.picture").await;
    let ada = house.guest(2).await;
    ada.join(&link).await;
    ada.sees("Ren", "now.microphoneOff && !now.picture").await;
    ada.meets("Mika", MEETING).await;
    house.close([mika, ren, ada]).await;
}
