//! See `tsuji_fuzz::sdp_answer`.

#![cfg_attr(fuzzing, no_main)]

tsuji_fuzz::fuzz!(tsuji_fuzz::sdp_answer::target);
