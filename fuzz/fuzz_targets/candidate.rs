//! See `tsuji_fuzz::candidate`.

#![cfg_attr(fuzzing, no_main)]

tsuji_fuzz::fuzz!(tsuji_fuzz::candidate::target);
