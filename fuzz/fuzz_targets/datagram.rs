//! See `tsuji_fuzz::datagram`.

#![cfg_attr(fuzzing, no_main)]

tsuji_fuzz::fuzz!(tsuji_fuzz::datagram::target);
