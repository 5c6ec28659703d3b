//! See `tsuji_fuzz::tcp`.

#![cfg_attr(fuzzing, no_main)]

tsuji_fuzz::fuzz!(tsuji_fuzz::tcp::target);
