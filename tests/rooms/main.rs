//! Rooms on virtual time: what people in a room may rely on, without a socket.
#![allow(missing_docs, reason = "tests are named for what they promise")]

mod codecs;
mod cost;
mod crowds;
mod forwarding;
mod hostile;
mod layers;
mod links;
mod lips;
mod loss;
mod moving;
mod negotiation;
mod resting;
mod seeds;
mod showing;
mod sound;
mod verdicts;

use tsuji_core::ParticipantId;
use tsuji_tests::{Manner, Picture, World};

/// Somebody enters whose camera has three layers.
fn layered(world: &mut World) -> ParticipantId {
    let manner = Manner {
        picture: Picture::Layers,
        ..Manner::default()
    };
    let tab = world.enter_as(1, manner);
    world.tabs[&tab].page.me.expect("an offer")
}
