//! See `tsuji_fuzz::websocket`.

#![cfg_attr(fuzzing, no_main)]

tsuji_fuzz::fuzz!(tsuji_fuzz::websocket::target);
