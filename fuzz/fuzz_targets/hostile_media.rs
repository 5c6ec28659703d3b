//! See `tsuji_fuzz::hostile_media`.

#![cfg_attr(fuzzing, no_main)]

tsuji_fuzz::fuzz!(tsuji_fuzz::hostile_media::target);
