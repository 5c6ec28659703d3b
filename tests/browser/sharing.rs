//! A screen beside the camera.

use tsuji_tests::support::MIO;

use crate::{House, MEETING};

#[tokio::test]
async fn a_screen_is_seen_large_beside_the_camera_and_goes_again() {
    let house = House::open(&MIO).await;
    let (_, [mika, ren]) = house.party::<2>("").await;
    mika.meets("Ren", MEETING).await;
    ren.press("Share screen").await;
    mika.sees(
        "Ren's screen",
        "now.picture && now.frames >= first.frames + 3 && now.share > 0.4",
    )
    .await;
    mika.sees("Ren", "now.picture && now.frames >= first.frames + 5")
        .await;
    ren.press("Stop sharing").await;
    mika.is_with(&["Ren"], MEETING).await;
    mika.sees("Ren", "now.picture && now.frames >= first.frames + 5")
        .await;
    let offers = mika.wire().await.heard_of("offer").len();
    assert_eq!(offers, 1, "no negotiation");
    house.close([mika, ren]).await;
}
