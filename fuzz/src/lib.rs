//! Fuzz targets: whatever strangers can send to a server.
//!
//! Each target is a function over bytes in a module of its own, so that three things can run it:
//! libFuzzer (`cargo +nightly fuzz run TARGET`), a program of the same name that replays files
//! (`cargo run --bin TARGET FILE…`), and the test `inputs`, which replays all seeds and regressions
//! with the stable compiler. A target returns when every promise held, and panics otherwise.
//!
//! ```text
//!  signaling      message, session: the lobby, with text from one stranger, and with whole crowds
//!  http           bytes of a TCP connection, in whatever pieces
//!  tcp            what a TCP connection begins with, and the frames of media
//!  relay          a client of the TURN server, with and without the password
//!  websocket      frames, behind the handshake
//!  sdp_answer     answers to the core's offers
//!  candidate      ICE candidates, by themselves and in JSON
//!  datagram       STUN and anything else, from known and from unknown addresses
//!  hostile_media  RTP and RTCP of somebody who has the keys
//!  trace_file     recordings that somebody tampered with
//!
//!  world          a core with str0m clients around it, on virtual time
//!  panics         tells a panic of ours from one that the core caught inside str0m
//! ```
//! There is no target for SDP offers: the core makes all of them and reads none.

#![forbid(unsafe_code)]

pub mod candidate;
pub mod datagram;
pub mod hostile_media;
pub mod http;
pub mod panics;
mod pieces;
pub mod relay;
pub mod sdp_answer;
pub mod signaling;
pub mod tcp;
pub mod trace_file;
pub mod websocket;
mod world;

/// Makes a program of a target: for libFuzzer, or one that replays the files it is given.
#[macro_export]
macro_rules! fuzz {
    ($target:path) => {
        #[cfg(fuzzing)]
        libfuzzer_sys::fuzz_target!(|data: &[u8]| $crate::panics::watched(data, $target));

        #[cfg(not(fuzzing))]
        fn main() -> std::io::Result<()> {
            for file in std::env::args_os().skip(1) {
                $crate::panics::watched(&std::fs::read(file)?, $target);
            }
            Ok(())
        }
    };
}
