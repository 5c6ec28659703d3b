//! See `tsuji_fuzz::trace_file`.

#![cfg_attr(fuzzing, no_main)]

tsuji_fuzz::fuzz!(tsuji_fuzz::trace_file::target);
