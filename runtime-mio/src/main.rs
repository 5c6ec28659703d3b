//! tsuji, the server.
fn main() {}
