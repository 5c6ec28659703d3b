//! Rooms on virtual time: what people in a room may rely on, without a socket.
#![allow(missing_docs, reason = "tests are named for what they promise")]

mod codecs;
mod cost;
mod crowds;
mod forwarding;
mod hostile;
mod links;
mod moving;
mod negotiation;
mod seeds;
mod showing;
