//! See `tsuji_fuzz::signaling::session`.

#![cfg_attr(fuzzing, no_main)]

tsuji_fuzz::fuzz!(tsuji_fuzz::signaling::session);
