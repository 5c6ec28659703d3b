//! See `tsuji_fuzz::relay`.

#![cfg_attr(fuzzing, no_main)]

tsuji_fuzz::fuzz!(tsuji_fuzz::relay::target);
