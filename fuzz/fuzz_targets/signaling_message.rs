//! See `tsuji_fuzz::signaling::message`.

#![cfg_attr(fuzzing, no_main)]

tsuji_fuzz::fuzz!(tsuji_fuzz::signaling::message);
