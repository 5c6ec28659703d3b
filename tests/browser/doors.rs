//! The ways into a room, and those that lead nowhere.

use thirtyfour::Key;

use tsuji_tests::support::MIO;

use crate::{House, MEETING};

#[tokio::test]
async fn a_link_to_a_room_that_is_gone_says_so_and_offers_a_new_one() {
    let house = House::open(&MIO).await;
    let mika = house.guest(0).await;
    mika.go(&house.server.url("/r/AAAA-AAA-AAAA")).await;
    mika.read("This room is gone").await;
    mika.go(&house.server.url("/r/what-is-this")).await;
    mika.read("This is not a room code").await;
    mika.press("New room").await;
    mika.control("Create room").await;
    house.close([mika]).await;
}

#[tokio::test]
async fn the_link_that_is_copied_leads_into_the_room() {
    let house = House::open(&MIO).await;
    let mika = house.guest(0).await;
    let link = mika.create_room(&house.home(), "").await;
    mika.allow_clipboard().await;
    mika.press("Copy link").await;
    mika.read("Link copied").await;
    assert_eq!(mika.clipboard().await, link);
    let ren = house.guest(1).await;
    ren.join(&link).await;
    ren.meets("Mika", MEETING).await;
    house.close([mika, ren]).await;
}

#[tokio::test]
async fn everything_works_by_keyboard() {
    let house = House::open(&MIO).await;
    let mika = house.guest(0).await;
    mika.go(&house.home()).await;
    mika.control("Create room").await;
    mika.tab_to("Create room").await;
    mika.type_keys(Key::Enter).await;
    mika.control("Join").await;
    mika.tab_to("Your name").await;
    mika.type_keys("Mika").await;
    mika.type_keys(Key::Enter).await;
    mika.control("Leave").await;
    let link = mika.address().await;

    let ren = house.guest(1).await;
    ren.join(&link).await;
    ren.meets("Mika", MEETING).await;
    mika.tab_to("Mute").await;
    mika.type_keys(Key::Space).await;
    ren.sees("Mika", "now.microphoneOff").await;
    mika.tab_to("Camera off").await;
    mika.type_keys(Key::Space).await;
    ren.sees("Mika", "!now.picture").await;
    mika.tab_to("Leave").await;
    mika.type_keys(Key::Enter).await;
    mika.read("Thanks").await;
    house.close([mika, ren]).await;
}

#[tokio::test]
async fn a_room_with_a_password_asks_for_it_and_a_reload_does_not_ask_again() {
    let house = House::open(&MIO).await;
    let mika = house.guest(0).await;
    mika.go(&house.home()).await;
    mika.press("With a password").await;
    mika.write("Password for the new room", "open sesame").await;
    mika.press("Create room").await;
    mika.control("Join").await;
    mika.read("those whom you send the link need it too").await;
    let link = mika.address().await;
    assert!(!link.contains("sesame"), "{link}");
    mika.enter().await;

    let ren = house.guest(1).await;
    ren.go(&link).await;
    ren.read("This room has a password.").await;
    ren.write("Your name", "Ren").await;
    ren.write("Password of the room", "open barley").await;
    ren.press("Join").await;
    ren.read("This is not the password of the room").await;
    ren.write("Password of the room", "open sesame").await;
    ren.press("Join").await;
    ren.control("Leave").await;
    ren.meets("Mika", MEETING).await;
    ren.reload().await;
    ren.control("Leave").await;
    ren.meets("Mika", MEETING).await;
    house.close([mika, ren]).await;
}
