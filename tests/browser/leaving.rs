//! People go, on purpose or not, and come back.

use std::ffi::OsStr;

use rustix::process::Signal;
use tsuji_tests::on_each_runtime;
use tsuji_tests::support::{MIO, Program};

use crate::{House, MEETING, PROMISE, all_meet};

on_each_runtime! { async
    who_closes_the_tab_is_gone_from_the_others_within_five_seconds,
    whose_browser_dies_is_gone_from_the_others_within_five_seconds,
    who_reloads_is_back_within_five_seconds,
}

async fn who_closes_the_tab_is_gone_from_the_others_within_five_seconds(program: &Program) {
    let house = House::open(program).await;
    let (_, [mika, ren, ada]) = house.party::<3>("").await;
    mika.meets("Ada", MEETING).await;
    ren.meets("Ada", MEETING).await;
    ada.close_tab().await;
    mika.is_with(&["Ren"], PROMISE).await;
    ren.is_with(&["Mika"], PROMISE).await;
    mika.meets("Ren", MEETING).await;
    house.close([mika, ren, ada]).await;
}

async fn whose_browser_dies_is_gone_from_the_others_within_five_seconds(program: &Program) {
    let house = House::open(program).await;
    let (_, [mika, ren]) = house.party::<2>("").await;
    mika.meets("Ren", MEETING).await;
    ren.crash().await;
    mika.is_with(&[], PROMISE).await;
    house.close([mika]).await;
}

async fn who_reloads_is_back_within_five_seconds(program: &Program) {
    let house = House::open(program).await;
    let (_, guests) = house.party::<3>("").await;
    all_meet(&guests).await;
    let [mika, ren, ada] = guests;
    ren.reload().await;
    let (seen, sees) = tokio::join!(mika.meets("Ren", PROMISE), ren.meets("Mika", PROMISE));
    assert!(seen.picture && sees.picture);
    mika.is_with(&["Ada", "Ren"], PROMISE).await;
    ada.meets("Ren", PROMISE).await;
    house.close([mika, ren, ada]).await;
}

#[tokio::test]
async fn who_leaves_is_thanked_and_can_come_back() {
    let house = House::open(&MIO).await;
    let (_, [mika, ren]) = house.party::<2>("").await;
    mika.meets("Ren", MEETING).await;
    ren.press("Leave").await;
    ren.read("Thanks").await;
    mika.is_with(&[], PROMISE).await;
    ren.press("Rejoin").await;
    mika.meets("Ren", MEETING).await;
    ren.meets("Mika", MEETING).await;
    house.close([mika, ren]).await;
}

#[tokio::test]
async fn a_server_that_will_stop_says_so_and_lets_the_meeting_go_on() {
    let arguments = ["--drain", "600"].map(OsStr::new);
    let house = House::open_with(&MIO, &arguments).await;
    let (_, [mika, ren]) = house.party::<2>("").await;
    mika.meets("Ren", MEETING).await;
    house.server.signal(Signal::TERM);
    for guest in [&mika, &ren] {
        guest.read("The server will stop soon").await;
        guest.read("at the latest").await;
    }
    mika.press("Close").await;
    mika.meets("Ren", MEETING).await;

    let ada = house.guest(2).await;
    ada.go(&house.home()).await;
    ada.press("Create room").await;
    ada.read("The server is about to stop").await;
    house.close([mika, ren, ada]).await;
}
