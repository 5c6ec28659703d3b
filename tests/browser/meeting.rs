//! Three people meet.

use tsuji_signaling::message::Ice;
use tsuji_tests::on_each_runtime;
use tsuji_tests::support::{MIO, Peer, Program};

use crate::{House, MEETING, all_meet, keep_picture};

on_each_runtime! { async
    three_people_see_and_hear_each_other_with_trickle_ice,
    three_people_see_and_hear_each_other_with_vanilla_ice,
}

async fn three_people_see_and_hear_each_other_with_trickle_ice(program: &Program) {
    let house = House::open(program).await;
    let (link, guests) = house.party::<3>("").await;
    all_meet(&guests).await;
    for guest in &guests {
        for other in guests.iter().filter(|other| other.name != guest.name) {
            guest.check_tile(&other.name).await;
        }
        guest.wire().await.check_trickle();
    }
    assert!(link.contains("/r/"), "{link}");
    let calm = "return document.querySelectorAll('#toasts *, .tile.still').length === 0";
    let no_args = serde_json::Value::Null;
    guests[0]
        .until("no message over the picture", calm, no_args)
        .await;
    keep_picture("three-people", &guests[0].screenshot().await);
    house.close(guests).await;
}

async fn three_people_see_and_hear_each_other_with_vanilla_ice(program: &Program) {
    let house = House::open(program).await;
    let (_, guests) = house.party::<3>("?ice=vanilla").await;
    all_meet(&guests).await;
    for guest in &guests {
        guest.wire().await.check_vanilla();
    }
    house.close(guests).await;
}

/// Most of them are no browsers, which would be too much for a small machine.
#[tokio::test]
async fn people_who_come_later_cost_those_inside_at_most_one_negotiation() {
    let house = House::open(&MIO).await;
    let (link, [mika, ren]) = house.party::<2>("").await;
    mika.meets("Ren", MEETING).await;
    ren.meets("Mika", MEETING).await;
    assert_eq!(offers(&mika).await, 1);
    let (_, room) = link.rsplit_once('/').expect("a link to a room");
    let names = ["Ada", "Kofi", "Noor", "Sora", "Tomo", "Yuki"];
    let server = house.server.address();
    let crowd = names.map(|name| Peer::call(server, Some(room), name, Ice::Trickle));
    for (guest, other) in [(&mika, "Ren"), (&ren, "Mika")] {
        let others = [&names[..], &[other]].concat();
        guest.is_with(&others, MEETING).await;
    }
    for peer in &crowd {
        peer.wait_until("media", |tally| tally.connected);
    }
    for (guest, other) in [(&mika, "Ren"), (&ren, "Mika")] {
        guest.meets(other, MEETING).await;
        let offers = offers(guest).await;
        assert!(offers <= 2, "{} answered {offers} offers", guest.name);
    }
    drop(crowd);
    house.close([mika, ren]).await;
}

/// How many negotiations the server wanted of a guest, and that each of all ended. A page for which
/// nothing comes for a while, on a busy machine, asks for one itself.
async fn offers(guest: &tsuji_tests::support::Guest) -> usize {
    let wire = guest.wire().await;
    let offers = wire.heard_of("offer").len();
    assert_eq!(wire.said_of("answer").len(), offers);
    let states = wire.signaling.join(" ");
    assert_eq!(
        states,
        ["have-remote-offer stable"].repeat(offers).join(" ")
    );
    offers.saturating_sub(wire.said_of("restart").len())
}
